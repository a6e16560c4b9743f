"""Many classifiers on the same rows to their optima: folds x penalties, in one descent."""

from typing import Any

import numpy as np

from jgd.data import Dataset
from jgd.data._dataset import _placed
from jgd.models import LinearParams, Problem
from jgd.solvers._centred import Columns, centred
from jgd.solvers._choice import LARGEST, choose
from jgd.solvers._descend import Descent, descend, dot
from jgd.solvers._inverse import Inverse, inverse, of_gram
from jgd.solvers._lanes_result import LaneSolutions
from jgd.solvers._least_squares import least_squares_lanes
from jgd.solvers._rows import Rows
from jgd.solvers._single import VANISHED, params_of, solve_one, start_of, theta_of
from jgd.training.stopping import CONVERGED, STALLED

# Predictions (rows x logits x lanes) that are made at once: the few arrays of them stay in the cache.
ENTRIES = 2**21
# Common starts are found up to this share of their objective, since folds differ by more.
COMMON = 1e-5
# With a penalty, the objective of a fold of one class, in shares of its start, at which its optimum of 0 is reached.
NOTHING = 1e-14


def solve_lanes(
    problem: Problem, data: Dataset, weights: Any = None, l2: Any = None, penalty_scale: Any = None, *, tol: float = 1e-8,
    steps: int = 100, params: LinearParams | None = None,
) -> LaneSolutions:  # fmt: skip
    """The optima of F rows of weights times L penalties, each within about `tol` of its objective.

    All lanes start at the optima of all folds together, one for each penalty, and share an inverse Hessian: that of those optima
    where there are many folds, else the Gram matrix's. A step evaluates all lanes at once. Lanes that do not get to their optimum
    so get there one by one.

    Args:
      problem: a `jgd.linear_regression`, whose lanes are solved in closed form, or a `jgd.logistic_regression`.
      data: its rows, as `problem.dataset` makes them.
      weights: (F, n), each row with a sum above zero, in the place of the data's own weights; those if not given.
      l2: (L,) or (F, L), at least 0; the problem's own if not given.
      penalty_scale: (F, d), above 0: the penalty of fold f is l2/2 sum_j (scale_fj w_j)^2.
      tol: what may be left to gain, by the decrement, as a share of the objective.
      steps: of all lanes together, at most; and of each that is left, again.
      params: where to start, for all lanes.

    Returns:
      `LaneSolutions`. A lane is "converged" by the decrement, and "stalled" if rounding ended it before that, or if without a
      penalty its classes can be told apart, so that there is no optimum.

    Raises:
      ValueError: for weights below 0, or a row of them that sums to 0.
    """
    if problem.name == "linear_regression":
        return least_squares_lanes(problem, data, weights, l2, penalty_scale)
    free, classes, dtype = problem.fit_intercept, problem.classes, data.X.dtype
    columns = centred(data.X, free)
    squares = np.append(columns.squares, np.ones(int(free)))
    weights = _weights(data, weights)
    share = (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)
    F = len(share)
    l2 = np.asarray(problem.l2 if l2 is None else l2, np.float64)
    l2 = np.broadcast_to(l2, (F, *np.atleast_1d(l2).shape[-1:]))
    rows = Rows(_placed(columns.X), _placed(np.asarray(data.y, np.int32)), None, classes, free)
    penalty = _penalty(rows, columns, l2, penalty_scale)

    least = np.where(l2 == 0, VANISHED, NOTHING) * np.log(classes)
    of = lambda lanes: lambda decrement, objective, g: (decrement <= tol * objective) | (objective <= least[lanes])
    start, P = _common(rows, data, share, penalty, squares, theta_of(params, columns) if params is not None else None)
    found, at_once = [], max(1, ENTRIES // (l2.shape[1] * rows.k * len(rows)))
    for first in range(0, F, at_once):
        part = slice(first, first + at_once)
        some = rows.replace(share=_placed(share[part]))
        theta = np.repeat(start, len(share[part]), axis=0)
        found.append(descend(some, penalty[part], theta, P, of(part), columns=squares, steps=steps))
    together = lambda part: np.concatenate([part(at) for at in found])
    theta, met, objective = together(lambda at: at.theta), together(lambda at: at.met), together(lambda at: at.objective)
    norm = together(lambda at: np.sqrt(dot(at.gradient, at.gradient)))
    iterations = together(lambda at: sum(np.asarray(record.step_size > 0, np.int32) for record in at.records))
    for f, lane in np.argwhere(~met):
        one = slice(f, f + 1), slice(lane, lane + 1)
        at = _alone(rows.replace(share=share[one[0]]), data, penalty[f, lane], theta[one], squares, of(one), steps)
        theta[f, lane], met[f, lane], objective[f, lane] = at.theta[0, 0], at.met[0, 0], at.objective[0, 0]
        norm[f, lane] = np.sqrt(dot(at.gradient, at.gradient))[0, 0]
        iterations[f, lane] += len(at.records) - 1
    met &= (l2 > 0) | (objective > least)
    params = params_of(theta, columns, dtype, classes, free)
    return LaneSolutions(params, objective, norm, np.where(met, CONVERGED, STALLED).astype(np.int32), iterations)


def _weights(data: Dataset, weights: Any) -> np.ndarray:
    if weights is not None:
        weights = np.asarray(weights, np.float64)
        if not ((weights >= 0).all() and weights.any(axis=1).all()):
            bad = int(np.argmax(~((weights >= 0).all(axis=1) & weights.any(axis=1))))
            raise ValueError(f"weights must be at least 0, and some of each row above 0: row {bad} is not so; leave it out.")
        return weights
    return (np.ones(len(data)) if data.sample_weight is None else np.asarray(data.sample_weight, np.float64))[None]


def _penalty(rows: Rows, columns: Columns, l2: np.ndarray, scale: Any) -> np.ndarray:
    """(F, L, k D)."""
    strengths = columns.penalty(l2[:, :, None])
    if scale is not None:
        strengths = strengths * np.square(np.asarray(scale, np.float64))[:, None, :]
    free = np.zeros((*l2.shape, int(rows.free)))
    return np.tile(np.concatenate([strengths, free], axis=2), rows.k)


def _common(
    rows: Rows, data: Dataset, share: np.ndarray, penalty: np.ndarray, squares: np.ndarray, theta: np.ndarray | None
) -> tuple[np.ndarray, Inverse]:
    """The optima of all folds together, (1, L, k D), roughly; and an inverse Hessian for each penalty."""
    F, L = penalty.shape[:2]
    k, D = rows.k, rows.columns
    pooled, penalty = share.mean(axis=0, keepdims=True), penalty.mean(axis=0, keepdims=True)
    rows = rows.replace(share=_placed(pooled))
    if theta is None:
        shares = np.bincount(np.asarray(data.y), pooled[0].astype(np.float64), rows.classes)
        theta = start_of(rows, shares / shares.sum())
    theta = np.broadcast_to(theta, (1, L, k, D))
    bound = 0.25 if rows.classes == 2 else 0.5
    P = of_gram(rows.gram() if D <= LARGEST else squares, bound, penalty[0, :, :D], rows.is_narrow)
    if F == 1:
        return theta, P
    near = lambda decrement, objective, g: decrement <= COMMON * objective
    at = descend(rows, penalty, theta, P, near, columns=squares, steps=30)
    if k * D <= min(LARGEST, 2 * F):
        hessians = [at.rows.hessian(at.point.z, 0, lane) + np.diag(penalty[0, lane]) for lane in range(L)]
        P = inverse(np.stack(hessians), rows.is_narrow)
    return at.theta, P


def _alone(
    rows: Rows, data: Dataset, penalty: np.ndarray, theta: np.ndarray, squares: np.ndarray, done: Any, steps: int
) -> Descent:
    """One lane, from where it is, with Hessians of its own."""
    choice = choose(len(rows), rows.columns, rows.classes, 0.0)
    return solve_one(rows, penalty, theta, choice, squares, done, steps).descent
