"""Triangles of many weighted versions of the same rows, by few passes over them that are matrix products.

For weights v_f that sum to one, the mean squared error of fold f is |T_f [b; W; -1]|^2 for any T_f with T_f' T_f =
sum_i v_fi z_i z_i', z_i = [1, x_i, y_i]. That sum squares the condition of the columns, so it is formed of q_i = z_i B, with B
such that all rows together are nearly orthonormal: then G_f = sum_i v_fi q_i q_i' is well conditioned, and T_f = chol(G_f)' B^-1
is right to rounding in every column, as one by Householder's reflections is. B = V L^(-1/2), of the eigenvalues and -vectors of
the same sum over all rows; where those say that columns are nearly dependent, of the singular values of Householder's triangle,
without the directions that no row has. A fold on which G_f is nearly singular all the same (few rows, a constant column) is
factorised alone.

Rows that have the same weights in all folds are added up first, so that k folds cost no more than one.

Source: Yamamoto, Nakatsukasa, Yanagisawa & Fukaya, "Roundoff error analysis of the CholeskyQR2 algorithm", Electronic
Transactions on Numerical Analysis 44 (2015).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from jgd.data import Dataset
from jgd.models._condensed import HELD, triangle_of

EPS = np.finfo(np.float64).eps
# The least eigenvalue, relative to the largest, that is taken for well conditioned: of all rows' sum, of a fold's in their basis.
ALL, FOLD = 1e-10, 1e-6
# Products of fewer numbers stay on one thread of the linear algebra library. Its threads wait for each other, and where a core is
# shared that took a thousand times as long: 50 s instead of 2 for a million rows of 50 columns beside busy processes.
ONE_THREAD, TOGETHER = 2**18, 64


class Rows(NamedTuple):
    """Rows z = [1, x, y] of a data set, without the 1 if there is no intercept, and moved so that their mean is near zero.

    Attributes:
      X, y: as they are stored, (n, d) and (n, k).
      origin: what is subtracted from each row [x, y]; zero without an intercept, where it would matter.
      intercept: whether there is one.
    """

    X: np.ndarray
    y: np.ndarray
    origin: np.ndarray
    intercept: bool

    @classmethod
    def of(cls, data: Dataset, intercept: bool) -> "Rows":
        X, y = np.asarray(data.X), np.asarray(data.y)
        y = y.reshape(len(y), -1)
        origin = np.zeros(X.shape[1] + y.shape[1])
        if intercept:
            origin = np.concatenate([X.mean(axis=0, dtype=np.float64), y.mean(axis=0, dtype=np.float64)])
        return cls(X, y, origin, intercept)

    @property
    def width(self) -> int:
        return self.intercept + len(self.origin)

    def take(self, rows: slice | np.ndarray) -> np.ndarray:
        """Some rows, in float64."""
        X = self.X[rows]
        z, d, first = np.empty((len(X), self.width)), X.shape[1], int(self.intercept)
        z[:, :first] = 1.0
        np.subtract(X, self.origin[:d], out=z[:, first : first + d])
        np.subtract(self.y[rows], self.origin[d:], out=z[:, first + d :])
        return z


class Basis(NamedTuple):
    """Coordinates in which the rows are orthonormal.

    Attributes:
      into: z @ into = q, shape (m, r); directions that no row has are left out.
      back: q @ back = z, shape (r, m).
    """

    into: np.ndarray
    back: np.ndarray


def triangles(rows: Rows, weights: np.ndarray) -> np.ndarray:
    """T_f for every row of weights (F, n), which sum to anything above zero; shape (F, m, m), upper triangular."""
    if len(weights) == 1:
        return triangle(rows, weights[0])[None]
    sums = weights.sum(axis=1, dtype=np.float64)
    basis = basis_of(rows, sum(w / s for w, s in zip(weights, sums, strict=True)))
    grams = _grams(rows, basis.into, weights) / sums[:, None, None]
    return from_grams(rows, basis, grams, lambda fold: weights[fold])


def triangle(rows: Rows, weights: np.ndarray) -> np.ndarray:
    """T of one row of weights, shape (m, m)."""
    weights, used = _normalised(weights)
    basis = _gram_basis(rows, weights, used)
    if basis is None:
        return _householder(rows, weights, used)
    return _triangular(np.linalg.cholesky(_gram(rows, basis.into, weights, used))[None], basis)[0]


def basis_of(rows: Rows, weights: np.ndarray) -> Basis:
    """A basis in which the rows with these weights are nearly orthonormal."""
    weights, used = _normalised(weights)
    return _gram_basis(rows, weights, used) or _triangle_basis(_householder(rows, weights, used))


def _normalised(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights with the sum one, and the rows that have any."""
    weights = np.asarray(weights, np.float64) / np.sum(weights, dtype=np.float64)
    return weights, np.flatnonzero(weights)


def _gram_basis(rows: Rows, weights: np.ndarray, used: np.ndarray) -> Basis | None:
    """The basis by the sum of z_i z_i'; None if its columns are nearly dependent."""
    gram = _gram(rows, None, weights, used)
    scale = np.sqrt(np.diagonal(gram))
    if not scale.all():
        return None
    values, V = np.linalg.eigh(gram / np.outer(scale, scale))
    if values[0] <= ALL * values[-1]:
        return None
    root = np.sqrt(values)
    return Basis(V / root / scale[:, None], root[:, None] * V.T * scale)


def _triangle_basis(R: np.ndarray) -> Basis:
    """The basis by the singular values of all rows' triangle."""
    scale = np.linalg.norm(R, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    _, s, Vt = np.linalg.svd(R / scale)
    r = np.count_nonzero(s > 4 * np.sqrt(len(s)) * EPS * s[0])
    return Basis((Vt[:r].T / s[:r]) / scale[:, None], s[:r, None] * Vt[:r] * scale)


def _householder(rows: Rows, weights: np.ndarray, used: np.ndarray) -> np.ndarray:
    """T by reflections of the rows."""
    root, found = np.sqrt(weights), np.zeros((0, rows.width))
    for part in blocks(len(used), HELD // rows.width):
        at = used[part]
        found = triangle_of(np.concatenate([found, root[at, None] * rows.take(at)]))
    return np.pad(found, ((0, rows.width - len(found)), (0, 0)))


def from_grams(rows: Rows, basis: Basis, grams: np.ndarray, weights: Callable[[int], np.ndarray]) -> np.ndarray:
    """T_f from G_f, or from the rows with `weights(f)` where G_f is nearly singular."""
    roots = _cholesky(grams)
    diagonal = np.diagonal(roots, axis1=1, axis2=2) ** 2
    with np.errstate(invalid="ignore"):
        fine = diagonal.min(axis=1) > FOLD * diagonal.max(axis=1)  # false for NaN
    made = np.zeros((len(grams), rows.width, rows.width))
    if fine.any():
        made[fine] = _triangular(roots[fine], basis)
    for fold in np.flatnonzero(~fine):
        made[fold] = triangle(rows, weights(fold))
    return made


def _triangular(roots: np.ndarray, basis: Basis) -> np.ndarray:
    """The triangles of chol(G)' B^-1, filled with rows of zeros."""
    R = np.linalg.qr(np.swapaxes(roots, 1, 2) @ basis.back, mode="r")
    return np.pad(R, ((0, 0), (0, R.shape[2] - R.shape[1]), (0, 0)))


def _cholesky(grams: np.ndarray) -> np.ndarray:
    """Lower Cholesky factors; NaN for what is not positive definite."""
    try:
        return np.linalg.cholesky(grams)
    except np.linalg.LinAlgError:
        if len(grams) == 1:
            return np.full_like(grams, np.nan)
        half = len(grams) // 2
        return np.concatenate([_cholesky(grams[:half]), _cholesky(grams[half:])])


def gram_of(rows: Rows, into: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_i w_i q_i q_i' over all rows."""
    return _gram(rows, into, weights, np.arange(len(weights)))


def _gram(rows: Rows, into: np.ndarray | None, weights: np.ndarray, used: np.ndarray) -> np.ndarray:
    """sum_i w_i q_i q_i' over the rows `used`; q_i = z_i if `into` is None. Block by block; see ONE_THREAD."""
    m, everything = rows.width, len(used) == len(weights)
    size = max(16, ONE_THREAD // m**2)
    gram = np.zeros((m, m) if into is None else into.shape[1:] * 2)
    for part in blocks(len(used), TOGETHER * size):
        z = rows.take(part if everything else used[part])  # a slice is no copy
        weight = weights[part] if everything else weights[used[part]]
        z = np.pad(z, ((0, -len(z) % size), (0, 0))).reshape(-1, size, m)
        q = z if into is None else z @ into
        weighted = q * np.pad(weight, (0, z.shape[0] * size - len(weight))).reshape(-1, size, 1)
        gram += np.sum(np.swapaxes(weighted, 1, 2) @ q, axis=0)
    return gram


def _grams(rows: Rows, into: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_i w_fi q_i q_i' for each fold."""
    r, cells = into.shape[1], _cells(weights)
    if cells is not None and len(cells) * r < weights.shape[1]:
        one = np.ones(weights.shape[1])
        of_cells = np.stack([_gram(rows, into, one, cell) for cell in cells])
        return np.tensordot(weights[:, [cell[0] for cell in cells]].astype(np.float64), of_cells, 1)
    i, j = np.triu_indices(r)
    flat = np.zeros((len(weights), len(i)))
    for part in blocks(weights.shape[1], HELD // len(i)):
        q = np.ascontiguousarray((rows.take(part) @ into).T)
        flat += weights[:, part] @ (q[i] * q[j]).T
    grams = np.empty((len(weights), r, r))
    grams[:, i, j] = grams[:, j, i] = flat
    return grams


def _cells(weights: np.ndarray) -> list[np.ndarray] | None:
    """Rows grouped by their weights in all folds, without those that weigh nothing; None if there are hardly any alike."""
    n = weights.shape[1]
    mixed = np.random.default_rng(0).uniform(1, 2, len(weights)) @ weights  # the same for the same column
    found, member = np.unique(mixed, return_inverse=True)
    if 4 * len(found) > n:
        return None
    order = np.argsort(member, kind="stable")
    cells = np.split(order, np.cumsum(np.bincount(member))[:-1])
    if not all((weights[:, cell] == weights[:, cell[:1]]).all() for cell in cells):
        return None
    return [cell for cell in cells if weights[:, cell[0]].any()]


def blocks(n: int, size: int) -> Iterator[slice]:
    """The positions 0..n-1, so many at a time."""
    return (slice(start, start + max(1, size)) for start in range(0, n, max(1, size)))


def product(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """rows @ matrix, in pieces that stay on one thread; see ONE_THREAD."""
    size = max(16, ONE_THREAD // matrix.size)
    even = len(rows) // size * size
    pieces = (rows[:even].reshape(even // size, size, rows.shape[1]) @ matrix).reshape(even, matrix.shape[1])
    return pieces if even == len(rows) else np.concatenate([pieces, rows[even:] @ matrix])
