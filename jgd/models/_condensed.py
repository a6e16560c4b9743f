"""Least squares on fewer rows.

The mean squared error of a linear model, sum_i w_i |x_i W + b - y_i|^2 / sum_i w_i, is |R [b; W; -1]|^2 / sum_i w_i for the
triangle R of the rows sqrt(w_i) [1, x_i, y_i]: of n rows it takes no more than the d + 1 + k of R, k being the number of outputs.
A reflection that makes R's first column constant makes rows of data of it, with the same mean squared error whatever the
parameters, and so with the same gradient. Both are orthogonal, and lose nothing but rounding.

Source: Golub & Van Loan, "Matrix Computations", 4th edition, sections 5.1 and 5.3.
"""

import math

import numpy as np

from jgd.data import Dataset

# Entries of a block that is factorised by itself, and of what is held at once. LAPACK hands larger blocks to several threads,
# which wait for each other where a core is shared: 20,000 rows of 50 columns took 680 ms instead of 16 beside a busy process.
BLOCK, HELD = 2**13, 2**21


# How many times as far from zero as from their mean numbers in float32 may be.
FAR = 10.0


def condensed(data: Dataset) -> Dataset:
    """A set of d + 1 + k rows on which every linear model has the same mean squared error.

    The set itself, if it has not twice as many, is of half precision, has no weight at all, or is in float32 and so far from
    zero that rounding new rows would show.
    """
    (n, d), dtype = data.X.shape, np.result_type(data.X.dtype, data.y.dtype)
    m = d + 1 + math.prod(data.y.shape[1:])
    if n < 2 * m or not all(part.dtype in (np.float32, np.float64) for part in (data.X, data.y)):
        return data
    X, y = np.asarray(data.X), np.asarray(data.y).reshape(n, -1)
    root = np.ones(n) if data.sample_weight is None else np.sqrt(np.asarray(data.sample_weight, np.float64))
    triangle = np.zeros((0, m))
    for start in range(0, n, HELD // m):
        rows = slice(start, start + HELD // m)
        held = root[rows, None] * np.column_stack([np.ones(len(y[rows])), X[rows], y[rows]])
        triangle = triangle_of(np.concatenate([triangle, held]))
    mean, rest = np.abs(triangle[0, 1:]), np.linalg.norm(triangle[1:, 1:], axis=0)
    far = (mean > FAR * rest) & (rest > 1e-12 * mean)  # what is constant keeps its value
    if triangle[0, 0] == 0 or dtype == np.float32 and far.any():
        return data
    mirror = np.eye(m, 1).ravel() - 1 / np.sqrt(m)
    reflected = triangle - np.outer(mirror, mirror @ triangle) * (2 / (mirror @ mirror))
    made = (reflected * (np.sqrt(m) / triangle[0, 0])).astype(dtype)
    X, y = np.ascontiguousarray(made[:, 1 : d + 1]), made[:, d + 1 :].reshape(m, *data.y.shape[1:])
    weight = None if data.sample_weight is None else np.full(m, np.mean(root**2), data.sample_weight.dtype)
    return data._with(X=X, y=y, sample_weight=weight)


def triangle_of(rows: np.ndarray) -> np.ndarray:
    """R of the rows' QR factorisation: that of the triangles of blocks of them, and so on."""
    m = rows.shape[1]
    size = max(2 * m, BLOCK // m)
    while len(rows) > size:
        count = len(rows) // size
        blocks = rows[: count * size].reshape(count, size, m)
        rows = np.concatenate([np.linalg.qr(blocks, mode="r").reshape(-1, m), rows[count * size :]])
    return np.linalg.qr(rows, mode="r")
