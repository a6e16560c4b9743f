"""Many classifiers on the same rows to their optima: folds x penalties, in one descent."""

from typing import Any, NamedTuple

import numpy as np

from jgd.data import Dataset
from jgd.data._place import lent, placed
from jgd.models import LinearParams, Problem
from jgd.solvers._centred import Columns, centred
from jgd.solvers._choice import choose
from jgd.solvers._common import Common
from jgd.solvers._descend import GREW, Descent, descend
from jgd.solvers._lanes_result import LaneSolutions
from jgd.solvers._least_squares import least_squares_lanes
from jgd.solvers._rows import Counts, Rows
from jgd.solvers._single import VANISHED, params_of, solve_one, theta_of
from jgd.training.stopping import CONVERGED, STALLED

# Predictions (rows x logits x lanes) that are made at once: the few arrays of them stay in the cache.
ENTRIES = 2**23
# The share of the lanes that goes on without those that have ended.
FEW = 0.25
# Folds that tell what all of them have in common.
POOLED = 64
# A lane whose objective fell by more than this share of it, which is any of those in float64, for whose many digits a shared
# inverse is too little, has one step more to show that the inverse suits it.
AWAY = 0.05
# With a penalty, the objective of a fold of one class, in shares of its start, at which its optimum of 0 is reached.
NOTHING = 1e-14


def solve_lanes(
    problem: Problem, data: Dataset, weights: Any = None, l2: Any = None, penalty_scale: Any = None, *, tol: float = 1e-8,
    steps: int = 100, params: LinearParams | None = None, objectives: bool = True,
) -> LaneSolutions:  # fmt: skip
    """The optima of F rows of weights times L penalties, each within about `tol` of its objective.

    All lanes start at the optima of all folds together, one for each penalty, found on a sample of the rows where those are many,
    and share its inverse Hessian, or the Gram matrix's where Hessians are dear. A step evaluates all lanes at once, until few of
    them are left: these go on without the others. Lanes that do not get to their optimum so get there one by one.

    Args:
      problem: a `jgd.linear_regression`, whose lanes are solved in closed form, or a `jgd.logistic_regression`.
      data: its rows, as `problem.dataset` makes them.
      weights: (F, n), each row with a sum above zero, in the place of the data's own weights; those if not given.
      l2: (L,) or (F, L), at least 0; the problem's own if not given.
      penalty_scale: (F, d), above 0: the penalty of fold f is l2/2 sum_j (scale_fj w_j)^2.
      tol: what may be left to gain, by the decrement, as a share of the objective.
      steps: of all lanes together, at most; and of each that is left, again.
      params: where to start, for all lanes.
      objectives: whether to return them; to evaluate them costs more than a step.

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
    weights = Weights.of(data, weights)
    F = len(weights.sums)
    l2 = np.asarray(problem.l2 if l2 is None else l2, np.float64)
    l2 = np.broadcast_to(l2, (F, *np.atleast_1d(l2).shape[-1:]))
    rows = Rows(lent(columns.X), placed(np.asarray(data.y, np.int32)), None, classes, free)
    penalty = _penalty(rows, columns, l2, penalty_scale)

    least = np.where(l2 == 0, VANISHED, NOTHING) * np.log(classes)
    of = lambda lanes: lambda decrement, objective, g: (decrement <= tol * objective) | (objective <= least[lanes])
    away = lambda lanes, by: lambda first, objective: (first - objective > by * objective) & (objective > least[lanes])
    by = AWAY if rows.is_narrow else -1.0
    theta = None if params is None else theta_of(params, columns)
    common = Common(rows, np.asarray(data.y), weights.pooled, penalty, squares, theta, F)
    found, most = Lanes.of(common.theta, *penalty.shape[:2]), max(1, ENTRIES // (l2.shape[1] * rows.k * len(rows)))
    for folds in _even_parts(F, most):
        some = rows.replace(counts=weights.counts(folds))
        how = {"columns": squares, "steps": steps, "renew": common.better, "few": FEW, "exact": objectives}
        at = descend(some, penalty[folds], common.theta, common.inverse, of(folds), doubtful=away(folds, by), **how)
        found.put(np.ix_(folds, np.arange(l2.shape[1])), at)
    for folds, settings in _left(found.met, most):
        box, some = np.ix_(folds, settings), rows.replace(counts=weights.counts(folds))
        how = {"columns": squares, "steps": steps, "renew": common.cautious(settings), "exact": objectives}
        known = found.objective[box] if objectives else None
        at = descend(
            some, penalty[box], found.theta[box], common.inverse.of(settings), of(box), objective=known,
            doubtful=away(box, -1.0), **how,
        )  # fmt: skip
        found.put(box, at, found.iterations[box])
    for f, lane in np.argwhere(~found.met):
        one, some = np.ix_([f], [lane]), rows.replace(counts=weights.counts(np.array([f])))
        at = _alone(some, data, penalty[f, lane], found.theta[one], squares, of(one), steps)
        found.put(one, at, found.iterations[one])
    met = found.met & ((l2 > 0) | (found.objective > least))
    params, status = params_of(found.theta, columns, dtype, classes, free), np.where(met, CONVERGED, STALLED).astype(np.int32)
    return LaneSolutions(params, found.objective if objectives else None, found.gradient_norm, status, found.iterations)


class Lanes(NamedTuple):
    """Where each lane is: arrays (F, L), and theta (F, L, k, D)."""

    theta: np.ndarray
    objective: np.ndarray
    gradient_norm: np.ndarray
    iterations: np.ndarray
    met: np.ndarray

    @classmethod
    def of(cls, theta: np.ndarray, F: int, L: int) -> "Lanes":
        theta = np.array(np.broadcast_to(theta, (F, L, *theta.shape[2:])))
        return cls(theta, *np.zeros((2, F, L)), np.zeros((F, L), np.int32), np.zeros((F, L), bool))

    def put(self, lanes: Any, at: Descent, before: Any = 0) -> None:
        """Some lanes came to where a descent ended, after so many iterations before it."""
        first = at.records[0].objective
        worse = ~(at.objective <= GREW * first)  # by an inverse of hardly anything: these stay where they were
        self.theta[lanes] = np.where(worse[..., None, None], self.theta[lanes], at.theta)
        self.objective[lanes], self.met[lanes] = np.where(worse, first, at.objective), at.met & ~worse
        self.gradient_norm[lanes] = at.gradient_norm
        self.iterations[lanes] = before + sum(np.int32(record.step_size > 0) for record in at.records)


def _even_parts(count: int, most: int) -> list[np.ndarray]:
    """The numbers below `count` in parts of one size (since another is another program), of which the last two may overlap."""
    size = -(-count // -(-count // most))
    return [np.arange(min(first, count - size), min(first, count - size) + size) for first in range(0, count, size)]


def _left(met: np.ndarray, most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The folds and the settings of lanes that did not get to their optima, and some more, so that sizes repeat."""
    folds, settings = (np.flatnonzero((~met).any(axis=axis)) for axis in (1, 0))
    if not len(folds):
        return []
    halved = lambda some, of: np.resize(some, min(-(-of // 2**j) for j in range(of.bit_length()) if -(-of // 2**j) >= len(some)))
    folds, settings = np.sort(halved(folds, met.shape[0])), np.sort(halved(settings, met.shape[1]))
    return [(folds[part], settings) for part in _even_parts(len(folds), most)]


class Weights(NamedTuple):
    """How much each row counts in each fold.

    Attributes:
      weights: (F, n).
      sums: of each row of them, (F,).
      dtype: of the data.
    """

    weights: np.ndarray
    sums: np.ndarray
    dtype: Any

    @classmethod
    def of(cls, data: Dataset, weights: Any) -> "Weights":
        if weights is None:
            weights = (np.ones(len(data)) if data.sample_weight is None else np.asarray(data.sample_weight))[None]
        weights = np.asarray(weights)
        sums = weights.sum(axis=1, dtype=np.uint64 if weights.dtype.kind == "u" else np.float64).astype(np.float64)
        bad = ~((sums > 0) & (weights.min(axis=1) >= 0))  # also where one is NaN
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f"weights must be at least 0, and some of each row above 0: row {row} is not so; leave it out.")
        return cls(weights, sums, data.X.dtype)

    def counts(self, folds: np.ndarray) -> Counts:
        """Those of some folds, on the device."""
        some = slice(None) if np.array_equal(folds, np.arange(len(self.sums))) else folds
        return Counts.of(self.weights[some], self.sums[some], self.dtype)

    @property
    def pooled(self) -> np.ndarray:
        """What rows count in all folds together, or in some of very many, (n,)."""
        some = slice(None, None, -(-len(self.sums) // POOLED))
        return np.einsum("f,fn->n", 1 / self.sums[some], self.weights[some])  # not @: see _inverse.ALONE


def _penalty(rows: Rows, columns: Columns, l2: np.ndarray, scale: Any) -> np.ndarray:
    """(F, L, k D)."""
    strengths = columns.penalty(l2[:, :, None])
    if scale is not None:
        strengths = strengths * np.square(np.asarray(scale, np.float64))[:, None, :]
    free = np.zeros((*l2.shape, int(rows.free)))
    return np.tile(np.concatenate([strengths, free], axis=2), rows.k)


def _alone(
    rows: Rows, data: Dataset, penalty: np.ndarray, theta: np.ndarray, squares: np.ndarray, done: Any, steps: int
) -> Descent:
    """One lane, from where it is, with Hessians of its own."""
    choice = choose(len(rows), rows.columns, rows.classes, 0.0)
    return solve_one(rows, penalty, theta, choice, squares, done, steps).descent
