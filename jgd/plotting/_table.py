"""What pictures of a sweep show: its lanes' scores, and the settings they belong to, as arrays."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jgd.plotting._style import spans

DECADE = 10 * (1 - 1e-9)  # whatever the rounding of 0.03 and 0.3


class Column(NamedTuple):
    """A swept quantity.

    Attributes:
      shown: its distinct values as a table shows them, numbers first and in order.
      code: which of them each lane has.
      numbers: the values, if all are numbers.
      ordered: whether they are numbers, or numbers and "full".
    """

    name: str
    shown: list[Any]
    code: np.ndarray
    numbers: np.ndarray | None
    ordered: bool

    @classmethod
    def of(cls, name: str, values: list[Any]) -> "Column":
        pairs = [(isinstance(value, bool), value) for value in values]  # a flag is not the number that it is equal to
        distinct = dict.fromkeys(pairs)
        is_number = lambda pair: not pair[0] and isinstance(pair[1], (int, float))
        numbers, others = sorted(filter(is_number, distinct)), [pair for pair in distinct if not is_number(pair)]
        place = {pair: i for i, pair in enumerate(numbers + others)}
        known = None if others else np.array([float(value) for _, value in numbers])
        ordered = bool(numbers) and all(value == "full" for _, value in others)
        return cls(name, [value for _, value in place], np.array([place[pair] for pair in pairs]), known, ordered)

    @property
    def scale(self) -> str:
        """The axis of these values; one that begins at zero may be logarithmic from its next value on."""
        positive = np.zeros(0) if self.numbers is None or self.numbers[0] < 0 else self.numbers[self.numbers > 0]
        if not spans(positive, DECADE) or _skew(positive) < _skew(np.log(positive)):
            return "linear"
        return "log" if self.numbers[0] > 0 else "symlog"

    def text(self, i: int, most: int = 40) -> str:
        """A value in a label of so many letters."""
        value = self.shown[i]
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        return text if len(text) <= most else f"{text[: most - 14]} ... {text[-9:]}"


class Means(NamedTuple):
    """Scores of the lanes of each setting.

    Attributes:
      first: one of the lanes.
      lanes: how many there are.
      failed: how many of them failed.
      mean: of the others; NaN where there are none.
      low, high: one standard deviation (divided by one less than their number) around it, within their range.
    """

    first: np.ndarray
    lanes: np.ndarray
    failed: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclasses.dataclass(frozen=True)
class Table:
    """What is known of each lane.

    Attributes:
      metric: the name of the score.
      sign: +1 if a lower score is better, else -1.
      failed: those that did not end well.
      good: those that did, and have a score.
      columns: what was swept, by name.
      keys: the names of what sets the key alone.
    """

    sweep: Any
    metric: str
    sign: float
    score: np.ndarray
    failed: np.ndarray
    good: np.ndarray
    columns: dict[str, Column]
    keys: frozenset[str]

    @classmethod
    def of(cls, sweep: Any, metric: str | None) -> "Table":
        metric = sweep._metric(metric)
        score = np.asarray(sweep.scores(metric), float)
        failed = np.isin(sweep.status, ("diverged", "nonfinite")) | ~np.isfinite(sweep.objective)
        columns = {name: Column.of(name, sweep._column(name)) for name in sweep.names}
        places = {name: sweep._settings.axes[axis].places for name, (axis, _) in sweep._settings.columns.items()}
        keys = frozenset(name for name, found in places.items() if all(place.argument == "key" for place in found))
        return cls(sweep, metric, sweep._sign(metric), score, failed, ~failed & np.isfinite(score), columns, keys)

    @functools.cached_property
    def varying(self) -> list[Column]:
        """What has more than one value among these lanes."""
        return [column for column in self.columns.values() if len(column.shown) > 1]

    @functools.cached_property
    def numbers(self) -> list[Column]:
        """The swept numbers but the key; of those that were zipped, the first."""
        found: list[Column] = []
        for column in self.varying:
            if column.ordered and column.name not in self.keys and not any(follows(column, x) for x in found):
                found.append(column)
        return found

    @functools.cached_property
    def best_lane(self) -> int | None:
        """The lane with the best score, if any ended well."""
        return self.sweep.best_lane(self.metric) if self.good.any() else None

    @functools.cached_property
    def ceiling(self) -> float:
        """What a picture of scores shows at most: ten times what the best lane began with, if lower is better."""
        if self.best_lane is None or self.sign < 0:
            return np.inf
        most = 10 * float(self.sweep[self.best_lane].history[self.metric][0])
        return most if most > 0 and self.score[self.best_lane] < most else np.inf

    @property
    def steps_per_epoch(self) -> np.ndarray:
        return self.sweep.steps_per_epoch

    def chosen(self, *names: str | None) -> list[Column | None]:
        """The columns of these names; in place of None, what is left: numbers first, those with the most values, keys last."""
        first = [column.name for column in self.numbers]
        rank = lambda column: (column.name in self.keys, not column.ordered, column.name not in first, -len(column.shown))
        rest = iter([column for column in sorted(self.varying, key=rank) if column.name not in names])
        return [next(rest, None) if name is None else self.columns[name] for name in names]

    def means(self, columns: Sequence[Column]) -> Means:
        """Of the lanes that are alike in these columns, in the order of their values."""
        number = alike(columns, np.arange(len(self.score)))
        first, lanes = np.unique(number, return_index=True, return_counts=True)[1:]
        of, score = number[self.good], self.score[self.good]
        total = lambda where, values=None: np.bincount(where, values, minlength=len(first))
        tally = total(of)
        with np.errstate(over="ignore"):
            mean = np.where(tally > 0, total(of, score) / np.maximum(tally, 1), np.nan)
            std = np.sqrt(total(of, (score - mean[of]) ** 2) / np.maximum(tally - 1, 1))
        low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
        np.minimum.at(low, of, score)
        np.maximum.at(high, of, score)
        around = [np.where(tally > 0, ends, np.nan) for ends in (np.maximum(mean - std, low), np.minimum(mean + std, high))]
        return Means(first, lanes, total(number[self.failed]), mean, *around)

    def setting(self, lane: int, columns: Sequence[Column] | None = None) -> str:
        """The values of a lane, in a label."""
        columns = self.varying if columns is None else columns
        return ", ".join(f"{column.name}={column.text(column.code[lane])}" for column in columns)


def alike(columns: Sequence[Column], lanes: np.ndarray) -> np.ndarray:
    """A number for each of the lanes, the same for those with the same values; in the order of the values."""
    number = np.zeros(len(lanes), int)
    for column in columns:
        number = np.unique(number * len(column.shown) + column.code[lanes], return_inverse=True)[1].ravel()
    return number


def follows(column: Column, x: Column) -> bool:
    """Whether x says what the column's value is, and it rises or falls with x: as where they are zipped, not crossed."""
    pairs = np.unique(np.stack([x.code, column.code], axis=1), axis=0)
    steps = np.diff(pairs[:, 1])
    return len(pairs) == len(x.shown) and bool((steps >= 0).all() or (steps <= 0).all())


def _skew(values: np.ndarray) -> float:
    """How far from the middle of their range half of the sorted values lie, as a share of it."""
    return abs((np.median(values) - values[0]) / (values[-1] - values[0]) - 0.5)
