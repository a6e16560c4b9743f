"""Losses of a row of scores and a class, or of a row of scores and probabilities of the classes."""

import jax
import jax.numpy as jnp
import optax

from jgd.losses._rows import check_classes, check_same, onehot, rows
from jgd.losses._stable import top_and_rest


def softmax(logits: jax.Array, label: jax.Array) -> jax.Array:
    """Softmax cross-entropy of logits z and a class y: l = log(sum_j e^z_j) - z_y.

    Args:
      logits: shape (n, classes).
      label: shape (n,), whole numbers in 0..classes-1; any other has no loss (NaN).

    Returns:
      Shape (n,). The derivative in z is softmax(z) - onehot(y).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.softmax(jnp.array([[0.0, 0.0], [1e4, -1e4]]), jnp.array([0, 1])).tolist()
    [0.6931471824645996, 20000.0]
    """
    check_classes("softmax", logits, label)
    top, rest = top_and_rest(logits)
    ones = onehot(label, logits.shape[-1], logits.dtype)
    return rows((top[..., 0] - jnp.sum(logits * ones, axis=-1)) + rest)


def softmax_cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Softmax cross-entropy of logits z and probabilities t of the classes: l = sum_j t_j (log(sum_k e^z_k) - z_j).

    For a target of one 1 and zeros it is `softmax`. A class of probability 0 counts nothing, even at a logit of -inf.

    Args:
      logits: shape (n, classes).
      target: the same shape; at least 0, summing to one along the classes.

    Returns:
      Shape (n,). The derivative in z is softmax(z) - t.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.softmax_cross_entropy(jnp.array([[0.0, 1e4]]), jnp.array([[0.25, 0.75]])).tolist()
    [2500.0]

    Source: `optax.safe_softmax_cross_entropy`, whose small values it makes accurate.
    """
    check_same("softmax_cross_entropy", logits, target)
    top, rest = top_and_rest(logits)
    target = jnp.asarray(target, logits.dtype)
    below = jnp.where((target == 0) & jnp.isneginf(logits), 0, top - logits)
    return rows(jnp.sum(target * below, axis=-1) + jnp.sum(target, axis=-1) * rest)


def poly_loss_cross_entropy(logits: jax.Array, target: jax.Array, epsilon: float = 2.0) -> jax.Array:
    """Softmax cross-entropy and a first polynomial term: l = CE(z, t) + epsilon sum_j t_j (1 - softmax(z)_j).

    Args:
      logits: shape (n, classes).
      target: the same shape; at least 0, summing to one along the classes.
      epsilon: the weight of the term, at least -1; may be traced.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.poly_loss_cross_entropy(jnp.array([[0.0, 0.0]]), jnp.array([[1.0, 0.0]])).tolist()
    [1.6931471824645996]

    Source: Leng et al., PolyLoss (2022); `optax.losses.poly_loss_cross_entropy`.
    """
    check_same("poly_loss_cross_entropy", logits, target)
    return rows(optax.losses.poly_loss_cross_entropy(logits, jnp.asarray(target, logits.dtype), epsilon=epsilon))


def multiclass_hinge_loss(scores: jax.Array, label: jax.Array) -> jax.Array:
    """Hinge loss of several classes: l = max_j (s_j - s_y + [j != y]), for scores s and a class y.

    The derivative is onehot(j) - onehot(y) at the largest; where several are, the subgradient is the mean of theirs.

    Args:
      scores: shape (n, classes).
      label: shape (n,), whole numbers in 0..classes-1; any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.multiclass_hinge_loss(jnp.array([[3.0, 1.0], [0.0, 2.0]]), jnp.array([0, 0])).tolist()
    [0.0, 3.0]

    Source: Crammer and Singer (2001); `optax.losses.multiclass_hinge_loss`. (PyTorch's `MultiMarginLoss` is another loss: a mean
    over the other classes, where this is the largest.)
    """
    check_classes("multiclass_hinge_loss", scores, label)
    ones = onehot(label, scores.shape[-1], scores.dtype)
    return rows(jnp.max(_lead(scores, ones) + (1 - ones), axis=-1))


def multiclass_perceptron_loss(scores: jax.Array, label: jax.Array) -> jax.Array:
    """Perceptron loss of several classes: l = max_j s_j - s_y, for scores s and a class y.

    The derivative is onehot(j) - onehot(y) at the largest; where several are, the subgradient is the mean of theirs.

    Args:
      scores: shape (n, classes).
      label: shape (n,), whole numbers in 0..classes-1; any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.multiclass_perceptron_loss(jnp.array([[3.0, 1.0], [0.0, 2.0]]), jnp.array([0, 0])).tolist()
    [0.0, 2.0]

    Source: Collins, Discriminative training methods for hidden Markov models (2002);
    `optax.losses.multiclass_perceptron_loss`.
    """
    check_classes("multiclass_perceptron_loss", scores, label)
    return rows(jnp.max(_lead(scores, onehot(label, scores.shape[-1], scores.dtype)), axis=-1))


def _lead(scores, ones):
    """How far each class is ahead of the label's: the differences first, so that no digits are lost at large scores."""
    return scores - jnp.sum(scores * ones, axis=-1, keepdims=True)


def multiclass_sparsemax_loss(scores: jax.Array, label: jax.Array) -> jax.Array:
    """Sparsemax loss of several classes: exactly 0 where the label's score s_y leads by 1, and smooth.

    With p, the point of the simplex (p >= 0, sum p = 1) nearest to s: l = p.(s - s_y) + (1 - p.p) / 2, with derivative
    p - onehot(y).

    Args:
      scores: shape (n, classes).
      label: shape (n,), whole numbers in 0..classes-1; any other has no loss (NaN).

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.multiclass_sparsemax_loss(jnp.array([[3.0, 1.0], [0.0, 2.0]]), jnp.array([0, 0])).tolist()
    [0.0, 2.0]

    Source: Martins and Astudillo, From softmax to sparsemax (2016); `optax.losses.multiclass_sparsemax_loss`.
    """
    check_classes("multiclass_sparsemax_loss", scores, label)
    # The loss does not change with a shift of all scores, and the projection keeps its digits when the largest is 0.
    shifted = scores - jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    shifted = shifted + 0 * onehot(label, scores.shape[-1], scores.dtype)
    # optax's projection has no derivative in bfloat16, and its labels are whole numbers.
    wide = shifted.reshape(-1, scores.shape[-1]).astype(jnp.promote_types(scores.dtype, jnp.float32))
    values = optax.losses.multiclass_sparsemax_loss(wide, jnp.nan_to_num(label).reshape(-1).astype(jnp.int32))
    return rows(values.reshape(scores.shape[:-1]).astype(scores.dtype))
