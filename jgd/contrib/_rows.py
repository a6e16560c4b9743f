"""Links that work on the gradient of every row of the batch, rather than on their mean."""

import functools
from typing import Any

import jax
import numpy as np
import optax

from jgd.transformation import lift


def of_rows(function):
    """A factory whose update works on rows, made one that takes them as `row_grads`, or as updates with a leading axis.

    Optax knows only the second way. jgd's step offers `row_grads` to every link that names it, beside the mean gradient.
    """

    @functools.wraps(function)
    def make(*args, **kwargs):
        inner = function(*args, **kwargs)

        def update(updates, state, params=None, *, row_grads=None, **extra):
            rows = updates if row_grads is None else row_grads
            _check_rows(f"contrib.{function.__name__}", rows, params)
            return inner.update(rows, state, params)

        return optax.GradientTransformationExtraArgs(inner.init, update)

    return make


def _check_rows(name: str, rows: Any, params: Any) -> None:
    """Whether each array has one leading axis more than its parameter, of one length."""
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(rows)]
    lengths = {shape[0] if shape else None for shape in shapes}
    own = [shape[1:] for shape in shapes] if params is None else [np.shape(leaf) for leaf in jax.tree.leaves(params)]
    if len(lengths) == 1 and None not in lengths and [shape[1:] for shape in shapes] == own:
        return
    found = f"found shapes {shapes}" + ("" if params is None else f" for parameters of shapes {own}")
    raise ValueError(
        f"{name} needs the gradient of every row: give update(..., row_grads=...), or updates with a leading axis of rows "
        f"(jax.vmap of the gradient); {found}."
    )


def mean_of_clipped(clipped_sum):
    """The mean over rows, from a function that clips each row and sums."""

    def update(updates, state, params=None):
        n = np.shape(jax.tree.leaves(updates)[0])[0]
        return jax.tree.map(lambda total: total / n, clipped_sum(updates)), state

    return optax.GradientTransformation(optax.init_empty_state, update)


@functools.partial(lift, name="contrib.per_example_global_norm_clip")
@of_rows
def per_example_global_norm_clip(l2_norm_clip):
    """The mean of the rows' gradients, each shortened to the length `l2_norm_clip` if it is longer.

    u = (1/n) sum_i g_i min(1, l2_norm_clip / |g_i|_2), g_i the gradient of row i, its norm over all parameters together.

    jgd's step gives it the rows' gradients (`row_grads`); in a loop of your own give them so, or as the updates, with a leading
    axis of rows. They take the place of what comes in, so it is the first link of a chain. n gradients are held at once.

    Raises ValueError where there is no gradient of each row.

    >>> import jgd, jax.numpy as jnp
    >>> tx = jgd.contrib.per_example_global_norm_clip(1.0)
    >>> tx.update(jnp.array([0.5, 4.0]), tx.init(0.0))[0].item()
    0.75

    Source: `optax.per_example_global_norm_clip`, whose result is the sum; Abadi et al., arXiv:1607.00133.
    """
    return mean_of_clipped(lambda rows: optax.per_example_global_norm_clip(rows, l2_norm_clip)[0])


@functools.partial(lift, name="contrib.per_example_layer_norm_clip")
@of_rows
def per_example_layer_norm_clip(global_l2_norm_clip, uniform=True):
    """The mean of the rows' gradients, each array of each row shortened by itself, so that a row is at most so long.

    u = (1/n) sum_i g_i min(1, c / |g_i|_2), for each of the K arrays of parameters, c = global_l2_norm_clip / sqrt(K); if
    not `uniform`, c = global_l2_norm_clip * sqrt(d / D), the array having d of all D parameters.

    Rows as in `jgd.contrib.per_example_global_norm_clip`.

    Raises ValueError where there is no gradient of each row.

    >>> import jgd, jax.numpy as jnp
    >>> tx = jgd.contrib.per_example_layer_norm_clip(2.0)
    >>> rows = [jnp.array([row]) for row in (4.0, 0.5, 1.0, -2.0)]
    >>> [u.item() for u in tx.update(rows, tx.init(0.0))[0]]
    [1.0, 0.5, 1.0, -1.0]

    Source: `optax.per_example_layer_norm_clip`, whose result is the sum; McMahan et al., arXiv:1710.06963.
    """
    return mean_of_clipped(lambda rows: optax.per_example_layer_norm_clip(rows, global_l2_norm_clip, uniform)[0])
