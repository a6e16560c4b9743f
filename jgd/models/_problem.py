"""A problem as data: its functions are static, its numbers (a penalty's strength, an initial point) are leaves."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd import losses
from jgd._boxes import view_of
from jgd._checks import shown
from jgd._display import Note, View, on_host
from jgd._errors import during, public
from jgd._expression import Expression
from jgd._factory import factory, is_function
from jgd._over import Over
from jgd.data import Dataset, encode_numbers
from jgd.data._by_feature import ByFeature
from jgd.data._dataset import as_dataset
from jgd.models._products import total
from jgd.models._signature import names, parameters, positional, requires, takes_data


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
            _check_functions(loss, predict, state)
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


def _check_functions(loss: Any, predict: Any, state: Any) -> None:
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


def pinned(problem: Problem, params: Any) -> Callable[[Any], Any]:
    """A function of parameters that gives the frozen ones the values they have in `params`."""
    frozen = problem.functions.frozen
    return (lambda p: p) if frozen is None else lambda p: where_frozen(frozen(params), params, p)


def _generic(loss, init, predict=None, *, state=None, frozen=None):
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


_problem = factory(_generic, Problem, name="Problem", arrays=("init", "state"))
_problem.factory.make = Problem
