"""`solve`: to the optimum, with a proof."""

import functools
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import check_count, is_concrete
from jgd._errors import public
from jgd._over import refuse_over
from jgd.certificates import Certificate, certificate
from jgd.certificates._certificate import check_problem
from jgd.data import Dataset
from jgd.data._dataset import as_dataset
from jgd.data._place import lent, placed
from jgd.models import LinearParams, Problem
from jgd.models._problem import encode
from jgd.solvers._centred import centred
from jgd.solvers._choice import Choice, choose
from jgd.solvers._descend import Start
from jgd.solvers._found import Found, sums_of, with_zeros, without
from jgd.solvers._least_squares import least_squares_lanes
from jgd.solvers._rows import Counts, Rows
from jgd.solvers._single import VANISHED, params_of, shares_of, solve_one, start_of, theta_of
from jgd.training._history import History
from jgd.training._notes import HostNotes
from jgd.training._result import Result
from jgd.training._start import check_like
from jgd.training._step import State
from jgd.training.stopping import CONVERGED, MAX_STEPS, NONFINITE, STALLED

# A solver ends where about this share of the tolerance is left, or of a loose one of this; if the proof wants more, where so much
# less is, so often. Where there is no bound so near to an optimum, there is none: classes can be told apart in some direction.
SHARE, LOOSE, MORE, TRIES, NEAR = 0.3, 1e-2, 0.02, 4, 1e-10
# To be proved, it ends where at most this share of the objective is left: two steps more cost less than a dear proof.
PROVABLE = 1e-8
# The shares of the tolerance between which a gap by strong convexity is worth some more steps.
CHEAP, REACH = 0.5, 1e5


@public
def solve(
    problem: Problem, data: Any, *, tol: float = 1e-8, certify: bool = True, steps: int = 200, params: Any = None
) -> Result:  # fmt: skip
    """Linear or logistic regression to its optimum, by the chain of solvers that suits the data, with a proof.

    Ends where objective - optimum <= tol * objective is proved (see `jgd.certificate`), after a few steps more if they may bring
    |grad|^2 / (2 l2) there, which is a cheap proof. Least squares are solved in closed form.
    For logistic regression

        theta <- theta - t H^-1 g,

    where H is the Hessian at each step, or one that limited memory BFGS corrects by the last six steps; it comes from all rows or
    first from samples of them, each beginning where the smaller one ended, and is made anew where two steps do not bring the
    decrement g' H^-1 g / 2 down fourfold. Rows that are not like those of the smaller sample are drawn by their size: half of a
    row's chances are its share of the columns' squares. t is 1, or what makes the slope along the step no more than 0.9 times as
    steep upwards as it was downwards. Passes over rows are compiled, in the data's type, and in float64 from where that type's
    rounding would decide; the few numbers they leave are float64 on the host. Units of columns do not matter.

    Args:
      problem: a `jgd.linear_regression` or `jgd.logistic_regression` (binary or softmax).
      data: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`.
      tol: what may be left to gain, as a share of the objective, above 0. A classifier whose tolerance is to be proved goes on to
        1e-8 of the objective, which costs less than a proof that fails.
      certify: whether to prove it; if not, the decrement says when to end, which is an estimate.
      steps: how many steps on all rows, at most.
      params: where to start, on all rows; zeros, with the intercept at its best, if not given, or if those are much worse.

    Returns:
      A `Result`: `status` is "converged" if the tolerance is proved (or, with certify=False, estimated); "stalled" if rounding
      ends the descent before that, or there is no optimum because classes can be told apart, by the direction that `diagnose()`
      gives; "max_steps". `message` says by which chain, and why that one. `history` has `loss`, `grad_norm`, `decrement`,
      `step_size` and `rows` for each step, on so many rows; the last loss is the proof's. Where the step before the last leaves
      no doubt that one more is enough, that is not evaluated, and the last numbers are what is expected of it. `certificate()` is
      the proof. Without a penalty, columns that are sums of others but for rounding (Fahrenheit beside Celsius), which nothing
      can be proved with, are left out: their weights are 0, and message and proof say so.

    Raises:
      TypeError, ValueError: for other problems, bad data or arguments, before anything runs.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(500, 4, key=0)
    >>> result = jgd.solve(jgd.logistic_regression(l2=1e-3), (X, y))
    >>> result.status, bool(result.certificate().gap < 1e-8)
    ('converged', True)

    Source: Nocedal & Wright, "Numerical optimization", 2nd edition, algorithm 7.4; Erdogdu & Montanari, "Convergence rates of
    sub-sampled Newton methods", NeurIPS 2015.
    """
    refuse_over("solve", problem=problem, data=data, params=params)
    check_problem("solve", problem)
    if problem.name not in ("linear_regression", "logistic_regression"):
        raise TypeError(
            f"solve takes jgd.linear_regression or jgd.logistic_regression, found {problem.name}: minimise it by "
            "jgd.fit(problem, data, jgd.lbfgs(), steps=100, stop=jgd.stopping.gradient_norm(1e-6))."
        )
    if not isinstance(tol, (int, float, np.floating)) or not 0 < tol < math.inf:
        raise ValueError(f"tol must be a number above 0, the share of the objective that may be left to gain, found {tol!r}.")
    check_count("steps", steps)
    if not all(map(is_concrete, jax.tree.leaves((problem, data, params)))):
        raise TypeError("solve looks at numbers, and so cannot be traced by jit, vmap or grad: call it outside.")
    began = time.perf_counter()
    data = encode(problem, as_dataset(data, Dataset._for_now), None, problem.functions.encode)
    if params is not None:
        check_like("params", params, jax.eval_shape(problem.init, jax.random.key(0), data))
    run = functools.partial(_found, problem, tol=tol, certify=certify, steps=steps)
    found = run(data, params)
    result = _result(problem, data, found, began)
    if found.status != STALLED or found.proof is None or problem.l2 != 0:
        return result
    for finding in result.diagnose():
        if finding.cause == "separable_classes" and not math.isfinite(found.proof.gap):
            result.notes.explained = f"{finding.message.rstrip('.')}; {finding.remedy.rstrip('.')}; {found.chain}."
            return result
        if finding.cause == "collinear_columns" and (sums := sums_of(finding, data)):
            less = run(without(sums, data), None)
            if less.status == CONVERGED:
                return _result(problem, data, with_zeros(less, sums, data, finding.message), began)
    return result


def _found(problem: Problem, data: Dataset, params: Any, *, tol: float, certify: bool, steps: int) -> Found:
    if problem.name == "linear_regression":
        return _closed_form(problem, data, tol, certify)
    return descent(problem, data, tol, certify, steps, params)


def _result(problem: Problem, data: Dataset, found: Found, began: float) -> Result:
    count = len(found.columns["loss"])
    history = History({"step": np.arange(count, dtype=np.int32), **found.columns})
    state = State(jax.tree.map(jnp.asarray, found.params), (), jnp.asarray(count - 1, jnp.int32))
    result = Result(state, history, np.int32(found.status), count - 1, None)
    result.notes = HostNotes(
        problem=problem, data=data, batch_size="full", steps_per_epoch=1, explained=f"{found.text}; {found.chain}.",
        proof=found.proof, run_seconds=time.perf_counter() - began,
    )  # fmt: skip
    return result


def _closed_form(problem: Problem, data: Dataset, tol: float, certify: bool) -> Found:
    solved = least_squares_lanes(problem, data, ranks=True)
    params = jax.tree.map(lambda a: a[0, 0], solved.params)
    proof = certificate(problem, data, params, enough=tol * float(solved.objective[0, 0])) if certify else None
    objective = float(solved.objective[0, 0]) if proof is None else proof.objective
    columns = {"loss": np.array([objective]), "grad_norm": np.array([float(solved.gradient_norm[0, 0])])}
    chain, d = "by the closed form", data.X.shape[1]
    if solved.rank[0] < d:
        chain += f"; {d - solved.rank[0]} of {d} columns are sums of others" + (
            ": of all optima this has the least norm in standardised columns" if problem.l2 == 0 else ""
        )
    status, text = _judged(proof, tol, data, params, "rounding" if certify else "estimate")
    return Found(params, status, text, chain, columns, proof)


def _judged(
    proof: Certificate | None, tol: float, data: Dataset, params: LinearParams, ended: str = "rounding"
) -> tuple[int, str]:
    """The status, and the sentence that says so, of what `ended` by "rounding", "steps" or by its own "estimate"."""
    if not all(np.isfinite(np.asarray(a, np.float64)).all() for a in jax.tree.leaves(params)):
        return NONFINITE, f"the parameters are larger than {data.X.dtype} holds: give columns in other units, or a penalty (l2)"
    if proof is None:
        return {
            "estimate": (CONVERGED, f"about {tol:g} of the objective is left to gain"),
            "rounding": (STALLED, "rounding decides from here"),
            "steps": (MAX_STEPS, "all steps were taken"),
        }[ended]
    if _proved(proof, tol, data):
        return CONVERGED, f"at most {proof.gap:.2g} above the optimum ({proof.method}), the objective is {proof.objective:.9g}"
    text = f"at most {proof.gap:.2g} above the optimum, the objective is {proof.objective:.9g}"
    if proof.reason:
        text = f"the objective is {proof.objective:.9g}, and how near the optimum is cannot be proved: {proof.reason}"
    if ended == "steps":
        return MAX_STEPS, f"all steps were taken, {text}"
    if ended == "rounding" and not proof.reason:
        advice = "" if data.X.dtype == np.float64 else "; with float64 (jax_enable_x64, float64 data) it gets nearer"
        text += f", rounding keeps it from less{advice}"
    return STALLED, text


def _proved(proof: Certificate, tol: float, data: Dataset) -> bool:
    """Whether the gap is within the tolerance, or within what rounding leaves of an objective that is nothing but rounding."""
    if proof.gap <= tol * proof.objective:
        return True
    if data.classes is not None:  # whose losses are small numbers, not differences of large ones
        return max(proof.gap, proof.objective) <= float(np.finfo(np.float32).eps) ** 2
    squares = np.square(np.asarray(data.y, np.float64)).reshape(len(data), -1).mean(axis=1)
    size = float(np.average(squares, weights=data.sample_weight))
    return max(proof.gap, proof.objective) <= 16 * float(jnp.finfo(data.X.dtype).eps) ** 2 * size


def descent(
    problem: Problem, data: Dataset, tol: float, certify: bool, steps: int, params: Any,
    chosen: Callable[..., Choice] | None = None,
) -> Found:  # fmt: skip
    free, classes, l2 = problem.fit_intercept, problem.classes, float(problem.l2)
    columns = centred(data.X, free)
    weights = None if data.sample_weight is None else np.asarray(data.sample_weight, np.float64)
    counts = None if weights is None else Counts.of(weights[None], weights[None].sum(axis=1), data.X.dtype)
    rows = Rows(lent(columns.X), placed(np.asarray(data.y, np.int32)), counts, classes, free)
    shares, rarest, used = shares_of(np.asarray(data.y), weights, classes)
    choice = (chosen or choose)(len(data), rows.columns, classes, rarest, used)
    penalty = np.tile(np.append(columns.penalty(l2), np.zeros(int(free))), rows.k)
    known = shares if free else np.full(classes, 1 / classes)
    start = Start(start_of(rows, shares), float(-np.sum(shares * np.log(np.maximum(known, 1e-12)))))
    theta = start.theta
    if params is not None:
        theta, choice = theta_of(params, columns), choose(len(data), rows.columns, classes, 0.0)
    squares = np.append(columns.squares, np.ones(int(free)))
    polish = functools.partial(_dear, penalty, tol)
    aim = min(tol, PROVABLE if certify else LOOSE)
    share, left, hessians, history, before, alike = SHARE, steps, 0, None, math.inf, True
    for _ in range(TRIES):
        done = lambda decrement, objective, g, share=share: (
            (decrement <= share * aim * objective) | ((l2 == 0) & (objective <= VANISHED * start.loss))
        )
        path = solve_one(rows, penalty, theta, choice, squares, done, left, start, polish if certify else None)
        at, alike = path.descent, alike and path.alike
        history, hessians, left = _columns(path.records, history), hessians + path.hessians, left - len(at.records) + 1
        theta, rows, choice = at.theta, at.rows, choice._replace(levels=())
        params = jax.tree.map(lambda a: a[0, 0], params_of(theta, columns, data.X.dtype, classes, free))
        objective, met = float(at.objective[0, 0]), bool(at.met.all())
        separate = l2 == 0 and objective <= VANISHED * start.loss
        proof = certificate(problem, data, params, enough=tol * max(objective, 0.0)) if certify else None
        if proof is None or _proved(proof, tol, data) or not met or left <= 0 or separate:
            break
        share = min(share, float(at.decrement[0, 0]) / max(aim * objective, 1e-300))
        if proof.gap > before / 2 or proof.reason and share * aim < NEAR:
            met = False  # it is the parameters' own rounding that the proof sees
            break
        before = proof.gap
        share *= MORE if proof.reason else min(MORE, SHARE * tol * objective / proof.gap)
    if proof is not None and math.isfinite(proof.objective):
        history["loss"][-1] = proof.objective
    status, text = _judged(proof, tol, data, params, "estimate" if met else "steps" if left <= 0 else "rounding")
    made = f" ({hessians} Hessians)" if hessians > 1 else ""
    drawn = "" if alike else ", samples drawn by the rows' size, which are not alike"
    return Found(params, status, text, f"by {choice.chain}{made}, as {choice.why}{drawn}", history, proof)


def _dear(penalty: np.ndarray, tol: float, objective: np.ndarray, g: np.ndarray) -> bool:
    """Whether |g|^2 / (2 l2) does not prove the tolerance yet, which costs one pass, but a few steps may bring it there."""
    used = penalty > 0
    gap, goal = float(np.sum(np.square(g[0, 0, used]) / penalty[used])) / 2, tol * float(objective[0, 0])
    return bool(used.any() and CHEAP * goal < gap < REACH * goal)


def _columns(records: list[Any], before: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """The history's arrays, those of an earlier descent first."""
    one = lambda name: np.array([float(np.asarray(getattr(record, name)).ravel()[0]) for record in records])
    new = {
        "loss": one("objective"), "grad_norm": one("gradient_norm"), "decrement": one("decrement"),
        "step_size": one("step_size"), "rows": np.array([record.rows for record in records], np.int32),
    }  # fmt: skip
    return new if before is None else {name: np.concatenate([before[name][:-1], new[name]]) for name in new}
