"""Rprop as published and as PyTorch has it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class ScaleByRpropState(NamedTuple):
    """What the next step needs.

    Attributes:
      step_sizes: the length of each coordinate's step.
      signs: the signs of the gradient before; 0 where it had just turned.
    """

    step_sizes: Any
    signs: Any


def scale_by_rprop(learning_rate, eta_minus=0.5, eta_plus=1.2, min_step_size=1e-6, max_step_size=50.0):
    if callable(learning_rate):
        raise TypeError(f"rprop: learning_rate must be a number, the first step's length, found {learning_rate!r}.")

    def init(params):
        return ScaleByRpropState(optax.tree.full_like(params, learning_rate), optax.tree.zeros_like(params))

    def update(updates, state, params=None):
        # With the sign before, not the gradient before: the product of two small gradients would be 0.
        turn = jax.tree.map(jnp.multiply, updates, state.signs)
        longer = lambda size, s: size * jnp.where(s > 0, eta_plus, jnp.where(s < 0, eta_minus, 1.0))
        sizes = jax.tree.map(lambda size, s: jnp.clip(longer(size, s), min_step_size, max_step_size), state.step_sizes, turn)
        signs = jax.tree.map(lambda g, s: jnp.where(s < 0, 0, jnp.sign(g)), updates, turn)
        return jax.tree.map(jnp.multiply, sizes, signs), ScaleByRpropState(sizes, signs)

    return optax.GradientTransformation(init, update)


def rprop(learning_rate, eta_minus=0.5, eta_plus=1.2, min_step_size=1e-6, max_step_size=50.0):
    return optax.chain(scale_by_rprop(learning_rate, eta_minus, eta_plus, min_step_size, max_step_size), optax.scale(-1.0))
