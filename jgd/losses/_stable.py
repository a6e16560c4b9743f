"""Functions whose derivatives, of any order, are given in closed form: where plain autodiff overflows, cancels or is NaN."""

import jax
import jax.numpy as jnp


def _exp_of_minus_abs(m):
    return jnp.exp(-jnp.abs(m))


@jax.custom_jvp
def softplus_of_minus(m):
    """log(1 + e^-m)."""
    return jnp.maximum(-m, 0) + jnp.log1p(_exp_of_minus_abs(m))


@softplus_of_minus.defjvp
def _(primals, tangents):
    (m,), (dm,) = primals, tangents
    return softplus_of_minus(m), -sigmoid_of_minus(m) * dm


@jax.custom_jvp
def sigmoid_of_minus(m):
    """1 / (1 + e^m)."""
    e = _exp_of_minus_abs(m)
    return jnp.where(m >= 0, e, jnp.ones_like(e)) / (1 + e)


@sigmoid_of_minus.defjvp
def _(primals, tangents):
    (m,), (dm,) = primals, tangents
    p = sigmoid_of_minus(m)
    return p, -p * sigmoid_of_minus(-m) * dm


def top_and_rest(logits):
    """log(sum_j e^z_j) in two parts, the largest z and what the others add: small numbers keep their digits."""
    return jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True)), _rest(logits)


@jax.custom_jvp
def _rest(logits):
    top = jnp.max(logits, axis=-1, keepdims=True)
    first = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=logits.dtype)
    return jnp.log1p(jnp.sum(jnp.exp(logits - top) * (1 - first), axis=-1))


@_rest.defjvp
def _(primals, tangents):
    """The derivative of both parts together, as the other has none."""
    return _rest(*primals), jnp.sum(jax.nn.softmax(primals[0], axis=-1) * tangents[0], axis=-1)


@jax.custom_jvp
def log_cosh(x):
    """log((e^x + e^-x) / 2)."""
    size = jnp.abs(x)
    near = jnp.log1p(2 * jnp.sinh(jnp.minimum(size, 1) / 2) ** 2)
    far = size + (jnp.log1p(jnp.exp(-2 * size)) - jnp.log(2.0).astype(size.dtype))
    return jnp.where(size < 1, near, far)


@log_cosh.defjvp
def _(primals, tangents):
    return log_cosh(*primals), _tanh(*primals) * tangents[0]


@jax.custom_jvp
def _tanh(x):
    return jnp.tanh(x)


@_tanh.defjvp
def _(primals, tangents):
    (x,) = primals
    return _tanh(x), 4 * sigmoid_of_minus(2 * x) * sigmoid_of_minus(-2 * x) * tangents[0]


LARGEST_LOG, SMALLEST_DIVISOR = 100.0, 1e-12


@jax.custom_jvp
def minus_log(p):
    """-log p, at most 100; its derivative divides by no less than 1e-12."""
    return jnp.minimum(-jnp.log(p), LARGEST_LOG)


@minus_log.defjvp
def _(primals, tangents):
    (p,), (dp,) = primals, tangents
    return minus_log(p), -dp / jnp.maximum(p, _divisor(p))


@jax.custom_jvp
def minus_log_of_rest(p):
    """-log(1 - p), at most 100; its derivative divides by no less than 1e-12."""
    return jnp.minimum(-jnp.log1p(-p), LARGEST_LOG)


@minus_log_of_rest.defjvp
def _(primals, tangents):
    (p,), (dp,) = primals, tangents
    return minus_log_of_rest(p), dp / jnp.maximum(1 - p, _divisor(p))


def _divisor(p):
    return max(SMALLEST_DIVISOR, float(jnp.finfo(p.dtype).tiny))
