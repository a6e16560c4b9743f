"""How much rounding may have done.

Every bound of this package is computed in float64 and enlarged by what rounding may have taken from it. A sum of k terms t_i, in
whatever order it is added up, is off by at most  min(k, 8 sqrt(k)) u sum_i |t_i|,  u = 2^-53: the first is certain, the second
fails with a probability below 2 k exp(-32).

Source: Higham & Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41 (2019).
"""

import math

import numpy as np

UNIT = 2.0**-53


def of_sum(count: int) -> float:
    """What a sum of so many products may be off by, in parts of the sum of their absolute values."""
    return UNIT * (2 + min(count, 8 * math.sqrt(count)))


def of_sum_in_pairs(count: int) -> float:
    """The same, certain, of a sum that NumPy adds up in pairs, as it does along an axis of neighbours."""
    return UNIT * (32 + math.log2(max(count, 1)))


def dot(a: np.ndarray, b: np.ndarray) -> np.float64:
    """sum_i a_i b_i, by one thread: BLAS's, for vectors, wait for each other where a core is shared."""
    return np.float64(np.einsum("i,i->", a, b))


def length(a: np.ndarray) -> np.float64:
    """The root of the sum of squares of all entries, likewise."""
    return np.sqrt(np.sum(np.square(a)))


def bregman(r: np.ndarray) -> np.ndarray:
    """(1 + r) log(1 + r) - r for r >= -1, without cancellation near 0, where it is r^2 / 2."""
    r = np.asarray(r, np.float64)
    small = np.abs(r) < 0.02
    s = np.where(small, r, 0.0)
    series = sum((-s) ** k / ((k + 1) * (k + 2)) for k in range(9)) * s**2
    large = np.where(small, 1.0, r)
    return np.where(small, series, (1 + large) * np.log1p(np.maximum(large, np.nextafter(-1.0, 0.0))) - large)
