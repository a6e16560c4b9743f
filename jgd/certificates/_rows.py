"""A linear model's objective at its parameters, in float64 on the host, with what rounding may have done to each part of it.

X stays in its own type; a block of its rows at a time is made float64, of a size that stays in the cache. Large ones are parted
among a few threads of our own, and multiplied by NumPy's einsum where BLAS would take threads too: those wait for each other,
many times as long where a core is shared.

What rounding does is bounded by the columns' largest values, which are found once, rather than by a second product of absolute
values: a bound too large by some factor, of what is 1e-16.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from jgd._threads import by_parts
from jgd.certificates._rounding import UNIT, of_sum, of_sum_in_pairs
from jgd.data._by_feature import ByFeature
from jgd.data._dataset import Dataset

# Rows of a block, and entries of one that is only multiplied by a vector; rows that are compared side by side; entries that
# are worth a thread.
BLOCK, ENTRIES, SIDE, WORTH = 4096, 2**17, 32, 2**20


class Rows:
    """The rows that weigh something: [X, 1] (or X, without an intercept), and their weights over n.

    Attributes:
      share: what each row counts in the mean, shape (m,).
      count: how many rows the data has, with those that weigh nothing.
      columns: how many columns there are, with that of the intercept.
    """

    def __init__(self, data: Dataset, fit_intercept: bool):
        X = data.X.by_feature.T if isinstance(data.X, ByFeature) else data.X
        self.X, self.fit_intercept, n = np.asarray(X), fit_intercept, len(data)
        weight = np.ones(n) if data.sample_weight is None else np.asarray(data.sample_weight, np.float64)
        self.kept = None if (weight > 0).all() else weight > 0
        if self.kept is not None:
            self.X, weight = self.X[self.kept], weight[self.kept]
        self.share, self.count = weight / n, n
        self.columns = self.X.shape[1] + fit_intercept

    def __len__(self) -> int:
        return len(self.X)

    @functools.cached_property
    def largest(self) -> np.ndarray:
        """The largest absolute value of each column."""
        of_part = lambda part: [_largest(self.X[where]) for where in self._slices(part)]
        largest = np.max([one for found in self._by_parts(of_part) for one in found], axis=0)
        return np.append(largest, 1.0) if self.fit_intercept else largest

    def of(self, values: Any) -> np.ndarray:
        """Values per row, of the rows that weigh something."""
        values = np.asarray(values)
        return values if self.kept is None else values[self.kept]

    def blocks(self, size: int | None = None, every: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
        """The rows [x_i, 1], block by block; of all rows, or of one in so many."""
        step = (size or BLOCK) * every
        for start in range(0, len(self), step):
            where = slice(start, start + step, every)
            block = self.X[where]
            out = np.empty((len(block), self.columns))
            out[:, : self.X.shape[1]], out[:, self.X.shape[1] :] = block, 1.0
            yield where, out

    def _slices(self, part: slice, outputs: int = 1) -> Iterator[slice]:
        size = max(ENTRIES // (self.X.shape[1] * outputs), 16)
        return (slice(start, min(start + size, part.stop)) for start in range(part.start, part.stop, size))

    def _by_parts(self, function: Callable[[slice], Any]) -> list[Any]:
        return by_parts(function, len(self), WORTH // self.X.shape[1])

    def times(self, theta: np.ndarray) -> tuple[np.ndarray, np.float64, np.float64]:
        """[X, 1] theta, shape (m, k), what is no smaller than any of it, and what any of it may be off by."""
        weights, out = theta[: self.X.shape[1]], np.empty((len(self), theta.shape[1]))

        def fill(part: slice) -> None:
            for where in self._slices(part, theta.shape[1]):
                X = self.X[where].astype(np.float64)
                out[where] = np.einsum("ij,j->i", X, weights[:, 0])[:, None] if weights.shape[1] == 1 else X @ weights

        self._by_parts(fill)
        if self.fit_intercept:
            out += theta[-1]
        size = (self.largest @ np.abs(theta)).max() * (1 + 2 * of_sum(self.columns))
        return out, size, of_sum(self.columns) * size

    def mean(self, slopes: np.ndarray, relative: float, absolute: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """sum_i share_i [x_i, 1]' slopes_i, shape (columns, k), and what it may be off by.

        Args:
          slopes: of shape (m, k).
          relative: what each may be off by, in parts of itself.
          absolute: what it may be off by besides.
        """
        d, slopes = self.X.shape[1], self.share[:, None] * slopes
        out = np.zeros((self.columns, slopes.shape[1]))

        def of_part(part: slice) -> np.ndarray:
            total = np.zeros((d, slopes.shape[1]))
            for where in self._slices(part, slopes.shape[1]):
                X, some = self.X[where].astype(np.float64), slopes[where]
                total += np.einsum("ij,i->j", X, some[:, 0])[:, None] if some.shape[1] == 1 else X.T @ some
            return total

        out[:d] = sum(self._by_parts(of_part))
        size, error = np.abs(slopes).sum(axis=0) * (1 + of_sum(len(self))), absolute * self.share.sum()
        off = self.largest[:, None] * ((of_sum(len(self)) + relative + 3 * UNIT) * size + error)
        if self.fit_intercept:
            out[-1] = np.ascontiguousarray(slopes.T).sum(axis=1)
            off[-1] = (of_sum_in_pairs(len(self)) + relative + 3 * UNIT) * size + error
        return out, off


class Point(NamedTuple):
    """An objective where it is to be certified.

    Attributes:
      rows: the data.
      penalty: p_j in the penalty sum_j p_j |theta_j|^2 / 2, shape (columns,); 0 for the intercept. Each may be off by 3 units.
      theta: the parameters, shape (columns, k): the intercept is the last row.
      z: predictions or logits, shape (m, k).
      z_error: what any z may be off by.
    """

    rows: Rows
    penalty: np.ndarray
    theta: np.ndarray
    z: np.ndarray
    z_error: float

    @property
    def pull(self) -> np.ndarray:
        """The gradient of the penalty."""
        return self.penalty[:, None] * self.theta

    @property
    def is_penalised(self) -> bool:
        """Whether every weight has a penalty, so that there is an optimum."""
        return bool((self.penalty[: self.rows.X.shape[1]] > 0).all())


def with_intercept(rows: Rows, of_columns: np.ndarray | float) -> np.ndarray:
    """What each column has, and 0 for the intercept."""
    out = np.zeros(rows.columns)
    out[: rows.X.shape[1]] = of_columns
    return out


def _largest(block: np.ndarray) -> np.ndarray:
    """The largest absolute value of each column: NumPy compares long rows several times as fast as it does many short ones."""
    even = len(block) // SIDE * SIDE
    parts = [block[:even].reshape(-1, SIDE * block.shape[1]), block[even:]] if block.flags.c_contiguous else [block]
    ends = [end.reshape(-1, block.shape[1]) for part in parts if len(part) for end in (part.max(axis=0), -part.min(axis=0))]
    return np.concatenate(ends).max(axis=0).astype(np.float64)
