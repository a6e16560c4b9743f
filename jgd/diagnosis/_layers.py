"""The gradient of any problem, array by array, where a run started and where it ended."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data import Dataset
from jgd.diagnosis import _thresholds as limits
from jgd.models import Problem
from jgd.models._functions import pinned
from jgd.training._record import named_leaves


class Layers:
    """Root mean squares of each array of the parameters, and of the loss's gradient with respect to it.

    The start is the problem's own, drawn with a key of its own: a result does not know the run's.

    Attributes:
      weights, grads: at the start, by name.
      end_grads: at the end.
      matrices: the arrays of two and more dimensions, in the order of their names.
      sizes: how many numbers each array has.
    """

    def __init__(self, problem: Problem, data: Dataset | None, end: Any, model_state: Any):
        data, end = thinned(data), jax.tree.map(jnp.asarray, end)
        start = jax.tree.map(lambda w, like: jnp.asarray(w, like.dtype), problem.init(jax.random.key(0), data), end)

        def objective(params):
            return problem.objective(pinned(problem, params)(params), data, state=model_state)

        gradient = jax.jit(jax.grad(objective))
        self.weights, self.grads, self.end_grads = _sizes(start), _sizes(gradient(start)), _sizes(gradient(end))
        arrays = dict(named_leaves(end))
        self.matrices = sorted((name for name, leaf in arrays.items() if leaf.ndim >= 2), key=_counting)
        self.sizes = {name: leaf.size for name, leaf in arrays.items()}


def thinned(data: Dataset | None) -> Dataset | None:
    """Evenly spaced rows, where there are many."""
    if data is None or len(data) <= limits.GRADIENT_ROWS:
        return data
    return data.take(np.linspace(0, len(data) - 1, limits.GRADIENT_ROWS).astype(np.int32))


def _sizes(tree: Any) -> dict[str, float]:
    rms = lambda leaf: float(np.sqrt(np.mean(np.square(np.asarray(leaf).astype(np.float64)))))
    return {name: rms(leaf) for name, leaf in named_leaves(tree)}


def _counting(name: str) -> list[Any]:
    """Names in the order a person counts: layer 2 before layer 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
