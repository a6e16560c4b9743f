"""Certificates: never optimistic, against optima found in long double; tight near them; and inf, with a reason, where there is none."""

import math

import jax
import numpy as np
import pytest

import jgd
from jgd.certificates import _dependence, _rounding, _rows

LONG = np.longdouble


# The reference: each objective, and its optimum by Newton's method, in long double (64 bits of precision on x86-64), by formulas
# of its own.


def triangle_of(A):
    """R of A = QR, by Householder reflections in long double."""
    A = A.copy()
    for j in range(A.shape[1]):
        v = A[j:, j].copy()
        length = np.sqrt((v * v).sum())
        if length == 0:
            continue
        v[0] += length if v[0] >= 0 else -length
        v /= np.sqrt((v * v).sum())
        A[j:] -= 2 * np.outer(v, v @ A[j:])
    return A[: A.shape[1]]


class Reference:
    """One of the objectives in long double, of parameters as one vector, class by class."""

    def __init__(self, kind, X, y, weight, l2, free):
        self.kind, self.l2, self.free = kind, LONG(l2), free
        self.A = np.column_stack([X, np.ones(len(X))]).astype(LONG) if free else X.astype(LONG)
        self.share = np.ones(len(X), LONG) / len(X) if weight is None else weight.astype(LONG) / len(X)
        self.k = {"linear": 1, "outputs": 2, "binary": 1, "softmax": 3}[kind]
        self.y = y.reshape(len(X), -1).astype(LONG) if kind in ("linear", "outputs") else np.asarray(y)
        self.penalised = np.ones((self.A.shape[1], self.k), LONG)
        if free:
            self.penalised[-1] = 0

    def _logits(self, theta):
        z = self.A @ theta
        return np.column_stack([np.zeros(len(z), LONG), z]) if self.kind == "binary" else z

    def _parts(self, theta):
        z = self._logits(theta)
        if self.kind in ("linear", "outputs"):
            return ((z - self.y) ** 2).sum(1), 2 * (z - self.y), None
        z = z - z.max(1, keepdims=True)
        e = np.exp(z)
        total = e.sum(1, keepdims=True)
        rows = np.arange(len(z))
        p = e / total
        slopes = p.copy()
        slopes[rows, self.y] = -(e.sum(1) - e[rows, self.y]) / total[:, 0]
        return np.log(total[:, 0]) - z[rows, self.y], slopes[:, 1:] if self.kind == "binary" else slopes, p

    def value(self, theta):
        return self.share @ self._parts(theta)[0] + self.l2 / 2 * (self.penalised * theta**2).sum()

    def gradient(self, theta):
        return self.A.T @ (self.share[:, None] * self._parts(theta)[1]) + self.l2 * self.penalised * theta

    def step(self, theta):
        """Newton's, from a triangle of the Hessian's roots."""
        _, slopes, p = self._parts(theta)
        q, k = self.A.shape[1], self.k
        blocks = []
        for c in range(k):
            for o in range(k if self.kind == "softmax" else 1):
                block = np.zeros((len(self.A), k, q), LONG)
                if self.kind in ("linear", "outputs"):
                    block[:, c] = np.sqrt(2 * self.share)[:, None] * self.A
                elif self.kind == "binary":
                    block[:, c] = np.sqrt(self.share * p[:, 0] * p[:, 1])[:, None] * self.A
                elif c == o:
                    for other in range(k):
                        factor = (1.0 if other == c else 0.0) - p[:, other]
                        block[:, other] = (np.sqrt(self.share * p[:, c]) * factor)[:, None] * self.A
                else:
                    continue
                blocks.append(block.reshape(len(self.A), -1))
        size = max(np.abs(b).max() for b in blocks)
        ridge = np.sqrt(self.l2) * self.penalised.T.ravel()
        ridge = np.maximum(ridge, LONG(1e-16) * size)
        A = np.concatenate([*blocks, np.diag(ridge)])
        R = triangle_of(A)
        g = -self.gradient(theta).T.ravel()
        half = np.zeros_like(g)
        for j in range(len(g)):
            half[j] = (g[j] - R[:j, j] @ half[:j]) / R[j, j]
        d = np.zeros_like(g)
        for j in reversed(range(len(g))):
            d[j] = (half[j] - R[j, j + 1 :] @ d[j + 1 :]) / R[j, j]
        d = d.reshape(k, q).T
        return d - d.mean(axis=1, keepdims=True) if self.kind == "softmax" else d, half @ half

    def excess(self, theta, best):
        """value(theta) - value(best), without cancellation: for a near-optimal `best`, by divergences."""
        gradient = self.gradient(best)
        ridge = self.l2 / 2 * (self.penalised * (theta - best) ** 2).sum()
        if self.kind in ("linear", "outputs"):
            divergence = ((self.A @ (theta - best)) ** 2).sum(1)
        else:
            z, step = self._logits(best), self._logits(theta - best)
            top = z.max(1, keepdims=True)
            p = np.exp(z - top) / np.exp(z - top).sum(1, keepdims=True)
            step = step - (p * step).sum(1, keepdims=True)
            near = np.log1p((p * (np.expm1(np.minimum(step, 1)) - np.minimum(step, 1))).sum(1))
            far = np.log((p * np.exp(step - step.max(1, keepdims=True))).sum(1)) + step.max(1)
            divergence = np.where(step.max(1) < 1, near, far)
        return self.share @ divergence + ridge + (gradient * (theta - best)).sum()

    def path(self, theta):
        """Newton's iterates, the last being the optimum as far as long double goes."""
        value, found = self.value(theta), [theta]
        for _ in range(200):
            d, decrement = self.step(theta)
            if decrement < 1e-37:
                break
            t = LONG(1)
            while not self.value(theta + t * d) <= value and t > 1e-10:
                t /= 2
            if t <= 1e-10:
                break
            theta = theta + t * d
            value = self.value(theta)
            found.append(theta)
        return found
