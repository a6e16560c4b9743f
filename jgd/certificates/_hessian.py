"""Norms in the inverse of the true Hessian, with what rounding may have done to them.

The Hessian is A'A for the rows of A: sqrt(share_i) times a root of the loss's curvature times [x_i, 1], and sqrt(p_j) e_j, p_j
being the penalty of column j. Its triangle T, T'T = A'A, comes from the Gram matrix where that is well enough conditioned, else
from a QR factorisation of A block by block, which bears the square of the condition. Columns are scaled to length one first.

A computed T is that of A + E, where no column of E is longer than c u sqrt(N p) (of the Gram matrix: entries of E below c u
sqrt(N)), so that |A v| >= (1 - eta) |T v| with eta = |E| |T^-1|. A bound that needs the inverse Hessian's norm divides by
1 - eta, and where eta is not small there is none. Source: Golub & Van Loan, "Matrix Computations", section 5.3; Higham,
"Accuracy and Stability of Numerical Algorithms", chapter 19.

Some of the rows have a Hessian that is nowhere larger, in whose inverse every norm is larger: what it proves holds too.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd.certificates._rounding import UNIT, length
from jgd.certificates._rows import BLOCK, Point
from jgd.models._condensed import triangle_of

# Of more columns no triangle is made.
LARGEST = 2000
# The largest eta that is borne.
BORNE = 0.1
# Up to so many products a matrix product is NumPy's, without a compilation. More are XLA's: where cores are shared BLAS's threads
# wait for each other, and the Gram matrix of 32,561 x 123 took 200 to 700 ms instead of 30. So did SciPy's of six columns, 20 ms
# instead of 0.01: up to so many columns equations are solved row by row.
FEW, NARROW = 2**22, 256


class Factor:
    """The triangle T of the Hessian of columns `kept`, scaled.

    Attributes:
      inverse: T^-T.
      eta: what a norm may be too small by, as a part of it.
      doubt: what it may be too small by because the Hessian is not known exactly, as a factor.
    """

    doubt = 1.0

    def __init__(self, triangle: np.ndarray, scale: np.ndarray, kept: np.ndarray):
        self.triangle, self.scale, self.kept, self.eta = triangle, scale, kept, 0.0
        self.inverse = _solved(triangle, np.eye(len(triangle)))

    @property
    def margin(self) -> float:
        """What a norm may be too small by, as a factor."""
        return self.doubt / (1 - self.eta)

    def norm(self, columns: np.ndarray, off: np.ndarray) -> float:
        """At least the norm, in the inverse Hessian, of anything within `off` of `columns`; both of shape (all columns, k)."""
        columns, off = (part[self.kept] / self.scale[:, None] for part in (columns, off))
        size = length(_solved(self.triangle, columns)) + length(np.abs(self.inverse) @ off)
        return self.margin * size * (1 + 1e-9)


def _solved(triangle: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """T^-T of columns."""
    if len(triangle) > NARROW:
        from scipy.linalg import solve_triangular  # scipy comes with JAX

        return solve_triangular(triangle, columns, trans="T", check_finite=False)
    lower, out = np.ascontiguousarray(triangle.T), np.array(columns)
    for j, row in enumerate(lower):
        out[j] = (out[j] - row[:j] @ out[:j]) / row[j]
    return out


def factored(
    point: Point, family: Any, kept: np.ndarray, softmax: bool, every: int = 1, orthogonal: bool = True
) -> Factor | None:
    """The Hessian's factor over the columns `kept` (of all parameters, for softmax), or None where it is not to be trusted.

    Of all rows, or of one in so many; by a QR factorisation where the Gram matrix does not do, if `orthogonal`.
    """
    p = int(kept.sum())
    blocks = lambda: _roots(point, family, kept, softmax, every)
    gram, count = gram_of(blocks(), p, len(point.rows) // every * (point.z.shape[1] if softmax else 1))
    scale = np.sqrt(np.diag(gram))
    if not np.isfinite(scale).all() or not (scale > 1e-140).all():
        return None
    gram = gram / scale / scale[:, None]
    try:
        triangle = np.linalg.cholesky(gram).T
        factor = Factor(triangle, scale, kept)
        factor.eta = 8 * UNIT * p * (np.sqrt(count) + p) * length(factor.inverse) ** 2
        if factor.eta <= BORNE / 100:
            return factor
    except np.linalg.LinAlgError:
        pass
    if not orthogonal:
        return None
    triangle = np.zeros((0, p))
    for block in blocks():
        triangle = triangle_of(np.concatenate([triangle, block / scale]))
    if len(triangle) < p or not np.diag(triangle).all():
        return None
    factor = Factor(triangle, scale, kept)
    factor.eta = 8 * UNIT * p * np.sqrt(count + p) * length(factor.inverse)
    return factor if factor.eta <= BORNE else None


def gram_of(blocks: Iterator[np.ndarray], p: int, count: int) -> tuple[np.ndarray, int]:
    """A'A, and how many rows A has, about `count`."""
    if count * p**2 <= FEW:
        A = np.concatenate(list(blocks))
        return A.T @ A, len(A)
    gram, count, size = np.zeros((p, p)), 0, 0
    for block in blocks:
        count, size = count + len(block), max(size, len(block))
        gram = _in_double(_added, gram, _filled(block, size))
    return np.array(gram), count


def _filled(block: np.ndarray, size: int) -> np.ndarray:
    """With rows of zeros, so that the last block needs no program of its own."""
    return block if len(block) >= size else np.concatenate([block, np.zeros((size - len(block), block.shape[1]))])


@jax.jit
def _added(gram: jax.Array, block: jax.Array) -> jax.Array:
    return gram + jnp.matmul(block.T, block, precision=jax.lax.Precision.HIGHEST)


def _in_double(program: Any, *arguments: Any) -> jax.Array:
    """What a compiled program makes in float64, on the host's CPU."""
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        return program(*arguments)


def _roots(point: Point, family: Any, kept: np.ndarray, softmax: bool, every: int) -> Iterator[np.ndarray]:
    """The rows of A, block by block."""
    root, k, all_kept = np.sqrt(point.rows.share), point.z.shape[1], kept.all()
    for where, block in point.rows.blocks(max(BLOCK // k**2, 64) if softmax else BLOCK, every):
        if not softmax:
            block *= (root[where] * family.roots(point.z, where))[:, None]
            yield block if all_kept else block[:, kept]
            continue
        roots = family.roots(point.z, where)
        block = root[where, None] * block
        rows = (roots.transpose(1, 0, 2)[..., None] * block[None, :, None, :]).reshape(k * len(block), -1)
        yield rows[:, kept]
    if point.penalty.any():
        roots = np.diag(np.sqrt(point.penalty))
        if softmax:
            roots = np.kron(np.eye(k) if all_kept else _of_others(k), roots)
        yield roots[roots.any(axis=1)][:, kept]


def _of_others(k: int) -> np.ndarray:
    """M, with |M v| the length of v less its mean, for v of k classes of which the last has 0; shape (k - 1, k)."""
    M = np.eye(k - 1) - (1 - 1 / np.sqrt(k)) / (k - 1)
    return np.pad(M, ((0, 0), (0, 1)))


def longest_at_most(factor: Factor, point: Point, softmax: bool) -> float:
    """At least what `longest` says, without a look at the rows: by the columns' largest values.

    A norm of [x_i, 1] is at most the sum of its columns' norms, and at most |T^-1| times its length when scaled.
    """
    largest = np.tile(point.rows.largest, point.z.shape[1] if softmax else 1)[factor.kept] / factor.scale
    norms = np.sqrt(np.sum(np.square(factor.inverse), axis=0))
    most = min(norms @ largest, length(norms) * length(largest))
    return factor.margin * most * (1 + factor.eta + 1e-9)


def longest(factor: Factor, point: Point, softmax: bool, enough: float) -> float:
    """At least max_i |[x_i, 1]| in the inverse Hessian's norm: how much a logit moves with parameters that move by one.

    For softmax the norm of [x_i, 1] (e_k - e_l) over rows and pairs of classes: how much the range of a row's logits moves. Or
    something of at least `enough`, once that is known not to be too much.
    """
    p, k = len(factor.triangle), point.z.shape[1] if softmax else 1
    inverse = np.zeros((p, len(factor.kept)))
    inverse[:, factor.kept] = factor.inverse / factor.scale
    of_class = inverse.reshape(p, k, -1)
    lengths = np.sqrt(np.sum(np.square(of_class), axis=0))
    maps = [(of_class[:, 0], lengths[0])]
    if softmax:
        pairs = [(a, b) for a in range(k) for b in range(a)]
        maps = [(np.linalg.qr(of_class[:, a] - of_class[:, b], mode="r"), lengths[a] + lengths[b]) for a, b in pairs]
    slack = (factor.eta + 8 * UNIT * p) * max(point.rows.largest @ sizes for _, sizes in maps)
    most, few = np.float64(0.0), len(point.rows) * point.rows.columns * p <= FEW
    for _, block in point.rows.blocks():
        block = block if few else _filled(block, min(BLOCK, len(point.rows)))
        for matrix, _ in maps:
            square = _longest(np, block, matrix) if few else _in_double(_longest_compiled, block, matrix)
            most = max(most, np.float64(square))
        if np.sqrt(most) >= enough:
            break
    return (np.sqrt(most) + slack) * factor.margin * (1 + 1e-9)


def _longest(xp: Any, block: Any, matrix: Any) -> Any:
    """The largest square of a row's length, once mapped."""
    return xp.max(xp.sum(xp.square(xp.matmul(block, matrix.T)), axis=1))


@jax.jit
def _longest_compiled(block: jax.Array, matrix: jax.Array) -> jax.Array:
    with jax.default_matmul_precision("highest"):
        return _longest(jnp, block, matrix)
