"""The one training step, of every regime."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgd.data import Dataset
from jgd.models import Problem
from jgd.transformation import GradientTransformation, as_transformation


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the parameters.
      opt_state: the optimizer's state.
      step: how many steps have been taken, int32.
    """

    params: Any
    opt_state: Any
    step: jax.Array


class Info(NamedTuple):
    """What a person may want to see of a step; both belong to the parameters before it.

    Attributes:
      loss: the batch's objective.
      grad_norm: the length of its gradient.
    """

    loss: jax.Array
    grad_norm: jax.Array


def training_step(
    problem: Problem, tx: GradientTransformation
) -> tuple[Callable[[Any], State], Callable[[State, Dataset | None], tuple[State, Info]]]:
    """The pure pair that `train` scans: `state = init(params)`, `state, info = step(state, batch)`.

    A step computes the gradient of the batch's objective, transforms it, and adds it. Which rows are in the batch is
    all that differs between full-batch, stochastic and mini-batch descent.

    Args:
      problem: what is minimised.
      tx: the optimizer; links that ask for `value`, `grad` or `value_fn` get them.

    Returns:
      `init(params) -> State` and `step(state, batch) -> (State, Info)`; the batch is a `jgd.Dataset`, None without data.

    >>> import jgd
    >>> init, step = jgd.training_step(jgd.Problem(lambda w: (w - 2.0) ** 2, init=5.0), jgd.gd(0.1))
    >>> state, info = step(init(5.0), None)
    >>> info.loss.item(), info.grad_norm.item(), round(state.params.item(), 4)
    (9.0, 6.0, 4.4)
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {type(problem).__name__}; call it if it is a factory.")
    tx = as_transformation(tx)

    def init(params):
        params = jax.tree.map(as_parameter, params)
        return State(params, tx.init(params), jnp.zeros((), jnp.int32))

    def step(state, batch=None):
        value_fn = lambda params: problem.objective(params, batch)
        value, grads = jax.value_and_grad(value_fn)(state.params)
        updates, opt_state = tx.update(grads, state.opt_state, state.params, value=value, grad=grads, value_fn=value_fn)
        params = optax.apply_updates(state.params, updates)
        return State(params, opt_state, state.step + 1), Info(value, norm(grads))

    return init, step


def as_parameter(value: Any) -> jax.Array:
    """A strongly typed floating array."""
    value = jnp.asarray(value)
    dtype = value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else jnp.result_type(float)
    return jax.lax.convert_element_type(value, dtype)


def norm(tree: Any) -> jax.Array:
    """The length of all of a tree's leaves together, with a derivative of 0 (not NaN) at 0."""
    square = optax.tree.norm(tree, squared=True)
    return jnp.where(square == 0, 0, jnp.sqrt(jnp.where(square == 0, 1, square)))
