"""Synthetic data as the tutorials use it; the same key gives the same numbers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import as_key, check_count, shown
from jgd._errors import public


@public
def make_line(
    n: int = 100, slope: float = 2.0, intercept: float = 1.0, *, noise: float = 0.0, low: float = -1.0,
    high: float = 1.0, key: Any = 0,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """Points on a noisy line: y = slope * x + intercept + noise * N(0, 1), x evenly spaced in [low, high].

    Returns:
      X of shape (n, 1) and y of shape (n,).

    >>> import jgd
    >>> X, y = jgd.data.make_line(5, slope=-5.0, intercept=0.0)
    >>> y.tolist()
    [5.0, 2.5, 0.0, -2.5, -5.0]
    """
    check_count("n", n)
    x = jnp.linspace(low, high, n)
    return x[:, None], slope * x + intercept + noise * jax.random.normal(as_key(key), (n,))


@public
def make_linear(
    n: int = 1000, weights: Any = (1.0, -2.0, 3.0, 0.5, -1.0), *, bias: float = 0.0, noise: float = 0.1, key: Any = 0
) -> tuple[jax.Array, jax.Array]:
    """A linear model with known weights: y = X w + bias + noise * N(0, 1), X standard normal.

    Returns:
      X of shape (n, d) and y of shape (n,), d the number of weights.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(1000)
    >>> X.shape, y.shape
    ((1000, 5), (1000,))
    """
    check_count("n", n)
    if np.ndim(weights) != 1 or isinstance(weights, str):
        raise TypeError(f"weights must be a list of numbers, one for each column, found {shown(weights)}.")
    weights = jnp.asarray(weights, jnp.result_type(float))
    rows, error = jax.random.split(as_key(key))
    X = jax.random.normal(rows, (n, weights.shape[0]))
    return X, X @ weights + bias + noise * jax.random.normal(error, (n,))


@public
def make_classes(n: int = 200, d: int = 2, *, distance: float = 3.0, key: Any = 0) -> tuple[jax.Array, jax.Array]:
    """Two overlapping classes: unit normal clouds whose centres are `distance` apart, labels 0 and 1.

    The best possible accuracy is Phi(distance / 2).

    Returns:
      X of shape (n, d) and y of shape (n,), int32.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(100, 2)
    >>> sorted(set(y.tolist()))
    [0, 1]
    """
    check_count("n", n), check_count("d", d)
    rows, labels = jax.random.split(as_key(key))
    y = jax.random.permutation(labels, jnp.arange(n) % 2)
    centre = (y[:, None] - 0.5) * distance / jnp.sqrt(d)
    return jax.random.normal(rows, (n, d)) + centre, y.astype(jnp.int32)


@public
def make_ill_conditioned(
    n: int = 500, d: int = 10, *, condition: float = 1e4, noise: float = 0.1, key: Any = 0
) -> tuple[jax.Array, jax.Array]:
    """A linear model whose X^T X / n has eigenvalues spread evenly, in logarithm, from 1 down to 1 / condition.

    The model's weights are all one in the directions of the eigenvectors.

    Returns:
      X of shape (n, d) and y of shape (n,).

    >>> import jgd, numpy as np
    >>> X, _ = jgd.data.make_ill_conditioned(condition=100.0)
    >>> bool(abs(np.linalg.cond(X.T @ X) / 100.0 - 1) < 1e-3)
    True
    """
    check_count("n", n), check_count("d", d)
    left, right, error = jax.random.split(as_key(key), 3)
    U = jnp.linalg.qr(jax.random.normal(left, (n, d)))[0]
    V = jnp.linalg.qr(jax.random.normal(right, (d, d)))[0]
    X = jnp.sqrt(n) * (U * condition ** (-jnp.linspace(0.0, 0.5, d))[None, :]) @ V.T
    return X, X @ V.sum(axis=1) + noise * jax.random.normal(error, (n,))


@public
def make_separable(n: int = 200, d: int = 2, *, margin: float = 0.5, key: Any = 0) -> tuple[jax.Array, jax.Array]:
    """Two classes with a gap of 2 * margin between them, along a random direction; labels 0 and 1.

    Logistic regression without a penalty has no optimum here: the weights grow for ever.

    Returns:
      X of shape (n, d) and y of shape (n,), int32.

    >>> import jgd
    >>> X, y = jgd.data.make_separable(50)
    >>> X.shape
    (50, 2)
    """
    check_count("n", n), check_count("d", d)
    rows, direction, labels = jax.random.split(as_key(key), 3)
    X = jax.random.normal(rows, (n, d))
    w = jax.random.normal(direction, (d,))
    w = w / jnp.linalg.norm(w)
    y = jax.random.permutation(labels, jnp.arange(n) % 2)
    along = jnp.abs(X @ w) + margin
    return X + ((2 * y - 1) * along - X @ w)[:, None] * w[None, :], y.astype(jnp.int32)
