"""Files and tables of every kind as one: names, and the columns as they are held until one is read."""

import gzip
import io
import os
import textwrap
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jgd._checks import nearest
from jgd.data._columns import Column, as_column, is_number
from jgd.data._csv import read_csv

DENSE = 4 * 2**30  # bytes: a sparse file that would take more as dense rows is refused
FORMATS = ("csv", "parquet", "arrow", "svmlight", "npy", "npz")
# How files begin, and what to do with those that are no tables.
MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\x93NUMPY": "npy", b"PK\x03\x04": "npz"}
OTHERS = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save it as CSV, or give pandas.read_excel(...)",
    b"SQLite format 3": "an SQLite database: give pandas.read_sql(...)",
    b"\x89HDF": "an HDF5 file: give pandas.read_hdf(...), or arrays",
    b"\x80\x04": "a pickle: load it, and give the table in it",
    b"{": "JSON: give pandas.read_json(...)",
    b"[": "JSON: give pandas.read_json(...)",
}


class Reading(NamedTuple):
    """How a file is read; what is None is found out.

    Attributes:
      format: one of `FORMATS`.
      separator: between the fields of a line.
      decimal: "." or ",".
      columns: the names of the columns, of a file that has none.
      missing: texts that stand for a missing value, besides the usual ones.
    """

    format: str | None = None
    separator: str | None = None
    decimal: str | None = None
    columns: tuple[str, ...] | None = None
    missing: tuple[str, ...] = ()


class Table(NamedTuple):
    """A table whose columns are not read yet.

    Attributes:
      name: what messages call it.
      columns: the columns by name, as NumPy, pandas or Arrow hold them.
      reading: how it was read.
      notes: what was found out about it, a line each.
      target: the target's name, where the format has one.
      sparse: whether a column that is not there is one of zeros.
    """

    name: str
    columns: dict[str, Any]
    reading: Reading
    notes: list[str]
    target: str | None = None
    sparse: bool = False

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.columns.values())))

    def column(self, name: str, role: str = "column") -> Column:
        """The column of this name, read."""
        if self.sparse and name not in self.columns:
            return Column("numbers", np.zeros(self.rows))
        reading = self.reading
        what = f"{role} {name!r} of {self.name}"
        return as_column(what, self.columns[name], name, decimal=reading.decimal, missing=reading.missing)

    def known(self, name: str | int, what: str = "") -> str:
        """The name of a column, which a number says by its position.

        Raises:
          ValueError: if there is no such column; the message offers near names.
        """
        if isinstance(name, (int, np.integer)) and not isinstance(name, bool) and str(name) not in self.columns:
            if not -len(self.columns) <= name < len(self.columns):
                raise ValueError(f"{self.name} has no column number {name}: it has {len(self.columns)}, counted from 0.")
            return list(self.columns)[name]
        if str(name) not in self.columns:
            raise ValueError(f"{self.name} has no column {str(name)!r}{what}: {hint(str(name), self.columns)}")
        return str(name)


def hint(name: str, known: Iterable[str]) -> str:
    """A short hint at near names."""
    return textwrap.shorten(nearest(name, known), 300, placeholder=" ...")


def is_table(source: Any) -> bool:
    """Whether this is a file or a table with names, rather than bare numbers."""
    return (
        isinstance(source, (str, os.PathLike, Mapping))
        or any(hasattr(source, name) for name in ("read", "__arrow_c_stream__"))
        or hasattr(source, "columns")
        and hasattr(source, "dtypes")
    )


def read_table(source: Any, reading: Reading) -> Table:
    """A file, a frame, an Arrow table, or columns by name.

    Raises:
      ImportError: where the library that reads it is missing, saying what to install.
      TypeError: for what is no table.
      ValueError: for files that cannot be read, and tables without columns or rows, or with a name twice.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise ImportError("reading tables needs pyarrow: pip install 'jgd[data]'.") from None
    if isinstance(source, (str, os.PathLike)):
        return _from_buffer(Path(source).name, _mapped(Path(source)), reading)
    if hasattr(source, "read"):
        content = source.read()
        name = Path(str(getattr(source, "name", "the file"))).name
        return _from_buffer(name, pa.py_buffer(content.encode() if isinstance(content, str) else content), reading)
    if isinstance(source, Mapping):
        return _from_columns(source, reading)
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return _from_pandas(source, reading)
    if hasattr(source, "__arrow_c_stream__") and (hasattr(source, "schema") or hasattr(source, "columns")):
        return _from_arrow("the table", pa.table(source), reading)
    raise TypeError(
        f"source must be a file, a frame (pandas, polars), an Arrow table or columns by name, found {type(source).__name__}; "
        "arrays need no reading: give (X, y)."
    )


def _mapped(path: Path) -> Any:
    import pyarrow as pa

    if path.is_dir():
        raise ValueError(f"{path} is a directory: give a file in it.")
    if not path.exists():
        raise ValueError(f"no such file: {path}; {hint(path.name, (p.name for p in path.parent.glob('*') if p.is_file()))}")
    try:
        return pa.memory_map(str(path)).read_buffer() if path.stat().st_size else pa.py_buffer(b"")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from None


def _from_buffer(name: str, buffer: Any, reading: Reading) -> Table:
    import pyarrow as pa

    head = buffer[:4096].to_pybytes()
    if head.startswith(b"\x1f\x8b"):
        try:
            buffer = pa.py_buffer(gzip.decompress(buffer))
        except (OSError, EOFError) as error:
            raise ValueError(f"{name} cannot be decompressed: {error}.") from None
        head = buffer[:4096].to_pybytes()
    kind = _format(name, head, buffer) if reading.format is None else reading.format
    if kind not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, found {kind!r}.")
    if kind == "csv":
        options = {key: getattr(reading, key) for key in ("separator", "decimal", "columns", "missing")}
        table, notes, decimal = read_csv(name, buffer, **options)
        made = _from_arrow(name, table, reading._replace(decimal=decimal))
        return made._replace(notes=notes + made.notes)
    if kind == "svmlight":
        return _svmlight(name, buffer, reading)
    table = _loaded(name, kind, buffer)
    return _from_arrays(name, table, reading) if isinstance(table, dict) else _from_arrow(name, table, reading)


def _loaded(name: str, kind: str, buffer: Any) -> Any:
    """A binary file as an Arrow table, or as arrays by name; a lone array has none."""
    import pyarrow as pa

    try:
        if kind == "parquet":
            from pyarrow import parquet

            return parquet.read_table(pa.BufferReader(buffer))
        if kind == "arrow":
            is_file = buffer[:6].to_pybytes() == b"ARROW1"
            return (pa.ipc.open_file if is_file else pa.ipc.open_stream)(buffer).read_all()
        arrays = np.load(io.BytesIO(buffer), allow_pickle=False)
        return dict(arrays) if kind == "npz" else {"": arrays}
    except (pa.ArrowInvalid, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name} cannot be read as {kind}: {str(error).rstrip('.')}.") from None


def _format(name: str, head: bytes, buffer: Any) -> str:
    """What a file is by how it begins; its name says less."""
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if found == "npz" and b".npy" not in head and zipfile.is_zipfile(io.BytesIO(buffer)):
        raise ValueError(f"{name} is a zip archive without arrays: unpack it, or, if it is an Excel workbook, save it as CSV.")
    if head.startswith(b"\xff\xff\xff\xff"):
        found = "arrow"
    other = next((what for magic, what in OTHERS.items() if head.startswith(magic)), None)
    if other is not None:
        raise ValueError(f"{name} is {other}.")
    return found or ("svmlight" if _is_svmlight(head) else "csv")


def _is_svmlight(head: bytes) -> bool:
    """Whether the first line is a number and pairs such as 3:0.5."""
    lines = [line.split(b"#")[0].split() for line in head.splitlines()]
    label, *pairs = next(filter(None, lines), [b""])
    return bool(pairs) and is_number(label.decode("latin-1")) and all(pair.count(b":") == 1 for pair in pairs[:3])


def _from_columns(columns: Mapping, reading: Reading) -> Table:
    """A dict of columns, which are lists, arrays or series of one length."""
    length = lambda column: (len(column),) if hasattr(column, "__len__") and not isinstance(column, str) else ()
    found = {str(name): getattr(column, "shape", length(column)) for name, column in columns.items()}
    if any(len(shape) != 1 for shape in found.values()) or len(set(found.values())) > 1:
        shown = ", ".join(f"{name} {shape}" for name, shape in found.items())
        raise ValueError(f"the table's columns must be lists (or arrays) of one length, found shapes {shown}.")
    return _checked("the table", list(found), list(columns.values()), reading)


def _from_arrow(name: str, table: Any, reading: Reading) -> Table:
    return _checked(name, table.column_names, table.columns, reading)


def _from_pandas(frame: Any, reading: Reading) -> Table:
    table = _checked("the frame", list(map(str, frame.columns)), [frame.iloc[:, j] for j in range(frame.shape[1])], reading)
    if type(frame.index).__name__ != "RangeIndex" and (frame.index.names != [None] or frame.index.dtype.kind not in "iu"):
        named = [name for name in frame.index.names if name is not None]
        said = f" ({', '.join(map(str, named))})" if named else ""
        table.notes.append(f"the frame's index{said} left out: reset_index() makes columns of it")
    return table


def _from_arrays(name: str, arrays: dict[str, np.ndarray], reading: Reading) -> Table:
    """Columns of arrays: one of two dimensions has a column for each of its own, one of records for each of its fields."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    for key, array in arrays.items():
        if array.dtype.names:
            names += array.dtype.names
            columns += [array[field] for field in array.dtype.names]
        elif array.ndim == 1 and key:
            names.append(key)
            columns.append(array)
        elif array.ndim == 2:
            names += [f"{key}[{j}]" if key else str(j) for j in range(array.shape[1])]
            columns += list(array.T)
        else:
            what = f"the array {key!r} of {name}" if key else name
            raise ValueError(f"{what} has shape {array.shape}: it needs rows and columns{' (or rows alone)' * bool(key)}.")
    if len({len(column) for column in columns}) > 1:
        found = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        raise ValueError(f"the arrays of {name} differ in their number of rows: {found}.")
    return _checked(name, names, columns, reading)


def _svmlight(name: str, buffer: Any, reading: Reading) -> Table:
    """Columns named by their numbers in the file, whether it counts from 0 or from 1."""
    try:
        from sklearn.datasets import load_svmlight_file
    except ImportError:
        raise ImportError("reading svmlight files needs scikit-learn: pip install 'jgd[data]'.") from None
    try:
        X, y = load_svmlight_file(io.BytesIO(buffer), zero_based=True)
    except (ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"{name} cannot be read as svmlight: {error}.") from None
    size = X.shape[0] * X.shape[1] * X.dtype.itemsize
    if size > DENSE:
        raise ValueError(
            f"{name} has {X.shape[0]} rows x {X.shape[1]} columns, which as dense rows are {size / 2**30:.3g} GiB, more than "
            f"{DENSE / 2**30:.3g}: keep fewer of its columns (sklearn.feature_selection) or rows, and give those as arrays."
        )
    dense = X.toarray(order="F")
    columns = {str(j): dense[:, j] for j in range(X.shape[1])}
    if not dense[:, 0].any():
        del columns["0"]  # it counts from 1
    made = _checked(name, ["label", *columns], [y, *columns.values()], reading)
    return made._replace(target="label", sparse=True)


def _checked(name: str, names: Sequence[str], columns: Sequence[Any], reading: Reading) -> Table:
    """The table, once each name has been found once; columns without a name are left out."""
    twice = sorted({text for text in names if names.count(text) > 1 and not _is_unnamed(text)})
    if twice:
        raise ValueError(f"{name} has more than one column called {twice[0]!r}: rename all but one.")
    if not len(columns) or not len(columns[0]):
        raise ValueError(f"{name} has {'no rows' if len(columns) else 'no columns'}.")
    kept = {text: column for text, column in zip(names, columns, strict=True) if not _is_unnamed(text)}
    if not kept:
        raise ValueError(f"{name} has no column with a name.")
    left = len(names) - len(kept)
    notes = [f"{'a column' if left == 1 else f'{left} columns'} without a name left out"] if left else []
    return Table(name, kept, reading, notes)


def _is_unnamed(name: str) -> bool:
    """Whether a column has no name, or the one that pandas gives a column or an index that has none."""
    return name.strip() == "" or name.startswith(("Unnamed: ", "__index_level_"))
