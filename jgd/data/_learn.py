"""What an encoder knows: learnt from the training rows of a table, and said."""

import textwrap

import numpy as np

from jgd.data._columns import Column, is_number, leave_out
from jgd.data._encoder import MISSING, OTHER, Feature, Source, check_missing, part_of, plural


def learn(
    table: str, used: dict[str, Column], train: np.ndarray, notes: list[str], impute: str | None, categories: int,
    rare: int, standardize: bool,
) -> tuple[dict[str, Source], tuple[Feature, ...]]:  # fmt: skip
    """What each column is, and the columns of X it makes, by the training rows; what is done is said in the notes.

    Raises:
      ValueError: for texts of too many values, missing values that are to be refused, and where nothing is left to learn from.
    """
    sources: dict[str, Source] = {}
    features: list[Feature] = []
    empty, constant = [], []
    for name, column in used.items():
        if column.note:
            notes.append(f"{name}: {column.note}")
        if column.take(train).missing.all():
            empty.append(name)
            continue
        if column.kind == "text":
            source = _texts(table, name, column, train, notes, impute, categories, rare)
            parts = [Feature(f"{name}={label}", name, "label", label) for label in source.labels[1:]]
        else:
            source = _numbers(table, name, column, train, notes, impute)
            marked = [Feature(f"{name} is missing", name, "missing")] if column.take(train).missing.any() else []
            parts = [Feature(name, name, "value"), *marked]
        kept = []
        for part in parts:
            seen = part_of(source, column.take(train), part)
            # Not by the standard deviation, which rounding keeps from zero.
            if seen.max() == seen.min():
                constant.append(part.name)
                continue
            mean, scale = moments(f"column {name!r} of {table}", seen) if standardize else (0.0, 1.0)
            kept.append(part._replace(mean=mean, scale=scale))
        if not parts:
            constant.append(name)
        if kept:
            sources[name], features = source, [*features, *kept]
    for what, names in (("empty", empty), ("constant", constant)):
        if names:
            notes.append(f"{what} in the training rows, left out: {textwrap.shorten(', '.join(names), 300, placeholder=' ...')}")
    if not used:
        raise ValueError(f"{table} has no column besides the target to learn from.")
    if not features:
        what = "empty or constant" if empty else "constant"
        raise ValueError(f"every column of {table} is {what} in the training rows: there is nothing to learn from.")
    names = [feature.name for feature in features]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise ValueError(f"two columns made of {table} would be called {twice!r}: rename one of its own.")
    return sources, tuple(features)


def _numbers(table: str, name: str, column: Column, train: np.ndarray, notes: list[str], impute: str | None) -> Source:
    if column.kind == "numbers":
        notes += _as_key(name, column)
    seen = column.values[train][~column.missing[train]]
    reach = (float(seen.min()), float(seen.max())) if column.kind == "numbers" else None
    if impute is None:
        check_missing(table, name, Source(column.kind), column)
        return Source(column.kind, reach=reach)
    if column.kind == "flags":
        fill, how = float(np.mean(seen) > 0.5), "the more frequent"
    else:
        fill, how = float(np.median(seen) if impute == "median" else np.mean(seen)), f"the {impute}"
    count = int(column.missing.sum())
    if count:
        marked = ", and a column that marks them" if column.missing[train].any() else ""
        notes.append(f"{name}: {plural(count, 'missing value')} filled by {how} ({fill:g}){marked}")
    return Source(column.kind, fill, reach=reach)


def _as_key(name: str, column: Column) -> list[str]:
    """A note where each row has a number of its own: that says nothing of rows to come."""
    values = column.values
    n, used = len(values), "and is used all the same"
    if n > 4 and values[0] in (0, 1) and (values == np.arange(n) + values[0]).all():
        return [f"{name}: counts the rows, {used}; if it is only an index, {leave_out(name)}"]
    if n < 20 or column.missing.any() or (values != np.floor(values)).any():
        return []
    # Of n numbers by chance out of m about n^2 / 2m pairs are the same: here at least 10, and there is none.
    if 20 * (np.ptp(values) + 1) > n**2 or len(np.unique(values)) < n:
        return []
    return [f"{name}: another whole number in each row, as ids are, {used}; if it only names the rows, {leave_out(name)}"]


def _texts(
    table: str, name: str, column: Column, train: np.ndarray, notes: list[str], impute: str | None, categories: int, rare: int
) -> Source:
    """The labels that are told apart: those of the training rows, in order; then `(other)` and `(missing)`."""
    fill = None if impute is None else 0.0
    check_missing(table, name, Source("text", fill), column)
    seen = column.values[train]
    counts = np.bincount(seen[seen >= 0], minlength=len(column.labels))
    labels = [label for label, count in zip(column.labels, counts, strict=True) if count >= max(rare, 1)]
    few = int(((counts > 0) & (counts < rare)).sum())
    odd = [label for label in labels if not is_number(label)]
    numeric = len(labels) - len(odd)
    many = len(labels) > categories or len(seen) >= 20 and 2 * len(labels) > len(seen)
    if many or numeric >= 10 and 0 < len(odd) <= 3:
        mixed = 2 * len(odd) < len(labels)
        some = f"numbers and text (such as {odd[0]!r})" if odd and mixed else f"text (such as {labels[0]!r})"
        advice = f"if {odd[0]!r} stands for a missing value, give missing=[{odd[0]!r}] (--missing)" if odd and mixed else ""
        join = "join the rare ones by rare=10 (--rare), " if many else ""
        raise ValueError(
            f"column {name!r} of {table} is {some} with {len(labels)} different values in {len(seen)} rows, too many to be "
            f"categories: {advice or join + 'correct it'}, or {leave_out(name)}."
        )
    gaps = int(column.missing.sum())
    labels += [OTHER] * bool(few) + [MISSING] * bool((seen < 0).any())
    if len(labels) > 1:
        lost = f", {gaps} of them missing" if gaps else ""
        joined = f", {few} of fewer than {rare} rows joined as {OTHER!r}" if few else ""
        notes.append(f"{name}: text with {len(labels)} values{lost}{joined}; a column for each but {labels[0]!r}")
    return Source("text", fill, tuple(labels))


def moments(what: str, seen: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean, scale = float(np.mean(seen)), float(np.std(seen))
    if not (np.isfinite(mean) and np.isfinite(scale)) or scale == 0.0:
        raise ValueError(
            f"{what} holds numbers too {'small' if scale == 0.0 else 'large'} to standardise (up to {np.abs(seen).max():.3g}): "
            "give it in another unit."
        )
    return mean, scale
