"""The class of schedules, and the decorator that makes factories of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jgd._expression import Expression
from jgd._factory import factory


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

    _of_numbers = True

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


def line(count, start, end, steps):
    """From `start` at 0 straight to `end` at `steps`, constant on both sides; `end` from the first if there are none."""
    fraction = jnp.where(steps > 0, count / jnp.where(steps > 0, steps, 1.0), 1.0)
    return start + (end - start) * jnp.clip(fraction, 0.0, 1.0)


def same_length(where, more=0, **lists):
    (first, a), (second, b) = lists.items()
    if len(a) != len(b) + more:
        raise ValueError(f"{where}: {first} has {len(a)} values, {second} has {len(b)}; expected {len(b) + more} and {len(b)}.")
