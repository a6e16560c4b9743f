"""Regularization paths of several settings: each the path it would be alone, all on the same folds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from jgd._checks import shown
from jgd._display import Shown, View
from jgd._errors import Answering, public
from jgd.experiments._settings import Settings
from jgd.experiments._values import labels, matches
from jgd.experiments._weightings import check_solved, check_standardize
from jgd.models import Problem
from jgd.training import Result
from jgd.training._outcome import counted


class RegularizationPaths(Answering, Shown, Sequence):
    """A `RegularizationPath` for each setting; made by `jgd.regularization_path` where its arguments hold an `over`.

    `paths[i]` is the path of `settings[i]`, the first `over` varying slowest. What `best` and `one_standard_error` give, and
    `refit` takes, is one of these settings with its l2.

    >>> import jgd
    >>> ridge = jgd.linear_regression(fit_intercept=jgd.over([True, False]))
    >>> paths = jgd.regularization_path(ridge, jgd.data.make_line(100), [1e-3, 0.1, 10.0], folds=5)
    >>> paths
    RegularizationPaths(2 paths of fit_intercept x 3 penalties from 10 to 0.001, 5 folds: 6 converged)
    >>> paths.best()
    {'fit_intercept': True, 'l2': 0.001}
    >>> paths.where(fit_intercept=False)[0].best()
    0.001
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("params", "objective", "status", "cross_validation"), "an attribute of each path, as paths[0]"),
        **dict.fromkeys(("coef_", "coefs", "coefs_", "weights"), "paths[0].params.weights"),
        **dict.fromkeys(("alpha_", "C_"), "best()['l2']"),
    }

    def __init__(self, settings: Settings, index: np.ndarray, paths: Sequence[Any]):
        self._settings, self._index, self._paths = settings, index, list(paths)

    @property
    def names(self) -> tuple[str, ...]:
        """What was crossed."""
        return tuple(self._settings.columns)

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The values that each path's setting had, by name."""
        return [self._settings.setting(i) for i in self._index]

    @property
    def l2(self) -> np.ndarray:
        """The penalties of each path, the strongest first."""
        return self._paths[0].l2

    @public
    def where(self, **conditions: Any) -> "RegularizationPaths":
        """The paths whose settings are these; conditions as in `Sweep.where`.

        Raises:
          KeyError, ValueError: for a name or a value that was not crossed, or where no path is left.
        """
        keep = np.ones(len(self), bool)
        for name, wanted in conditions.items():
            self._settings.check_column(name)
            axis, over = self._settings.columns[name]
            keep &= np.array(matches(name, over.values, wanted))[self._settings.index[self._index, axis]]
        if not keep.any():
            raise ValueError(f"no path has such a setting: each has one of {shown(self.settings)}.")
        return RegularizationPaths(self._settings, self._index[keep], [self._paths[i] for i in np.flatnonzero(keep)])

    @public
    def best(self, metric: str | None = None) -> dict[str, Any]:
        """The setting and penalty with the best mean score over the folds, by test loss unless said otherwise.

        Raises:
          ValueError: if none ended well on every fold, or there were no folds.
        """
        at = self._best("best", metric)
        return self.settings[at] | {"l2": self._paths[at].best(metric)}

    @public
    def one_standard_error(self, metric: str | None = None) -> dict[str, Any]:
        """The best setting, with the strongest penalty whose mean score is within one standard error of the best."""
        at = self._best("one_standard_error", metric)
        return self.settings[at] | {"l2": self._paths[at].one_standard_error(metric)}

    @public
    def refit(self, setting: Mapping[str, Any] | None = None) -> Result:
        """The fit on all rows with a setting and its l2, the best if not given, as a `jgd.Result`."""
        if setting is None:
            setting = self.best()
        if not isinstance(setting, Mapping) or "l2" not in setting:
            raise TypeError(f"refit takes a setting with its l2, such as .best(), found {shown(setting)}.")
        mine = {name: value for name, value in setting.items() if name != "l2"}
        for own, path in zip(self.settings, self._paths, strict=True):
            if own.keys() == mine.keys() and all(own[k] is v or bool(own[k] == v) for k, v in mine.items()):
                return path.refit(setting["l2"])
        raise ValueError(f"{shown(mine)} is none of the settings of these paths: give one of .settings, with an l2.")

    def to_frame(self):
        """A pandas frame: that of each path, one below the other, with a column for each name that was crossed."""
        import pandas as pd

        return pd.concat(
            [
                path.to_frame().assign(**said)[[*said, *path.to_frame()]]
                for said, path in zip(self._said(), self._paths, strict=True)
            ],
            ignore_index=True,
        )

    def plot(self, axes: Any = None) -> Any:
        """The weights against the penalty, a panel for each setting; see `jgd.plotting.plot_paths`."""
        from jgd import plotting

        return plotting.plot_paths(self, axes)

    def __getitem__(self, index: Any) -> Any:
        return (
            RegularizationPaths(self._settings, self._index[index], self._paths[index])
            if isinstance(index, slice)
            else self._paths[index]
        )

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._paths)

    def __repr__(self) -> str:
        return f"RegularizationPaths({self._of()}: {counted(np.concatenate([path.status for path in self]))})"

    def _of(self) -> str:
        scored, l2 = self._paths[0].cross_validation, self.l2
        folds = "" if scored is None else f", {len(scored.folds)} folds"
        of = f"{len(self)} path{'s' * (len(self) != 1)} of {', '.join(self.names)}"
        return f"{of} x {len(l2)} penalties from {l2[0]:.4g} to {l2[-1]:.4g}{folds}"

    def _said(self) -> list[dict[str, Any]]:
        """The settings as a table shows them."""
        values = {name: (axis, labels(over.values)) for name, (axis, over) in self._settings.columns.items()}
        return [{name: said[self._settings.index[i, axis]] for name, (axis, said) in values.items()} for i in self._index]

    def _view(self) -> View:
        from jgd.experiments._views import paths_view

        return paths_view(self)

    def _best(self, what: str, metric: str | None) -> int:
        """Which path has the best mean score."""
        least = []
        for path in self._paths:
            scored = path._folds(what)
            means = scored._sign(scored._metric(metric)) * scored._means(metric)
            least.append(np.min(np.where(np.isfinite(means), means, np.inf)))
        if not np.isfinite(least).any():
            raise ValueError(f"no setting ended well on every fold: {self!r}.")
        return int(np.argmin(least))


def crossed(problem: Any, data: Any, standardize: Any, one: Callable[[Problem, Any], Any]) -> RegularizationPaths:
    """The path of each setting of what holds an `over`, by `one(problem, standardize)`."""
    check_solved("regularization_path", problem, data)
    settings = Settings({"problem": problem, "standardize": standardize})
    resolved = [settings.resolved(index) for index in settings.index]
    for setting in resolved:
        check_standardize(setting["standardize"], [setting["problem"]])
    apart = {(setting["problem"].replace(l2=0.0), bool(setting["standardize"])) for setting in resolved}
    if len(apart) < len(resolved):
        raise ValueError(
            f"regularization_path: {len(resolved) - len(apart)} of {len(resolved)} settings differ from another in l2 alone, or "
            "in nothing: penalties are what a path runs along, so give them as l2=[...], and leave the problem's l2 out."
        )
    if "l2" in settings.columns:
        raise ValueError("regularization_path: the name 'l2' is that of the penalties of a path: give the jgd.over another.")
    paths = [one(setting["problem"], setting["standardize"]) for setting in resolved]
    return RegularizationPaths(settings, np.arange(len(settings)), paths)
