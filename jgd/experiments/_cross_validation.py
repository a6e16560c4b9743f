"""What cross-validation returns: scores of settings on folds, to be looked at as a table, and refitted on all rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from jgd._checks import nearest, shown
from jgd._display import Shown, View
from jgd._errors import Answering, public
from jgd.experiments import _sweep_tables
from jgd.experiments._settings import Settings
from jgd.experiments._values import described, labels
from jgd.experiments.folds import Folds
from jgd.training import Result
from jgd.training._outcome import counted
from jgd.training._record import sign_of
from jgd.training.stopping import CONVERGED, MAX_STEPS, STALLED, STATUSES


class Models(Protocol):
    """The models of all folds and settings, however they were made."""

    params: Any
    objective: np.ndarray
    how: str

    def predictions(self, setting: int, kind: str) -> np.ndarray: ...

    def refit(self, setting: int) -> Result: ...


class CrossValidation(Answering, Shown):
    """Settings, each trained without each fold's test rows and scored on them; made by `jgd.cross_validate`.

    Arrays have the shape (folds, settings), settings in the order of a sweep: the first `over` varies slowest.

    Attributes:
      folds: the rows of each fold.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(200)
    >>> cv = jgd.cross_validate(jgd.linear_regression(l2=jgd.over([1e-3, 10.0])), (X, y))
    >>> cv
    CrossValidation(5 folds x 2 settings of l2: 10 converged)
    >>> cv.test_loss.shape, cv.best()
    ((5, 2), {'l2': 0.001})
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        "best_params_": "cv.best()",
        "best_estimator_": "cv.refit()",
        "cv_results_": "cv.to_frame()",
        "results": "cv.to_frame()",
        "mean_test_score": "cv.scores(metric).mean(axis=0)",
        "predict": "cv.refit().predict(X), or cv.predictions() of the rows left out",
    }

    def __init__(
        self, settings: Settings, folds: Folds, models: Models, scores: dict[str, np.ndarray], status: np.ndarray,
        steps: np.ndarray, metrics: Sequence[tuple[str, Callable[..., Any]]],
    ):  # fmt: skip
        self._settings, self.folds, self._models, self._scores = settings, folds, models, scores
        self._status, self._steps, self._metrics = status, steps, metrics
        self._lanes = np.arange(len(settings))

    @property
    def names(self) -> tuple[str, ...]:
        """What was crossed with the folds."""
        return tuple(self._settings.columns)[1:]

    @property
    def params(self) -> Any:
        """The parameters of all models, with leading axes (folds, settings).

        Raises:
          ValueError: if they differ in structure.
        """
        return self._models.params

    @property
    def objective(self) -> np.ndarray:
        """What was minimised, penalty and all, over each fold's training rows."""
        known = self._scores.get("loss")
        return self._models.objective if known is None else known

    @property
    def test_loss(self) -> np.ndarray:
        """The mean loss, without penalty, over each fold's test rows."""
        return self._scores["test_loss"]

    @property
    def status(self) -> np.ndarray:
        """How each fit ended; those of `jgd.Result`."""
        return np.asarray(STATUSES)[self._status]

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The values that each setting had, by name."""
        return [self._setting(i) for i in range(self._count)]

    @public
    def scores(self, metric: str | None = None) -> np.ndarray:
        """A score of all models, (folds, settings): "test_loss", the name of a metric (of the test rows), or "loss".

        Raises:
          KeyError: if it was not asked for; the message offers near names.
        """
        metric = self._metric(metric)
        return self.objective if metric == "loss" else self._scores[metric]

    def to_frame(self):
        """A pandas frame: a row for each fold and setting."""
        return _sweep_tables.lanes_frame(_Table(self)).drop(columns="lane")

    @public
    def spread(self, metric: str | None = None):
        """Mean and spread of a score over the folds: a pandas frame, a row for each setting; columns as in `Sweep.spread`."""
        return _sweep_tables.spread(_Table(self), metric, "fold")

    @public
    def best(self, metric: str | None = None) -> dict[str, Any]:
        """The setting with the best mean score over the folds, of those that ended well on each.

        Raises:
          ValueError: if none did.
        """
        return self._setting(self._best(metric))

    @public
    def one_standard_error(self, prefer: str | None = None, metric: str | None = None, largest: bool = True) -> dict[str, Any]:
        """The simplest setting whose mean score is within one standard error of the best; see `Sweep.one_standard_error`.

        Args:
          prefer: a swept number; may be left out if there is one only.
          largest: whether large numbers are simple, as of a penalty, or small ones.
        """
        if prefer is None:
            if not self.names:
                raise ValueError(
                    "there is one setting, and so none simpler: cross some by jgd.over, as in l2=jgd.over([1e-3, 0.1])."
                )
            if len(self.names) != 1:
                raise ValueError(f"say which of {', '.join(self.names)} makes a setting simpler: prefer=.")
            prefer = self.names[0]
        found = _sweep_tables.one_standard_error(_Table(self), prefer, metric, "fold", largest)
        return {name: found[name] for name in self.names}

    @public
    def refit(self, setting: dict[str, Any] | None = None) -> Result:
        """The fit on all rows with a setting, as `best` and `one_standard_error` give it; the best by test loss if not given."""
        return self._models.refit(self._best(None) if setting is None else self._find(setting))

    @public
    def predictions(self, setting: dict[str, Any] | None = None, *, probabilities: bool = False) -> np.ndarray:
        """For each row what the model says that was not trained on it: values or labels, or class probabilities.

        Raises:
          ValueError: if the folds do not test every row exactly once.
        """
        if not self.folds.is_partition:
            raise ValueError("these folds do not test every row exactly once, so a row has no prediction or several of them.")
        chosen = self._best(None) if setting is None else self._find(setting)
        return self._models.predictions(chosen, "probabilities" if probabilities else "predict")

    def summary(self) -> str:
        """What was tried, what was best, and which is the simplest that is as good."""
        lines = [repr(self)]
        lines += [f"  {name}: {described(self._settings.columns[name][1].values)}" for name in self.names]
        if np.isfinite(self._means(None)).any():
            best = self._best(None)
            error = np.std(self.test_loss[:, best], ddof=1) / np.sqrt(len(self.folds)) if len(self.folds) > 1 else np.nan
            setting = ", ".join(f"{name}={described([value])}" for name, value in self._setting(best).items())
            lines.append(f"best test loss: {self._means(None)[best]:.6g} +- {error:.2g}{f' ({setting})' if setting else ''}")
            if len(self.names) == 1 and self._settings.columns[self.names[0]][1].numbers is not None and len(self.folds) > 1:
                name, value = next(iter(self.one_standard_error().items()))
                lines.append(f"within one standard error, the largest {name}: {described([value])}")
        return "\n".join([*lines, self._models.how])

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Scores of the settings, with what is chosen of them; see `jgd.plotting.plot_scores`."""
        from jgd import plotting

        return plotting.plot_scores(self, ax, **options)

    def __len__(self) -> int:
        return len(self._lanes)

    def __repr__(self) -> str:
        of = f" x {self._count} settings of {', '.join(self.names)}" if self.names else ""
        return f"CrossValidation({len(self.folds)} folds{of}: {counted(self.status)})"

    def _view(self) -> View:
        from jgd.experiments._views import cross_validation_view

        return cross_validation_view(self)

    @property
    def _count(self) -> int:
        """How many settings there are."""
        return self._status.shape[1]

    def _setting(self, index: int) -> dict[str, Any]:
        found = self._settings.setting(index)
        return {name: found[name] for name in self.names}

    def _find(self, setting: dict[str, Any]) -> int:
        if not isinstance(setting, Mapping):
            raise TypeError(f"a setting is a dict, one of .settings such as .best(), found {shown(setting)}.")
        for i in range(self._count):
            mine = self._setting(i)
            if mine.keys() == setting.keys() and all(mine[k] is v or bool(mine[k] == v) for k, v in setting.items()):
                return i
        raise ValueError(f"{setting} is none of the settings that were tried: give one of .settings, such as .best().")

    def _means(self, metric: str | None) -> np.ndarray:
        """The mean score of each setting; infinite, or NaN, where a fold did not end well."""
        return np.where(self._fine().all(axis=0), np.mean(self.scores(metric), axis=0), np.nan)

    def _best(self, metric: str | None) -> int:
        means = self._sign(self._metric(metric)) * self._means(metric)
        if not np.isfinite(means).any():
            if self._fine().all(axis=0).any():
                metric = self._metric(metric)
                raise ValueError(
                    f"no setting has a finite mean {metric}: it is not defined on the test rows of some fold, such as "
                    "r2 of one row."
                )
            raise ValueError(f"no setting ended well on every fold: {self!r}.")
        return int(np.nanargmin(means))

    def _fine(self) -> np.ndarray:
        ended = np.isin(self._status, (CONVERGED, MAX_STEPS, STALLED))
        return ended & np.isfinite(self._scores["loss"]) if "loss" in self._scores else ended

    @property
    def _measured(self) -> list[str]:
        return list(dict.fromkeys(("loss", *self._scores)))

    def _metric(self, metric: str | None) -> str:
        metric = "test_loss" if metric is None else metric
        if metric not in self._measured:
            raise KeyError(f"{metric!r} was not recorded; {nearest(metric, self._measured)}")
        return metric

    def _sign(self, metric: str) -> float:
        return sign_of(metric, tuple(self._metrics))


class _Table:
    """Folds and settings as the lanes of a sweep, for the tables of one."""

    def __init__(self, of: CrossValidation):
        self._of, self._settings, self._lanes, self._sign, self._metric = of, of._settings, of._lanes, of._sign, of._metric
        self.names, self._measured = ("fold", *of.names), of._measured
        self.status, self.steps, self.rung = of.status.ravel(), of._steps.ravel(), np.full(len(of), -1)

    def __len__(self) -> int:
        return len(self._of)

    def __repr__(self) -> str:
        return repr(self._of)

    def scores(self, metric: str | None) -> np.ndarray:
        return self._of.scores(metric).ravel()

    def _fine(self) -> np.ndarray:
        return self._of._fine().ravel()

    def _column(self, name: str) -> list[Any]:
        axis, over = self._settings.columns[name]
        shown = labels(over.values)
        return [shown[i] for i in self._settings.index[:, axis]]
