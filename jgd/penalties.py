"""Penalties: what an objective adds to the mean loss."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jgd._names import unknown_names

__all__ = ["ridge"]


def ridge(weights: jax.Array, l2: jax.Array) -> jax.Array:
    """The ridge penalty, (l2 / 2) |w|^2; intercepts are never penalised.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.penalties.ridge(jnp.array([3.0, 4.0]), 0.1).item()
    1.25
    """
    return l2 / 2 * jnp.sum(weights**2)


if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.penalties")
