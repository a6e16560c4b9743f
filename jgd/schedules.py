"""Schedules: pytrees that are called with a step count, and whose every number is a leaf."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jgd._expression import Expression, factory

__all__ = ["Schedule", "constant", "cosine", "exponential_decay", "schedule", "step_decay", "warmup_cosine"]


class Schedule(Expression):
    """A hyperparameter as a function of the step count, `value = schedule(count)`, with `count` from 0.

    A pytree whose leaves are its numbers, so that they can be swept, traced and differentiated; it goes wherever a
    hyperparameter accepts a schedule.

    >>> import jgd
    >>> rate = jgd.schedules.exponential_decay(0.1, transition_steps=100, decay_rate=0.5)
    >>> jgd.sgd(rate)
    sgd(schedules.exponential_decay(0.1, 100.0, 0.5))
    >>> round(float(rate(200)), 6)
    0.025
    """

    def __new__(cls, *args, **kwargs):
        raise TypeError("make a Schedule with a factory such as jgd.schedules.cosine(0.1, 1000).")

    def __call__(self, count) -> jax.Array:
        return self._call(count)


def schedule(function: Callable[..., Any]) -> Callable[..., Schedule]:
    """A function `f(count, *knobs) -> value`, made into a factory of schedules with those knobs.

    Write it in `jax.numpy`, without branching on a knob, and every knob can be traced.

    >>> import jgd
    >>> @jgd.schedules.schedule
    ... def inverse(count, init_value, rate=1.0):
    ...     return init_value / (1 + rate * count)
    >>> inverse(0.1)(3).item()
    0.02500000037252903
    >>> inverse(0.1)
    schedules.inverse(0.1)
    """
    return factory(function, Schedule, name=f"schedules.{function.__name__}", drop_first=True)


@schedule
def constant(count, value):
    """The same value at every step.

    value(t) = value

    >>> import jgd
    >>> jgd.schedules.constant(0.1)(7).item()
    0.10000000149011612

    Source: `optax.constant_schedule`.
    """
    return value + 0.0 * count


def _exponential(count, init_value, transition_steps, decay_rate, transition_begin, staircase, end_value):
    elapsed = jnp.maximum(count - transition_begin, 0.0) / transition_steps
    exponent = jnp.floor(elapsed) if staircase else elapsed
    value = init_value * decay_rate**exponent
    if end_value is None:
        return value
    return jnp.where(decay_rate < 1, jnp.maximum(value, end_value), jnp.minimum(value, end_value))


@schedule
def exponential_decay(count, init_value, transition_steps, decay_rate, transition_begin=0, staircase=False, end_value=None):
    """Exponential decay (or growth), smooth or in steps.

    value(t) = init_value * decay_rate^(max(t - transition_begin, 0) / transition_steps), the exponent rounded down if
    `staircase`; never beyond `end_value` if one is given.

    >>> import jgd
    >>> round(jgd.schedules.exponential_decay(0.1, 10, 0.5)(20).item(), 6)
    0.025

    Source: `optax.exponential_decay`; PyTorch's `ExponentialLR(gamma)` is `transition_steps=1, decay_rate=gamma` where one
    scheduler step is one update.
    """
    return _exponential(count, init_value, transition_steps, decay_rate, transition_begin, staircase, end_value)


@schedule
def step_decay(count, init_value, transition_steps, decay_rate):
    """A drop by a factor every `transition_steps` steps.

    value(t) = init_value * decay_rate^floor(t / transition_steps)

    >>> import jgd
    >>> round(jgd.schedules.step_decay(0.1, 10, 0.5)(29).item(), 6)
    0.025

    Source: PyTorch's `StepLR(step_size, gamma)`, counted in updates.
    """
    return _exponential(count, init_value, transition_steps, decay_rate, 0.0, True, None)


def _cosine(count, init_value, decay_steps, alpha, exponent):
    fraction = jnp.clip(count / decay_steps, 0.0, 1.0)
    curve = (0.5 * (1 + jnp.cos(jnp.pi * fraction))) ** exponent
    return init_value * ((1 - alpha) * curve + alpha)


@schedule
def cosine(count, init_value, decay_steps, alpha=0.0, exponent=1.0):
    """Half a cosine from `init_value` down to `alpha * init_value`, constant afterwards.

    value(t) = init_value * ((1 - alpha) * ((1 + cos(pi t / decay_steps)) / 2)^exponent + alpha),  t <= decay_steps

    >>> import jgd
    >>> round(jgd.schedules.cosine(0.1, 100)(50).item(), 6)
    0.05

    Source: `optax.cosine_decay_schedule`; Loshchilov & Hutter, arXiv:1608.03983.
    """
    return _cosine(count, init_value, decay_steps, alpha, exponent)


@schedule
def warmup_cosine(count, peak_value, warmup_steps, decay_steps, init_value=0.0, end_value=0.0, exponent=1.0):
    """A straight line up to `peak_value`, then half a cosine down to `end_value`.

    For t < warmup_steps: init_value + (peak_value - init_value) t / warmup_steps; then the cosine over the remaining
    decay_steps - warmup_steps. `decay_steps` counts the whole schedule, warm-up included.

    >>> import jgd
    >>> rate = jgd.schedules.warmup_cosine(peak_value=0.1, warmup_steps=10, decay_steps=110)
    >>> [round(rate(t).item(), 6) for t in (0, 5, 10, 60, 110)]
    [0.0, 0.05, 0.1, 0.05, 0.0]

    Source: `optax.warmup_cosine_decay_schedule`.
    """
    start = jnp.where(warmup_steps > 0, warmup_steps, 1.0)
    warmup = init_value + (peak_value - init_value) * jnp.minimum(count / start, 1.0)
    alpha = jnp.where(peak_value == 0, 0.0, end_value / jnp.where(peak_value == 0, 1.0, peak_value))
    decay = _cosine(count - warmup_steps, peak_value, decay_steps - warmup_steps, alpha, exponent)
    return jnp.where(count < warmup_steps, warmup, decay)
