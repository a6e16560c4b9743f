"""What the losses share: the check of shapes, labels as signs and as one-hot rows, and one value per row."""

import jax
import jax.numpy as jnp

from jgd._checks import is_concrete


def rows(values: jax.Array) -> jax.Array:
    """One value per row: the sum over the outputs, if there are several."""
    return values if values.ndim < 2 else values.sum(axis=tuple(range(1, values.ndim)))


def check_same(name: str, prediction: jax.Array, target: jax.Array) -> None:
    """Refuse shapes that differ: (n, 1) and (n,) would broadcast to n x n errors, without a word."""
    if jnp.shape(prediction) != jnp.shape(target) and jnp.ndim(target):
        found = f"{jnp.shape(prediction)} and {jnp.shape(target)}"
        raise ValueError(f"{name}: prediction and target must have one shape, found {found}; reshape one of them.")


def check_classes(name: str, scores: jax.Array, label: jax.Array) -> None:
    """Refuse labels that are not one per row of scores."""
    if jnp.ndim(scores) == 0 or jnp.shape(scores)[:-1] != jnp.shape(label):
        found = f"{jnp.shape(scores)} and {jnp.shape(label)}"
        raise ValueError(f"{name}: expected scores of shape (n, classes) and labels of shape (n,), found {found}.")


def check_between(name: str, argument: str, value, low: float, high: float) -> None:
    """Refuse a number outside [low, high]; a traced one cannot be checked."""
    if is_concrete(value) and not low <= value <= high:
        bound = f"between {low:g} and {high:g}" if high < float("inf") else f"at least {low:g}"
        raise ValueError(f"{name}: {argument} must be {bound}, found {float(value):g}.")


def sign(label: jax.Array, dtype) -> jax.Array:
    """1 for the label 1, -1 for 0, NaN for any other: no other label has a loss."""
    return jnp.where((label == 0) | (label == 1), 2 * jnp.asarray(label, dtype) - 1, jnp.nan)


def onehot(label: jax.Array, classes: int, dtype) -> jax.Array:
    """A row with a one at the label, all NaN where the label is none of 0..classes-1: no other label has a loss."""
    numbers = jnp.arange(classes).reshape((1,) * jnp.ndim(label) + (classes,))
    ones = jnp.asarray(label)[..., None] == numbers
    return jnp.where(ones.any(axis=-1, keepdims=True), ones.astype(dtype), jnp.nan)
