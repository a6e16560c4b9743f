"""Objectives and optima in float64, by NumPy, in blocks of rows; what all who take part are judged by."""

import math
from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 14
EPS = np.finfo(np.float64).eps

Params = tuple[np.ndarray, np.ndarray]


def blocks(X: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    for start in range(0, len(y), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, X[rows].astype(np.float64), y[rows].astype(np.float64)


def objective(X: np.ndarray, y: np.ndarray, params: Params, l2: float) -> float:
    """The mean log loss and l2/2 |w|^2."""
    weights, bias = (np.asarray(p, np.float64) for p in params)

    def loss(x, t):
        z = x @ weights + bias
        return np.sum(np.logaddexp(0, z) - t * z)

    return math.fsum(loss(x, t) for _, x, t in blocks(X, y)) / len(y) + l2 / 2 * weights @ weights


def optimum(X: np.ndarray, y: np.ndarray, l2: float, steps: int = 100) -> tuple[float, Params]:
    """The least objective and where it is: damped Newton, until a step gains no more than rounding."""
    d = X.shape[1]
    theta, penalty = np.zeros(d + 1), l2 * np.append(np.ones(d), 0)
    value = objective(X, y, (theta[:d], theta[d]), l2)
    for _ in range(steps):
        gradient, hessian = _derivatives(X, y, theta)
        step = _newton_step(hessian + np.diag(penalty), gradient + penalty * theta)
        decrement, t = (gradient + penalty * theta) @ step, 1.0
        if decrement / 2 <= EPS * value / 4:
            return value, (theta[:d], theta[d])
        if not np.isfinite(decrement):
            raise ValueError("the data or the objective are not finite.")
        while True:
            new = theta - t * step
            new_value = objective(X, y, (new[:d], new[d]), l2)
            if new_value <= value - 0.1 * t * decrement:
                break
            if t * decrement <= 100 * EPS * value:  # nothing is left that could be told from rounding
                return min((value, (theta[:d], theta[d])), (new_value, (new[:d], new[d])), key=lambda found: found[0])
            t /= 2
        theta, value = new, new_value
    raise RuntimeError(f"no optimum after {steps} Newton steps: {value} with {decrement / 2:.1e} to go.")


def _derivatives(X: np.ndarray, y: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of the mean loss with respect to weights and bias."""
    d = X.shape[1]
    gradient, hessian = np.zeros(d + 1), np.zeros((d + 1, d + 1))
    for _, x, t in blocks(X, y):
        x = np.column_stack([x, np.ones(len(x))])
        p = sigmoid(x @ theta)
        gradient += x.T @ (p - t)
        hessian += x.T @ (x * (p * (1 - p))[:, None])
    return gradient / len(y), hessian / len(y)


def _newton_step(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """H^-1 g, of columns brought to one scale; directions that are flat to rounding are left out."""
    unit = 1 / np.sqrt(np.maximum(np.diagonal(hessian), 1e-300))
    values, vectors = np.linalg.eigh(hessian * np.outer(unit, unit))
    keep = values > 4 * len(unit) * EPS
    return unit * (vectors[:, keep] @ ((vectors[:, keep].T @ (unit * gradient)) / values[keep]))


def sigmoid(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -z))


def largest_gradient(X: np.ndarray, y: np.ndarray, params: Params, l2: np.ndarray, counts: np.ndarray) -> float:
    """Of many fits with weights (k, d), biases (k,), penalties (k,) and row weights (k, n): the largest entry of any gradient."""
    weights, bias = (np.asarray(p, np.float64) for p in params)
    gradient, slope = np.zeros_like(weights), np.zeros_like(bias)
    for rows, x, t in blocks(X, y):
        residual = (sigmoid(x @ weights.T + bias) - t[:, None]).T * counts[:, rows]
        gradient += residual @ x
        slope += residual.sum(axis=1)
    total = counts.sum(axis=1, dtype=np.float64)
    gradient = gradient / total[:, None] + l2[:, None] * weights
    return float(max(np.abs(gradient).max(), np.abs(slope / total).max()))


def ridge_errors(X: np.ndarray, y: np.ndarray, l2: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """The mean squared error on each held-out fold of ridge regression on the others: (penalties, folds)."""
    X, y, found = X.astype(np.float64), y.astype(np.float64), []
    for k in range(folds.max() + 1):
        train, test = folds != k, folds == k
        mean, level = X[train].mean(axis=0), y[train].mean()
        x = X[train] - mean
        values, vectors = np.linalg.eigh(x.T @ x / len(x))
        moved = vectors.T @ (x.T @ (y[train] - level) / len(x))
        weights = vectors @ (moved[:, None] / (values[:, None] + l2 / 2))
        found.append(np.mean((((X[test] - mean) @ weights) + level - y[test][:, None]) ** 2, axis=0))
    return np.stack(found, axis=1)


def left_out_errors(X: np.ndarray, y: np.ndarray, l2: np.ndarray) -> np.ndarray:
    """The mean squared error of ridge regressions on all rows but the one predicted: (penalties,).

    With the penalty of scikit-learn's, n l2 / 2 |w|^2 beside the sum of squares however many rows are left, so that the
    residual is that of the fit on all rows divided by 1 - the row's leverage.
    """
    X, y = X.astype(np.float64), y.astype(np.float64)
    x, t = X - X.mean(axis=0), y - y.mean()
    U, s, _ = np.linalg.svd(x, full_matrices=False)
    shrink = s[:, None] ** 2 / (s[:, None] ** 2 + len(y) * l2 / 2)
    residual = t[:, None] - U @ (shrink * (U.T @ t)[:, None])
    leverage = U**2 @ shrink + 1 / len(y)
    return np.mean((residual / (1 - leverage)) ** 2, axis=0)
