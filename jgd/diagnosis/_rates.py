"""Learning rates beyond what is stable, and the noise that a constant one leaves."""

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._case import Case
from jgd.diagnosis._chain import named, threshold
from jgd.diagnosis._finding import Finding
from jgd.diagnosis._layers import thinned
from jgd.training._step import as_parameter


def too_large(case: Case) -> Iterator[Finding]:
    """A learning rate beyond the threshold of this chain and regime."""
    chain = case.chain
    if chain.second_order or case.converged or not chain.rate > 0:
        return
    if chain.plain and chain.momentum >= 1:
        if case.rose:
            yield Finding(
                "learning_rate_too_large", True, f"momentum {chain.momentum:g} is not below 1, so no learning rate is stable.",
                "give a momentum below 1, such as 0.9.", {"momentum": chain.momentum}, 1.0,
            )  # fmt: skip
    elif case.safe is not None:
        yield from _by_threshold(case)
    else:
        yield from _by_symptom(case)


def _by_threshold(case: Case) -> Iterator[Finding]:
    """For gd and sgd on linear models, whose thresholds are known."""
    chain, largest = case.chain, case.linear.largest()
    limit, formula = threshold(chain, largest, case.squares)
    safe = case.safe
    # At the threshold itself the error along the steepest direction changes its sign and keeps its size.
    beyond = chain.rate >= limit / limits.BEYOND
    numbers = {"learning_rate": chain.rate, "threshold": limit, "safe": safe, "L": largest}
    if case.full_batch:
        # Below the threshold the objective of gd never rises; that of momentum may.
        worse = case.rose or (case.squares and chain.constant) or (not chain.momentum and case.curve.rises(case.dtype))
        if not (beyond and worse):
            return
        certain, said = case.failed or chain.constant and not (chain.momentum and not case.squares), ""
    else:
        per_batch = case.linear.largest(case.batch_size)
        if not (case.rose and chain.rate > safe * limits.BEYOND):
            return
        limit, formula = min(2 * (1 - chain.momentum) / per_batch, limit), "2 (1 - m)/L_b" if chain.momentum else "2/L_b"
        numbers |= {"L": per_batch, "threshold": limit}
        certain = beyond or chain.rate > limit
        said = f" in batches of {case.batch_size}"
    heavy = _heavy(case)
    numbers["columns"] = case.columns(heavy)
    heaviest = named(heavy, case.data.columns)
    which = f" C{heaviest[1:]} make{'s' * (len(heavy) == 1)} L large." if len(heavy) else ""
    compared = f"exceeds {formula} = {limit:.3g}" if chain.rate > limit else f"is near {formula} = {limit:.3g}"
    what = "learning_rate" if chain.constant else "the largest learning rate"
    yield Finding(
        "learning_rate_too_large", bool(certain),
        f"{what} {chain.rate:.3g} {compared} for {chain.text} on these data{said}.{which}",
        f"use {safe:.3g}, which is stable (jgd.safe_learning_rate), or less"
        + (", or standardise the columns and look again." if len(heavy) else "."),
        numbers, 1.0,
    )  # fmt: skip


def _heavy(case: Case) -> np.ndarray:
    """Columns that make up most of L and are larger than an intercept, or the middle column."""
    second = case.linear.moments.second
    vector = np.linalg.eigh(second)[1][:, -1] ** 2 if len(second) <= 1000 else np.diag(second) / np.trace(second)
    size = np.sqrt(np.diag(second))
    middle = np.median(size)
    heavy = (vector >= 0.1) & (size > limits.ODD * min(middle, size.min() * limits.ODD if size.min() > 0 else middle))
    return np.flatnonzero(heavy[: case.linear.width])


def _by_symptom(case: Case) -> Iterator[Finding]:
    """For everything else: the loss grew, or swings where it should fall."""
    chain, curve = case.chain, case.curve
    swings = case.full_batch and curve.known and not case.rose and _swings(case)
    if not (case.rose or swings):
        return
    what = "the loss swings in its tail and does not settle" if swings else "the loss grew"
    numbers: dict[str, Any] = {"learning_rate": chain.rate, "safe": chain.rate / 10}
    said, advice = (
        "",
        f"lower it by 10, to {chain.rate / 10:.3g}, and look again; or begin the chain with jgd.clip_by_global_norm(1.0).",
    )
    sharp = sharpness(case) if chain.plain and case.full_batch and not case.lacks_data else None
    if sharp is not None and chain.rate * sharp > 2:
        limit = threshold(chain, sharp, True)[0]
        numbers |= {"curvature": sharp, "threshold": limit, "safe": limit / 2}
        said = f": near the start the largest curvature is {sharp:.3g}, and steps beyond {limit:.3g} overshoot there"
        advice = f"use {limit / 2:.3g} or less."
    yield Finding(
        "learning_rate_too_large", False, f"{what} with learning_rate {chain.rate:.3g} of {chain.text}{said}.", advice, numbers,
        1.0 if case.rose else 0.8,
    )  # fmt: skip


def _swings(case: Case) -> bool:
    """Whether the exact loss goes up and down in the tail, by what matters."""
    tail, gap = case.curve.tail, case.gap
    ups = np.diff(tail) > np.finfo(case.dtype).eps * limits.ULPS * np.abs(tail[:-1])
    room = case.start - case.curve.losses.min()
    matters = gap > case.tolerance if math.isfinite(gap) else np.ptp(tail) > limits.REMAINING * room
    return bool(matters and np.mean(ups) >= 1 - limits.STEADY and np.ptp(tail) > 0.3 * min(gap, room) and not _still_falls(case))


def _still_falls(case: Case) -> bool:
    return case.curve.fall > 0.3 * np.ptp(case.curve.tail)


def sharpness(case: Case, rounds: int = 30) -> float | None:
    """The largest curvature near the start, by power iteration; None where it cannot be had cheaply."""
    data = thinned(case.data)
    start, unravel = ravel_pytree(jax.tree.map(as_parameter, case.problem.init(jax.random.key(0), data)))
    if start.size > 1_000_000:
        return None
    gradient = jax.grad(lambda w: case.problem.objective(unravel(w), data, state=case.model_state))
    product = jax.jit(lambda v: jax.jvp(gradient, (start,), (v,))[1])
    v, length = np.random.default_rng(0).normal(size=start.shape), 0.0
    for _ in range(rounds):
        v = np.asarray(product((v / np.linalg.norm(v)).astype(start.dtype)), np.float64)
        length = float(np.linalg.norm(v))
        if not (math.isfinite(length) and length > 0):
            return None
    return length


def noise_floor(case: Case) -> Iterator[Finding]:
    """The distance that batches keep a run with a constant learning rate at."""
    chain, curve = case.chain, case.curve
    if case.full_batch or case.converged or case.rose or not chain.constant or not curve.known or not chain.rate > 0:
        return
    if curve.falling() or case.linear is not None and not math.isfinite(case.gap):
        return
    known = case.linear is not None and not case.held
    if not known and not noisy(case):
        return
    numbers = {"learning_rate": chain.rate, "batch_size": case.batch_size}
    above = ""
    if known:
        numbers |= {"gap": case.gap, "tolerance": case.tolerance}
        above = f", {case.gap:.3g} above the optimum"
    yield Finding(
        "noise_floor", known and chain.plain,
        f"the loss no longer falls{above}: with the constant learning_rate {chain.rate:.3g} the noise of batches of "
        f"{case.batch_size} keeps the parameters moving around the optimum.",
        f"let the learning rate fall to 0, as jgd.schedules.cosine({chain.rate:.3g}, {case.result.steps}) does; or average the "
        f"last parameters, by jgd.chain(tx, jgd.average_iterates(start={case.result.steps // 2})) and "
        "jgd.averaged_params(result); or take larger batches.",
        numbers, 0.85,
    )  # fmt: skip


def noisy(case: Case) -> bool:
    """Whether the exact loss goes to and fro in its tail by more than it would have to fall."""
    if not case.exact_losses:
        return False
    tail = case.curve.tail
    return bool(np.ptp(tail) > limits.REMAINING * max(case.start - tail.mean(), 0.0) and np.ptp(tail) > 0.02 * tail.mean())
