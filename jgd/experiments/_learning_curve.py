"""`learning_curve`: what more rows would be worth."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jgd._checks import check_count, nearest
from jgd._over import refuse_over
from jgd.experiments._cross_validate import cross_validate
from jgd.experiments._held_out import held_out_scores
from jgd.experiments._weightings import encoded, labels_of
from jgd.experiments.folds import generator
from jgd.models import Problem
from jgd.training._metrics import named_metrics


class LearningCurve:
    """Scores against the number of rows trained on; made by `jgd.learning_curve`.

    Attributes:
      sizes: how many rows were trained on, (S,).

    >>> import jgd
    >>> curve = jgd.learning_curve(jgd.linear_regression(), jgd.data.make_linear(100), sizes=[10, 80])
    >>> curve
    LearningCurve(10 to 80 rows, 2 sizes x 5 repeats)
    >>> bool(curve.scores()[0].mean() > curve.scores()[1].mean())
    True
    """

    def __init__(self, sizes: np.ndarray, tested: dict[str, np.ndarray], trained: dict[str, np.ndarray]):
        self.sizes, self._tested, self._trained = sizes, tested, trained

    def scores(self, metric: str = "loss", *, trained: bool = False) -> np.ndarray:
        """The scores (S, repeats) of rows left out, or of those trained on: the mean loss without penalty, or a metric.

        Raises:
          KeyError: if it was not asked for; the message offers near names.
        """
        if metric not in self._tested:
            raise KeyError(f"{metric!r} was not asked for; {nearest(metric, self._tested)}")
        return (self._trained if trained else self._tested)[metric]

    def to_frame(self):
        """A pandas frame: a row for each size and repeat; scores of the rows trained on as `train_...`."""
        import pandas as pd

        repeats = next(iter(self._tested.values())).shape[1]
        columns = {"rows": np.repeat(self.sizes, repeats), "repeat": np.tile(np.arange(repeats), len(self.sizes))}
        columns |= {name: values.ravel() for name, values in self._tested.items()}
        return pd.DataFrame(columns | {f"train_{name}": values.ravel() for name, values in self._trained.items()})

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """A picture; see `jgd.plotting.plot_learning_curve`."""
        from jgd import plotting

        return plotting.plot_learning_curve(self, ax, **options)

    def __repr__(self) -> str:
        repeats = next(iter(self._tested.values())).shape[1]
        return f"LearningCurve({self.sizes[0]:,} to {self.sizes[-1]:,} rows, {len(self.sizes)} sizes x {repeats} repeats)"


def learning_curve(
    problem: Problem, data: Any, tx: Any = None, *, sizes: Sequence[float] = (0.1, 0.25, 0.5, 0.75, 1.0), validation: float = 0.2,
    repeats: int = 5, metrics: Sequence[str | Callable] = (), standardize: bool = False, key: Any = 0, **options: Any,
) -> LearningCurve:  # fmt: skip
    """Trains on more and more rows, and scores each model on the same rows left out: whether more data would help.

    A gap between the two scores that narrows says that more rows help; two that have met, high, that the model is too simple.
    Each repeat leaves out rows of its own, and its smaller sets are parts of its larger ones. All sizes and repeats are solved
    at once, or run, as the folds of `jgd.cross_validate` are.

    Args:
      problem, data, tx: as in `jgd.cross_validate`; without an optimizer problems are solved to their optima.
      sizes: how many rows to train on: whole numbers, or shares of the rows not left out.
      validation: the share of rows left out.
      repeats: how many times.
      metrics, standardize: as in `jgd.cross_validate`.
      key: a seed or a JAX key, of what is left out and of runs.
      **options: as in `jgd.cross_validate`.

    Returns:
      A `LearningCurve`.

    Raises:
      TypeError, ValueError: for bad arguments; for a classifier also where the fewest rows lack a class.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(300)
    >>> curve = jgd.learning_curve(jgd.linear_regression(), (X, y), sizes=[10, 60, 200], metrics=["r2"])
    >>> curve.scores("r2").shape, bool(curve.scores().mean(axis=1)[0] > curve.scores().mean(axis=1)[-1])
    ((3, 5), True)

    Source: Hastie, Tibshirani & Friedman, "The elements of statistical learning" (2009), section 7.10.
    """
    refuse_over("learning_curve", problem=problem, tx=tx, data=data, key=key, **options)
    refuse_over("learning_curve", "cross them by jgd.cross_validate", standardize=standardize)
    check_count("repeats", repeats)
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {problem!r}.")
    data = encoded(problem, data)
    n = len(data)
    held = round(validation * n) if isinstance(validation, (float, np.floating)) and 0 < validation < 1 else 0
    if not 0 < held < n:
        raise ValueError(
            f"validation must be a share between 0 and 1 that leaves rows on both sides, found {validation!r} of {n} rows."
        )
    counts = _counts(sizes, n - held)
    trains, tests = [], []
    for order in _orders(n, repeats, key, labels_of(data)):
        tests += [order[:held]] * len(counts)
        trains += [order[held : held + count] for count in counts]
    pairs = list(zip(trains, tests, strict=True))
    found = cross_validate(problem, data, tx, folds=pairs, metrics=metrics, standardize=standardize, key=key, **options)
    shape = lambda values: np.asarray(values)[:, 0].reshape(repeats, len(counts)).T
    tested = {"loss": found.test_loss} | {name: found.scores(name) for name, _ in named_metrics(metrics)}
    trained = held_out_scores(problem, data, trains, jax.tree.map(np.asarray, found.params), named_metrics(metrics))
    trained = {("loss" if name == "test_loss" else name): shape(values) for name, values in trained.items()}
    return LearningCurve(np.array(counts), {name: shape(values) for name, values in tested.items()}, trained)


def _counts(sizes: Any, rows: int) -> list[int]:
    """Numbers of rows, from small to large."""
    values = np.asarray(sizes)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iuf":
        raise TypeError(f"sizes must be a list of numbers of rows, or of shares, found {sizes!r}.")
    if values.dtype.kind == "f":
        if not ((values > 0) & (values <= 1)).all():
            raise ValueError(f"sizes that are no whole numbers are shares, above 0 and at most 1, found {sizes!r}.")
        values = np.maximum(np.round(values * rows), 1).astype(int)
    if values.min() < 1 or values.max() > rows:
        found = f"{values.min()} to {values.max()}"
        raise ValueError(f"sizes must be between 1 and the {rows} rows that are not left out, found {found}.")
    return np.unique(values).tolist()


def _orders(n: int, repeats: int, key: Any, labels: np.ndarray | None) -> list[np.ndarray]:
    """Orders of all rows by chance; of a classifier's such that any stretch holds the classes in about their shares."""
    draw, orders = generator(key), []
    for _ in range(repeats):
        order = draw.permutation(n)
        if labels is not None:
            mine = labels[order]
            place = np.empty(n)
            for label in np.unique(mine):
                rows = np.flatnonzero(mine == label)
                place[rows] = (np.arange(len(rows)) + draw.random()) / len(rows)
            order = order[np.argsort(place, kind="stable")]
        orders.append(order)
    return orders
