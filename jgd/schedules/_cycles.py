"""Schedules that turn, and one after another."""

import jax.numpy as jnp

from jgd.schedules._schedule import line, same_length, schedule


def _half_cosine(count, start, end, steps):
    return end + (start - end) * 0.5 * (1 + jnp.cos(jnp.pi * line(count, 0.0, 1.0, steps)))


@schedule
def one_cycle_cosine(count, peak_value, transition_steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4):
    """One cycle by half cosines: up to `peak_value` in the first share of the steps, then down to almost nothing.

    From peak_value / div_factor up until pct_start * transition_steps, then down to peak_value / (div_factor *
    final_div_factor) at transition_steps. (optax rounds the step of the peak down; give a whole one to be the same.)

    >>> import jgd
    >>> rate = jgd.schedules.one_cycle_cosine(0.1, 100)
    >>> [round(rate(t).item(), 6) for t in (0, 30, 65)]
    [0.004, 0.1, 0.05]

    Source: `optax.cosine_onecycle_schedule`, which takes `transition_steps` first; Smith & Topin, arXiv:1708.07120. PyTorch's
    `OneCycleLR` has its peak and end a step earlier: transition_steps = total_steps - 1,
    pct_start = (pct_start * total_steps - 1) / (total_steps - 1).
    """
    low, end, top = peak_value / div_factor, peak_value / (div_factor * final_div_factor), pct_start * transition_steps
    up, down = (
        _half_cosine(count, low, peak_value, top),
        _half_cosine(count - top, peak_value, end, transition_steps - top),
    )
    return jnp.where(count < top, up, down)


@schedule
def one_cycle_linear(count, peak_value, transition_steps, pct_start=0.3, pct_final=0.85, div_factor=25.0, final_div_factor=1e4):
    """One cycle by straight lines: up to `peak_value`, down to where it started, and on down to almost nothing.

    From peak_value / div_factor up until pct_start * transition_steps, back until pct_final * transition_steps, then down to
    peak_value / (div_factor * final_div_factor). (optax rounds those steps down.)

    >>> import jgd
    >>> rate = jgd.schedules.one_cycle_linear(0.1, 100)
    >>> [round(rate(t).item(), 6) for t in (0, 30, 85)]
    [0.004, 0.1, 0.004]

    Source: `optax.linear_onecycle_schedule`, which takes `transition_steps` first; Smith & Topin, arXiv:1708.07120.
    """
    low, end = peak_value / div_factor, peak_value / (div_factor * final_div_factor)
    top, back = pct_start * transition_steps, pct_final * transition_steps
    up, down = line(count, low, peak_value, top), line(count - top, peak_value, low, back - top)
    return jnp.where(count < top, up, jnp.where(count < back, down, line(count - back, low, end, transition_steps - back)))


@schedule
def cyclic(count, base_value, max_value, up_steps, down_steps=None, mode="triangular", gamma=1.0):
    """Up and down between two values in straight lines, again and again.

    In cycle c = floor(t / (up_steps + down_steps)) the height max_value - base_value is multiplied by 1 ("triangular"),
    by 2^-c ("triangular2"), or by gamma^t ("exp_range"). `down_steps` is `up_steps` if not given.

    >>> import jgd
    >>> rate = jgd.schedules.cyclic(0.1, 0.5, 4)
    >>> [round(rate(t).item(), 6) for t in (0, 2, 4, 8)]
    [0.1, 0.3, 0.5, 0.1]

    Source: PyTorch's `CyclicLR`; Smith, arXiv:1506.01186.
    """
    if mode not in ("triangular", "triangular2", "exp_range"):
        raise ValueError(f"cyclic: mode must be 'triangular', 'triangular2' or 'exp_range', found {mode!r}.")
    down_steps = up_steps if down_steps is None else down_steps
    cycle = jnp.floor(count / (up_steps + down_steps))
    at = count - cycle * (up_steps + down_steps)
    height = jnp.where(at < up_steps, at / up_steps, 1 - (at - up_steps) / down_steps)
    height *= {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": gamma**count}[mode]
    return base_value + (max_value - base_value) * height


@schedule
def cosine_restarts(count, init_value, cycle_steps, cycle_factor=1.0, end_value=0.0):
    """Half a cosine from `init_value` to `end_value`, again and again, each cycle `cycle_factor` (at least 1) times as long.

    >>> import jgd
    >>> rate = jgd.schedules.cosine_restarts(0.1, 10, cycle_factor=2.0)
    >>> [round(rate(t).item(), 6) for t in (0, 5, 10, 20, 30)]
    [0.1, 0.05, 0.1, 0.05, 0.1]

    Source: PyTorch's `CosineAnnealingWarmRestarts`; Loshchilov & Hutter, arXiv:1608.03983.
    """
    grows = cycle_factor > 1
    factor = jnp.where(grows, cycle_factor, 2.0)
    # Cycle k starts at cycle_steps (factor^k - 1) / (factor - 1); logarithms may land just beside a whole k, so look there too.
    start = lambda k: jnp.where(grows, cycle_steps * (factor**k - 1) / (factor - 1), cycle_steps * k)
    guess = jnp.where(grows, jnp.log1p(count / cycle_steps * (factor - 1)) / jnp.log(factor), count / cycle_steps)
    k = jnp.floor(guess) + jnp.where(count >= jnp.round(start(jnp.floor(guess) + 1)), 1.0, 0.0)
    length = cycle_steps * jnp.where(grows, factor**k, 1.0)
    return _half_cosine(count - start(k), init_value, end_value, length)


@schedule
def join(count, schedules, boundaries):
    """One schedule after another: `schedules[i]` from step `boundaries[i - 1]` on, its count starting there.

    >>> import jgd
    >>> s = jgd.schedules
    >>> rate = s.join((s.constant(0.1), s.linear(0.1, 0.0, 10)), boundaries=(5,))
    >>> [round(rate(t).item(), 6) for t in (4, 5, 10)]
    [0.1, 0.1, 0.05]

    Source: `optax.join_schedules`.
    """
    same_length("join", more=1, schedules=schedules, boundaries=boundaries)
    value = schedules[0](count)
    for boundary, later in zip(boundaries, schedules[1:], strict=True):
        value = jnp.where(count >= boundary, later(count - boundary), value)
    return value
