"""Norms in the inverse of the true Hessian, with what rounding may have done to them.

The Hessian is A'A for the rows of A: sqrt(share_i) times a root of the loss's curvature times [x_i, 1], and sqrt(l2) e_j. Its
triangle T, T'T = A'A, comes from the Gram matrix where that is well enough conditioned, else from a QR factorisation of A block
by block, which bears the square of the condition. Columns are scaled to length one first.

A computed T is that of A + E, where no column of E is longer than c u sqrt(N p) (of the Gram matrix: entries of E below c u
sqrt(N)), so that |A v| >= (1 - eta) |T v| with eta = |E| |T^-1|. A bound that needs the inverse Hessian's norm divides by
1 - eta, and where eta is not small there is none. Source: Golub & Van Loan, "Matrix Computations", section 5.3; Higham,
"Accuracy and Stability of Numerical Algorithms", chapter 19.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jgd.certificates._rounding import UNIT
from jgd.certificates._rows import BLOCK, Point
from jgd.models._condensed import triangle_of

# Of more columns no triangle is made.
LARGEST = 2000
# The largest eta that is borne.
BORNE = 0.1


class Factor:
    """The triangle of the Hessian of columns `kept`, scaled.

    Attributes:
      margin: what a norm may be too small by, as a factor.
    """

    def __init__(self, triangle: np.ndarray, scale: np.ndarray, kept: np.ndarray, eta: float):
        self.triangle, self.scale, self.kept, self.margin = triangle, scale, kept, 1 / (1 - eta)

    def solve(self, columns: np.ndarray) -> np.ndarray:
        """T^-T of columns, shape (p, ...), whose lengths are norms in the inverse Hessian."""
        return _solved(self.triangle, columns / self.scale[:, None], trans="T")

    def norm(self, columns: np.ndarray, off: np.ndarray) -> float:
        """At least the norm, in the inverse Hessian, of anything within `off` of `columns`; both of shape (all columns, k)."""
        inverse = np.abs(self.solve(np.diag(self.scale))) / self.scale
        size = np.linalg.norm(self.solve(columns[self.kept])) + np.linalg.norm(inverse @ off[self.kept])
        return float(self.margin * size * (1 + 1e-9))


def _solved(triangle: np.ndarray, columns: np.ndarray, trans: str = "N") -> np.ndarray:
    from scipy.linalg import solve_triangular  # scipy comes with JAX

    return solve_triangular(triangle, columns, trans=trans, check_finite=False)


def factored(point: Point, family: Any, kept: np.ndarray, softmax: bool) -> Factor | None:
    """The Hessian's factor over the columns `kept` (of all parameters, for softmax), or None where it is not to be trusted."""
    p = int(kept.sum())
    blocks = lambda: _roots(point, family, kept, softmax)
    count, gram = 0, np.zeros((p, p))
    for block in blocks():
        count += len(block)
        gram += block.T @ block
    scale = np.sqrt(np.diag(gram))
    if not np.isfinite(scale).all() or not (scale > 0).all():
        return None
    gram = gram / scale / scale[:, None]
    try:
        triangle = np.linalg.cholesky(gram).T
        inverse = np.linalg.norm(_solved(triangle, np.eye(p)))
        eta = 8 * UNIT * p * (np.sqrt(count) + p) * inverse**2
        if eta <= BORNE / 100:
            return Factor(triangle, scale, kept, eta)
    except np.linalg.LinAlgError:
        pass
    triangle = np.zeros((0, p))
    for block in blocks():
        triangle = triangle_of(np.concatenate([triangle, block / scale]))
    if len(triangle) < p or not np.diag(triangle).all():
        return None
    inverse = np.linalg.norm(_solved(triangle, np.eye(p)))
    eta = 8 * UNIT * p * np.sqrt(count + p) * inverse
    return Factor(triangle, scale, kept, eta) if eta <= BORNE else None


def _roots(point: Point, family: Any, kept: np.ndarray, softmax: bool) -> Iterator[np.ndarray]:
    """The rows of A, block by block."""
    root, k = np.sqrt(point.rows.share), point.z.shape[1]
    for where, block in point.rows.blocks(max(BLOCK // k**2, 64) if softmax else BLOCK):
        block = root[where, None] * block
        roots = family.roots(point.z, where)
        if not softmax:
            yield (roots[:, None] * block)[:, kept]
            continue
        rows = (roots.transpose(1, 0, 2)[..., None] * block[None, :, None, :]).reshape(k * len(block), -1)
        yield rows[:, kept]
    if point.l2 > 0:
        penalised = np.tile(point.penalised, k if softmax else 1)
        yield np.sqrt(point.l2) * np.diag(penalised)[penalised > 0][:, kept]


def longest_row(factor: Factor, point: Point) -> float:
    """At least max_i |[x_i, 1]| in the inverse Hessian's norm: how much a logit moves with parameters that move by one."""
    most = 0.0
    for _, block in point.rows.blocks():
        most = max(most, np.einsum("ij,ij->j", *[factor.solve(block[:, factor.kept].T)] * 2).max(initial=0.0))
    return float(factor.margin * np.sqrt(most) * (1 + 1e-9))


def longest_difference(factor: Factor, point: Point) -> float:
    """At least the norm of [x_i, 1] (e_k - e_l) over rows and pairs of classes: how much the range of a row's logits moves."""
    p, k = len(factor.triangle), point.z.shape[1]
    inverse = np.zeros((p, len(factor.kept)))
    inverse[:, factor.kept] = factor.solve(np.diag(factor.scale)) / factor.scale
    of_class = inverse.reshape(p, k, -1)
    lengths = np.linalg.norm(of_class, axis=0)
    triangles = [
        (np.linalg.qr(of_class[:, a] - of_class[:, b], mode="r"), lengths[a] + lengths[b]) for a in range(k) for b in range(a)
    ]
    eta, most = 1 - 1 / factor.margin, 0.0
    for _, block in point.rows.blocks():
        for triangle, length in triangles:
            reach = np.linalg.norm(block @ triangle.T, axis=1) + (eta + UNIT * p) * (np.abs(block) @ length)
            most = max(most, reach.max(initial=0.0))
    return float(factor.margin * most * (1 + 1e-9))
