"""Where a run starts: its first state, and the checks of the parameters, states and losses that users give."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete, shown
from jgd._errors import described
from jgd._kept import is_function
from jgd.data import Dataset
from jgd.data._by_feature import ByFeature
from jgd.models import Problem
from jgd.models._functions import loss_values
from jgd.models._signature import takes_data
from jgd.training._plan import Inputs
from jgd.training._step import INIT, State, as_parameter, training_step
from jgd.transformation import GradientTransformation, chain


def first_state(inputs: Inputs, params: Any) -> State:
    """The state before the first step, of a chain that keeps the shape of its state."""
    if params is None:
        params = inputs.problem.init(jax.random.fold_in(inputs.key, INIT), inputs.data)
    init, _ = training_step(inputs.problem, inputs.tx)
    state = init(params, inputs.key)
    _check_link(inputs, state)
    return state


def _check_link(inputs: Inputs, state: State) -> None:
    """Refuse a transformation whose state changes its structure or dtypes from step to step, naming the link."""
    batch = inputs.data if inputs.rows is None else inputs.rows
    if batch is not None and not isinstance(batch.X, ByFeature):
        batch = batch.take(jnp.arange(1))

    def unstable(tx) -> bool:
        before = state._replace(opt_state=tx.init(state.params))
        after = jax.eval_shape(lambda s: training_step(inputs.problem, tx)[1](s, batch)[0], before)
        kinds = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), jax.eval_shape(lambda: tree))
        return kinds(after.opt_state) != kinds(before.opt_state)

    if not unstable(inputs.tx):
        return
    for i, link in enumerate(inputs.tx.links):
        if unstable(chain(link)):
            shown = repr(chain(link))[len("chain(") : -1]
            raise TypeError(
                f"link {i} of the chain, {shown}, changes the structure or dtype of its state after a step; a compiled "
                "loop needs it to stay the same."
            )
    raise TypeError(f"{inputs.tx!r} changes the structure or dtype of its state after a step; a compiled loop cannot.")


def check_like(name: str, found: Any, expected: Any) -> None:
    """Structure, shapes and finite real numbers."""
    check_start(found, name)
    shapes = lambda tree: [leaf.shape if hasattr(leaf, "shape") else np.shape(leaf) for leaf in jax.tree.leaves(tree)]
    if jax.tree.structure(expected) != jax.tree.structure(found) or shapes(found) != shapes(expected):
        raise ValueError(f"{name} have the wrong structure or shapes: found {described(found)}, expected {described(expected)}.")


def check_state(state: Any, problem: Problem, data: Dataset | None, tx: GradientTransformation, key) -> None:
    if not isinstance(state, State):
        raise TypeError(f"state must be a result.state, found {shown(state)}.")
    check_like("params of state", state.params, jax.eval_shape(problem.init, key, data))
    expected = jax.eval_shape(training_step(problem, tx)[0], state.params, key)
    kinds = lambda tree: (jax.tree.structure(tree), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)])
    if kinds(expected.opt_state) != kinds(state.opt_state):
        raise ValueError(f"state is that of another optimizer than {tx!r}: go on with the one it came from, or give params=.")
    if kinds(expected[3:]) != kinds(state[3:]):
        raise ValueError("state is that of another problem: its loss takes another state or key. Give params= instead.")


def check_loss(problem: Problem, data: Dataset | None, params: Any, key) -> None:
    """A loss given by the user: real numbers, one per row or one in all."""
    while problem.name == "mixed_precision":
        problem = problem.problem
    if data is not None and problem.name == "Problem" and not takes_data(problem.loss):
        raise ValueError("this loss takes no data: write it as loss(params, batch), or give no data.")
    start = params if params is not None else _first_params(problem, key, data)
    check_start(start)
    start = jax.eval_shape(lambda start: jax.tree.map(as_parameter, start), start)
    _check_frozen(problem, start)
    state = jax.eval_shape(problem.init_state, key, data)
    values = lambda rows: jax.eval_shape(lambda *args: loss_values(problem.functions, *args)[0], start, rows, key, state)
    rows = data if data is None or len(data) <= 2 else data.take(jnp.arange(2))
    out = values(rows)
    if rows is not data and out.ndim:  # (2,) may be two columns; what has the length of the data too is rows
        rows, out = data, values(data)
    shape, dtype = out.shape, out.dtype
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"the loss must return real numbers, found {dtype}; use floating arithmetic.")
    n = None if rows is None else len(rows)
    if shape not in ((), (n,)):
        one = "a scalar" if n is None else "one value per row or a scalar"
        advice = "; sum it, as in jnp.sum(...)" if n is None else ""
        if n is not None and shape == (n, n):
            advice = "; one of the two that were combined is a column, (n, 1): ravel it"
        raise ValueError(f"the loss must return {one}, found shape {shape} for {n or 'no'} rows{advice}.")
    if shape == () and rows is not None and data.sample_weight is not None:
        raise ValueError("sample weights need a loss that returns one value per row; this one returns a scalar.")


def _first_params(problem: Problem, key, data: Dataset | None) -> Any:
    """The initial parameters where they are numbers, their shapes where a function makes them."""
    init = problem.arguments.get("init")
    if init is not None and not is_function(init):
        return init
    try:
        return jax.eval_shape(problem.init, key, data)
    except TypeError as error:
        if "valid JAX type" not in str(error):
            raise
        raise TypeError(
            f"init must make arrays only ({str(error).splitlines()[0]}); of an equinox module take the arrays: "
            "params, static = equinox.partition(model, equinox.is_inexact_array)."
        ) from None


def _check_frozen(problem: Problem, params: Any) -> None:
    frozen = problem.functions.frozen
    if frozen is None:
        return
    mask = frozen(params)
    if not all(isinstance(leaf, (bool, np.bool_)) for leaf in jax.tree.leaves(mask)):
        raise TypeError(f"frozen must hold booleans, found {shown(mask)}.")
    try:
        jax.tree.map(lambda frozen, part: part, mask, params)
    except ValueError:
        raise ValueError(f"frozen must have the structure of the parameters, {described(params)}, found {shown(mask)}.") from None
    if all(jax.tree.leaves(mask)):
        raise ValueError("all parameters are frozen: there is nothing to fit.")


def check_start(params: Any, name: str = "init") -> None:
    """Parameters to start from: real, finite numbers."""
    leaves = jax.tree.leaves(params)
    if not leaves:
        raise ValueError(f"{name} holds no parameters: give a number, an array or a pytree of them.")
    for leaf in leaves:
        if callable(leaf):
            raise TypeError(
                f"{name} holds a function, {getattr(leaf, '__name__', leaf)!r}, besides numbers: of an equinox module take the "
                "arrays, params, static = equinox.partition(model, equinox.is_inexact_array)."
            )
        kind = getattr(getattr(leaf, "dtype", None), "kind", "f" if isinstance(leaf, (int, float)) else "?")
        if kind not in "fiubV" or isinstance(leaf, np.void):
            found = leaf if np.ndim(leaf) == 0 else f"of dtype {leaf.dtype}"
            raise TypeError(f"{name} must hold real numbers, found {type(leaf).__name__} {shown(found)}.")
        if isinstance(leaf, jax.ShapeDtypeStruct):
            continue
        if is_concrete(leaf) and not bool(np.all(np.isfinite(np.asarray(leaf, np.float64)))):
            raise ValueError("the initial parameters hold NaN or infinity: start from finite numbers.")


def check_first_loss(loss: float) -> None:
    """The loss at the start must be finite."""
    if not math.isfinite(loss):
        raise ValueError(
            f"the loss is {loss} at the initial parameters: no step can help. Look for log(0), 0/0 or an overflow in it, and for "
            "labels that its loss does not know (classes are 0..k-1)."
        )
