"""Scores of predictions, by name: f(target, prediction, sample_weight) -> scalar."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax.numpy as jnp

from jgd._checks import nearest, shown
from jgd._errors import during


def _mean(values, weight):
    values = values if values.ndim == 1 else values.mean(axis=tuple(range(1, values.ndim)))
    return jnp.mean(values) if weight is None else jnp.sum(values * weight) / jnp.sum(weight)


def accuracy(target, prediction, sample_weight=None):
    """The share of rows predicted right."""
    if jnp.issubdtype(prediction.dtype, jnp.floating) or prediction.shape != target.shape:
        raise TypeError(
            f"accuracy compares predicted labels of shape {target.shape} with the targets, but this problem predicts "
            f"{prediction.dtype} of shape {prediction.shape}: give a predict that returns labels, such as `logits > 0` or "
            "`logits.argmax(-1)`, or a metric of your own."
        )
    return _mean((target == prediction).astype(jnp.result_type(float)), sample_weight)


def mse(target, prediction, sample_weight=None):
    """Mean squared error."""
    return _mean((target - prediction) ** 2, sample_weight)


def mae(target, prediction, sample_weight=None):
    """Mean absolute error."""
    return _mean(jnp.abs(target - prediction), sample_weight)


def r2(target, prediction, sample_weight=None):
    """The share of variance explained: 1 - sum (y - p)^2 / sum (y - mean y)^2."""
    weight = jnp.ones(len(target)) if sample_weight is None else sample_weight
    weight = jnp.broadcast_to(weight.reshape(-1, *(1,) * (target.ndim - 1)), target.shape)
    centre = jnp.average(target, axis=0, weights=weight, keepdims=True)
    return 1 - mse(target, prediction, sample_weight) / mse(target, centre, sample_weight)


accuracy.higher_is_better = r2.higher_is_better = True
mse.higher_is_better = mae.higher_is_better = False
NAMED = {"accuracy": accuracy, "mse": mse, "mae": mae, "r2": r2}


RESERVED = ("step", "epoch", "loss", "gap", "grad_norm", "learning_rate", "validation_loss")


def named_metrics(metrics: Sequence[str | Callable[..., Any]]) -> tuple[tuple[str, Callable[..., Any]], ...]:
    """Pairs of a name and a function.

    Raises:
      ValueError, TypeError: for an unknown name, or something that is neither a name nor a function.
    """
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    if not isinstance(metrics, Iterable):
        raise TypeError(f"a metric is a name or a function f(target, prediction, sample_weight), found {shown(metrics)}.")
    pairs: dict[str, Callable[..., Any]] = {}
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in NAMED:
                raise ValueError(f"unknown metric {metric!r}: {_hint(metric)}")
            name, function = metric, NAMED[metric]
        elif callable(metric):
            name, function = getattr(metric, "__name__", type(metric).__name__), metric
        else:
            raise TypeError(f"a metric is a name or a function f(target, prediction, sample_weight), found {shown(metric)}.")
        if name in pairs or name in RESERVED:
            raise ValueError(f"two recorded quantities would be called {name!r}: give the function another __name__.")
        pairs[name] = function
    return tuple(pairs.items())


ELSEWHERE = {
    "acc": "accuracy", "accuracy_score": "accuracy", "mean_absolute_error": "mae", "mean_squared_error": "mse", "r2_score": "r2",
    "neg_mean_squared_error": "mse", "neg_mean_absolute_error": "mae", "l2": "mse", "l1": "mae",
}  # fmt: skip


def _hint(metric: str) -> str:
    return nearest(ELSEWHERE.get(metric, metric), NAMED)


def call_metric(function: Callable[..., Any], target, prediction, weight):
    """The score; a metric that takes no weights is refused where there are some."""
    name = getattr(function, "__name__", type(function).__name__)
    weights = {"sample_weight": weight} if takes_weights(function) else {}
    if weight is not None and not weights:
        raise TypeError(
            f"the rows have weights, which the metric {name} does not take: write it as f(target, prediction, sample_weight)."
        )
    what = f"the metric, called as {name}(target, prediction{', sample_weight=...' if weights else ''})"
    with during(what, target=target, prediction=prediction):
        return function(target, prediction, **weights)


def takes_weights(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)
