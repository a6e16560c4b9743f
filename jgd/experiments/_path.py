"""`regularization_path`: optima along a range of penalties."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import jax
import numpy as np

from jgd._checks import shown
from jgd._display import Shown, View
from jgd._errors import Answering, public
from jgd._over import Over, held_over, refuse_over
from jgd.data import Dataset
from jgd.experiments._cross_validate import cross_validate
from jgd.experiments._cross_validation import CrossValidation
from jgd.experiments._paths import RegularizationPaths, crossed
from jgd.experiments._resampled import named_parameters
from jgd.experiments._weightings import Whole, check_solved, check_standardize, encoded, solve_settings, solved_result
from jgd.models import Problem
from jgd.training import Result
from jgd.training._outcome import counted
from jgd.training.stopping import STATUSES


class RegularizationPath(Answering, Shown):
    """Optima along penalties, the strongest first; made by `jgd.regularization_path`.

    Attributes:
      l2: the penalties, (L,).
      params: the parameters on all rows, with a leading axis of penalties.
      objective: what was minimised, (L,).
      cross_validation: the same penalties on folds, a `CrossValidation`; None if there were no folds.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(100)
    >>> path = jgd.regularization_path(jgd.linear_regression(), (X, y), l2=[1e-3, 10.0, 1e-1], folds=5)
    >>> path
    RegularizationPath(3 penalties from 10 to 0.001, 5 folds: 3 converged)
    >>> path.best(), path.to_frame().columns[:3].tolist()
    (0.001, ['l2', 'objective', 'weights[0]'])
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("coef_", "coefs", "coefs_", "weights"), "params.weights"),
        **dict.fromkeys(("alphas", "alphas_", "Cs_", "lambdas"), "l2"),
        **dict.fromkeys(("alpha_", "C_"), "best()"),
    }

    def __init__(
        self, problem: Problem, data: Dataset, l2: np.ndarray, lanes: Any, folds: CrossValidation | None,
        refit: Callable[[float], Result],
    ):  # fmt: skip
        self.l2, self.cross_validation, self._problem, self._data, self._refit = l2, folds, problem, data, refit
        self.params = jax.tree.map(lambda leaf: np.asarray(leaf)[0], lanes.params)
        self.objective, self._status = np.asarray(lanes.objective)[0], np.asarray(lanes.status_code)[0]

    @property
    def status(self) -> np.ndarray:
        """How each fit on all rows ended."""
        return np.asarray(STATUSES)[self._status]

    @public
    def best(self, metric: str | None = None) -> float:
        """The penalty with the best mean score over the folds, by test loss unless said otherwise."""
        return self._folds("best").best(metric)["l2"]

    @public
    def one_standard_error(self, metric: str | None = None) -> float:
        """The strongest penalty whose mean score is within one standard error of the best; see `Sweep.one_standard_error`."""
        return self._folds("one_standard_error").one_standard_error("l2", metric)["l2"]

    @public
    def refit(self, l2: float | None = None) -> Result:
        """The fit on all rows with one penalty, the best if not given, as a `jgd.Result`."""
        return self._refit(self.best() if l2 is None else float(l2))

    def to_frame(self):
        """A pandas frame: a row for each penalty with its objective and parameters, and with folds what they came to."""
        import pandas as pd

        columns: dict[str, Any] = {"l2": self.l2, "objective": self.objective}
        for name, part, place in named_parameters(jax.tree.map(lambda leaf: leaf[0], self.params), self._data):
            columns[name] = jax.tree.leaves(self.params)[part][(slice(None), *place)]
        frame = pd.DataFrame(columns)
        if self.cross_validation is None:
            return frame
        spread = self.cross_validation.spread()
        return frame.assign(test_loss=spread["mean"], test_loss_error=spread["error"])

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """The weights against the penalty; see `jgd.plotting.plot_coefficients`."""
        from jgd import plotting

        return plotting.plot_coefficients(self, ax, **options)

    def __len__(self) -> int:
        return len(self.l2)

    def __repr__(self) -> str:
        folds = "" if self.cross_validation is None else f", {len(self.cross_validation.folds)} folds"
        of = f"{len(self)} penalties from {self.l2[0]:.4g} to {self.l2[-1]:.4g}{folds}"
        return f"RegularizationPath({of}: {counted(self.status)})"

    def _view(self) -> View:
        from jgd.experiments._views import path_view

        return path_view(self)

    def _folds(self, what: str) -> CrossValidation:
        if self.cross_validation is None:
            raise ValueError(f"{what} compares penalties on rows left out, and there were none: give folds=, such as folds=5.")
        return self.cross_validation


@public
def regularization_path(
    problem: Problem, data: Any, l2: Sequence[float], *, folds: Any = None, metrics: Sequence[str | Callable] = (),
    standardize: bool = False, key: Any = 0, tol: float | None = None,
) -> RegularizationPath | RegularizationPaths:  # fmt: skip
    """Solves a linear or logistic regression for a range of penalties, and if wanted for the same on folds, all at once.

    For least squares all penalties come from one factorisation. For logistic regression they are solved some at a time, the
    strongest first, each from where those before ended; folds start from the optima of all folds together.

    Args:
      problem: a `jgd.linear_regression` or `jgd.logistic_regression`; its own l2 is not used. `jgd.over` may stand in it for
        whatever else it has.
      data: as in `jgd.fit`.
      l2: the penalties, at least 0 and each once, in any order.
      folds, metrics, standardize, key, tol: as in `jgd.cross_validate`; without folds there are none. `standardize` may be a
        `jgd.over([False, True])`. (Runs of an optimizer are no optima: `jgd.cross_validate` crosses them with penalties.)

    Returns:
      A `RegularizationPath`; where something holds a `jgd.over`, `RegularizationPaths`: one for each setting, on the same folds.

    Raises:
      TypeError, ValueError: for bad arguments, before anything runs; an `over` in the problem's l2 is one, as l2 is what the path
        runs along.

    >>> import jgd, numpy as np
    >>> X, y = jgd.data.make_classes(200, 4, key=0)
    >>> path = jgd.regularization_path(jgd.logistic_regression(), (X, y), np.logspace(-4, 1, 6), folds=5)
    >>> path.params.weights.shape, path.one_standard_error() >= path.best()
    ((6, 4), True)
    >>> bool(np.linalg.norm(path.params.weights[0]) < np.linalg.norm(path.params.weights[-1]))
    True

    Source: Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal
    of Statistical Software 33 (2010).
    """
    folds = list(folds) if isinstance(folds, Iterator) else folds
    instead = "a list for l2; jgd.over may stand in the problem and for standardize"
    refuse_over("regularization_path", instead, l2=l2, folds=folds, metrics=metrics, key=key, tol=tol)
    if held_over(problem) is not None or held_over(standardize) is not None:
        one = lambda problem, standardize: regularization_path(
            problem, data, l2, folds=folds, metrics=metrics, standardize=standardize, key=key, tol=tol
        )
        return crossed(problem, data, standardize, one)
    check_solved("regularization_path", problem, data)
    values = _penalties(l2)
    problems = [problem.replace(l2=value) for value in values]
    check_standardize(standardize, problems)
    scored = None
    if folds is not None:
        of_all = problem.replace(l2=Over(tuple(values), "l2"))
        scored = cross_validate(of_all, data, folds=folds, metrics=metrics, standardize=standardize, key=key, tol=tol)
    elif metrics:
        raise ValueError("metrics= are scores of rows left out, and there are none: give folds=, such as folds=5.")
    data = encoded(problem, data)
    how = dict(standardize=bool(standardize), tol=tol)
    (group,) = solve_settings(problems, data, Whole(len(data)), **how)
    refit = functools.partial(_refit, problem, data, **how)
    return RegularizationPath(problem, data, np.array(values), group.lanes, scored, refit)


def _refit(problem: Problem, data: Dataset, l2: float, **how: Any) -> Result:
    return solved_result(problem.replace(l2=l2), data, **how)


def _penalties(l2: Any) -> list[float]:
    try:
        values = np.asarray(l2, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"l2 must be a list of penalties, such as numpy.logspace(-4, 1, 20), found {shown(l2)}.") from None
    if values.ndim != 1 or not values.size:
        raise ValueError(f"l2 must be a list of penalties, such as numpy.logspace(-4, 1, 20), found shape {values.shape}.")
    if np.isnan(values).any():
        raise ValueError("l2 holds NaN; give numbers.")
    values = np.sort(values)[::-1]
    if len(np.unique(values)) < len(values):
        raise ValueError(f"l2 has {values[:-1][values[1:] == values[:-1]][0]:g} more than once: give each penalty once.")
    return values.tolist()
