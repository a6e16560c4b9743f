"""Least squares without each row in turn, from one factorisation of all rows.

With weights w that sum to one, leaving row i out leaves the losses of all rows less its own, plus (1 - w_i) l2/2 |W|^2. In the
coordinates of the singular vectors of the centred columns the sum of products of all rows is diagonal; with D_i = S^2 +
(1 - w_i) l2/2, let u_i be the row's coordinates, e_i its residual by the fit B_i = S U'C / D_i of all rows, and h_i =
w_i (1 + u_i' D_i^-1 u_i) its leverage. Then the fit without it is B_i - D_i^-1 u_i w_i e_i / (1 - h_i), and the sum is
smaller by w_i e_i^2 / (1 - h_i).

Source: Cook & Weisberg, "Residuals and influence in regression" (1982), section 2.2.
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd.data import Dataset
from jgd.models import Problem
from jgd.solvers._lanes_result import LaneSolutions
from jgd.solvers._least_squares import Folds, lane_solutions, rank_tolerance, solutions
from jgd.solvers._triangles import HELD, TOGETHER, Basis, Rows, basis_of, blocks, from_grams, gram_of, product, triangle

# Where one minus a row's leverage is less, hardly anything but rounding is left of it, and the rank may be less without the row.
ALONE = 1e-6
# Numbers of one array of a block of rows.
IN_CACHE = 2**17


class Fits(NamedTuple):
    """Fits without each of b rows, as `lane_solutions` takes them.

    Attributes:
      weights: (b, L, d, k).
      mean: of the rows that are left, (b, d + k).
      objective, slope: (b, L).
    """

    weights: np.ndarray
    mean: np.ndarray
    objective: np.ndarray
    slope: np.ndarray


def leave_one_out_lanes(
    problem: Problem, data: Dataset, l2: Any = None, penalty_scale: Any = None, *, out: Any = None
) -> LaneSolutions:
    """The least-squares fits without one row, for each row, with L penalties: lanes (F, L), F = n.

    Args:
      problem, data: as for `least_squares_lanes`.
      l2: (L,), at least 0; the problem's own if not given.
      penalty_scale: (F, d), above 0. With penalties of each fold's own, each fold has a small factorisation of its own.
      out: the rows to leave out, F of them; all if not given.
    """
    rows = Rows.of(data, problem.fit_intercept)
    weights = np.ones(len(rows.X)) if data.sample_weight is None else np.asarray(data.sample_weight, np.float64)
    weights = weights / weights.sum()
    out = np.arange(len(weights)) if out is None else np.asarray(out)
    l2 = np.atleast_1d(np.asarray(problem.l2 if l2 is None else l2, np.float64))
    scale = None if penalty_scale is None else np.asarray(penalty_scale, np.float64)
    tolerance = rank_tolerance(rows)
    d, k, L = rows.X.shape[1], rows.y.shape[1], len(l2)
    if scale is None:
        whole = Folds.of(rows, triangle(rows, weights)[None])
        parts = [part for part in _parts(whole, l2, tolerance) if len(part.lanes)]
        alone = lambda fits, some: _by_leverage(rows, weights[out[some]], rows.take(out[some]), whole, parts, l2, fits)
        size = IN_CACHE // (L * d * k)
    else:
        alone, size = lambda fits, some: np.ones(len(fits.mean), bool), HELD // (rows.width**2 + L * d * k)
    one_by_one, made = OneByOne(rows, weights, l2, tolerance), None
    for some in blocks(len(out), size):
        count = len(out[some])
        fits = Fits(np.empty((count, L, d, k)), np.empty((count, d + k)), *np.empty((2, count, L)))
        slow = np.flatnonzero(alone(fits, some))
        if len(slow):
            part = one_by_one(out[some][slow], None if scale is None else scale[some][slow])
            for array, values in zip(fits, part, strict=True):
                array[slow] = values
        lanes = lane_solutions(rows, data, *fits, None)
        if made is None:
            made = jax.tree.map(lambda leaf: np.empty((len(out), *leaf.shape[1:]), leaf.dtype), lanes)
        jax.tree.map(lambda whole, part, some=some: whole.__setitem__(some, part), made, lanes)
    return made


class LeftOut(NamedTuple):
    """What the fits without each row say of it, in float64.

    Attributes:
      prediction: of each row by the fits without it, (n, L, k).
      objective: of those fits, on the rows they have, (n, L).
    """

    prediction: np.ndarray
    objective: np.ndarray


def left_out(problem: Problem, data: Dataset, l2: Any) -> LeftOut | None:
    """As `leave_one_out_lanes` for all rows, but only what scores need, which takes no fit of each row.

    None where a row's leverage is nearly 1, or the columns without a penalty are dependent, so that the fits are needed.
    """
    rows = Rows.of(data, problem.fit_intercept)
    w = np.ones(len(rows.X)) if data.sample_weight is None else np.asarray(data.sample_weight, np.float64)
    w, l2 = w / w.sum(), np.atleast_1d(np.asarray(l2, np.float64))
    whole, d = Folds.of(rows, triangle(rows, w)[None]), rows.X.shape[1]
    parts = [part for part in _parts(whole, l2, rank_tolerance(rows)) if len(part.lanes)]
    if any(part.factors is None for part in parts):
        return None
    y = np.asarray(rows.y, np.float64)
    found = LeftOut(np.empty((len(w), len(l2), y.shape[1])), np.empty((len(w), len(l2))))
    for some in blocks(len(w), max(TOGETHER, IN_CACHE // (len(l2) * y.shape[1]))):
        z, v = rows.take(some)[:, int(rows.intercept) :] - whole.mean, w[some]
        if (v == v[0]).all():  # one penalty for all of these rows, and so products of matrices
            v = v[:1]
        for lanes, unit, (U, s, Vt) in parts:
            penalty, c, u = (1 - v[:, None]) * l2[lanes] / 2, whole.C[0].T @ U, (z[:, :d] / unit) @ Vt.T
            over = 1 / (s**2 + penalty[..., None])  # 1 / D_i, (1 or b, lanes, d)
            e = z[:, None, d:] - np.stack([_of_rows(u, over * (s * of_output)) for of_output in c], axis=2)
            left = 1 - v[:, None] * (rows.intercept + _of_rows(np.square(u), over))
            if (left < ALONE).any():
                return None
            off = e / left[..., None]
            found.prediction[some, lanes] = y[some, None] - off
            total = whole.rest + (penalty[..., None] * over) @ np.sum(c**2, axis=0) - v[:, None] * np.sum(off * e, axis=2)
            found.objective[some, lanes] = total / (1 - v[:, None])
    return found


def _of_rows(u: np.ndarray, by: np.ndarray) -> np.ndarray:
    """u_i' by_il for rows i and lanes l, (b, L); `by` is (1, L, d) where it is the same for all rows."""
    return product(u, by[0].T) if len(by) == 1 else np.einsum("bd,bld->bl", u, by)


class Part(NamedTuple):
    """Lanes that share a factorisation of A diag(1/unit); None where they have none, as its rank is less than its columns."""

    lanes: np.ndarray
    unit: np.ndarray
    factors: tuple[np.ndarray, ...] | None


def _parts(whole: Folds, l2: np.ndarray, tolerance: float) -> Iterator[Part]:
    """The lanes without a penalty, in columns of one length, and those with one."""
    factors = np.linalg.svd(whole.A[0] / whole.unit[0])
    yield Part(np.flatnonzero(l2 == 0), whole.unit[0], factors if factors[1][-1] > tolerance * factors[1][0] else None)
    yield Part(np.flatnonzero(l2 > 0), np.ones_like(whole.unit[0]), np.linalg.svd(whole.A[0]))


def _by_leverage(
    rows: Rows, w: np.ndarray, z: np.ndarray, whole: Folds, parts: list[Part], l2: np.ndarray, fits: Fits
) -> np.ndarray:
    """Fills in the fits without each of these rows; returns for which of them they are not to be trusted."""
    z, d = z[:, int(rows.intercept) :], whole.A.shape[1]
    fits.mean[:] = (whole.mean - w[:, None] * z) / (1 - w[:, None]) if rows.intercept else 0.0
    x, y = np.split(z - whole.mean, [d], axis=1)
    alone, square, cross = np.zeros(len(z), bool), whole.A[0].T @ whole.A[0], whole.C[0].T @ whole.A[0]
    for lanes, unit, factors in parts:
        if factors is None:
            return ~alone
        U, s, Vt = factors
        c, u = whole.C[0].T @ U, ((x / unit) @ Vt.T)[:, None]
        penalty = (1 - w[:, None]) * l2[lanes] / 2
        D = s**2 + penalty[..., None]
        fit = (s * c) / D[:, :, None]  # (b, lanes, k, d), so that products are of one matrix with another
        e = y[:, None] - np.sum(fit * u[:, :, None], axis=3)
        left = 1 - w[:, None] * (rows.intercept + np.sum(u**2 / D, axis=2))
        alone |= (left < ALONE).any(axis=1)
        off = e / np.where(left < ALONE, 1.0, left)[..., None]  # the row's residual by the fit without it
        part = w[:, None, None] * off
        fit -= (u / D)[:, :, None] * part[..., None]
        found = _each(fit, Vt / unit)
        fits.weights[:, lanes] = np.swapaxes(found, 2, 3)
        total = whole.rest + (penalty[..., None] / D) @ np.sum(c**2, axis=0) - np.sum(part * e, axis=2)
        fits.objective[:, lanes] = total / (1 - w[:, None])
        summed = _each(found, square) - cross + part[..., None] * x[:, None, None]
        slope = 2 * summed / (1 - w)[:, None, None, None] + l2[lanes][:, None, None] * found
        fits.slope[:, lanes] = np.sqrt(np.sum(slope**2, axis=(2, 3)))
    return alone


def _each(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Vectors (..., d) times the matrix."""
    return product(vectors.reshape(-1, vectors.shape[-1]), matrix).reshape(vectors.shape)


class OneByOne:
    """The fits by a factorisation for each row, of all rows' sum without its part of it."""

    def __init__(self, rows: Rows, weights: np.ndarray, l2: np.ndarray, tolerance: float):
        self.rows, self.weights, self.l2, self.tolerance = rows, weights, l2, tolerance

    @functools.cached_property
    def _basis(self) -> tuple[Basis, np.ndarray]:
        basis = basis_of(self.rows, self.weights)
        return basis, gram_of(self.rows, basis.into, self.weights)

    def __call__(self, out: np.ndarray, scale: np.ndarray | None) -> Fits:
        (basis, gram), w = self._basis, self.weights[out]
        q = self.rows.take(out) @ basis.into
        grams = (gram - w[:, None, None] * q[:, :, None] * q[:, None]) / (1 - w)[:, None, None]
        without = lambda fold: np.where(np.arange(len(self.weights)) == out[fold], 0.0, self.weights)
        folds = Folds.of(self.rows, from_grams(self.rows, basis, grams, without))
        found = solutions(folds, np.broadcast_to(self.l2, (len(out), len(self.l2))), scale, self.tolerance)
        return Fits(found[0], folds.mean, *found[1:])
