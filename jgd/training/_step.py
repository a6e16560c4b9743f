"""The one training step, of every regime."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgd._checks import as_key, shown
from jgd._errors import described, public
from jgd.data import Dataset
from jgd.models import Problem, _rays
from jgd.models._functions import loss_values, pinned, where_frozen
from jgd.transformation import GradientTransformation, as_transformation, asked

# The order of rows folds the run's key with epochs or steps, all below 2^31; other uses fold it with these, and share no bits.
SPLIT, INIT, LOSS = 2**32 - 1, 2**32 - 2, 2**32 - 3


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the parameters.
      opt_state: the optimizer's state.
      step: how many steps have been taken, int32.
      model_state: what the loss carries from step to step, such as BatchNorm's statistics; () if nothing.
      key: where the keys of a loss that takes one come from; None if it takes none.
    """

    params: Any
    opt_state: Any
    step: jax.Array
    model_state: Any = ()
    key: Any = None


class Info(NamedTuple):
    """What a person may want to see of a step; both belong to the parameters before it.

    Attributes:
      loss: the batch's objective.
      grad_norm: the length of its gradient.
    """

    loss: jax.Array
    grad_norm: jax.Array


class Direction(NamedTuple):
    """What a batch says about where to go.

    Attributes:
      value: its objective.
      grads: its gradient.
      updates: what the optimizer makes of it.
      opt_state: the optimizer's next state.
      model_state: the loss's next state.
    """

    value: jax.Array
    grads: Any
    updates: Any
    opt_state: Any
    model_state: Any


@public
def training_step(
    problem: Problem, tx: GradientTransformation
) -> tuple[Callable[..., State], Callable[[State, Dataset | None], tuple[State, Info]]]:
    """The pure pair that `train` scans: `state = init(params)`, `state, info = step(state, batch)`.

    A step computes the gradient of the batch's objective, transforms it, and adds it. Which rows are in the batch is
    all that differs between full-batch, stochastic and mini-batch descent.

    Args:
      problem: what is minimised.
      tx: the optimizer; its links get those of these arguments that their update names: `value`, `grad`, `value_fn` (also
        as `obj_fn`), `grad_fn`, and `row_grads`, the gradients of the batch's rows, with a leading axis of rows. Of the step's
        objective f at its parameters w: `slope_fn(u)`, a function of t that gives the slope f'(w + t u) u along u;
        `hvp_fn(v)`, the Hessian times v (both u and v of the parameters' structure); and `hessian_fn()`, the Hessian over the
        ravelled parameters. For linear models a slope costs one product for all t, and the Hessian is made of blocks of rows.

    Returns:
      `init(params, key=0) -> State`, the key being for a loss that takes one, and `step(state, batch) -> (State, Info)`;
      the batch is a `jgd.Dataset` (or what makes one), None without data.

    >>> import jgd
    >>> init, step = jgd.training_step(jgd.Problem(lambda w: (w - 2.0) ** 2, init=5.0), jgd.gd(0.1))
    >>> state, info = step(init(5.0), None)
    >>> info.loss.item(), info.grad_norm.item(), round(state.params.item(), 4)
    (9.0, 6.0, 4.4)
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {type(problem).__name__}; call it if it is a factory.")
    tx = as_transformation(tx)
    asks = problem.functions.asks

    def init(params, key=0):
        params, key = jax.tree.map(as_parameter, params), as_key(key) if asks else None
        model_state = jax.tree.map(jnp.asarray, problem.init_state(jax.random.fold_in(key, INIT))) if "state" in asks else ()
        key = jax.random.fold_in(key, LOSS) if "key" in asks else None
        return State(params, tx.init(params), jnp.zeros((), jnp.int32), model_state, key)

    def step(state, batch=None):
        if not isinstance(state, State):
            raise TypeError(f"step takes the state that init(params) or the last step returned, found {shown(state)}.")
        batch = problem.dataset(batch) if isinstance(batch, tuple) else batch
        to = direction(problem, tx, state, batch, step_key(state))
        return moved(state, to), Info(to.value, norm(to.grads))

    return public(init), public(step)


def moved(state: State, to: Direction) -> State:
    """The state a step further."""
    shapes = lambda tree: (jax.tree.structure(tree), [jnp.shape(leaf) for leaf in jax.tree.leaves(tree)])
    if shapes(to.updates) != shapes(state.params):
        raise TypeError(
            "the optimizer's updates are not like the parameters: an update returns (updates, state), the updates of their "
            f"structure and shapes, found {described(to.updates)}, expected {described(state.params)}."
        )
    params = optax.apply_updates(state.params, to.updates)
    return state._replace(params=params, opt_state=to.opt_state, step=state.step + 1, model_state=to.model_state)


def step_key(state: State) -> Any:
    """The loss's key at this step."""
    return None if state.key is None else jax.random.fold_in(state.key, state.step)


def direction(
    problem: Problem, tx: GradientTransformation, state: State, batch: Dataset | None, key: Any, known: Any = None
) -> Direction:
    """Gradient and update at the parameters of `state`; they stay where they are.

    Args:
      known: the batch's objective and its gradient, where they are known.
    """
    pin = pinned(problem, state.params)
    objective = lambda params: problem.objective_and_state(pin(params), batch, key=key, state=state.model_state)
    value_fn = lambda params: objective(params)[0]
    names = asked(tx)  # what no link names is not offered: a line search refuses arguments that nobody takes
    extra = {
        "obj_fn": value_fn,
        "grad_fn": lambda params, step=None: jax.grad(value_fn)(params),
        "slope_fn": _rays.slopes(problem, state.params, batch, value_fn),
        "hvp_fn": _rays.products(state.params, value_fn),
        "hessian_fn": lambda: _rays.hessian(problem, state.params, batch, value_fn),
    }
    extra = {name: function for name, function in extra.items() if name in names}
    if "row_grads" in names:
        value, grads, extra["row_grads"] = _by_rows(problem, state, batch, key)
        model_state = state.model_state
    elif known is not None:
        (value, grads), model_state = known, state.model_state
    else:
        (value, model_state), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
    updates, opt_state = tx.update(grads, state.opt_state, state.params, value=value, grad=grads, value_fn=value_fn, **extra)
    frozen = problem.functions.frozen
    if frozen is not None:
        updates = where_frozen(frozen(state.params), jax.tree.map(jnp.zeros_like, updates), updates)
    return Direction(value, grads, updates, opt_state, model_state)


def _by_rows(problem: Problem, state: State, batch: Dataset | None, key: Any) -> tuple[jax.Array, Any, Any]:
    """The objective and its gradient as means over rows, and the gradients of the rows."""
    if batch is None or "state" in problem.functions.asks:
        what = "this problem has no data" if batch is None else "a loss with a state looks at the whole batch"
        raise TypeError(f"a link of the chain asks for the gradient of each row, but {what}.")

    if jax.eval_shape(lambda: loss_values(problem.functions, state.params, batch, key, ())[0]).ndim == 0:
        raise TypeError(
            "a link of the chain asks for the gradient of each row: the loss must return one value per row, not a scalar."
        )
    pin = pinned(problem, state.params)

    def of_row(row, index):
        row = jax.tree.map(lambda a: a[None], row)
        row_key = None if key is None else jax.random.fold_in(key, index)
        return jax.value_and_grad(lambda params: problem.objective(pin(params), row, key=row_key))(state.params)

    values, row_grads = jax.vmap(of_row)(batch, jnp.arange(len(batch)))
    mean = lambda rows: jnp.mean(rows, axis=0)
    return mean(values), jax.tree.map(mean, row_grads), row_grads


def as_parameter(value: Any) -> jax.Array:
    """A strongly typed floating array."""
    value = jnp.asarray(value)
    dtype = value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else jnp.result_type(float)
    return jax.lax.convert_element_type(value, dtype)


def norm(tree: Any) -> jax.Array:
    """The length of all of a tree's leaves together, at any scale, with a derivative of 0 (not NaN) at 0."""
    largest = jax.lax.stop_gradient(optax.tree.norm(tree, ord=jnp.inf))
    unit = jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1)  # squares neither overflow nor vanish
    square = optax.tree.norm(jax.tree.map(lambda leaf: leaf / unit.astype(leaf.dtype), tree), squared=True)
    return jnp.where(square == 0, 0, unit * jnp.sqrt(jnp.where(square == 0, 1, square)))
