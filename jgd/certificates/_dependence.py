"""Columns that are sums of others, exactly: duplicates, constants beside an intercept, all values of a category."""

from collections.abc import Callable

import numpy as np

from jgd.certificates._hessian import gram_of
from jgd.certificates._rows import Rows
from jgd.models._condensed import triangle_of

# Of so many rows for each column, at least, sums are guessed, before all are looked at; up to such an eigenvalue of their Gram
# matrix, and up to such a singular value of all rows, as a share of the largest, a direction may be a sum of columns that is 0.
SOME, GUESS, SMALL = 64, 1e-12, 1e-9


def dependent(rows: Rows) -> np.ndarray:
    """Which columns of [X, 1] can be left out without loss: each is, row by row and without rounding, a sum of those kept.

    The null space of the columns suggests sums with factors +-2^k (and any factor of the intercept's); a sum counts only where
    it is exact. Where a dependence has other factors the columns stay. What some of the rows suggest may hold for all of them,
    and columns that are independent in some of the rows are so in all.
    """
    for every in sorted({max(1, len(rows) // (SOME * rows.columns)), 1}, reverse=True):
        scale, null_of = _by_gram(rows, every)
        if not np.isfinite(scale).all():
            break  # squares overflow
        out, exact = _dependent(rows, scale, null_of)
        if exact:
            return out
    return _dependent(rows, *_by_triangle(rows))[0]


def _dependent(rows: Rows, scale: np.ndarray, null_of: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, bool]:
    """Which columns are sums, and whether all that their null space suggests are."""
    p = rows.columns
    out = scale == 0
    if (rows.largest[out] > 0).any():
        return out, False
    used = np.flatnonzero(~out)
    null = null_of(used)
    sums = []
    for coefficients, column in _solved(null):
        j = used[column]
        factors = np.zeros(p)
        factors[used] = coefficients * scale[j] / scale[used]
        factors = _rounded(factors, rows.fit_intercept)
        factors[j] = 0.0
        sums.append((j, factors))
    exact = _are_sums(rows, sums)
    out[[j for (j, _), holds in zip(sums, exact, strict=True) if holds]] = True
    return out, all(exact)


def _by_gram(rows: Rows, every: int) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """The columns' lengths in one row of so many; and, of some columns scaled to length one, about what their null space is."""
    gram, _ = gram_of((block for _, block in rows.blocks(every=every)), rows.columns, len(rows) // every)
    scale = np.sqrt(np.diag(gram))

    def null(used: np.ndarray) -> np.ndarray:
        values, basis = np.linalg.eigh(gram[used][:, used] / scale[used] / scale[used, None])
        return basis.T[values <= GUESS * values.max(initial=0.0)]

    return scale, null


def _by_triangle(rows: Rows) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """The same of all rows, as far as float64 tells, by a QR factorisation."""
    triangle = np.zeros((0, rows.columns))
    for _, block in rows.blocks():
        triangle = triangle_of(np.concatenate([triangle, block]))
    scale = np.linalg.norm(triangle, axis=0)

    def null(used: np.ndarray) -> np.ndarray:
        _, values, basis = np.linalg.svd(triangle[:, used] / scale[used])
        return basis[np.count_nonzero(values > SMALL * values.max(initial=0.0)) :]

    return scale, null


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


def _are_sums(rows: Rows, sums: list[tuple[int, np.ndarray]]) -> list[bool]:
    """Whether each column j is the sum of the others times their factors; the intercept's is what the first row says."""
    last = rows.columns - 1 if rows.fit_intercept else -1
    terms = [[(i, factors[i]) for i in np.flatnonzero(factors) if i != last] for _, factors in sums]
    constants: list[float | None] = [None if rows.fit_intercept and j != last else 0.0 for j, _ in sums]
    left = set(range(len(sums)))
    for _, block in rows.blocks() if left else ():
        for one in sorted(left):
            rest = block[:, sums[one][0]]
            for i, factor in terms[one]:
                rest, error = _difference(rest, factor * block[:, i])
                if error.any():
                    left.discard(one)
                    break
            else:
                if constants[one] is None:
                    constants[one] = rest[0]
                if (rest != constants[one]).any():
                    left.discard(one)
        if not left:
            break
    return [one in left for one in range(len(sums))]


def _difference(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a - b, and its rounding error (Knuth's two-sum)."""
    total = a - b
    part = total - a
    return total, (a - (total - part)) - (b + part)
