"""Rows with targets and weights: what they may be made of, what they are stored as, and which labels come back."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import jgd
from jgd.data import Dataset
from jgd.training import _driver

X = np.random.default_rng(0).normal(size=(40, 2))
SIDE = X @ [3.0, -2.0] > 0
TARGET = X @ [1.0, -2.0] + 1


def fit(problem, data, **options):
    return jgd.fit(problem, data, jgd.gd(0.5), **{"steps": 20} | options)


def classify(X, y, classes=2, **options):
    return fit(jgd.logistic_regression(l2=0.01, classes=classes), (X, y), **options)


ROWS = {
    "float64": (np.array([[1.0, 2.0], [3.0, 4.0]]), "float64"),
    "float32": (np.array([[1, 2], [3, 4]], np.float32), "float32"),
    "float16": (np.array([[1, 2], [3, 4]], np.float16), "float16"),
    "whole numbers": (np.array([[1, 2], [3, 4]]), "float64"),
    "bytes": (np.array([[1, 2], [3, 4]], np.uint8), "float64"),
    "lists": ([[1, 2], [3.0, 4]], "float64"),
    "tuples": (((1, 2), (3, 4)), "float64"),
    "JAX": (jnp.array([[1.0, 2.0], [3.0, 4.0]], jnp.float32), "float32"),
    "JAX whole numbers": (jnp.array([[1, 2], [3, 4]]), "float64"),
    "bfloat16": (jnp.array([[1, 2], [3, 4]], jnp.bfloat16), "bfloat16"),
    "frame": (pd.DataFrame({"a": [1.0, 3.0], "b": [2, 4]}), "float64"),
    "frame of float32": (pd.DataFrame({"a": [1, 3], "b": [2, 4]}, dtype="float32"), "float32"),
    "frame of two types": (pd.DataFrame({"a": np.float32([1, 3]), "b": np.float64([2, 4])}), "float64"),
    "nullable frame": (pd.DataFrame({"a": pd.array([1, 3], "Int64"), "b": pd.array([2, 4], "Float64")}), "float64"),
    "nullable float32": (pd.DataFrame({"a": [1, 3], "b": [2, 4]}, dtype="Float32"), "float32"),
    "part of an array": (np.arange(1.0, 9.0).reshape(2, 4)[:, ::3] * [[1, 0.5], [0.6, 0.5]], "float64"),
}


@pytest.mark.parametrize(("rows", "dtype"), ROWS.values(), ids=ROWS)
def test_rows_are_floats_of_their_own_type(rows, dtype, x64):
    data = Dataset(rows)
    assert isinstance(data.X, jax.Array)
    assert data.X.dtype == jnp.dtype(dtype if x64 or dtype != "float64" else "float32")
    assert data.X.tolist() == [[1, 2], [3, 4]]
    assert data.y is None
    assert data.sample_weight is None
    assert len(data) == 2


@pytest.mark.parametrize("make", [np.array, jnp.array, pd.DataFrame], ids=["NumPy", "JAX", "pandas"])
def test_booleans_are_0_and_1(make):
    assert Dataset(make([[True, False], [False, True]])).X.tolist() == [[1, 0], [0, 1]]


def test_a_frame_may_mix_booleans_and_numbers():
    frame = pd.DataFrame({"a": [True, False], "b": pd.array([False, True], "boolean"), "c": [3, 4], "d": [0.5, 1.5]})
    assert Dataset(frame).X.tolist() == [[1, 0, 3, 0.5], [0, 1, 4, 1.5]]


def test_names_of_columns():
    frame = pd.DataFrame(X, columns=["age", "height"])
    assert Dataset(frame).columns == ("age", "height")
    assert Dataset(frame, columns=["a", "b"]).columns == ("a", "b")
    assert Dataset(X, columns=["a", "b"]).columns == ("a", "b")
    assert Dataset(pd.DataFrame(X)).columns == ("0", "1")
    assert Dataset(X).columns is None


def test_a_later_change_of_the_array_changes_nothing():
    rows, y, weights = X.astype(np.float32), TARGET.astype(np.float32), np.ones(40, np.float32)
    data = Dataset(rows, y, weights)
    before = jax.tree.map(np.array, data)
    for array in (rows, y, weights):
        array[:] = 7
    chex.assert_trees_all_equal(jax.tree.map(np.array, data), before)


TARGETS = {
    "NumPy": np.array([1.0, 2.0, 3.0]),
    "float32": np.array([1, 2, 3], np.float32),
    "whole numbers": np.array([1, 2, 3]),
    "JAX": jnp.array([1.0, 2.0, 3.0]),
    "list": [1, 2.0, 3],
    "series": pd.Series([1, 2, 3], index=[7, 8, 9]),
    "nullable series": pd.Series([1, 2, 3], dtype="Int64"),
}


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_targets(y):
    assert Dataset(np.eye(3), y).y.tolist() == [1, 2, 3]


def test_several_outputs(x64):
    outputs = np.stack([TARGET, 2 * TARGET], axis=1)
    together = fit(jgd.linear_regression(), (X, outputs)).params.weights
    alone = fit(jgd.linear_regression(), (X, outputs[:, 1])).params.weights
    np.testing.assert_allclose(together[:, 1], alone, rtol=1e-12 if x64 else 1e-5)


@pytest.mark.parametrize("make", [list, np.array, jnp.array, pd.Series], ids=["list", "NumPy", "JAX", "pandas"])
def test_weights_have_mean_one(make):
    data = Dataset(np.eye(3), [1, 2, 3], make([1, 2, 6]))
    assert data.sample_weight.dtype == data.X.dtype
    np.testing.assert_allclose(data.sample_weight, [1 / 3, 2 / 3, 2], rtol=1e-6)
    assert "weighted" in repr(data)


def test_only_the_ratios_of_weights_matter():
    weights = np.random.default_rng(1).uniform(size=40)
    small, large = (fit(jgd.linear_regression(), (X, TARGET, c * weights)).params for c in (1.0, 1000.0))
    chex.assert_trees_all_close(small, large, rtol=1e-5)


def test_weights_repeat_rows(x64):
    times = np.arange(40) % 3
    weighted = fit(jgd.linear_regression(), (X, TARGET, times)).params
    repeated = fit(jgd.linear_regression(), (X.repeat(times, axis=0), TARGET.repeat(times))).params
    chex.assert_trees_all_close(weighted, repeated, rtol=1e-12 if x64 else 1e-4)


def test_pairs_triples_and_datasets_are_the_same():
    weights = np.arange(40) + 1.0
    for parts in ((X, TARGET), (X, TARGET, weights)):
        chex.assert_trees_all_equal(
            fit(jgd.linear_regression(), parts).params, fit(jgd.linear_regression(), Dataset(*parts)).params
        )


def test_names_and_classes_are_no_structure():
    rows = Dataset(X, TARGET, columns=["a", "b"]), Dataset(X, TARGET, columns=["c", "d"]), Dataset(X, TARGET)
    assert len({jax.tree.structure(data) for data in rows}) == 1

    @jax.jit
    @chex.assert_max_traces(n=1)
    def total(data):
        return data.X.sum()

    assert len({total(data).item() for data in rows}) == 1


@pytest.mark.parametrize("regime", ["full", 8])
def test_names_and_classes_share_a_compiled_fit(regime):
    labels = SIDE.astype(int)
    classify(X, labels, batch_size=regime)
    traced = _driver.Compilations.traces
    classify(X, np.where(labels, "yes", "no"), batch_size=regime)
    classify(X, 2 * labels - 1, batch_size=regime)
    classify(X, SIDE, batch_size=regime)
    classify(pd.DataFrame(X, columns=["a", "b"]), labels, batch_size=regime)
    assert _driver.Compilations.traces == traced


LABELS = {
    "0 and 1": SIDE.astype(int),
    "-1 and +1": 2 * SIDE.astype(int) - 1,
    "floats": 2.0 * SIDE - 1.0,
    "booleans": SIDE,
    "text": np.where(SIDE, "yes", "no"),
    "text objects": np.where(SIDE, "yes", "no").astype(object),
    "a list of text": np.where(SIDE, "a longer name", "b").tolist(),
    "other whole numbers": np.where(SIDE, 7, 1000),
    "negative": np.where(SIDE, -7, -1000),
    "far apart": np.where(SIDE, 2_000_000, -1_000_000),
    "uint8": np.where(SIDE, 200, 3).astype(np.uint8),
    "JAX": jnp.asarray(np.where(SIDE, 5, 3)),
    "series of text": pd.Series(np.where(SIDE, "yes", "no")),
    "categories": pd.Series(pd.Categorical(np.where(SIDE, "yes", "no"))),
    "nullable booleans": pd.Series(SIDE, dtype="boolean"),
    "nullable whole numbers": pd.Series(np.where(SIDE, 5, 3), dtype="Int64"),
    "one column": np.where(SIDE, 5, 3)[:, None],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_two_classes_come_back_as_they_were(labels):
    result = classify(X, labels, steps=200)
    given = np.asarray(labels).ravel()
    assert result.classes == tuple(sorted(set(given.tolist())))
    assert (result.predict(X) == given).mean() > 0.95
    assert set(result.predict(X).tolist()) <= set(given.tolist())


@pytest.mark.parametrize("names", [[0, 1, 2], [-1, 0, 1], [10, 20, 35], ["c", "a", "b"]], ids=str)
def test_three_classes_come_back_as_they_were(names):
    number = np.digitize(X[:, 0], [-0.4, 0.4])
    result = classify(X, np.array(names)[number], classes=3, steps=300)
    assert result.classes == tuple(sorted(names))
    assert (result.predict(X) == np.array(names)[number]).mean() > 0.9
    order = np.argmax(result.probabilities(X), axis=1)
    assert (np.array(result.classes)[order] == result.predict(X)).all()


def test_classes_may_be_missing_from_numbered_ones():
    result = classify(X, np.where(SIDE, 3, 1), classes=4, steps=100)
    assert result.classes == (0, 1, 2, 3)
    assert set(result.predict(X).tolist()) <= {1, 3}


def test_labels_are_named_by_the_training_data():
    """Validation data with one class only, or in another order, is encoded like the training data."""
    labels = np.where(SIDE, "yes", "no")
    some = labels == "yes"
    result = classify(X, labels, validation=(X[some], labels[some]), metrics=["accuracy"], steps=200)
    assert result.history.validation_accuracy[-1] == pytest.approx((result.predict(X[some]) == "yes").mean())
    same = classify(X, labels, validation=(X[::-1], labels[::-1]), metrics=["accuracy"], steps=200)
    np.testing.assert_allclose(same.history.validation_accuracy, same.history.accuracy, atol=1e-6)


def test_validation_data_may_be_a_dataset_encoded_before():
    data = Dataset(X, np.where(SIDE, "yes", "no"))
    result = classify(X, np.where(SIDE, "yes", "no"), validation=data, metrics=["accuracy"])
    np.testing.assert_allclose(result.history.validation_accuracy, result.history.accuracy, atol=1e-6)


def test_a_dataset_is_checked_and_copied_once(monkeypatch):
    data = Dataset(X, TARGET, np.ones(40))
    monkeypatch.setattr(Dataset, "__init__", None)
    for _ in range(2):
        used = fit(jgd.linear_regression(), data).notes.data
        assert used.X is data.X
        assert used.y is data.y
        assert used.sample_weight is data.sample_weight


def test_a_fit_leaves_the_dataset_as_it_was():
    data = Dataset(X, np.where(SIDE, "yes", "no"))
    result = fit(jgd.logistic_regression(), data)
    assert result.classes == ("no", "yes")
    assert data.classes is None
    assert data.y.tolist() == np.where(SIDE, "yes", "no").tolist()


def test_take():
    data = Dataset([[0, 0], [1, 10], [2, 20]], [5, 6, 7], [1, 2, 3], columns=["a", "b"])
    part = data.take(jnp.array([2, 0, 2]))
    assert part.X.tolist() == [[2, 20], [0, 0], [2, 20]]
    assert part.y.tolist() == [7, 5, 7]
    assert part.sample_weight.tolist() == [1.5, 0.5, 1.5]
    assert part.columns == ("a", "b")
    assert data.take(jnp.array([1]), jnp.array([3.0])).sample_weight.tolist() == [3.0]


def test_take_without_weights_or_targets():
    data = Dataset([[0.0], [1.0]])
    part = data.take(jnp.array([1]))
    assert part.y is None
    assert part.sample_weight is None
    assert data.take(jnp.array([1, 1]), jnp.array([2.0, 0.0])).sample_weight.tolist() == [2, 0]


@pytest.mark.parametrize("parts", [(X,), (X, TARGET), (X, TARGET, np.ones(40))], ids=["X", "X, y", "X, y, w"])
def test_in_and_out_of_compiled_code(parts):
    data = Dataset(*parts)
    chex.assert_trees_all_equal(jax.jit(lambda d: d)(data), data)
    chex.assert_trees_all_equal(jax.jit(lambda d: d.take(jnp.arange(3)))(data), data.take(jnp.arange(3)))
    assert jax.jit(len)(data) == 40


def test_made_in_compiled_code():
    made = jax.jit(lambda X, y, w: Dataset(X, y, w))(X, TARGET, np.arange(40.0))
    chex.assert_trees_all_close(made, Dataset(X, TARGET, np.arange(40.0)), rtol=1e-6)


@pytest.mark.parametrize(("problem", "y"), [("linear", TARGET), ("logistic", SIDE.astype(int))])
def test_train_on_a_traced_dataset(problem, y):
    problem = jgd.linear_regression() if problem == "linear" else jgd.logistic_regression(l2=0.01)
    data = Dataset(X, y, np.arange(40) + 1.0)
    weights = jax.jit(lambda d: jgd.train(problem, d, jgd.gd(0.5), steps=20).params.weights)(data)
    np.testing.assert_allclose(weights, fit(problem, data).params.weights, rtol=1e-4)


def test_prints():
    assert repr(Dataset(X, TARGET)) == "Dataset(40 rows x 2 columns, float32)"
    assert repr(classify(X, np.where(SIDE, "yes", "no")).notes.data) == "Dataset(40 rows x 2 columns, float32, classes no, yes)"


@pytest.mark.parametrize("names", [(5, 2**40), (-(2**40), 5), (2**32, 0)], ids=str)
def test_labels_beyond_32_bits(names):
    labels = np.where(SIDE, *names)
    result = classify(X, labels, steps=200)
    assert result.classes == tuple(sorted(names))
    assert (result.predict(X) == labels).mean() > 0.95


def test_labels_at_the_ends_of_int8():
    labels = np.where(SIDE, 100, -100).astype(np.int8)
    assert (classify(X, labels, steps=200).predict(X) == labels).mean() > 0.95


def test_unsigned_labels(x64):
    assert classify(X, SIDE.astype(np.uint64)).classes == (0, 1)


@pytest.mark.parametrize("problem", [jgd.linear_regression(), jgd.Problem(lambda w, b: (b.X @ w - b.y) ** 2, np.zeros(2))])
def test_targets_beyond_32_bits(problem):
    y = np.arange(40) * 10**9
    largest = fit(problem, (X, y), steps=1).notes.data.y.max()
    assert largest == pytest.approx(39e9, rel=1e-6)


SCALES = {
    "float32": np.array([1e38, 2e38, 3e38], np.float32),
    "JAX": jnp.array([1e38, 2e38, 3e38], jnp.float32),
    "large": np.array([1e300, 2e300, 3e300]),
    "largest": np.array([0.5e308, 1e308, 1.5e308]),
    "small": np.array([1e-200, 2e-200, 3e-200]),
}


@pytest.mark.parametrize("weights", SCALES.values(), ids=SCALES)
def test_weights_of_any_size(weights):
    np.testing.assert_allclose(Dataset(np.eye(3), [1, 2, 3], weights).sample_weight, [0.5, 1, 1.5], rtol=1e-6)


@pytest.mark.parametrize("names", [np.array(["a", "b"]), pd.Index(["a", "b"])], ids=["NumPy", "pandas"])
def test_names_from_arrays(names):
    assert Dataset(X, columns=names).columns == ("a", "b")


def test_long_doubles():
    assert Dataset(X.astype(np.longdouble)).X.dtype == np.float32


def test_a_sparse_matrix_is_named():
    with pytest.raises(TypeError, match=r"X is sparse \(csr_matrix\), and jgd's rows are dense: give X.toarray\(\)"):
        jgd.Dataset(scipy.sparse.csr_matrix(np.eye(3)))
