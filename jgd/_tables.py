"""A file or a known data set as numbers for a linear model, saying what was done to it."""

import csv
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jgd._checks import nearest
from jgd.data import Dataset

# A text column with more distinct values than this is an identifier or prose, not a category.
CATEGORIES = 50
# What most writings of a date begin with.
DATE = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*"


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


def _hint(name: str, known: Iterable[str]) -> str:
    return textwrap.shorten(nearest(name, known), 300, placeholder=" ...")


def read_csv(path: str | Path) -> Any:
    """A CSV file as a pandas frame.

    Raises:
      ValueError: if it is missing, empty, not text, not separated by commas, without names, or its rows differ in length.
    """
    pd, path = _pandas(), Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a directory: give a file in it.")
    if not path.exists():
        raise ValueError(f"no such file: {path}; {_hint(path.name, (p.name for p in path.parent.glob('*.csv')))}")
    try:
        names = _header(path)
        frame = pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True, index_col=False)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8 ({error.reason} at byte {error.start}): save it as CSV in UTF-8."
        ) from None
    except (csv.Error, pd.errors.ParserError) as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}.") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}.") from None
    if len(frame) == 0:
        raise ValueError(f"{path} has column names but no rows.")
    # pandas would have renamed the second column of a name, or kept a space around it.
    frame.columns = names
    return frame


def _header(path: Path) -> list[str]:
    """The names of the columns, once every line has been found to have as many fields; pandas would fill or cut them."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, skipinitialspace=True)
        header = next((line for line in lines if line), [])
        if not header:
            raise ValueError(f"{path} is empty: it needs a line of column names and lines of values.")
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            mark = "semicolons" if ";" in header[0] else "tabs"
            raise ValueError(f"{path} seems to be separated by {mark}: save it with commas.")
        for line in lines:
            if line and len(line) != len(header):
                found = f"line {lines.line_num} has {len(line)} fields, the line of column names {len(header)}"
                raise ValueError(f"{path} is ragged: {found}.")
    names = [name.strip() for name in header]
    values = [name for name in names if "." in name and _is_number(name)]
    if values:
        raise ValueError(
            f"the first line of {path} holds values (such as {values[0]}), not the names of the columns: put a line of "
            "names before it."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path} has more than one column called {twice[0]!r}: rename all but one.")
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def prepare_table(
    name: str, frame: Any, target: str, model: str, *, held_out: float = 0.2, drop: Sequence[str] = (), seed: int = 0
) -> Table:
    """Columns as numbers, rows split by the seed, everything standardised by what the training rows show.

    Raises:
      ValueError: if the target or a dropped column is not there, or a column is neither numbers nor categories.
    """
    notes: list[str] = []
    if "" in frame.columns:
        notes.append("a column without a name left out")
        frame = frame.drop(columns="")
    for column in (target, *drop):
        if column not in frame.columns:
            raise ValueError(f"{name} has no column {column!r}: {_hint(column, frame.columns)}")
    if target in drop:
        raise ValueError(f"the target {target!r} is among the columns to drop.")
    known = frame[target].notna()
    if not known.all():
        notes.append(f"{int((~known).sum())} rows without a target left out")
        frame = frame[known]
    if len(frame) < 5:
        raise ValueError(f"{name} has {len(frame)} rows with a target; at least 5 are needed to train and to hold out.")
    train, test = _split(len(frame), held_out, seed)
    make_target = _regression_target if model == "linear" else _class_target
    y, said = make_target(name, target, frame[target], train)
    columns = _columns(name, frame.drop(columns=[target, *drop]), train, notes)
    if not columns:
        raise ValueError(f"{name} has no column besides the target {target!r} to learn from.")
    X = np.stack(list(columns.values()), axis=1)
    # Not by the standard deviation, which rounding keeps from zero.
    varies = X[train].max(axis=0) > X[train].min(axis=0)
    constant = [column for column, kept in zip(columns, varies, strict=True) if not kept]
    if len(constant) == len(columns):
        raise ValueError(f"every column of {name} is constant in the training rows: there is nothing to learn from.")
    if constant:
        notes.append(f"constant in the training rows, left out: {', '.join(constant)}")
    names, X = [column for column in columns if column not in constant], X[:, varies]
    X = ((X - X[train].mean(axis=0)) / X[train].std(axis=0)).astype(np.float32)
    notes.append(said)
    rows = f"{len(train)} rows to train on, {len(test)} held out"
    notes.append(f"{rows}; {len(names)} columns, standardised by the training rows")
    make = lambda rows: Dataset(X[rows], y[rows], columns=names)
    return Table(name, make(train), make(test), tuple(notes))


def _split(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and those held out, in the order of the file."""
    order = np.random.default_rng(seed).permutation(n)
    held = max(1, round(share * n))
    return np.sort(order[held:]), np.sort(order[:held])


def _regression_target(name: str, target: str, y: Any, train: np.ndarray) -> tuple[np.ndarray, str]:
    if y.dtype.kind not in "biuf":
        raise ValueError(f"the target {target!r} of {name} is text (such as {y.iloc[0]!r}): is the model logistic?")
    values = y.to_numpy(dtype=np.float64)
    _refuse_infinite(f"the target {target!r}", name, values)
    centre, spread = values[train].mean(), values[train].std()
    if values[train].max() == values[train].min():
        raise ValueError(f"the target {target!r} of {name} is constant in the training rows: there is nothing to learn.")
    said = f"target {target!r} standardised too (mean {centre:.6g}, standard deviation {spread:.6g}): a constant has loss 1"
    return ((values - centre) / spread).astype(np.float32), said


def _class_target(name: str, target: str, y: Any, train: np.ndarray) -> tuple[np.ndarray, str]:
    labels = y.to_numpy()
    if labels.dtype.kind == "f":
        _refuse_infinite(f"the target {target!r}", name, labels)
        whole = labels == np.floor(labels)
        if not whole.all():
            raise ValueError(
                f"the target {target!r} of {name} holds numbers that are not classes (such as {labels[~whole][0]:g}): "
                "is the model linear?"
            )
        labels = labels.astype(np.int64)
    elif labels.dtype.kind not in "biu":
        labels = labels.astype(str)
    found, counts = np.unique(labels, return_counts=True)
    if len(found) > CATEGORIES:
        advice = "is it an identifier, or prose?" if labels.dtype.kind == "U" else "is the model linear?"
        raise ValueError(f"the target {target!r} of {name} has {len(found)} different values: {advice}")
    if len(found) == 1:
        raise ValueError(f"the target {target!r} of {name} has one class only, {found[0]}: there is nothing to tell apart.")
    unseen = sorted(set(found) - set(labels[train]))
    if unseen:
        raise ValueError(
            f"no training row of {name} has {target} = {unseen[0]}, which is too rare: leave such rows out, or try another "
            "--seed."
        )
    shown = ", ".join(f"{label} ({count})" for label, count in zip(found[:6], counts[:6], strict=True))
    return labels, f"target {target!r}: {len(found)} classes, {shown}{', ...' if len(found) > 6 else ''}"


def _refuse_infinite(what: str, name: str, values: np.ndarray) -> None:
    infinite = int(np.isinf(values).sum())
    if infinite:
        plural = "s" if infinite > 1 else ""
        raise ValueError(f"{what} of {name} has {infinite} infinite value{plural}: correct or remove such rows.")


def _columns(name: str, frame: Any, train: np.ndarray, notes: list[str]) -> dict[str, np.ndarray]:
    """Each column as one or more columns of floats."""
    columns: dict[str, np.ndarray] = {}
    for column, values in frame.items():
        if values.iloc[train].isna().all():
            advice = f"leave it out by --drop {column!r}"
            raise ValueError(f"column {column!r} of {name} has no value in the training rows: {advice}.")
        if values.dtype.kind in "biuf":
            columns.update(_numbers(name, column, values.to_numpy(dtype=np.float64), train, notes))
        else:
            columns.update(_categories(name, column, values, train, notes))
    return columns


def _numbers(name: str, column: str, values: np.ndarray, train: np.ndarray, notes: list[str]) -> dict[str, np.ndarray]:
    _refuse_infinite(f"column {column!r}", name, values)
    missing = np.isnan(values)
    if not missing.any():
        return {column: values}
    middle = float(np.nanmedian(values[train]))
    plural = "s" if missing.sum() > 1 else ""
    filled = f"{int(missing.sum())} missing value{plural} filled by the median ({middle:g})"
    notes.append(f"{column}: {filled}, and a column that marks them")
    return {column: np.where(missing, middle, values), f"{column} is missing": missing.astype(np.float64)}


def _categories(name: str, column: str, values: Any, train: np.ndarray, notes: list[str]) -> dict[str, np.ndarray]:
    """A column of zeros and ones for each value in the training rows but the first; missing is a value of its own."""
    given = values[values.notna()].astype(str)
    if given.str.fullmatch(DATE).all():
        raise ValueError(
            f"column {column!r} of {name} holds dates (such as {given.iloc[0]!r}): turn them into numbers, or leave it out "
            f"by --drop {column!r}."
        )
    values = values.astype(object).where(values.notna(), "(missing)").astype(str).to_numpy()
    found = sorted(set(values[train]))
    if len(found) > CATEGORIES:
        odd = [value for value in found if not _is_number(value)]
        some = f"numbers and text (such as {odd[0]!r})" if 2 * len(odd) < len(found) else f"text (such as {found[0]!r})"
        raise ValueError(
            f"column {column!r} of {name} is {some} with {len(found)} different values, too many to be categories: correct "
            f"it, or leave it out by --drop {column!r}."
        )
    if len(found) == 1:
        return {column: np.zeros(len(values))}
    missing = int((values == "(missing)").sum())
    notes.append(
        f"{column}: text with {len(found)} values{f', {missing} of them missing' if missing else ''}; "
        f"a column for each but {found[0]!r}"
    )
    return {f"{column}={value}": (values == value).astype(np.float64) for value in found[1:]}


def known_table(name: str, *, seed: int = 0) -> Table:
    """One of scikit-learn's data sets: diabetes or breast_cancer."""
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError("the demonstration needs scikit-learn's data sets: pip install 'jgd[data]'.") from None
    known = {"diabetes": (datasets.load_diabetes, "linear"), "breast_cancer": (datasets.load_breast_cancer, "logistic")}
    load, model = known[name]
    return prepare_table(name, load(as_frame=True).frame, "target", model, seed=seed)
