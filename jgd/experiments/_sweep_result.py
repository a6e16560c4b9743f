"""What a sweep returns: lanes with their settings, to be looked at as a table, a picture, or one by one."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import jax
import numpy as np

from jgd._checks import nearest, shown
from jgd._display import Shown, View
from jgd._errors import Answering, public
from jgd.experiments import _files, _sweep_tables
from jgd.experiments._group_result import GroupResult
from jgd.experiments._groups import Group
from jgd.experiments._run import Outcome
from jgd.experiments._settings import Settings
from jgd.experiments._values import labels, matches
from jgd.training import Result
from jgd.training._history import History
from jgd.training._record import sign_of
from jgd.training.stopping import CONVERGED, MAX_STEPS, STALLED, STATUSES


class Sweep(Answering, Shown):
    """The lanes of a sweep, in the order asked for; made by `jgd.sweep`.

    An index gives one lane as a `jgd.Result`, with its `setting`; a slice, a mask or `where` some lanes as a `Sweep`.

    Attributes:
      wasted: the share of the computed steps that no lane took: fillers of tables, lanes that had ended and waited for others,
        intervals that were run again to find a bad step.
      programs: how many were needed.
      compile_seconds: spent compiling; 0 when the programs were there already.
      run_seconds: from start to end, without compilation.

    >>> import jgd
    >>> X, y = jgd.data.make_line(100)
    >>> sweep = jgd.sweep(jgd.linear_regression(), (X, y), jgd.gd(jgd.over([0.01, 0.1, 0.4])), epochs=50)
    >>> sweep[1].setting, sweep[1].status
    ({'learning_rate': 0.1}, 'max_steps')
    >>> sweep.best().setting
    {'learning_rate': 0.4}
    >>> sweep.params.weights.shape, sweep.history.loss.shape
    ((3, 1), (3, 51))
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        "best_params_": "sweep.best().setting, and sweep.best().params for the parameters",
        "best_estimator_": "sweep.best()",
        "best_result": "sweep.best()",
        "best_score_": "sweep.best().objective",
        "best_index_": "sweep.best_lane()",
        "cv_results_": "sweep.to_frame()",
        "results": "sweep[lane], or list(sweep)",
        "results_": "sweep.to_frame()",
        "loss": "sweep.history.loss, or sweep.objective for the last",
        "losses": "sweep.history.loss",
        "lanes": "sweep[lane], of which there are len(sweep)",
    }

    def __init__(self, settings: Settings, parts: list[GroupResult], lanes: np.ndarray, facts: dict[str, Any]):
        self._settings, self._parts, self._lanes, self._facts = settings, parts, lanes, facts
        self._part_of = np.zeros(len(settings), int)
        self._place_of = np.zeros(len(settings), int)
        for i, part in enumerate(parts):
            self._part_of[part.lanes], self._place_of[part.lanes] = i, np.arange(len(part.lanes))

    @classmethod
    def _of(cls, settings: Settings, found: list[Group], outcome: Outcome, seconds: float) -> "Sweep":
        parts = [GroupResult.of(group, ended) for group, ended in zip(found, outcome.ended, strict=True)]
        taken = sum(int(ended.steps.sum()) for ended in outcome.ended)
        facts = dict(
            programs=len(found), compile_seconds=outcome.compile_seconds, taken=taken, computed=outcome.computed,
            run_seconds=max(0.0, seconds - outcome.compile_seconds), interrupted=outcome.interrupted,
        )  # fmt: skip
        return cls(settings, parts, np.arange(len(settings)), facts)

    @property
    def wasted(self) -> float:
        return 1 - self._facts["taken"] / self._facts["computed"] if self._facts["computed"] else 0.0

    @property
    def programs(self) -> int:
        return self._facts["programs"]

    @property
    def compile_seconds(self) -> float:
        return self._facts["compile_seconds"]

    @property
    def run_seconds(self) -> float:
        return self._facts["run_seconds"]

    @property
    def names(self) -> tuple[str, ...]:
        """What was swept."""
        return tuple(self._settings.columns)

    @property
    def status_code(self) -> np.ndarray:
        return self._of_each(lambda part: part.ended.status)

    @property
    def status(self) -> np.ndarray:
        """Each lane's status; those of `jgd.Result`."""
        return np.asarray(STATUSES)[self.status_code]

    @property
    def steps(self) -> np.ndarray:
        """How many steps each lane took."""
        return self._of_each(lambda part: part.ended.steps)

    @property
    def steps_per_epoch(self) -> np.ndarray:
        """How many steps an epoch of each lane had."""
        return self._of_each(lambda part: np.full(len(part.lanes), part.plan.steps_per_epoch))

    @property
    def rung(self) -> np.ndarray:
        """The rung of `halving` at which each lane was cut; -1 for those that were not."""
        return self._of_each(lambda part: part.ended.rung)

    @property
    def objective(self) -> np.ndarray:
        """Each lane's last recorded loss."""
        return self.scores("loss")

    @property
    def params(self) -> Any:
        """The lanes' final parameters; every array has a leading axis of lanes.

        Raises:
          ValueError: if they differ in structure or shape: look at lanes one by one.
        """
        some = np.unique(self._part_of[self._lanes]).tolist() or range(len(self._parts))
        trees = {i: self._parts[i].ended.state.params for i in some}
        kinds = [(jax.tree.structure(tree), [leaf.shape[1:] for leaf in jax.tree.leaves(tree)]) for tree in trees.values()]
        if any(kind != kinds[0] for kind in kinds):
            raise ValueError("the lanes' parameters differ in shape: take one lane, as in sweep[0].params, or some of one kind.")
        return jax.tree.map(lambda *leaves: self._gathered(dict(zip(trees, leaves, strict=True))), *trees.values())

    @property
    def history(self) -> History:
        """What was recorded: arrays of shape (lanes, records), and `step`; -1 and NaN where a lane has nothing."""
        width = max(part.ended.records.max() for part in self._parts)
        steps = self._of_each(lambda part: part.record_steps(width))
        return History({"step": steps} | {n: self._of_each(lambda part, n=n: part.recorded(n, width)) for n in self._recorded})

    @public
    def scores(self, metric: str | None = None) -> np.ndarray:
        """The last value of a recorded quantity for each lane: that of its final parameters.

        Args:
          metric: by default validation loss if there is any, else the loss. Where the best parameters along a run were kept, as
            by validation loss, their score is `best_validation_loss`; mind that the best of many noisy values flatters.

        Raises:
          KeyError: if it was not recorded; the message offers near names.
        """
        metric = self._metric(metric)
        return self._of_each(lambda part: part.scores(metric))

    @public
    def best(self, metric: str | None = None) -> Result:
        """The lane with the best score, of those that ended well and were not cut.

        Args:
          metric: as in `scores`.

        Raises:
          ValueError: if none ended well, or none was selected.
        """
        return self[self.best_lane(metric)]

    def best_lane(self, metric: str | None = None) -> int:
        """The number of the lane that `best` gives."""
        metric = self._metric(metric)
        ranks = np.where(self._fine() & (self.rung < 0), self._sign(metric) * self.scores(metric), np.inf)
        if not np.isfinite(ranks).any():
            raise ValueError(
                f"no lane ended well: {self!r}. Lower the learning rates." if len(self) else f"no lane was selected: {self!r}."
            )
        return int(np.nanargmin(ranks))

    @public
    def where(self, **conditions: Any) -> "Sweep":
        """The lanes whose settings are these.

        Args:
          **conditions: by name a value, a list of values, or a function that says whether a value is wanted. Numbers are the same
            within a millionth of each other.

        Raises:
          KeyError: for a name that was not swept; the message offers near ones.
          ValueError: for a value that was not; the message shows those that were.

        >>> import jgd
        >>> tx = jgd.sgd(jgd.over([0.01, 0.1, 0.4], name="lr"), momentum=jgd.over([0.0, 0.9]))
        >>> sweep = jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, tx, steps=20)
        >>> sweep.where(lr=0.1), len(sweep.where(lr=lambda lr: lr > 0.05, momentum=0.9))
        (Sweep(2 lanes of lr, momentum in 1 program: 2 max_steps), 2)
        """
        keep = np.ones(len(self), bool)
        for name, wanted in conditions.items():
            self._settings.check_column(name)
            axis, over = self._settings.columns[name]
            keep &= np.array(matches(name, over.values, wanted))[self._settings.index[self._lanes, axis]]
        return self[keep]

    @public
    def spread(self, metric: str | None = None, over: str = "key"):
        """Mean and spread of a score over the lanes that differ in `over` alone: a pandas frame, a row for each setting.

        Its columns are the other settings, `lanes` (how many there are), `failed` (how many did not end well), and of the
        others `mean`, `std` (divided by one less than their number), and `error`, the standard error of the mean.

        Raises:
          KeyError: if `over` was not swept.
        """
        return _sweep_tables.spread(self, metric, over)

    @public
    def one_standard_error(
        self, prefer: str, metric: str | None = None, over: str = "key", largest: bool = True
    ) -> dict[str, Any]:
        """The simplest setting that is as good as the best within one standard error.

        Of the settings whose mean score over `over` is within one standard error (the best one's) of the best mean, and none
        of whose lanes failed, the one with the largest `prefer`, such as the strongest penalty.

        Args:
          prefer: a swept number.
          largest: whether large numbers are simple, or small ones.

        Returns:
          The setting, without what goes with `over`: its values by name, as in a lane's `setting`.

        Raises:
          KeyError, TypeError: if `prefer` was not swept, goes with `over`, or is no number.
          ValueError: if every setting has a lane that did not end well.

        Source: Breiman, Friedman, Olshen & Stone, Classification and regression trees (1984), section 3.4.3.
        """
        return _sweep_tables.one_standard_error(self, prefer, metric, over, largest)

    @public
    def to_frame(self, history: bool = False):
        """A pandas frame: a row for each lane, with its setting, status, steps and last records.

        Args:
          history: instead a row for each record of each lane.

        What was recorded under the name of a setting, such as `learning_rate`, is called `learning_rate (recorded)`.
        """
        return _sweep_tables.records_frame(self) if history else _sweep_tables.lanes_frame(self)

    def summary(self) -> str:
        """What was run, how it ended, what was best, and what it cost, in a few lines."""
        return _sweep_tables.summary(self)

    @public
    def plot(
        self, x: str | None = None, y: str | None = None, *, metric: str | None = None, kind: str | None = None, ax: Any = None
    ):
        """A picture of all lanes; see `jgd.plotting.plot_sweep`."""
        from jgd import plotting

        return plotting.plot_sweep(self, x, y, kind=kind, metric=metric, ax=ax)

    @public
    def save(self, path: Any) -> None:
        """Writes everything but the data to a file, for `jgd.Sweep.load`; where data were swept, what tables show of them.

        The file is a pickle, so functions in problems and chains must be those of a module, not lambdas.

        Raises:
          TypeError: if something in it cannot be written; nothing is.
        """
        _files.write(path, self._settings, self._parts, self._lanes, self._facts)

    @classmethod
    def load(cls, path: Any) -> "Sweep":
        """What `save` wrote. As with any pickle, load only files that you trust."""
        return cls(*_files.read(path))

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(len(self)))

    @public
    def __getitem__(self, lane: Any) -> Any:
        """One lane's result; or some lanes, by a slice, a mask or a list of numbers."""
        if np.ndim(lane) or isinstance(lane, slice):
            return Sweep(self._settings, self._parts, self._lanes[lane], self._facts)
        if not hasattr(lane, "__index__"):
            raise TypeError(f"a lane is a number, found {shown(lane)}; lanes by their settings: sweep.where(name=value).")
        lane = operator.index(lane)
        if not -len(self) <= lane < len(self):
            raise IndexError(f"there is no lane {lane}: the {len(self)} lanes are numbered from 0.")
        lane = self._lanes[lane]
        part = self._parts[self._part_of[lane]]
        ended_by = "the sweep was interrupted" if self._facts["interrupted"] else ""
        rung = part.ended.rung[self._place_of[lane]]
        ended_by = f"halving cut it at rung {rung}" if rung >= 0 else ended_by
        arguments = self._settings.resolved(self._settings.index[lane])
        return part.result(self._place_of[lane], self._settings.setting(lane), arguments, ended_by)

    def __repr__(self) -> str:
        names, counts = np.unique(self.status, return_counts=True)
        counted = sorted(zip(counts, names, strict=True), key=lambda pair: -pair[0])
        of = f" of {', '.join(self.names)}" if self.names else ""
        count = lambda number, what: f"{number} {what}{'' if number == 1 else 's'}"
        ended = ", ".join(f"{number} {name}" for number, name in counted) or "none selected"
        return f"Sweep({count(len(self), 'lane')}{of} in {count(self.programs, 'program')}: {ended})"

    def _view(self) -> View:
        from jgd.experiments._views import sweep_view

        return sweep_view(self)

    def _column(self, name: str) -> list[Any]:
        """The value of each lane, as a table shows it."""
        axis, over = self._settings.columns[name]
        shown = labels(over.values)
        return [shown[i] for i in self._settings.index[self._lanes, axis]]

    @property
    def _recorded(self) -> list[str]:
        return list(History({"step": None} | {name: None for part in self._parts for name in part.ended.history}).names[1:])

    def _fine(self) -> np.ndarray:
        return np.isin(self.status_code, (CONVERGED, MAX_STEPS, STALLED)) & np.isfinite(self.scores("loss"))

    def _metric(self, metric: str | None) -> str:
        recorded = self._measured
        if metric is None:
            return "validation_loss" if "validation_loss" in recorded else "loss"
        if metric not in recorded:
            raise KeyError(f"{metric!r} was not recorded; {nearest(metric, recorded)}")
        return metric

    def _sign(self, metric: str) -> float:
        metrics = tuple(pair for part in self._parts for pair in part.plan.metrics)
        return sign_of(metric.removeprefix("best_"), metrics)

    @property
    def _measured(self) -> list[str]:
        return list(dict.fromkeys([*self._recorded, *(name for part in self._parts for name in part.measured)]))

    def _of_each(self, of: Callable[[GroupResult], np.ndarray]) -> np.ndarray:
        return self._gathered({i: of(part) for i, part in enumerate(self._parts)})

    def _gathered(self, arrays: dict[int, np.ndarray]) -> np.ndarray:
        """One array for the lanes that are looked at, from those of their parts."""
        some = list(arrays.values())
        whole = np.zeros((len(self._settings), *some[0].shape[1:]), np.result_type(*some))
        for i, array in arrays.items():
            whole[self._parts[i].lanes] = array
        return whole[self._lanes]
