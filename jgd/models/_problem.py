"""A problem as data: its functions are static, its numbers (a penalty's strength, an initial point) are leaves."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._boxes import view_of
from jgd._checks import shown
from jgd._display import Note, View, on_host
from jgd._errors import public
from jgd._expression import Expression
from jgd._factory import factory
from jgd._over import Over
from jgd.data import Dataset, encode_numbers
from jgd.data._by_feature import ByFeature
from jgd.data._dataset import as_dataset
from jgd.models._functions import ProblemFunctions, mean_loss
from jgd.models._loss import check_functions, of_loss

# What jgd's own problems minimise, in words that a display has room for.
OBJECTIVES = {
    "linear_regression": "mean of |prediction - target|^2",
    "logistic_regression": "mean of log(1 + exp(-margin))",
}


class Problem(Expression):
    """A function to minimise, from any loss: a formula, a flax or equinox network.

    The objective is the (weighted) mean of the loss over the rows of the data, plus a penalty. A pytree: penalty strengths
    and initial points are leaves, functions and flags are static.

    Args:
      loss: `loss(params)` for a plain function without data, or `loss(params, batch)` where the batch is a `jgd.Dataset` of
        the rows of one step; returns one value per row (jgd reduces and weights: do not weight it yourself) or a scalar
        (then weights are refused). Or the name of one of `jgd.losses`, taken of `predict(params, X)` and y, which gets no key.
        If it takes `key=None` by name, it gets another key each step (for dropout), and None where a run only evaluates.
        If it takes `state=None` by name, it gets what the step before returned (such as BatchNorm's statistics), and
        returns `(loss, state)`; where a run only evaluates, the state it returns is dropped.
      init: the initial parameters (any pytree of floating arrays), or a function of a key that makes them, such as one of
        `jgd.initializers`.
      predict: `predict(params, X)`, if the problem predicts; with `state=None` too, if it needs the state.
      state: the state before the first step, or a function of a key (the one `init` gets) that makes it.
      frozen: which parameters are held fixed: a tree of booleans (or a prefix of one), or a function of the parameters
        that makes it. A run's gradient is zero there, and no optimizer moves them; weight decay inside an optimizer that
        keeps parameters of its own (lookahead, schedule_free) needs a mask too.

    Raises:
      TypeError, ValueError: for a loss that takes other arguments, or a state that no loss takes.

    >>> import jgd
    >>> problem = jgd.Problem(loss=lambda w: (w - 2.0) ** 2, init=5.0)
    >>> problem.objective(5.0).item()
    9.0
    >>> round(jgd.fit(problem, tx=jgd.gd(0.1), steps=100).params.item(), 4)
    2.0
    >>> line = jgd.Problem("huber", init={"w": 0.0}, predict=lambda params, X: X[:, 0] * params["w"])
    >>> round(jgd.fit(line, ([[1.0], [2.0]], [3.0, 6.0]), jgd.gd(0.2), epochs=100).params["w"].item(), 3)
    3.0
    """

    @public
    def __new__(cls, loss, init, predict=None, *, state=None, frozen=None):
        if not any(isinstance(given, Over) for given in (loss, predict, state)):  # else it is checked with each of their values
            check_functions(loss, predict, state)
        return _problem(loss, init, predict, state=state, frozen=frozen)

    @property
    def functions(self) -> ProblemFunctions:
        """The functions, built from the arguments; inside a trace they are traced."""
        return self._call()

    @public
    def dataset(self, data: Any) -> Dataset:
        """The data as the loss sees it: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`, checked, its labels numbered.

        >>> import jgd
        >>> jgd.logistic_regression().dataset(([[0.0], [1.0]], ["no", "yes"])).y.tolist()
        [0, 1]
        """
        return encode(self, as_dataset(data), None, self.functions.encode)

    def init(self, key: Any = None, data: Dataset | None = None) -> Any:
        """The initial parameters."""
        return self.functions.init(key, data)

    def init_state(self, key: Any = None, data: Dataset | None = None) -> Any:
        """The loss's state before the first step; () if it has none."""
        return self.functions.state(key, data)

    @public
    def objective(self, params: Any, data: Dataset | None = None, *, key: Any = None, state: Any = None) -> jax.Array:
        """The mean loss over the rows of `data` plus the penalty; a scalar.

        >>> import jgd, jax.numpy as jnp
        >>> problem = jgd.linear_regression()
        >>> data = jgd.Dataset([[0.0], [1.0]], [1.0, 3.0])
        >>> problem.objective(jgd.LinearParams(jnp.array([0.0]), jnp.array(0.0)), data).item()
        5.0
        """
        return self.objective_and_state(params, data, key=key, state=state)[0]

    def objective_and_state(self, params: Any, data: Dataset | None, *, key: Any, state: Any) -> tuple[jax.Array, Any]:
        """The objective and the loss's next state."""
        functions, data = self.functions, self.dataset(data) if isinstance(data, tuple) else data
        if functions.encode is not None and not isinstance(data, Dataset):
            raise TypeError(f"{self.name} needs data: give (X, y) or a jgd.Dataset, found {shown(data)}.")
        value, state = mean_loss(functions, params, data, key, state)
        return value if functions.penalty is None else value + functions.penalty(params), state

    @public
    def mean_loss(self, params: Any, data: Dataset | None = None, *, state: Any = None) -> jax.Array:
        """The objective without its penalty."""
        return mean_loss(self.functions, params, self.dataset(data) if isinstance(data, tuple) else data, None, state)[0]

    @public
    def predict(self, params: Any, X: Any, *, state: Any = None) -> jax.Array:
        """Predictions for the rows of X: values, or class numbers 0..k-1 (the result of a fit knows the labels).

        Raises:
          TypeError: if the problem was given no `predict`.
        """
        predict = self._required("predict")
        return predict(params, as_rows(X), state=state) if "state" in self.functions.asks else predict(params, as_rows(X))

    @public
    def probabilities(self, params: Any, X: Any) -> jax.Array:
        """Class probabilities for the rows of X, shape (n, classes)."""
        return self._required("probabilities")(params, as_rows(X))

    def _view(self) -> View:
        mean = OBJECTIVES.get(self.name)
        if mean is None:
            return view_of(self, "Problem")
        if getattr(self, "classes", 2) > 2:
            mean = "mean of -log(probability of the class)"
        penalty = " + l2/2 |weights|^2" if np.any(on_host(self.l2) != 0) else ""
        return view_of(self, "Problem", [Note(f"minimises {mean}{penalty}")])

    def _required(self, name: str) -> Callable:
        function = getattr(self.functions, name)
        if function is None:
            advice = "give Problem(..., predict=f) with f(params, X)" if name == "predict" else "use jgd.logistic_regression"
            raise TypeError(f"{self.name} has no {name}: {advice}.")
        return function


def encode(problem: Problem, data: Dataset, trained_on: Dataset | None, number: Callable | None) -> Dataset:
    """The data with its targets as the loss takes them (by `number`, the problem's), its classes those of `trained_on`."""
    if number is None:
        if data.y is not None and data.y.dtype.kind in "US":
            raise TypeError(
                "y is text, and this problem does not know classes: give numbers, such as np.unique(y, return_inverse=True)[1]."
            )
        exact = data.y is None or data.y.dtype == jax.dtypes.canonicalize_dtype(data.y.dtype)
        return data if exact else data._with(y=encode_numbers(data.y, None)[0])
    if data.X.ndim != 2:
        raise ValueError(
            f"{problem.name} needs X of 2 dimensions (rows, columns), found shape {data.X.shape}; "
            "flatten each row to one dimension."
        )
    if data.y is None:
        raise ValueError(f"{problem.name} needs targets: give (X, y).")
    known = trained_on.classes if trained_on is not None else data.classes
    is_encoded = data.classes is not None and (trained_on is None or data.classes == trained_on.classes)
    y, classes = (data.y, data.classes) if is_encoded else number(data.y, known)
    return data if y is data.y and classes is data.classes else data._with(y=y, classes=classes)


def as_rows(X: Any) -> jax.Array | ByFeature:
    """X as a floating JAX array, however it is stored."""
    if isinstance(X, ByFeature):
        return X
    X = jnp.asarray(X)
    return X if jnp.issubdtype(X.dtype, jnp.floating) else X.astype(jnp.result_type(float))


_problem = factory(of_loss, Problem, name="Problem", arrays=("init", "state"))
_problem.factory.make = Problem
