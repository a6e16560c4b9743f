"""A linear model's objective at its parameters, in float64 on the host, with what rounding may have done to each part of it.

X stays in its own type; a block of its rows at a time is made float64.
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jgd.certificates._rounding import UNIT, of_sum
from jgd.data._dataset import ByFeature, Dataset

BLOCK = 4096


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
        largest = np.maximum(self.X.max(axis=0), -self.X.min(axis=0)).astype(np.float64)
        return np.append(largest, 1.0) if self.fit_intercept else largest

    def of(self, values: Any) -> np.ndarray:
        """Values per row, of the rows that weigh something."""
        values = np.asarray(values)
        return values if self.kept is None else values[self.kept]

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, np.ndarray]]:
        """The rows [x_i, 1], block by block."""
        for start in range(0, len(self), size):
            where = slice(start, start + size)
            block = self.X[where].astype(np.float64)
            yield where, np.column_stack([block, np.ones(len(block))]) if self.fit_intercept else block

    def times(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[X, 1] theta, shape (m, k), and what each row's may be off by, shape (m,)."""
        out, size = np.empty((len(self), theta.shape[1])), np.empty(len(self))
        for where, block in self.blocks():
            out[where] = block @ theta
            size[where] = (np.abs(block) @ np.abs(theta)).max(axis=1)
        return out, of_sum(self.columns) * size

    def mean(self, slopes: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """sum_i share_i [x_i, 1]' slopes_i, shape (columns, k), and what it may be off by where the slopes are by `error`."""
        out = np.zeros((self.columns, slopes.shape[1]))
        off = np.zeros_like(out)
        slopes, error = self.share[:, None] * slopes, self.share[:, None] * (error + 2 * UNIT * np.abs(slopes))
        bound = of_sum(len(self)) * np.abs(slopes) + error
        for where, block in self.blocks():
            out += block.T @ slopes[where]
            off += np.abs(block).T @ bound[where]
        return out, off


class Point(NamedTuple):
    """An objective where it is to be certified.

    Attributes:
      rows: the data.
      l2: the strength of the penalty.
      theta: the parameters, shape (columns, k): the intercept is the last row.
      z: predictions or logits, shape (m, k).
      z_error: what each row's z may be off by, shape (m,).
    """

    rows: Rows
    l2: float
    theta: np.ndarray
    z: np.ndarray
    z_error: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """The penalised parameters, with zeros in the place of the intercept."""
        return self.theta * self.penalised[:, None]

    @property
    def penalised(self) -> np.ndarray:
        return penalised(self.rows)


def penalised(rows: Rows) -> np.ndarray:
    """1 for each column with a penalty, 0 for the intercept's."""
    ones = np.ones(rows.columns)
    ones[rows.columns - rows.fit_intercept :] = 0.0
    return ones
