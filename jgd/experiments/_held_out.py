"""How models do on rows that they were not trained on: all folds and settings in one program."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data import Dataset
from jgd.models import Problem
from jgd.models._functions import loss_values
from jgd.training._metrics import call_metric, takes_weights

Metrics = tuple[tuple[str, Callable[..., Any]], ...]
# Numbers of predictions, or of rows, that are held at once.
HELD = 2**24


def held_out_scores(
    problem: Problem, data: Dataset, tests: Sequence[np.ndarray], params: Any, metrics: Metrics
) -> dict[str, np.ndarray]:
    """The mean loss without penalty, as `test_loss`, and metrics, over each fold's test rows; arrays (folds, settings).

    Args:
      problem: whose loss and predictions are meant; its penalty does not matter.
      data: all rows, encoded.
      tests: the test rows of each fold.
      params: parameters (folds, settings, ...).
      metrics: their names and functions.
    """
    settings = len(jax.tree.leaves(params)[0][0])
    outputs = int(np.prod(jax.tree.leaves(params)[0].shape[3:]))
    made: dict[str, np.ndarray] = {}
    for some in _batches(tests, max(data.X.shape[1], settings * outputs), all(takes_weights(f) for _, f in metrics)):
        found = _scores(problem, data, *_padded([tests[i] for i in some]), _of(params, some), metrics)
        for name, values in found.items():
            made.setdefault(name, np.empty((len(tests), settings), values.dtype))[some] = values
    return made


def one_row_scores(
    problem: Problem, data: Dataset, rows: np.ndarray, predictions: np.ndarray, metrics: Metrics
) -> dict[str, np.ndarray]:
    """The same where each fold tests one row, from its predictions in float64, (rows, settings, *outputs)."""
    y = np.asarray(data.y)[rows]
    with jax.enable_x64(True):
        made = {"test_loss": np.asarray(_row_losses(problem.functions.scores.loss, predictions, y))}
    if metrics:
        weight = None if data.sample_weight is None else jnp.asarray(data.sample_weight)[rows]
        found = _row_metrics(jnp.asarray(y), jnp.asarray(predictions, data.X.dtype), weight, metrics)
        made |= {name: np.asarray(values) for name, values in found.items()}
    return made


@functools.partial(jax.jit, static_argnums=0)
def _row_losses(loss: Callable[..., jax.Array], predictions: jax.Array, y: jax.Array) -> jax.Array:
    settings = predictions.shape[1]
    whole = jnp.broadcast_to(y.astype(predictions.dtype)[:, None], predictions.shape)
    flat = lambda a: a.reshape(-1, *a.shape[2:])
    return loss(flat(predictions), flat(whole)).reshape(-1, settings)


@functools.partial(jax.jit, static_argnames="metrics")
def _row_metrics(y: jax.Array, predictions: jax.Array, weight: jax.Array | None, metrics: Metrics) -> dict[str, jax.Array]:
    def of_row(y, predictions, weight):
        of = lambda f, p: call_metric(f, y[None], p[None], None if weight is None else weight[None])
        return jax.vmap(lambda p: {name: of(f, p) for name, f in metrics})(predictions)

    return jax.vmap(of_row, (0, 0, None if weight is None else 0))(y, predictions, weight)


def held_out_predictions(problem: Problem, data: Dataset, tests: Sequence[np.ndarray], params: Any, kind: str) -> np.ndarray:
    """Predictions (or "probabilities") for each row of the data by the model of the fold that tests it.

    Args:
      params: parameters (folds, ...), of one setting.
    """
    made = None
    for some in _batches(tests, data.X.shape[1], True):
        rows, _ = _padded([tests[i] for i in some])
        found = np.asarray(_predictions(problem, data.X, rows, _of(params, some), kind))
        for fold, values in zip(some, found, strict=True):
            made = np.empty((len(data), *values.shape[1:]), values.dtype) if made is None else made
            made[tests[fold]] = values[: len(tests[fold])]
    return made


def _of(params: Any, folds: np.ndarray) -> Any:
    return jax.tree.map(lambda leaf: leaf[folds], params)


def _batches(tests: Sequence[np.ndarray], each: int, pad: bool) -> list[np.ndarray]:
    """Folds that are looked at together: as many as may be held, and if nothing is to be padded of one size."""
    sizes = np.array([len(test) for test in tests])
    groups = [np.arange(len(sizes))] if pad else [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
    made = []
    for group in groups:
        count = max(1, HELD // (int(sizes[group].max()) * each))
        made += [group[start : start + count] for start in range(0, len(group), count)]
    return made


def _padded(tests: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows (folds, most rows), and which of them are none; None where all are some."""
    sizes = np.array([len(test) for test in tests])
    rows = np.zeros((len(tests), sizes.max()), np.int32)
    for row, test in zip(rows, tests, strict=True):
        row[: len(test)] = test
    real = np.arange(sizes.max()) < sizes[:, None]
    return rows, None if real.all() else real


@functools.partial(jax.jit, static_argnames="metrics")
def _scores(
    problem: Problem, data: Dataset, rows: jax.Array, real: jax.Array | None, params: Any, metrics: Metrics
) -> dict[str, jax.Array]:
    functions = problem.functions

    def of_setting(params, batch):
        values, _ = loss_values(functions, params, batch, None, None)
        weight = batch.sample_weight
        loss = jnp.mean(values) if weight is None else jnp.sum(values * weight.astype(values.dtype)) / jnp.sum(weight)
        prediction = functions.predict(params, batch.X) if metrics else None
        return {"test_loss": loss} | {name: call_metric(f, batch.y, prediction, weight) for name, f in metrics}

    def of_fold(rows, real, params):
        return jax.vmap(of_setting, (0, None))(params, data.take(rows, real))

    return jax.vmap(of_fold, (0, None if real is None else 0, 0))(rows, real, params)


@functools.partial(jax.jit, static_argnames="kind")
def _predictions(problem: Problem, X: jax.Array, rows: jax.Array, params: Any, kind: str) -> jax.Array:
    of = getattr(problem.functions, kind)
    return jax.vmap(lambda rows, params: of(params, jnp.take(X, rows, axis=0)))(rows, params)
