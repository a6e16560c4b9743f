"""Columns that are sums of others, exactly: duplicates, constants beside an intercept, all values of a category."""

import numpy as np

from jgd.certificates._rows import Rows
from jgd.models._condensed import triangle_of


def dependent(rows: Rows) -> np.ndarray:
    """Which columns of [X, 1] can be left out without loss: each is, row by row and without rounding, a sum of those kept.

    The null space of the columns suggests sums with factors +-2^k (and any factor of the intercept's); a sum counts only where
    it is exact. Where a dependence has other factors the columns stay.
    """
    p = rows.columns
    out = np.zeros(p, bool)
    triangle = np.zeros((0, p))
    for _, block in rows.blocks():
        triangle = triangle_of(np.concatenate([triangle, block]))
    scale = np.linalg.norm(triangle, axis=0)
    out |= scale == 0
    used = np.flatnonzero(~out)
    _, values, basis = np.linalg.svd(triangle[:, used] / scale[used])
    null = basis[np.count_nonzero(values > 1e-9 * values.max(initial=0.0)) :]
    for coefficients, column in _solved(null):
        j = used[column]
        factors = np.zeros(p)
        factors[used] = coefficients * scale[j] / scale[used]
        factors = _rounded(factors, rows.fit_intercept)
        factors[j] = 0.0
        if _is_sum(rows, j, factors):
            out[j] = True
    return out


def _solved(null: np.ndarray):
    """For each null vector, in a basis solved for as many columns: a column, and the factors that give it from the others."""
    null = null.copy()
    solved = []
    for i in range(len(null)):
        # An intercept stands last, and is solved for last.
        sizes = np.abs(null[i]) * np.where(np.arange(null.shape[1]) < null.shape[1] - 1, 1.0, 0.1)
        column = int(np.argmax(sizes))
        if sizes[column] < 1e-6:
            continue
        null[i] /= null[i, column]
        for other in range(len(null)):
            if other != i:
                null[other] -= null[other, column] * null[i]
        solved.append((i, column))
    return [(-null[i], column) for i, column in solved]


def _rounded(factors: np.ndarray, fit_intercept: bool) -> np.ndarray:
    """The nearest signed powers of two; the factor of the intercept stays."""
    size = np.abs(factors)
    power = np.round(np.log2(np.where(size > 1e-6, size, 1.0)))
    rounded = np.where(size > 1e-6, np.sign(factors) * 2.0**power, 0.0)
    if fit_intercept:
        rounded[-1] = factors[-1]
    return rounded


def _is_sum(rows: Rows, j: int, factors: np.ndarray) -> bool:
    """Whether column j is the sum of the others times their factors; the intercept's is what the first row says."""
    terms = [(i, factors[i]) for i in np.flatnonzero(factors) if not (rows.fit_intercept and i == rows.columns - 1)]
    constant = None
    for _, block in rows.blocks():
        rest = block[:, j]
        for i, factor in terms:
            rest, error = _difference(rest, factor * block[:, i])
            if error.any():
                return False
        if constant is None:
            constant = rest[0] if rows.fit_intercept and j != rows.columns - 1 else 0.0
        if (rest != constant).any():
            return False
    return True


def _difference(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a - b, and its rounding error (Knuth's two-sum)."""
    total = a - b
    part = total - a
    return total, (a - (total - part)) - (b + part)
