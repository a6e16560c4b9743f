"""Matrix products at full precision of their type, asked for per operation (accelerators default to less)."""

import jax
import jax.numpy as jnp


def product(X: jax.Array, weights: jax.Array) -> jax.Array:
    """X @ weights, for weights of shape (d,) or (d, k), in the wider of the two types."""
    return jnp.matmul(X, weights, precision=jax.lax.Precision.HIGHEST)
