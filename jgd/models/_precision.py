"""Mixed precision: a problem whose loss is computed in fewer bits than its parameters are kept in."""

import jax
import jax.numpy as jnp

from jgd._checks import shown
from jgd._factory import factory
from jgd.models._functions import ProblemFunctions
from jgd.models._problem import Problem

LOW = ("bfloat16", "float16")


def _mixed_precision(problem, dtype="bfloat16") -> ProblemFunctions:
    functions = problem.functions

    def low(tree):
        floating = lambda leaf: jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
        return jax.tree.map(lambda leaf: jnp.asarray(leaf).astype(dtype) if floating(leaf) else leaf, tree)

    def high(values):
        return values.astype(jnp.promote_types(values.dtype, jnp.float32))

    def loss(params, batch, **asked):
        out = functions.loss(low(params), batch if batch is None else batch._with(X=low(batch.X)), **asked)
        return (high(out[0]), out[1]) if "state" in asked else high(out)

    return functions._replace(loss=loss, condense=None, scores=None)


def _check(made):
    if not isinstance(made.problem, Problem):
        raise TypeError(f"mixed_precision takes a problem, found {shown(made.problem)}.")
    name = getattr(made.dtype, "name", made.dtype)
    if name not in LOW:
        raise ValueError(f"mixed_precision: dtype must be {' or '.join(LOW)}, found {name}.")


mixed_precision = factory(
    _mixed_precision,
    Problem,
    name="mixed_precision",
    check=_check,
    doc="""The same problem, its loss and gradient computed in fewer bits; parameters, optimizer and penalty keep theirs.

    minimise  mean_i l(round(w), round(x_i), y_i) + penalty(w),  round to `dtype`; the gradient passes through the rounding.

    Parameters and rows are rounded before the loss, its values are averaged in float32, and the updates are added to the
    parameters in their own type ("master weights"). Targets and a loss's state are not rounded, predictions neither.
    float16 also needs `jgd.dynamic_loss_scaling`: its smallest normal number is 6e-5, and smaller gradients lose bits.

    Args:
      problem: any problem.
      dtype: "bfloat16" (8 bits of precision, float32's range) or "float16" (11 bits, at most 65504).

    Raises:
      TypeError, ValueError: for anything else.

    >>> import jgd
    >>> problem = jgd.mixed_precision(jgd.logistic_regression(l2=1e-3), "bfloat16")
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> result = jgd.fit(problem, (X, y), jgd.adam(0.1), epochs=20)
    >>> result.params.weights.dtype.name
    'float32'

    Source: Micikevicius et al., "Mixed precision training", arXiv:1710.03740.
    """,
)
