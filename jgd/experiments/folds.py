"""Ways to split rows into parts to train on and parts to test on.

A splitter says how; `jgd.cross_validate` applies it. Its rows are whole numbers 0..n-1, its shuffling depends on the key alone.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jgd._checks import as_key, check_count
from jgd._errors import public
from jgd._names import unknown_names

__all__ = ["Splitter", "grouped", "k_fold", "leave_one_out", "repeated", "stratified", "time_ordered"]


@dataclasses.dataclass(frozen=True)
class Folds:
    """Rows to train on and rows to test on, for each fold.

    Attributes:
      n: how many rows there are.
      tests: the rows of each fold's test part.
      trains: those of its training part; None if these are all others.
    """

    n: int
    tests: Sequence[np.ndarray]
    trains: Sequence[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.tests)

    def train(self, fold: int) -> np.ndarray:
        """The rows that a fold is trained on."""
        return np.delete(np.arange(self.n), self.tests[fold]) if self.trains is None else self.trains[fold]

    def weights(self, folds: slice, weight: np.ndarray | None) -> np.ndarray:
        """The rows' weights (1 if None) where a fold is trained on them, else 0; shape (folds, n)."""
        some = range(*folds.indices(len(self)))
        weight = np.ones(self.n, np.float32) if weight is None else weight
        made = np.empty((len(some), self.n), weight.dtype)
        for row, fold in zip(made, some, strict=True):
            if self.trains is None:
                row[:] = weight
                row[self.tests[fold]] = 0
            else:
                row[:] = 0
                np.add.at(row, self.trains[fold], weight[self.trains[fold]])
        return made

    @functools.cached_property
    def is_partition(self) -> bool:
        """Whether every row is tested exactly once."""
        return np.array_equal(np.bincount(np.concatenate(self.tests), minlength=self.n), np.ones(self.n, int))

    @functools.cached_property
    def is_leave_one_out(self) -> bool:
        """Whether each fold leaves out one row, and is trained on all others."""
        return self.trains is None and all(len(test) == 1 for test in self.tests)


class Splitter:
    """A way to split rows; made by the functions of `jgd.folds`.

    >>> import jgd
    >>> splitter = jgd.folds.k_fold(3, shuffle=False)
    >>> splitter
    folds.k_fold(3, shuffle=False)
    >>> [test.tolist() for train, test in splitter.pairs(7)]
    [[0, 1, 2], [3, 4], [5, 6]]
    """

    def __init__(self, text: str, split: Callable[[int, np.ndarray | None, np.random.Generator], Folds]):
        self._text, self._split = text, split

    def __repr__(self) -> str:
        return f"folds.{self._text}"

    def folds(self, n: int, labels: np.ndarray | None, key: Any) -> Folds:
        """The folds of n rows with these class numbers."""
        return self._split(n, labels, generator(key))

    def pairs(self, n: int, labels: Any = None, key: Any = 0) -> list[tuple[np.ndarray, np.ndarray]]:
        """The rows to train on and to test on, for each fold.

        Args:
          n: how many rows there are.
          labels: their classes, for stratified folds.
          key: a seed or a JAX key.
        """
        labels = None if labels is None else np.unique(np.asarray(labels), return_inverse=True)[1]
        found = self.folds(check_count("n", n), labels, key)
        return [(found.train(fold), test) for fold, test in enumerate(found.tests)]


def generator(key: Any, *more: int) -> np.random.Generator:
    """NumPy's generator for a seed or a JAX key, and whole numbers that tell uses of it apart."""
    return np.random.default_rng([*seeds(key), *more])


def seeds(key: Any) -> list[int]:
    """A seed or a JAX key as the whole numbers that NumPy takes."""
    return np.ravel(np.asarray(jax.random.key_data(as_key(key)))).tolist()


def _check_folds(k: Any, n: int, what: str = "rows") -> None:
    if n < k:
        raise ValueError(f"{k} folds need at least {k} {what}, found {n}: use fewer folds, or jgd.folds.leave_one_out().")


def _parts(order: np.ndarray, k: int) -> list[np.ndarray]:
    """The order in k parts that differ in size by one at most, each sorted."""
    return [np.sort(part) for part in np.array_split(order, k)]


@public
def k_fold(k: int = 5, *, shuffle: bool = True) -> Splitter:
    """Every row is tested once, in k parts that differ in size by one at most.

    Args:
      k: how many, 2 to n.
      shuffle: whether parts are drawn by the key; else they are stretches of the data.

    >>> import jgd
    >>> [len(test) for train, test in jgd.folds.k_fold(3).pairs(8)]
    [3, 3, 2]
    """
    check_count("folds", k, low=2)

    def split(n, labels, rng):
        _check_folds(k, n)
        return Folds(n, _parts(rng.permutation(n) if shuffle else np.arange(n), k))

    return Splitter(f"k_fold({k}{'' if shuffle else ', shuffle=False'})", split)


@public
def stratified(k: int = 5) -> Splitter:
    """As `k_fold`, shuffled, and each part has the same share of each class, within one row.

    >>> import jgd
    >>> y = ["no"] * 6 + ["yes"] * 3
    >>> [test.tolist()[-1] >= 6 for train, test in jgd.folds.stratified(3).pairs(9, y)]
    [True, True, True]
    """
    check_count("folds", k, low=2)

    def split(n, labels, rng):
        if labels is None:
            raise ValueError("stratified folds need classes, and this problem has none: use jgd.folds.k_fold.")
        _check_folds(k, n)
        shuffled = rng.permutation(n)
        by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
        return Folds(n, [np.sort(by_class[fold::k]) for fold in range(k)])  # dealt out as cards are

    return Splitter(f"stratified({k})", split)


@public
def grouped(groups: Any, k: int | None = None) -> Splitter:
    """Rows of one group stay together: none is trained on where another is tested.

    Groups are given to k parts, the largest first, each to the part with the fewest rows so far.

    Args:
      groups: the group of each row, n numbers or texts.
      k: how many parts; one for each group if not given.

    Raises:
      ValueError: for missing groups (NaN, None), fewer of them than folds, or another number of rows than the data has.

    >>> import jgd
    >>> [test.tolist() for train, test in jgd.folds.grouped(["a", "b", "a", "c"]).pairs(4)]
    [[0, 2], [1], [3]]
    """
    names = np.asarray(groups.to_numpy() if hasattr(groups, "to_numpy") else groups)
    if names.ndim != 1:
        raise ValueError(f"groups must have one dimension, one group for each row, found shape {names.shape}.")
    missing = int(np.sum(names != names)) if names.dtype.kind in "fc" else 0
    if names.dtype.kind == "O":
        missing = sum(name is None or name != name for name in names)
        names = names if missing else names.astype(str)
    if missing:
        raise ValueError(
            f"groups has {missing} missing values (NaN or None): give each of these rows a group, or leave them out."
        )
    found, member = np.unique(names, return_inverse=True)
    if k is not None:
        check_count("folds", k, low=2)
    if len(found) < (k or 2):
        raise ValueError(f"{k or 2} folds need at least {k or 2} groups, found {len(found)}: use fewer folds.")

    def split(n, labels, rng):
        if len(member) != n:
            raise ValueError(f"groups has {len(member)} rows, the data {n}: give the group of each row.")
        if k is None:
            return Folds(n, [np.flatnonzero(member == group) for group in range(len(found))])
        sizes, filled, part_of = np.bincount(member), np.zeros(k, int), np.empty(len(found), int)
        drawn = rng.permutation(len(found))
        for group in drawn[np.argsort(-sizes[drawn], kind="stable")]:
            part_of[group] = np.argmin(filled)
            filled[part_of[group]] += sizes[group]
        return Folds(n, [np.flatnonzero(part_of[member] == part) for part in range(k)])

    return Splitter(f"grouped({len(found)} groups{'' if k is None else f', {k}'})", split)


@public
def repeated(folds: int | Splitter = 5, times: int = 3) -> Splitter:
    """Shuffled folds, several times over with another shuffle each.

    Args:
      folds: a whole number (stratified for classifiers), or a splitter that shuffles.
      times: how often, at least 1.

    >>> import jgd
    >>> len(jgd.folds.repeated(5, times=3).pairs(100))
    15
    """
    if not isinstance(folds, Splitter):
        check_count("folds", folds, low=2)
    check_count("times", times)

    def split(n, labels, rng):
        inner = folds if isinstance(folds, Splitter) else k_fold(folds) if labels is None else stratified(folds)
        each = [inner._split(n, labels, child) for child in rng.spawn(times)]
        trains = None if all(one.trains is None for one in each) else [one.train(f) for one in each for f in range(len(one))]
        return Folds(n, [test for one in each for test in one.tests], trains)

    return Splitter(f"repeated({folds}, times={times})", split)


@public
def leave_one_out() -> Splitter:
    """Every row is tested by the model of all others.

    >>> import jgd
    >>> [test.tolist() for train, test in jgd.folds.leave_one_out().pairs(3)]
    [[0], [1], [2]]
    """

    def split(n, labels, rng):
        _check_folds(2, n)
        return Folds(n, np.arange(n)[:, None])

    return Splitter("leave_one_out()", split)


@public
def time_ordered(k: int = 5, *, test_size: int | None = None, gap: int = 0) -> Splitter:
    """Rows in the order of time: each fold is trained on what comes before its test rows, and nothing is shuffled.

    Args:
      k: how many folds, at least 2; their test parts are the last k stretches of the data.
      test_size: rows of a test part; n // (k + 1) if not given.
      gap: rows that are left out before each test part.

    >>> import jgd
    >>> [(train.tolist(), test.tolist()) for train, test in jgd.folds.time_ordered(2).pairs(6)]
    [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    """
    check_count("folds", k, low=2)
    check_count("gap", gap, low=0)
    if test_size is not None:
        check_count("test_size", test_size)

    def split(n, labels, rng):
        size = n // (k + 1) if test_size is None else test_size
        starts = n - size * np.arange(k, 0, -1)
        if size < 1 or starts[0] - gap < 1:
            raise ValueError(
                f"{k} time-ordered folds of {max(size, 1)} rows leave none of {n} to train the first on"
                f"{f', with a gap of {gap}' if gap else ''}: use fewer folds or a smaller test_size."
            )
        return Folds(n, [np.arange(s, s + size) for s in starts], [np.arange(s - gap) for s in starts])

    options = "".join(f", {name}={value}" for name, value in (("test_size", test_size), ("gap", gap)) if value)
    return Splitter(f"time_ordered({k}{options})", split)


if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.folds")
