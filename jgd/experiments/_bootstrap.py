"""`bootstrap` and `jackknife`: how sure an optimum is, by solving for it on the rows drawn again, or without each in turn."""

import functools
from typing import Any

import numpy as np

from jgd._checks import check_count, shown
from jgd._errors import public
from jgd._threads import by_parts
from jgd.data._place import aligned
from jgd.experiments._given_folds import check_parts
from jgd.experiments._models import rows_of
from jgd.experiments._progress import solving
from jgd.experiments._resampled import Bootstrap, Jackknife
from jgd.experiments._settings import Settings
from jgd.experiments._weightings import (
    Whole,
    check_solved,
    check_standardize,
    encoded,
    labels_of,
    solve_settings,
    tolerance,
)
from jgd.experiments.folds import leave_one_out, seeds
from jgd.models import Problem

# Replicates that are drawn by one generator.
BLOCK = 16
# Replicates that are looked at together.
TOGETHER = 64 * BLOCK
# Of so many rows of a class none is drawn with a probability below e^-100.
MANY = 100


@public
def bootstrap(
    problem: Problem, data: Any, *, replicates: int = 1000, key: Any = 0, stratify: bool = False, standardize: bool = False,
    tol: float | None = None, progress: bool = False,
) -> Bootstrap:  # fmt: skip
    """Solves a linear or logistic regression on many sets of n rows drawn with replacement, all of them at once.

    A replicate is a row of weights over the one X: how often each row was drawn (times its weight).

    Args:
      problem: a `jgd.linear_regression` or `jgd.logistic_regression`; `jgd.over` may stand in it.
      data: as in `jgd.fit`.
      replicates: how many, at least 2.
      key: a seed or a JAX key.
      stratify: whether each class is drawn from by itself, as many rows as it has.
      standardize: as in `jgd.cross_validate`; `jgd.over([False, True])` too.
      tol: as in `jgd.cross_validate`.
      progress: say how many fits are solved, as `jgd.fit` does. They are solved in smaller parts then, which may move the last
        bits of their numbers.

    Returns:
      A `Bootstrap`.

    Raises:
      TypeError, ValueError: for bad arguments, or a replicate without a row of one of the classes, before anything runs.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(200)
    >>> replicates = jgd.bootstrap(jgd.linear_regression(), (X, y), replicates=500)
    >>> replicates.params.weights.shape, replicates.standard_error().weights.shape
    ((500, 5), (5,))
    >>> low, high = replicates.interval(0.9)
    >>> bool((low.weights < high.weights).all())
    True

    Source: Efron & Tibshirani, "An introduction to the bootstrap" (1993).
    """
    check_count("replicates", replicates, low=2)
    problems, scaled, settings, data = _prepared("bootstrap", problem, data, standardize)
    drawn = Replicates(len(data), int(replicates), key, _strata(data, stratify))
    drawn.check(data)
    how = dict(standardize=scaled, tol=tolerance(tol, data))
    whole = functools.partial(solve_settings, problems, data, Whole(len(data)), **how)
    with solving(progress, len(drawn) * len(problems)) as show:
        groups = solve_settings(problems, data, drawn, show=show, objectives=False, **how)
    return Bootstrap(settings, data, whole, groups, functools.partial(_jackknife, problems, settings, data, **how))


@public
def jackknife(problem: Problem, data: Any, *, standardize: bool = False, tol: float | None = None) -> Jackknife:
    """Solves a linear or logistic regression without each row in turn; least squares by the rows' leverages, in one pass.

    Args:
      problem, data, standardize, tol: as in `jgd.bootstrap`. Rows with the weight 0 are none.

    Returns:
      A `Jackknife`.

    Raises:
      TypeError, ValueError: for bad arguments, or a class of one row alone.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(50)
    >>> left_out = jgd.jackknife(jgd.linear_regression(), (X, y))
    >>> left_out.params.weights.shape, bool((left_out.standard_error().weights > 0).all())
    ((50, 5), True)

    Source: Efron & Tibshirani, "An introduction to the bootstrap" (1993), chapter 11.
    """
    problems, scaled, settings, data = _prepared("jackknife", problem, data, standardize)
    return _jackknife(problems, settings, data, standardize=scaled, tol=tol)


def _jackknife(
    problems: list[Problem], settings: Settings, data: Any, *, standardize: list[bool], tol: float | None
) -> Jackknife:
    if data.sample_weight is not None:
        data = rows_of(data, np.flatnonzero(np.asarray(data.sample_weight)))
    if len(data) < 2:
        raise ValueError(f"jackknife leaves out each row in turn, and so needs at least 2 that have a weight, found {len(data)}.")
    out = leave_one_out().folds(len(data), None, 0)
    check_parts(out, None, labels_of(data), data.classes)
    whole = functools.partial(solve_settings, problems, data, Whole(len(data)), standardize=standardize, tol=tol)
    groups = solve_settings(problems, data, out, standardize=standardize, tol=tol, objectives=False)
    return Jackknife(settings, data, whole, groups)


def _prepared(where: str, problem: Any, data: Any, standardize: Any) -> tuple[list[Problem], list[bool], Settings, Any]:
    """The problem of each setting, whether its columns are standardised, the settings, and the rows."""
    check_solved(where, problem, data)
    settings = Settings({"problem": problem, "standardize": standardize})
    resolved = [settings.resolved(index) for index in settings.index]
    for setting in resolved:
        check_standardize(setting["standardize"], [setting["problem"]])
    problems, scaled = ([setting[name] for setting in resolved] for name in ("problem", "standardize"))
    return problems, scaled, settings, encoded(problems[0], data)


def _strata(data: Any, stratify: Any) -> np.ndarray | None:
    if not isinstance(stratify, (bool, np.bool_)):
        raise TypeError(f"stratify must be True or False, found {shown(stratify)}.")
    if stratify and data.classes is None:
        raise ValueError("stratify= draws from each class by itself, and this problem has none.")
    return labels_of(data) if stratify else None


class Replicates:
    """How often each of n rows was drawn, for each replicate."""

    is_leave_one_out, tests = False, ()

    def __init__(self, n: int, count: int, key: Any, strata: np.ndarray | None):
        self._n, self._count, self._seed = n, count, seeds(key)
        self._strata = None if strata is None else [np.flatnonzero(strata == s) for s in np.unique(strata)]

    def __len__(self) -> int:
        return self._count

    def weights(self, part: slice, weight: np.ndarray | None) -> np.ndarray:
        first = part.start // BLOCK
        counts = aligned((-(-part.stop // BLOCK) * BLOCK - first * BLOCK, self._n), np.uint16)  # which JAX takes as it is

        def draw(blocks: slice) -> None:
            for block in range(blocks.start, blocks.stop):
                self._draw(first + block, counts[block * BLOCK : (block + 1) * BLOCK])

        by_parts(draw, len(counts) // BLOCK, 1)
        counts = counts[part.start - first * BLOCK : part.stop - first * BLOCK]
        return counts if weight is None else counts * weight

    def _draw(self, block: int, counts: np.ndarray) -> None:
        """Puts the counts of a block of replicates into (BLOCK, n)."""
        rng = np.random.default_rng([*self._seed, block])
        for rows in self._strata or [slice(None)]:
            m = self._n if isinstance(rows, slice) else len(rows)
            drawn = rng.integers(0, m, (BLOCK, m), np.uint16 if m <= 2**16 else np.uint32) + m * np.arange(BLOCK)[:, None]
            counts[:, rows] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(BLOCK, m)

    def check(self, data: Any) -> None:
        """Refuses, by raising, replicates in which nothing weighs, or a class is missing."""
        labels, weight = labels_of(data), data.sample_weight
        if labels is None and weight is None:
            return
        there = np.ones(self._n, bool) if weight is None else np.asarray(weight) > 0
        labels = np.zeros(self._n, int) if labels is None else labels
        few = [label for label, count in zip(*np.unique(labels[there], return_counts=True), strict=True) if count < MANY]
        for start in range(0, self._count if few else 0, TOGETHER):
            counts = self.weights(slice(start, min(start + TOGETHER, self._count)), None)
            for label in few:
                rows = np.flatnonzero(there & (labels == label))
                found = counts[:, rows].any(axis=1)
                if not found.all():
                    name = "with a weight" if data.classes is None else f"of class {data.classes[label]!r}"
                    raise ValueError(
                        f"replicate {start + np.argmin(found)} has no row {name}: there are {len(rows)} to draw from; "
                        f"{'draw each class by itself, by stratify=True' if data.classes else 'use more rows'}."
                    )
