"""Certificates: how far from its optimum an objective can still be."""

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete, shown
from jgd._display import Facts, Note, Shown, View
from jgd._errors import Answering, public
from jgd._over import refuse_over
from jgd.certificates import _bounds
from jgd.certificates._families import Classes, Logistic, Squared
from jgd.certificates._rounding import UNIT
from jgd.certificates._rows import Point, Rows, with_intercept
from jgd.data import Dataset
from jgd.models import Problem
from jgd.models._standardized import inside, penalty_of


@dataclasses.dataclass(frozen=True, repr=False)
class Certificate(Answering, Shown):
    """How far from its optimum an objective is, at most.

    Attributes:
      objective: at the parameters, in float64.
      lower_bound: no parameters have a smaller objective; -inf where nothing is known.
      gap: the objective is at most so far above its infimum, exactly: smaller than what `objective` can show, near the
        optimum; inf where nothing is known.
      gradient_norm: of the gradient with respect to all parameters, in float64.
      method: what proves the gap: "Newton's decrement", "duality", "exact", "nonnegative"; or "none". With ", without column 4"
        it is of the problem without that column (see `jgd.solve`).
      reason: why there is no gap; empty where there is one.

    >>> import jgd
    >>> data = [[0.0], [1.0], [2.0]], [0.0, 1.0, 1.0]
    >>> jgd.certificate(jgd.linear_regression(), data, jgd.LinearParams([0.5], 0.0))
    Certificate(objective 0.0833333333, at most 0.0278 above the optimum (exact), gradient 0.471)
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("duality_gap", "suboptimality", "dual_gap", "upper_bound"), "gap"),
        **dict.fromkeys(("grad_norm", "gradient"), "gradient_norm"),
        **dict.fromkeys(("bound", "dual", "dual_objective"), "lower_bound"),
    }

    objective: float
    lower_bound: float
    gap: float
    gradient_norm: float
    method: str
    reason: str = ""

    def __repr__(self) -> str:
        start = f"Certificate(objective {self.objective:.9g}, "
        if self.reason:
            return f"{start}no bound: {self.reason})"
        return f"{start}at most {self.gap:.3g} above the optimum ({self.method}), gradient {self.gradient_norm:.3g})"

    def _view(self) -> View:
        share = f", {self.gap / abs(self.objective):.2g} of the objective" if self.objective else ""
        known = [("at most", f"{self.gap:.3g} above the optimum{share}"), ("by", self.method)] if not self.reason else []
        rows = [
            ("objective", f"{self.objective:.12g}"), *known, ("lower bound", f"{self.lower_bound:.12g}"),
            ("gradient norm", f"{self.gradient_norm:.3g}"),
        ]  # fmt: skip
        tone = ("no bound", "warn") if self.reason else ("proved", "good")
        return View("Certificate", [tone], [*([Note(self.reason)] if self.reason else []), Facts(rows)])


@public
def certificate(problem: Problem, data: Any, params: Any, *, enough: float = 0.0, state: Any = None) -> Certificate:
    """A proof of how far from the optimum these parameters are, whatever made them.

    For linear and logistic regression the gap is the least of

    - the gap to a dual point, for l2 > 0: |gradient of w|^2 / (2 l2) at the best intercept, and what the intercept is off by;
    - the bound by Newton's decrement, with the true Hessian: lambda^2 / 2 near the optimum, and exactly that for squares;
    - the objective, as no loss is negative.

    Each is enlarged by what rounding in float64 may have done. Everything is evaluated in float64 from the numbers of `data`
    and `params` as they are. The gap is inf, with the reason, where it is not known that there is an optimum: for logistic
    regression without penalty far from it, or of separable classes; and for problems that are not known to be convex.

    Args:
      problem: a `jgd.linear_regression` or `jgd.logistic_regression`; of any other, objective and gradient are given.
      data: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`; None for a problem without data.
      params: the parameters to be judged; for a linear model `weights` of shape (d,) or (d, k), and `bias`.
      enough: a gap that is small enough: the first bound that proves it is taken, and no better one is looked for.
        Duality takes no Hessian, and for Newton's decrement that of a part of the rows may do. 0 looks for the least.
      state: the loss's state, where it has one.

    Returns:
      A `Certificate`.

    Raises:
      TypeError, ValueError: for parameters of other shapes than the problem's, bad data, or inside compiled code.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> problem = jgd.logistic_regression(l2=1e-2)
    >>> result = jgd.fit(problem, (X, y), jgd.gd(1.0), epochs=500)
    >>> proof = jgd.certificate(problem, (X, y), result.params)
    >>> proof.gap < 1e-10, proof.method
    (True, "Newton's decrement")
    >>> loose = jgd.fit(problem, (X, y), jgd.gd(1.0), epochs=5)
    >>> jgd.certificate(problem, (X, y), loose.params).gap > 1e-3
    True

    Source: the bounds are proved in `jgd.certificates._bounds`.
    """
    check_problem("certificate", problem)
    refuse_over("certificate", problem=problem, data=data, params=params, enough=enough)
    if not enough >= 0:
        raise ValueError(f"enough is a gap, and so must be at least 0, found {shown(enough)}.")
    data = None if data is None else problem.dataset(data)
    if not all(map(is_concrete, jax.tree.leaves((problem, data, params, state)))):
        raise TypeError("certificate looks at numbers, and so cannot be traced by jit, vmap or grad: call it with the result.")
    if inside(problem).name not in ("linear_regression", "logistic_regression"):
        return _of_any(problem, data, params, state)
    if data is None:
        raise TypeError(f"a certificate of {problem.name} needs the data: give (X, y).")
    return _of_linear(problem, data, params, enough)


def check_problem(where: str, problem: Any) -> None:
    """Refuses what is no problem."""
    if not isinstance(problem, Problem):
        raise TypeError(f"{where} takes a problem such as jgd.linear_regression(), found {shown(problem)}.")
    if np.ndim(getattr(problem, "l2", 0.0)):
        raise ValueError(f"{where} takes one problem, found {np.size(problem.l2)} values of l2: take them one by one.")


def _of_linear(problem: Problem, data: Dataset, params: Any, enough: float) -> Certificate:
    with np.errstate(all="ignore"):  # what is not finite is said to be so
        point, family = point_of(problem, data, params)
        if not np.isfinite(point.theta).all():
            return Certificate(math.nan, -math.inf, math.inf, math.nan, "none", "the parameters are not all finite")
        return _judged(point, family, enough)


def point_of(problem: Problem, data: Dataset, params: Any) -> tuple[Point, Any]:
    """A linear model's parameters and rows, and its loss, in float64."""
    penalty, problem = penalty_of(problem, data.X.shape[1]), inside(problem)
    rows = Rows(data, problem.fit_intercept)
    y, outputs = rows.of(data.y), tuple(data.y.shape[1:])
    if problem.name == "linear_regression":
        family = Squared(y.astype(np.float64).reshape(len(y), -1))
    else:
        binary = problem.classes == 2
        family, outputs = (Logistic(y), ()) if binary else (Classes(y, problem.classes), (problem.classes,))
    theta = _theta(params, (data.X.shape[1], *outputs), problem.fit_intercept)
    return point_at(rows, with_intercept(rows, penalty), theta, family), family


def point_at(rows: Rows, penalty: np.ndarray, theta: np.ndarray, family: Any) -> Point:
    z, size, error = rows.times(theta)
    return Point(rows, penalty, theta, z, family.z_error(size, error))


def _judged(point: Point, family: Any, enough: float) -> Certificate:
    at = _bounds.evaluated(point, family)
    if not (math.isfinite(at.objective) and math.isfinite(at.gradient_norm)):
        return Certificate(at.objective, -math.inf, math.inf, at.gradient_norm, "none", "the objective is not finite in float64")
    bounds, reason = _bounds.all_of(point, family, at, enough)
    bounds = {method: float(bound) for method, bound in bounds.items() if math.isfinite(bound)}
    if not bounds:
        if family.separates(point.z, point.z_error):
            reason = "these parameters separate the classes, so that without a penalty (l2) there is no optimum"
        else:
            reason = f"{reason}; without a penalty (l2) there is no other bound"
        return Certificate(at.objective, -math.inf, math.inf, at.gradient_norm, "none", reason)
    method = min(bounds, key=bounds.get)
    lower = max(at.objective - at.objective_error - bounds[method], 0.0)
    return Certificate(at.objective, lower * (1 - 4 * UNIT), bounds[method], at.gradient_norm, method)


def _theta(params: Any, shape: tuple[int, ...], fit_intercept: bool) -> np.ndarray:
    """[weights; bias] in float64, of shape (columns, k)."""
    if not hasattr(params, "weights"):
        raise TypeError(
            f"params must be jgd.LinearParams(weights, bias), found {type(params).__name__}"
            + ("." if not hasattr(params, "params") else ": give result.params.")
        )
    weights = np.asarray(params.weights).astype(np.float64)
    if weights.shape != shape:
        raise ValueError(f"params.weights must have shape {shape} for this problem and data, found {weights.shape}.")
    if (params.bias is not None) != fit_intercept:
        found = "has none" if params.bias is None else "has one"
        raise ValueError(f"the problem has fit_intercept={fit_intercept}, but params {found}.")
    weights = weights.reshape(shape[0], -1)
    if not fit_intercept:
        return weights
    bias = np.asarray(params.bias).astype(np.float64)
    if bias.shape != shape[1:]:
        raise ValueError(f"params.bias must have shape {shape[1:]} for this problem and data, found {bias.shape}.")
    return np.concatenate([weights, bias.reshape(1, -1)])


def _of_any(problem: Problem, data: Dataset | None, params: Any, state: Any) -> Certificate:
    """Objective and gradient, and no bound."""
    if "state" in problem.functions.asks and state is None:
        raise TypeError("the loss takes a state: give state=, such as result.model_state.")
    reason = f"{problem.name} is not known to be convex"
    if problem.name == "mixed_precision":
        reason = "with rounded parameters the objective is not convex; take the certificate of the problem inside, .problem"
    with jax.enable_x64(True):
        double = lambda a: a.astype(jnp.float64) if jnp.issubdtype(jnp.asarray(a).dtype, jnp.floating) else a
        data, params, state = jax.tree.map(lambda a: double(jnp.asarray(a)), (data, params, state))
        frozen = problem.functions.frozen
        value, slope = jax.value_and_grad(lambda p: problem.objective(p, data, state=state))(params)
        if frozen is not None:
            held = frozen(params)
            slope = jax.tree.map(lambda mask, g: jax.tree.map(jnp.zeros_like, g) if mask else g, held, slope)
        norm = float(jnp.linalg.norm(jax.flatten_util.ravel_pytree(slope)[0]))
    return Certificate(float(value), -math.inf, math.inf, norm, "none", reason)
