"""The one place where folds are checked, however they were asked for."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jgd._checks import shown
from jgd.experiments.folds import Folds, Splitter, k_fold, stratified


def as_folds(folds: Any, n: int, labels: np.ndarray | None, key: Any) -> Folds:
    """The folds of n rows, however they were asked for; `labels` are the class numbers of a classifier.

    Raises:
      TypeError, ValueError: for what is no way to split, or splits rows that are not there.
    """
    if isinstance(folds, (int, np.integer)) and not isinstance(folds, bool):
        folds = k_fold(folds) if labels is None else stratified(folds)
    if isinstance(folds, Splitter):
        return folds.folds(n, labels, key)
    if hasattr(folds, "split") and hasattr(folds, "get_n_splits"):
        try:
            folds = list(folds.split(np.zeros((n, 1)), np.zeros(n) if labels is None else labels))
        except ValueError as error:
            if "groups" not in str(error):
                raise
            raise ValueError(
                f"{folds!r} needs the group of each row: give jgd.folds.grouped(groups), or the pairs of rows that it makes, "
                "list(splitter.split(X, y, groups))."
            ) from error
    if isinstance(folds, (str, bytes)) or not isinstance(folds, Iterable):
        raise TypeError(
            "folds must be a whole number, one of jgd.folds, a splitter of scikit-learn or a list of pairs (train, test) of "
            f"rows, found {shown(folds)}."
        )
    return _of_pairs(list(folds), n)


def _of_pairs(pairs: list[Any], n: int) -> Folds:
    if not pairs:
        raise ValueError("folds is empty: give at least one pair (train, test) of rows.")
    trains, tests = [], []
    for fold, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"fold {fold} must be a pair (train, test) of rows, found {shown(pair)}.")
        for part, rows, found in (("trains on", pair[0], trains), ("tests", pair[1], tests)):
            found.append(_rows(f"fold {fold} {part}", rows, n))
        trained = np.zeros(n, bool)
        trained[trains[-1]] = True
        both = np.unique(tests[-1][trained[tests[-1]]])
        if len(both):
            raise ValueError(f"fold {fold} trains on {len(both)} of the rows it tests (such as {both[0]}): take them out of one.")
    return Folds(n, tests, trains)


def _rows(where: str, rows: Any, n: int) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.size and rows.dtype.kind not in "iu":
        raise TypeError(f"{where} rows that are no list of whole numbers, nor {n} booleans: {rows.dtype} of shape {rows.shape}.")
    if not rows.size:
        raise ValueError(f"{where} no rows.")
    outside = rows[(rows < 0) | (rows >= n)]
    if outside.size:
        raise ValueError(f"{where} row {outside[0]}, but the data has rows 0 to {n - 1}.")
    return rows


def check_parts(folds: Folds, weight: np.ndarray | None, labels: np.ndarray | None, classes: Sequence[Any] | None) -> None:
    """Refuses, by raising, folds that train or test on nothing that weighs, or train without one of the classes."""
    if weight is None and labels is None:
        return
    weight = np.ones(folds.n) if weight is None else np.asarray(weight, np.float64)
    labels = np.zeros(folds.n, int) if labels is None else labels
    everything = np.bincount(labels, weights=weight > 0)
    tested = _counts(folds.tests, weight, labels)
    trained = everything - tested if folds.trains is None else _counts(folds.trains, weight, labels)
    for what, counts in (("trained on", trained), ("tested", tested)):
        if not counts.any(axis=1).all():
            fold = np.argmin(counts.any(axis=1))
            raise ValueError(f"every row that fold {fold} is {what} has the weight 0: use fewer folds, or another key.")
    missing = np.argwhere((everything > 0) & (trained == 0))
    if len(missing):
        fold, label = missing[0]
        raise ValueError(
            f"no row of class {label if classes is None else classes[label]!r} is left for fold {fold} to be trained on: use "
            f"jgd.folds.stratified or fewer folds, or leave out classes of so few rows ({everything[label]:.0f})."
        )


def _counts(parts: Sequence[np.ndarray], weight: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many rows of each class, of those with a weight, each part has; shape (parts, classes)."""
    classes, rows = labels.max() + 1, np.concatenate(parts)
    part = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
    return np.bincount(part * classes + labels[rows], weight[rows] > 0, len(parts) * classes).reshape(-1, classes)
