"""Columns as solvers take them: near zero, and of sizes whose squares the data's type holds."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data._place import aligned

# How many times its spread a column may be away from zero; looked at in so many rows.
FAR, LOOK, BLOCK = 10.0, 1024, 2**16


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
    squares, mean = np.mean(np.square(look), axis=0), look.mean(axis=0)
    far = free and bool((np.square(mean) > FAR**2 * np.maximum(squares - np.square(mean), 0.0)).any())
    mean = _mean(host) if far else None
    size = np.abs(look if mean is None else look - mean).max(axis=0)
    most = float(jnp.finfo(host.dtype).max) ** 0.25
    odd = (size > most) | ((size > 0) & (size < 1 / most))
    unit = np.exp2(np.round(np.log2(np.where(odd, size, 1.0)))) if odd.any() else None
    if mean is None and unit is None:
        return Columns(X, None, None, squares)
    moved = aligned(host.shape, host.dtype)  # which JAX takes as it is
    change = lambda rows: (rows - (0.0 if mean is None else mean)) / (1.0 if unit is None else unit)
    for rows in _blocks(host):
        moved[rows] = change(host[rows].astype(np.float64))
    return Columns(jax.device_put(moved), mean, unit, np.mean(np.square(change(look)), axis=0))


def _mean(host: np.ndarray) -> np.ndarray:
    return sum(host[rows].sum(axis=0, dtype=np.float64) for rows in _blocks(host)) / len(host)


def _blocks(host: np.ndarray) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, len(host), BLOCK)]
