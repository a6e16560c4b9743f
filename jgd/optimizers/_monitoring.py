"""Links that change nothing and remember something: their states are read, `optax.tree.get(state, "norm")`."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jgd.transformation import lift

snapshot = lift(
    optax.snapshot,
    doc="""u = g, and `measure(g)` kept in the state under the name `measure_name`; at first, of the parameters.

    >>> import jgd, optax, jax.numpy as jnp
    >>> tx = jgd.chain(jgd.snapshot("before", optax.tree.norm), jgd.clip_by_global_norm(1.0), jgd.sgd(0.1))
    >>> _, state = jgd.apply_gradients(tx, jnp.array(6.0), jnp.array(5.0))
    >>> optax.tree.get(state, "before").item()
    6.0

    Source: `optax.snapshot`.
    """,
)


def _monitor(
    measures: Mapping[str, Callable[[optax.Updates], Any] | optax.GradientTransformation],
) -> optax.GradientTransformationExtraArgs:
    tx = optax.monitor(measures)

    def init(params):
        state = tx.init(params)
        shapes = jax.eval_shape(lambda: tx.update(params, state, params)[1].measurements)
        return state._replace(measurements=jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes))

    return optax.GradientTransformationExtraArgs(init, tx.update)


monitor = lift(
    _monitor,
    name="monitor",
    doc="""u = g, and several measures of g kept in the state by their names: functions of it, or transformations of it.

    Before the first step they are 0 (optax's state has none yet then, and so cannot go through a scan).

    >>> import jgd, optax
    >>> measures = {"norm": optax.tree.norm, "mean norm": jgd.measure_with_ema(optax.tree.norm, 0.9)}
    >>> _, state = jgd.apply_gradients(jgd.chain(jgd.monitor(measures), jgd.sgd(0.1)), 6.0, 5.0)
    >>> {name: round(value.item(), 3) for name, value in optax.tree.get(state, "measurements").items()}
    {'mean norm': 6.0, 'norm': 6.0}

    Source: `optax.monitor`.
    """,
)

measure_with_ema = lift(
    optax.measure_with_ema,
    doc="""A running mean of a measure, for `jgd.monitor`: u = m^ (m if not `debias`), m <- decay * m + (1 - decay) * measure(g).

    No link of a chain: what goes out is the measure in place of the update.

    >>> import jgd, optax
    >>> jgd.measure_with_ema(optax.tree.norm, 0.9).decay
    0.9

    Source: `optax.measure_with_ema`.
    """,
)
