"""A file or a known data set as numbers for a linear model, saying what was done to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jgd._checks import as_key, nearest
from jgd.data import Dataset, batch_rows

# A text column with more distinct values than this is an identifier or prose, not a category.
CATEGORIES = 50


class Table(NamedTuple):
    """Training and held-out rows, standardised by the training rows.

    Attributes:
      name: what the table is called.
      train: the training data.
      held_out: the held-out data.
      notes: what was done, a line each.
    """

    name: str
    train: Dataset
    held_out: Dataset
    notes: tuple[str, ...]


def _pandas():
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("reading tables needs pandas: pip install 'jgd[data]'.") from None
    return pd


def read_csv(path: str | Path) -> Any:
    """A CSV file as a pandas frame.

    Raises:
      ValueError: if it is missing, empty, not text, or its rows differ in length.
    """
    pd = _pandas()
    path = Path(path)
    if not path.is_file():
        where = path.parent if path.parent.is_dir() else Path(".")
        raise ValueError(f"no such file: {path}; {nearest(path.name, [p.name for p in where.glob('*.csv')])}")
    try:
        with path.open(encoding="utf-8-sig") as lines:
            first = lines.readline()
        frame = pd.read_csv(path, encoding="utf-8-sig", index_col=False, on_bad_lines="error")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text file in UTF-8 ({error.reason} at byte {error.start}): export it as CSV."
        ) from None
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty: it needs a line of column names and lines of values.") from None
    except pd.errors.ParserError as error:
        raise ValueError(f"{path} is ragged: {str(error).removeprefix('Error tokenizing data. C error: ').strip()}.") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}.") from None
    if len(frame) == 0:
        raise ValueError(f"{path} has column names but no rows.")
    if frame.shape[1] == 1 and any(mark in first for mark in ";\t"):
        raise ValueError(f"{path} seems to be separated by {'semicolons' if ';' in first else 'tabs'}: write it with commas.")
    return frame


def prepare_table(
    name: str, frame: Any, target: str, model: str, *, held_out: float = 0.2, drop: Sequence[str] = (), key: Any = 0
) -> Table:
    """Columns as numbers, rows split by the key, everything standardised by what the training rows show.

    Raises:
      ValueError: if the target or a dropped column is not there, or a column is neither numbers nor categories.
    """
    notes: list[str] = []
    for column in (target, *drop):
        if column not in frame.columns:
            raise ValueError(f"{name} has no column {column!r}: {nearest(column, map(str, frame.columns))}")
    if target in drop:
        raise ValueError(f"the target {target!r} is among the columns to drop.")
    y = frame[target]
    if y.isna().any():
        notes.append(f"{int(y.isna().sum())} rows without a target left out")
        frame, y = frame[y.notna()], y[y.notna()]
    if len(frame) < 5:
        raise ValueError(f"{name} has {len(frame)} rows with a target; at least 5 are needed to train and to hold out.")
    order = np.asarray(batch_rows(as_key(key), 0, 1, len(frame), len(frame))[0])
    held = max(1, round(held_out * len(frame)))
    test, train = np.sort(order[:held]), np.sort(order[held:])
    columns = _columns(name, frame.drop(columns=[target, *drop]), train, notes)
    if not columns:
        raise ValueError(f"{name} has no usable column besides the target {target!r}.")
    X = np.stack(list(columns.values()), axis=1)
    centre, spread = X[train].mean(axis=0), X[train].std(axis=0)
    constant = [c for c, s in zip(columns, spread, strict=True) if s == 0]
    if constant:
        notes.append(f"constant in the training rows, left out: {', '.join(constant)}")
    if len(constant) == len(columns):
        raise ValueError(f"every column of {name} is constant in the training rows: there is nothing to learn from.")
    X = ((X - centre) / np.where(spread > 0, spread, 1))[:, spread > 0].astype(np.float32)
    names = [c for c, s in zip(columns, spread, strict=True) if s > 0]
    if model == "linear":
        values, said = _regression_target(name, target, y, train)
    else:
        values, said = _class_target(name, target, y)
    notes.append(said)
    notes.append(f"{len(train)} rows to train on, {len(test)} held out, {len(names)} columns, standardised by the training rows")
    make = lambda rows: Dataset(X[rows], values[rows], columns=names)
    return Table(name, make(train), make(test), tuple(notes))


def _regression_target(name: str, target: str, y: Any, train: np.ndarray) -> tuple[np.ndarray, str]:
    if y.dtype.kind not in "biuf":
        raise ValueError(f"the target {target!r} of {name} is text (such as {y.iloc[0]!r}): is the model logistic?")
    values = y.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"the target {target!r} of {name} has {int((~np.isfinite(values)).sum())} infinite values.")
    centre, spread = values[train].mean(), values[train].std()
    if spread == 0:
        raise ValueError(f"the target {target!r} of {name} is constant in the training rows.")
    said = f"target {target} standardised too (mean {centre:.6g}, standard deviation {spread:.6g}): the loss of a constant is 1"
    return ((values - centre) / spread).astype(np.float32), said


def _class_target(name: str, target: str, y: Any) -> tuple[np.ndarray, str]:
    labels = y.to_numpy()
    if labels.dtype.kind == "f" and (labels == np.floor(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "biu":
        labels = labels.astype(str) if labels.dtype.kind != "f" else labels
    found, counts = np.unique(labels, return_counts=True)
    if labels.dtype.kind == "f" or len(found) > CATEGORIES:
        raise ValueError(f"the target {target!r} of {name} has {len(found)} different values: is the model linear?")
    shown = ", ".join(f"{label} ({count})" for label, count in zip(found[:6], counts[:6], strict=True))
    return labels, f"target {target}: {len(found)} classes, {shown}{', ...' if len(found) > 6 else ''}"


def _columns(name: str, frame: Any, train: np.ndarray, notes: list[str]) -> dict[str, np.ndarray]:
    """Each column as one or more columns of floats."""
    pd = _pandas()
    columns: dict[str, np.ndarray] = {}
    for column in frame.columns:
        values = frame[column]
        if pd.api.types.is_datetime64_any_dtype(values):
            raise ValueError(
                f"column {column!r} of {name} holds dates: turn them into numbers, or leave it out with --drop {column}."
            )
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            columns.update(_numbers(name, str(column), values.to_numpy(dtype=np.float64, na_value=np.nan), train, notes))
        else:
            columns.update(_categories(name, str(column), values, train, notes))
    return columns


def _numbers(name: str, column: str, values: np.ndarray, train: np.ndarray, notes: list[str]) -> dict[str, np.ndarray]:
    if np.isinf(values).any():
        raise ValueError(f"column {column!r} of {name} has {int(np.isinf(values).sum())} infinite values.")
    missing = np.isnan(values)
    if not missing.any():
        return {column: values}
    if missing[train].all():
        raise ValueError(f"column {column!r} of {name} has no value in the training rows: leave it out with --drop {column}.")
    middle = float(np.median(values[train][~missing[train]]))
    notes.append(
        f"{column}: {int(missing.sum())} missing values filled with the median ({middle:g}), and a column that marks them"
    )
    return {column: np.where(missing, middle, values), f"{column} is missing": missing.astype(np.float64)}


def _categories(name: str, column: str, values: Any, train: np.ndarray, notes: list[str]) -> dict[str, np.ndarray]:
    values = values.astype("object").where(values.notna(), "(missing)").astype(str).to_numpy()
    found = sorted(set(values[train]))
    if len(found) > CATEGORIES:
        raise ValueError(
            f"column {column!r} of {name} is text with {len(found)} different values (such as {found[0]!r}), too many to be "
            f"categories: leave it out with --drop {column}."
        )
    notes.append(f"{column}: text with {len(found)} values, a column for each but {found[0]!r}")
    return {f"{column}={value}": (values == value).astype(np.float64) for value in found[1:]}


def known_table(name: str) -> Table:
    """One of scikit-learn's data sets: diabetes or breast_cancer."""
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError("the demonstration needs scikit-learn's data sets: pip install 'jgd[data]'.") from None
    load, model = {"diabetes": (datasets.load_diabetes, "linear"), "breast_cancer": (datasets.load_breast_cancer, "logistic")}[
        name
    ]
    return prepare_table(name, load(as_frame=True).frame, "target", model)
