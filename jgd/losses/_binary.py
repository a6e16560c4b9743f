"""Losses of a score or a probability and a label of 0 or 1."""

import jax
import jax.numpy as jnp
import optax

from jgd.losses._rows import check_between, check_same, rows, sign
from jgd.losses._stable import minus_log, minus_log_of_rest, softplus_of_minus


def logistic(logit: jax.Array, label: jax.Array) -> jax.Array:
    """Logistic loss of a logit z and a label y in {0, 1}: l = log(1 + e^z) - y z.

    With the margin m = (2y - 1) z it is log(1 + e^-m), with derivative -(2y - 1) / (1 + e^m) in z; both are computed from
    e^-|m|, once, so neither overflows nor cancels at any z.

    Args:
      logit: shape (n,), or (n, outputs) for several labels a row.
      label: the same shape, 0 or 1 (or False or True); any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax, jax.numpy as jnp
    >>> jgd.losses.logistic(jnp.array([0.0, 1e4, -1e4]), jnp.array([1, 1, 1])).tolist()
    [0.6931471824645996, 0.0, 10000.0]
    >>> jax.vmap(jax.grad(jgd.losses.logistic))(jnp.array([0.0, -1e4]), jnp.array([1, 1])).tolist()
    [-0.5, -1.0]
    """
    check_same("logistic", logit, label)
    return rows(softplus_of_minus(sign(label, logit.dtype) * logit))


def sigmoid_binary_cross_entropy(logit: jax.Array, target: jax.Array) -> jax.Array:
    """Logistic loss of a probability as the target: l = t log(1 + e^-z) + (1 - t) log(1 + e^z).

    For targets of 0 and 1 it is `logistic`. The derivative is 1 / (1 + e^-z) - t.

    Args:
      logit: shape (n,), or (n, outputs) for several targets a row.
      target: the same shape, between 0 and 1; any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.sigmoid_binary_cross_entropy(jnp.array([0.0, 1e4]), jnp.array([0.3, 0.75])).tolist()
    [0.6931471824645996, 2500.0]

    Source: `optax.sigmoid_binary_cross_entropy`, whose second derivative it makes accurate; `torch.nn.BCEWithLogitsLoss`.
    """
    check_same("sigmoid_binary_cross_entropy", logit, target)
    target = _probability(target, logit.dtype)
    return rows(target * softplus_of_minus(logit) + (1 - target) * softplus_of_minus(-logit))


def binary_cross_entropy(probability: jax.Array, target: jax.Array) -> jax.Array:
    """Cross-entropy of a predicted probability p: l = -t log p - (1 - t) log(1 - p).

    Finite at p = 0 and p = 1, as PyTorch's: a logarithm counts no more than 100, and the derivative,
    -t / p + (1 - t) / (1 - p), divides by no less than 1e-12. Where p comes from a sigmoid, `logistic` of what went into the
    sigmoid is exact and needs no such bounds.

    Args:
      probability: shape (n,) or (n, outputs), between 0 and 1; any other has no loss (NaN).
      target: the same shape: labels 0 and 1, or probabilities; anything outside [0, 1] has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax, jax.numpy as jnp
    >>> jgd.losses.binary_cross_entropy(jnp.array([0.5, 1.0, 0.0]), jnp.array([1, 1, 1])).tolist()
    [0.6931471824645996, 0.0, 100.0]

    Source: `torch.nn.BCELoss`.
    """
    check_same("binary_cross_entropy", probability, target)
    target = _probability(target, probability.dtype)
    return rows(target * minus_log(probability) + (1 - target) * minus_log_of_rest(probability))


def _probability(target, dtype):
    return jnp.where((target >= 0) & (target <= 1), jnp.asarray(target, dtype), jnp.nan)


def sigmoid_focal_loss(logit: jax.Array, target: jax.Array, alpha: float | None = None, gamma: float = 2.0) -> jax.Array:
    """Focal loss: the logistic loss, weighted down where the prediction is right already; l = (1 - p)^gamma (-log p).

    p is the probability that the logit gives to the label, 1 / (1 + e^-m) with the margin m = (2y - 1) z; at gamma = 0 it is
    `logistic`. For targets t between 0 and 1 both factors are means over the two labels.

    Args:
      logit: shape (n,), or (n, outputs) for several labels a row.
      target: the same shape, between 0 and 1; any other has no loss (NaN).
      alpha: weight of the label 1, with 1 - alpha for the label 0; in [0, 1], or None for no weights.
      gamma: at least 0; may be traced.

    Returns:
      Shape (n,).

    Raises:
      ValueError: if the shapes differ, or alpha or gamma is out of range.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.sigmoid_focal_loss(jnp.array([0.0, -1e4]), jnp.array([1, 1])).tolist()
    [0.1732867956161499, 10000.0]

    Source: Lin et al., Focal loss for dense object detection (2017); `optax.sigmoid_focal_loss`.
    """
    check_same("sigmoid_focal_loss", logit, target)
    check_between("sigmoid_focal_loss", "gamma", gamma, 0.0, jnp.inf)
    if alpha is not None:
        check_between("sigmoid_focal_loss", "alpha", alpha, 0.0, 1.0)
    return rows(optax.sigmoid_focal_loss(logit, _probability(target, logit.dtype), alpha=alpha, gamma=gamma))


def hinge(score: jax.Array, label: jax.Array) -> jax.Array:
    """Hinge loss of a support vector machine, of a score s and a label y in {0, 1}: l = max(0, 1 - m), m = (2y - 1) s.

    The derivative is -(2y - 1) where m < 1, and 0 elsewhere: at m = 1, the subgradient 0.

    Args:
      score: shape (n,) or (n, outputs).
      label: the same shape, 0 or 1 (as for `logistic`; not -1 or 1); any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.hinge(jnp.array([2.0, 0.5, -1.0]), jnp.array([1, 1, 1])).tolist()
    [0.0, 0.5, 2.0]

    Source: Cortes and Vapnik, Support-vector networks (1995); `optax.hinge_loss`, whose labels are -1 and 1.
    """
    check_same("hinge", score, label)
    return rows(_below_one(score, label))


def squared_hinge(score: jax.Array, label: jax.Array) -> jax.Array:
    """Squared hinge loss of a score s and a label y in {0, 1}: l = max(0, 1 - m)^2, m = (2y - 1) s.

    The derivative is -2 (2y - 1) max(0, 1 - m): continuous, also at m = 1.

    Args:
      score: shape (n,) or (n, outputs).
      label: the same shape, 0 or 1 (as for `logistic`; not -1 or 1); any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.squared_hinge(jnp.array([2.0, 0.5, -1.0]), jnp.array([1, 1, 1])).tolist()
    [0.0, 0.25, 4.0]

    Source: scikit-learn's `LinearSVC(loss="squared_hinge")`.
    """
    check_same("squared_hinge", score, label)
    return rows(_below_one(score, label) ** 2)


def _below_one(score, label):
    margin = sign(label, score.dtype) * score
    return jnp.where(margin >= 1, 0, 1 - margin)


def perceptron(score: jax.Array, label: jax.Array) -> jax.Array:
    """Perceptron loss of a score s and a label y in {0, 1}: l = max(0, -m), m = (2y - 1) s.

    The derivative is -(2y - 1) where m <= 0, and 0 elsewhere. At m = 0 it is that of a mistake, so that a model that starts at
    zero learns.

    Args:
      score: shape (n,) or (n, outputs).
      label: the same shape, 0 or 1 (as for `logistic`; not -1 or 1); any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.perceptron(jnp.array([2.0, -1.0]), jnp.array([1, 1])).tolist()
    [0.0, 1.0]

    Source: Rosenblatt, The perceptron (1958); `optax.perceptron_loss`, whose labels are -1 and 1.
    """
    check_same("perceptron", score, label)
    margin = sign(label, score.dtype) * score
    return rows(jnp.where(margin > 0, 0, -margin))


def sparsemax_loss(score: jax.Array, label: jax.Array) -> jax.Array:
    """Sparsemax loss of a score s and a label y in {0, 1}: exactly 0 from the margin m = (2y - 1) s = 1 on, and smooth.

    l = 0 where m >= 1, -m where m <= -1, (1 - m)^2 / 4 between.

    Args:
      score: shape (n,) or (n, outputs).
      label: the same shape, 0 or 1; any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.sparsemax_loss(jnp.array([2.0, 0.0, -3.0]), jnp.array([1, 1, 1])).tolist()
    [0.0, 0.25, 3.0]

    Source: Blondel et al., Learning with Fenchel-Young losses (2020); `optax.losses.sparsemax_loss`.
    """
    check_same("sparsemax_loss", score, label)
    return rows(optax.losses.sparsemax_loss(sign(label, score.dtype) * score, True))
