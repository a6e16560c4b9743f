"""numba: loops written for speed. One row a step keeps no gradient; all rows are one fused pass, a block a core."""

# ruff: noqa: NPY002  (in numba the legacy generator shuffles twice as fast as the new one)
import numba
import numpy as np
from numba import njit, prange

from benchmarks._works import B1, B2, EPS, MOMENTUM

FAST = {"fastmath": True, "error_model": "numpy"}
ONE, TWO = np.float32(1), np.float32(2)
SMALL = 1 << 16  # numbers in X below which a second core costs more than it gives


def kernels(work):
    """Functions of a row and of a coordinate. Weights and bias are one array, the bias last."""
    logistic, adam, momentum = work.model == "logistic", work.rule == "adam", work.rule == "momentum"
    decay, b1, b2 = np.float32(MOMENTUM), np.float32(1 - B1), np.float32(1 - B2)

    @njit(**FAST)
    def residual(X, y, w, i):
        z = w[-1]
        for j in range(X.shape[1]):
            z += w[j] * X[i, j]
        return ONE / (ONE + np.exp(-z)) - y[i] if logistic else TWO * (z - y[i])

    @njit(**FAST)
    def move(w, mu, nu, j, g, rate, eps):
        if adam:
            mu[j] += b1 * (g - mu[j])
            nu[j] += b2 * (g * g - nu[j])
            w[j] -= rate * mu[j] / (np.sqrt(nu[j]) + eps)
        elif momentum:
            mu[j] = decay * mu[j] + g
            w[j] -= rate * mu[j]
        else:
            w[j] -= rate * g

    @njit(**FAST)
    def corrected(rate, p1, p2):
        """Adam's learning rate and epsilon at the next step, its bias corrected, and the next powers of its two decays."""
        if not adam:
            return rate, np.float32(EPS), p1, p2
        p1, p2 = p1 * B1, p2 * B2
        root = np.sqrt(1 - p2)
        return np.float32(rate * root / (1 - p1)), np.float32(EPS * root), p1, p2

    return residual, move, corrected


def gradient_of(work, residual):
    """The sum of the gradients of all rows, in one pass over X."""
    blocks = numba.get_num_threads() if work.n * work.d > SMALL else 1

    @njit(parallel=blocks > 1, **FAST)
    def gradient(X, y, w):
        n, d = X.shape
        parts = np.zeros((blocks, d + 1), np.float32)
        for k in prange(blocks):
            part = np.zeros(d + 1, np.float32)
            for i in range(k * n // blocks, (k + 1) * n // blocks):
                r = residual(X, y, w, i)
                for j in range(d):
                    part[j] += r * X[i, j]
                part[d] += r
            parts[k] = part
        return parts.sum(axis=0)

    return gradient


def loop(work, X, y):
    y = y.astype(np.float32)
    residual, move, corrected = kernels(work)
    gradient = gradient_of(work, residual)
    rate, epochs, b = np.float32(work.learning_rate), work.epochs, work.n if work.full else work.batch_size

    @njit
    def start(d):
        return np.zeros(d + 1, np.float32), np.zeros(d + 1, np.float32), np.zeros(d + 1, np.float32)

    @njit(**FAST)
    def one_row(X, y, seed):
        np.random.seed(seed)
        n, d = X.shape
        w, mu, nu = start(d)
        p1 = p2 = 1.0
        for _ in range(epochs):
            for i in np.random.permutation(n):
                now, eps, p1, p2 = corrected(rate, p1, p2)
                r = residual(X, y, w, i)
                for j in range(d):
                    move(w, mu, nu, j, r * X[i, j], now, eps)
                move(w, mu, nu, d, r, now, eps)
        return w

    @njit(**FAST)
    def batches(X, y, seed):
        np.random.seed(seed)
        n, d = X.shape
        w, mu, nu = start(d)
        p1 = p2 = 1.0
        for _ in range(epochs):
            order = np.random.permutation(n)
            for first in range(0, n, b):
                last = min(first + b, n)
                g = np.zeros(d + 1, np.float32)
                for k in range(first, last):
                    i = order[k]
                    r = residual(X, y, w, i)
                    for j in range(d):
                        g[j] += r * X[i, j]
                    g[d] += r
                now, eps, p1, p2 = corrected(rate, p1, p2)
                for j in range(d + 1):
                    move(w, mu, nu, j, g[j] / np.float32(last - first), now, eps)
        return w

    @njit(**FAST)
    def full(X, y, seed):
        n, d = X.shape
        w, mu, nu = start(d)
        p1 = p2 = 1.0
        for _ in range(epochs):
            g = gradient(X, y, w)
            now, eps, p1, p2 = corrected(rate, p1, p2)
            for j in range(d + 1):
                move(w, mu, nu, j, g[j] / np.float32(n), now, eps)
        return w

    fit = full if work.full else one_row if work.batch_size == 1 else batches

    def run(seed):
        w = fit(X, y, seed)
        return w[:-1], w[-1]

    return run
