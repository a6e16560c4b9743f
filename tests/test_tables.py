"""Columns of a table as numbers: what is learnt from training rows only, compared with scikit-learn and by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jgd import _tables


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


def prepare(table, target="price", model="linear", **options):
    return _tables.prepare_table("houses", table, target, model, **options)


def rows(table, **options):
    """The training and the held-out rows, found by a table whose only column numbers them."""
    numbered = pd.DataFrame({"row": np.arange(len(table)), "y": np.arange(len(table)) / 1.0})
    made = prepare(numbered, "y", **options)
    n = len(table)
    train = np.asarray(made.train.y, float)
    # The standardised numbers of the rows are the numbers of the rows, moved and scaled: solve for that.
    both = np.concatenate([train, np.asarray(made.held_out.y, float)])
    order = np.argsort(np.argsort(both))
    assert sorted(order) == list(range(n))
    return order[: len(train)], order[len(train) :]


def test_split():
    """Disjoint, a fifth held out, in the order of the file, by the seed."""
    table = frame()
    train, held_out = rows(table)
    assert (len(train), len(held_out)) == (40, 10)
    assert not set(train) & set(held_out)
    assert (np.diff(train) > 0).all()
    assert (np.diff(held_out) > 0).all()
    assert rows(table)[0].tolist() == train.tolist() != rows(table, seed=1)[0].tolist()
    assert len(rows(table, held_out=0.5)[1]) == 25
    assert len(rows(table[:5])[1]) == 1


@pytest.mark.parametrize("seed", [0, 5])
def test_columns(seed):
    """Medians, means, deviations and categories are those of the training rows; the held-out rows take them over."""
    table = frame()
    train, held_out = rows(table, seed=seed)
    made = prepare(table, drop=["row", "sold"], seed=seed)
    numbers = SimpleImputer(strategy="median", add_indicator=True).fit(table[["size", "age"]].iloc[train])
    text = table[["town", "roof"]].fillna("(missing)")
    categories = OneHotEncoder(drop="first", sparse_output=False).fit(text.iloc[train])
    encoded = np.hstack([numbers.transform(table[["size", "age"]]), categories.transform(text), table[["new"]]])
    encoded = encoded[:, [0, 1, 2, 3, 4, 5, 6, 7]].astype(float)
    scaled = StandardScaler().fit(encoded[train]).transform(encoded)
    names = ("size", "age", "age is missing", "town=Cádiz", "town=York", "roof=flat", "roof=steep", "new")
    assert made.train.columns == made.held_out.columns == names
    np.testing.assert_allclose(made.train.X, scaled[train], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.held_out.X, scaled[held_out], rtol=1e-5, atol=1e-6)
    y = table["price"].to_numpy()
    standard = (y - y[train].mean()) / y[train].std()
    np.testing.assert_allclose(made.train.y, standard[train], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.held_out.y, standard[held_out], rtol=1e-5, atol=1e-6)
    gaps, middle = table["age"].isna().sum(), np.nanmedian(table["age"].to_numpy()[train])
    assert made.notes[0] == f"age: {gaps} missing values filled by the median ({middle:g}), and a column that marks them"
    assert made.notes[1] == "town: text with 3 values; a column for each but 'Bonn'"
    blank = table["roof"].isna().sum()
    assert made.notes[2] == f"roof: text with 3 values, {blank} of them missing; a column for each but '(missing)'"
    assert made.notes[-1] == "40 rows to train on, 10 held out; 8 columns, standardised by the training rows"


def test_held_out_rows_change_nothing():
    """Other numbers in the held-out rows leave the training data as it was."""
    table = frame()
    _, held_out = rows(table)
    other = table.copy()
    for column, value in {"size": -1e6, "age": 1e3, "town": "Oslo", "price": 1e9}.items():
        other.loc[held_out, column] = value
    before, after = prepare(table), prepare(other)
    assert before.train.columns == after.train.columns
    np.testing.assert_array_equal(before.train.X, after.train.X)
    np.testing.assert_array_equal(before.train.y, after.train.y)
    # A town that no training row has is none of the known ones.
    towns = [i for i, name in enumerate(after.train.columns) if name.startswith("town=")]
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
    table = frame().assign(kind=labels * (50 // len(labels)))
    made = prepare(table, "kind", "logistic")
    assert f"target 'kind': {counts}" in made.notes
    train, held_out = rows(table)
    assert np.asarray(made.train.y).tolist() == table["kind"].iloc[train].tolist()
    assert np.asarray(made.held_out.y).tolist() == table["kind"].iloc[held_out].tolist()


def test_rare_class():
    """A class that only held-out rows have cannot be learnt."""
    table = frame()
    table["kind"] = "common"
    table.loc[::2, "kind"] = "other"
    table.loc[rows(table)[1][0], "kind"] = "rare"
    with pytest.raises(ValueError, match="no training row of houses has kind = rare, which is too rare"):
        prepare(table, "kind", "logistic")
    assert prepare(table, "kind", "logistic", seed=2).train.y.shape == (40,)


def test_rows_without_target():
    table = frame()
    table.loc[[3, 7], "price"] = np.nan
    made = prepare(table)
    assert made.notes[0] == "2 rows without a target left out"
    assert len(made.train) + len(made.held_out) == 48


def test_constant_columns():
    """Left out and said so, also where rounding gives them a standard deviation above zero, or they are text."""
    table = frame().assign(tenth=0.1, same="same")
    assert np.std(table["tenth"].to_numpy()) > 0
    made = prepare(table)
    assert "constant in the training rows, left out: tenth, same" in made.notes
    assert not {"tenth", "same"} & set(made.train.columns)


def test_names(tmp_path):
    """A byte-order mark, spaces around names and values, letters of any alphabet, a written index, empty lines."""
    path = tmp_path / "names.csv"
    lines = [f"{i}, {i % 5}, {'yes' if i % 2 else 'no'},{i % 3},{i}" for i in range(10)]
    path.write_text('\n, größe ,"ja, nein" ,$a_1$, _价格\n\n' + "\n".join(lines) + "\n\n", encoding="utf-8-sig")
    table = _tables.read_csv(path)
    assert list(table.columns) == ["", "größe", "ja, nein", "$a_1$", "_价格"]
    made = prepare(table, "_价格")
    assert made.train.columns == ("größe", "ja, nein=yes", "$a_1$")
    assert "a column without a name left out" in made.notes


def test_known_tables():
    for name, n, columns in (("diabetes", 442, 10), ("breast_cancer", 569, 30)):
        made = _tables.known_table(name)
        assert len(made.train) + len(made.held_out) == n
        X = np.asarray(made.train.X, float)
        np.testing.assert_allclose(X.mean(axis=0), np.zeros(columns), atol=1e-6)
        np.testing.assert_allclose(X.std(axis=0), np.ones(columns), atol=1e-6)
