"""What looks at all rows, for many runs at once: block by block of them.

What many runs make of all rows (a prediction for each row and run) is more than a core's cache holds, and is written and read
several times. Of a block of rows it stays there, and the loss and its gradient come of one pass. The loop over blocks is outside
of `vmap`, as all loops of `_lanes` are.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jgd.data import Dataset
from jgd.data._by_feature import block
from jgd.training._plan import Inputs

# Rows x runs of a block: the few arrays of float32 that are made of it take less than a megabyte.
ENTRIES = 2**16


def objective(inputs: Inputs, params: Any, each: Callable, at_once: int) -> tuple[jax.Array, Any]:
    """The objective of all rows, and its gradient.

    Args:
      each: what makes of one run's `(inputs, params) -> out` that of all.
      at_once: rows of a block, at most.
    """
    mean_loss = jax.value_and_grad(lambda params, inputs: inputs.problem.mean_loss(params, inputs.data))
    of_data = lambda data: each(lambda inputs, params: mean_loss(params, inputs))(inputs._replace(data=data), params)
    found = _mean(of_data, inputs.data, at_once)
    if inputs.problem.functions.penalty is None:
        return found
    penalty = jax.value_and_grad(lambda params, inputs: inputs.problem.functions.penalty(params))
    of_all = each(lambda inputs, params: penalty(params, inputs))(inputs, params)
    return jax.tree.map(lambda loss, more: loss + more.astype(loss.dtype), found, of_all)


def validation_loss(inputs: Inputs, params: Any, each: Callable, at_once: int) -> jax.Array:
    """The mean loss of the validation rows."""
    of_run = lambda inputs, params: inputs.problem.mean_loss(params, inputs.validation)
    return _mean(lambda part: each(of_run)(inputs._replace(validation=part), params), inputs.validation, at_once)


def _mean(function: Callable[[Dataset], Any], data: Dataset, at_once: int) -> Any:
    """`function(data)`, means over rows, from the means of blocks of one size."""
    count = -(-len(data) // at_once)
    size = -(-len(data) // count)
    if count == 1:
        return function(data)
    wide = lambda mean: mean.astype(jnp.promote_types(mean.dtype, jnp.float32))  # a sum needs more room than its parts
    of_block = lambda i: jax.tree.map(lambda mean: wide(mean) * (size / len(data)), function(block(data, i, size)))
    sums = jax.lax.fori_loop(1, count, lambda i, sums: jax.tree.map(jnp.add, sums, of_block(i)), of_block(0))
    return jax.tree.map(
        lambda total, like: total.astype(like.dtype), sums, jax.eval_shape(lambda: function(block(data, 0, size)))
    )
