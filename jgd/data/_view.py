"""What there is to see of a dataset: its shape, its targets, and the first of its columns."""

from typing import Any

import jax
import numpy as np

from jgd._display import Bars, Facts, Note, Table, View, is_readable, number

# So many columns and classes are listed; figures are made of at most so many rows, evenly picked; histograms have so many bars.
COLUMNS, CLASSES, ROWS, BARS = 10, 10, 2**15, 12
# What lies on an accelerator is fetched up to so many bytes.
FETCHED = 2**22


def dataset_view(data: Any) -> View:
    X, head = data.X, repr(data).removeprefix("Dataset(").removesuffix(")")
    if not is_readable((X, data.y, data.sample_weight)) or not _is_near(X):
        return View("Dataset", pieces=[], head=head)
    n = X.shape[0]
    rows = slice(None, None, -(-n // ROWS))
    picked = len(range(n)[rows])
    of = "" if picked == n else f", figures of {picked:,} of them, evenly picked"
    facts = [("X", f"{_size(X)}, {X.dtype}{of}")]
    pieces: list[Any] = []
    if data.y is not None:
        y = np.asarray(data.y)
        if data.classes is not None:
            pieces.append(_classes(y, data.classes))
        else:
            outputs = "" if y.ndim == 1 else f", {y.shape[1]} outputs"
            facts.append(("y", f"from {number(y.min())} to {number(y.max())}, mean {number(y.mean(dtype=float))}{outputs}"))
    if data.sample_weight is not None:
        w = np.asarray(data.sample_weight)
        effective = w.sum(dtype=float) ** 2 / np.square(w, dtype=float).sum()
        said = f"from {number(w.min())} to {number(w.max())}, worth {effective:,.0f} equal rows"
        facts.append(("weights", said))
    if len(X.shape) == 2:
        pieces.append(_columns(_some(X, rows), data.columns, X.shape[1]))
    return View("Dataset", pieces=[Facts(facts), *pieces], head=head)


def _is_near(X: Any) -> bool:
    array = getattr(X, "by_feature", X)
    on_cpu = not isinstance(array, jax.Array) or all(device.platform == "cpu" for device in array.devices())
    return on_cpu or array.nbytes <= FETCHED


def _some(X: Any, rows: slice) -> np.ndarray:
    if hasattr(X, "by_feature"):
        return np.asarray(X.by_feature)[:COLUMNS, rows].T
    return np.asarray(X)[rows, :COLUMNS]


def _size(X: Any) -> str:
    size = float(np.prod(X.shape)) * X.dtype.itemsize
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"


def _classes(y: np.ndarray, classes: tuple) -> Table:
    counts = np.bincount(y.astype(int), minlength=len(classes))
    order = np.argsort(-counts, kind="stable")[:CLASSES] if len(classes) > CLASSES else range(len(classes))
    rows = [(str(classes[i]), f"{counts[i]:,}", f"{counts[i] / len(y):.1%}") for i in order]
    more = f"the {CLASSES} largest of {len(classes):,} classes" if len(classes) > CLASSES else ""
    return Table(("class", "rows", "share"), rows, more)


def _columns(some: np.ndarray, names: tuple | None, total: int) -> Any:
    if not some.size:
        return Note("There is nothing in it.")
    rows = []
    for j, values in enumerate(some.T.astype(np.float64)):
        low, high = values.min(), values.max()
        counts = np.histogram(values, BARS, (low, high))[0] if high > low else np.array([len(values)])
        name = names[j] if names else f"{j}"
        drawn = Bars(counts, f"histogram of column {name}")
        rows.append((name, *map(number, (values.mean(), values.std(), low, high)), drawn))
    more = f"the first {len(rows)} of {total:,} columns" if total > len(rows) else ""
    return Table(("column", "mean", "deviation", "least", "greatest", "values"), rows, more)
