"""Files of every kind: the same table gives the same data set, bit for bit; what is wrong with one is said."""

import gzip
import io
import pickle
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather
from sklearn.datasets import dump_svmlight_file

import jgd
from jgd.data import _files
from tests.test_read import frame


def write(table, path, **options):
    """The table in the format of the path's extension."""
    kind = "".join(path.suffixes)
    if kind == ".csv":
        table.to_csv(path, index=False, **options)
    elif kind == ".csv.gz":
        table.to_csv(path, index=False)
    elif kind == ".tsv":
        table.to_csv(path, index=False, sep="\t")
    elif kind == ".parquet":
        table.to_parquet(path, index=False)
    elif kind == ".arrow":
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        with pa.ipc.new_stream(path, arrow.schema) as file:
            file.write_table(arrow, max_chunksize=7)
    elif kind == ".feather":
        feather.write_feather(table, path, chunksize=7)
    return path


def same(found, expected):
    """Every array and every fact."""
    for name in ("X", "y"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    assert found.columns == expected.columns
    assert found.encoder.sources == expected.encoder.sources
    assert found.encoder.features == expected.encoder.features
    assert found.encoder.target == expected.encoder.target


EXTENSIONS = ["csv", "csv.gz", "tsv", "parquet", "arrow", "feather"]


@pytest.mark.parametrize("target", ["price", "sold"])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_files_of_one_table(extension, target, tmp_path):
    """By path, by text of a path, as an open file; and predictions for the file are those for its arrays."""
    table = frame()
    expected = jgd.read(table, target, held_out=0.2)
    path = write(table, tmp_path / f"houses.{extension}")
    for source in (path, str(path), io.BytesIO(path.read_bytes()), None):
        if source is None:
            with path.open("rb") as file:
                found = jgd.read(file, target, held_out=0.2)
        else:
            found = jgd.read(source, target, held_out=0.2)
        same(found, expected)
        same(found.held_out, expected.held_out)
        marks = ["read as separated by tabs"] if extension == "tsv" else []
        assert found.notes == (*marks, *expected.notes)
    encoded = expected.encoder.encode(path)
    np.testing.assert_array_equal(encoded.X, expected.encoder.encode(table).X)


def test_tables_in_memory():
    """pandas (with NumPy's, nullable and Arrow's types), polars, Arrow, columns by name."""
    table = frame()
    expected = jgd.read(table, "price")
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    gapped = {name: [None if pd.isna(value) else value for value in column] for name, column in table.items()}
    sources = [
        table.convert_dtypes(),
        table.astype({"town": object, "roof": object}),
        table.astype({"row": "int16", "town": "category", "roof": "category"}),
        table.convert_dtypes(dtype_backend="pyarrow"),
        pl.from_arrow(arrow),
        pl.from_arrow(arrow).with_columns(pl.col("town").cast(pl.Categorical)),
        arrow,
        arrow.to_reader(),
        pa.concat_tables([arrow.slice(0, 20), arrow.slice(20)]),
        gapped,
        {name: column.to_numpy() for name, column in table.items()},
    ]
    for source in sources:
        same(jgd.read(source, "price"), expected)


def test_arrays_may_be_tables():
    """As (X, y) too: polars and Arrow keep their names, text in them is refused by name; a file is to be read first."""
    X = {"a": [1.0, 2.0, 3.0], "b": [1, 0, 1]}
    for make in (pl.DataFrame, pa.table):
        data = jgd.Dataset(make(X), pl.Series([1.0, 2.0, 3.0]))
        assert data.columns == ("a", "b")
        assert data.X.tolist() == [[1, 1], [2, 0], [3, 1]]
        with pytest.raises(
            TypeError, match=r"X has columns that are not numbers: 'c' \(text\); encode .* \(jgd.read makes one column"
        ):
            jgd.Dataset(make(X | {"c": ["x", "y", "z"]}))
        with pytest.raises(ValueError, match=r"X has 1 NaN values \(column a: 1\) .* fill them in \(jgd.read does, and"):
            jgd.Dataset(make({"a": [None, 1.0], "b": [1, 2]}))
        result = jgd.solve(jgd.linear_regression(), (make(X), [1.0, 2.0, 4.0]))
        np.testing.assert_array_equal(result.predict(make(X)), result.predict(pd.DataFrame(X)))
    for source in ("houses.csv", pd.DataFrame(X)):
        with pytest.raises(
            TypeError, match=r"found (str|DataFrame). A file or a table becomes one by jgd.read\(table, target=...\)"
        ):
            jgd.fit(jgd.linear_regression(), source, jgd.gd(0.1), epochs=1)


def test_semicolons_and_decimal_commas(tmp_path):
    """As many countries write them; a later file needs not be told."""
    table = frame()
    expected = jgd.read(table, "price")
    path = tmp_path / "häuser.csv"
    table.to_csv(path, index=False, sep=";", decimal=",")
    found = jgd.read(path, "price")
    same(found, expected)
    assert found.notes[:2] == ("read as separated by semicolons", "numbers have decimal commas")
    np.testing.assert_array_equal(found.encoder.encode(path).X, found.X)
    text = "a;b;y\n1,5;1.234;1\n2,5;2.500;0\n3,5;12.000;1\n"
    assert jgd.read(io.StringIO(text), "y", standardize=False).X.tolist() == [[1.5, 1234], [2.5, 2500], [3.5, 12000]]


def test_text_of_a_csv_file(tmp_path):
    """A byte-order mark, spaces around names and values, letters of any alphabet, a written index, empty lines, quotes."""
    path = tmp_path / "names.csv"
    lines = [f'{i}, {i % 5}, {"yes" if i % 2 else "no"},{i % 3}, "a ""b"", c\nd" ,{i / 4}' for i in range(10)]
    path.write_text('\n, größe ,"ja, nein" ,$a_1$, q, _价格\n\n' + "\n".join(lines) + "\n\n", encoding="utf-8-sig")
    made = jgd.read(path, "_价格")
    assert made.columns == ("größe", "ja, nein=yes", "$a_1$")
    assert made.notes[0] == "a column without a name left out"
    assert "constant in the training rows, left out: q" in made.notes
    np.testing.assert_allclose(made.encoder.decode(made.y), np.arange(10) / 4, atol=1e-6)


def test_missing_values_of_csv_files():
    text = "x,t,y\nNA,a,1\n1,,2\nnull,NA,4\n2,b,3\n,None,5\n"
    made = jgd.read(io.StringIO(text), "y", standardize=False, classes=False)
    assert made.columns == ("x", "x is missing", "t=b", "t=(missing)")
    assert made.X.tolist() == [[1.5, 1, 0, 0], [1, 0, 0, 1], [1.5, 1, 0, 1], [2, 0, 1, 0], [1.5, 1, 0, 1]]
    marked = jgd.read(io.StringIO(text.replace("null", "-")), "y", missing=["-"], standardize=False, classes=False)
    np.testing.assert_array_equal(marked.X, made.X)
    again = marked.encoder.encode(io.StringIO("x,t\n-,a\n"))
    assert again.X.tolist() == [[1.5, 1, 0, 0]]


def test_columns_name_a_file_without_names():
    text = "1,2,yes\n3,4,no\n5,7,yes\n"
    made = jgd.read(io.StringIO(text), "sold", columns=["a", "b", "sold"], standardize=False)
    assert made.X.tolist() == [[1, 2], [3, 4], [5, 7]]
    assert made.encoder.encode(io.StringIO(text)).X.tolist() == made.X.tolist()
    with pytest.raises(ValueError, match="the file is ragged: line 1 has 3 fields, there are 2 names"):
        jgd.read(io.StringIO(text), "b", columns=["a", "b"])


def test_late_surprises():
    """What a column is, is decided by all of it, not by its first million bytes."""
    numbers = "\n".join(f"{i},{i % 7}" for i in range(200_000))
    made = jgd.read(io.StringIO(f"x,y\n{numbers}\n0.5,3\n"), "y", standardize=False)
    assert made.X[-1, 0] == 0.5
    with pytest.raises(ValueError, match=r"column 'x' of the file is numbers and text \(such as 'none at all'\) with 200001"):
        jgd.read(io.StringIO(f"x,y\n{numbers}\nnone at all,3\n"), "y")


def test_arrays(tmp_path):
    """An archive's arrays by their names, one array's columns by their numbers, records by their fields."""
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(20, 3)).astype(np.float32), rng.normal(size=20), rng.random(20)
    np.savez(tmp_path / "a.npz", X=X, y=y, w=w)
    np.save(tmp_path / "a.npy", np.column_stack([X, y]))
    records = np.rec.fromarrays([*X.T, y], names=["a", "b", "c", "y"])
    np.save(tmp_path / "records.npy", records.view(np.ndarray).astype(records.dtype.newbyteorder(">")))
    expected = jgd.read({"X[0]": X[:, 0], "X[1]": X[:, 1], "X[2]": X[:, 2], "y": y, "w": w}, "y", sample_weight="w")
    found = jgd.read(tmp_path / "a.npz", "y", sample_weight="w")
    same(found, expected)
    np.testing.assert_array_equal(found.sample_weight, expected.sample_weight)
    for target in (3, -1, "3"):
        made = jgd.read(tmp_path / "a.npy", target)
        assert made.columns == ("0", "1", "2")
        np.testing.assert_array_equal(made.X, expected.X)
    made = jgd.read(tmp_path / "records.npy", "y")
    assert made.columns == ("a", "b", "c")
    np.testing.assert_array_equal(made.X, expected.X)
    mean, std = X.astype(float).mean(axis=0), X.astype(float).std(axis=0)
    np.testing.assert_allclose(made.X, (X - mean) / std, rtol=1e-5, atol=1e-6)


def test_svmlight(tmp_path):
    """Its columns go by their numbers, whether it counts from 0 or 1; a column that a new file lacks is one of zeros."""
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(30, 6)).round(6) * (rng.random((30, 6)) < 0.4)  # the file has 16 digits
    y = np.where(rng.random(30) < 0.5, -1, 1)
    one, zero = tmp_path / "train.txt", tmp_path / "zero.txt"
    dump_svmlight_file(dense, y, str(one), zero_based=False)
    dump_svmlight_file(dense, y, str(zero), zero_based=True)
    table = {str(j + 1): dense[:, j] for j in range(6)} | {"label": y}
    expected = jgd.read(table, "label")
    found, other = jgd.read(one), jgd.read(zero)
    same(found, expected)
    np.testing.assert_array_equal(other.X, found.X)
    assert other.columns == ("0", "1", "2", "3", "4", "5")
    assert found.y.tolist() == y.tolist()
    new = dense[:5].copy()
    new[:, 4:] = 0
    dump_svmlight_file(new[:, :4], y[:5], str(tmp_path / "test.txt"), zero_based=False)
    expected = found.encoder.encode({str(j + 1): new[:, j] for j in range(6)})
    again = found.encoder.encode(tmp_path / "test.txt")
    np.testing.assert_array_equal(again.X, expected.X)
    assert again.y.tolist() == y[:5].tolist()


def test_svmlight_too_large_to_be_dense(tmp_path, monkeypatch):
    """Refused before it is made dense, with the size that would have."""
    path = tmp_path / "wide"
    path.write_text("1 1:1 100000000:1\n-1 3:2\n" * 50)
    with pytest.raises(ValueError, match=r"wide has 100 rows x 100000001 columns, which as dense rows are 74.5 GiB, more than 4"):
        jgd.read(path)
    monkeypatch.setattr(_files, "DENSE", 79)
    path.write_text("1 1:1 4:1\n-1 3:2\n")
    with pytest.raises(ValueError, match="wide has 2 rows x 5 columns"):
        jgd.read(path)
    monkeypatch.setattr(_files, "DENSE", 80)
    assert jgd.read(path).X.shape == (2, 3)


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def array(values, **options):
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def arrays(**values):
    file = io.BytesIO()
    np.savez(file, **values)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.dat is empty: it needs a line of column names"),
        (b" \n\n", "bad.dat is empty"),
        (b"a,b,y\n", "bad.dat has column names but no rows"),
        (b"PAR1 and no more", "bad.dat cannot be read as parquet: "),
        (b"ARROW1\0\0 and no more", "bad.dat cannot be read as arrow: "),
        (b"\x93NUMPY and no more", "bad.dat cannot be read as npy"),
        (b"PK\x03\x04 and no more", "bad.dat cannot be read as npz"),
        (b"\x1f\x8b and no more", "bad.dat cannot be decompressed"),
        (gzip.compress(b"a,y\n1,2,3\n", mtime=0), "bad.dat is ragged: line 2 has 3 fields"),
        (zipped(sheet="x"), "bad.dat is a zip archive without arrays: unpack it, or, if it is an Excel workbook, save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1", "bad.dat is an Excel workbook: save it as CSV, or give pandas.read_excel"),
        (b"SQLite format 3\0", "bad.dat is an SQLite database: give pandas.read_sql"),
        (b"\x89HDF\r\n", r"bad.dat is an HDF5 file: give pandas.read_hdf\(...\), or arrays"),
        (pickle.dumps({}), "bad.dat is a pickle: load it, and give the table in it"),
        (b'{"a": 1}', "bad.dat is JSON: give pandas.read_json"),
        (b'[{"a": 1}]', "bad.dat is JSON: give pandas.read_json"),
        ("a,y\nä,1\n".encode("latin-1"), r"bad.dat is not text in UTF-8 \(.* at byte 4\): save it as CSV in UTF-8"),
        (b"a,y\n1,2\n" * 300_000 + b"\xff,1\n", "bad.dat is not text in UTF-8"),
        (b"1 1:1 2:x\n", "bad.dat cannot be read as svmlight"),
        (array(np.zeros(3)), r"bad.dat has shape \(3,\): it needs rows and columns\."),
        (array(np.zeros((2, 2), object), allow_pickle=True), "bad.dat cannot be read as npy: Object arrays"),
        (arrays(X=np.zeros((2, 2, 2)), y=np.zeros(2)), r"the array 'X' of bad.dat has shape \(2, 2, 2\): it needs rows"),
        (arrays(X=np.zeros((2, 2)), y=np.zeros(3)), r"the arrays of bad.dat differ in their number of rows: X \(2, 2\), y"),
        (b"a,a,y\n1,2,3\n", "bad.dat has more than one column called 'a': rename all but one"),
        (b",\n1,2\n", "bad.dat has no column with a name"),
        (b"0.5,1\n0.7,2\n", r"the first line of bad.dat holds values \(such as 0.5\), not the names .*: put a line of names"),
        (b"1,1,2\n3,4,5\n", r"the first line of bad.dat holds values \(such as 1\)"),
        (b'a,y\n"1,2\n', "bad.dat is ragged|bad.dat cannot be read as CSV"),
    ],
)
def test_bad_files(content, message, tmp_path):
    path = tmp_path / "bad.dat"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        jgd.read(path, "y")


def test_bad_sources(tmp_path):
    (tmp_path / "houses.csv").write_text("a,y\n1,2\n")
    with pytest.raises(ValueError, match=r"no such file: .*house.csv; did you mean 'houses.csv'\?"):
        jgd.read(tmp_path / "house.csv", "y")
    with pytest.raises(ValueError, match="is a directory: give a file in it"):
        jgd.read(tmp_path, "y")
    with pytest.raises(ValueError, match=r"format must be one of csv, parquet, .*, found 'xls'"):
        jgd.read(tmp_path / "houses.csv", "y", format="xls")
    with pytest.raises(ValueError, match=r"houses.csv cannot be read as parquet"):
        jgd.read(tmp_path / "houses.csv", "y", format="parquet")
    with pytest.raises(
        TypeError, match=r"source must be a file, a frame .*, found ndarray; arrays need no reading: give \(X, y\)"
    ):
        jgd.read(np.zeros((3, 2)), "y")
    for source, found in (
        ({"a": [1, 2, 3], "y": [1, 2]}, r"a \(3,\), y \(2,\)"),
        ({"a": 1, "y": [1, 2]}, r"a \(\), y \(2,\)"),
        ({"a": "xy", "y": [1, 2]}, r"a \(\), y \(2,\)"),
        ({"a": np.zeros((2, 3)), "y": [1, 2]}, r"a \(2, 3\), y \(2,\)"),
    ):
        with pytest.raises(
            ValueError, match=r"the table's columns must be lists \(or arrays\) of one length, found shapes " + found
        ):
            jgd.read(source, "y")
    for source in (pd.Series([1, 2]), pl.Series([1, 2]), None):
        with pytest.raises(TypeError, match=r"source must be a file, a frame .*, found (Series|NoneType)"):
            jgd.read(source, "y")
    with pytest.raises(ValueError, match="the frame has no rows"):
        jgd.read(pd.DataFrame({"a": [], "y": []}), "y")
    with pytest.raises(ValueError, match="the frame has no columns"):
        jgd.read(pd.DataFrame(), "y")
    with pytest.raises(ValueError, match="the frame has more than one column called 'a'"):
        jgd.read(pd.DataFrame([[1, 2, 3]], columns=["a", "a", "y"]), "y")
    with pytest.raises(ValueError, match="the table has 0 rows with a target; at least 1 is needed"):
        jgd.read({"a": [1, 2], "y": [None, None]}, "y")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=60)
    | st.text(st.sampled_from('a1.,;\t\n"\r -:?'), max_size=60).map(str.encode)
    | st.tuples(st.sampled_from([*_files.MAGIC, *_files.OTHERS, b"\x1f\x8b", b"\xff" * 8]), st.binary(max_size=40)).map(b"".join)
)
def test_any_bytes_are_read_or_refused(content):
    """Whatever a file holds, it becomes a data set, or the message is one of jgd's own: it names the file or a column of it."""
    said = None
    try:
        assert len(jgd.read(io.BytesIO(content), -1)) > 0
    except ValueError as error:
        said = str(error)
    assert said is None or "the file" in said


@pytest.mark.parametrize(
    ("missing", "source", "message"),
    [
        ("pyarrow", {"a": [1, 2], "y": [1, 2]}, r"reading tables needs pyarrow: pip install 'jgd\[data\]'"),
        ("sklearn", io.StringIO("1 1:1\n-1 2:1\n"), r"reading svmlight files needs scikit-learn: pip install 'jgd\[data\]'"),
    ],
)
def test_libraries_that_are_not_there(missing, source, message, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=message):
        jgd.read(source, "y")
