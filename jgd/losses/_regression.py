"""Losses of a number and a target, summed over outputs if there are several."""

import jax
import jax.numpy as jnp
import optax

from jgd.losses._rows import check_between, check_same, rows
from jgd.losses._stable import log_cosh as _log_cosh


def squared_error(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Squared error, without a half: l = (prediction - target)^2, summed over outputs if there are several.

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.

    Returns:
      Shape (n,).

    Raises:
      ValueError: if the shapes differ.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.squared_error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).tolist()
    [1.0, 4.0]

    Source: Legendre, Nouvelles methodes pour la determination des orbites des cometes (1805).
    """
    check_same("squared_error", prediction, target)
    return rows((prediction - target) ** 2)


def l2_loss(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Squared error with a half: l = (prediction - target)^2 / 2, whose derivative is the error itself.

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.l2_loss(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).tolist()
    [0.5, 2.0]

    Source: `optax.l2_loss`.
    """
    check_same("l2_loss", prediction, target)
    return rows(optax.l2_loss(prediction - target))


def absolute_error(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Absolute error: l = |prediction - target|. Its minimum over a constant prediction is the median.

    The derivative is the sign of the error; at an error of 0, the subgradient 0.

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.absolute_error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).tolist()
    [1.0, 2.0]

    Source: Laplace (1774); `torch.nn.L1Loss`.
    """
    check_same("absolute_error", prediction, target)
    error = prediction - target
    return rows(error * jnp.sign(error))  # the derivative of jnp.abs at 0 is 1


def huber(prediction: jax.Array, target: jax.Array, delta: float = 1.0) -> jax.Array:
    """Huber loss: squared near the target, absolute far from it, so that outliers pull with a bounded force.

    With the error e: l = e^2 / 2 where |e| <= delta, delta (|e| - delta / 2) elsewhere. The derivative is e clipped to
    [-delta, delta].

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.
      delta: where the loss turns straight, at least 0; may be traced.

    Returns:
      Shape (n,).

    Raises:
      ValueError: if the shapes differ, or delta is negative.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.huber(jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0])).tolist()
    [0.125, 2.5]

    Source: Huber, Robust estimation of a location parameter (1964); `optax.huber_loss`, `torch.nn.HuberLoss`.
    """
    check_same("huber", prediction, target)
    check_between("huber", "delta", delta, 0.0, jnp.inf)
    error = prediction - target
    inner = jnp.clip(error, -delta, delta)
    return rows(inner * (error - inner / 2))


def log_cosh(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """The logarithm of the hyperbolic cosine of the error: l = log cosh e; like e^2 / 2 near 0, like |e| - log 2 far away.

    Accurate to rounding at every error: log(1 + 2 sinh^2(e / 2)) near 0, where log((exp e + exp(-e)) / 2) would cancel. The
    derivative is tanh e, and its own 1 / cosh^2 e.

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> [f"{l:.6g}" for l in jgd.losses.log_cosh(jnp.array([0.0, 1e-4, -1e4]), jnp.zeros(3))]
    ['0', '5e-09', '9999.31']

    Source: `optax.log_cosh`, whose formula it replaces.
    """
    check_same("log_cosh", prediction, target)
    return rows(_log_cosh(prediction - target))


def quantile(prediction: jax.Array, target: jax.Array, q: float = 0.5) -> jax.Array:
    """Quantile (pinball) loss: its minimum over a constant prediction is the q-quantile of the targets.

    With r = target - prediction: l = q r where r > 0, (q - 1) r elsewhere. The derivative in the prediction is -q below the
    target, 1 - q above it; at the target, the subgradient 0. At q = 1/2 it is half the absolute error.

    Args:
      prediction: shape (n,) or (n, outputs).
      target: the same shape.
      q: which quantile, in [0, 1]; may be traced.

    Returns:
      Shape (n,).

    Raises:
      ValueError: if the shapes differ, or q is outside [0, 1].

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.quantile(jnp.array([0.0, 0.0]), jnp.array([1.0, -1.0]), q=0.75).tolist()
    [0.75, 0.25]

    Source: Koenker and Bassett, Regression quantiles (1978).
    """
    check_same("quantile", prediction, target)
    check_between("quantile", "q", q, 0.0, 1.0)
    rest = target - prediction
    return rows(jnp.where(rest > 0, q, jnp.where(rest < 0, q - 1, 0)).astype(rest.dtype) * rest)


def poisson(log_rate: jax.Array, count: jax.Array) -> jax.Array:
    """Poisson loss with the log link: l = e^z - y z, of a prediction z = log of the rate and a count y.

    The negative log-likelihood without its term log y!, which no prediction changes. The derivative is e^z - y.

    Args:
      log_rate: shape (n,) or (n, outputs).
      count: the same shape, at least 0; a negative one has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.poisson(jnp.array([0.0, 0.0]), jnp.array([1, 3])).tolist()
    [1.0, 1.0]

    Source: Nelder and Wedderburn, Generalized linear models (1972); `torch.nn.PoissonNLLLoss`.
    """
    check_same("poisson", log_rate, count)
    return rows(jnp.exp(log_rate) - jnp.where(count >= 0, jnp.asarray(count, log_rate.dtype), jnp.nan) * log_rate)


def cosine_distance(prediction: jax.Array, target: jax.Array, epsilon: float = 1e-12) -> jax.Array:
    """One minus the cosine of the angle between two vectors: l = 1 - p.t / (|p| |t|), between 0 and 2.

    Args:
      prediction: shape (n, d).
      target: the same shape.
      epsilon: the least squared length that is divided by. It makes value and derivative finite at a vector of length 0,
        which has no direction (optax's own default, 0, gives NaN there).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.cosine_distance(jnp.array([[2.0, 0.0], [0.0, 3.0]]), jnp.array([[1.0, 0.0], [1.0, 0.0]])).tolist()
    [0.0, 1.0]

    Source: `optax.cosine_distance`.
    """
    check_same("cosine_distance", prediction, target)
    return rows(optax.cosine_distance(prediction, jnp.asarray(target, prediction.dtype), epsilon=epsilon))
