"""Schedules that first rise."""

import jax.numpy as jnp

from jgd.schedules._decay import cosine_curve, exponential_curve
from jgd.schedules._schedule import line, schedule


@schedule
def warmup_constant(count, peak_value, warmup_steps, init_value=0.0):
    """A straight line up to `peak_value`, then constant.

    >>> import jgd
    >>> round(jgd.schedules.warmup_constant(0.1, 10)(5).item(), 6)
    0.05

    Source: `optax.warmup_constant_schedule`, which takes `init_value` first.
    """
    return line(count, init_value, peak_value, warmup_steps)


@schedule
def warmup_linear(count, peak_value, warmup_steps, decay_steps, init_value=0.0, end_value=0.0):
    """A straight line up to `peak_value`, and one down to `end_value` at `decay_steps`, warm-up included.

    >>> import jgd
    >>> rate = jgd.schedules.warmup_linear(0.1, warmup_steps=10, decay_steps=110)
    >>> [round(rate(t).item(), 6) for t in (5, 10, 60, 110)]
    [0.05, 0.1, 0.05, 0.0]

    Source: the schedule of Devlin et al., arXiv:1810.04805.
    """
    down = line(count - warmup_steps, peak_value, end_value, decay_steps - warmup_steps)
    return jnp.where(count < warmup_steps, line(count, init_value, peak_value, warmup_steps), down)


@schedule
def warmup_exponential(
    count, peak_value, warmup_steps, transition_steps, decay_rate, init_value=0.0, transition_begin=0, staircase=False,
    end_value=None,
):  # fmt: skip
    """A straight line up to `peak_value`, then `exponential_decay`, whose count starts after the warm-up.

    >>> import jgd
    >>> rate = jgd.schedules.warmup_exponential(0.1, warmup_steps=10, transition_steps=10, decay_rate=0.5)
    >>> [round(rate(t).item(), 6) for t in (5, 10, 20)]
    [0.05, 0.1, 0.05]

    Source: `optax.warmup_exponential_decay_schedule`, which takes `init_value` first.
    """
    after = count - warmup_steps
    decay = exponential_curve(after, peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value)
    return jnp.where(count < warmup_steps, line(count, init_value, peak_value, warmup_steps), decay)


@schedule
def warmup_cosine(count, peak_value, warmup_steps, decay_steps, init_value=0.0, end_value=0.0, exponent=1.0):
    """A straight line up to `peak_value`, then half a cosine down to `end_value`.

    For t < warmup_steps: init_value + (peak_value - init_value) t / warmup_steps; then the cosine over the remaining
    decay_steps - warmup_steps. `decay_steps` counts the whole schedule, warm-up included.

    >>> import jgd
    >>> rate = jgd.schedules.warmup_cosine(peak_value=0.1, warmup_steps=10, decay_steps=110)
    >>> [round(rate(t).item(), 6) for t in (0, 5, 10, 60, 110)]
    [0.0, 0.05, 0.1, 0.05, 0.0]

    Source: `optax.warmup_cosine_decay_schedule`, which takes `init_value` first.
    """
    warmup = line(count, init_value, peak_value, warmup_steps)
    alpha = jnp.where(peak_value == 0, 0.0, end_value / jnp.where(peak_value == 0, 1.0, peak_value))
    decay = cosine_curve(count - warmup_steps, peak_value, decay_steps - warmup_steps, alpha, exponent)
    return jnp.where(count < warmup_steps, warmup, decay)
