"""Dynamic loss scaling: gradients that fit into float16."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgd.transformation import lift


class DynamicLossScalingState(NamedTuple):
    """What the next step needs.

    Attributes:
      scale: the factor on the loss.
      good_steps: how many steps have been finite since the scale last changed.
      skipped_steps: how many steps were not finite, and not taken.
      inner_state: that of the inner transformation.
    """

    scale: jax.Array
    good_steps: jax.Array
    skipped_steps: jax.Array
    inner_state: Any

    def report(self) -> dict[str, jax.Array]:
        """What the history of a run records of it."""
        return {"loss_scale": self.scale, "skipped_steps": self.skipped_steps}


@lift
def dynamic_loss_scaling(
    inner: optax.GradientTransformation, init_scale=2.0**15, growth_interval=2000, factor=2.0, min_scale=1.0, max_scale=2.0**24
):
    """Gradients of a scaled loss, unscaled before the inner transformation; a step that overflows lowers the scale.

    g = grad(s f(w)) / s.  If g is finite, u = inner(g), and s <- min(factor * s, max_scale) after `growth_interval` such
    steps in a row; if not, u = 0, the inner state stays, and s <- max(s / factor, min_scale).

    The whole chain belongs inside: it takes the gradient anew from `value_fn`, which jgd's training step offers, and what stands
    behind it would move the parameters in a skipped step too. A skipped step counts as a step. The history of a run records
    `loss_scale` and `skipped_steps`, so no step is lost silently.

    Args:
      inner: the optimizer, all of it.
      init_scale: the first scale.
      growth_interval: how many finite steps in a row raise the scale.
      factor: what the scale is raised and lowered by, more than 1; a power of two keeps every bit.
      min_scale: the least scale.
      max_scale: the largest.

    Raises:
      TypeError: in the training loop, if something stands before it or around it, or no `value_fn` is offered.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> problem = jgd.mixed_precision(jgd.logistic_regression(l2=1e-3), "float16")
    >>> tx = jgd.dynamic_loss_scaling(jgd.adam(0.1), init_scale=2.0**20)
    >>> history = jgd.fit(problem, (X, y), tx, epochs=20).history
    >>> bool(history.skipped_steps[-1] > 0), bool(history.loss_scale[-1] < 2.0**20)
    (True, True)

    Source: Micikevicius et al., "Mixed precision training", arXiv:1710.03740; the schedule is that of PyTorch's GradScaler.
    """

    inner = optax.with_extra_args_support(inner)

    def init(params):
        count = jnp.zeros((), jnp.int32)
        return DynamicLossScalingState(jnp.asarray(init_scale, jnp.float32), count, count, inner.init(params))

    def update(updates, state, params=None, *, value_fn=None, grad=None, **extra):
        if value_fn is None or params is None:
            raise TypeError("dynamic_loss_scaling takes the gradient itself: its update needs params and value_fn=.")
        if grad is not None and updates is not grad:
            raise TypeError("dynamic_loss_scaling must be outermost: put the rest of the chain inside it.")
        extra.pop("grad_fn", None)  # its gradients would not be scaled
        if "row_grads" in extra:
            raise TypeError("dynamic_loss_scaling gives its inner transformation scaled gradients only, not row_grads.")
        scaled = jax.grad(lambda params: state.scale * value_fn(params))(params)
        wide = lambda g: g.astype(jnp.promote_types(g.dtype, jnp.float32))  # float16 could not hold the scale
        grads = jax.tree.map(lambda g: (wide(g) / state.scale).astype(g.dtype), scaled)
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves(grads)]))
        updates, inner_state = inner.update(grads, state.inner_state, params, value_fn=value_fn, grad=grads, **extra)
        keep = lambda new, old: jax.tree.map(lambda n, o: jnp.where(finite, n, o), new, old)
        good = jnp.where(finite, state.good_steps + 1, 0)
        grown = good >= growth_interval
        scale = jnp.where(grown, jnp.minimum(state.scale * factor, max_scale), state.scale)
        scale = jnp.where(finite, scale, jnp.maximum(state.scale / factor, min_scale)).astype(jnp.float32)
        state = DynamicLossScalingState(
            scale, jnp.where(grown, 0, good), state.skipped_steps + ~finite, keep(inner_state, state.inner_state)
        )
        return keep(updates, jax.tree.map(jnp.zeros_like, updates)), state

    return optax.GradientTransformationExtraArgs(init, update)
