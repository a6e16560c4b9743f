"""Columns far from zero, about their means: what float32 and the intercept would otherwise cancel between them."""

from typing import Any, NamedTuple

import numpy as np

from jgd.data._dataset import _placed

# How many times its spread a column may be away from zero; looked at in so many rows.
FAR, LOOK, BLOCK = 10.0, 4096, 2**16


class Columns(NamedTuple):
    """Rows as a solver takes them.

    Attributes:
      X: the rows, less `mean`.
      mean: the means of the columns; None where no column is far from zero.
      squares: the mean squares of X's columns, of some of the rows.
    """

    X: Any
    mean: np.ndarray | None
    squares: np.ndarray


def centred(X: Any, free: bool) -> Columns:
    """X less the means of its columns, where one is far from zero and the intercept is free.

    z = (x - mean) w + c is the model x w + b with b = c - mean w: the weights, and so the penalty, are the same.
    """
    host = np.asarray(X)
    look = host[:: max(1, len(host) // LOOK)].astype(np.float64)
    squares, centre = np.mean(np.square(look), axis=0), look.mean(axis=0)
    spread = np.maximum(squares - np.square(centre), 0.0)
    if not free or not (np.square(centre) > FAR**2 * spread).any():
        return Columns(X, None, squares)
    mean = np.zeros(host.shape[1])
    blocks = [slice(start, start + BLOCK) for start in range(0, len(host), BLOCK)]
    for rows in blocks:
        mean += host[rows].sum(axis=0, dtype=np.float64) / len(host)
    moved = np.empty_like(host)
    for rows in blocks:
        moved[rows] = host[rows].astype(np.float64) - mean
    return Columns(_placed(moved), mean, np.mean(np.square(look - mean), axis=0))
