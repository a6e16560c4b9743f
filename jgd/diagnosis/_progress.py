"""Runs that ended on their way: too few steps, or no way further in float32."""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._case import Case
from jgd.diagnosis._curve import WHOLE, Forecast, forecast
from jgd.diagnosis._finding import Finding

# How many steps are missing is known by some laws that are no fits to a curve.
BY = {"from the Hessian": "by its Hessian", WHOLE: "at the rate of the whole run"}


def too_few_steps(case: Case) -> Iterator[Finding]:
    """A run that was still falling, with an estimate of how many steps it needs."""
    curve = case.curve
    if case.converged or case.rose or len(curve.losses) < 2 or case.chain.rate == 0:
        return
    if case.full_batch and not np.ptp(curve.losses):
        return  # it did not move at all
    if case.linear is not None and not case.held and math.isfinite(case.gap):
        gap, wanted = case.gap, case.tolerance
        certain, about = True, f"the run ended {gap:.3g} above the optimum, further than {wanted:.2g}"
        lowest = curve.losses[-1] - gap if case.exact_losses else case.certificate.objective - gap
        ahead = _exact(case) or forecast(curve.steps, curve.losses - lowest, gap, wanted)
        if ahead is not None and ahead.law == WHOLE and (case.solved or case.chain.second_order):
            ahead = None  # which gains with every step
    elif curve.known and curve.falling() and case.result.status != "converged":
        remaining = curve.remaining()
        wanted = limits.REMAINING * max(case.start - curve.losses[-1], 0.0)
        if not remaining > wanted or curve.flat(case.dtype):
            return
        gap, certain = remaining, False
        about = f"the loss was still falling, on course for {remaining:.2g} less than its last {curve.losses[-1]:.4g}"
        ahead = forecast(curve.steps, curve.losses - (curve.losses[-1] - remaining), remaining, wanted)
    else:
        return
    numbers = {"gap": gap, "tolerance": wanted, "steps": case.result.steps}
    advice, estimate = "take more steps", ""
    if ahead is not None:
        numbers |= {"more_steps": ahead.steps, "law": ahead.law}
        size = f"{ahead.steps:,.0f}" if ahead.steps < 1e7 else f"{ahead.steps:.0e}"
        by = BY.get(ahead.law, f"at the rate of its last half ({ahead.law} decay)")
        estimate = f"; {by} it needs about {size} steps more"
        advice = f"take about {size} steps more"
    safe = case.safe
    if safe is not None and case.chain.rate < limits.SMALL * safe:
        numbers |= {"learning_rate": case.chain.rate, "safe": safe}
        advice = f"raise the learning rate from {case.chain.rate:.3g} to {safe:.3g}, which is stable, or {advice}"
    resumes = "steps more" in advice and case.result.steps and not case.solved
    advice = f"{advice}, by fit(..., state=result.state)" if resumes else advice
    early = f" ({case.result.notes.stop!r} ended it: tighten it)" if case.result.status == "converged" else ""
    if case.is_linear and not case.chain.second_order and math.prod(case.linear.point.theta.shape) <= 500:
        advice += "; jgd.newton() takes a handful"
    yield Finding("too_few_steps", certain, f"{about}{estimate}{early}.", f"{advice}.", numbers, 0.5)


def _exact(case: Case) -> Forecast | None:
    """From the Hessian, where the run is plain descent at one rate: squares' own, that at the optimum for logistic regression."""
    chain = case.chain
    if not (case.safe is not None and case.full_batch and chain.constant and not chain.momentum and chain.rate < 2 * case.safe):
        return None
    steps = case.linear.ahead(chain.rate, case.tolerance)
    return None if steps is None or not steps < limits.NEVER else Forecast(steps, "from the Hessian")


def float32_floor(case: Case) -> Iterator[Finding]:
    """Steps that rounding makes useless, with something left to gain."""
    if case.dtype.itemsize >= 8 or case.rose or case.chain.rate == 0 or not case.full_batch or case.lacks_data:
        return
    unmet = case.result.notes.stop is not None and case.result.status in ("stalled", "max_steps")
    if case.converged and not unmet or case.linear is None and not unmet:
        return
    if case.result.status != "stalled" and not _seems_rounded(case):
        return  # before anything is compiled
    rounded, exact = _gradients(case)
    length = float(np.linalg.norm(exact))
    if not length > 0:
        return
    off = float(np.linalg.norm(rounded - exact)) / length
    params = np.asarray(ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), case.params))[0])
    step = case.chain.last_rate * exact / (1 - case.chain.momentum) if case.chain.plain else np.zeros_like(exact)
    taken = (params - step.astype(np.float32)).astype(np.float64) - params
    held = case.chain.plain and bool(np.linalg.norm(taken + step) >= limits.ROUNDED * np.linalg.norm(step))
    if case.result.status != "stalled" and off < limits.ROUNDED and not held:
        return
    if off < limits.ROUNDED and case.safe is not None and case.chain.rate < limits.SMALL * case.safe:
        return  # steps vanish because the learning rate is small
    known = case.linear is not None and math.isfinite(case.gap)
    above = f" {case.gap:.3g} above the optimum" if known else ""
    why = f"of the gradient, {length:.2g} in float64, rounding makes {off:.0%}" if off >= limits.ROUNDED else (
        f"its steps, {np.linalg.norm(step):.1g} and less, are lost in parameters of size {np.abs(params).max():.3g}"
    )  # fmt: skip
    yield Finding(
        "float32_floor", bool(off >= limits.ROUNDED or held),
        f"the loss no longer moves{above}, at float32's resolution: {why}.",
        "enable float64 (jax.config.update('jax_enable_x64', True), and give float64 data), or make numbers smaller: subtract "
        "means from columns and targets.",
        {"gradient_norm": length, "rounding": off, "gap": case.gap if known else math.nan}, 0.88,
    )  # fmt: skip


def _seems_rounded(case: Case) -> bool:
    """Whether the tail goes nowhere, or the gradient's recorded length is not that in float64."""
    norms, length = np.asarray(case.result.history.grad_norm, np.float64), case.certificate.gradient_norm
    other = bool(len(norms) and case.exact_losses and abs(norms[-1] - length) > limits.ROUNDED / 5 * length)
    return other or case.curve.known and (case.curve.flat(case.dtype) or not case.curve.falling())


def _gradients(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The gradient at the end as the run computes it, and in float64."""
    problem, state = case.problem, case.model_state

    def gradient():
        cast = lambda leaf: (
            jnp.asarray(leaf, jnp.result_type(float)) if np.issubdtype(leaf.dtype, np.floating) else jnp.asarray(leaf)
        )
        data = None if case.data is None else jax.tree.map(lambda leaf: cast(np.asarray(leaf)), case.data)
        params = jax.tree.map(cast, case.params)
        slope = jax.jit(jax.grad(lambda p, data: problem.objective(p, data, state=state)))(params, data)
        return np.asarray(ravel_pytree(slope)[0], np.float64)

    with jax.enable_x64(False):
        rounded = gradient()
    with jax.enable_x64(True):
        return rounded, gradient()
