"""Losses of one prediction and one target, with derivatives that are right at any margin.

Each maps arrays of predictions and targets to an array with one value per row; the mean over rows is the problem's business.
Numbers after the target are hyperparameters, and may be traced. `get("huber")` finds a loss by its name.

Where optax has a loss of the same name it means the same, reduced to rows and guarded at its edges. Labels are 0 and 1, or class
numbers from 0, never -1 and 1; a label that is none has no loss: NaN, in value and derivative.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax

from jgd import _checks
from jgd._errors import public
from jgd._names import unknown_names
from jgd.losses._binary import (
    binary_cross_entropy,
    hinge,
    logistic,
    perceptron,
    sigmoid_binary_cross_entropy,
    sigmoid_focal_loss,
    sparsemax_loss,
    squared_hinge,
)
from jgd.losses._classes import (
    multiclass_hinge_loss,
    multiclass_perceptron_loss,
    multiclass_sparsemax_loss,
    poly_loss_cross_entropy,
    softmax,
    softmax_cross_entropy,
)
from jgd.losses._distributions import (
    binary_dice_loss,
    dice_loss,
    generalized_kl_divergence,
    kl_divergence,
    kl_divergence_with_log_targets,
)
from jgd.losses._regression import (
    absolute_error,
    cosine_distance,
    huber,
    l2_loss,
    log_cosh,
    poisson,
    quantile,
    squared_error,
)

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "binary_dice_loss",
    "cosine_distance",
    "dice_loss",
    "generalized_kl_divergence",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kl_divergence_with_log_targets",
    "l2_loss",
    "log_cosh",
    "logistic",
    "multiclass_hinge_loss",
    "multiclass_perceptron_loss",
    "multiclass_sparsemax_loss",
    "perceptron",
    "poisson",
    "poly_loss_cross_entropy",
    "quantile",
    "sigmoid_binary_cross_entropy",
    "sigmoid_focal_loss",
    "softmax",
    "softmax_cross_entropy",
    "sparsemax_loss",
    "squared_error",
    "squared_hinge",
]

# What other libraries call them: for a message that says where to look, not more names for one thing.
ELSEWHERE = {
    "bce": "binary_cross_entropy",
    "bce_with_logits": "logistic",
    "binary_cross_entropy_with_logits": "logistic",
    "binary_crossentropy": "binary_cross_entropy",
    "categorical_crossentropy": "softmax_cross_entropy",
    "convex_kl_divergence": "generalized_kl_divergence",
    "cross_entropy": "softmax",
    "hinge_loss": "hinge",
    "huber_loss": "huber",
    "kl_div": "kl_divergence",
    "l1": "absolute_error",
    "l1_loss": "absolute_error",
    "log_loss": "logistic",
    "mae": "absolute_error",
    "mean_absolute_error": "absolute_error",
    "mean_squared_error": "squared_error",
    "mse": "squared_error",
    "mse_loss": "squared_error",
    "perceptron_loss": "perceptron",
    "pinball": "quantile",
    "poisson_nll_loss": "poisson",
    "ranking_softmax_loss": "softmax_cross_entropy",
    "safe_softmax_cross_entropy": "softmax_cross_entropy",
    "softmax_cross_entropy_with_integer_labels": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


@public
def get(name: str) -> Callable[..., jax.Array]:
    """The loss of this name: a function of (prediction, target) and its hyperparameters.

    Raises:
      TypeError: if it is no string.
      ValueError: if there is none; the message offers near ones, and knows what other libraries call them.

    >>> import jgd, jax.numpy as jnp
    >>> jgd.losses.get("huber")(jnp.array([3.0]), jnp.array([0.0]), delta=2.0).tolist()
    [4.0]
    >>> jgd.losses.get("mse")
    Traceback (most recent call last):
    ...
    ValueError: unknown loss 'mse'; it is called 'squared_error' here.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a loss is a string such as 'huber', found {name!r}.")
    known = [loss for loss in __all__ if loss != "get"]
    if name in known:
        return globals()[name]
    hint = f"it is called {ELSEWHERE[name]!r} here." if name in ELSEWHERE else _checks.nearest(name, known)
    raise ValueError(f"unknown loss {name!r}; {hint}")


if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.losses")
