"""What a problem is made of, and the mean loss that comes of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data import Dataset
from jgd.models._products import total


class Scores(NamedTuple):
    """A loss of scores that are linear in the parameters, as those of a linear model are.

    Attributes:
      of: (params, X) -> scores, shape (n,) or (n, k), linear in params: {weights (d, ...), bias (...) or None}.
      loss: (scores, targets) -> one value per row.
      curvature: at least the loss's second derivative in the scores, in any direction and everywhere.
      quadratic: whether it is the second derivative, in every direction and everywhere.
    """

    of: Callable[[Any, Any], jax.Array]
    loss: Callable[[jax.Array, jax.Array], jax.Array]
    curvature: float
    quadratic: bool = False


class ProblemFunctions(NamedTuple):
    """What a problem is made of.

    Attributes:
      init: (key, data) -> params.
      loss: (params, batch) -> one value per row, or a scalar; takes `key` and `state` by name where `asks` has them, and
        with `state` returns (values, state).
      penalty: params -> scalar, or None.
      predict: (params, X) -> predictions, or None; takes `state` by name if the loss does.
      probabilities: (params, X) -> class probabilities, or None.
      encode: labels on the host -> (targets, classes or None).
      asks: which of "key" and "state" the loss takes.
      state: (key, data) -> the state before the first step.
      frozen: params -> a tree of booleans, true where parameters are held fixed; or None.
      condense: data -> a set of fewer rows with the same mean loss whatever the parameters, on the host; or None.
      scores: the same loss as one of scores that are linear in the parameters, which makes derivatives along rays, and the
        second, cheap; the penalty is a sum over single parameters then. Or None.
    """

    init: Callable[[Any, Dataset | None], Any]
    loss: Callable[..., Any]
    penalty: Callable[[Any], jax.Array] | None = None
    predict: Callable[..., jax.Array] | None = None
    probabilities: Callable[[Any, jax.Array], jax.Array] | None = None
    encode: Callable[[np.ndarray, tuple | None], tuple[np.ndarray, tuple | None]] | None = None
    asks: tuple[str, ...] = ()
    state: Callable[[Any, Dataset | None], Any] = lambda key, data: ()
    frozen: Callable[[Any], Any] | None = None
    condense: Callable[[Dataset], Dataset] | None = None
    scores: Scores | None = None


def loss_values(functions: ProblemFunctions, params: Any, data: Dataset | None, key: Any, state: Any) -> tuple[jax.Array, Any]:
    """The loss, one value per row or a scalar, and the next state."""
    asked = {name: value for name, value in (("key", key), ("state", state)) if name in functions.asks}
    out = functions.loss(params, data, **asked)
    return out if "state" in asked else (out, state)


def mean_loss(functions: ProblemFunctions, params: Any, data: Dataset | None, key: Any, state: Any) -> tuple[jax.Array, Any]:
    """sum(w l) / sum(w), where a `Dataset`'s weights have mean one, so it is mean(w l); and the next state."""
    values, state = loss_values(functions, params, data, key, state)
    if values.ndim == 0:
        if data is not None and data.sample_weight is not None:
            raise ValueError("sample weights need a loss that returns one value per row; this one returns a scalar.")
        return values, state
    if values.shape != (None if data is None else len(data),):
        rows = "without data" if data is None else f"for {len(data)} rows"
        raise ValueError(f"the loss must return one value per row or a scalar, found shape {values.shape} {rows}.")
    if data.sample_weight is not None:
        values = values * data.sample_weight.astype(values.dtype)
    wide = values.astype(jnp.promote_types(values.dtype, jnp.float32))  # a sum needs more room than its mean
    return (total(wide) / len(values)).astype(values.dtype), state


def where_frozen(mask: Any, held: Any, free: Any) -> Any:
    """`held` where `mask` (booleans, of their structure or a prefix of it) is true, else `free`."""
    return jax.tree.map(lambda frozen, a, b: a if frozen else b, mask, held, free)


def pinned(problem: Any, params: Any) -> Callable[[Any], Any]:
    """A function of parameters that gives the frozen ones the values they have in `params`."""
    frozen = problem.functions.frozen
    return (lambda p: p) if frozen is None else lambda p: where_frozen(frozen(params), params, p)
