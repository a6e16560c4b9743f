"""Columns of a table as numbers: what is learnt from training rows only, compared with scikit-learn and by hand."""

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import jgd
from jgd.__main__ import known_table
from jgd.data._encoder import Encoder


def frame(n=50):
    """Numbers, numbers with gaps, text, text with gaps, truth values, and two kinds of target; `row` says which is which."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "row": np.arange(n),
            "size": rng.normal(1e4, 1e3, n),
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 90, n)),
            "town": rng.choice(["Bonn", "Cádiz", "York"], n),
            "roof": np.where(rng.random(n) < 0.3, None, rng.choice(["flat", "steep"], n)),
            "new": rng.random(n) < 0.5,
        }
    )
    return table.assign(price=3 * table["size"] + rng.normal(size=n), sold=rng.choice(["no", "yes"], n))


def read(table, target="price", held_out=0.2, **options):
    return jgd.read(table, target, held_out=held_out, **options)


def rows(table, **options):
    """The training and the held-out rows, found by a table whose only column numbers them."""
    n = len(table)
    numbered = pd.DataFrame({"row": np.arange(n), "y": np.arange(n) / 1.0})
    made = read(numbered, "y", classes=False, standardize=False, **options)
    return np.asarray(made.y, int), np.asarray(made.held_out.y, int)


def test_split():
    """Disjoint, a fifth held out, in the order of the file, by the seed."""
    table = frame()
    train, held_out = rows(table)
    assert (len(train), len(held_out)) == (40, 10)
    assert sorted([*train, *held_out]) == list(range(50))
    assert (np.diff(train) > 0).all()
    assert (np.diff(held_out) > 0).all()
    assert rows(table)[0].tolist() == train.tolist() != rows(table, seed=1)[0].tolist()
    assert len(rows(table, held_out=0.5)[1]) == 25
    assert len(rows(table[:5])[1]) == 1
    assert jgd.read(table, "price").held_out is None
    assert len(jgd.read(table, "price")) == 50


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("impute", ["median", "mean"])
def test_columns(seed, impute):
    """Fillings, means, deviations and categories are those of the training rows; the held-out rows take them over."""
    table = frame()
    train, held_out = rows(table, seed=seed)
    made = read(table, drop=["row", "sold"], seed=seed, impute=impute)
    numbers = SimpleImputer(strategy=impute, add_indicator=True).fit(table[["size", "age"]].iloc[train])
    text = table[["town", "roof"]].fillna("~")  # after all others
    categories = OneHotEncoder(drop="first", sparse_output=False).fit(text.iloc[train])
    encoded = np.hstack([numbers.transform(table[["size", "age"]]), categories.transform(text), table[["new"]]])
    encoded = encoded.astype(float)
    scaled = StandardScaler().fit(encoded[train]).transform(encoded)
    names = ("size", "age", "age is missing", "town=Cádiz", "town=York", "roof=steep", "roof=(missing)", "new")
    assert made.columns == made.held_out.columns == made.encoder.columns == names
    np.testing.assert_allclose(made.X, scaled[train], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.held_out.X, scaled[held_out], rtol=1e-5, atol=1e-6)
    y = table["price"].to_numpy()
    standard = (y - y[train].mean()) / y[train].std()
    np.testing.assert_allclose(made.y, standard[train], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.held_out.y, standard[held_out], rtol=1e-5, atol=1e-6)
    gaps, fill = table["age"].isna().sum(), numbers.statistics_[1]
    assert made.notes[0] == f"age: {gaps} missing values filled by the {impute} ({fill:g}), and a column that marks them"
    assert made.notes[1] == "town: text with 3 values; a column for each but 'Bonn'"
    blank = table["roof"].isna().sum()
    assert made.notes[2] == f"roof: text with 3 values, {blank} of them missing; a column for each but 'flat'"
    assert made.notes[-1] == "40 rows to train on, 10 held out; 8 columns, standardised by the training rows"


def test_unstandardised():
    """As they are: zeros, ones and the table's own numbers."""
    table = frame()
    for how in (False, "columns"):
        made = jgd.read(table, "price", drop=["sold", "roof", "town", "row"], standardize=how)
        np.testing.assert_allclose(made.y, table["price"], rtol=1e-6)
        assert "target 'price': a number, as it is" in made.notes
    made = jgd.read(table, "price", drop=["sold", "age", "roof", "row"], standardize=False)
    plain = OneHotEncoder(drop="first", sparse_output=False).fit_transform(table[["town"]])
    np.testing.assert_array_equal(made.X, np.hstack([table[["size"]], plain, table[["new"]]]).astype(np.float32))
    assert made.notes[-1] == "50 rows; 4 columns"


def test_held_out_rows_change_nothing():
    """Other numbers in the held-out rows leave the training data as it was."""
    table = frame()
    _, held_out = rows(table)
    other = table.copy()
    for column, value in {"size": -1e6, "age": 1e3, "town": "Oslo", "price": 1e9}.items():
        other.loc[held_out, column] = value
    before, after = read(table), read(other)
    assert before.columns == after.columns
    np.testing.assert_array_equal(before.X, after.X)
    np.testing.assert_array_equal(before.y, after.y)
    # A town that no training row has is none of the known ones.
    towns = [i for i, name in enumerate(after.columns) if name.startswith("town=")]
    zero = -np.nanmean(pd.get_dummies(table["town"].drop(held_out))[["Cádiz", "York"]].to_numpy(), axis=0)
    assert (np.sign(after.held_out.X[:, np.array(towns)]) == np.sign(zero)[None, :]).all()


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        (["no", "yes"], "2 classes, no (25), yes (25)"),
        ([-1, 1], "2 classes, -1 (25), 1 (25)"),
        ([0.0, 1.0], "2 classes, 0 (25), 1 (25)"),
        ([False, True], "2 classes, False (25), True (25)"),
        ([*"abcdefghij"], "10 classes, a (5), b (5), c (5), d (5), e (5), f (5), ..."),
    ],
)
def test_classes(labels, counts):
    """Labels stay what they are, whether they are said to be labels or found to be."""
    table = frame().assign(kind=labels * (50 // len(labels)))
    train, held_out = rows(table)
    for classes in (True, None):
        made = read(table, "kind", classes=classes)
        whole = classes is None and isinstance(labels[0], (int, float)) and not isinstance(labels[0], bool)
        asked = " (as a number: classes=False, --model linear)" if whole else ""
        assert f"target 'kind': {counts}{asked}" in made.notes
        assert np.asarray(made.y).tolist() == table["kind"].iloc[train].tolist()
        assert np.asarray(made.held_out.y).tolist() == table["kind"].iloc[held_out].tolist()


def test_whole_numbers_as_a_target():
    """Few are labels unless that is denied; many are a number."""
    table = frame().assign(rooms=np.arange(50) % 7, visits=np.arange(50) % 21)
    assert not read(table, "visits").encoder.target.is_class
    assert read(table, "rooms").encoder.target.is_class
    assert not read(table[:27], "rooms").encoder.target.is_class  # seven in 27 rows
    assert read(table[:28], "rooms").encoder.target.is_class
    assert read(table[:5].assign(two=[3, 3, 4, 3, 3]), "two", held_out=None).encoder.target.is_class
    made = read(table, "rooms", classes=False)
    assert np.asarray(made.y).mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(made.encoder.decode(made.y), table["rooms"].iloc[rows(table)[0]], atol=1e-5)


def test_labels_that_look_like_numbers():
    """Texts stay texts, so that predictions are the labels that were given; a file that holds them as numbers goes with them."""
    table = frame()[["size", "price"]].assign(kind=["01", "2"] * 25)
    made = jgd.read(table, "kind")
    assert np.asarray(made.y).tolist() == table["kind"].tolist()
    result = jgd.solve(jgd.logistic_regression(l2=0.1), made)
    assert set(result.predict(table)) <= {"01", "2"}
    codes = jgd.read(table.assign(kind=["1", "2"] * 25), "kind")
    assert codes.encoder.encode(table.assign(kind=[1, 2] * 25)).y.tolist() == ["1", "2"] * 25
    prices = jgd.read(table.assign(kind=[f"{i},5" for i in range(50)]), "kind")
    np.testing.assert_allclose(prices.encoder.decode(prices.y), np.arange(50) + 0.5, rtol=1e-5)
    assert jgd.read(table, "kind", classes=False).y.dtype == np.float32


def test_rare_class():
    """A class that only held-out rows have cannot be learnt."""
    table = frame()
    table["kind"] = "common"
    table.loc[::2, "kind"] = "other"
    table.loc[rows(table)[1][0], "kind"] = "rare"
    with pytest.raises(ValueError, match="no training row of the frame has kind = rare, which is too rare"):
        read(table, "kind")
    assert read(table, "kind", seed=2).y.shape == (40,)


def test_rows_without_target():
    table = frame()
    table.loc[[3, 7], "price"] = np.nan
    made = read(table)
    assert made.notes[0] == "2 rows without a target left out"
    assert len(made) + len(made.held_out) == 48
    one = jgd.read(table, "price")
    alone = jgd.read(table.drop([3, 7]), "price")
    np.testing.assert_array_equal(one.X, alone.X)
    np.testing.assert_array_equal(one.y, alone.y)


def test_constant_and_empty_columns():
    """Left out and said so, also where rounding gives them a standard deviation above zero, or they are text."""
    table = frame().assign(tenth=0.1, same="same", none=None, nan=np.nan)
    assert np.std(table["tenth"].to_numpy()) > 0
    made = read(table)
    assert "constant in the training rows, left out: tenth, same" in made.notes
    assert "empty in the training rows, left out: none, nan" in made.notes
    assert not {"tenth", "same", "none", "nan"} & set(made.columns)
    # A constant with gaps says only where they are.
    gaps = frame().assign(gap=np.where(np.arange(50) % 3, 7.0, np.nan))
    assert [name for name in read(gaps).columns if name.startswith("gap")] == ["gap is missing"]


def test_index_like_columns():
    """A column that counts the rows is said; a pandas index with a name is left out, and said."""
    table = frame()
    said = "row: counts the rows, and is used all the same; if it is only an index, leave it out (drop=['row'], --drop 'row')"
    assert said in jgd.read(table, "price").notes
    assert "row" in jgd.read(table, "price").columns
    assert not any("counts the rows" in note for note in jgd.read(table, "price", drop=["row"]).notes)
    named = jgd.read(table.set_index("town"), "price")
    assert named.notes[0] == "the frame's index (town) left out: reset_index() makes columns of it"
    assert not any("index" in note for note in jgd.read(table[::2], "price", drop=["row"]).notes)


def test_columns_of_ids():
    """Whole numbers that are closer than chance would leave all different; not numbers in which two rows agree, nor far ones."""
    rng, n = np.random.default_rng(0), 300
    ids = rng.permutation(np.arange(1000, 1000 + 2 * n))[:n]

    def told(values):
        of = {"id": values, "x": rng.normal(size=len(values)), "y": rng.normal(size=len(values))}
        return [note for note in jgd.read(of, "y").notes if note.startswith("id: ")]

    said = "id: another whole number in each row, as ids are, and is used all the same; if it only names the rows, leave it out "
    assert (
        told(ids) == told(np.arange(5000, 5000 + n)) == told(3 * np.arange(20, 20 + n)) == [said + "(drop=['id'], --drop 'id')"]
    )
    for values in (np.r_[ids[:-1], ids[0]], ids + 0.5, 1000 * ids, 20 * np.arange(n)):
        assert told(values) == []
    assert told(np.r_[2000:2019]) == []


def test_rare_texts():
    """Texts of few training rows are one value, which a text never seen is too."""
    towns = ["Bonn"] * 20 + ["York"] * 20 + [f"village {i}" for i in range(10)]
    table = frame().assign(town=towns)[["town", "size", "price"]]
    made = jgd.read(table, "price", rare=5, standardize=False)
    assert made.columns == ("town=York", "town=(other)", "size")
    assert "town: text with 3 values, 10 of fewer than 5 rows joined as '(other)'; a column for each but 'Bonn'" in made.notes
    np.testing.assert_array_equal(made.X[:, 1], np.arange(50) >= 40)
    new = made.encoder.encode({"town": ["Oslo", "York"], "size": [9001, 9002]})
    assert new.X.tolist() == [[0, 1, 9001], [1, 0, 9002]]
    assert new.notes == ()


def test_weights():
    """A column of weights is none of X's, and is the data set's."""
    table = frame().assign(w=np.arange(50) + 1.0)
    made = read(table, sample_weight="w")
    w = table["w"].to_numpy()[rows(table)[0]]
    np.testing.assert_allclose(made.sample_weight, w / w.mean(), rtol=1e-6)
    assert "w" not in made.columns
    X, y = np.asarray(made.X, float), np.asarray(made.y, float)
    exact = LinearRegression().fit(X, y, sample_weight=w)
    found = jgd.solve(jgd.linear_regression(), made).params
    np.testing.assert_allclose(found.weights, exact.coef_, atol=1e-4)
    again = made.encoder.encode(table)
    np.testing.assert_allclose(again.sample_weight, table["w"] / table["w"].mean(), rtol=1e-6)


def test_targets_by_position():
    table = frame()
    for position in (6, -2, np.int64(6)):
        assert jgd.read(table, position).encoder.target.name == "price"
    with pytest.raises(ValueError, match="the frame has no column number 8: it has 8, counted from 0"):
        jgd.read(table, 8)


@pytest.mark.parametrize("wide", [False, True])
def test_in_units(wide):
    """Parameters told in the units of the table are those of a fit to the table as it is."""
    with jax.enable_x64(wide):
        table = frame()[["size", "age", "town", "price", "sold"]]
        table["age"] = table["age"].fillna(40)
        plain = jgd.read(table, "price", drop=["sold"], standardize=False)
        made = jgd.read(table, "price", drop=["sold"])
        assert made.X.dtype == (np.float64 if wide else np.float32)
        exact = LinearRegression().fit(np.asarray(plain.X, float), table["price"])
        found = made.encoder.in_units(jgd.solve(jgd.linear_regression(), made).params)
        tolerance = 1e-9 if wide else 1e-3
        np.testing.assert_allclose(found.weights, exact.coef_, rtol=tolerance, atol=tolerance)
        X = made.encoder.encode(table, target=False)
        own = np.asarray(plain.X, float) @ found.weights + found.bias
        np.testing.assert_allclose(own, exact.predict(np.asarray(plain.X, float)), rtol=1e-6)
        np.testing.assert_array_equal(X.X, made.X)


def test_in_units_of_classes():
    """Logits in own units are those in standardised ones; without an intercept there is one all the same."""
    table = frame().assign(kind=np.arange(50) % 3)
    for target, problem in (
        ("sold", jgd.logistic_regression(l2=0.1)),
        ("sold", jgd.logistic_regression(l2=0.1, fit_intercept=False)),
        ("kind", jgd.logistic_regression(l2=0.1, classes=3)),
    ):
        made = jgd.read(table, target, drop=["row", "price"])
        plain = jgd.read(table, target, drop=["row", "price"], standardize=False)
        result = jgd.solve(problem, made)
        found = made.encoder.in_units(result.params)
        logits = np.asarray(plain.X, float) @ found.weights + found.bias
        known = np.asarray(made.X, float) @ np.asarray(result.params.weights, float)
        known = known if result.params.bias is None else known + np.asarray(result.params.bias, float)
        np.testing.assert_allclose(logits, known, atol=1e-4)
    exact = LogisticRegression(C=10 / 50, tol=1e-9, max_iter=10000).fit(np.asarray(made.X), table["kind"])
    assert (exact.predict(np.asarray(made.X)) == result.predict(made.X)).mean() > 0.98


def test_everything_takes_it_as_it_is():
    """fit, sweep, solve and cross_validate; names and encoder recompile nothing and survive a split."""
    table = frame()
    data = jgd.read(table, "price", drop=["row"])
    other = jgd.read(table.rename(columns={"size": "length"}), "price", drop=["row"])
    assert jax.tree.structure(data) == jax.tree.structure(other)
    problem = jgd.linear_regression(l2=0.1)
    first = jgd.fit(problem, data, jgd.gd(0.1), epochs=20)
    second = jgd.fit(problem, other, jgd.gd(0.1), epochs=20)
    assert second.compile_seconds == 0.0
    np.testing.assert_array_equal(first.predict(table), second.predict(table.rename(columns={"size": "length"})))
    apart = jgd.read(table, "sold", drop=["row"], held_out=0.2)
    valid = jgd.fit(jgd.logistic_regression(l2=0.1), apart, jgd.gd(0.1), epochs=20, validation=apart.held_out)
    codes = np.asarray(apart.held_out.y == "yes")
    logits = np.asarray(apart.held_out.X) @ np.asarray(valid.params.weights) + float(valid.params.bias)
    assert valid.history.validation_loss[-1] == pytest.approx(np.logaddexp(0, np.where(codes, -logits, logits)).mean(), rel=1e-4)
    split = jgd.fit(problem, data, jgd.gd(0.1), epochs=20, validation=0.2)
    swept = jgd.sweep(problem, data, jgd.gd(jgd.over([0.1, 0.01], name="lr")), epochs=20)
    solved = jgd.solve(problem, data)
    for result in (split, swept[0], solved):
        assert result.predict(table).shape == (50,)
    np.testing.assert_allclose(swept[0].predict(table), first.predict(table), rtol=1e-5)
    checked = jgd.cross_validate(problem, data, jgd.gd(0.1), epochs=20, folds=5)
    assert np.isfinite(np.asarray(checked.to_frame().select_dtypes("number").iloc[:, -1])).all()


texts = st.text(st.characters(codec="utf-8", categories=["L", "Nd"]), min_size=1, max_size=5).map(lambda s: "t" + s)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-1e6, 1e6, width=32),
            st.none() | st.booleans(),
            st.none() | texts,
            st.floats(-1e6, 1e6, width=32),
        ),
        min_size=3,
        max_size=19,  # texts of more rows are refused where most are different
    )
)
def test_the_encoder_gives_the_same_rows_again(rows):
    """Encoding the training table again gives its X, bit for bit, also by way of plain data; rows may be reordered."""
    number, flag, text, target = (list(column) for column in zip(*rows, strict=True))
    table = {"number": number, "flag": flag, "text": text, "level": list(range(len(rows))), "target": target}
    if len(set(target)) == 1 or np.std(target) < 1e-30 or np.std([v for v in number if v is not None] or [1.0]) < 1e-30:
        table["target"], table["number"] = list(range(len(rows))), [0.5] * len(rows)
    data = jgd.read(table, "target", classes=False)
    encoder = Encoder.from_plain(data.encoder.to_plain())
    assert encoder == data.encoder
    again = encoder.encode(table)
    np.testing.assert_array_equal(again.X, data.X)
    np.testing.assert_array_equal(again.y, data.y)
    assert again.notes == ()
    backwards = encoder.encode({name: column[::-1] for name, column in table.items()})
    np.testing.assert_array_equal(backwards.X, data.X[::-1])


GOOD = {"x": [1.0, 2.0, 4.0, 3.0, 5.0], "y": [1.5, 2.5, 2.0, 4.0, 3.0]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"standardize": "rows"}, "standardize must be True, 'columns' or False, found 'rows'"),
        ({"impute": "mode"}, "impute must be 'median', 'mean' or None, found 'mode'"),
        ({"decimal": ";"}, "decimal must be '.' or ',', found ';'"),
        ({"held_out": 1.0}, "held_out must be a share between 0 and 1, found 1.0"),
        ({"columns": "x"}, "columns must be a list of names, found 'x'"),
        ({"separator": ", "}, "separator must be one character, found ', '"),
        ({"drop": "x"}, r"drop must be a list of names, found 'x': write drop=\['x'\]"),
        ({"drop": ["z"]}, "the table has no column 'z': known: x, y"),
        ({"drop": ["y"]}, "the target 'y' is among the columns to drop"),
        ({"sample_weight": "y"}, "the weights 'y' are the target too"),
        ({"sample_weight": "x", "drop": ["x"]}, "the weights 'x' are among the columns to drop"),
        ({"target": None}, r"the target is missing: which of the columns x, y\?"),
        ({"target": "Y"}, r"the table has no column 'Y': did you mean 'y'\?"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        jgd.read(GOOD, **{"target": "y"} | options)


DATES = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", None])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            DATES,
            r"column 'z' of the table holds dates \(such as '2024-01-01 00:00:00'\): a linear model needs numbers of it",
        ),
        (
            DATES - DATES[0],
            r"column 'z' of the table holds durations .*: give a number, such as seconds; or leave it",
        ),
        (pd.Series(DATES).dt.time, "column 'z' of the table holds times of day .* such as the hours since midnight"),
        (
            [[1], [2], [3], [4], [5]],
            "column 'z' of the table holds values of type list<.*>: make columns of numbers or text",
        ),
        ([1, "a", 2, "b", 3], r"column 'z' of the table holds int, str: make it all numbers or all text, or leave it out"),
        ([1j, 2, 3, 4, 5], "column 'z' of the table holds complex"),
        ([np.inf, 2, 3, -np.inf, 5], "column 'z' of the table has 2 infinite values: correct or remove such rows"),
        (["1e999", "2", "3", "4", "5"], "column 'z' of the table has 1 infinite value"),
        (
            [1e200, -1e200, 3, 4, 5],
            r"column 'z' of the table holds numbers too large to standardise \(up to 1e\+200\): give",
        ),
        ([1e-200, 2e-200, 3e-200, 0, 0], "column 'z' of the table holds numbers too small to standardise"),
        (
            ["1,234", "2,345", "3,456", "4", "5"],
            r"a comma that may stand for thousands or for decimals \(such as '1,234'\)",
        ),
        (
            ["2024-1-1", "2024-1-2", "1/2/2024", "3.4.24", "2024-01-01T10:00"],
            r"column 'z' of the table holds dates \(such as '1",
        ),
    ],
)
def test_columns_that_are_refused(column, message):
    """With what was found; and not looked at where they are dropped."""
    table = GOOD | {"z": column}
    with pytest.raises(ValueError, match=message):
        jgd.read(table, "y")
    assert jgd.read(table, "y", drop=["z"]).columns == ("x",)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            [1.0, None, 2.0, 3.0, None],
            "column 'z' of the table has 2 missing values, which impute=None refuses: fill them",
        ),
        (["a", None, "b", "a", "b"], "column 'z' of the table has 1 missing value, which impute=None refuses"),
    ],
)
def test_missing_values_refused(column, message):
    with pytest.raises(ValueError, match=message):
        jgd.read(GOOD | {"z": column}, "y", impute=None)
    data = jgd.read(GOOD | {"z": [value or column[0] for value in column]}, "y", impute=None)
    with pytest.raises(ValueError, match=message):
        data.encoder.encode(GOOD | {"z": column})


@pytest.mark.parametrize(
    ("column", "values", "note"),
    [
        (
            ["1,234.5", "12", "1,000,000", "-3", "5"],
            [1234.5, 12, 1e6, -3, 5],
            "with separated thousands (such as '1,000,000')",
        ),
        (
            ["1.234,5", "12", "1.000.000", "-3", "5"],
            [1234.5, 12, 1e6, -3, 5],
            "with separated thousands (such as '1.000.000')",
        ),
        (
            ["1 234,5", "12", "1\u202f000", "-3", "5"],
            [1234.5, 12, 1000, -3, 5],
            "with separated thousands (such as '1 234,5')",
        ),
        (["1,5", "12", "0,25", "-3", "5e3"], [1.5, 12, 0.25, -3, 5000], "with decimal commas (such as '0,25')"),
        (["1.5", "12", "0.25", "-3", "5e3"], [1.5, 12, 0.25, -3, 5000], "stored as text (such as '-3')"),
        (["$1,200", "$5", "-$3.5", "$ 1,000,000", "$0"], [1200, 5, -3.5, 1e6, 0], "with $ (such as '$ 1,000,000')"),
        (["12 %", "5%", "-3,5%", "100 %", "0%"], [12, 5, -3.5, 100, 0], "with % (such as '-3,5%')"),
        (["1.234", "2.5", "", " ", "7"], [1.234, 2.5, 2.5, 2.5, 7], "stored as text (such as '1.234')"),
    ],
)
def test_numbers_as_text(column, values, note):
    made = jgd.read(GOOD | {"z": column}, "y", standardize=False)
    np.testing.assert_allclose(made.X[:, 1], values, rtol=1e-6)
    assert f"z: numbers {note}, read as numbers" in made.notes


def test_decimal_decides():
    """Where a comma may mean either, the option says what it means; categories of pandas stay categories."""
    table = GOOD | {"z": ["1,234", "2,345", "3,456", "4", "5"]}
    assert jgd.read(table, "y", decimal=".", standardize=False).X[0, 1] == 1234
    assert jgd.read(table, "y", decimal=",", standardize=False).X[0, 1] == np.float32(1.234)
    codes = pd.DataFrame(GOOD).assign(zip=pd.Categorical(["10", "20", "10", "20", "30"], categories=["40", "30", "20", "10"]))
    assert jgd.read(codes, "y").columns == ("x", "zip=20", "zip=30")
    numbers = pd.DataFrame(GOOD).assign(zip=pd.Categorical([10, 20, 10, 20, 30]))
    assert jgd.read(numbers, "y").columns == ("x", "zip=20", "zip=30")


def test_texts_that_are_names():
    """A text of its own in most rows is none to learn from, however few rows there are."""
    table = frame()[["size", "price"]].assign(owner=[f"owner {i // 2 if i < 48 else i}" for i in range(50)])
    with pytest.raises(
        ValueError, match=r"text \(such as 'owner 0'\) with 26 different values in 50 rows, too many .*: join the rare"
    ):
        jgd.read(table, "price")
    assert jgd.read(table, "price", rare=2).columns[-1] == "owner=(other)"
    assert len(jgd.read(table[:48], "price").columns) == 24


def test_marks_for_missing_values():
    """Few odd texts among many numbers are said; `missing` says that they are nothing."""
    numbers = [str(i) if i % 9 else "?" for i in range(30)]
    table = {"x": numbers, "y": np.arange(30) / 7}
    with pytest.raises(ValueError, match=r"numbers and text \(such as '\?'\) with 27 .*: if '\?' stands for a missing"):
        jgd.read(table, "y")
    made = jgd.read(table, "y", missing=["?"])
    assert made.columns == ("x", "x is missing")
    np.testing.assert_array_equal(made.X[:, 1] > 0, np.arange(30) % 9 == 0)
    assert jgd.read(table | {"x": ["?", *"ab" * 14, "a"]}, "y", missing=["?"]).columns == ("x=b", "x=(missing)")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": None}, "the table has no column 'size', which the training data had: did you mean 'Size'? Give it the same"),
        ({"size": None, "town": None}, r"the table has no column 'size' \(nor 'town'\), which the training data had"),
        ({"town": None}, r"had; others that it has: .*\bprice\b.*\. Give it what was made for the training data too\."),
        ({"size": ["a", "b"]}, r"column 'size' of the table holds text \(such as 'a'\), in training it held numbers: correct it"),
        (
            {"town": [1.5, 2.5]},
            "column 'town' of the table holds numbers, in training it held text: correct it, or",
        ),
        ({"new": [2, 0]}, "column 'new' of the table holds numbers besides 0 and 1, in training it held truth values"),
        ({"new": ["maybe", "no"]}, "column 'new' of the table holds text"),
        ({"price": ["dear", "cheap"]}, "the target 'price' of the table holds text, in training it held numbers"),
        ({"price": [None, None]}, "no row of the table has a target 'price'"),
        ({"size": [np.inf, 1]}, "column 'size' of the table has 1 infinite value"),
    ],
)
def test_other_tables_that_do_not_go_with_it(changes, message):
    data = jgd.read(frame(), "price", drop=["row", "sold", "age", "roof"])
    table = {"size": [1.0, 2.0], "Size": [1, 2], "town": ["York", "Bonn"], "new": [True, False], "price": [1.0, 2.0]} | changes
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        data.encoder.encode({name: column for name, column in table.items() if column is not None})


def test_what_no_training_row_had_is_said():
    data = jgd.read(frame(), "price", drop=["row", "sold"], standardize=False)
    table = {
        "town": ["Oslo", None, "Oslo", "York"],
        "roof": ["flat", None, "flat", "flat"],
        "size": [9001.0, None, 9003.0, 9004.0],
        "age": [None, 2.0, 3.0, 4.0],
        "new": [1, 0, None, 1],
        "other": [1, 2, 3, 4],
    }
    made = data.encoder.encode(table)
    zeros = "encoded as all zeros, as 'Bonn' is"
    fill = np.median(frame()["size"])
    assert made.notes == (
        f"size: 1 missing value, where no training row lacked one, filled by {fill:g}",
        f"town: 2 rows with a value that no training row had (such as 'Oslo'), {zeros}",
        f"town: 1 missing value, where no training row lacked one, {zeros}",
        f"new: 1 missing value, where no training row lacked one, filled by {float(frame()['new'].mean() > 0.5):g}",
    )
    towns = [made.columns.index("town=Cádiz"), made.columns.index("town=York")]
    assert np.asarray(made.X)[:, towns].tolist() == [[0, 0], [0, 0], [0, 0], [0, 1]]
    assert made.X[:, made.columns.index("roof=(missing)")].tolist() == [0, 1, 0, 0]
    assert made.y is None


def test_whole_numbers_where_texts_were():
    """A file whose codes all happen to be numbers goes with one where they were text; a column may be empty."""
    table = {"x": ["1", "2", "three", "2"], "flag": [True, False, True, True], "y": [1.0, 2.0, 3.0, 4.5]}
    data = jgd.read(table, "y", standardize=False)
    assert data.encoder.encode({"x": [2, 1, None], "flag": [0, 1, 1]}).X.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    empty = data.encoder.encode({"x": [None, None], "flag": [None, None]})
    assert empty.X.tolist() == [[0, 0, 1], [0, 0, 1]]
    flags = jgd.read({"x": ["true", "false", "unknown", "true"], "y": table["y"]}, "y", standardize=False)
    assert flags.encoder.encode({"x": [True, False]}).X.tolist() == [[1, 0], [0, 0]]


def test_rows_of_a_new_table_without_a_target():
    data = jgd.read(frame(), "price", drop=["row", "sold"])
    table = frame()
    table.loc[[0, 4], "price"] = np.nan
    assert len(data.encoder.encode(table)) == 48
    assert data.encoder.encode(table).notes == ("2 rows without a target left out",)
    assert len(data.encoder.encode(table, target=False)) == 50


def test_known_tables():
    for name, n, columns in (("diabetes", 442, 10), ("breast_cancer", 569, 30)):
        made = known_table(name)
        assert len(made) + len(made.held_out) == n
        X = np.asarray(made.X, float)
        np.testing.assert_allclose(X.mean(axis=0), np.zeros(columns), atol=1e-6)
        np.testing.assert_allclose(X.std(axis=0), np.ones(columns), atol=1e-6)
