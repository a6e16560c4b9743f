"""The models behind a cross-validation: optima, or runs, of each fold and setting."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data import Dataset
from jgd.experiments._held_out import held_out_predictions, held_out_scores
from jgd.experiments._sweep_result import Sweep
from jgd.experiments._weightings import (
    Group,
    all_params,
    deviations,
    in_order,
    solve_settings,
    solved_result,
    take_lane,
    weight_of,
)
from jgd.experiments.folds import Folds
from jgd.models import LinearParams, Problem
from jgd.models._standardized import standardized
from jgd.training import Result, fit
from jgd.training._notes import HostNotes


def rows_of(data: Dataset, rows: np.ndarray) -> Dataset:
    """Some rows as a data set of their own; its weights have mean one."""
    take = lambda array: jnp.asarray(np.asarray(array)[rows])
    weight = data.sample_weight
    if weight is not None:
        weight = np.asarray(weight)[rows]
        weight = jnp.asarray(weight / weight.mean())
    return data._with(X=take(data.X), y=None if data.y is None else take(data.y), sample_weight=weight)


class Standard:
    """Columns centred and divided by their deviations over some rows."""

    def __init__(self, data: Dataset):
        weight = weight_of(data).astype(np.float64)
        self.mean = weight @ np.asarray(data.X, np.float64) / weight.sum()
        self.deviation = deviations(data, weight[None])[0]

    def __call__(self, data: Dataset) -> Dataset:
        X = (np.asarray(data.X, np.float64) - self.mean) / self.deviation
        return data._with(X=jnp.asarray(X, data.X.dtype))

    def as_given(self, params: LinearParams, lanes: bool = False) -> LinearParams:
        """Parameters that do to the columns as given what these do to the standardised ones: z = x (w/s) + (b - m w/s)."""
        weights, bias = (np.asarray(part, np.float64) for part in params)
        axis, dtype = int(lanes), params.weights.dtype
        weights = weights / self.deviation.reshape(-1, *[1] * (weights.ndim - axis - 1))
        bias = bias - np.tensordot(weights, self.mean, ([axis], [0]))
        return LinearParams(weights.astype(dtype), bias.astype(dtype))


class SolvedModels:
    """Optima of all folds and settings, by groups, found when first asked for."""

    def __init__(self, problems: Sequence[Problem], data: Dataset, folds: Folds, standardize: bool, tol: float | None):
        self._problems, self._data, self._folds, self._standardize, self._tol = problems, data, folds, standardize, tol

    @functools.cached_property
    def groups(self) -> list[Group]:
        how = {"standardize": self._standardize, "tol": self._tol, "objectives": False}
        return solve_settings(self._problems, self._data, self._folds, **how)

    @property
    def params(self) -> Any:
        return all_params(self.groups)

    @functools.cached_property
    def objective(self) -> np.ndarray:
        """Evaluated when first asked for, if solvers did not: that costs as much as a step of theirs."""
        folds, weight = self._folds, self._data.sample_weight
        trains, scale = [folds.train(fold) for fold in range(len(folds))], np.ones((1, 1))
        if self._standardize:
            scale = deviations(self._data, folds.weights(slice(None), None if weight is None else np.asarray(weight)))

        def of(group: Group) -> np.ndarray:
            problems = [self._problems[setting] for setting in group.settings]
            loss = held_out_scores(problems[0].replace(l2=0.0), self._data, trains, group.lanes.params, ())["test_loss"]
            squares = np.square(group.lanes.params.weights.astype(np.float64)).reshape(*loss.shape, self._data.X.shape[1], -1)
            size = np.einsum("fldk,fd->fl", squares, np.broadcast_to(np.square(scale), (len(loss), squares.shape[2])))
            return loss + np.array([float(problem.l2) for problem in problems]) / 2 * size

        known = (group.lanes.objective for group in self.groups)
        return in_order(self.groups, [of(group) if one is None else one for group, one in zip(self.groups, known, strict=True)])

    @property
    def how(self) -> str:
        return f"solved to their optima{', columns standardised in each training part' if self._standardize else ''}"

    def predictions(self, setting: int, kind: str) -> np.ndarray:
        problem, lanes = self._problems[setting], take_lane(self.groups, slice(None), setting)
        problem._required(kind)
        found = held_out_predictions(problem, self._data, self._folds.tests, lanes.params, kind)
        return found if self._data.classes is None or kind != "predict" else np.asarray(self._data.classes)[found]

    def refit(self, setting: int) -> Result:
        return solved_result(self._problems[setting], self._data, standardize=self._standardize, tol=self._tol)


class RunModels:
    """Runs of all folds and settings, a sweep for each fold.

    Attributes:
      sweeps: one for each fold.
    """

    def __init__(
        self, sweeps: Sequence[Sweep], standards: Sequence[Standard | None], settings: Sequence[dict[str, Any]], data: Dataset,
        folds: Folds,
    ):  # fmt: skip
        self.sweeps, self._standards, self._settings, self._data, self._folds = sweeps, standards, settings, data, folds

    @property
    def objective(self) -> np.ndarray:
        return np.stack([sweep.objective for sweep in self.sweeps])

    @property
    def params(self) -> Any:
        of_folds = [
            params if standard is None else standard.as_given(params, lanes=True)
            for params, standard in zip((sweep.params for sweep in self.sweeps), self._standards, strict=True)
        ]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *of_folds)

    @property
    def how(self) -> str:
        seconds, compile_seconds = (sum(getattr(s, name) for s in self.sweeps) for name in ("run_seconds", "compile_seconds"))
        standardised = "" if self._standards[0] is None else "; columns standardised in each training part"
        return f"{seconds:.3g} s of runs, and {compile_seconds:.3g} s of compilation{standardised}"

    def predictions(self, setting: int, kind: str) -> np.ndarray:
        made = None
        for sweep, standard, test in zip(self.sweeps, self._standards, self._folds.tests, strict=True):
            rows = rows_of(self._data._with(y=None, sample_weight=None), test)
            values = np.asarray(getattr(sweep[setting], kind)((rows if standard is None else standard(rows)).X))
            made = np.empty((len(self._data), *values.shape[1:]), values.dtype) if made is None else made
            made[test] = values
        return made

    def refit(self, setting: int) -> Result:
        standard = None if self._standards[0] is None else Standard(self._data)
        result = fit(data=self._data if standard is None else standard(self._data), **self._settings[setting])
        if standard is not None:
            return _as_given(result, standard, self._data)
        return result


def _as_given(result: Result, standard: Standard, data: Dataset) -> Result:
    """A run on standardised columns as a result for the columns as given, which is diagnosed as the run it was."""
    given = jax.tree.map(jnp.asarray, standard.as_given(result.params))
    made = Result(result.state._replace(params=given), result.history, result.status_code, result.steps, result.best)
    problem = standardized(result.notes.problem, standard.deviation)
    made.notes = HostNotes(**{**vars(result.notes), "problem": problem, "data": data, "run": result})
    return made
