"""Comma-separated values (or semicolons, or tabs) as an Arrow table; what is wrong with a file is said by line and name."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from jgd.data._columns import decimal_mark, is_number

HEAD = 2**20  # bytes: a line of names is shorter


def read_csv(
    name: str, buffer: Any, *, separator: str | None, decimal: str | None, columns: Sequence[str] | None, missing: Sequence[str]
) -> tuple[Any, list[str], str | None]:
    """An Arrow table, what was found out about the file, and the decimal mark if it is not the usual one.

    Raises:
      ValueError: if it is empty, not text, without names, or its rows differ in length.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    head, notes = _text(name, buffer[:HEAD].to_pybytes()), []
    if not head.strip():
        raise ValueError(f"{name} is empty: it needs a line of column names and lines of values.")
    if separator is None:
        separator = _separator(head)
        if separator != ",":
            notes.append(f"read as separated by {'tabs' if separator == chr(9) else 'semicolons'}")
    names = list(map(str, columns)) if columns is not None else _header(name, head, separator)
    if columns is None:
        _check_header(name, names)

    nulls = [*arrow.ConvertOptions().null_values, "None", "<NA>", *missing]
    parsed = lambda buffer, decimal: arrow.read_csv(
        pa.BufferReader(buffer),
        read_options=arrow.ReadOptions(autogenerate_column_names=columns is not None),
        parse_options=arrow.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=arrow.ConvertOptions(strings_can_be_null=True, null_values=nulls, decimal_point=decimal or "."),
    )
    try:
        table = parsed(buffer, decimal)
        if table.num_columns != len(names):
            raise pa.ArrowInvalid(f"there are {len(names)} names and {table.num_columns} columns")
    except pa.ArrowInvalid as error:
        buffer = _rewritten(name, buffer, separator, len(names), columns is not None)
        try:
            table = parsed(buffer, decimal)
        except pa.ArrowInvalid:
            raise ValueError(_said(name, error)) from None
    if any(pa.types.is_binary(column.type) for column in table.columns):
        _text(name, buffer.to_pybytes())
    if decimal is None and any(_has_decimal_commas(column) for column in table.columns):
        decimal, table = ",", parsed(buffer, ",")
        notes.append("numbers have decimal commas")
    if len(table) == 0:
        raise ValueError(f"{name} has column names but no rows.")
    return table.rename_columns(names), notes, decimal


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start > len(content) - 4 and len(content) == HEAD:
            return content[: error.start].decode("utf-8-sig")
        raise ValueError(
            f"{name} is not text in UTF-8 ({error.reason} at byte {error.start}): save it as CSV in UTF-8."
        ) from None


def _separator(head: str) -> str:
    """The mark that the first line has most often outside of quotes; the comma where there is none."""
    first = next(line for line in head.splitlines() if line.strip())
    counts = Counter(re.sub(r'"[^"]*"', "", first))
    return max(",;\t", key=lambda mark: counts[mark])


def _header(name: str, head: str, separator: str) -> list[str]:
    """The names of the columns."""
    lines = csv.reader(io.StringIO(head, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        names = next((line for line in lines if len(line) > 1 or any(map(str.strip, line))), [])
        if names:
            return [text.strip() for text in names]
        raise ValueError(f"{name} has no names of columns: it needs a line of them and lines of values.")
    except csv.Error as error:
        raise ValueError(_said(name, error)) from None


def _check_header(name: str, names: list[str]) -> None:
    values = [text for text in names if "." in text and is_number(text)]
    if values or len(names) > 1 and all(map(is_number, names)) and len(set(names)) < len(names):
        raise ValueError(
            f"the first line of {name} holds values (such as {(values or names)[0]}), not the names of the columns: put a line "
            "of names before it, or give columns=[...] (--columns)."
        )


def _has_decimal_commas(column: Any) -> bool:
    import pyarrow as pa

    if not pa.types.is_string(column.type):
        return False
    labels = [text.strip() for text in column.unique().to_pylist() if text is not None]
    return decimal_mark(labels) == ","


def _rewritten(name: str, buffer: Any, separator: str, expected: int, named: bool) -> Any:
    """The file without the spaces before quotes, which Arrow takes for text; or, where its rows differ in length, an error."""
    import pyarrow as pa

    lines = csv.reader(io.StringIO(_text(name, buffer.to_pybytes()), newline=""), delimiter=separator, skipinitialspace=True)
    rewritten = io.StringIO(newline="")
    write = csv.writer(rewritten, delimiter=separator).writerow
    what = f"there are {expected} names" if named else f"the line of column names {expected}"
    try:
        for line in filter(None, lines):
            if len(line) != expected:
                raise ValueError(f"{name} is ragged: line {lines.line_num} has {len(line)} fields, {what}.")
            write(line)
    except csv.Error as error:
        raise ValueError(_said(name, error)) from None
    return pa.py_buffer(rewritten.getvalue().encode())


def _said(name: str, error: Exception) -> str:
    return f"{name} cannot be read as CSV: {str(error).rstrip('.')}."
