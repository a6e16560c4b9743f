"""Adam and its family: a running mean of the gradient over a running size of it; letters as in `jgd.optimizers`."""

import optax

from jgd.transformation import lift

adam = lift(
    optax.adam,
    doc="""Adam: a running mean of the gradient over a running root mean square.

    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - learning_rate * m^ / (sqrt(v^ + eps_root) + eps)

    >>> import jgd
    >>> jgd.adam(1e-2)
    adam(0.01)

    To differentiate through it, give `eps_root > 0`: the root has no derivative where a column's gradients are all 0.

    Source: `optax.adam`; Kingma & Ba, arXiv:1412.6980.
    """,
)

adamw = lift(
    optax.adamw,
    doc="""AdamW: Adam with weight decay that does not pass through the moments.

    w <- w - learning_rate * (m^ / (sqrt(v^ + eps_root) + eps) + weight_decay * w), moments as in `jgd.adam`.
    The decay acts on every parameter, intercept included, unless `mask` says otherwise. The default decay is 1e-4
    (PyTorch: 1e-2).

    >>> import jgd
    >>> jgd.adamw(1e-2, weight_decay=0.1)
    adamw(0.01, weight_decay=0.1)

    To differentiate through it, give `eps_root > 0`: the root has no derivative where a column's gradients are all 0.

    Source: `optax.adamw`; Loshchilov & Hutter, arXiv:1711.05101.
    """,
)

nadam = lift(
    optax.nadam,
    name="nadam",
    doc="""NAdam: Adam with Nesterov's look-ahead.

    w <- w - learning_rate * m~ / (sqrt(v^ + eps_root) + eps), with m~ = b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t).
    PyTorch's NAdam has a momentum schedule that this form, Dozat's first, does not.

    >>> import jgd
    >>> jgd.nadam(1e-2)
    nadam(0.01)

    To differentiate through it, give `eps_root > 0`: the root has no derivative where a column's gradients are all 0.

    Source: `optax.nadam`; Dozat, ICLR workshop 2016.
    """,
)

nadamw = lift(
    optax.nadamw,
    name="nadamw",
    doc="""NAdamW: `jgd.nadam` with weight decay that does not pass through the moments.

    w <- w - learning_rate * (m~ / (sqrt(v^ + eps_root) + eps) + weight_decay * w), with m~ as in `jgd.nadam`.

    >>> import jgd
    >>> jgd.nadamw(1e-2, weight_decay=0.1)
    nadamw(0.01, weight_decay=0.1)

    Source: `optax.nadamw`; Dozat, ICLR workshop 2016; Loshchilov & Hutter, arXiv:1711.05101.
    """,
)

adamax = lift(
    optax.adamax,
    doc="""AdaMax: Adam with a decaying maximum of the gradient in place of its root mean square.

    m <- b1 m + (1 - b1) g;  v <- max(b2 v, |g| + eps);  w <- w - learning_rate * m^ / v

    >>> import jgd
    >>> jgd.adamax(1e-2)
    adamax(0.01)

    Source: `optax.adamax`; Kingma & Ba, arXiv:1412.6980, section 7.1.
    """,
)

adamaxw = lift(
    optax.adamaxw,
    doc="""AdaMax with weight decay that does not pass through the moments.

    w <- w - learning_rate * (m^ / v + weight_decay * w), with m and v as in `jgd.adamax`.

    >>> import jgd
    >>> jgd.adamaxw(1e-2, weight_decay=0.1)
    adamaxw(0.01, weight_decay=0.1)

    Source: `optax.adamaxw`; Loshchilov & Hutter, arXiv:1711.05101.
    """,
)

amsgrad = lift(
    optax.amsgrad,
    doc="""AMSGrad: Adam whose divisor never falls.

    v_max <- max(v_max, v^);  w <- w - learning_rate * m^ / (sqrt(v_max + eps_root) + eps), moments as in `jgd.adam`.

    `bias_correction_mu` and `bias_correction_nu` say whether m and v are corrected for their start. The paper corrects neither;
    PyTorch takes the maximum of v before it corrects.

    >>> import jgd
    >>> jgd.amsgrad(1e-2)
    amsgrad(0.01)

    Source: `optax.amsgrad`; Reddi, Kale & Kumar, ICLR 2018.
    """,
)

adabelief = lift(
    optax.adabelief,
    doc="""AdaBelief: Adam that divides by how far gradients stray from their running mean.

    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) (g - m)^2 + eps_root;  w <- w - learning_rate * m^ / (sqrt(v^) + eps)

    With `nesterov` the mean looks ahead as in `jgd.nadam`. Note that `eps_root` is summed into v at every step.

    >>> import jgd
    >>> jgd.adabelief(1e-2)
    adabelief(0.01)

    Source: `optax.adabelief`; Zhuang et al., arXiv:2010.07468.
    """,
)

radam = lift(
    optax.radam,
    doc="""RAdam: Adam that waits, with plain momentum, until its divisor can be trusted.

    r = r_inf - 2 t b2^t / (1 - b2^t),  r_inf = 2 / (1 - b2) - 1;  where r >= threshold
    w <- w - learning_rate * m^ / (sqrt(v^ + eps_root) + eps) * sqrt((r - 4) (r - 2) r_inf / ((r_inf - 4) (r_inf - 2) r)),
    else  w <- w - learning_rate * m^;  moments as in `jgd.adam`. With `nesterov` the mean looks ahead as in `jgd.nadam`.

    PyTorch adds eps to sqrt(v) before the correction, and waits while r <= 5.

    >>> import jgd
    >>> jgd.radam(1e-2)
    radam(0.01)

    Source: `optax.radam`; Liu et al., arXiv:1908.03265.
    """,
)

yogi = lift(
    optax.yogi,
    doc="""Yogi: Adam whose divisor falls no faster than it rises.

    m <- b1 m + (1 - b1) g;  v <- v - (1 - b2) sign(v - g^2) g^2 (m_0 = v_0 = 1e-6);
    w <- w - learning_rate * m^ / (sqrt(v^) + eps)

    >>> import jgd
    >>> jgd.yogi(1e-2)
    yogi(0.01)

    Source: `optax.yogi`; Zaheer et al., NeurIPS 2018.
    """,
)

adan = lift(
    optax.adan,
    doc="""Adan: Adam with a running mean of the change of the gradient, too.

    With d = g_t - g_(t-1) (0 at first):  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) d;
    n <- b3 n + (1 - b3) (g + (1 - b2) d)^2;
    w <- w - learning_rate * ((m^ + (1 - b2) v^) / (sqrt(n^ + eps_root) + eps) + weight_decay * w)

    The paper's betas are 1 - b here, and it weighs d and v^ with b2 in place of 1 - b2.

    >>> import jgd
    >>> jgd.adan(1e-2)
    adan(0.01)

    Source: `optax.adan`; Xie et al., arXiv:2208.06677.
    """,
)

lamb = lift(
    optax.lamb,
    doc="""LAMB: AdamW's step, scaled array by array to the length of the parameters.

    d = m^ / (sqrt(v^ + eps_root) + eps) + weight_decay * w, moments as in `jgd.adam`;  w <- w - learning_rate * d * |w| / |d|

    An array whose w or d is all 0 is not scaled. `mask` selects the arrays that decay.

    >>> import jgd
    >>> jgd.lamb(1e-2, weight_decay=0.01)
    lamb(0.01, weight_decay=0.01)

    Source: `optax.lamb`; You et al., arXiv:1904.00962.
    """,
)

optimistic_adam = lift(
    optax.optimistic_adam,
    doc="""Adam's direction, extrapolated from the one before; deprecated by optax, which warns, for `jgd.optimistic_adam_v2`.

    w <- w - (learning_rate + optimism) d_t + optimism * d_(t-1),  d_0 = d_1,  d the direction of `jgd.nadam` (of `jgd.adam` if
    not `nesterov`)

    `optimism` is the learning rate if not given. The learning rate is a number, no schedule. The same by the newer one:
    `optimistic_adam_v2(1.0, alpha=learning_rate, beta=optimism)`.

    >>> import jgd
    >>> jgd.optimistic_adam(1e-2)
    optimistic_adam(0.01)

    Source: `optax.optimistic_adam`; Daskalakis et al., arXiv:1711.00141.
    """,
)

optimistic_adam_v2 = lift(
    optax.optimistic_adam_v2,
    doc="""Adam's direction, extrapolated from the one before; for games and saddle points.

    w <- w - learning_rate * ((alpha + beta) d_t - beta d_(t-1)),  d_0 = d_1,  d the direction of `jgd.nadam` (of `jgd.adam` if
    not `nesterov`)

    >>> import jgd
    >>> jgd.optimistic_adam_v2(1e-2, beta=0.5)
    optimistic_adam_v2(0.01, beta=0.5)

    Source: `optax.optimistic_adam_v2`; Daskalakis et al., arXiv:1711.00141.
    """,
)
