"""Columns as solvers take them: near zero, and of sizes whose squares the data's type holds."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._threads import by_parts
from jgd.data._place import aligned

# How many times its spread a column may be away from zero; in how many rows this is looked at; where it seems to be, in how many
# entries, as a column that seldom differs from a number near its mean does not in a few; how many entries are moved at once.
FAR, LOOK, MORE, BLOCK = 10.0, 2**10, 2**20, 2**18


class Columns(NamedTuple):
    """Rows as a solver takes them.

    Attributes:
      X: the rows, less `mean`, over `unit`.
      mean: the means of the columns; None where no column is far from zero.
      unit: powers of two, 1 but for columns that are huge or tiny; None where there are none.
      squares: the mean squares of X's columns, of some of the rows.
    """

    X: Any
    mean: np.ndarray | None
    unit: np.ndarray | None
    squares: np.ndarray

    def penalty(self, l2: Any) -> Any:
        """The strength of the penalty of each column's weight, for an l2 of shape (..., 1); of one shape with it, at least."""
        return l2 * np.ones(self.X.shape[1]) / (1.0 if self.unit is None else np.square(self.unit))


def centred(X: Any, free: bool) -> Columns:
    """X less the means of its columns, where one is far from zero and the intercept is free.

    z = (x - mean) w + c is the model x w + b with b = c - mean w: the weights, and so the penalty, are the same. Where squares of
    a column would overflow or vanish, its weight is that of x / unit.
    """
    host = np.asarray(X)
    look = host[:: max(1, len(host) // LOOK)].astype(np.float64)
    squares, far = np.mean(np.square(look), axis=0), _far(look) if free else np.zeros(host.shape[1], bool)
    if far.any():
        more = max(LOOK, MORE // np.count_nonzero(far))
        far[far] = _far(host[:: max(1, len(host) // more), far].astype(np.float64))
    mean = _mean(host) if far.any() else None
    size = np.abs(look if mean is None else look - mean).max(axis=0)
    most = float(jnp.finfo(host.dtype).max) ** 0.25
    odd = (size > most) | ((size > 0) & (size < 1 / most))
    unit = np.exp2(np.round(np.log2(np.where(odd, size, 1.0)))) if odd.any() else None
    if mean is None and unit is None:
        return Columns(X, None, None, squares)
    moved = aligned(host.shape, host.dtype)  # which JAX takes as it is
    change = lambda rows: (rows - (0.0 if mean is None else mean)) / (1.0 if unit is None else unit)

    def move(part: slice) -> None:
        for rows in _blocks(part, host.shape[1]):
            moved[rows] = change(host[rows].astype(np.float64))

    by_parts(move, len(host), BLOCK // host.shape[1])
    return Columns(jax.device_put(moved), mean, unit, np.mean(np.square(change(look)), axis=0))


def _far(look: np.ndarray) -> np.ndarray:
    """Which columns are far from zero."""
    squares, mean = np.mean(np.square(look), axis=0), look.mean(axis=0)
    return np.square(mean) > FAR**2 * np.maximum(squares - np.square(mean), 0.0)


def _mean(host: np.ndarray) -> np.ndarray:
    sums = lambda part: sum(host[rows].sum(axis=0, dtype=np.float64) for rows in _blocks(part, host.shape[1]))
    return sum(by_parts(sums, len(host), BLOCK // host.shape[1])) / len(host)


def _blocks(part: slice, columns: int) -> list[slice]:
    size = max(1, BLOCK // columns)
    return [slice(start, min(start + size, part.stop)) for start in range(part.start, part.stop, size)]
