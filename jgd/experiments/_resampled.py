"""What the bootstrap and the jackknife return: optima of many versions of the rows, and what they say of the one of all."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import numpy as np

from jgd._display import Shown, View
from jgd._errors import Answering, public, users_level
from jgd.data import Dataset
from jgd.experiments._settings import Settings
from jgd.experiments._weightings import Group, all_params, in_order
from jgd.training._outcome import counted
from jgd.training.stopping import CONVERGED, STATUSES


class Resampled(Answering, Shown):
    """Optima of resampled rows; see `Bootstrap` and `Jackknife`."""

    _elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("ci", "conf_int", "confidence_interval", "intervals"), "interval()"),
        **dict.fromkeys(("std", "se", "standard_deviation", "stderr"), "standard_error()"),
        "coef_": "params.weights",
    }

    def __init__(self, settings: Settings, data: Dataset, whole: Callable[[], Sequence[Group]], groups: Sequence[Group]):
        self._settings, self._data, self._solve_whole, self._groups = settings, data, whole, groups

    @property
    def names(self) -> tuple[str, ...]:
        """What was crossed."""
        return tuple(self._settings.columns)

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The values that each setting had, by name."""
        return [self._settings.setting(i) for i in range(len(self._settings))]

    @property
    def params(self) -> Any:
        """The parameters, with a leading axis of resampled sets; then one of settings, if any were crossed."""
        return jax.tree.map(self._plain, all_params(self._groups))

    @property
    def estimate(self) -> Any:
        """The parameters of all rows as they are; with a leading axis of settings, if any were crossed. Solved when asked for."""
        return jax.tree.map(lambda leaf: self._plain(leaf)[0], all_params(self._whole))

    @functools.cached_property
    def _whole(self) -> Sequence[Group]:
        return self._solve_whole()

    @property
    def status(self) -> np.ndarray:
        """How each fit ended, with the leading axes of `params`."""
        return self._plain(np.asarray(STATUSES)[self._status])

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Each parameter with its interval; see `jgd.plotting.plot_intervals`."""
        from jgd import plotting

        return plotting.plot_intervals(self, ax, **options)

    def _frame(self, columns: dict[str, Any]):
        """A pandas frame: a row for each parameter (of each setting), and columns for these trees."""
        import pandas as pd

        columns = {name: jax.tree.leaves(tree) for name, tree in columns.items()}
        one = jax.tree.map(lambda leaf: leaf[0], self.estimate) if self.names else self.estimate
        rows = [
            setting | {"parameter": name} | {column: leaves[part][(*lead, *place)] for column, leaves in columns.items()}
            for i, setting in enumerate(self.settings)
            for lead in [(i,) if self.names else ()]
            for name, part, place in named_parameters(one, self._data)
        ]
        return pd.DataFrame(rows)

    def __len__(self) -> int:
        return len(self._status)

    def __repr__(self) -> str:
        of = f" x {len(self._settings)} settings of {', '.join(self.names)}" if self.names else ""
        return f"{type(self).__name__}({len(self)} {self._what}{of}: {counted(self.status)})"

    def _view(self) -> View:
        from jgd.experiments._views import resampled_view

        return resampled_view(self)

    _what = _fits = "sets of rows"
    _without = "are left out"

    def _warn(self) -> None:
        """Says that some fits did not converge, at the user's line; for what the user asks, once."""
        fine = self._status == CONVERGED
        if not fine.all():
            crossed = f" x {len(self._settings)} settings" if self.names else ""
            warnings.warn(
                f"{np.sum(~fine):,} of {len(self):,} {self._fits}{crossed} did not converge: {self._without}. Without a penalty "
                "separable classes have no optimum, and weights grow without end. Give the problem an l2, or use more rows.",
                stacklevel=users_level(),
            )

    @property
    def _status(self) -> np.ndarray:
        return in_order(self._groups, [group.lanes.status_code for group in self._groups])

    def _plain(self, array: np.ndarray) -> np.ndarray:
        """Without the axis of settings, if none were crossed."""
        return array if self.names else array[:, 0]

    def _over_sets(self, of: Callable[..., np.ndarray]) -> Any:
        """`of(values, estimate)` for every array of parameters, in float64; sets that did not converge are NaN."""
        fine = self._plain(self._status == CONVERGED)

        def one(values, estimate):
            kept = fine.reshape(*fine.shape, *[1] * (values.ndim - fine.ndim))
            return of(np.where(kept, values, np.nan).astype(np.float64), np.asarray(estimate, np.float64))

        return jax.tree.map(one, self.params, self.estimate)


class Jackknife(Resampled):
    """Optima without each row in turn; made by `jgd.jackknife`.

    Every figure takes all of them, and is NaN if one did not converge; a `UserWarning` says so.

    Attributes:
      params: with a leading axis of n rows left out.
      estimate: the optimum of all rows.

    >>> import jgd
    >>> X, y = jgd.data.make_line(50)
    >>> jgd.jackknife(jgd.linear_regression(), (X, y))
    Jackknife(50 rows left out: 50 converged)
    """

    _what, _fits = "rows left out", "fits without a row"
    _without = "the figures take all of them, and are NaN"

    def standard_error(self) -> Any:
        """sqrt((n - 1) / n sum_i (params_i - mean)^2), for every parameter."""
        self._warn()
        return self._error()

    def bias(self) -> Any:
        """(n - 1) (mean_i params_i - estimate), for every parameter: what the estimate is too large by, to first order in 1/n."""
        self._warn()
        return self._off()

    @public
    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """estimate -+ t standard errors, for every parameter; t is Student's with n - 1 degrees of freedom.

        Args:
          level: between 0 and 1.

        Returns:
          The lower and the upper ends, in the shape of the parameters.

        Raises:
          ValueError: for another level.

        Source: Tukey, "Bias and confidence in not-quite large samples", Annals of Mathematical Statistics 29 (1958).
        """
        from scipy.special import stdtrit

        t = stdtrit(len(self) - 1, _tails(level)[1])
        self._warn()
        away = lambda sign: jax.tree.map(lambda value, error: value + sign * t * error, self.estimate, self._error())
        return away(-1), away(1)

    def to_frame(self):
        """A pandas frame: a row for each parameter (of each setting) with its estimate, bias and standard error."""
        self._warn()
        return self._frame({"estimate": self.estimate, "bias": self._off(), "standard_error": self._error()})

    def _error(self) -> Any:
        return self._over_sets(
            lambda values, _: np.sqrt((len(values) - 1) * np.mean((values - values.mean(axis=0)) ** 2, axis=0))
        )

    def _off(self) -> Any:
        return self._over_sets(lambda values, estimate: (len(values) - 1) * (values.mean(axis=0) - estimate))


class Bootstrap(Resampled):
    """Optima of rows drawn again; made by `jgd.bootstrap`.

    What did not converge is left out of every figure, which warns of it: figures of the others alone are too sure.

    Attributes:
      params: with a leading axis of replicates.
      estimate: the optimum of the rows as they are.

    >>> import jgd
    >>> X, y = jgd.data.make_line(50)
    >>> replicates = jgd.bootstrap(jgd.linear_regression(), (X, y), replicates=100)
    >>> replicates
    Bootstrap(100 replicates: 100 converged)
    >>> list(replicates.to_frame().columns)
    ['parameter', 'estimate', 'bias', 'standard_error', 'low', 'high']
    """

    _what = _fits = "replicates"
    _without = "the figures leave them out, and are of the others alone, which lie closer together"

    def __init__(
        self,
        settings: Settings,
        data: Dataset,
        whole: Callable[[], Sequence[Group]],
        groups: Sequence[Group],
        jackknife: Callable[[], Jackknife],
    ):
        super().__init__(settings, data, whole, groups)
        self._jackknife = jackknife

    def standard_error(self) -> Any:
        """The standard deviation of each parameter over the replicates (divided by one less than their number)."""
        self._warn()
        return self._error()

    def bias(self) -> Any:
        """The mean over the replicates less the estimate."""
        self._warn()
        return self._off()

    @public
    def interval(self, level: float = 0.95, method: str = "percentile") -> tuple[Any, Any]:
        """A confidence interval for every parameter.

        Args:
          level: between 0 and 1.
          method: "percentile", the quantiles q of the replicates; "basic", 2 estimate - q, the other way round; "bca", the
            quantiles at levels that are corrected for bias and for skewness, the latter by a jackknife.

        Returns:
          The lower and the upper ends, in the shape of the parameters.

        Raises:
          ValueError: for another level or method.

        Source: Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association 82 (1987).
        """
        tails = _tails(level)
        if method not in ("percentile", "basic", "bca"):
            raise ValueError(f"method must be 'percentile', 'basic' or 'bca', found {method!r}.")
        self._warn()
        return self._ends(tails, method)

    def _error(self) -> Any:
        return self._over_sets(lambda values, _: np.nanstd(values, axis=0, ddof=1))

    def _off(self) -> Any:
        return self._over_sets(lambda values, estimate: np.nanmean(values, axis=0) - estimate)

    def _ends(self, tails: np.ndarray, method: str) -> tuple[Any, Any]:
        if method == "bca":
            both = self._bca(tails)
        else:
            quantiles = lambda values, _: np.nanquantile(values, tails, axis=0)
            mirrored = lambda values, estimate: 2 * estimate - np.nanquantile(values, tails[::-1], axis=0)
            both = self._over_sets(quantiles if method == "percentile" else mirrored)
        return tuple(jax.tree.map(lambda ends, i=i: ends[i], both) for i in range(2))

    def _bca(self, tails: np.ndarray) -> Any:
        skewness = self._jackknife()._over_sets(_acceleration)
        accelerations = iter(jax.tree.leaves(skewness))

        def ends(values, estimate):
            from scipy.special import ndtr, ndtri

            count = np.sum(~np.isnan(values), axis=0)
            below = (np.nansum(values < estimate, axis=0) + 0.5 * np.nansum(values == estimate, axis=0)) / count
            z0 = ndtri(np.clip(below, 0.5 / count, 1 - 0.5 / count))
            z = z0 + ndtri(tails).reshape(-1, *[1] * z0.ndim)
            levels = ndtr(z0 + z / (1 - next(accelerations) * z))
            made = np.empty_like(levels)
            for index in np.ndindex(*z0.shape):
                made[(slice(None), *index)] = np.nanquantile(values[(slice(None), *index)], levels[(slice(None), *index)])
            return made

        return self._over_sets(ends)

    def to_frame(self, level: float = 0.95, method: str = "percentile"):
        """A pandas frame: a row for each parameter (of each setting) with its estimate, bias, standard error and interval."""
        low, high = self.interval(level, method)
        columns = {"estimate": self.estimate, "bias": self._off(), "standard_error": self._error()}
        return self._frame(columns | {"low": low, "high": high})


def _tails(level: Any) -> np.ndarray:
    """The probabilities below the two ends of an interval."""
    if not (isinstance(level, (int, float, np.floating)) and 0 < level < 1):
        raise ValueError(f"level must be a number between 0 and 1, found {level!r}.")
    return np.array([(1 - level) / 2, (1 + level) / 2])


def _acceleration(values: np.ndarray, _: np.ndarray) -> np.ndarray:
    """A sixth of the skewness of the rows' influences."""
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.nansum(values, axis=0) / np.sum(~np.isnan(values), axis=0) - values
        return np.nan_to_num(np.nansum(off**3, axis=0) / (6 * np.nansum(off**2, axis=0) ** 1.5))


def named_parameters(params: Any, data: Dataset) -> list[tuple[str, int, tuple[int, ...]]]:
    """Each parameter's name, which of the arrays it is in, and where there: weights by column, by output or class if several."""
    columns, found = data.columns, []
    for part, (name, leaf) in enumerate(zip(("weights", "bias"), jax.tree.leaves(params), strict=False)):
        for place in np.ndindex(*np.shape(leaf)):
            first, rest = (
                (name, place) if name == "bias" else (columns[place[0]] if columns else f"weights[{place[0]}]", place[1:])
            )
            found.append((first + "".join(f" ({data.classes[i] if data.classes else i})" for i in rest), part, place))
    return found
