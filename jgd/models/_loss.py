"""A problem's functions made of a user's own: the arguments they take, notes on where they failed, and what they must return."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd import losses
from jgd._checks import shown
from jgd._errors import during
from jgd._kept import is_function
from jgd.models._functions import ProblemFunctions
from jgd.models._signature import names, parameters, positional, requires, takes_data


def check_functions(loss: Any, predict: Any, state: Any) -> None:
    """Refuses, by raising, what `Problem` says it refuses."""
    if predict is not None and not callable(predict):
        raise TypeError(f"predict must be a function predict(params, X), found {shown(predict)}.")
    if isinstance(loss, str):
        losses.get(loss)
        if predict is None:
            raise TypeError(f"the loss {loss!r} is one of a prediction: give predict=f with f(params, X) as well.")
    elif not callable(loss):
        raise TypeError(f"loss must be a function loss(params) or loss(params, batch), or a name, found {shown(loss)}.")
    elif str(getattr(getattr(loss, "func", loss), "__module__", "")).startswith("jgd.losses"):
        name = getattr(loss, "func", loss).__name__
        raise TypeError(
            f"the loss {name} is one of a prediction and a target: give its name, {name!r}, or write "
            f"lambda params, batch: jgd.losses.{name}(predict(params, batch.X), batch.y)."
        )
    elif positional(loss) not in (1, 2):
        advice = " Its data are batch.X and batch.y; a key is taken by name, *, key=None." if positional(loss) > 2 else ""
        raise TypeError(f"loss must be loss(params) or loss(params, batch), found {positional(loss)} arguments.{advice}")
    elif requires(loss, "key"):
        raise TypeError("a loss gets the key None where a run only evaluates: write loss(params, batch, *, key=None).")
    if (state is None) == names(loss, "state"):
        advice = "give state=, the state before the first step" if state is None else "write loss(params, batch, *, state)"
        raise TypeError(f"a loss that takes a state and the state it starts with go together: {advice}.")


def of_loss(loss, init, predict=None, *, state=None, frozen=None):
    """The functions of `Problem(loss, init, ...)`."""
    asks = tuple(name for name in ("key", "state") if names(loss, name))
    if isinstance(loss, str):
        of_prediction = losses.get(loss)

        def function(params, batch):
            with during(lambda: _call_of(predict, "predict", "params, X"), params=params, X=batch.X):
                prediction = predict(params, batch.X)
            if not hasattr(prediction, "shape"):
                raise TypeError(f"predict must return an array, found {type(prediction).__name__}.")
            return of_prediction(prediction, batch.y)
    else:
        function = loss
    with_data = takes_data(function)
    if predict is None or "state" in (parameters(predict) or ()):
        stateful_predict = predict
    else:
        stateful_predict = lambda params, X, state=None: predict(params, X)

    def values(params, batch, **asked):
        if with_data and batch is None:
            raise TypeError("this loss(params, batch) needs data: give (X, y) or a jgd.Dataset.")
        rows = {} if batch is None else {"batch.X": batch.X, "batch.y": batch.y}
        with during(lambda: _call_of(loss, "the loss", "params, batch" if with_data else "params"), params=params, **rows):
            out = function(params, batch, **asked) if with_data else function(params, **asked)
        if "state" not in asks:
            return _as_loss(out)
        if not isinstance(out, tuple) or len(out) != 2:
            raise TypeError(f"a loss that takes a state returns (loss, state), found {type(out).__name__}.")
        return _as_loss(out[0]), _checked_state(out[1], asked["state"])

    def made(name, start):
        def make(key, data):
            with during(lambda: _call_of(start, name, "key")):
                return start(key)

        return make if is_function(start) else lambda key, data: start

    return ProblemFunctions(
        init=made("init", init), loss=values, predict=stateful_predict, asks=asks,
        state=made("state", () if state is None else state),
        frozen=None if frozen is None else frozen if is_function(frozen) else lambda params: frozen,
    )  # fmt: skip


def _call_of(function: Any, what: str, arguments: str) -> str:
    """What a note says was called, and how."""
    name = repr(function) if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)
    return f"{what}, called as {name}({arguments})" if callable(function) else f"{what} {name}"


def _as_loss(value: Any) -> jax.Array:
    if not hasattr(value, "dtype") and not isinstance(value, (int, float)):
        raise TypeError(f"the loss must return real numbers, found {type(value).__name__}.")
    return jnp.asarray(value)


def _checked_state(new: Any, old: Any) -> Any:
    """The new state, in the dtypes of the old: a compiled loop needs it to keep its structure."""
    if jax.tree.structure(new) != jax.tree.structure(old) or any(
        np.shape(a) != np.shape(b) for a, b in zip(jax.tree.leaves(new), jax.tree.leaves(old), strict=True)
    ):
        shapes = lambda tree: jax.tree.map(np.shape, tree)
        raise ValueError(f"the loss returned a state of another structure than it was given: {shapes(new)}, not {shapes(old)}.")
    for was, is_now in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True):
        if jnp.issubdtype(jnp.result_type(is_now), jnp.floating) and not jnp.issubdtype(jnp.result_type(was), jnp.floating):
            raise TypeError(
                f"a state starts as {jnp.result_type(was)}, but the loss returns {jnp.result_type(is_now)}: start it at 0.0."
            )
    return jax.tree.map(lambda a, b: jnp.asarray(a, jnp.result_type(b)), new, old)
