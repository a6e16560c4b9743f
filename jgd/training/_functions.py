"""Functions instead of problems: a minimum in one call, and the two calls of those who come from TensorFlow."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from jgd._checks import shown
from jgd._errors import described, during, public
from jgd.models import Problem
from jgd.models._signature import positional
from jgd.training._fit import fit
from jgd.training._result import Result
from jgd.training._step import as_parameter
from jgd.transformation import GradientTransformation, as_transformation


@public
def minimize(f: Callable[[Any], Any], x0: Any, tx: GradientTransformation, *, steps: int, **options) -> Result:
    """Minimises a function from a starting point: `fit(Problem(f, x0), tx=tx, steps=steps)`.

    Args:
      f: a scalar function of `x0`'s structure.
      x0: any pytree of floating numbers.
      tx: the optimizer.
      steps: updates, at most.
      **options: as in `jgd.fit`.

    >>> import jgd
    >>> round(jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.1), steps=100).params.item(), 4)
    2.0
    """
    if callable(f) and positional(f) > 1:
        raise TypeError(f"minimize takes f(x) of one argument, which may be a tuple or a dict, found {positional(f)} arguments.")
    return fit(Problem(f, x0), None, tx, steps=steps, **options)


@public
def compute_gradients(f: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of a scalar function, with the structure of `x`; for people who come from TensorFlow's two calls.

    >>> import jgd
    >>> jgd.compute_gradients(lambda w: (w - 2.0) ** 2, 5.0).item()
    6.0
    """
    if not callable(f):
        raise TypeError(f"f must be a function f(x), found {shown(f)}.")
    with during("the point x, whose leaves must be real numbers"):
        x = jax.tree.map(as_parameter, x)

    def scalar(x):
        with during(lambda: f"f, called as {getattr(f, '__name__', 'f')}(x)", x=x):
            value = f(x)
        if np.shape(value) != ():
            raise ValueError(f"f must return a scalar, found shape {np.shape(value)}: sum it, as in jnp.sum(...).")
        return value

    return jax.grad(scalar)(x)


@public
def apply_gradients(tx: GradientTransformation, grads: Any, params: Any, opt_state: Any = None) -> tuple[Any, Any]:
    """One step of an optimizer on gradients already at hand; the other of TensorFlow's two calls.

    Args:
      tx: the optimizer.
      grads: gradients, of the structure of `params`.
      params: the parameters.
      opt_state: what the last call returned; None at first.

    Returns:
      The new parameters and the optimizer's state.

    >>> import jgd
    >>> w, state = jgd.apply_gradients(jgd.gd(0.1), 6.0, 5.0)
    >>> round(w.item(), 4)
    4.4
    """
    tx = as_transformation(tx)
    with during("grads and params, whose leaves must be real numbers"):
        grads, params = jax.tree.map(as_parameter, (grads, params))
    if described(grads) != described(params):
        raise ValueError(f"grads must be like params: found {described(grads)}, expected {described(params)}.")
    opt_state = tx.init(params) if opt_state is None else opt_state
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state
