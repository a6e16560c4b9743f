"""Optax's transformations, lifted: optax defines each rule, jgd makes its hyperparameters data.

In the rules below g is the update that comes in (the gradient, for the first link), w the parameters, u the update that goes
out, t the step from 1; a hat corrects a moment for its start at zero, m^ = m / (1 - b^t). Optimizers end with `w <- w + u`.
A `learning_rate` is a number or a schedule; a `*_dtype` is the storage type of an accumulator (None: that of the parameters).
"""

import optax

from jgd.transformation import lift


@lift
def gd(learning_rate):
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

adagrad = lift(
    optax.adagrad,
    doc="""Adagrad: each coordinate scaled by the root of its summed squares.

    v <- v + g^2 (v_0 = initial_accumulator_value);  w <- w - learning_rate * g / sqrt(v + eps), and no step where v = 0.
    PyTorch starts from v_0 = 0 and divides by sqrt(v) + eps.

    >>> import jgd
    >>> jgd.adagrad(0.1)
    adagrad(0.1)

    Source: `optax.adagrad`; Duchi, Hazan & Singer, JMLR 12, 2011.
    """,
)

rmsprop = lift(
    optax.rmsprop,
    doc="""RMSProp: each coordinate scaled by a running root mean square.

    v <- decay * v + (1 - decay) g^2 (v_0 = initial_scale);  w <- w - learning_rate * g / sqrt(v + eps), or, with
    `eps_in_sqrt=False`, g / (sqrt(v) + eps). `centered` subtracts the squared running mean from v; `momentum` traces the
    update. PyTorch has eps outside the root, decay (its `alpha`) 0.99, and applies the learning rate after the momentum.

    >>> import jgd
    >>> jgd.rmsprop(0.1, decay=0.95)
    rmsprop(0.1, decay=0.95)

    Source: `optax.rmsprop`; Tieleman & Hinton, Coursera lecture 6.5, 2012.
    """,
)

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

clip = lift(
    optax.clip,
    doc="""Every entry clipped to [-max_delta, max_delta].

    u = min(max(g, -max_delta), max_delta)

    >>> import jgd
    >>> jgd.clip(1.0)
    clip(1.0)

    Source: `optax.clip`.
    """,
)

clip_by_global_norm = lift(
    optax.clip_by_global_norm,
    doc="""The whole update shortened to the length `max_norm`, if it is longer.

    u = g * min(1, max_norm / |g|_2), the norm over all parameters together.

    >>> import jgd
    >>> jgd.clip_by_global_norm(1.0)
    clip_by_global_norm(1.0)

    Source: `optax.clip_by_global_norm`; Pascanu et al., arXiv:1211.5063.
    """,
)

add_decayed_weights = lift(
    optax.add_decayed_weights,
    doc="""Weight decay as a link: before the moments it is an L2 penalty, after them AdamW's decay.

    u = g + weight_decay * w, where `mask` (a pytree of booleans, or a function of the parameters) is true.

    >>> import jgd
    >>> jgd.chain(jgd.add_decayed_weights(1e-4), jgd.sgd(0.1, momentum=0.9))
    chain(add_decayed_weights(weight_decay=0.0001), sgd(0.1, momentum=0.9))

    Source: `optax.add_decayed_weights`.
    """,
)

trace = lift(
    optax.trace,
    doc="""Momentum as a link: a decaying sum of updates.

    m <- g + decay * m;  u = m,  or with `nesterov`  u = g + decay * m.

    >>> import jgd
    >>> jgd.chain(jgd.trace(0.9), jgd.scale_by_learning_rate(0.1))
    chain(trace(0.9), scale_by_learning_rate(learning_rate=0.1))

    Source: `optax.trace`.
    """,
)

ema = lift(
    optax.ema,
    doc="""An exponential moving average of updates.

    m <- decay * m + (1 - decay) * g;  u = m^ if `debias`, else m.

    >>> import jgd
    >>> jgd.ema(0.9)
    ema(0.9)

    Source: `optax.ema`.
    """,
)

scale = lift(
    optax.scale,
    doc="""A constant factor: u = step_size * g (negative to descend).

    >>> import jgd
    >>> jgd.scale(-0.1)
    scale(-0.1)

    Source: `optax.scale`.
    """,
)

scale_by_learning_rate = lift(
    optax.scale_by_learning_rate,
    doc="""The end of a chain that descends: u = -learning_rate * g (no minus if not `flip_sign`).

    >>> import jgd
    >>> jgd.chain(jgd.scale_by_adam(), jgd.scale_by_learning_rate(0.1))
    chain(scale_by_adam(), scale_by_learning_rate(learning_rate=0.1))

    Source: `optax.scale_by_learning_rate`.
    """,
)

scale_by_adam = lift(
    optax.scale_by_adam,
    doc="""Adam's direction without its learning rate: u = m^ / (sqrt(v^ + eps_root) + eps).

    >>> import jgd
    >>> jgd.scale_by_adam(b1=0.95)
    scale_by_adam(b1=0.95)

    Source: `optax.scale_by_adam`; Kingma & Ba, arXiv:1412.6980.
    """,
)

apply_if_finite = lift(
    optax.apply_if_finite,
    doc="""The inner transformation's update where it is finite, else none, up to a number of such steps in a row.

    u = inner(g) if all of inner(g) is finite or more than `max_consecutive_errors` steps in a row were not, else 0.

    >>> import jgd
    >>> jgd.apply_if_finite(jgd.sgd(0.1), 5)
    apply_if_finite(sgd(0.1), 5.0)

    Source: `optax.apply_if_finite`.
    """,
)

masked = lift(
    optax.masked,
    doc="""The inner transformation on the parameters that `mask` selects; the others' updates pass unchanged.

    `mask` is a pytree of booleans shaped like the parameters (or a prefix of them), or a function that makes one.

    >>> import jgd
    >>> jgd.masked(jgd.add_decayed_weights(0.1), {"kernel": True, "bias": False})
    masked(add_decayed_weights(weight_decay=0.1), {'bias': False, 'kernel': True})

    Source: `optax.masked`.
    """,
)

MultiSteps = lift(
    optax.MultiSteps,
    name="MultiSteps",
    static=("every_k_schedule",),
    doc="""Gradient accumulation: one step of the inner transformation on the mean gradient of every k batches.

    For k - 1 steps u = 0; at the k-th, u = opt((g_1 + ... + g_k) / k), the sum if not `use_grad_mean`. `every_k_schedule` is
    k, or a function of the number of inner steps. k is structure: another k is another program. The accumulator is
    float32 unless `accumulator_dtype` says otherwise.

    >>> import jgd
    >>> jgd.MultiSteps(jgd.adam(0.1), 4)
    MultiSteps(adam(0.1), 4)

    Source: `optax.MultiSteps`.
    """,
)
