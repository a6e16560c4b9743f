"""The losses that have certificates, in float64: values, slopes, curvature and dual points, per row.

A family is made of the targets of the rows that weigh something. Predictions z have shape (m, k): k outputs, one logit, or k
classes. The dual points and what they prove are in `_dual`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jgd.certificates._rounding import UNIT, bregman


class DualPoint(NamedTuple):
    """A point at which the dual is evaluated.

    Attributes:
      slopes: alpha_i, shape (m, k); their mean is (nearly) 0 where there is an intercept.
      divergence: l(z_i) + l*(alpha_i) - alpha_i z_i, at least 0 and 0 at alpha_i = l'(z_i), shape (m,).
      error: what that may be off by, shape (m,).
      price: what it adds at most to the mean divergence to make slopes with a mean of size rho have the mean 0, of rho.
    """

    slopes: np.ndarray
    divergence: np.ndarray
    error: np.ndarray
    price: Callable[[float], float]


class Squared:
    """|z_i - y_i|^2, summed over outputs."""

    curvature_is_constant = True

    def __init__(self, y: np.ndarray):
        self.y = y

    def z_error(self, z: np.ndarray, error: np.ndarray) -> np.ndarray:
        """What z - y may be off by."""
        return error + 2 * UNIT * (np.abs(z) + np.abs(self.y)).max(axis=1)

    def values(self, z: np.ndarray) -> np.ndarray:
        return np.sum((z - self.y) ** 2, axis=1)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        return 2 * (z - self.y)

    def slopes_error(self, slopes: np.ndarray, z_error: np.ndarray) -> np.ndarray:
        return np.broadcast_to(2 * z_error[:, None], slopes.shape)

    def roots(self, z: np.ndarray, where: slice) -> np.ndarray:
        return np.full(len(z[where]), np.sqrt(2.0))

    def dual(self, z: np.ndarray, share: np.ndarray, z_error: np.ndarray, free: bool) -> DualPoint:
        """The residuals, less their mean where the intercept is free; the divergence is (alpha_i - l'(z_i))^2 / 4."""
        residual = z - self.y
        shift = -(share @ residual) / share.sum() if free else np.zeros(z.shape[1])
        divergence = np.full(len(z), np.sum(shift**2))
        off = z_error + 2 * UNIT * np.abs(residual).max(axis=1)
        error = z.shape[1] * (2 * np.abs(shift).max() * off + off**2)
        return DualPoint(2 * (residual + shift), divergence, error, lambda rho: rho * (2 * np.abs(shift).max() + rho))


class Classes:
    """log sum_j exp(z_ij) - z_i,y_i; one logit z is the classes (0, z)."""

    curvature_is_constant = False

    def __init__(self, y: np.ndarray, classes: int):
        self.is_y = np.asfortranarray(np.arange(classes) == y[:, None])  # sums over few classes are fast by columns
        self.binary = classes == 2

    def logits(self, z: np.ndarray) -> np.ndarray:
        return np.asfortranarray(np.column_stack([np.zeros(len(z)), z[:, 0]]) if self.binary else z)

    def z_error(self, z: np.ndarray, error: np.ndarray) -> np.ndarray:
        """What a logit may be off by, with what its exponential's rounding amounts to."""
        return error + 4 * UNIT * (2 + self.is_y.shape[1] + 2 * np.abs(z).max(axis=1))

    def log_probabilities(self, z: np.ndarray) -> np.ndarray:
        z = self.logits(z)
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
        slopes = np.where(self.is_y, -others.sum(axis=1, keepdims=True), others)
        return slopes[:, 1:] if self.binary else slopes

    def slopes(self, z: np.ndarray) -> np.ndarray:
        return self.slopes_of(np.exp(self.log_probabilities(z)))

    def slopes_error(self, slopes: np.ndarray, z_error: np.ndarray) -> np.ndarray:
        return np.abs(slopes) * np.expm1(2 * np.minimum(z_error, 300.0))[:, None]

    def roots(self, z: np.ndarray, where: slice) -> np.ndarray:
        """Of the curvature: shape (rows,) for one logit; else (rows, k, k), R_i with R_i' R_i = diag(p_i) - p_i p_i'."""
        p = np.exp(self.log_probabilities(z[where]))
        if self.binary:
            return np.sqrt(p[:, 0] * p[:, 1])
        k = p.shape[1]
        others = np.where(np.eye(k, dtype=bool), 0.0, p[:, None, :])
        roots = np.where(np.eye(k, dtype=bool), others.sum(axis=2, keepdims=True), -others)
        return np.sqrt(p)[:, :, None] * roots

    def dual(self, z: np.ndarray, share: np.ndarray, z_error: np.ndarray, free: bool) -> DualPoint:
        """Probabilities: those of z, or where the intercept is free, those at its best with their means made the classes' shares.

        The divergence is that of Kullback and Leibler, from the probabilities of z.
        """
        log_p = self.log_probabilities(z)
        if not free:
            error = np.square(2 * z_error)
            return DualPoint(self.slopes_of(np.exp(log_p)), np.zeros(len(z)), error, lambda rho: 0.0)
        wanted = share @ self.is_y
        q = _transported(np.exp(_shifted(log_p, share, wanted)), share, wanted)
        divergence = _divergence(q, log_p)
        p = np.exp(log_p)
        k = q.shape[1]
        of_target = np.abs(np.log(np.maximum(q, 1e-300)) - log_p)[self.is_y]
        error = np.abs(q - p).sum(axis=1) * 2 * z_error + np.square(2 * z_error) + 8 * UNIT * k * (of_target + 8 * UNIT * k)
        # Less of a class lowers q log(q / p) by no more than -rho log rho, more of one raises it by no more than rho (1 - log p).
        most = 1 + float(np.abs(log_p).max())
        return DualPoint(self.slopes_of(q), divergence, error, lambda rho: 2 * rho * (most + max(0.0, -math.log(rho or 1.0))))


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
