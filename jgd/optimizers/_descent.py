"""Descent along the gradient, its momentum, its sign, or at a length found from norms; letters as in `jgd.optimizers`."""

import jax.numpy as jnp
import optax

from jgd.transformation import lift
from jgd.transforms import _rprop


@lift
def gd(learning_rate: optax.ScalarOrSchedule):
    """Plain gradient descent.

    w <- w - learning_rate * g

    Raises ValueError if the learning rate is negative or not finite.

    >>> import jgd
    >>> jgd.gd(0.1)
    gd(0.1)
    """
    return optax.scale_by_learning_rate(learning_rate)


sgd = lift(
    optax.sgd,
    doc="""The rule of gradient descent with momentum; the regime (which rows a step sees) is `batch_size` in `jgd.fit`.

    m <- momentum * m + g;  w <- w - learning_rate * m,  or with `nesterov`  w <- w - learning_rate * (g + momentum * m).
    Without `momentum` it is `jgd.gd`. PyTorch's SGD is the same with `dampening=0`.

    >>> import jgd
    >>> jgd.sgd(0.1, momentum=0.9, nesterov=True)
    sgd(0.1, momentum=0.9, nesterov=True)

    Source: `optax.sgd`; Sutskever et al., "On the importance of initialization and momentum", 2013.
    """,
)

noisy_sgd = lift(
    optax.noisy_sgd,
    doc="""Gradient descent with noise that fades: each entry of g gets a normal number of variance eta / t^gamma.

    w <- w - learning_rate * (g + n),  n ~ N(0, eta / t^gamma)

    `key` is a seed or a JAX key and a leaf, so that a batch of seeds is a batch of runs; give one (optax warns and takes 0).

    >>> import jgd
    >>> jgd.noisy_sgd(0.1, key=1)
    noisy_sgd(0.1, key=1)

    Source: `optax.noisy_sgd`; Neelakantan et al., arXiv:1511.06807.
    """,
)

sign_sgd = lift(
    optax.sign_sgd,
    doc="""Descent along the signs of the gradient: every coordinate moves by the learning rate.

    w <- w - learning_rate * sign(g),  with sign(0) = 0

    >>> import jgd
    >>> jgd.sign_sgd(1e-3)
    sign_sgd(0.001)

    Source: `optax.sign_sgd`; Bernstein et al., arXiv:1802.04434.
    """,
)

signum = lift(
    optax.signum,
    doc="""Descent along the signs of a running mean of the gradient.

    m <- beta m + (1 - beta) g;  w <- w - learning_rate * sign(m)

    >>> import jgd
    >>> jgd.signum(1e-3, beta=0.95)
    signum(0.001, beta=0.95)

    Source: `optax.signum`; Bernstein et al., arXiv:1802.04434.
    """,
)

lion = lift(
    optax.lion,
    doc="""Lion: the sign of an interpolated momentum.

    u = sign(b1 m + (1 - b1) g);  w <- w - learning_rate * (u + weight_decay * w);  m <- b2 m + (1 - b2) g

    >>> import jgd
    >>> jgd.lion(1e-3)
    lion(0.001)

    Source: `optax.lion`; Chen et al., arXiv:2302.06675.
    """,
)

rprop = lift(
    _rprop.rprop,
    name="rprop",
    doc="""Rprop: each coordinate has its own step, which grows while the gradient keeps its sign and shrinks when it turns.

    With steps a (a_0 = learning_rate) and signs s (s_0 = 0):  a <- a * eta_plus where g s > 0,  a * eta_minus where g s < 0,
    within [min_step_size, max_step_size];  s <- sign(g), 0 where g s < 0;  w <- w - a s.

    For full-batch descent. The learning rate is a number, no schedule. This is PyTorch's Rprop; `optax.rprop` makes each move
    one step after it was intended, and none at the first.

    >>> import jgd
    >>> jgd.rprop(0.01)
    rprop(0.01)

    Source: `optax.rprop`; Riedmiller & Braun, ICNN 1993.
    """,
)

optimistic_gradient_descent = lift(
    optax.optimistic_gradient_descent,
    doc="""Gradient descent that extrapolates the gradient from the one before; for games and saddle points.

    w <- w - learning_rate * ((alpha + beta) g_t - beta g_(t-1)),  with g_0 = g_1

    >>> import jgd
    >>> jgd.optimistic_gradient_descent(0.1, beta=0.5)
    optimistic_gradient_descent(0.1, beta=0.5)

    Source: `optax.optimistic_gradient_descent`; Mokhtari et al., arXiv:1901.08511.
    """,
)

polyak_sgd = lift(
    optax.polyak_sgd,
    doc="""Gradient descent whose step is Polyak's: the distance to the lowest value over the squared slope.

    w <- w - s g * min((f(w) - f_min) / (|s g|^2 + eps), max_learning_rate),  s = scaling, the norm over all parameters together,
    and no step where |s g|^2 + eps is at most 2.2e-16. With `variant="sps+"` a negative difference counts as 0.

    It asks for `value`, the objective, which `jgd.fit` gives. `f_min` is the least value, 0 where a model can fit its data.

    >>> import jgd
    >>> tx = jgd.polyak_sgd(max_learning_rate=10.0)
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=20).params.item()
    2.0000...

    Source: `optax.polyak_sgd`; Loizou et al., arXiv:2002.10542; "sps+": Garrigos et al., arXiv:2307.14528.
    """,
)


def _fromage(learning_rate: optax.ScalarOrSchedule, min_norm: float = 1e-6) -> optax.GradientTransformationExtraArgs:
    # optax's, with c - 1 in a form that keeps its digits where c is computed in float32.
    less = lambda rate: -(rate**2) / (1 + rate**2 + jnp.sqrt(1 + rate**2))
    by_rate = lambda f: (lambda count: f(learning_rate(count))) if callable(learning_rate) else f(learning_rate)
    return optax.chain(
        optax.scale_by_trust_ratio(min_norm),
        optax.scale_by_learning_rate(by_rate(lambda rate: rate * (1 + less(rate)))),
        optax.add_decayed_weights(by_rate(less)),
    )


fromage = lift(
    _fromage,
    name="fromage",
    doc="""Fromage: steps that turn each parameter array by an angle, whatever the lengths of array and gradient.

    w <- c * (w - learning_rate * g * |w| / |g|),  c = 1 / sqrt(1 + learning_rate^2), per array; norms count as at least min_norm.

    >>> import jgd
    >>> jgd.fromage(0.01)
    fromage(0.01)

    Source: `optax.fromage`; Bernstein et al., arXiv:2002.03432.
    """,
)

lars = lift(
    optax.lars,
    doc="""LARS: momentum on gradients that were scaled, array by array, to the length of the parameters.

    d = g + weight_decay * w;  m <- momentum * m - learning_rate * trust_coefficient * d * |w| / (|d| + eps);  w <- w + m,
    or with `nesterov`  w <- w + (the new term) + momentum * m. An array whose w or d is all 0 is not scaled.

    `weight_decay_mask` and `trust_ratio_mask` select the arrays that decay and that are scaled: True (all), a pytree of
    booleans, or a function of the parameters.

    >>> import jgd
    >>> jgd.lars(0.1, weight_decay=1e-4)
    lars(0.1, weight_decay=0.0001)

    Source: `optax.lars`; You, Gitman & Ginsburg, arXiv:1708.03888.
    """,
)
