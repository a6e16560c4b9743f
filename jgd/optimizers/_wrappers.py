"""Transformations of transformations: on some parameters, on some steps, on sums of steps; letters as in `jgd.optimizers`."""

from typing import Any, NamedTuple

import optax

from jgd.optimizers._adapters import mask_or_function
from jgd.transformation import lift

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

freeze = lift(
    optax.freeze,
    doc="""No update for the parameters that `mask` selects; the others' pass. The last link of a chain.

    `mask` is as in `jgd.masked`.

    >>> import jgd
    >>> jgd.chain(jgd.sgd(0.1), jgd.freeze({"kernel": False, "bias": True}))
    chain(sgd(0.1), freeze({'bias': True, 'kernel': False}))

    Source: `optax.freeze`.
    """,
)

selective_transform = lift(
    mask_or_function(optax.selective_transform),
    doc="""An optimizer for the parameters that `freeze_mask` does not select; those it selects stay where they are.

    `freeze_mask` is a pytree of booleans shaped like the parameters, or a function of the parameters that makes one.

    >>> import jgd
    >>> jgd.selective_transform(jgd.adam(0.1), freeze_mask={"kernel": False, "bias": True})
    selective_transform(adam(0.1), freeze_mask={'bias': True, 'kernel': False})

    Source: `optax.selective_transform`.
    """,
)

_PARTITION = """{summary}

    u = transforms[label](g) for the parameters of each label. `param_labels` is a pytree of labels shaped like the parameters (or
    a prefix of them), or a function that makes one; every label must be among `transforms`.

    >>> import jgd
    >>> transforms = {{"slow": jgd.sgd(0.01), "fast": jgd.adam(0.1)}}
    >>> jgd.{name}(transforms, {{"kernel": "slow", "bias": "fast"}}).transforms["fast"]
    adam(0.1)

    Source: `optax.{name}`.
    """

partition = lift(
    optax.partition,
    name="partition",
    doc=_PARTITION.format(name="partition", summary="Different transformations for different parameters."),
)

multi_transform = lift(
    optax.multi_transform,
    name="multi_transform",
    doc=_PARTITION.format(name="multi_transform", summary="`jgd.partition` by the name optax gave it first."),
)

flatten = lift(
    optax.flatten,
    doc="""The inner transformation on all parameters laid end to end as one vector.

    Where norms or the like are per array, they become those of everything together; all arrays must have one dtype.

    >>> import jgd
    >>> jgd.flatten(jgd.adaptive_grad_clip(0.01))
    flatten(adaptive_grad_clip(0.01))

    Source: `optax.flatten`.
    """,
)

conditionally_transform = lift(
    optax.conditionally_transform,
    doc="""The inner transformation at the steps where `should_transform_fn(step)` is true; elsewhere u = g, its state untouched.

    Steps count from 0. With `forward_extra_args` the function also gets what the loop hands over (`value`, ...), by name.

    >>> import jgd
    >>> tx = jgd.chain(jgd.conditionally_transform(jgd.clip(1.0), lambda step: step >= 1), jgd.sgd(0.1))
    >>> [jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=n).params.item() for n in (1, 2)]
    [4.4..., 4.3...]

    Source: `optax.conditionally_transform`.
    """,
)

conditionally_mask = lift(
    optax.conditionally_mask,
    doc="""The inner transformation at the steps where `should_transform_fn(step)` is true; elsewhere u = 0, its state untouched.

    Steps count from 0. With `forward_extra_args` the function also gets what the loop hands over (`value`, ...), by name.

    >>> import jgd
    >>> tx = jgd.conditionally_mask(jgd.sgd(0.1), lambda step: step >= 1)
    >>> [jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=n).params.item() for n in (1, 2)]
    [5.0, 4.4...]

    Source: `optax.conditionally_mask`.
    """,
)


class LookaheadState(NamedTuple):
    """The state of a lookahead.

    Attributes:
      lookahead: optax's.
      slow: the slow parameters.
    """

    lookahead: optax.LookaheadState
    slow: Any


def _lookahead(
    fast_optimizer: optax.GradientTransformation, sync_period: int, slow_step_size: float, reset_state: bool = False
) -> optax.GradientTransformation:
    tx = optax.lookahead(fast_optimizer, sync_period, slow_step_size, reset_state)

    def init(params):
        return LookaheadState(tx.init(optax.LookaheadParams.init_synced(params)), params)

    def update(updates, state, params):
        updates, lookahead = tx.update(updates, state.lookahead, optax.LookaheadParams(params, state.slow))
        return updates.fast, LookaheadState(lookahead, optax.apply_updates(state.slow, updates.slow))

    return optax.GradientTransformation(init, update)


lookahead = lift(
    _lookahead,
    name="lookahead",
    static=("sync_period",),
    doc="""Lookahead: k steps of a fast optimizer, then a step of slow parameters towards where they led, and on from there.

    At every `sync_period`-th step, with w the parameters after the fast step:  s <- s + slow_step_size * (w - s);  w <- s. With
    `reset_state` the fast optimizer starts anew then.

    optax's takes the pair of fast and slow parameters that its own training loop carries; here the slow ones s are in the state
    (`state.slow`), and parameters are parameters. The fast optimizer gets gradient and parameters only. `sync_period` is
    structure: another one is another program.

    >>> import jgd
    >>> jgd.lookahead(jgd.sgd(0.1), 5, 0.5)
    lookahead(sgd(0.1), 5, 0.5)

    Source: `optax.lookahead`; Zhang et al., arXiv:1907.08610.
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
