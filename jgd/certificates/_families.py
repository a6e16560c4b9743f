"""The losses that have certificates, in float64: values, slopes, curvature and dual points, per row.

A family is made of the targets of the rows that weigh something. Predictions z have shape (m, k): k outputs, one logit, or k
classes. What dual points prove is in `_bounds`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jgd._threads import by_parts
from jgd.certificates._rounding import UNIT, bregman, dot, of_sum

# Rows that are worth a thread.
VALUES = 2**16


class DualPoint(NamedTuple):
    """A point at which the dual is evaluated.

    Attributes:
      slopes: alpha_i, shape (m, k), each but for some units of rounding; their mean is (nearly) 0 where there is an intercept.
      divergence: at least the mean of l(z_i) + l*(alpha_i) - alpha_i z_i, which is 0 at alpha_i = l'(z_i).
      price: what it adds at most to the mean divergence to make slopes with a mean of size rho have the mean 0, of rho.
    """

    slopes: np.ndarray
    divergence: float
    price: Callable[[float], float]


class Squared:
    """|z_i - y_i|^2, summed over outputs."""

    curvature_is_constant = True

    def __init__(self, y: np.ndarray):
        self.y = y

    def z_error(self, size: Any, error: Any) -> Any:
        """What z - y may be off by, no z being larger than `size`."""
        return error + 2 * UNIT * (size + np.abs(self.y).max())

    def values(self, z: np.ndarray) -> np.ndarray:
        return np.sum((z - self.y) ** 2, axis=1)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        return 2 * (z - self.y)

    def slopes_error(self, z_error: Any) -> tuple[Any, Any]:
        """What slopes may be off by: in parts of themselves, and besides."""
        return 0.0, 2 * z_error

    def roots(self, z: np.ndarray, where: slice) -> np.ndarray:
        return np.full(len(z[where]), np.sqrt(2.0))

    def dual(self, z: np.ndarray, share: np.ndarray, z_error: float, free: bool) -> DualPoint:
        """The residuals, less their mean where the intercept is free; the divergence is (alpha_i - l'(z_i))^2 / 4."""
        residual = z - self.y
        shift = -(share @ residual) / share.sum() if free else np.zeros(z.shape[1])
        off = z_error + 2 * UNIT * np.abs(residual).max()
        divergence = share.sum() * np.sum((np.abs(shift) + off) ** 2) * (1 + of_sum(len(z)))
        return DualPoint(2 * (residual + shift), divergence, lambda rho: rho * (2 * np.abs(shift).max() + rho))


class Logistic:
    """log(1 + exp(z_i)) - y_i z_i for y_i in {0, 1}."""

    curvature_is_constant = False

    def __init__(self, y: np.ndarray):
        self.labels, self.classes = y, 2
        self.sign = np.where(y == 1, 1.0, -1.0)

    def z_error(self, size: Any, error: Any) -> Any:
        """What a logit may be off by, no logit being larger than `size`, with what its exponential's rounding amounts to."""
        return error + 4 * UNIT * (4 + 2 * size)

    def values(self, z: np.ndarray) -> np.ndarray:
        margin = self.sign * z[:, 0]
        return np.log1p(np.exp(-np.abs(margin))) - np.minimum(margin, 0.0)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        return self._slopes_and_curvature(z)[0]

    def _slopes_and_curvature(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By the probability of the other class, which keeps its digits where it is small; shapes (m, 1) and (m,)."""
        slopes, curvature = np.empty((len(z), 1)), np.empty(len(z))

        def fill(part: slice) -> None:
            sign, out = self.sign[part], curvature[part]
            margin = sign * z[part, 0]
            e = np.exp(-np.abs(margin))
            p = 1 / (1 + e)
            np.multiply(e, p, out=out)
            slopes[part, 0] = -sign * np.where(margin > 0, out, p)
            out *= p

        by_parts(fill, len(z), VALUES)
        return slopes, curvature

    def slopes_error(self, z_error: Any) -> tuple[Any, Any]:
        return np.expm1(2 * np.minimum(z_error, 300.0)), 0.0

    def roots(self, z: np.ndarray, where: slice) -> np.ndarray:
        e = np.exp(-np.abs(z[where, 0]) / 2)
        return e / (1 + e * e)

    def separates(self, z: np.ndarray, z_error: float) -> bool:
        """Whether each row's class has the largest logit."""
        return bool((self.sign * z[:, 0] > z_error).all())

    def dual(self, z: np.ndarray, share: np.ndarray, z_error: float, free: bool) -> DualPoint:
        """The slopes at z + c: c = 0, or where the intercept is free, the best move of it.

        The divergence is the integral of t h(z_i + t) over t from 0 to c, h being the curvature: at most 1/4, and at most
        exp(|c - t|) h(z_i + c), as |h'| <= h. And it is at most |c|, as slopes differ by less than 1.
        """
        c, slopes, curvature = self._best_move(z, share) if free else (0.0, self.slopes(z), 0.25 * share.sum())
        far = (abs(c) + 2 * z_error) * (1 + 4 * UNIT)
        near = min(curvature * (1 + 2 * of_sum(len(z))) * math.exp(min(far, 300.0)), 0.25 * share.sum())
        divergence = min(near * far**2 / 2, far * share.sum())
        most = 2 + float(np.abs(z).max())
        return DualPoint(slopes, divergence, lambda rho: 2 * rho * (most + max(0.0, -math.log(rho or 1.0))))

    def _best_move(self, z: np.ndarray, share: np.ndarray, steps: int = 60) -> tuple[float, np.ndarray, float]:
        """The move of the intercept that makes the slopes' mean 0, by Newton's method; the slopes, and mean curvature, there."""

        def at(c):
            slopes, curvature = self._slopes_and_curvature(z + c)
            return c, slopes, dot(share, curvature), float(np.sum(share * slopes[:, 0]))

        now, total = at(0.0), share.sum()
        for _ in range(steps):
            c, _, curvature, mean = now
            if abs(mean) <= UNIT * total or curvature <= 0:
                break
            step = min(max(-mean / curvature, -10.0), 10.0)
            tried = at(c + step)
            # The mean rises with c, so that one no nearer to 0 is of a step too far.
            while abs(tried[3]) >= abs(mean) and abs(step) > 4 * UNIT * (1 + abs(c)):
                step /= 2
                tried = at(c + step)
            if abs(tried[3]) >= abs(mean):
                break
            now = tried
        return now[:3]


class Classes:
    """log sum_j exp(z_ij) - z_i,y_i."""

    curvature_is_constant = False

    def __init__(self, y: np.ndarray, classes: int):
        self.labels, self.classes = y, classes
        self.is_y = np.asfortranarray(np.arange(classes) == y[:, None])  # sums over few classes are fast by columns

    def z_error(self, size: Any, error: Any) -> Any:
        """What a logit may be off by, no logit being larger than `size`, with what its exponential's rounding amounts to."""
        return error + 4 * UNIT * (2 + self.is_y.shape[1] + 2 * size)

    def log_probabilities(self, z: np.ndarray) -> np.ndarray:
        z = np.asfortranarray(z)
        z = z - z.max(axis=1, keepdims=True)
        # log1p of all but the largest, so that a probability near 1 has the digits of those that are not.
        top = np.argmax(z, axis=1)[:, None]
        rest = np.exp(z)
        np.put_along_axis(rest, top, 0.0, axis=1)
        return z - np.log1p(rest.sum(axis=1, keepdims=True))

    def values(self, z: np.ndarray) -> np.ndarray:
        return -self.log_probabilities(z)[self.is_y]

    def slopes_of(self, p: np.ndarray) -> np.ndarray:
        """p_i - e_yi for each logit, from the probabilities of the other classes alone, so that small ones keep their digits."""
        others = np.where(self.is_y, 0.0, p)
        return np.where(self.is_y, -others.sum(axis=1, keepdims=True), others)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        return self.slopes_of(np.exp(self.log_probabilities(z)))

    def slopes_error(self, z_error: Any) -> tuple[Any, Any]:
        return np.expm1(2 * np.minimum(z_error, 300.0)), 0.0

    def roots(self, z: np.ndarray, where: slice) -> np.ndarray:
        """Of the curvature: of shape (rows, k, k), R_i with R_i' R_i = diag(p_i) - p_i p_i'; (rows,) for the other losses."""
        p = np.exp(self.log_probabilities(z[where]))
        k = p.shape[1]
        others = np.where(np.eye(k, dtype=bool), 0.0, p[:, None, :])
        roots = np.where(np.eye(k, dtype=bool), others.sum(axis=2, keepdims=True), -others)
        return np.sqrt(p)[:, :, None] * roots

    def separates(self, z: np.ndarray, z_error: float) -> bool:
        others = np.where(self.is_y, -np.inf, z).max(axis=1)
        return bool((z[self.is_y] - others > 2 * z_error).all())

    def dual(self, z: np.ndarray, share: np.ndarray, z_error: float, free: bool) -> DualPoint:
        """Probabilities: those of z, or where the intercept is free, those at its best with their means made the classes' shares.

        The divergence is that of Kullback and Leibler, from the probabilities of z.
        """
        log_p = self.log_probabilities(z)
        if not free:
            return DualPoint(self.slopes_of(np.exp(log_p)), (2 * z_error) ** 2 * share.sum(), lambda rho: 0.0)
        wanted = share @ self.is_y
        q = _transported(np.exp(_shifted(log_p, share, wanted)), share, wanted)
        p = np.exp(log_p)
        k = q.shape[1]
        of_target = np.abs(np.log(np.maximum(q, 1e-300)) - log_p)[self.is_y]
        error = np.abs(q - p).sum(axis=1) * 2 * z_error + (2 * z_error) ** 2 + 8 * UNIT * k * (of_target + 8 * UNIT * k)
        divergence = dot(share, _divergence(q, log_p) + error)
        # Less of a class lowers q log(q / p) by no more than -rho log rho, more of one raises it by no more than rho (1 - log p).
        most = 1 + float(np.abs(log_p).max())
        return DualPoint(self.slopes_of(q), divergence, lambda rho: 2 * rho * (most + max(0.0, -math.log(rho or 1.0))))


def _shifted(log_p: np.ndarray, share: np.ndarray, wanted: np.ndarray, iterations: int = 30) -> np.ndarray:
    """Log-probabilities at the intercept that fits best, by damped Newton steps for log sum_k exp(log p_k + s_k) - wanted s."""
    shift = np.zeros(log_p.shape[1])
    normalised = lambda s: (log_p + s) - np.logaddexp.reduce(log_p + s, axis=1, keepdims=True)
    value = lambda s: share @ np.logaddexp.reduce(log_p + s, axis=1) - wanted @ s
    now, best = normalised(shift), value(shift)
    for _ in range(iterations):
        p = np.exp(now)
        slope = share @ p - wanted
        if np.abs(slope).max() <= 1e-11 * wanted.sum():  # the rest is transported
            break
        curvature = np.diag(share @ p) - (p * share[:, None]).T @ p
        step = np.linalg.lstsq(curvature, -slope, rcond=1e-12)[0]
        step *= min(1.0, 10 / max(np.abs(step).max(), 1e-300))
        while True:
            tried = value(shift + step)
            if tried <= best + 1e-13 * wanted.sum() or np.abs(step).max() < 1e-12:
                break
            step /= 2
        if np.abs(step).max() <= 4 * UNIT * (1 + np.abs(shift).max()):
            break
        shift = shift + step
        now, best = normalised(shift), min(best, tried)
    return now


def _transported(p: np.ndarray, share: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """p S, for the S with rows that sum to 1 that gives the classes the shares `wanted`.

    A class with too much keeps its part wanted / found of each row, and gives the rest to those with too little, by what they
    lack. So the rows stay probabilities, and the means are exactly as wanted, wherever p came from.
    """
    found = share @ p
    keep = np.minimum(1.0, wanted / np.maximum(found, 1e-300))
    lack = np.maximum(wanted - found, 0.0)
    if not lack.any():
        return p
    return p * keep + (p @ (1 - keep))[:, None] * (lack / lack.sum())


def _divergence(q: np.ndarray, log_p: np.ndarray) -> np.ndarray:
    """sum_k q_k log(q_k / p_k) - q_k + p_k, where q is near p without cancellation."""
    p = np.exp(log_p)
    relative = (q - p) / np.maximum(p, 1e-290)
    near = (np.abs(relative) < 0.02) & (p > 1e-290)
    far = q * (np.log(np.maximum(q, 1e-320)) - log_p) - q + p
    return np.where(near, p * bregman(np.where(near, relative, 0.0)), far).sum(axis=1)
