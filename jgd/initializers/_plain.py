"""Initializers of a given scale, whatever the shape."""

import jax.numpy as jnp
from jax.nn import initializers as jax_initializers

from jgd.initializers._initializer import arrays, initializer


@initializer
def orthogonal(key, shapes, scale=1.0, dtype=None):
    """Orthogonal: a random matrix whose columns (rows, if there are more columns) are orthogonal, each of length scale.

    Args:
      shapes: see `Initializer`; the last axis is that of the columns. Arrays of fewer than two dimensions start at zero.
      scale: may be traced.
      dtype: see `Initializer`.

    >>> import jgd, jax.numpy as jnp
    >>> w = jgd.initializers.orthogonal((16, 4))(0)
    >>> bool(jnp.allclose(w.T @ w, jnp.eye(4), atol=1e-5))
    True

    Source: Saxe et al., Exact solutions to the nonlinear dynamics of learning (2013); `jax.nn.initializers.orthogonal`.
    """

    def init(key, shape, dtype):
        """Half precision has no QR decomposition."""
        return jax_initializers.orthogonal(scale)(key, shape, jnp.promote_types(dtype, jnp.float32)).astype(dtype)

    return arrays(init, key, shapes, dtype, least=2)


@initializer
def normal(key, shapes, stddev=0.01, dtype=None):
    """Normal of mean 0 and standard deviation stddev, in every array, biases too.

    Args:
      shapes: see `Initializer`.
      stddev: may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.normal((3,), stddev=0.1)(0).shape
    (3,)

    Source: `jax.nn.initializers.normal`.
    """
    return arrays(jax_initializers.normal(stddev), key, shapes, dtype)


@initializer
def truncated_normal(key, shapes, stddev=0.01, lower=-2.0, upper=2.0, dtype=None):
    """stddev times a standard normal that stays between lower and upper, in every array, biases too.

    Args:
      shapes: see `Initializer`.
      stddev: before the cut: at (-2, 2), what is left has 0.8796 of it. May be traced.
      lower: in units of stddev.
      upper: in units of stddev.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.truncated_normal((100,), stddev=0.1)(0).max().item() < 0.2
    True

    Source: `jax.nn.initializers.truncated_normal`.
    """
    return arrays(jax_initializers.truncated_normal(stddev, lower=lower, upper=upper), key, shapes, dtype)


@initializer
def uniform(key, shapes, scale=0.01, dtype=None):
    """Uniform between 0 and scale, in every array, biases too; for one around 0, see `variance_scaling`.

    Args:
      shapes: see `Initializer`.
      scale: may be traced, and negative.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.uniform((100,), scale=0.1)(0).min().item() >= 0
    True

    Source: `jax.nn.initializers.uniform`.
    """
    return arrays(jax_initializers.uniform(scale), key, shapes, dtype)


@initializer
def constant(key, shapes, value, dtype=None):
    """The same number everywhere.

    Args:
      shapes: see `Initializer`.
      value: may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.constant((2,), 0.5)(0).tolist()
    [0.5, 0.5]

    Source: `jax.nn.initializers.constant`.
    """
    return arrays(jax_initializers.constant(value), key, shapes, dtype)


@initializer
def zeros(key, shapes, dtype=None):
    """Zeros; right for a linear model, but a network with hidden layers does not learn from there.

    Args:
      shapes: see `Initializer`.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.zeros({"weights": (2,), "bias": ()})(0)["weights"].tolist()
    [0.0, 0.0]

    Source: `jax.nn.initializers.zeros`.
    """
    return arrays(jax_initializers.zeros, key, shapes, dtype)


@initializer
def ones(key, shapes, dtype=None):
    """Ones.

    Args:
      shapes: see `Initializer`.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.ones((2,))(0).tolist()
    [1.0, 1.0]

    Source: `jax.nn.initializers.ones`.
    """
    return arrays(jax_initializers.ones, key, shapes, dtype)
