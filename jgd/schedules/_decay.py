"""Schedules that go one way."""

import jax.numpy as jnp

from jgd.schedules._schedule import line, same_length, schedule


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


@schedule
def linear(count, init_value, end_value, transition_steps, transition_begin=0):
    """A straight line from `init_value` to `end_value`, constant before and after.

    value(t) = init_value + (end_value - init_value) * clip((t - transition_begin) / transition_steps, 0, 1)

    >>> import jgd
    >>> round(jgd.schedules.linear(0.1, 0.0, 100)(25).item(), 6)
    0.075

    Source: `optax.linear_schedule`; PyTorch's `LinearLR`.
    """
    return line(count - transition_begin, init_value, end_value, transition_steps)


@schedule
def polynomial(count, init_value, end_value, power, transition_steps, transition_begin=0):
    """A power of a straight line from `init_value` to `end_value`.

    value(t) = end_value + (init_value - end_value) * (1 - clip((t - transition_begin) / transition_steps, 0, 1))^power

    >>> import jgd
    >>> round(jgd.schedules.polynomial(0.1, 0.0, 2.0, 100)(50).item(), 6)
    0.025

    Source: `optax.polynomial_schedule`; PyTorch's `PolynomialLR`.
    """
    return end_value + (init_value - end_value) * power_of(line(count - transition_begin, 1.0, 0.0, transition_steps), power)


def exponential_curve(count, init_value, transition_steps, decay_rate, transition_begin, staircase, end_value):
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
    return exponential_curve(count, init_value, transition_steps, decay_rate, transition_begin, staircase, end_value)


@schedule
def step_decay(count, init_value, transition_steps, decay_rate):
    """A drop by a factor every `transition_steps` steps.

    value(t) = init_value * decay_rate^floor(t / transition_steps)

    >>> import jgd
    >>> round(jgd.schedules.step_decay(0.1, 10, 0.5)(29).item(), 6)
    0.025

    Source: PyTorch's `StepLR(step_size, gamma)`, counted in updates.
    """
    return exponential_curve(count, init_value, transition_steps, decay_rate, 0.0, True, None)


@schedule
def piecewise_constant(count, init_value, boundaries, scales):
    """A factor more at each of several steps.

    value(t) = init_value * product of scales[i] over all i with t >= boundaries[i]

    >>> import jgd
    >>> rate = jgd.schedules.piecewise_constant(0.1, boundaries=(10, 20), scales=(0.5, 0.1))
    >>> [round(rate(t).item(), 6) for t in (9, 10, 20)]
    [0.1, 0.05, 0.005]

    Source: `optax.piecewise_constant_schedule`; PyTorch's `MultiStepLR`.
    """
    same_length("piecewise_constant", boundaries=boundaries, scales=scales)
    for boundary, scale in zip(boundaries, scales, strict=True):
        init_value = init_value * jnp.where(count >= boundary, scale, 1.0)
    return init_value


@schedule
def inverse_time(count, init_value, transition_steps, decay_rate):
    """Decay as one over time: value(t) = init_value / (1 + decay_rate * t / transition_steps).

    >>> import jgd
    >>> round(jgd.schedules.inverse_time(0.1, 100, 1.0)(100).item(), 6)
    0.05

    Source: Keras' `InverseTimeDecay`; Robbins & Monro, 1951.
    """
    return init_value / (1 + decay_rate * count / transition_steps)


@schedule
def inverse_sqrt(count, init_value, transition_steps=1):
    """Decay as one over the root of time: value(t) = init_value / sqrt(1 + t / transition_steps).

    >>> import jgd
    >>> round(jgd.schedules.inverse_sqrt(0.1)(3).item(), 6)
    0.05

    Source: the rate of stochastic subgradient methods; Nemirovski et al., SIAM J. Optim. 19, 2009.
    """
    return init_value / jnp.sqrt(1 + count / transition_steps)


def power_of(x, exponent):
    """x ** exponent for 0 <= x <= 1, with a derivative of 0 (not infinity or NaN) in x = 0."""
    return jnp.where(x > 0, jnp.where(x > 0, x, 1.0) ** exponent, jnp.where(exponent > 0, 0.0, 1.0))


def cosine_curve(count, init_value, decay_steps, alpha, exponent):
    fraction = line(count, 0.0, 1.0, decay_steps)
    curve = power_of(0.5 * (1 + jnp.cos(jnp.pi * fraction)), exponent)
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
    return cosine_curve(count, init_value, decay_steps, alpha, exponent)
