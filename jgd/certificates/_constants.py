"""Smoothness and strong convexity of linear and logistic regression: between what an objective's curvature lies, everywhere.

The loss of a row has a curvature in z of at most c: 2 for squares (exactly), 1/4 for the logistic loss, 1/2 for softmax. So no
curvature is larger than the largest eigenvalue of c G + P, with G = sum_i s_i [x_i, 1]' [x_i, 1], s_i the weights over n, and P
diagonal: l2 for each column and 0 for the intercept, or p_j where the penalty is that of standardised columns.
"""

import math
from typing import Any

import numpy as np

from jgd._checks import check_count, shown
from jgd._errors import public
from jgd._over import refuse_over
from jgd.certificates._certificate import check_problem
from jgd.certificates._rounding import UNIT, of_sum
from jgd.certificates._rows import Rows, with_intercept
from jgd.models import Problem
from jgd.models._standardized import inside, penalty_of

# Up to so many columns eigenvalues are computed of the matrix; for more only the largest, from products.
FEW = 1000
# What Lanczos's method may miss of the largest eigenvalue, and how probably it may miss more.
MISSED, PROBABILITY = 0.01, 1e-9


@public
def smoothness(problem: Problem, data: Any, *, batch_size: int | str = "full") -> float:
    """L: no curvature of the objective is larger; the expected smoothness, for batches of b rows drawn without replacement.

    L = lambda_max(c G + l2 I_w),  L_b = n (b - 1) / (b (n - 1)) L + (n - b) / (b (n - 1)) max_i L_i,  L_i that of row i alone,
    G = mean_i w_i [x_i, 1]' [x_i, 1] with the intercept's 1; c is 2 for squares, 1/4 for logistic loss, 1/2 for softmax.

    L_1 is that of the largest row, L_n = L. For gradients g_B of a batch at any two points, d apart, E |g_B - g_B'|^2 <= L_b E
    (g_B - g_B') d, so that steps of gradient descent with a learning rate below 2 / L_b bring any two runs with the same batches
    closer to each other in the mean square. It is an upper bound: with more than 1000 columns one percent above an estimate by
    Lanczos's method, which fails with a probability below 1e-9.

    Args:
      problem: a linear or logistic regression, also that which a standardised refit carries: its penalty is one by column.
      data: the rows.
      batch_size: "full", or how many rows a batch has.

    Raises:
      TypeError: for a problem of which no constant is known.

    >>> import jgd
    >>> jgd.smoothness(jgd.linear_regression(fit_intercept=False), ([[3.0], [1.0]], [0.0, 0.0]))
    10.0000...
    >>> jgd.smoothness(jgd.linear_regression(fit_intercept=False), ([[3.0], [1.0]], [0.0, 0.0]), batch_size=1)
    18.0000...

    Source: Gower et al., "SGD: general analysis and improved rates", arXiv:1901.09401, proposition 3.8; Kuczynski & Wozniakowski,
    "Estimating the largest eigenvalue by the power and Lanczos algorithms", SIAM J. Matrix Anal. Appl. 13 (1992).
    """
    rows, curvature, penalty = checked("smoothness", problem, data)
    n, b = rows.count, rows.count if batch_size == "full" else batch_size
    if isinstance(b, str):
        raise ValueError(f"batch_size must be 'full' or a whole number, found {shown(b)}.")
    if check_count("batch_size", b) > n:
        raise ValueError(f"batch_size={b} is more than the {n} rows; use 'full' for all of them.")
    largest = _largest(rows, curvature, penalty)
    return largest if b == n else of_batches(n, b, largest, _of_row(rows, curvature, penalty))


def of_batches(n: int, b: int, largest: float, of_row: float) -> float:
    """L_b, from L and that of the largest row."""
    return largest if b == n else (n * (b - 1) * largest + (n - b) * of_row) / (b * (n - 1))


@public
def strong_convexity(problem: Problem, data: Any) -> float:
    """mu: no curvature of the objective is smaller, anywhere; 0 where there is none.

    mu = lambda_min(2 G + l2 I_w) for squares, which with a free intercept may be smaller than l2. The logistic loss flattens out
    far away: l2 without an intercept, 0 with one.

    With mu > 0 an objective is at most |gradient|^2 / (2 mu) above its optimum. It is a lower bound: what rounding may
    have done is taken off, so that where the columns are nearly dependent it is 0.

    Args:
      problem: a linear or logistic regression, also that which a standardised refit carries: its penalty is one by column.
      data: the rows.

    Raises:
      TypeError: for a problem of which no constant is known.

    >>> import jgd
    >>> jgd.strong_convexity(jgd.linear_regression(fit_intercept=False), ([[3.0], [1.0]], [0.0, 0.0]))
    9.9999...
    >>> jgd.strong_convexity(jgd.logistic_regression(l2=0.1, fit_intercept=False), ([[3.0], [1.0]], [0, 1]))
    0.1
    >>> jgd.strong_convexity(jgd.logistic_regression(l2=0.1), ([[3.0], [1.0]], [0, 1]))
    0.0

    Source: Nesterov, "Introductory lectures on convex optimization", section 2.1.3.
    """
    rows, curvature, penalty = checked("strong_convexity", problem, data)
    l2 = float(penalty.min())
    if inside(problem).name == "logistic_regression":
        return 0.0 if rows.fit_intercept else l2
    if rows.columns <= FEW:
        values, error = _eigenvalues(rows, curvature, penalty)
        least = values[0] - error
    else:
        least = 0.0
    if not rows.fit_intercept:
        return float(max(least, l2))
    if l2 == 0:
        return float(max(least, 0.0))
    # By Jensen's inequality G is at least m m' / s for m = sum_i s_i [x_i, 1] and the sum s of the weights; apart from l2, only
    # the intercept and the direction of m matter, and of those two the product of the eigenvalues is l2 c s.
    mean, off = rows.mean(np.ones((len(rows), 1)), 0.0)
    total, length = float(rows.share.sum()), float(np.linalg.norm(np.abs(mean[:-1]) + off[:-1]))
    a, b = curvature * length**2 / total + l2, curvature * total
    other = (a + b) / 2 + math.hypot((a - b) / 2, curvature * length)
    return float(max(least, l2 * b / other * (1 - 2 * of_sum(len(rows)))))


def checked(where: str, problem: Any, data: Any) -> tuple[Rows, float, np.ndarray]:
    """The rows in float64, the largest curvature of the loss, and the strength of each column's penalty."""
    check_problem(where, problem)
    refuse_over(where, problem=problem, data=data)
    of = inside(problem)
    if of.name not in ("linear_regression", "logistic_regression"):
        raise TypeError(f"{where}: no constant is known for {of.name}, only for linear_regression and logistic_regression.")
    data = problem.dataset(data)
    curvature = 2.0 if of.name == "linear_regression" else 0.25 if of.classes == 2 else 0.5
    return Rows(data, of.fit_intercept), curvature, penalty_of(problem, data.X.shape[1])


def _of_row(rows: Rows, curvature: float, penalty: np.ndarray) -> float:
    """At least the smoothness of any row alone."""
    most = max((rows.share[where] * np.einsum("ij,ij->i", block, block)).max() for where, block in rows.blocks())
    return float(penalty.max() + curvature * rows.count * most * (1 + 2 * of_sum(rows.columns)))


def _eigenvalues(rows: Rows, curvature: float, penalty: np.ndarray) -> tuple[np.ndarray, float]:
    """Those of c G + P, in order, and what they may be off by."""
    gram = np.zeros((rows.columns, rows.columns))
    for where, block in rows.blocks():
        gram += (block * rows.share[where, None]).T @ block
    matrix = curvature * gram + np.diag(with_intercept(rows, penalty))
    return np.linalg.eigvalsh(matrix), (of_sum(len(rows)) + 8 * UNIT * rows.columns) * float(np.trace(matrix))


def _largest(rows: Rows, curvature: float, penalty: np.ndarray) -> float:
    """At least the largest eigenvalue of c G + P."""
    if rows.columns <= FEW:
        values, error = _eigenvalues(rows, curvature, penalty)
        return float(values[-1] + error)

    def product(v):
        out = with_intercept(rows, penalty) * v
        for where, block in rows.blocks():
            out += curvature * ((rows.share[where] * (block @ v)) @ block)
        return out

    steps = math.ceil((math.log(1.648 * math.sqrt(rows.columns) / PROBABILITY) / math.sqrt(MISSED) + 1) / 2)
    v = np.random.default_rng(0).normal(size=rows.columns)
    basis, diagonal, beside = [v / np.linalg.norm(v)], [], []
    for _ in range(steps):
        image = product(basis[-1])
        diagonal.append(image @ basis[-1])
        for _ in range(2):  # rounding would let the basis drift
            image -= np.array(basis).T @ (np.array(basis) @ image)
        length = np.linalg.norm(image)
        if length <= 1e-12 * max(diagonal):
            break
        beside.append(length)
        basis.append(image / length)
    from scipy.linalg import eigvalsh_tridiagonal  # scipy comes with JAX

    values = eigvalsh_tridiagonal(np.array(diagonal), np.array(beside[: len(diagonal) - 1]))
    return float(values[-1] / (1 - MISSED))
