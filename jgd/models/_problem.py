"""A problem as data: its functions are static, its numbers (a penalty's strength, an initial point) are leaves."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._expression import Expression, factory
from jgd.data import Dataset


class ProblemFunctions(NamedTuple):
    """What a problem is made of.

    Attributes:
      init: (key, data) -> params.
      loss: (params, batch) -> one value per row, or a scalar.
      penalty: params -> scalar, or None.
      predict: (params, X) -> predictions, or None.
      probabilities: (params, X) -> class probabilities, or None.
      encode: labels on the host -> (targets, classes or None).
    """

    init: Callable[[Any, Dataset | None], Any]
    loss: Callable[[Any, Dataset | None], jax.Array]
    penalty: Callable[[Any], jax.Array] | None = None
    predict: Callable[[Any, jax.Array], jax.Array] | None = None
    probabilities: Callable[[Any, jax.Array], jax.Array] | None = None
    encode: Callable[[np.ndarray, tuple | None], tuple[np.ndarray, tuple | None]] | None = None


class Problem(Expression):
    """A function to minimise, from any loss.

    The objective is the (weighted) mean of the loss over the rows of the data, plus a penalty. A pytree: penalty strengths
    and initial points are leaves, functions and flags are static.

    Args:
      loss: `loss(params)` for a plain function without data, or `loss(params, batch)` where the batch is a `jgd.Dataset` of
        the rows of one step; returns one value per row (jgd reduces and weights: do not weight it yourself) or a scalar
        (then weights are refused).
      init: the initial parameters (any pytree of floating arrays), or a function of a key that makes them.
      predict: `predict(params, X)`, if the problem predicts.

    >>> import jgd
    >>> problem = jgd.Problem(loss=lambda w: (w - 2.0) ** 2, init=5.0)
    >>> problem.objective(5.0).item()
    9.0
    >>> round(jgd.fit(problem, tx=jgd.gd(0.1), steps=100).params.item(), 4)
    2.0
    """

    def __new__(cls, loss, init, predict=None):
        if not callable(loss):
            raise TypeError(f"loss must be a function loss(params) or loss(params, batch), found {loss!r}.")
        if _positional(loss) not in (1, 2):
            raise TypeError(f"loss must be loss(params) or loss(params, batch), found {_positional(loss)} arguments.")
        if predict is not None and not callable(predict):
            raise TypeError(f"predict must be a function predict(params, X), found {predict!r}.")
        return _problem(loss, init, predict)

    @property
    def functions(self) -> ProblemFunctions:
        """The functions, built from the arguments; inside a trace they are traced."""
        return self._call()

    def init(self, key: Any = None, data: Dataset | None = None) -> Any:
        """The initial parameters."""
        return self.functions.init(key, data)

    def objective(self, params: Any, data: Dataset | None = None) -> jax.Array:
        """The mean loss over the rows of `data` plus the penalty; a scalar.

        >>> import jgd, jax.numpy as jnp
        >>> problem = jgd.linear_regression()
        >>> data = jgd.Dataset([[0.0], [1.0]], [1.0, 3.0])
        >>> problem.objective(jgd.LinearParams(jnp.array([0.0]), jnp.array(0.0)), data).item()
        5.0
        """
        functions = self.functions
        value = mean_loss(functions, params, data)
        return value if functions.penalty is None else value + functions.penalty(params)

    def mean_loss(self, params: Any, data: Dataset | None = None) -> jax.Array:
        """The objective without its penalty."""
        return mean_loss(self.functions, params, data)

    def predict(self, params: Any, X: Any) -> jax.Array:
        """Predictions for the rows of X: values, or class numbers 0..k-1 (the result of a fit knows the labels).

        Raises:
          TypeError: if the problem was given no `predict`.
        """
        return self._required("predict")(params, as_rows(X))

    def probabilities(self, params: Any, X: Any) -> jax.Array:
        """Class probabilities for the rows of X, shape (n, classes)."""
        return self._required("probabilities")(params, as_rows(X))

    def _required(self, name: str) -> Callable:
        function = getattr(self.functions, name)
        if function is None:
            advice = "give Problem(..., predict=f) with f(params, X)" if name == "predict" else "use jgd.logistic_regression"
            raise TypeError(f"{self.name} has no {name}: {advice}.")
        return function


def as_rows(X: Any) -> jax.Array:
    """X as a floating JAX array."""
    X = jnp.asarray(X)
    return X if jnp.issubdtype(X.dtype, jnp.floating) else X.astype(jnp.result_type(float))


def mean_loss(functions: ProblemFunctions, params: Any, data: Dataset | None) -> jax.Array:
    """sum(w l) / sum(w); a `Dataset`'s weights have mean one, so it is mean(w l)."""
    values = functions.loss(params, data)
    if values.ndim == 0:
        return values
    if data.sample_weight is not None:
        values = values * data.sample_weight.astype(values.dtype)
    return jnp.mean(values)


def _generic(loss, init, predict):
    with_data = takes_data(loss)

    def rows(params, batch):
        if with_data and batch is None:
            raise TypeError("this loss(params, batch) needs data: give (X, y) or a jgd.Dataset.")
        value = loss(params, batch) if with_data else loss(params)
        if not hasattr(value, "dtype") and not isinstance(value, (int, float)):
            raise TypeError(f"the loss must return real numbers, found {type(value).__name__}.")
        return jnp.asarray(value)

    def start(key, data):
        return init(key) if callable(init) else init

    return ProblemFunctions(init=start, loss=rows, predict=predict)


def takes_data(loss: Callable) -> bool:
    """Whether it is loss(params, batch), not loss(params)."""
    return _positional(loss) != 1


def _positional(function: Callable) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in parameters)


_problem = factory(_generic, Problem, name="Problem", arrays=("init",))
