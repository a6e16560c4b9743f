"""Losses of a predicted distribution, or of a predicted region, and the true one."""

import jax
import jax.numpy as jnp
import optax

from jgd.losses._rows import check_between, check_same, rows


def kl_divergence(log_prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Kullback-Leibler divergence of a predicted distribution from the target: l = sum_j t_j (log t_j - log p_j).

    An outcome of target 0 counts nothing, even where log p_j = -inf. The derivative in log p is -t.

    Args:
      log_prediction: log p, shape (n, outcomes).
      target: t, the same shape; at least 0, summing to one along the outcomes.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.kl_divergence(jnp.log(jnp.array([[0.5, 0.5]])), jnp.array([[1.0, 0.0]])).tolist()
    [0.6931471824645996]

    Source: Kullback and Leibler (1951); `optax.kl_divergence`.
    """
    check_same("kl_divergence", log_prediction, target)
    return rows(_kl(log_prediction, jnp.asarray(target, log_prediction.dtype)))


def _kl(log_prediction, target):
    return optax.kl_divergence(jnp.where(target == 0, 0, log_prediction), target)


def kl_divergence_with_log_targets(log_prediction: jax.Array, log_target: jax.Array) -> jax.Array:
    """Kullback-Leibler divergence, the target too as a logarithm: l = sum_j e^u_j (u_j - log p_j), with u = log t.

    An outcome of u_j = -inf counts nothing.

    Args:
      log_prediction: log p, shape (n, outcomes).
      log_target: u, the same shape.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> p, t = jnp.array([[0.5, 0.5]]), jnp.array([[1.0, 0.0]])
    >>> jgd.losses.kl_divergence_with_log_targets(jnp.log(p), jnp.log(t)).tolist()
    [0.6931471824645996]

    Source: `optax.losses.kl_divergence_with_log_targets`.
    """
    check_same("kl_divergence_with_log_targets", log_prediction, log_target)
    log_target = jnp.asarray(log_target, log_prediction.dtype)
    keep = lambda values: jnp.where(jnp.isneginf(log_target), 0, values)
    return rows(optax.losses.kl_divergence_with_log_targets(keep(log_prediction), keep(log_target)))


def generalized_kl_divergence(log_prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Kullback-Leibler divergence of measures, which need not sum to one: l = sum_j t_j (log t_j - log p_j) + p_j - t_j.

    An outcome of target 0 counts p_j. The derivative in log p is p - t.

    Args:
      log_prediction: log p, shape (n, outcomes).
      target: t, the same shape, at least 0.

    Returns:
      Shape (n,).

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.generalized_kl_divergence(jnp.log(jnp.array([[2.0, 1.0]])), jnp.array([[0.0, 1.0]])).tolist()
    [2.0]

    Source: Bregman (1967); `optax.losses.generalized_kl_divergence`.
    """
    check_same("generalized_kl_divergence", log_prediction, target)
    target = jnp.asarray(target, log_prediction.dtype)
    return rows(_kl(log_prediction, target) + jnp.sum(jnp.exp(log_prediction) - target, axis=-1))


def dice_loss(logits: jax.Array, target: jax.Array, smooth: float = 1.0, alpha: float = 0.5, beta: float = 0.5) -> jax.Array:
    """Dice (Tversky) loss of a segmentation: one minus the overlap of the predicted and the true region, a mean over classes.

    With p = softmax(z) and sums over positions: I = sum p t, P = sum p, T = sum t, and for each class
    1 - (I + smooth) / (I + alpha (P - I) + beta (T - I) + smooth). At alpha = beta = 1/2 it is Dice's.

    Args:
      logits: z, shape (n, positions..., classes).
      target: t, the same shape: a one at the class of each position.
      smooth: at least 0; keeps a class without positions finite.
      alpha: weight of what is predicted and not there, at least 0.
      beta: weight of what is there and not predicted, at least 0.

    Returns:
      Shape (n,), between 0 and 1.

    Raises:
      ValueError: if the shapes differ, or a number is negative.

    >>> import jgd, jax.numpy as jnp
    >>> target = jnp.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> jgd.losses.dice_loss(1e4 * target, target).tolist()
    [0.0]

    Source: Milletari et al., V-Net (2016); Salehi et al., Tversky loss (2017); `optax.losses.dice_loss`.
    """
    check_same("dice_loss", logits, target)
    for argument, value in {"smooth": smooth, "alpha": alpha, "beta": beta}.items():
        check_between("dice_loss", argument, value, 0.0, jnp.inf)
    target = jnp.asarray(target, logits.dtype)
    return optax.losses.dice_loss(logits, target, smooth=smooth, alpha=alpha, beta=beta)


def binary_dice_loss(logits: jax.Array, target: jax.Array, smooth: float = 1.0) -> jax.Array:
    """Dice loss of one region: l = 1 - (I + smooth) / ((P + T) / 2 + smooth), with p = 1 / (1 + e^-z).

    Sums over positions: I = sum p t, P = sum p, T = sum t.

    Args:
      logits: z, shape (n, positions...).
      target: t, the same shape, 1 inside the region and 0 outside.
      smooth: at least 0; keeps an empty region finite.

    Returns:
      Shape (n,), between 0 and 1.

    Raises:
      ValueError: if the shapes differ, or smooth is negative.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.binary_dice_loss(jnp.array([[1e4, -1e4], [1e4, -1e4]]), jnp.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [0.0, 0.5]

    Source: `optax.losses.binary_dice_loss`.
    """
    check_same("binary_dice_loss", logits, target)
    check_between("binary_dice_loss", "smooth", smooth, 0.0, jnp.inf)
    return dice_loss(logits[..., None], jnp.asarray(target)[..., None], smooth)
