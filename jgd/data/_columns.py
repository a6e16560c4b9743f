"""A column of a table as numbers, truth values or texts, whatever holds it; what is none of these is refused, with advice."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# What most writings of a date begin with.
DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*", re.DOTALL)
SPACE = "'\u2019 \u00a0\u202f"  # between thousands in several countries
SIGNS = "$€£¥%"
NUMBER = {mark: re.compile(rf"[+-]?(\d+\{mark}?\d*|\{mark}\d+)([eE][+-]?\d+)?") for mark in ".,"}
THOUSANDS = {
    ".": re.compile(rf"[+-]?\d{{1,3}}([,{SPACE}]\d{{3}})+(\.\d+)?"),
    ",": re.compile(rf"[+-]?\d{{1,3}}([.{SPACE}]\d{{3}})+(,\d+)?"),
}
DERIVE = (
    "a linear model needs numbers of it, such as the days since a first one, the year, the month, the weekday or the hour "
    "(with pandas: (day - day.min()).dt.days, day.dt.month)"
)


class Column(NamedTuple):
    """A column, read.

    Attributes:
      kind: "numbers", "flags" (truth values), "text", or "empty".
      values: (n,) floats with NaN where one is missing; of text codes, with -1 there.
      labels: the distinct texts, in the order of their codes.
      note: what was done to it, if anything.
    """

    kind: str
    values: np.ndarray
    labels: tuple[str, ...] = ()
    note: str = ""

    @property
    def missing(self) -> np.ndarray:
        """Which of its values are missing, (n,) booleans."""
        return self.values < 0 if self.kind == "text" else np.isnan(self.values)

    def take(self, rows: np.ndarray) -> "Column":
        """These rows of it."""
        return self._replace(values=self.values[rows])


def as_column(what: str, values: Any, name: str, *, decimal: str | None = None, missing: Sequence[str] = ()) -> Column:
    """The column from a NumPy array, a pandas series or an Arrow array.

    Args:
      what: what a message calls it.
      values: the column as it is held.
      name: the column's name, for advice.
      decimal: "." or ",", where texts may be numbers written so; None finds out.
      missing: texts that stand for a missing value.

    Raises:
      ValueError: for infinite values, dates, nested values, mixed types, and numbers whose comma may mean either.
    """
    dtype = getattr(values, "dtype", None)
    if hasattr(dtype, "fill_value"):  # pandas's sparse ones
        values, dtype = np.asarray(values), dtype.subtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return _plain(what, np.asarray(values))
    import pyarrow as pa

    if not isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = _to_arrow(what, values, name)
    kind, types = values.type, pa.types
    if types.is_null(kind):
        return Column("empty", np.full(len(values), np.nan))
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        numbers = values.cast(pa.int8() if types.is_boolean(kind) else kind).cast(pa.float64(), safe=False)
        column = _plain(what, numbers.to_numpy(zero_copy_only=False) if isinstance(numbers, pa.Array) else numbers.to_numpy())
        return column._replace(kind="flags") if types.is_boolean(kind) and column.kind == "numbers" else column
    if types.is_dictionary(kind):
        return _coded(values, missing)
    if types.is_string(kind) or types.is_large_string(kind) or kind == pa.string_view():
        return _text(what, values.cast(pa.large_string()), name, decimal, missing)
    raise ValueError(_refusal(what, kind, values, name))


def leave_out(name: str) -> str:
    """The advice to do without a column."""
    return f"leave it out (drop=[{name!r}], --drop {name!r})"


def refuse_infinite(what: str, values: np.ndarray) -> None:
    """Refuses infinite values, counted."""
    infinite = int(np.isinf(values).sum())
    if infinite:
        plural = "s" if infinite > 1 else ""
        raise ValueError(f"{what} has {infinite} infinite value{plural}: correct or remove such rows.")


def is_number(text: str) -> bool:
    """Whether a text is a number as Python reads it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def decimal_mark(labels: Sequence[str], decimal: str | None = None) -> str | None:
    """The decimal mark by which all the texts are numbers: "." or ","; "both" where either may be meant, None for other texts."""
    reads = lambda mark: all(NUMBER[mark].fullmatch(text) or THOUSANDS[mark].fullmatch(text) for text in labels)
    marks = [mark for mark in decimal or ".," if reads(mark)] if labels else []
    if len(marks) < 2:
        return marks[0] if marks else None
    return "both" if any("," in text for text in labels) else "."


def _plain(what: str, values: np.ndarray) -> Column:
    """Numbers and truth values that NumPy has types for."""
    numbers = values.astype(np.float64)
    if np.isnan(numbers).all():
        return Column("empty", numbers)
    refuse_infinite(what, numbers)
    return Column("flags" if values.dtype.kind == "b" else "numbers", numbers)


def _to_arrow(what: str, values: Any, name: str) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        found = sorted({type(value).__name__ for value in np.ravel(np.asarray(values, dtype=object))})
        raise ValueError(f"{what} holds {', '.join(found)}: make it all numbers or all text, or {leave_out(name)}.") from None


def _coded(values: Any, missing: Sequence[str]) -> Column:
    """Texts by their codes; those of spaces alone are missing too, and no label is there that no row has."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        values = values.unify_dictionaries().combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # of no rows
        return Column("empty", np.zeros(0))
    codes = values.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    texts = ["" if text is None else str(text).strip() for text in values.dictionary.to_pylist()]
    labels = tuple(sorted({texts[code] for code in np.unique(codes[codes >= 0])} - {"", *missing}))
    if not labels:
        return Column("empty", np.full(len(codes), np.nan))
    place = {label: i for i, label in enumerate(labels)}
    table = np.array([place.get(text, -1) for text in texts] + [-1])  # whose last is that of the code -1
    return Column("text", table[codes], labels)


def _text(what: str, values: Any, name: str, decimal: str | None, missing: Sequence[str]) -> Column:
    """Texts, or the numbers that they are."""
    column = _coded(values.dictionary_encode(), missing)
    if column.kind == "empty":
        return column
    labels = column.labels
    if all(DATE.fullmatch(label) for label in labels) and decimal_mark(labels) is None:
        raise ValueError(f"{what} holds dates (such as {labels[0]!r}): {DERIVE}; or {leave_out(name)}.")
    sign = _common_sign(labels)
    if sign:
        labels = tuple(label.replace(sign, "").strip() for label in labels)
    mark = decimal_mark(labels, decimal)
    if mark == "both":
        some = next(label for label in labels if "," in label)
        raise ValueError(
            f"{what} holds numbers with a comma that may stand for thousands or for decimals (such as {some!r}): give "
            "decimal='.' or decimal=',' (--decimal)."
        )
    if mark is None:
        return column
    between = "." if mark == "," else ","
    plain = lambda label: float(re.sub(rf"[{between}{SPACE}]", "", label).replace(mark, "."))
    numbers = np.array([*map(plain, labels), np.nan])[column.values]
    refuse_infinite(what, numbers)
    grouped, comma = (next((label for label in labels if set(label) & set(marks)), "") for marks in (between + SPACE, ","))
    written = "with separated thousands" if grouped else "with decimal commas" if comma else "stored as text"
    if sign:
        written, grouped = f"with {sign}", column.labels[0]
    return Column("numbers", numbers, note=f"numbers {written} (such as {grouped or comma or labels[0]!r}), read as numbers")


def _common_sign(labels: Sequence[str]) -> str:
    """The sign of a currency or of per cent that every text has once."""
    signs = {"".join(mark for mark in label if mark in SIGNS) for label in labels}
    return next(iter(signs)) if len(signs) == 1 and len(next(iter(signs))) == 1 else ""


def _refusal(what: str, kind: Any, values: Any, name: str) -> str:
    import pyarrow as pa

    types, some = pa.types, values.drop_null()
    first = f" (such as {str(some[0].as_py())!r})" if len(some) and not types.is_nested(kind) else ""
    if types.is_date(kind) or types.is_timestamp(kind) or "period" in str(kind):
        return f"{what} holds dates{first}: {DERIVE}; or {leave_out(name)}."
    if types.is_time(kind):
        return f"{what} holds times of day{first}: give a number, such as the hours since midnight; or {leave_out(name)}."
    if types.is_duration(kind):
        return f"{what} holds durations{first}: give a number, such as seconds; or {leave_out(name)}."
    return f"{what} holds values of type {kind}: make columns of numbers or text of it, or {leave_out(name)}."
