"""Relatives of Adam: each coordinate by its own scale.

Letters as in `jgd.optimizers`: g what comes in, w the parameters, u what goes out, m and v running means of g and g^2, t the
step from 1, a hat the correction of a mean for its start at zero.
"""

import optax.contrib

from jgd.contrib._defaults import with_defaults
from jgd.transformation import lift


def fourth_root(count):
    """The bound that ADOPT puts on its steps, from 0 upwards with the count."""
    return count**0.25


scale_by_acprop = lift(
    optax.contrib.scale_by_acprop,
    name="contrib.scale_by_acprop",
    doc="""ACProp's direction without its learning rate: the gradient over the spread that was known before it came.

    u = g / (sqrt(s^) + eps), with s^ = s / (1 - b2^(t-1)) from the step before, and 1 in the first;
    then  s <- b2 s + (1 - b2) (g - m)^2 + eps_root;  m <- b1 m + (1 - b1) g.

    The numerator is g itself, not its mean; m serves only to centre s.

    >>> import jgd
    >>> jgd.contrib.scale_by_acprop(b1=0.95)
    contrib.scale_by_acprop(b1=0.95)

    Source: `optax.contrib.scale_by_acprop`; Zhuang et al., arXiv:2110.05454.
    """,
)

acprop = lift(
    optax.contrib.acprop,
    name="contrib.acprop",
    doc="""ACProp: each gradient over the spread of the gradients before it, so that the two are independent.

    w <- w - learning_rate * (g / (sqrt(s^) + eps) + weight_decay * w), s as in `jgd.contrib.scale_by_acprop`.
    The first step is g itself, times the learning rate. `mask` says which parameters decay.

    >>> import jgd
    >>> jgd.contrib.acprop(1e-3)
    contrib.acprop(0.001)

    Source: `optax.contrib.acprop`; Zhuang et al., arXiv:2110.05454.
    """,
)

scale_by_ademamix = lift(
    optax.contrib.scale_by_ademamix,
    name="contrib.scale_by_ademamix",
    doc="""AdEMAMix's direction without its learning rate: Adam's with a second, very slow mean of the gradients.

    m1 <- b1 m1 + (1 - b1) g;  m2 <- b3 m2 + (1 - b3) g;  v <- b2 v + (1 - b2) g^2;
    u = (m1^ + alpha m2) / (sqrt(v^ + eps_root) + eps).

    m2 starts at zero and is not corrected for it. `b3` and `alpha` are numbers or schedules; alpha is 6 here, 5 in
    `jgd.contrib.ademamix`. `mu_dtype` is the type of all three accumulators, v included.

    >>> import jgd
    >>> jgd.contrib.scale_by_ademamix(alpha=jgd.schedules.linear(0.0, 5.0, 1000))
    contrib.scale_by_ademamix(alpha=schedules.linear(0.0, 5.0, 1000.0))

    Source: `optax.contrib.scale_by_ademamix`; Pagliardini et al., arXiv:2409.03137.
    """,
)

ademamix = lift(
    optax.contrib.ademamix,
    name="contrib.ademamix",
    doc="""AdEMAMix: AdamW with a mixture of a fast and a very slow mean of the gradients.

    w <- w - learning_rate * ((m1^ + alpha m2) / (sqrt(v^ + eps_root) + eps) + weight_decay * w), moments as in
    `jgd.contrib.scale_by_ademamix`. Three accumulators, one more than Adam. For runs of a few thousand steps take a smaller
    `b3` than the default 0.9999, whose memory is ten thousand steps long.

    >>> import jgd
    >>> jgd.contrib.ademamix(1e-3, b3=0.999)
    contrib.ademamix(0.001, b3=0.999)

    Source: `optax.contrib.ademamix`; Pagliardini et al., arXiv:2409.03137.
    """,
)

scale_by_simplified_ademamix = lift(
    optax.contrib.scale_by_simplified_ademamix,
    name="contrib.scale_by_simplified_ademamix",
    doc="""The direction of simplified AdEMAMix: one decaying sum of gradients, mixed with the newest.

    m <- b1 m + g;  v <- b2 v + (1 - b2) g^2;  u = (m + alpha g) / (sqrt(v^ + eps_root) + eps).

    m is a sum, not a mean: it is up to 1 / (1 - b1) times as long as a gradient. `alpha` is a number or a schedule.

    >>> import jgd
    >>> jgd.contrib.scale_by_simplified_ademamix(alpha=2.0)
    contrib.scale_by_simplified_ademamix(alpha=2.0)

    Source: `optax.contrib.scale_by_simplified_ademamix`; Morwani et al., arXiv:2502.02431.
    """,
)

simplified_ademamix = lift(
    optax.contrib.simplified_ademamix,
    name="contrib.simplified_ademamix",
    doc="""Simplified AdEMAMix: AdEMAMix with one momentum buffer and no schedule for the mixture.

    w <- w - learning_rate * ((m + alpha g) / (sqrt(v^ + eps_root) + eps) + weight_decay * w), moments as in
    `jgd.contrib.scale_by_simplified_ademamix`. As m is a sum, the learning rate that matches Adam's is (1 - b1) times as large.

    >>> import jgd
    >>> jgd.contrib.simplified_ademamix(1e-4, alpha=10.0)
    contrib.simplified_ademamix(0.0001, alpha=10.0)

    Source: `optax.contrib.simplified_ademamix`; Morwani et al., arXiv:2502.02431.
    """,
)

scale_by_adopt = lift(
    with_defaults(optax.contrib.scale_by_adopt, clip_value_fn=fourth_root),
    name="contrib.scale_by_adopt",
    doc="""ADOPT's direction without its learning rate: the gradient is scaled before it enters the mean, by the v before it.

    d = g / max(sqrt(v), eps), with `use_clipping` clipped to +-clip_value_fn(t - 1);  m <- b1 m + (1 - b1) d;  u = m, or with
    `nesterov`  u = b1 m + (1 - b1) d;  then  v <- b2 v + (1 - b2) g^2. The first step only sets v = g^2; its u is 0.

    `clip_value_fn` is a function of the count or a schedule; count^(1/4) if not given.

    >>> import jgd
    >>> jgd.contrib.scale_by_adopt(clip_value_fn=jgd.schedules.constant(2.0))
    contrib.scale_by_adopt(clip_value_fn=schedules.constant(2.0))

    Source: `optax.contrib.scale_by_adopt`; Taniguchi et al., arXiv:2411.02853.
    """,
)

adopt = lift(
    with_defaults(optax.contrib.adopt, clip_value_fn=fourth_root),
    name="contrib.adopt",
    doc="""ADOPT: Adam reordered so that it converges with any b2.

    w <- w - learning_rate * m, with m as in `jgd.contrib.scale_by_adopt`. The first step leaves the parameters where they are.

    >>> import jgd
    >>> jgd.contrib.adopt(1e-2, nesterov=True)
    contrib.adopt(0.01, nesterov=True)

    Source: `optax.contrib.adopt`; Taniguchi et al., arXiv:2411.02853.
    """,
)

scale_by_madgrad = lift(
    optax.contrib.scale_by_madgrad,
    name="contrib.scale_by_madgrad",
    doc="""MADGRAD without weight decay: a dual average of all gradients, seen from the first parameters w_0.

    c = (learning_rate + eps) sqrt(t);  v <- v + c g^2;  s <- s + c g;  z = w_0 - s / (v^(1/3) + eps);
    u = momentum * w + (1 - momentum) * z - w.

    Despite its name it takes the learning rate itself and descends: nothing that scales goes behind it. Its state holds w_0, one
    copy of the parameters, beside s and v; the parameters must be given.

    >>> import jgd
    >>> jgd.contrib.scale_by_madgrad(0.1)
    contrib.scale_by_madgrad(0.1)

    Source: `optax.contrib.scale_by_madgrad`; Defazio & Jelassi, arXiv:2101.11075.
    """,
)

madgrad = lift(
    optax.contrib.madgrad,
    name="contrib.madgrad",
    doc="""MADGRAD: momentum and a cube root over a dual average, made for images and text alike.

    `jgd.contrib.scale_by_madgrad` of g + weight_decay * w: the decay is an L2 penalty that passes through the averages.

    >>> import jgd
    >>> jgd.contrib.madgrad(0.1, momentum=0.5)
    contrib.madgrad(0.1, momentum=0.5)

    Source: `optax.contrib.madgrad`; Defazio & Jelassi, arXiv:2101.11075.
    """,
)
