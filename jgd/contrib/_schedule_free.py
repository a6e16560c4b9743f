"""Averages in the place of a decaying learning rate; what is trained is not what is evaluated."""

import functools
from typing import Any

import jax
import optax
import optax.contrib

from jgd.schedules import warmup_constant
from jgd.transformation import lift


def _with_warmup(function):
    """Optax's warm-up is chosen in Python by its length; jgd's is the same line, and its length traces."""

    @functools.wraps(function)
    def call(learning_rate, warmup_steps, **rest):
        if warmup_steps is not None:
            learning_rate = warmup_constant(learning_rate, warmup_steps)
        return function(learning_rate, **rest)

    return call


schedule_free = lift(
    optax.contrib.schedule_free,
    name="contrib.schedule_free",
    doc="""Any optimizer without momentum, made schedule-free: interpolation and averaging do what momentum and decay did.

    The trained parameters are y;  z <- z + base(g at y);  a <- max(a, learning_rate)^weight_lr_power, c = a over the sum of
    all a so far;  x <- (1 - c) x + c z;  y <- b1 x + (1 - b1) z.

    Evaluate at x, which `jgd.contrib.schedule_free_eval_params` computes. `learning_rate` is that of the base, or its
    warm-up; switch the base's own momentum off. 0 < b1 <= 1: with b1 = 0 it divides by zero. The state holds z, in
    `state_dtype`; x is recomputed.

    >>> import jgd
    >>> jgd.contrib.schedule_free(jgd.sgd(0.1), 0.1, b1=0.95)
    contrib.schedule_free(sgd(0.1), 0.1, b1=0.95)

    Source: `optax.contrib.schedule_free`; Defazio et al., arXiv:2405.15682.
    """,
)

schedule_free_sgd = lift(
    _with_warmup(optax.contrib.schedule_free_sgd),
    name="contrib.schedule_free_sgd",
    doc="""Schedule-free gradient descent.

    `jgd.contrib.schedule_free` of  z <- z - learning_rate * (g + weight_decay * y), the rate rising in a straight line over the
    first `warmup_steps` steps (None: constant). The line starts at 0, so the first step of a warm-up stays; the weights of the
    average are one count ahead. Evaluate at `jgd.contrib.schedule_free_eval_params`.

    >>> import jgd
    >>> jgd.contrib.schedule_free_sgd(0.5, warmup_steps=100)
    contrib.schedule_free_sgd(learning_rate=0.5, warmup_steps=100.0)

    Source: `optax.contrib.schedule_free_sgd`; Defazio et al., arXiv:2405.15682.
    """,
)

schedule_free_adamw = lift(
    _with_warmup(optax.contrib.schedule_free_adamw),
    name="contrib.schedule_free_adamw",
    doc="""Schedule-free AdamW: b1 interpolates where Adam's would average.

    `jgd.contrib.schedule_free` of  z <- z - learning_rate * (g / (sqrt(v^) + eps) + weight_decay * y), v as in `jgd.adam`, the
    rate rising as in `jgd.contrib.schedule_free_sgd`. Evaluate at `jgd.contrib.schedule_free_eval_params`.

    >>> import jgd
    >>> jgd.contrib.schedule_free_adamw(0.01)
    contrib.schedule_free_adamw(learning_rate=0.01)

    Source: `optax.contrib.schedule_free_adamw`; Defazio et al., arXiv:2405.15682.
    """,
)


def schedule_free_eval_params(state: Any, params: Any) -> Any:
    """The parameters to evaluate after schedule-free training: the average x, where training holds y.

    x = (y - (1 - b1) z) / b1, for the parameters that a schedule-free rule trains; others as they are.

    Args:
      state: the optimizer's state, or any tree that holds it (a chain's state, `result.state`).
      params: the trained parameters y.

    Raises:
      ValueError: if the state holds no schedule-free rule's.

    >>> import jgd
    >>> tx = jgd.chain(jgd.clip(1.0), jgd.contrib.schedule_free_sgd(0.5))
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=50)
    >>> x = jgd.contrib.schedule_free_eval_params(result.state, result.params)
    >>> round(result.params.item(), 3), round(x.item(), 3)
    (1.977, 1.987)

    Source: `optax.contrib.schedule_free_eval_params`; Defazio et al., arXiv:2405.15682.
    """
    is_ours = lambda part: isinstance(part, optax.contrib.ScheduleFreeState)
    found = [part for part in jax.tree.leaves(state, is_leaf=is_ours) if is_ours(part)]
    if not found:
        raise ValueError(
            f"the state holds no schedule-free rule's (found {type(state).__name__}): give that of a chain with "
            "jgd.contrib.schedule_free, schedule_free_sgd or schedule_free_adamw."
        )
    is_masked = lambda part: isinstance(part, optax.MaskedNode)
    for one in found:
        of = lambda z, y, one=one: optax.contrib.schedule_free_eval_params(one._replace(z=z), y)
        params = jax.tree.map(lambda z, y, of=of: y if is_masked(z) else of(z, y), one.z, params, is_leaf=is_masked)
    return params
