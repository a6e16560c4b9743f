"""The learning rate range test: one run in which the rate grows from far too small to far too large, by several keys at once."""

from typing import Any

import jax
import numpy as np

from jgd import schedules
from jgd._checks import as_key, check_count
from jgd._errors import public
from jgd._leaves import is_number
from jgd._over import Over, held_over
from jgd.data._dataset import as_dataset
from jgd.experiments._settings import replaced
from jgd.experiments._sweep import sweep
from jgd.models import Problem
from jgd.transformation import GradientTransformation, as_transformation


class LearningRates:
    """How the loss fared while the learning rate grew; made by `jgd.find_learning_rate`.

    Attributes:
      learning_rate: the rates tried, from low to high.
      loss: shape (keys, rates): each key's loss before its step with that rate; NaN once it had diverged.
      mean: the mean over keys, smoothed; NaN where a key has none.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(500)
    >>> found = jgd.find_learning_rate(jgd.linear_regression(), (X, y), jgd.sgd(0.1))
    >>> found.learning_rate.shape, found.loss.shape, bool(0.001 < found.suggestion < found.largest < 10)
    ((100,), (4, 100), True)
    """

    def __init__(self, learning_rate: np.ndarray, loss: np.ndarray):
        self.learning_rate, self.loss = learning_rate, loss
        self.mean = _smooth(loss.mean(axis=0))
        if np.isnan(self.mean).all():
            raise ValueError(f"the loss diverged at once, from the rate {learning_rate[0]:g} on: give a smaller low.")

    @property
    def suggestion(self) -> float:
        """The rate at which the loss fell fastest, by order of magnitude of the rate."""
        end = max(2, int(np.nanargmin(self.mean)) + 1)
        slope = np.gradient(self.mean[:end], np.log(self.learning_rate[:end]))
        return float(self.learning_rate[int(np.argmin(slope))])

    @property
    def largest(self) -> float:
        """The rate at which the loss was lowest; beyond it, it grew."""
        return float(self.learning_rate[int(np.nanargmin(self.mean))])

    def to_frame(self):
        """A pandas frame: a row for each rate, with the smoothed mean and each key's loss."""
        import pandas as pd

        keys = {f"loss_{i}": row for i, row in enumerate(self.loss)}
        return pd.DataFrame({"learning_rate": self.learning_rate, "mean": self.mean} | keys)

    def plot(self, ax: Any = None):
        """A picture; see `jgd.plotting.plot_learning_rates`."""
        from jgd import plotting

        return plotting.plot_learning_rates(self, ax)

    def __repr__(self) -> str:
        return f"LearningRates(suggestion {self.suggestion:.2g}, largest {self.largest:.2g}, by {len(self.loss)} keys)"


def _smooth(mean: np.ndarray) -> np.ndarray:
    """A moving average over a twentieth of the points on each side."""
    reach = max(1, len(mean) // 20)
    windows = (mean[max(0, i - reach) : i + reach + 1] for i in range(len(mean)))
    return np.array([np.mean(window) for window in windows])


@public
def find_learning_rate(
    problem: Problem, data: Any, tx: GradientTransformation, *, low: float = 1e-5, high: float = 10.0, steps: int = 100,
    batch_size: int | str | None = None, keys: int = 4, key: Any = 0, **options: Any,
) -> LearningRates:  # fmt: skip
    """Tries learning rates from low to high in one run, and says where the loss falls fastest.

    learning_rate(t) = low * (high / low)^(t / (steps - 1)),  t = 0 .. steps - 1.

    Several keys (orders of rows) run at once, so that the luck of one batch does not decide.

    Args:
      problem, data: as in `jgd.fit`.
      tx: the optimizer; its one `learning_rate` is replaced.
      low, high: the first and the last rate.
      steps: how many rates.
      batch_size: as in `jgd.fit`; by default 32, or all rows if they are fewer.
      keys: how many orders of rows.
      key: the seed of the first, or a JAX key that is split into them.
      **options: further ones of `jgd.sweep`, but those that say how long a run is and what is recorded.

    Returns:
      A `LearningRates`: `suggestion`, `largest`, `plot()`.

    Raises:
      TypeError, ValueError: for bad arguments, or an optimizer that has no learning rate or several.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(500, 5)
    >>> found = jgd.find_learning_rate(jgd.logistic_regression(), (X, y), jgd.chain(jgd.clip(1.0), jgd.adam(1e-3)))
    >>> bool(1e-3 < found.suggestion < 10)
    True

    Source: Smith, "Cyclical learning rates for training neural networks", arXiv:1506.01186, section 3.3.
    """
    given = dict(problem=problem, data=data, tx=tx, low=low, high=high, batch_size=batch_size, key=key, **options)
    for name, value in given.items():
        found = held_over(value)
        if found is not None:
            raise TypeError(f"find_learning_rate tries one setting, but {name} holds {found!r}: call it for each of its values.")
    for name in ("record", "epochs", "halving"):
        if name in options:
            raise TypeError(f"find_learning_rate records every step of a run of steps= steps, and takes no {name}=.")
    check_count("keys", keys)
    check_count("steps", steps, low=10)
    if not all(is_number(end) and np.ndim(end) == 0 for end in (low, high)):
        raise TypeError(f"find_learning_rate: low and high must be numbers, found {low!r} and {high!r}.")
    low, high = float(low), float(high)
    if not (0 < low < high and high / low < np.inf):
        raise ValueError(
            f"find_learning_rate: low and high must be positive and finite, the lower first, found {low!r} and {high!r}."
        )
    tx = as_transformation(tx)
    owners = [part for part in (tx, *tx._parts()) if "learning_rate" in part.arguments]
    if len(owners) != 1:
        found = "none" if not owners else " and ".join(repr(owner) for owner in owners)
        raise ValueError(f"find_learning_rate replaces the one learning_rate of an optimizer, found {found} in {tx!r}.")
    ramp = schedules.exponential_decay(low, steps - 1, high / low)
    ramped = owners[0].replace(learning_rate=ramp)
    tx = replaced(tx, lambda part: ramped if part is owners[0] else part)
    data = None if data is None else as_dataset(data)
    if batch_size is None:
        batch_size = 32 if data is not None and len(data) > 32 else "full"
    is_seed = isinstance(key, (int, np.integer)) and not isinstance(key, bool)
    some = Over(tuple(range(int(key), int(key) + keys) if is_seed else jax.random.split(as_key(key), keys)), "key")
    record = 1 if batch_size == "full" else "step"
    runs = sweep(problem, data, tx, batch_size=batch_size, steps=steps, key=some, record=record, **options)
    loss = np.full((keys, steps), np.nan)
    recorded = np.asarray(runs.history.loss)[:, :steps]
    loss[:, : recorded.shape[1]] = recorded
    return LearningRates(low * (high / low) ** (np.arange(steps) / (steps - 1)), loss)
