"""Triangles of many weighted versions of the same rows, from one pass over them.

For weights v_f that sum to one, the mean squared error of fold f is |T_f [b; W; -1]|^2 for any T_f with T_f' T_f =
sum_i v_fi z_i z_i', z_i = [1, x_i, y_i]. Forming that sum squares the condition of the columns, so in a basis: with the triangle
R of all rows, its columns scaled, and R = U S V', the rows q_i = z_i V S^-1 are orthonormal, the sums G_f of q_i q_i' well
conditioned, and T_f = chol(G_f)' S V' is right to rounding in every column. A fold on which G_f is nearly singular (few rows, a
constant column) is factorised by itself. Rows that have the same weights in all folds are added up first, so that k folds cost
one pass.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from jgd.data import Dataset
from jgd.models._condensed import HELD, triangle_of

EPS = np.finfo(np.float64).eps
# The least singular value, relative to the largest, that a fold's rows may have in the basis of all rows.
DOUBTFUL = 1e-3


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
    sums = weights.sum(axis=1, dtype=np.float64)
    if len(weights) == 1:
        return triangle(rows, weights[0])[None]
    basis = basis_of(rows, sum(w / s for w, s in zip(weights, sums, strict=True)) / len(weights))
    grams = _grams(rows, basis, weights) / sums[:, None, None]
    return from_grams(rows, basis, grams, lambda fold: weights[fold])


def triangle(rows: Rows, weights: np.ndarray) -> np.ndarray:
    """T for one row of weights, by orthogonal transformations of its rows alone; shape (m, m)."""
    weights = np.asarray(weights, np.float64)
    root, found = np.sqrt(weights / weights.sum()), np.zeros((0, rows.width))
    used = np.flatnonzero(root)
    used = used if len(used) < len(root) else None
    for part in _blocks(len(root) if used is None else len(used), HELD // rows.width):
        at = part if used is None else used[part]
        found = triangle_of(np.concatenate([found, root[at, None] * rows.take(at)]))
    return np.concatenate([found, np.zeros((rows.width - len(found), rows.width))])


def basis_of(rows: Rows, weights: np.ndarray) -> Basis:
    """The basis of the rows with these weights."""
    R = triangle(rows, weights)
    scale = np.linalg.norm(R, axis=0)
    scale[scale == 0] = 1.0
    _, s, Vt = np.linalg.svd(R / scale)
    r = np.count_nonzero(s > 4 * np.sqrt(len(s)) * EPS * s[0])
    return Basis((Vt[:r].T / s[:r]) / scale[:, None], s[:r, None] * Vt[:r] * scale)


def from_grams(rows: Rows, basis: Basis, grams: np.ndarray, weights: Callable[[int], np.ndarray]) -> np.ndarray:
    """T_f from G_f, or from the rows with `weights(f)` where G_f is nearly singular."""
    roots = _cholesky(grams)
    diagonal = np.abs(np.diagonal(roots, axis1=1, axis2=2))
    with np.errstate(invalid="ignore"):
        fine = diagonal.min(axis=1) > DOUBTFUL * diagonal.max(axis=1)  # false for NaN
    made = np.zeros((len(grams), rows.width, rows.width))
    if fine.any():
        R = np.linalg.qr(np.swapaxes(roots[fine], 1, 2) @ basis.back, mode="r")
        made[fine, : R.shape[1]] = R
    for fold in np.flatnonzero(~fine):
        made[fold] = triangle(rows, weights(fold))
    return made


def _cholesky(grams: np.ndarray) -> np.ndarray:
    """Lower Cholesky factors; NaN for what is not positive definite."""
    try:
        return np.linalg.cholesky(grams)
    except np.linalg.LinAlgError:
        if len(grams) == 1:
            return np.full_like(grams, np.nan)
        half = len(grams) // 2
        return np.concatenate([_cholesky(grams[:half]), _cholesky(grams[half:])])


def _grams(rows: Rows, basis: Basis, weights: np.ndarray) -> np.ndarray:
    """sum_i w_fi q_i q_i' for each fold."""
    r, cells = basis.into.shape[1], _cells(weights)
    if cells is not None and len(cells) * r < weights.shape[1]:
        of_cell = np.zeros((len(cells), r, r))
        for gram, members in zip(of_cell, cells, strict=True):
            for part in _blocks(len(members), HELD // rows.width):
                q = rows.take(members[part]) @ basis.into
                gram += q.T @ q
        return np.tensordot(weights[:, [members[0] for members in cells]].astype(np.float64), of_cell, 1)
    i, j = np.triu_indices(r)
    flat = np.zeros((len(weights), len(i)))
    for part in _blocks(weights.shape[1], HELD // len(i)):
        q = np.ascontiguousarray((rows.take(part) @ basis.into).T)
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


def _blocks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + max(1, size)) for start in range(0, n, max(1, size)))
