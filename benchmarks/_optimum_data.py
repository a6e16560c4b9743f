"""The rows of the works of `optimum`: read from a file where one is given, else made like them; X float32, y 0 or 1 (float32)."""

import csv
from pathlib import Path

import numpy as np

Rows = tuple[np.ndarray, np.ndarray]


def a9a(folder: Path | None, n: int, d: int) -> tuple[Rows, str]:
    """The file `a9a` of the folder, in svmlight form; or one-hot columns of fourteen attributes."""
    if folder is not None and (path := folder / "a9a").exists():
        rows = [line.split() for line in path.read_text().splitlines()]
        X = np.zeros((len(rows), d), np.float32)
        for i, row in enumerate(rows):
            X[i, [int(cell.split(":")[0]) - 1 for cell in row[1:]]] = 1
        return (X, np.array([row[0] == "+1" for row in rows], np.float32)), "the file a9a"
    return _one_hot(n, d), "a stand-in for a9a: no --data with that file was given"


def _one_hot(n: int, d: int, attributes: int = 14) -> Rows:
    rng = np.random.default_rng(1)
    sizes = np.full(attributes, d // attributes) + (np.arange(attributes) < d % attributes)
    starts = np.cumsum(sizes) - sizes
    X = np.zeros((n, d), np.float32)
    for start, size in zip(starts, sizes, strict=True):
        share = 1 / np.arange(1, size + 1) ** 1.5
        X[np.arange(n), start + rng.choice(size, n, p=share / share.sum())] = 1
    z = X @ rng.standard_normal(d).astype(np.float32)
    z -= np.quantile(z + rng.logistic(size=n), 0.76)
    return X, (z + rng.logistic(size=n) > 0).astype(np.float32)


def plain(n: int, d: int, classes: bool = True) -> Rows:
    """Independent normal columns, and labels by a logistic model."""
    rng = np.random.default_rng(20)
    X = rng.standard_normal((n, d), dtype=np.float32)
    z = X @ (rng.standard_normal(d, dtype=np.float32) * np.float32(2 / np.sqrt(d))) + np.float32(0.5)
    return X, (z + rng.logistic(size=n) > 0).astype(np.float32)


def duplicates(n: int, d: int) -> Rows:
    """A quarter of the columns are copies of others."""
    X, y = plain(n, d)
    copies = d // 4
    X[:, d - copies :] = X[:, :copies]
    return X, y


def hard(n: int, d: int) -> Rows:
    """Counts with heavy tails on scales from 1e-6 to 1e6, events that only one class has, and columns that nearly agree.

    As where connections are told from attacks by what they counted: half of the counts were standardised, half were not.
    """
    rng = np.random.default_rng(99)
    y = rng.random(n) < 0.8
    kinds = d // 4
    counts = np.exp(rng.standard_normal((n, kinds)) * 1.5 + np.where(y, 1.0, -1.0)[:, None] * rng.uniform(0.5, 1.5, kinds))
    counts = np.floor(counts * 3)  # many are zero
    shares = np.clip(rng.beta(0.3, 0.3, (n, kinds)) + np.where(y, 0.5, -0.5)[:, None] * rng.uniform(0, 1, kinds), 0, 1)
    events = rng.random((n, kinds)) < np.geomspace(1e-4, 1e-2, kinds)
    events[:, ::2] &= y[:, None]  # every second one is seen in one class alone
    base = np.concatenate([counts, shares, events], axis=1)
    base[:, :kinds:2] /= base[:, :kinds:2].std(axis=0)
    base[:, 1:kinds:2] *= np.geomspace(1e-6, 1e6, len(range(1, kinds, 2)))
    copied = base[:, : d - base.shape[1]]
    near = copied + 1e-3 * copied.std(axis=0) * rng.standard_normal(copied.shape)
    flipped = rng.random(n) < 1e-3
    return np.concatenate([base, near], axis=1).astype(np.float32), (y ^ flipped).astype(np.float32)


def hard_standardised(n: int, d: int) -> Rows:
    """The same, every column standardised, as a careful user would; the tails stay, and so do the copies."""
    X, y = hard(n, d)
    X = X.astype(np.float64)
    std = X.std(axis=0)
    return ((X - X.mean(axis=0)) / np.where(std > 0, std, 1)).astype(np.float32), y  # of few rows an event may never happen


def correlated(n: int, d: int) -> Rows:
    """Columns of which neighbours agree by half, and labels by a logistic model."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((n, d + 1))
    X = ((noise[:, 1:] + noise[:, :-1]) / np.sqrt(2)).astype(np.float32)
    z = X @ (rng.standard_normal(d) / np.sqrt(d)) * 2 - 0.5
    return X, (z + rng.logistic(size=n) > 0).astype(np.float32)


def housing(folder: Path | None, n: int, d: int) -> tuple[Rows, str]:
    """The file `california_housing.csv` of the folder, its gaps filled by the median, its text one-hot; or made like it.

    All columns are standardised, and so is the target.
    """
    if folder is None or not (path := folder / "california_housing.csv").exists():
        rng = np.random.default_rng(7)
        X = rng.standard_normal((n, d)) @ (np.eye(d) + 0.9 * np.triu(np.ones((d, d)), 1) / np.arange(1, d + 1))
        y = X @ rng.standard_normal(d) + 3 * rng.standard_normal(n)
        return _standard(X, y), "a stand-in for california_housing: no --data with that file was given"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    text = np.array([row.pop("ocean_proximity") for row in rows])
    numbers = np.array([[float(cell or "nan") for cell in row.values()] for row in rows])
    y = numbers[:, list(rows[0]).index("median_house_value")]
    numbers = np.delete(numbers, list(rows[0]).index("median_house_value"), axis=1)
    numbers = np.where(np.isnan(numbers), np.nanmedian(numbers, axis=0), numbers)
    return _standard(np.column_stack([numbers, text[:, None] == np.unique(text)]), y), "the file california_housing.csv"


def _standard(X: np.ndarray, y: np.ndarray) -> Rows:
    order = np.random.default_rng(0).permutation(len(y))  # the file is ordered by place
    X, y = X[order], y[order]
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
