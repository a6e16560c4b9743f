"""NAdam with Dozat's momentum schedule."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgd.transformation import lift


class ScaleByNadamState(NamedTuple):
    """What the next step needs.

    Attributes:
      count: how many steps have been taken.
      mu: the running mean of the gradients.
      nu: the running mean of their squares.
      mu_product: the product of the momenta so far.
    """

    count: jax.Array
    mu: Any
    nu: Any
    mu_product: jax.Array


def _sqrt(x):
    """The root, with the derivative 0 at 0, so that a gradient that stays 0 can be differentiated through."""
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), x)


@lift
def scale_by_nadam(b1=0.9, b2=0.999, eps=1e-8, momentum_decay=4e-3):
    """NAdam's direction as PyTorch and Keras have it: Adam's with a momentum that grows from b1 / 2 to b1, and looks ahead.

    c_t = b1 (1 - 0.96^(t * momentum_decay) / 2),  C_t = c_1 c_2 ... c_t;
    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
    u = (c_(t+1) m / (1 - C_t c_(t+1)) + (1 - c_t) g / (1 - C_t)) / (sqrt(v / (1 - b2^t)) + eps)

    `jgd.nadam` is this with `momentum_decay=float("inf")`: its momentum is b1 from the start. C is kept in float32 at least.

    PyTorch's NAdam is `chain(scale_by_nadam(), scale_by_learning_rate(learning_rate))`, with `add_decayed_weights` in front
    for its weight_decay, and between the two if decoupled; for parameters in float64 its C is float32 all the same, unless
    its default type is float64. Keras' Nadam has momentum_decay=1.0 and eps=1e-7.

    Args:
      b1: the limit of the momentum, and the decay of m, in [0, 1).
      b2: the decay of v, in [0, 1).
      eps: added to the divisor.
      momentum_decay: how fast the momentum grows, at least 0; it has half of its way to go after 17 / momentum_decay steps.

    >>> import jgd
    >>> jgd.chain(jgd.scale_by_nadam(), jgd.scale_by_learning_rate(2e-3))
    chain(scale_by_nadam(), scale_by_learning_rate(learning_rate=0.002))

    Source: PyTorch's `NAdam`; Dozat, ICLR workshop 2016.
    """

    def init(params):
        zeros = optax.tree.zeros_like
        return ScaleByNadamState(jnp.zeros((), jnp.int32), zeros(params), zeros(params), jnp.ones(()))

    def update(updates, state, params=None):
        count = optax.safe_increment(state.count)
        t = count.astype(state.mu_product.dtype)
        now, ahead = (b1 * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (t, t + 1))
        mu_product = state.mu_product * now
        of_mu, of_gradient, of_nu = ahead / (1 - mu_product * ahead), (1 - now) / (1 - mu_product), 1 / (1 - b2**t)
        mu = optax.tree.update_moment(updates, state.mu, b1, 1)
        nu = optax.tree.update_moment(updates, state.nu, b2, 2)

        def direction(g, m, v):
            a, b, c = (factor.astype(g.dtype) for factor in (of_mu, of_gradient, of_nu))
            return (a * m + b * g) / (_sqrt(c * v) + eps)

        return jax.tree.map(direction, updates, mu, nu), ScaleByNadamState(count, mu, nu, mu_product)

    return optax.GradientTransformation(init, update)
