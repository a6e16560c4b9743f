"""Losses of one prediction and one target, with derivatives in closed form that are right at any margin.

Each maps arrays of predictions and targets to an array with one value per row; the mean over rows is the problem's business.
"""

import jax
import jax.numpy as jnp

__all__ = ["logistic", "softmax", "squared_error"]


def squared_error(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Squared error, without a half: l = (prediction - target)^2, summed over outputs if there are several.

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.squared_error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).tolist()
    [1.0, 4.0]
    """
    error = (prediction - target) ** 2
    return error if error.ndim == 1 else error.sum(axis=tuple(range(1, error.ndim)))


def logistic(logit: jax.Array, label: jax.Array) -> jax.Array:
    """Logistic loss of a logit z and a label y in {0, 1}: l = log(1 + e^z) - y z.

    With the margin m = (2y - 1) z it is log(1 + e^-m), with derivative -(2y - 1) / (1 + e^m) in z; both are computed from
    e^-|m|, once, so neither overflows nor cancels at any z.

    Args:
      logit: shape (n,).
      label: shape (n,), 0 or 1 (or False or True).

    Returns:
      Shape (n,).

    >>> import jgd, jax, jax.numpy as jnp
    >>> jgd.losses.logistic(jnp.array([0.0, 1e4, -1e4]), jnp.array([1, 1, 1])).tolist()
    [0.6931471824645996, 0.0, 10000.0]
    >>> jax.vmap(jax.grad(jgd.losses.logistic))(jnp.array([0.0, -1e4]), jnp.array([1, 1])).tolist()
    [-0.5, -1.0]
    """
    sign = jnp.where((label == 0) | (label == 1), 2 * label.astype(logit.dtype) - 1, jnp.nan)  # no other label has a loss
    return _softplus_of_minus(sign * logit)


def _exp_of_minus_abs(m):
    return jnp.exp(-jnp.abs(m))


@jax.custom_jvp
def _softplus_of_minus(m):
    """log(1 + e^-m)."""
    return jnp.maximum(-m, 0) + jnp.log1p(_exp_of_minus_abs(m))


@_softplus_of_minus.defjvp
def _(primals, tangents):
    (m,), (dm,) = primals, tangents
    return _softplus_of_minus(m), -_sigmoid_of_minus(m) * dm


@jax.custom_jvp
def _sigmoid_of_minus(m):
    """1 / (1 + e^m)."""
    e = _exp_of_minus_abs(m)
    return jnp.where(m >= 0, e, jnp.ones_like(e)) / (1 + e)


@_sigmoid_of_minus.defjvp
def _(primals, tangents):
    (m,), (dm,) = primals, tangents
    p = _sigmoid_of_minus(m)
    return p, -p * _sigmoid_of_minus(-m) * dm


def softmax(logits: jax.Array, label: jax.Array) -> jax.Array:
    """Softmax cross-entropy of logits z and a class y: l = log(sum_j e^z_j) - z_y.

    Args:
      logits: shape (n, classes).
      label: shape (n,), whole numbers in 0..classes-1.

    Returns:
      Shape (n,). The derivative in z is softmax(z) - onehot(y).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.softmax(jnp.array([[0.0, 0.0], [1e4, -1e4]]), jnp.array([0, 1])).tolist()
    [0.6931471824645996, 20000.0]
    """
    k = logits.shape[-1]
    onehot = jax.nn.one_hot(label, k, dtype=logits.dtype)
    return _cross_entropy(
        logits, jnp.where(((label >= 0) & (label < k))[..., None], onehot, jnp.nan)
    )  # no other label has a loss


@jax.custom_jvp
def _cross_entropy(logits, onehot):
    top = jnp.max(logits, axis=-1, keepdims=True)
    first = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=logits.dtype)
    others = jnp.sum(jnp.exp(logits - top) * (1 - first), axis=-1)
    return (top[..., 0] - jnp.sum(logits * onehot, axis=-1)) + jnp.log1p(others)


@_cross_entropy.defjvp
def _(primals, tangents):
    logits, onehot = primals
    value = _cross_entropy(logits, onehot)
    return value, jnp.sum((jax.nn.softmax(logits, axis=-1) - onehot) * tangents[0], axis=-1)
