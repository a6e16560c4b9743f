"""The directions of the adaptive optimizers, without their learning rates; letters as in `jgd.optimizers`."""

import optax

from jgd.optimizers._adapters import scalars_as_vectors
from jgd.transformation import lift
from jgd.transforms import _rprop

scale_by_adam = lift(
    optax.scale_by_adam,
    doc="""Adam's direction without its learning rate: u = m^ / (sqrt(v^ + eps_root) + eps).

    >>> import jgd
    >>> jgd.scale_by_adam(b1=0.95)
    scale_by_adam(b1=0.95)

    Source: `optax.scale_by_adam`; Kingma & Ba, arXiv:1412.6980.
    """,
)

scale_by_adamax = lift(
    optax.scale_by_adamax,
    doc="""AdaMax's direction: u = m^ / v, with m and v as in `jgd.adamax`.

    >>> import jgd
    >>> jgd.scale_by_adamax(b1=0.95)
    scale_by_adamax(b1=0.95)

    Source: `optax.scale_by_adamax`; Kingma & Ba, arXiv:1412.6980.
    """,
)

scale_by_amsgrad = lift(
    optax.scale_by_amsgrad,
    doc="""AMSGrad's direction: u = m^ / (sqrt(v_max + eps_root) + eps), with v_max as in `jgd.amsgrad`.

    >>> import jgd
    >>> jgd.scale_by_amsgrad(b1=0.95)
    scale_by_amsgrad(b1=0.95)

    Source: `optax.scale_by_amsgrad`; Reddi, Kale & Kumar, ICLR 2018.
    """,
)

scale_by_belief = lift(
    optax.scale_by_belief,
    doc="""AdaBelief's direction: u = m^ / (sqrt(v^) + eps), with v as in `jgd.adabelief`.

    >>> import jgd
    >>> jgd.scale_by_belief(b1=0.95)
    scale_by_belief(b1=0.95)

    Source: `optax.scale_by_belief`; Zhuang et al., arXiv:2010.07468.
    """,
)

scale_by_radam = lift(
    optax.scale_by_radam,
    doc="""RAdam's direction: Adam's, corrected for the variance of its divisor, or m^ until that is small; see `jgd.radam`.

    >>> import jgd
    >>> jgd.scale_by_radam(threshold=4.5)
    scale_by_radam(threshold=4.5)

    Source: `optax.scale_by_radam`; Liu et al., arXiv:1908.03265.
    """,
)

scale_by_yogi = lift(
    optax.scale_by_yogi,
    doc="""Yogi's direction: u = m^ / (sqrt(v^ + eps_root) + eps), with m and v as in `jgd.yogi`.

    Both start at `initial_accumulator_value`.

    >>> import jgd
    >>> jgd.scale_by_yogi(eps=1e-4)
    scale_by_yogi(eps=0.0001)

    Source: `optax.scale_by_yogi`; Zaheer et al., NeurIPS 2018.
    """,
)

scale_by_adan = lift(
    optax.scale_by_adan,
    doc="""Adan's direction: u = (m^ + (1 - b2) v^) / (sqrt(n^ + eps_root) + eps), with m, v and n as in `jgd.adan`.

    >>> import jgd
    >>> jgd.scale_by_adan(b1=0.95)
    scale_by_adan(b1=0.95)

    Source: `optax.scale_by_adan`; Xie et al., arXiv:2208.06677.
    """,
)

scale_by_lion = lift(
    optax.scale_by_lion,
    doc="""Lion's direction: the sign of c = b1 m + (1 - b1) g, or something softer;  m <- b2 m + (1 - b2) g.

    u = sign(c) with `mode="hard"`, tanh(smooth_beta * c) with "smooth", c cut off at -1 and 1 with "refined".

    >>> import jgd
    >>> jgd.scale_by_lion(mode="smooth", smooth_beta=10.0)
    scale_by_lion(mode='smooth', smooth_beta=10.0)

    Source: `optax.scale_by_lion`; Chen et al., arXiv:2302.06675.
    """,
)

scale_by_adadelta = lift(
    optax.scale_by_adadelta,
    doc="""Adadelta's direction: u = g * sqrt(x + eps) / sqrt(v + eps), with v and x as in `jgd.adadelta`.

    >>> import jgd
    >>> jgd.scale_by_adadelta(rho=0.95)
    scale_by_adadelta(rho=0.95)

    Source: `optax.scale_by_adadelta`; Zeiler, arXiv:1212.5701.
    """,
)

scale_by_rms = lift(
    optax.scale_by_rms,
    doc="""RMSProp's direction: the update over its running root mean square.

    v <- decay * v + (1 - decay) g^2 (v_0 = initial_scale);  u = g / sqrt(v + eps), or g / (sqrt(v) + eps) if not `eps_in_sqrt`,
    with v^ for v if `bias_correction`.

    >>> import jgd
    >>> jgd.scale_by_rms(decay=0.99)
    scale_by_rms(decay=0.99)

    Source: `optax.scale_by_rms`; Tieleman & Hinton, Coursera lecture 6.5, 2012.
    """,
)

scale_by_stddev = lift(
    optax.scale_by_stddev,
    doc="""Centered RMSProp's direction: the update over its running standard deviation.

    m <- decay * m + (1 - decay) g, v as in `jgd.scale_by_rms`;  u = g / sqrt(v - m^2 + eps), or g / (sqrt(v - m^2) + eps) if not
    `eps_in_sqrt`.

    >>> import jgd
    >>> jgd.scale_by_stddev(decay=0.99)
    scale_by_stddev(decay=0.99)

    Source: `optax.scale_by_stddev`; Graves, arXiv:1308.0850.
    """,
)

scale_by_rss = lift(
    optax.scale_by_rss,
    doc="""Adagrad's direction: the update over the root of its summed squares.

    v <- v + g^2 (v_0 = initial_accumulator_value);  u = g / sqrt(v + eps), 0 where v = 0.

    >>> import jgd
    >>> jgd.scale_by_rss(initial_accumulator_value=0.0)
    scale_by_rss(initial_accumulator_value=0.0)

    Source: `optax.scale_by_rss`; Duchi, Hazan & Singer, JMLR 12, 2011.
    """,
)

scale_by_sm3 = lift(
    scalars_as_vectors(optax.scale_by_sm3),
    static=("b2",),
    doc="""SM3's direction: momentum on the update over the root of sums kept per row and per column; see `jgd.sm3`.

    v = c g^2 + b2 * min over the axes of s_axis, with c = 1 - b2, or 1 where b2 = 1;  u = m <- b1 m + (1 - b1) g / sqrt(v + eps)

    `b2` is structure: another one is another program.

    >>> import jgd
    >>> jgd.scale_by_sm3(b1=0.5, b2=0.99)
    scale_by_sm3(b1=0.5, b2=0.99)

    Source: `optax.scale_by_sm3`; Anil et al., arXiv:1901.11150.
    """,
)

scale_by_novograd = lift(
    optax.scale_by_novograd,
    doc="""NovoGrad's direction: momentum on updates divided, array by array, by a running norm: m of `jgd.novograd`.

    >>> import jgd
    >>> jgd.scale_by_novograd(b1=0.95)
    scale_by_novograd(b1=0.95)

    Source: `optax.scale_by_novograd`; Ginsburg et al., arXiv:1905.11286.
    """,
)

scale_by_factored_rms = lift(
    optax.scale_by_factored_rms,
    static=("min_dim_size_to_factor",),
    doc="""Adafactor's direction: u = g / sqrt(v), with v kept as means of rows and columns where that saves memory.

    v <- r v + (1 - r) (g^2 + epsilon),  r = 1 - (t - step_offset)^-decay_rate, or `decay_rate_fn(t - 1 - step_offset,
    decay_rate)`; factored as in `jgd.adafactor`, nowhere if not `factored`.

    >>> import jgd
    >>> jgd.scale_by_factored_rms(decay_rate=0.7)
    scale_by_factored_rms(decay_rate=0.7)

    Source: `optax.scale_by_factored_rms`; Shazeer & Stern, arXiv:1804.04235.
    """,
)

scale_by_rprop = lift(
    _rprop.scale_by_rprop,
    name="scale_by_rprop",
    doc="""Rprop's moves without their minus: u = a s, with a and s as in `jgd.rprop`.

    >>> import jgd
    >>> jgd.scale_by_rprop(0.01)
    scale_by_rprop(0.01)

    Source: `optax.scale_by_rprop`, whose moves come a step later; Riedmiller & Braun, ICNN 1993.
    """,
)

scale_by_optimistic_gradient = lift(
    optax.scale_by_optimistic_gradient,
    doc="""An update extrapolated from the one before: u = (alpha + beta) g_t - beta g_(t-1), with g_0 = g_1.

    >>> import jgd
    >>> jgd.scale_by_optimistic_gradient(beta=0.5)
    scale_by_optimistic_gradient(beta=0.5)

    Source: `optax.scale_by_optimistic_gradient`; Mokhtari et al., arXiv:1901.08511.
    """,
)

scale_by_sign = lift(
    optax.scale_by_sign,
    doc="""The signs of an update: u = sign(g), with sign(0) = 0.

    >>> import jgd
    >>> jgd.chain(jgd.trace(0.9), jgd.scale_by_sign(), jgd.scale_by_learning_rate(1e-3))
    chain(trace(0.9), scale_by_sign(), scale_by_learning_rate(learning_rate=0.001))

    Source: `optax.scale_by_sign`; Bernstein et al., arXiv:1802.04434.
    """,
)
