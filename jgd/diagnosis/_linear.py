"""What is known of a linear model besides its run: moments of its columns, its optimum, and how many steps descent needs."""

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jgd.certificates._bounds import evaluated
from jgd.certificates._certificate import point_at, point_of
from jgd.certificates._constants import of_batches
from jgd.certificates._hessian import _roots
from jgd.certificates._rows import BLOCK, Point
from jgd.data import Dataset
from jgd.diagnosis import _thresholds as limits
from jgd.models import Problem
from jgd.models._standardized import inside
from jgd.solvers import least_squares_lanes


class Moments(NamedTuple):
    """Of the columns [X, 1] (or X, without an intercept), weighted.

    Attributes:
      second: mean_i x_i' x_i, shape (columns, columns).
      covariance: the same about the means, of X alone.
      mean, spread, size: of each column of X: its mean, standard deviation, and root mean square.
      longest: the largest w_i |x_i|^2.
      rows: how many rows that is of.
    """

    second: np.ndarray
    covariance: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    size: np.ndarray
    longest: float
    rows: int


class LinearModel:
    """A linear or logistic regression, its rows and some parameters, in float64."""

    def __init__(self, problem: Problem, data: Dataset, params: Any):
        with np.errstate(all="ignore"):
            self.point, self.family = point_of(problem, data, params)
        self.problem, self.data = problem, data
        self.squares, self.columns = inside(problem).name == "linear_regression", data.columns
        self.penalty = self.point.penalty
        self.rows = self.point.rows
        self.width = self.rows.X.shape[1]

    @property
    def penalised(self) -> bool:
        return bool(self.penalty.any())

    @property
    def softmax(self) -> bool:
        return self.point.z.shape[1] > 1 and not self.squares

    @property
    def curvature(self) -> float:
        """The largest of the loss in z."""
        return 2.0 if self.squares else 0.5 if self.softmax else 0.25

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows [x_i, 1] and their weights; evenly spaced blocks, where all would be too many."""
        work = len(self.rows) * self.rows.columns**2
        every = max(1, math.ceil(work / limits.PRODUCTS))
        for i, start in enumerate(range(0, len(self.rows), BLOCK)):
            if i % every == 0:
                where = slice(start, start + BLOCK)
                block = self.rows.X[where].astype(np.float64)
                ones = [np.ones((len(block), 1))] if self.rows.fit_intercept else []
                yield np.concatenate([block, *ones], axis=1), self.rows.share[where]

    @functools.cached_property
    def moments(self) -> Moments:
        gram, shift, longest, total, count, origin = 0.0, 0.0, 0.0, 0.0, 0, None
        d = self.width
        for block, share in self.blocks():
            origin = block[0, :d] if origin is None else origin  # spreads of columns far from zero keep their digits
            away = block[:, :d] - origin
            gram, shift = gram + (away * share[:, None]).T @ away, shift + share @ away
            longest = max(longest, float(np.max(share * np.einsum("ij,ij->i", block, block))))
            total, count = total + share.sum(), count + len(block)
        shift = shift / total
        covariance, mean = gram / total - np.outer(shift, shift), origin + shift
        whole = np.append(mean, 1.0) if self.rows.fit_intercept else mean
        second = np.outer(whole, whole)
        second[:d, :d] += covariance
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        size = np.sqrt(np.maximum(np.diag(second)[:d], 0.0))
        scale = total if count == len(self.rows) else 1.0  # the weights have mean one
        return Moments(second * scale, covariance, mean, spread, size, longest * self.rows.count, count)

    def largest(self, batch_size: int | None = None) -> float:
        """L, the largest curvature there is; in batches of so many rows L_b, the larger of theirs and of an epoch's last."""
        m, n = self.moments, self.rows.count
        whole = float(np.linalg.eigvalsh(self.curvature * m.second + np.diag(self.penalty))[-1])
        if batch_size is None:
            return whole
        of_row = self.curvature * m.longest + self.penalty.max()
        return max(of_batches(n, b, whole, of_row) for b in (batch_size, n % batch_size) if b)

    @functools.cached_property
    def constant(self) -> np.ndarray:
        """The columns that do not vary."""
        return np.flatnonzero(self.moments.spread <= limits.CONSTANT * self.moments.size)

    @functools.cached_property
    def optimum(self) -> "Optimum | None":
        """Where the objective is least; None where that is not known (too large, or Newton's method did not get there)."""
        with np.errstate(all="ignore"):
            if self.squares:
                return _least_squares(self)
            p = self.rows.columns * self.point.z.shape[1]
            work = p**2 * max(len(self.rows), 10 * p)  # a step's Hessian, and its equations by singular values
            return None if work > limits.NEWTON else _by_newton(self)

    @functools.cached_property
    def hessian(self) -> np.ndarray | None:
        """At the optimum, of the parameters of one output; None where that is not known."""
        m = self.moments
        if self.squares:
            return 2 * m.second + np.diag(self.penalty)
        if self.optimum is None or self.softmax:
            return None
        return _hessian(self, self.optimum.point)

    @functools.cached_property
    def of_constant(self) -> float:
        """The objective of the best constant prediction (of 0, without an intercept)."""
        share = self.rows.share
        if self.squares:
            y = self.family.y
            mean = share @ y / share.sum() if self.rows.fit_intercept else 0.0
            return float(share @ np.sum((y - mean) ** 2, axis=1))
        k = self.family.classes
        part = np.bincount(self.family.labels, share, k) / share.sum() if self.rows.fit_intercept else np.full(k, 1 / k)
        return float(-share.sum() * np.sum(part * np.log(np.where(part > 0, part, 1.0))))

    def ahead(self, rate: float, wanted: float) -> float | None:
        """How many steps of plain descent at this rate bring these parameters within `wanted` of the optimum, to second order."""
        if self.hessian is None or self.optimum is None or self.rows.columns > 1000 or self.point.theta.shape[1] > 1:
            return None
        return _steps(self.hessian, self.point.theta[:, 0] - self.optimum.point.theta[:, 0], wanted, rate)

    def at(self, theta: np.ndarray) -> Point:
        return point_at(self.rows, self.penalty, theta, self.family)

    def slower(self, wanted: float) -> "Steps | None":
        """How many steps of descent at 1/L bring zero parameters within `wanted` of the optimum, as it is and standardised."""
        if self.hessian is None or self.optimum is None or self.rows.columns > 1000:
            return None
        away = self.optimum.point.theta[:, 0]
        own, m = _steps(self.hessian, away, wanted), self.moments
        # Standardised columns are u = (x - mean) / spread, with weights spread * w and the intercept b + mean w.
        scale = np.where(m.spread > limits.CONSTANT * m.size, m.spread, np.where(m.size > 0, m.size, 1.0))
        T = np.diag(np.append(1 / scale, 1.0)[: self.rows.columns])
        standard = away.copy()
        standard[: self.width] *= scale
        if self.rows.fit_intercept:
            T[-1, : self.width] = -m.mean / scale
            standard[-1] += m.mean @ away[: self.width]
        return Steps(own, _steps(T.T @ self.hessian @ T, standard, wanted))


class Optimum(NamedTuple):
    """Where an objective is least.

    Attributes:
      point: the parameters.
      gap: how much higher the objective is at those of the run.
      objective: its value.
    """

    point: Point
    gap: float
    objective: float


class Steps(NamedTuple):
    """How many steps of gradient descent columns need as they are, and standardised."""

    raw: float
    standardised: float


def _least_squares(model: LinearModel) -> Optimum | None:
    d, l2 = model.width, float(inside(model.problem).l2)
    if model.rows.columns > 2000:
        return None
    scale = np.sqrt(model.penalty[None, :d] / l2) if l2 > 0 else None
    wide = model.data._with(X=np.asarray(model.data.X, np.float64))  # a solver rounds to the type of X
    solved = least_squares_lanes(inside(model.problem), wide, penalty_scale=scale, ranks=False)
    parts = [
        np.asarray(part, np.float64)[0, 0].reshape(-1, model.point.theta.shape[1]) for part in solved.params if part is not None
    ]
    point = model.at(np.concatenate(parts))
    away = model.point.theta - point.theta
    moved = np.sum(model.rows.times(away)[0] ** 2, axis=1) @ model.rows.share
    gap = float(moved + np.sum(model.penalty[:, None] * away**2) / 2)  # of squares, exactly
    return Optimum(point, gap, float(solved.objective[0, 0]))


def _hessian(model: LinearModel, point: Point) -> np.ndarray:
    kept = np.ones(model.rows.columns * (point.z.shape[1] if model.softmax else 1), bool)
    return sum(block.T @ block for block in _roots(point, model.family, kept, model.softmax, 1))


def _by_newton(model: LinearModel, most: int = 40) -> Optimum | None:
    """Damped Newton steps from zero, or from the run's end where that is lower.

    On the host, in milliseconds: `jgd.solvers` are compiled for each shape, which takes a hundred times as long as a diagnosis.
    """
    here = evaluated(model.point, model.family)
    point = model.at(np.zeros_like(model.point.theta))
    at = evaluated(point, model.family)
    if np.isfinite(here.objective) and here.objective < at.objective:
        point, at = model.point, here
    for _ in range(most):
        flat = at.gradient.T.ravel() if model.softmax else at.gradient[:, 0]
        H = _hessian(model, point)
        scale = np.sqrt(np.diag(H))
        scale = np.where(scale > 0, scale, 1.0)
        step = np.linalg.lstsq(H / scale / scale[:, None], flat / scale, rcond=1e-12)[0] / scale
        decrement = float(flat @ step) / 2
        if not np.isfinite(decrement):
            return None
        if decrement <= 1e-13 * max(at.objective, 1e-12):
            gap = here.objective - at.objective if np.isfinite(here.objective) else math.inf
            return Optimum(point, max(gap, 0.0), at.objective)
        step = step.reshape(point.theta.shape[::-1]).T if model.softmax else step[:, None]
        for t in 0.5 ** np.arange(20):
            new = model.at(point.theta - t * step)
            value = evaluated(new, model.family)
            if value.objective <= at.objective - 0.25 * t * decrement:
                break
        else:
            return None
        point, at = new, value
    return None


def _steps(H: np.ndarray, away: np.ndarray, wanted: float, rate: float | None = None) -> float:
    """The least k with sum_i lambda_i c_i^2 (1 - rate lambda_i)^(2k) / 2 <= wanted, c the distance in the basis of H.

    The rate is 1 / L if not given.
    """
    values, basis = np.linalg.eigh(H)
    values = np.maximum(values, 0.0)
    part = values * (basis.T @ away) ** 2 / 2
    with np.errstate(all="ignore"):
        kept = np.abs(1 - (1 / values[-1] if rate is None else rate) * values)
        shrink = np.log(np.maximum(kept, 1e-9))
        gap = lambda k: float(np.sum(part * np.exp(2 * k * shrink)))
        low, high = 0.0, 1.0
        while gap(high) > wanted and high < 1e15:
            low, high = high, 2 * high
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if gap(middle) > wanted else (low, middle)
    return high
