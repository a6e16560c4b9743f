"""The bounds: how far above its infimum an objective can be at most.

    P(w, b) = sum_i s_i l_i(z_i) + sum_j p_j w_j^2 / 2,  z_i = x_i w + b,  s_i the weights over n,

with p_j = l2, or l2 times the square of column j's deviation where the penalty is that of standardised columns.

**Duality.** With the conjugates l_i*, any alpha_i with sum_i s_i alpha_i = 0 (where there is an intercept; else any alpha_i)
bounds P from below by -sum_i s_i l_i*(alpha_i) - sum_j v_j^2 / (2 p_j), v = sum_i s_i alpha_i x_i; as sum_i s_i alpha_i z_i =
v w, the gap is

    sum_i s_i (l_i(z_i) + l_i*(alpha_i) - alpha_i z_i) + sum_j (p_j w_j + v_j)^2 / (2 p_j),

two sums of what is never negative, so nothing cancels near the optimum. For alpha_i = l_i'(z_i) the first is 0, and p_j w_j + v_j
is the gradient. Where the intercept is free alpha is taken at the intercept that is best for w, and then made exactly feasible,
or what that would cost is added (see `_families`): the first sum is what the intercept is off by. Source: Fenchel's duality;
Shalev-Shwartz & Zhang, "Stochastic dual coordinate ascent", JMLR 14 (2013).

**Newton's decrement.** Let H be the Hessian at theta = (w, b), g the gradient, lambda^2 = g' H^-1 g, R = max_i |[x_i, 1]| in the
norm of H^-1, and D a step of length r in the norm of H. Along D a logit moves by at most R r per unit, and |l'''| <= l'' (for
softmax: by the range of the logits, R the largest norm of [x_i, 1] (e_k - e_l)), so that phi(t) = P(theta + t D) has
|phi'''| <= R r phi'', hence phi''(t) >= r^2 exp(-R r t), and, as g D >= -lambda r,

    P(theta + D) >= P(theta) - lambda r + (exp(-R r) + R r - 1) / R^2.

For u = lambda R < 1 the right side is least where exp(-R r) = 1 - u, and grows without bound with r, so there is an optimum, and

    P(theta) - min P <= (u + (1 - u) log(1 - u)) / R^2 = lambda^2 / 2 + lambda^3 R / 6 + ...

With softmax the objective is a sum of two: p_j (sum_k w_jk)^2 / (2 K) of K classes, which moves all logits of a row together, so
that the penalty alone sees it, and which is its own gap; and that of theta less its mean over the classes, as above.
Squares have no third derivative: R = 0, and lambda^2 / 2 is the gap itself. Source: Bach, "Self-concordant analysis for logistic
regression", arXiv:0910.4627.

**No loss is negative**, so P itself bounds the gap wherever there is an optimum.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from jgd.certificates._dependence import dependent
from jgd.certificates._hessian import LARGEST, Factor, factored, longest, longest_at_most
from jgd.certificates._rounding import UNIT, bregman, dot, length, of_sum
from jgd.certificates._rows import BLOCK, ENTRIES, Point

# One row in so many, whose Hessian may be enough.
PARTS = (16, 4)
# Up to such a lambda R, which enlarges the bound by a third of itself, R need not be known better.
LITTLE = 0.1
# From such a part of the gradient's norm on (of squares, whose gap is exact, a 5000th of it) what rounding may have done to it is
# looked at row by row.
BLUR = 0.05


class Evaluated(NamedTuple):
    """What is known of a point before any bound.

    Attributes:
      objective: P.
      objective_error: what that may be off by.
      gradient: of shape (columns, k).
      gradient_error: what each of its entries may be off by.
    """

    objective: float
    objective_error: float
    gradient: np.ndarray
    gradient_error: np.ndarray

    @property
    def gradient_norm(self) -> float:
        return float(length(self.gradient))


def evaluated(point: Point, family: Any) -> Evaluated:
    """The objective and its gradient."""
    rows, z, pull = point.rows, point.z, point.pull
    slopes = family.slopes(z)
    objective = dot(rows.share, family.values(z)) + np.sum(pull * point.theta) / 2
    off = dot(rows.share, np.abs(slopes).sum(axis=1)) * point.z_error
    off += rows.share.sum() * z.shape[1] * point.z_error**2
    error = off * (1 + of_sum(len(rows))) + (of_sum(len(rows)) + of_sum(pull.size) + 8 * UNIT) * objective
    gradient, gradient_error = rows.mean(slopes, *family.slopes_error(point.z_error))
    gradient_error = gradient_error + 8 * UNIT * (np.abs(gradient) + np.abs(pull))
    return Evaluated(float(objective), float(error), gradient + pull, gradient_error)


def all_of(point: Point, family: Any, at: Evaluated, enough: float = 0.0) -> tuple[dict[str, float], str]:
    """Every bound by its method, inf where there is none, and why there is none by Newton's decrement.

    The cheapest first, and none after one of at most `enough`.
    """
    squares, bounds = family.curvature_is_constant, {}
    if point.is_penalised or squares:
        bounds["nonnegative"] = at.objective + at.objective_error
    if point.is_penalised and not min(bounds.values()) <= enough:
        bounds["duality"] = duality_gap(point, family)
    if bounds and min(bounds.values()) <= enough:
        return bounds, ""
    by_newton, reason = newton(point, family, at, enough)
    return bounds | {"exact" if squares else "Newton's decrement": by_newton}, reason


def duality_gap(point: Point, family: Any) -> float:
    """At least the gap to the dual point that the parameters suggest, each weight having a penalty."""
    rows, share, free = point.rows, point.rows.share, point.rows.fit_intercept
    dual = family.dual(point.z, share, point.z_error, free)
    v, off = rows.mean(dual.slopes, (4 + 4 * dual.slopes.shape[1]) * UNIT)
    infeasible = 0.0
    if free:
        # The last row of v is the mean of the slopes; that it is not quite 0 costs a move of so much mass.
        infeasible = 2 * float(np.sum(np.abs(v[-1]) + off[-1]))
        off = off + infeasible * rows.largest[:, None]
    slope = np.abs(point.pull + v) + off + 8 * UNIT * (np.abs(point.pull) + np.abs(v))
    d = rows.X.shape[1]
    divergence = dual.divergence + dual.price(infeasible)
    distance = np.sum(slope[:d] ** 2 / (2 * point.penalty[:d, None])) * (1 + 8 * UNIT)
    return float(divergence + distance) * (1 + 2 * of_sum(len(rows)))


def newton(point: Point, family: Any, at: Evaluated, enough: float = 0.0) -> tuple[float, str]:
    """At least the bound by Newton's decrement; or infinity, and why.

    Where something is enough, first by the Hessian of a part of the rows: of 1 in 16 it is about 16 times as large.
    """
    k, squares, off, gradient, shared = point.z.shape[1], family.curvature_is_constant, at.gradient_error, at.gradient, 0.0
    softmax = k > 1 and not squares
    kept = np.ones(point.rows.columns * (k if softmax else 1), bool)
    if softmax:
        # All logits of a row may move together, which only a penalty sees: that is by itself, and the last class stays.
        kept.reshape(k, -1)[-1] = False
        sums = np.abs(point.theta.sum(axis=1)) + 2 * k * UNIT * np.abs(point.theta).sum(axis=1)
        shared = float(point.penalty @ np.square(sums)) / (2 * k) * (1 + 1e-12)
        gradient = gradient - point.pull.mean(axis=1, keepdims=True)
        off = off + (8 + k) * UNIT * np.abs(point.pull).max(axis=1, keepdims=True)
    if kept.sum() > LARGEST:
        return math.inf, f"the Hessian of {kept.sum()} parameters is too large to be factored (at most {LARGEST})"
    if point.z_error > 0.1 and not squares:
        return math.inf, "rounding in float64 changes the logits: the columns are too large, or nearly dependent"
    looked = point.penalty.any()

    def hessian(every: int) -> Factor | None:
        """Without a penalty, of the columns that are no sums of others."""
        nonlocal looked
        factor = factored(point, family, kept, softmax, every, orthogonal=looked)
        if factor is None and not looked:
            looked, kept[:] = True, kept & np.tile(~dependent(point.rows), k if softmax else 1)
            factor = factored(point, family, kept, softmax, every)
        return factor

    for every in PARTS if enough > 0 and not squares else ():
        if len(point.rows) >= every * max(8 * len(kept), BLOCK // 4):
            factor = hessian(every)
            bound = math.inf if factor is None else _by(factor, point, softmax, gradient, off)[0] + shared
            if bound <= enough and math.isfinite(bound):
                return bound, ""
            if not bound <= 16 * every * enough:  # all rows will hardly do
                break
    factor = hessian(1)
    if factor is None:
        return math.inf, "the Hessian is singular, or so nearly that rounding decides"
    flat = _by_class if softmax else np.asarray
    if factor.norm(0 * flat(off), flat(off)) > (BLUR / 5000 if squares else BLUR) * factor.norm(flat(gradient), 0 * flat(off)):
        off = np.minimum(off, _error_by_rows(point, family, at) + (8 + k) * UNIT * np.abs(point.pull).max(axis=1, keepdims=True))
    if squares:
        return factor.norm(gradient, off) ** 2 / 2, ""
    bound, reason = _by(factor, point, softmax, gradient, off)
    return bound + shared, reason


def _error_by_rows(point: Point, family: Any, at: Evaluated) -> np.ndarray:
    """What each entry of the gradient may be off by, from every row's numbers: smaller than `at.gradient_error`, and dearer."""
    rows, size = point.rows, np.abs(point.theta)
    slopes, out = np.abs(family.slopes(point.z)), np.zeros_like(point.theta)
    for where, block in rows.blocks(max(ENTRIES // point.theta.size, 16)):
        block = np.abs(block)
        largest = (block @ size).max(axis=1, keepdims=True)
        relative, absolute = family.slopes_error(family.z_error(largest, of_sum(rows.columns) * largest))
        bound = (of_sum(len(rows)) + relative + 3 * UNIT) * slopes[where] + absolute
        out += block.T @ (rows.share[where, None] * bound)
    return out * (1 + 2 * of_sum(len(rows))) + 8 * UNIT * (np.abs(at.gradient) + 2 * np.abs(point.pull))


def _by_class(parameters: np.ndarray) -> np.ndarray:
    """As one column, class by class."""
    return parameters.T.reshape(-1, 1)


def _by(factor: Factor, point: Point, softmax: bool, gradient: np.ndarray, off: np.ndarray) -> tuple[float, str]:
    """The bound with this factor of the Hessian; or infinity, and why."""
    flat = _by_class if softmax else np.asarray
    factor.doubt = math.exp(2 * point.z_error)
    decrement = factor.norm(flat(gradient), flat(off))
    u = decrement * longest_at_most(factor, point, softmax)
    if not u <= LITTLE:
        u = min(u, decrement * longest(factor, point, softmax, enough=1 / decrement))
    if not u < 1:
        far = f"lambda R = {u:.3g} is not below 1 (Newton's decrement times how fast the curvature changes)"
        return math.inf, f"the parameters are too far from an optimum: {far}. Take more steps, or give the problem a penalty"
    # Of (u + (1 - u) log(1 - u)) / u^2, which grows with u, times lambda^2: R = 0 is no division by 0.
    ratio = float(bregman(np.array(-u))) / u**2 if u > 1e-8 else 0.5 * (1 + u)
    return ratio * decrement**2 * (1 + 1e-12), ""
