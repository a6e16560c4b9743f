"""NumPy: the gradient by hand, a batch at a time."""

import numpy as np

from benchmarks._works import B1, B2, EPS, MOMENTUM


def residuals(work, z, y):
    """The derivative of a batch's loss with respect to its predictions, times its rows."""
    if work.model == "linear":
        return 2 * (z - y)
    if work.model == "logistic":
        return 1 / (1 + np.exp(-z)) - y
    e = np.exp(z - z.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    e[np.arange(len(y)), y] -= 1
    return e


class Rule:
    """In place: params[i] -= learning_rate * direction(grads[i])."""

    def __init__(self, work, params):
        self.work, self.params, self.count = work, params, 0
        self.mu, self.nu = ([np.zeros_like(p) for p in params] for _ in range(2))

    def step(self, grads):
        rate, self.count = self.work.learning_rate, self.count + 1
        for p, g, mu, nu in zip(self.params, grads, self.mu, self.nu, strict=True):
            if self.work.rule == "sgd":
                p -= rate * g
            elif self.work.rule == "momentum":
                mu *= MOMENTUM
                mu += g
                p -= rate * mu
            else:
                mu += (1 - B1) * (g - mu)
                nu += (1 - B2) * (g * g - nu)
                p -= rate / (1 - B1**self.count) * mu / (np.sqrt(nu / (1 - B2**self.count)) + EPS)


def loop(work, X, y):
    y = y if work.model == "softmax" else y.astype(np.float32)

    def run(seed):
        rng = np.random.default_rng(seed)
        weights, bias = params = work.start()
        rule = Rule(work, params)

        def step(X, y):
            r = residuals(work, X @ weights + bias, y) / np.float32(len(y))
            rule.step((X.T @ r, r.sum(axis=0)))

        for _ in range(work.epochs):
            if work.full:
                step(X, y)
                continue
            order = rng.permutation(work.n)
            for start in range(0, work.n, work.batch_size):
                rows = order[start : start + work.batch_size]
                step(X[rows], y[rows])
        return params

    return run
