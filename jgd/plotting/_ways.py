"""The ways of runs through a space of one or two parameters, and the values of the loss there."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from jgd.data import Dataset
from jgd.experiments._resampled import named_parameters
from jgd.models import LinearParams, Problem
from jgd.training import Result
from jgd.training._record import named_leaves

# So many rows tell what the contours of a loss look like.
ROWS = 5000
# A way is drawn as far as the loss is at most so many times as far above the lowest as at the start.
HIGHEST = 3.0


class Way(NamedTuple):
    """Where a run was: epochs (points,), which are steps without batches; parameters (points, count); the loss (points,)."""

    epoch: np.ndarray
    at: np.ndarray
    loss: np.ndarray

    def until(self, epoch: float) -> int:
        """How many points there are up to then."""
        return int(np.searchsorted(self.epoch, epoch * (1 + 1e-9), "right"))

    @property
    def near(self) -> np.ndarray:
        """Which of them are not much higher than the start."""
        bottom = np.nanmin(self.loss)
        near = self.loss - bottom <= HIGHEST * max(self.loss[0] - bottom, 0.0)
        return near | (np.arange(len(near)) == 0)


class Landscape:
    """A loss as a function of the flat parameters.

    Attributes:
      names: what the parameters are called.
      of: (points, count) -> (points,).
    """

    def __init__(self, function: Callable[[Any], Any], params: Any, data: Dataset | None):
        _, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.asarray, params))
        self.names = _names(params, data)
        self._values = jax.jit(lambda points: jax.lax.map(lambda point: function(unravel(point)), points, batch_size=64))

    def of(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(self._values(jnp.asarray(points)), float)

    def way(self, result: Result, points: int) -> Way:
        found = result.trajectory(points)
        leaves = [np.asarray(leaf).reshape(len(found.step), -1) for leaf in jax.tree.leaves(found.params)]
        at = np.concatenate(leaves, axis=1)
        return Way((found.step - found.step[0]) / (result.steps_per_epoch or 1), at, self.of(at))


def check_count_of(results: dict[str, Result], count: int, where: str, instead: str) -> Any:
    """The parameters of the first of them.

    Raises:
      ValueError: if some have another number of parameters than `count`.
    """
    for name, result in results.items():
        found = sum(np.size(leaf) for leaf in jax.tree.leaves(result.params))
        if found != count:
            words = "one parameter" if count == 1 else f"{count} parameters"
            raise ValueError(f"{where} draws runs of {words}, found {found} of {name}: {instead}.")
    return next(iter(results.values())).params


def objective(problem: Problem, data: Any) -> tuple[Callable[[Any], Any], Dataset | None]:
    """The objective as a function of the parameters, on fewer rows where these are as good."""
    if data is None:
        return problem.objective, None
    data = problem.dataset(data)
    known = data
    if problem.functions.condense is not None and len(data) > ROWS:
        data = problem.functions.condense(data)
    elif len(data) > ROWS:
        data = data.take(jnp.asarray(np.sort(np.random.default_rng(0).choice(len(data), ROWS, replace=False))))
    return lambda params: problem.objective(params, data), known


def extent(ways: list[Way], axis: int) -> tuple[float, float]:
    """The range of one parameter that shows where the runs were, with the lowest point away from the edges."""
    lowest = min(ways, key=lambda way: np.nanmin(way.loss))
    values = np.concatenate([way.at[way.near, axis] for way in ways]).astype(float)
    low, high = values.min(), values.max()
    end, length = float(lowest.at[int(np.nanargmin(lowest.loss)), axis]), high - low or 1.0
    return min(low - 0.1 * length, end - 0.4 * length), max(high + 0.1 * length, end + 0.4 * length)


def longest(ways: list[Way], frames: int) -> np.ndarray:
    """When a picture that moves is drawn: so many times at most, the last included."""
    epochs = max((way.epoch for way in ways), key=lambda epoch: (epoch[-1], len(epoch)))
    return epochs[np.unique(np.linspace(0, len(epochs) - 1, min(frames, len(epochs))).round().astype(int))]


def _names(params: Any, data: Dataset | None) -> list[str]:
    if isinstance(params, LinearParams) and data is not None:
        return [name for name, _, _ in named_parameters(params, data)]
    named = [(f"params[{name}]" if name.isdigit() else name, np.shape(leaf)) for name, leaf in named_leaves(params)]
    index = lambda place: f"[{', '.join(map(str, place))}]" if place else ""
    return [name + index(place) for name, shape in named for place in np.ndindex(*shape)]
