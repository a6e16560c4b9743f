"""Links before, between and behind optimizers: clipping, decay, noise, sums; letters as in `jgd.optimizers`."""

import optax

from jgd.transformation import lift

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

clip_by_block_rms = lift(
    optax.clip_by_block_rms,
    doc="""Each array's update shortened to the root mean square `threshold`, if it has more.

    u = g / max(1, rms(g) / threshold)

    >>> import jgd
    >>> jgd.clip_by_block_rms(1.0)
    clip_by_block_rms(1.0)

    Source: `optax.clip_by_block_rms`; Shazeer & Stern, arXiv:1804.04235.
    """,
)

adaptive_grad_clip = lift(
    optax.adaptive_grad_clip,
    static=("axis",),
    doc="""Each unit's update shortened to a share of the length of its weights, if it is longer.

    u = g * min(1, clipping * max(|w|, eps) / |g|), the norms over the entries of one output unit: over a whole vector, along
    the first of two or three axes, along all but the last of four or five; `axis` says otherwise.

    >>> import jgd
    >>> jgd.adaptive_grad_clip(0.01)
    adaptive_grad_clip(0.01)

    Source: `optax.adaptive_grad_clip`; Brock et al., arXiv:2102.06171.
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

add_noise = lift(
    optax.add_noise,
    doc="""Noise that fades: u = g + n, with n ~ N(0, eta / t^gamma) for every entry.

    `key` is a seed or a JAX key and a leaf, so that a batch of seeds is a batch of runs; give one (optax warns and takes 0).

    >>> import jgd
    >>> jgd.add_noise(0.01, 0.55, key=1)
    add_noise(0.01, 0.55, key=1)

    Source: `optax.add_noise`; Neelakantan et al., arXiv:1511.06807.
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

apply_every = lift(
    optax.apply_every,
    static=("k",),
    doc="""Updates summed over k steps and applied together: u = 0 for k - 1 steps, then the sum of all k.

    k is structure: another one is another program. `jgd.MultiSteps` does it to gradients, before an optimizer.

    >>> import jgd
    >>> jgd.chain(jgd.sgd(0.1), jgd.apply_every(4))
    chain(sgd(0.1), apply_every(k=4))

    Source: `optax.apply_every`.
    """,
)

centralize = lift(
    optax.centralize,
    doc="""Gradient centralization: of every array with two axes or more, the mean over all but the first is taken off.

    u = g - mean(g over axes 1, 2, ...)

    >>> import jgd
    >>> jgd.chain(jgd.centralize(), jgd.sgd(0.1))
    chain(centralize(), sgd(0.1))

    Source: `optax.centralize`; Yong et al., arXiv:2004.01461.
    """,
)

zero_nans = lift(
    optax.zero_nans,
    doc="""NaN replaced by 0, infinities kept; its state says which parameters had one at the last step.

    >>> import jgd, jax.numpy as jnp
    >>> tx = jgd.zero_nans()
    >>> tx.update(jnp.array([1.0, jnp.nan]), tx.init(jnp.zeros(2)))[0].tolist()
    [1.0, 0.0]

    Source: `optax.zero_nans`.
    """,
)

keep_params_nonnegative = lift(
    optax.keep_params_nonnegative,
    doc="""Parameters held at 0 and above: u = g, or -w where w + g < 0. The last link of a chain.

    >>> import jgd
    >>> tx = jgd.chain(jgd.sgd(0.1), jgd.keep_params_nonnegative())
    >>> jgd.minimize(lambda w: (w + 2.0) ** 2, 5.0, tx, steps=20).params.item()
    0.0

    Source: `optax.keep_params_nonnegative`.
    """,
)

identity = lift(
    optax.identity,
    doc="""No change: u = g.

    >>> import jgd
    >>> jgd.identity()
    identity()

    Source: `optax.identity`.
    """,
)

set_to_zero = lift(
    optax.set_to_zero,
    doc="""No update: u = 0. Under `jgd.masked` or `jgd.partition` it holds parameters where they are.

    >>> import jgd
    >>> jgd.set_to_zero()
    set_to_zero()

    Source: `optax.set_to_zero`.
    """,
)

stateless = lift(
    optax.stateless,
    doc="""A function of the updates and the parameters, as a link: u = f(g, w), all of them at once.

    >>> import jgd, jax
    >>> halve = jgd.stateless(lambda updates, params: jax.tree.map(lambda g: g / 2, updates))
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.chain(halve, jgd.sgd(0.1)), steps=1).params.item()
    4.6...

    Source: `optax.stateless`.
    """,
)

stateless_with_tree_map = lift(
    optax.stateless_with_tree_map,
    doc="""A function of one update and its parameter, as a link: u = f(g, w), array by array.

    >>> import jgd
    >>> decay = jgd.stateless_with_tree_map(lambda g, w: g + 0.1 * w)
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.chain(decay, jgd.sgd(0.1)), steps=1).params.item()
    4.3499...

    Source: `optax.stateless_with_tree_map`.
    """,
)
