"""Least squares in closed form, for all folds and penalties of a set of rows at once; in float64 on the host.

    minimise over W, b:  mean_i v_i |x_i W + b - y_i|^2 + (l2 / 2) sum_j (p_j |W_j|)^2,  p_j = 1 unless given.

From a fold's triangle (`_triangles`) the intercept is eliminated, which centres the columns: |A W - C|^2 remains, with A of d
rows. For all penalties of the fold A diag(1/p) = U S V' is factorised once, and W = diag(1/p) V (S / (S^2 + l2/2)) U'C. Without
penalty the columns are scaled to one length first, so that their units do not matter, and directions beyond the rank are set to
zero in those units: the solution with the least norm.

Source: Golub & Van Loan, "Matrix Computations", 4th edition, sections 5.5 and 6.1.
"""

from typing import Any, NamedTuple

import numpy as np

from jgd.data import Dataset
from jgd.models import LinearParams, Problem, linear_regression
from jgd.solvers._lanes_result import LaneSolutions
from jgd.solvers._triangles import EPS, Rows, triangle, triangles
from jgd.training.stopping import CONVERGED


def least_squares(data: Any, l2: float = 0.0, fit_intercept: bool = True) -> tuple[LinearParams, int]:
    """The least-squares fit of one set of rows, in closed form.

    Args:
      data: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`; y may have several columns.
      l2: strength of the ridge penalty, at least 0.
      fit_intercept: whether to fit b.

    Returns:
      The parameters, computed in float64 and rounded to the data's type at the end; and the rank of the (centred) columns.
      Where that is less than their number and l2 = 0, of all optima the one with the least norm in standardised columns.

    >>> from jgd.solvers import least_squares
    >>> params, rank = least_squares(([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]))
    >>> params.weights.tolist(), params.bias.item(), rank
    ([2.0], 1.0, 1)
    """
    problem = linear_regression(l2=l2, fit_intercept=fit_intercept)
    solved = least_squares_lanes(problem, problem.dataset(data), ranks=True)
    weights, bias = solved.params
    return LinearParams(weights[0, 0], None if bias is None else bias[0, 0]), int(solved.rank[0])


def least_squares_lanes(
    problem: Problem, data: Dataset, weights: Any = None, l2: Any = None, penalty_scale: Any = None, *, ranks: bool | None = None
) -> LaneSolutions:
    """The least-squares fits of F rows of weights times L penalties.

    Args:
      problem: a `jgd.linear_regression`.
      data: its rows, as `problem.dataset` makes them.
      weights: (F, n), each row with a sum above zero, in the place of the data's own weights; those if not given.
      l2: (L,) or (F, L), at least 0; the problem's own if not given.
      penalty_scale: (F, d), above 0: the penalty of fold f is l2/2 sum_j (scale_fj w_j)^2.
      ranks: whether to compute ranks; by default where some l2 is 0.
    """
    rows = Rows.of(data, problem.fit_intercept)
    if weights is None:
        one = np.ones(len(rows.X)) if data.sample_weight is None else np.asarray(data.sample_weight)
        T = triangle(rows, one)[None]
    else:
        T = triangles(rows, np.asarray(weights))
    folds = Folds.of(rows, T)
    l2 = np.asarray(problem.l2 if l2 is None else l2, np.float64)
    l2 = np.broadcast_to(l2, (len(T), *np.atleast_1d(l2).shape[-1:]))
    tolerance = rank_tolerance(rows)
    weights, *found = solutions(folds, l2, None if penalty_scale is None else np.asarray(penalty_scale, np.float64), tolerance)
    rank = folds.rank(tolerance) if ranks or ranks is None and (l2 == 0).any() else None
    return lane_solutions(rows, data, weights, folds.mean, *found, rank)


def rank_tolerance(rows: Rows) -> float:
    """Below which share of the largest a singular value of standardised columns is nothing but their rounding."""
    return 4 * np.sqrt(rows.X.shape[1]) * float(np.finfo(_storage(rows.X)).eps)


def _storage(X: np.ndarray) -> np.dtype:
    return X.dtype if X.dtype in (np.float32, np.float64) else np.dtype(np.float32)


class Folds(NamedTuple):
    """Least squares with the intercept eliminated: |A W - C|^2 + rest, for each fold.

    Attributes:
      A, C: (F, d, d) and (F, d, k).
      rest: (F,), what no weights explain.
      mean: of the rows [x, y], from their origin, (F, d + k); zero without an intercept.
      deviation: the lengths of A's columns, (F, d): standard deviations if there is an intercept. Zero for constant columns.
    """

    A: np.ndarray
    C: np.ndarray
    rest: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, rows: Rows, T: np.ndarray) -> "Folds":
        first, d = int(rows.intercept), rows.X.shape[1]
        mean = T[:, 0, 1:] / T[:, :1, 0] if rows.intercept else np.zeros((len(T), T.shape[2]))
        T = T[:, first:, first:]
        A, C = T[:, :d, :d].copy(), T[:, :d, d:]
        deviation = np.linalg.norm(A, axis=1)
        if rows.intercept:
            size = np.abs(rows.origin[:d]) + np.abs(mean[:, :d])
            constant = deviation <= 64 * EPS * size
            A[np.broadcast_to(constant[:, None], A.shape)] = 0.0
            deviation[constant] = 0.0
        return cls(A, C, np.sum(T[:, d:, d:] ** 2, axis=(1, 2)), mean, deviation)

    @property
    def unit(self) -> np.ndarray:
        """What to divide columns by so that they have one length."""
        return np.where(self.deviation > 0, self.deviation, 1.0)

    def rank(self, tolerance: float) -> np.ndarray:
        s = np.linalg.svd(self.A / self.unit[:, None], compute_uv=False)
        return np.sum(s > tolerance * s[:, :1], axis=1)


def solutions(folds: Folds, l2: np.ndarray, scale: np.ndarray | None, tolerance: float) -> tuple[np.ndarray, ...]:
    """Weights (F, L, d, k), objective (F, L) and norm of the gradient (F, L), for l2 (F, L)."""
    free = l2 == 0
    scale = np.ones_like(folds.unit) if scale is None else scale
    weights, objective = _ridge(folds, l2, folds.unit if free.all() else scale, tolerance)
    if free.any() and not free.all():
        plain, least = _ridge(folds, np.zeros((len(l2), 1)), folds.unit, tolerance)
        weights, objective = np.where(free[..., None, None], plain, weights), np.where(free, least, objective)
    slope = _slope(folds, l2, scale, weights)
    return weights, objective, np.sqrt(np.sum(slope**2, axis=(2, 3)))


def _slope(folds: Folds, l2: np.ndarray, scale: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The objective's gradient with respect to the weights."""
    off = folds.A[:, None] @ weights - folds.C[:, None]
    return 2 * np.swapaxes(folds.A, 1, 2)[:, None] @ off + l2[..., None, None] * (scale**2)[:, None, :, None] * weights


def _ridge(folds: Folds, l2: np.ndarray, scale: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights and objective by the singular values of A / scale; where l2 is 0, in the span of those that are not tiny.

    Columns of very different lengths leave the short ones' singular vectors with few digits; a step of Newton's method with
    the same factors, from the gradient in the columns themselves, gives those back.
    """
    U, s, Vt = np.linalg.svd(folds.A / scale[:, None])
    V, c = np.swapaxes(Vt, 1, 2)[:, None], np.swapaxes(U, 1, 2) @ folds.C
    keep = (l2[..., None] > 0) | (s > tolerance * s[:, :1])[:, None]
    below = np.where(keep & (s[:, None] > 0), s[:, None] ** 2 + l2[..., None] / 2, np.inf)
    units = scale[:, None, :, None]
    weights = V @ ((s[:, None] / below)[..., None] * c[:, None]) / units
    slope = _slope(folds, l2, scale, weights) / units
    weights -= V @ ((Vt[:, None] @ slope) / (2 * below[..., None])) / units
    left = np.where(np.isinf(below), 1.0, l2[..., None] / 2 / below)
    return weights, folds.rest[:, None] + np.sum(left[..., None] * c[:, None] ** 2, axis=(2, 3))


def lane_solutions(
    rows: Rows, data: Dataset, weights: np.ndarray, mean: np.ndarray, objective: np.ndarray, slope: np.ndarray, rank: Any
) -> LaneSolutions:
    """What was found, in the shapes and the type of the problem's parameters."""
    d, outputs = rows.X.shape[1], data.y.shape[1:]
    shaped = lambda a: a.reshape(*a.shape[:2], *a.shape[2:-1], *outputs).astype(data.X.dtype)
    bias = None
    with np.errstate(over="ignore"):  # of a type that does not hold them
        if rows.intercept:
            centre = rows.origin + mean
            bias = shaped(centre[:, None, d:] - np.squeeze(centre[:, None, None, :d] @ weights, -2))
        params = LinearParams(shaped(weights), bias)
    status = np.full(objective.shape, CONVERGED, np.int32)
    return LaneSolutions(params, objective, slope, status, np.zeros_like(status), rank)
