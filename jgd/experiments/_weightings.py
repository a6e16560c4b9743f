"""Optima of settings of a linear or logistic regression on many weightings of the same rows: folds, replicates, rows left out."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import shown
from jgd._over import Over, refuse_over
from jgd.data import Dataset
from jgd.data._dataset import as_dataset
from jgd.models import Problem
from jgd.models._problem import encode
from jgd.models._standardized import standardized
from jgd.solvers import LaneSolutions, least_squares_lanes, leave_one_out_lanes, solve, solve_lanes
from jgd.training._history import History
from jgd.training._notes import HostNotes
from jgd.training._result import Result
from jgd.training._step import State

SOLVED = ("linear_regression", "logistic_regression")
# Numbers that are held at once: weights of rows, or parameters of rows left out.
HELD = 2**25
# Penalties that an iterative solver is given at once; more are solved in turn, each start being the end of the one before.
AT_ONCE = 32


class Weightings(Protocol):
    """Many rows of weights over the same rows of data.

    `weights(part, weight)` gives those of a slice of them, made of the data's own (None where all are 1), with shape (slice, n);
    how often a row counts may be an integer.
    """

    is_leave_one_out: bool
    tests: Sequence[np.ndarray]

    def __len__(self) -> int: ...

    def weights(self, part: slice, weight: np.ndarray | None) -> np.ndarray: ...


class Whole:
    """The n rows with the weights they have."""

    is_leave_one_out: bool = False
    tests: Sequence[np.ndarray] = ()

    def __init__(self, n: int):
        self._n = n

    def __len__(self) -> int:
        return 1

    def weights(self, part: slice, weight: np.ndarray | None) -> np.ndarray:
        return np.ones((1, self._n), np.uint8) if weight is None else weight[None]


class Group(NamedTuple):
    """Settings of one structure, solved together.

    Attributes:
      settings: which of all settings.
      lanes: their optima, (weightings, settings of the group); without objectives where they were not needed.
    """

    settings: np.ndarray
    lanes: LaneSolutions


def check_solved(where: str, problem: Any, data: Any) -> None:
    """Refuses problems that no solver of many at once is for."""
    if isinstance(problem, Over):
        for value in problem.values:
            check_solved(where, value, data)
        return
    refuse_over(where, data=data)
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {shown(problem)}.")
    if problem.name not in SOLVED:
        advice = ": give an optimizer, as in jgd.cross_validate(problem, data, jgd.adam(1e-2), epochs=10)"
        raise TypeError(
            f"{where} solves linear and logistic regression, found {problem.name}{advice if where == 'cross_validate' else ''}."
        )


def check_standardize(standardize: Any, problems: Sequence[Problem]) -> None:
    """Refuses standardising where it cannot be told in the columns as given."""
    if not isinstance(standardize, (bool, np.bool_)):
        raise TypeError(f"standardize must be True or False, found {shown(standardize)}.")
    for problem in problems if standardize else ():
        if problem.name not in SOLVED:
            raise TypeError(
                f"standardize is of linear models, whose weights can be told in columns as given, not {problem.name}."
            )
        if not problem.fit_intercept:
            raise ValueError("standardize centres columns, which needs an intercept: fit_intercept=True.")


def encoded(problem: Problem, data: Any) -> Dataset:
    """The data as the problem's loss sees it."""
    return encode(problem, as_dataset(data), None, problem.functions.encode)


def labels_of(data: Dataset) -> np.ndarray | None:
    """The class numbers of the rows; None for a regression."""
    return None if data.classes is None else np.asarray(data.y)


def weight_of(data: Dataset) -> np.ndarray:
    return np.ones(len(data), data.X.dtype) if data.sample_weight is None else np.asarray(data.sample_weight)


def solve_settings(
    problems: Sequence[Problem], data: Dataset, weightings: Weightings, *, standardize: bool | Sequence[bool], tol: float | None,
    show: Callable[[int], None] | None = None, objectives: bool = True,
) -> list[Group]:  # fmt: skip
    """The optima of all settings on all weightings, those that differ in l2 alone together.

    Args:
      problems: one for each setting.
      data: the rows, encoded.
      weightings: their weights.
      standardize: whether the penalty is one on columns divided by their deviations in each weighting; for all settings, or each.
      tol: as for the solvers; that of the data's type if None.
      show: called with how many fits were solved since it was called last; then they are solved in more and smaller parts, which
        may move the last bits of their numbers.
      objectives: whether they are needed; see `jgd.solvers.solve_lanes`.
    """
    groups: dict[tuple[Problem, bool], list[int]] = {}
    for i, (problem, scaled) in enumerate(zip(problems, np.broadcast_to(standardize, len(problems)).tolist(), strict=True)):
        groups.setdefault((problem.replace(l2=0.0), scaled), []).append(i)
    found = []
    for (problem, scaled), some in groups.items():
        l2 = np.array([float(problems[i].l2) for i in some])
        lanes = _solved(problem, data, weightings, l2, scaled, tolerance(tol, data), show, objectives)
        found.append(Group(np.array(some), lanes))
    return found


def tolerance(tol: float | None, data: Dataset) -> float:
    """What may be left to gain, as a share of the objective: in float64 so little that parameters have six digits."""
    if tol is None:
        return 1e-14 if data.X.dtype == np.float64 else 1e-8
    if isinstance(tol, bool) or not isinstance(tol, (int, float, np.floating)) or not 0 < tol < math.inf:
        raise ValueError(f"tol must be a number above 0, the share of the objective that may be left to gain, found {tol!r}.")
    return tol


def _solved(
    problem: Problem, data: Dataset, weightings: Weightings, l2: np.ndarray, standardize: bool, tol: float,
    show: Callable[[int], None] | None, objectives: bool,
) -> LaneSolutions:  # fmt: skip
    (n, d), linear = data.X.shape, problem.name == "linear_regression"
    weight = None if data.sample_weight is None else np.asarray(data.sample_weight)
    by_leverage = linear and weightings.is_leave_one_out
    size = max(1, HELD // (len(l2) * d if by_leverage else n))
    size = size if show is None else min(size, _even_part(len(weightings)))
    made = []
    for start in range(0, len(weightings), size):
        part = slice(start, min(start + size, len(weightings)))
        out = np.concatenate(weightings.tests[part]) if weightings.is_leave_one_out else None
        weights = None if by_leverage else weightings.weights(part, weight)
        scale = None
        if standardize:
            scale = deviations(data, weights) if out is None else deviations_without(data, weight_of(data), out)
        if by_leverage:
            lanes = leave_one_out_lanes(problem, data, l2, scale, out=out)
        elif linear:
            lanes = least_squares_lanes(problem, data, weights.astype(data.X.dtype, copy=False), l2, scale)
        else:
            lanes = _from_strong_to_weak(problem, data, weights, l2, scale, tol, objectives)
        made.append(jax.tree.map(np.asarray, lanes))
        if show is not None:
            show((part.stop - part.start) * len(l2))
    return made[0] if len(made) == 1 else jax.tree.map(lambda *parts: np.concatenate(parts), *made)


def _even_part(count: int) -> int:
    """About a sixteenth of so many; parts of one size where there are such, since another size is another program."""
    return next((count // k for k in range(16, 33) if count % k == 0), -(-count // 16))


def _from_strong_to_weak(
    problem: Problem, data: Dataset, weights: np.ndarray, l2: np.ndarray, scale: np.ndarray | None, tol: float, objectives: bool
) -> LaneSolutions:
    """Optima of all weightings at once, some penalties at a time, the strongest first; the next start where the last ended."""
    order, made, last = np.argsort(-l2, kind="stable"), [], None
    for start in range(0, len(l2), AT_ONCE):
        some = order[start : start + AT_ONCE]
        lanes = solve_lanes(
            problem, data, weights=weights, l2=l2[some], penalty_scale=scale, tol=tol, params=last, objectives=objectives
        )
        made.append(jax.tree.map(np.asarray, lanes))
        last = jax.tree.map(lambda leaf: leaf[:, -1].mean(axis=0), made[-1].params)
    return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, np.argsort(order)], *made)


def deviations(data: Dataset, weights: np.ndarray) -> np.ndarray:
    """The standard deviation of each column with each row of weights, in float64; 1 where a column is constant."""
    total, square = _moments(data, weights, _origin(data))
    return _deviation(total, square, square)


def deviations_without(data: Dataset, weight: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The same without each of the rows `out`."""
    origin, w = _origin(data), np.asarray(weight, np.float64)[:, None] / np.sum(weight, dtype=np.float64)
    total, square = _moments(data, weight[None], origin)
    x, left = np.asarray(data.X)[out] - origin, 1 - w[out]
    return _deviation((total - w[out] * x) / left, (square - w[out] * x**2) / left, square / left)


def _origin(data: Dataset) -> np.ndarray:
    """What columns are seen from, so that their squares do not cancel."""
    return np.asarray(data.X).mean(axis=0, dtype=np.float64)


def _moments(data: Dataset, weights: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each column, from its origin, and of its square, with each row of weights; block by block."""
    X, total, square = np.asarray(data.X), 0.0, 0.0
    for start in range(0, len(X), 2**12):
        part = slice(start, start + 2**12)
        x = X[part] - origin
        total, square = total + weights[:, part] @ x, square + weights[:, part] @ x**2
    sums = weights.sum(axis=1, dtype=np.float64)[:, None]
    return total / sums, square / sums


def _deviation(mean: np.ndarray, square: np.ndarray, size: np.ndarray) -> np.ndarray:
    """From means of the column and its square; `size` is that of the numbers whose rounding is in them."""
    variance = square - mean**2
    return np.sqrt(np.where(variance > 64 * np.finfo(np.float64).eps * size, variance, 1.0))


def take_lane(groups: Sequence[Group], weighting: int | slice, setting: int) -> LaneSolutions:
    """What was found for one setting, on one weighting or several."""
    group = next(group for group in groups if setting in group.settings)
    at = int(np.flatnonzero(group.settings == setting)[0])
    lanes = group.lanes._replace(rank=None)
    return jax.tree.map(lambda leaf: leaf[weighting, at], lanes)


def in_order(groups: Sequence[Group], parts: Sequence[Any]) -> np.ndarray:
    """One array (weightings, settings, ...) of each group's."""
    parts = [np.asarray(part) for part in parts]
    if len(parts) == 1:
        return parts[0]
    whole = np.empty((len(parts[0]), sum(len(group.settings) for group in groups), *parts[0].shape[2:]), np.result_type(*parts))
    for group, part in zip(groups, parts, strict=True):
        whole[:, group.settings] = part
    return whole


def all_params(groups: Sequence[Group]) -> Any:
    """The parameters of all, (weightings, settings, ...).

    Raises:
      ValueError: if they differ in structure.
    """
    kinds = {(jax.tree.structure(g.lanes.params), g.lanes.params.weights.shape[2:]) for g in groups}
    if len(kinds) > 1:
        raise ValueError("the settings' parameters differ in structure: look at each by itself, as one setting at a time.")
    return jax.tree.map(lambda *parts: in_order(groups, parts), *(group.lanes.params for group in groups))


def solved_result(problem: Problem, data: Dataset, *, standardize: bool, tol: float | None) -> Result:
    """The optimum on all rows, as a `jgd.Result`."""
    if not standardize:
        return solve(problem, data, tol=tolerance(tol, data))
    lane = take_lane(solve_settings([problem], data, Whole(len(data)), standardize=True, tol=tol), 0, 0)
    state = State(jax.tree.map(jnp.asarray, lane.params), (), jnp.asarray(int(lane.iterations), jnp.int32))
    history = History({"step": np.array([0]), "loss": np.array([lane.objective]), "grad_norm": np.array([lane.gradient_norm])})
    result = Result(state, history, np.int32(lane.status_code), int(lane.iterations), None)
    text = f"the objective is {float(lane.objective):.6g}, its penalty that of standardised columns."
    inside = standardized(problem, deviations(data, weight_of(data)[None])[0])
    result.notes = HostNotes(problem=inside, data=data, steps_per_epoch=1, batch_size="full", explained=text)
    return result
