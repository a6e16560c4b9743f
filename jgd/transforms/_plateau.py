"""Reduce on plateau, with every number traced."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jgd._checks import is_concrete
from jgd._factory import factory
from jgd._leaves import is_number
from jgd._over import Over
from jgd.transformation import GradientTransformation

# Where each number must lie; "factor" is another thing elsewhere, so these hold here only.
RANGES = {
    "factor": (0.0, 1.0),
    "patience": (1.0, math.inf),
    "rtol": (0.0, 1.0),
    "atol": (0.0, math.inf),
    "cooldown": (0.0, math.inf),
    "accumulation_size": (1.0, math.inf),
    "min_scale": (0.0, 1.0),
}


class ReduceOnPlateauState(NamedTuple):
    """What the next step needs.

    Attributes:
      scale: the factor on the updates.
      best_value: the lowest value so far; infinite before the first.
      plateau_count: how many values in a row were no improvement.
      cooldown_count: how many values are still to be waited for after a reduction.
      count: how many of the numbers that one value averages have been seen.
      avg_value: their mean so far.
    """

    scale: jax.Array
    best_value: jax.Array
    plateau_count: jax.Array
    cooldown_count: jax.Array
    count: jax.Array
    avg_value: jax.Array

    def report(self) -> dict[str, jax.Array]:
        """What the history of a run records of it."""
        return {"plateau_scale": self.scale}


def _check(made):
    for name, (low, high) in RANGES.items():
        value = made.arguments[name]
        if isinstance(value, Over) or not is_concrete(value):
            continue
        if not is_number(value):
            raise TypeError(f"{made.name}: {name} must be a number, found {value!r}.")
        values = np.asarray(value)
        outside = values[(values < low) | (values > high)]
        if outside.size:
            bound = f"at least {low:g}" if high > 1 else f"between {low:g} and {high:g}"
            raise ValueError(f"{made.name}: {name} must be {bound}, found {outside.flat[0]:g}.")


def _reduce_on_plateau(factor=0.1, patience=10, rtol=1e-4, atol=0.0, cooldown=0, accumulation_size=1, min_scale=0.0):
    def init(params):
        # Float32 at least, whatever the parameters: in bfloat16 a loss that falls by less than 0.4 percent stands still.
        dtype = jnp.result_type(jnp.float32, *map(jnp.result_type, jax.tree.leaves(params)))
        real, whole = (lambda x: jnp.asarray(x, dtype)), jnp.zeros((), jnp.int32)
        return ReduceOnPlateauState(real(1.0), real(jnp.inf), whole, whole, whole, real(0.0))

    def judge(state):
        """The state after a value: the mean that has been gathered."""
        # Without a best value there is nothing to be within the tolerance of (and 0 * inf, inf - inf are no bounds).
        bound = jnp.where(state.best_value == jnp.inf, jnp.inf, (1 - rtol) * state.best_value - atol)
        improved = state.avg_value < bound
        bad = jnp.where(improved | (state.cooldown_count > 0), 0, optax.safe_increment(state.plateau_count))
        reduced = (bad > 0) & (bad >= patience)
        wait = jnp.minimum(jnp.ceil(cooldown), 2.0**30).astype(jnp.int32)
        return ReduceOnPlateauState(
            scale=jnp.where(reduced, jnp.maximum(factor * state.scale, min_scale), state.scale),
            best_value=jnp.where(improved, state.avg_value, state.best_value),
            plateau_count=jnp.where(reduced, 0, bad),
            cooldown_count=jnp.where(reduced, wait, jnp.maximum(state.cooldown_count - 1, 0)),
            count=jnp.zeros_like(state.count),
            avg_value=jnp.zeros_like(state.avg_value),
        )

    def update(updates, state, params=None, *, value, **extra):
        if jnp.shape(value) != ():
            raise TypeError(f"contrib.reduce_on_plateau: value must be a scalar, found shape {jnp.shape(value)}.")
        count = optax.safe_increment(state.count)
        mean = (state.count * state.avg_value + jnp.asarray(value, state.avg_value.dtype)) / count
        waiting = state._replace(count=count, avg_value=mean)
        full = count >= accumulation_size
        state = jax.tree.map(lambda new, old: jnp.where(full, new, old), judge(waiting), waiting)
        return jax.tree.map(lambda g: state.scale.astype(g.dtype) * g, updates), state

    return optax.GradientTransformationExtraArgs(init, update)


reduce_on_plateau = factory(
    _reduce_on_plateau,
    GradientTransformation,
    name="contrib.reduce_on_plateau",
    check=_check,
    doc="""The steps are shortened when the loss has stopped falling.

    v is the mean of `accumulation_size` losses, b the lowest v so far, s the scale (s = 1, b = inf at first); u = s * g.
    With every v:  if v < (1 - rtol) b - atol, then b <- v and bad <- 0;  else bad <- bad + 1, or 0 while cooling down;
    if bad >= patience, then s <- max(factor * s, min_scale), bad <- 0, and the next `cooldown` values cool down.

    It belongs behind the optimizer, which would undo a scale before it, and takes the loss as `value`, which jgd's training
    step offers. A loss per step is noisy: with `accumulation_size` the number of steps in an epoch, v is the mean loss of
    the epoch, and the patience counts epochs. The history of a run records s as `plateau_scale`; its `learning_rate` is
    the optimizer's own, without s.

    A value that is NaN is no improvement, never the best, and makes the mean it enters NaN. Values below zero need
    `rtol=0.0` and an `atol`: a bound relative to a negative b lies above it. The first value is an improvement whatever
    the tolerances, and both may be zero. All state is kept in float32 at least.

    Args:
      factor: what the scale is multiplied by, in [0, 1].
      patience: how many values in a row without improvement shorten the steps, at least 1.
      rtol: by what share of b a value must be lower, in [0, 1].
      atol: by how much more, at least 0.
      cooldown: how many values after a reduction are not held against the steps, at least 0.
      accumulation_size: how many losses make a value, at least 1.
      min_scale: the lowest scale, in [0, 1].

    Raises:
      TypeError, ValueError: for anything else.

    >>> import jgd
    >>> tx = jgd.chain(jgd.sgd(1.0), jgd.contrib.reduce_on_plateau(factor=0.5, patience=3))
    >>> result = jgd.minimize(lambda w: abs(w), 0.7, tx, steps=60)  # steps of 1 jump to and fro over the minimum
    >>> float(result.history.plateau_scale[-1]) < 0.01 and bool(abs(result.params) < 0.01)
    True

    PyTorch's `ReduceLROnPlateau(mode="min", factor, patience, threshold, threshold_mode, cooldown, min_lr, eps)` is the
    same with  patience = its patience + 1 (there the first value beyond it shortens);  rtol = threshold, atol = 0.0
    ("rel") or rtol = 0.0, atol = threshold ("abs");  min_scale = min_lr / learning_rate;  factor and cooldown as they are.
    Its eps, 1e-8, only ends the reductions: at the first s with learning_rate * (s - max(factor * s, min_scale)) <= eps,
    so give that s as `min_scale`. It is stepped after the optimizer, and so its rate changes a step later; stepped before,
    in the same one. For mode="max" and "abs", give the value's negative.

    Source: `optax.contrib.reduce_on_plateau`, in which the numbers are fixed; PyTorch's `ReduceLROnPlateau`.
    """,
)
