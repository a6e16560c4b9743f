"""`read`: a file or a table as a data set, saying what was done to it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jgd.data._columns import Column
from jgd.data._dataset import Dataset
from jgd.data._encoder import Encoder, Target, as_labels, plural, weights
from jgd.data._files import Reading, Table, read_table
from jgd.data._learn import learn, moments

CLASSES = 20  # whole numbers of more values are no labels
LABELS = 50  # a target of more classes is rather an identifier, prose or a number


def read(
    source: Any,
    target: str | int | None = None,
    *,
    sample_weight: str | int | None = None,
    drop: Sequence[str | int] = (),
    classes: bool | None = None,
    held_out: float | None = None,
    seed: int = 0,
    standardize: bool | str = True,
    impute: str | None = "median",
    categories: int = 50,
    rare: int = 1,
    missing: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    format: str | None = None,
) -> Dataset:
    """A file or a table as a data set that `fit`, `sweep`, `solve` and `cross_validate` take as it is.

    Numbers become x_j = (value - m_j) / s_j with mean and deviation of the training rows; truth values are 0 and 1 before that;
    of a text column each value but the first has a column of zeros and ones, called `city=Paris`. A missing number is filled
    in, and marked by a column of its own (`age is missing`); a missing text is a value, `(missing)`. Constant and empty columns
    and rows without a target are left out. Each such thing is said in a line of `notes`; dates, nested values, infinite values
    and texts of too many values are refused, with what to do.

    Args:
      source: a path or an open file (CSV with commas, semicolons or tabs, Parquet, Arrow IPC, svmlight, .npy, .npz; also in
        gzip), a pandas or polars frame, an Arrow table, or a dict of columns. A file is known by how it begins.
      target: the column to predict, by name or position; a svmlight file has its own.
      sample_weight: a column of weights.
      drop: columns to leave out.
      classes: whether the target is labels; if not given, text and truth values are, and whole numbers of two values,
        or of up to 20 that stand in four rows each, on average.
      held_out: a share of the rows to keep from training, drawn by the seed: `data.held_out`. Nothing is learnt from them. (The
        folds of `cross_validate` and the share of `fit(validation=0.2)` are of what was read, with its means and fillings.)
      seed: of that draw.
      standardize: the columns, and a target that is not labels; or "columns" alone, or False. Predictions for tables are in
        the target's own unit in any case, and `data.encoder.in_units(params)` tells the parameters in the units of the table.
      impute: what stands for a missing number: "median" or "mean" of the training rows (the more frequent truth value); None
        refuses missing values.
      categories: how many values a text column may have.
      rare: texts that fewer training rows than this have are one value, `(other)`.
      missing: texts that stand for a missing value, besides the usual ones of CSV files.
      columns: the names of the columns of a CSV file that has none.
      separator, decimal, format: of a file, where it is not to be found out; `decimal` is "." or ",".

    Returns:
      A `jgd.Dataset` of the training rows with, on the host, `columns`, `notes`, `held_out`, and `encoder`, which turns
      another table of these columns into the same X.

    Raises:
      ImportError: if pyarrow (or, for svmlight, scikit-learn) is missing: pip install 'jgd[data]'.
      TypeError, ValueError: for what cannot be read or used, with what was found and what to do.

    >>> import jgd
    >>> houses = {"size": [50, 80, None, 120], "town": ["Bonn", "York", "Bonn", "York"], "price": [1.5, 2.0, 1.7, 3.1]}
    >>> data = jgd.read(houses, target="price")
    >>> data
    Dataset(4 rows x 3 columns, float32)
    >>> print(*data.notes, sep="\\n")
    size: 1 missing value filled by the median (80), and a column that marks them
    town: text with 2 values; a column for each but 'Bonn'
    target 'price' standardised too (mean 2.075, standard deviation 0.61796): a constant has loss 1
    4 rows; 3 columns, standardised
    >>> result = jgd.solve(jgd.linear_regression(l2=0.1), data)
    >>> result.predict({"size": [100], "town": ["York"]}).shape
    (1,)
    """
    _check_options(standardize, impute, decimal, held_out, columns, separator)
    texts = None if columns is None else tuple(map(str, columns))
    table = read_table(source, Reading(format, separator, decimal, texts, tuple(missing)))
    notes = list(table.notes)
    target, weight, dropped = _roles(table, target, sample_weight, drop)
    found = table.column(target, "the target")
    rows = np.flatnonzero(~found.missing)
    if len(rows) < table.rows:
        notes.append(f"{table.rows - len(rows)} rows without a target left out")
    least = 1 if held_out is None else 5
    if len(rows) < least:
        what = "at least 5 are needed to train and to hold out" if held_out is not None else "at least 1 is needed"
        raise ValueError(f"{table.name} has {len(rows)} rows with a target; {what}.")
    train, test = (np.arange(len(rows)), None) if held_out is None else _split(len(rows), held_out, seed)
    found = found.take(rows)
    goal, said = _target(table.name, target, found, train, classes, standardize is True)
    used = {name: table.column(name).take(rows) for name in table.columns if name not in {target, weight, *dropped}}
    sources, features = learn(table.name, used, train, notes, impute, categories, rare, bool(standardize))
    encoder = Encoder(sources, features, goal, weight, table.reading)
    y, w = encoder.targets(table.name, found), None if weight is None else weights(table, weight).values[rows]
    X = encoder.matrix({name: used[name] for name in sources})
    how = ", standardised" if standardize else ""
    split = f"{len(train)} rows to train on, {len(test)} held out" if test is not None else plural(len(rows), "row")
    by = " by the training rows" if standardize and test is not None else ""
    notes += [said, f"{split}; {plural(len(features), 'column')}{how}{by}"]

    def made(some):
        data = Dataset(X[some], y[some], None if w is None else w[some], columns=encoder.columns)
        data.encoder, data.notes = encoder, tuple(notes)
        return data

    data = made(slice(None) if test is None else train)
    if test is not None:
        data.held_out = made(test)
    return data


def _check_options(standardize: Any, impute: Any, decimal: Any, held_out: Any, columns: Any, separator: Any) -> None:
    if standardize not in (True, False, "columns"):
        raise ValueError(f"standardize must be True, 'columns' or False, found {standardize!r}.")
    if impute not in ("median", "mean", None):
        raise ValueError(f"impute must be 'median', 'mean' or None, found {impute!r}.")
    if decimal not in (".", ",", None):
        raise ValueError(f"decimal must be '.' or ',', found {decimal!r}.")
    if held_out is not None and not 0 < held_out < 1:
        raise ValueError(f"held_out must be a share between 0 and 1, found {held_out!r}.")
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of names, found {columns!r}.")
    if separator is not None and len(separator) != 1:
        raise ValueError(f"separator must be one character, found {separator!r}.")


def _roles(table: Table, target: Any, weight: Any, drop: Any) -> tuple[str, str | None, set[str]]:
    """The names of the target, of the weights and of what is left out."""
    if isinstance(drop, str):
        raise TypeError(f"drop must be a list of names, found {drop!r}: write drop=[{drop!r}].")
    if target is None and table.target is None:
        more = ", ..." if len(table.columns) > 12 else ""
        raise ValueError(f"the target is missing: which of the columns {', '.join(list(table.columns)[:12])}{more}?")
    target = table.known(table.target if target is None else target)
    weight, dropped = None if weight is None else table.known(weight), {table.known(name) for name in drop}
    if target in dropped:
        raise ValueError(f"the target {target!r} is among the columns to drop.")
    if weight == target or weight in dropped:
        raise ValueError(f"the weights {weight!r} are {'the target too' if weight == target else 'among the columns to drop'}.")
    return target, weight, dropped


def _split(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and those held out, in the order of the file."""
    order = np.random.default_rng(seed).permutation(n)
    held = min(n - 1, max(1, round(share * n)))
    return np.sort(order[held:]), np.sort(order[:held])


def _target(
    table: str, name: str, column: Column, train: np.ndarray, classes: bool | None, standardize: bool
) -> tuple[Target, str]:
    """The target, and a line that says what it is."""
    what, values = f"the target {name!r} of {table}", column.values
    if classes is None:
        is_class = column.kind != "numbers" or _may_be_labels(values)
        asked = "" if column.kind != "numbers" or not is_class else " (as a number: classes=False, --model linear)"
    else:
        is_class, asked = classes, ""
    if is_class:
        return Target(name, column.kind, True), _classes(what, table, name, column, train) + asked
    if column.kind == "text":
        raise ValueError(f"{what} is text (such as {column.labels[column.values[0]]!r}): is the model logistic?")
    seen = values[train]
    if seen.max() == seen.min():
        raise ValueError(f"{what} is constant in the training rows: there is nothing to learn.")
    if not standardize:
        return Target(name, column.kind, False), f"target {name!r}: a number, as it is"
    centre, spread = moments(what, seen)
    said = f"target {name!r} standardised too (mean {centre:.6g}, standard deviation {spread:.6g}): a constant has loss 1"
    return Target(name, column.kind, False, centre, spread), said


def _may_be_labels(values: np.ndarray) -> bool:
    """Whether numbers are whole and so few that they may stand for classes: two, or up to 20 in four rows each."""
    found = len(np.unique(values))
    return bool((values == np.floor(values)).all()) and (found <= 2 or found <= CLASSES and 4 * found <= len(values))


def _classes(what: str, table: str, name: str, column: Column, train: np.ndarray) -> str:
    """Checks labels, and says which they are."""
    if column.kind == "numbers":
        whole = column.values == np.floor(column.values)
        if not whole.all():
            raise ValueError(
                f"{what} holds numbers that are not classes (such as {column.values[~whole][0]:g}): is the model linear?"
            )
    labels = as_labels(column)
    found, counts = np.unique(labels, return_counts=True)
    if len(found) > LABELS:
        advice = "is it an identifier, or prose?" if column.kind == "text" else "is the model linear?"
        raise ValueError(f"{what} has {len(found)} different values: {advice}")
    if len(found) == 1:
        raise ValueError(f"{what} has one class only, {found[0]}: there is nothing to tell apart.")
    unseen = sorted(set(found) - set(labels[train]))
    if unseen:
        raise ValueError(
            f"no training row of {table} has {name} = {unseen[0]}, which is too rare: leave such rows out, or try another "
            "seed (--seed)."
        )
    shown = ", ".join(f"{label} ({count})" for label, count in zip(found[:6], counts[:6], strict=True))
    return f"target {name!r}: {len(found)} classes, {shown}{', ...' if len(found) > 6 else ''}"
