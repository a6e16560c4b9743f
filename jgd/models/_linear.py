"""Linear and logistic regression."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from jgd import losses, penalties
from jgd._errors import Later, unknown_attribute
from jgd._factory import factory
from jgd.data import Dataset, encode_classes, encode_numbers
from jgd.data._by_feature import ByFeature
from jgd.models._condensed import condensed
from jgd.models._functions import ProblemFunctions, Scores
from jgd.models._problem import Problem
from jgd.models._products import product, spread


class LinearParams(NamedTuple):
    """Parameters of a linear model.

    Attributes:
      weights: shape (d,), or (d, k) for k outputs or classes.
      bias: shape () or (k,); None if no intercept is fitted.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.LinearParams(weights=jnp.zeros(3), bias=jnp.zeros(())).weights.shape
    (3,)
    """

    weights: Any
    bias: Any = None

    if not TYPE_CHECKING:  # to a type checker an unknown name stays an error

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(Later(lambda: unknown_attribute(self, name, self._fields)), name=name)


def _zeros(data: Dataset, shape: tuple[int, ...], fit_intercept: bool) -> LinearParams:
    weights = jnp.zeros((data.X.shape[1], *shape), data.X.dtype)
    return LinearParams(weights, jnp.zeros(shape, data.X.dtype) if fit_intercept else None)


def _predictor(params: LinearParams, X: jax.Array | ByFeature) -> jax.Array:
    z = product(X, params.weights)
    if params.bias is None:
        return z
    return z + spread(params.bias, len(z))


def _linear(l2=0.0, fit_intercept=True):
    return ProblemFunctions(
        init=lambda key, data: _zeros(data, data.y.shape[1:], fit_intercept),
        loss=lambda params, batch: losses.squared_error(_predictor(params, batch.X), batch.y),
        penalty=lambda params: penalties.ridge(params.weights, l2),
        predict=_predictor,
        encode=encode_numbers,
        condense=condensed,
        scores=Scores(_predictor, losses.squared_error, 2.0, quadratic=True),
    )


def _logistic(l2=0.0, classes=2, fit_intercept=True):
    shape, loss = ((), losses.logistic) if classes == 2 else ((classes,), losses.softmax)

    def probabilities(params, X):
        z = _predictor(params, X)
        z = jnp.stack([jnp.zeros_like(z), z], axis=-1) if classes == 2 else z
        return jax.nn.softmax(z, axis=-1)

    def predict(params, X):
        z = _predictor(params, X)
        return (z > 0).astype(jnp.int32) if classes == 2 else jnp.argmax(z, axis=-1).astype(jnp.int32)

    return ProblemFunctions(
        init=lambda key, data: _zeros(data, shape, fit_intercept),
        loss=lambda params, batch: loss(_predictor(params, batch.X), batch.y),
        penalty=lambda params: penalties.ridge(params.weights, l2),
        predict=predict,
        probabilities=probabilities,
        encode=lambda y, known: encode_classes(y, classes, known),
        scores=Scores(_predictor, loss, 1 / 4 if classes == 2 else 1 / 2),
    )


linear_regression = factory(
    _linear,
    Problem,
    name="linear_regression",
    doc="""Least squares, with an optional ridge penalty.

    minimise over W, b:  mean_i w_i |x_i W + b - y_i|^2 + (l2 / 2) |W|^2,  the weights w_i scaled to mean one.

    No half on the squared error; the intercept is never penalised; several outputs are summed, so that each is the fit it
    would be alone. (scikit-learn's `Ridge(alpha)` minimises a sum: alpha = n * l2 / 2.)

    Args:
      l2: strength of the ridge penalty, at least 0.
      fit_intercept: whether to fit b.

    Raises:
      ValueError: if `l2` is negative or not finite.

    >>> import jgd, numpy as np
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> result = jgd.fit(jgd.linear_regression(), (X, 2 * X[:, 0] + 1), jgd.gd(0.3), epochs=200)
    >>> result.params.weights.round(4).tolist(), result.params.bias.round(4).item()
    ([2.0], 1.0)
    """,
)

logistic_regression = factory(
    _logistic,
    Problem,
    name="logistic_regression",
    static=("classes",),
    doc="""Logistic regression: binary for two classes, softmax for more.

    minimise over w, b:  mean_i w_i log(1 + exp(-s_i (x_i w + b))) + (l2 / 2) |w|^2,  s_i = +1 or -1,
    or over W, b:        mean_i w_i (log sum_j exp(z_ij) - z_i,y_i) + (l2 / 2) |W|^2,  z = X W + b.

    The intercept is never penalised. (scikit-learn's `LogisticRegression(C)`: C = 1 / (n * l2).)

    Args:
      l2: strength of the ridge penalty, at least 0. Without it separable classes have no optimum.
      classes: how many classes there are. Labels may be 0/1, -1/+1, booleans, whole numbers or strings.
      fit_intercept: whether to fit b.

    Raises:
      ValueError: if `l2` is negative or not finite, or there are fewer than two classes.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> result = jgd.fit(jgd.logistic_regression(l2=1e-3), (X, y), jgd.adam(0.1), batch_size=32, epochs=20)
    >>> bool((result.predict(X) == y).mean() > 0.85)
    True
    """,
)
