"""Saved results: what a file predicts is what the result predicted; what does not go with it is said."""

import json
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest

import jgd
from jgd.training import _predictor
from tests.test_read import frame

PROBLEMS = {
    "price": jgd.linear_regression(l2=0.1),
    "sold": jgd.logistic_regression(l2=0.1),
    "kind": jgd.logistic_regression(l2=0.1, classes=3, fit_intercept=False),
}


def table():
    return frame().assign(kind=np.array(["x", "y", "z"])[np.arange(50) % 3])


def solved(target, **options):
    data = jgd.read(table(), target, drop=["row"], held_out=0.2, **options)
    return jgd.solve(PROBLEMS[target], data), data


@pytest.mark.parametrize("target", PROBLEMS)
@pytest.mark.parametrize("wide", [False, True])
def test_predictions_for_a_file(target, wide, tmp_path):
    """Those for its arrays, in the target's unit, or as the user's labels; from the result and from its file."""
    with jax.enable_x64(wide):
        result, data = solved(target)
        path = tmp_path / "new.parquet"
        table().to_parquet(path)
        X = data.encoder.encode(path, target=False).X
        scores = X @ np.asarray(result.params.weights) + (0 if result.params.bias is None else result.params.bias)
        if target == "price":
            expected = np.asarray(scores, float) * data.encoder.target.scale + data.encoder.target.mean
        elif target == "sold":
            expected = np.array(["no", "yes"])[(np.asarray(scores) > 0).astype(int)]
        else:
            expected = np.array(["x", "y", "z"])[np.argmax(scores, axis=1)]
        found = result.predict(path)
        if target == "price":
            np.testing.assert_allclose(found, expected, rtol=1e-12 if wide else 1e-5)
            np.testing.assert_array_equal(found, data.encoder.decode(result.predict(X)))
        else:
            assert found.tolist() == expected.tolist()
            assert found.tolist() == result.predict(X).tolist()
            np.testing.assert_array_equal(result.probabilities(path), result.probabilities(X))
        result.save(tmp_path / "model")
        loaded = jgd.load(tmp_path / "model")
        for source in (path, table(), pl.from_pandas(table()), X):
            np.testing.assert_array_equal(loaded.predict(source), result.predict(source))
        if target != "price":
            np.testing.assert_array_equal(loaded.probabilities(path), result.probabilities(path))
        assert (loaded.problem, loaded.classes, loaded.columns) == (PROBLEMS[target], result.classes, data.columns)
        assert loaded.encoder == data.encoder
        assert loaded.notes["read"] == list(data.notes)
        assert loaded.notes["objective"] == result.objective
        assert loaded.notes["status"] == "converged"


def test_a_file_of_the_other_precision(tmp_path):
    """Saved in float64 and read in float32, or the other way."""
    for wide in (True, False):
        with jax.enable_x64(wide):
            result, _ = solved("price")
            expected = result.predict(table())
            result.save(tmp_path / "m")
        with jax.enable_x64(not wide):
            loaded = jgd.load(tmp_path / "m")
            assert loaded.params.weights.dtype == (np.float32 if wide else np.float64)
            np.testing.assert_allclose(loaded.predict(table()), expected, rtol=1e-6)


def test_arrays_keep_their_unit():
    """What a fit saw as arrays is predicted in the unit of its y, a data set too."""
    result, data = solved("price")
    np.testing.assert_array_equal(result.predict(data.held_out), result.predict(data.held_out.X))
    error = np.mean((np.asarray(result.predict(data)) - np.asarray(data.y)) ** 2)
    assert error < 0.1
    np.testing.assert_allclose(result.predict(table()).mean(), table()["price"].mean(), rtol=0.1)


def test_without_a_table(tmp_path):
    """Arrays and frames of numbers, as they were fitted."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
    y = X.to_numpy() @ [[1.0, 2.0], [3.0, 4.0]]
    result = jgd.solve(jgd.linear_regression(), (X, y))
    result.save(tmp_path / "plain.npz")
    loaded = jgd.load(tmp_path / "plain.npz")
    np.testing.assert_array_equal(loaded.predict(X), result.predict(X))
    assert loaded.predict(X).shape == (30, 2)
    assert repr(loaded) == "Predictor(linear_regression() of a, b)"
    for one in (result, loaded):
        with pytest.raises(ValueError, match="the columns differ from the fit's"):
            one.predict(X.rename(columns={"a": "c"}))
        with pytest.raises(ValueError, match="X has 3 columns, but the fit had 2 columns"):
            one.predict(np.zeros((4, 3)))
        with pytest.raises(
            TypeError, match=r"'x.csv' is a file, and this model was fitted to arrays: fit it to what jgd.read\(file"
        ):
            one.predict("x.csv")


def test_functions_are_given_again(tmp_path):
    """A problem of functions, a state, and a narrow type: what is theirs comes back, the functions do not."""

    def loss(params, batch, *, state):
        return (batch.X[:, 0] * params["w"].astype(jnp.float32) + params["b"][0] - batch.y) ** 2, state + 1

    predict = lambda params, X, state: X[:, 0] * params["w"].astype(jnp.float32) + params["b"][0] + state
    start = {"w": jnp.zeros((), jnp.bfloat16), "b": [jnp.zeros(())]}
    problem = jgd.Problem(loss, start, predict, state=jnp.zeros(()))
    X, y = jgd.data.make_line(40)
    result = jgd.fit(problem, (X, y), jgd.sgd(0.1), epochs=7)
    path = tmp_path / "own"
    result.save(path)
    with pytest.raises(ValueError, match=r"own is of Problem\(.*, whose functions a file does not hold: give them, jgd.load"):
        jgd.load(path)
    loaded = jgd.load(path, problem)
    assert loaded.params["w"].dtype == jnp.bfloat16
    assert float(loaded.model_state) == 7
    np.testing.assert_array_equal(loaded.predict(X), result.predict(X))
    with pytest.raises(ValueError, match=r"own holds the parameters of Problem\(.*; those of linear_regression\(\) are others"):
        jgd.load(path, jgd.linear_regression())


def test_best_parameters(tmp_path):
    X, y = jgd.data.make_linear(200)
    result = jgd.fit(jgd.linear_regression(), (X, y), jgd.sgd(0.3), batch_size=4, epochs=5, validation=0.2)
    for best in (False, True):
        result.save(tmp_path / "m", best=best)
        np.testing.assert_array_equal(jgd.load(tmp_path / "m").predict(X), result.predict(X, best=best))
    assert (result.predict(X) != result.predict(X, best=True)).any()


def test_lanes_and_sweeps(tmp_path):
    """A lane of a sweep is saved like any result; a sweep's file keeps no held-out rows."""
    data = jgd.read(table(), "price", drop=["row"], held_out=0.2)
    swept = jgd.sweep(jgd.linear_regression(), data, jgd.gd(jgd.over([0.1, 0.01], name="lr")), epochs=5)
    swept[1].save(tmp_path / "lane")
    np.testing.assert_array_equal(jgd.load(tmp_path / "lane").predict(table()), swept[1].predict(table()))
    swept.save(tmp_path / "sweep")
    again = jgd.Sweep.load(tmp_path / "sweep")
    np.testing.assert_array_equal(again[1].predict(table()), swept[1].predict(table()))
    assert again[1].notes.data.held_out is None
    with pytest.raises(ValueError, match=r"sweep is a pickle, not a saved result: if sweep.save wrote it, use jgd.Sweep.load"):
        jgd.load(tmp_path / "sweep")
    many = jax.vmap(lambda tx: jgd.train(jgd.linear_regression(), data, tx, epochs=2))(jgd.stack([jgd.gd(0.1), jgd.gd(0.2)]))
    with pytest.raises(TypeError, match=r"save\(\) is of one result"):
        many.save(tmp_path / "many")
    one = jax.jit(lambda: jgd.train(jgd.linear_regression(), (jnp.ones((3, 1)), jnp.ones(3)), jgd.gd(0.1), epochs=2))()
    with pytest.raises(TypeError, match=r"does not know its problem: save the result of jgd.fit, or result.params"):
        one.save(tmp_path / "one")


def test_what_no_training_row_had_is_warned_of():
    result, _ = solved("price")
    new = table().assign(town="Oslo")
    with pytest.warns(UserWarning, match="town: 50 rows with a value that no training row had") as said:
        found = result.predict(new)
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(result.predict(table().assign(town="Bonn")), found)
    with pytest.raises(ValueError, match="the frame has no column 'size', which the training data had: did you mean 'Size'"):
        result.predict(table().rename(columns={"size": "Size"}))


def test_numbers_far_beyond_the_training_rows_are_warned_of(tmp_path):
    """Further than the training rows reach from end to end: ids that went on, another unit."""
    train = {"id": np.arange(100, 200), "flag": np.arange(100) % 2 == 0, "y": np.random.default_rng(0).normal(size=100)}
    jgd.solve(jgd.linear_regression(), jgd.read(train, "y")).save(tmp_path / "m")
    model = jgd.load(tmp_path / "m")
    new = {"id": [1, 0, 299, 298, 150], "flag": [True] * 5}
    with pytest.warns(UserWarning, match="far beyond") as said:
        model.predict(new)
    told = "id: 2 rows far beyond the training rows' 100 to 199 (such as 0): what is predicted there is extrapolated"
    assert told in [str(warning.message).splitlines()[0] for warning in said]


def test_the_file_holds_plain_data_alone(tmp_path):
    """Arrays of numbers and a text in JSON: nothing in it is a pickle, or a row."""
    result, data = solved("sold")
    result.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} == {"U", "f"}
        about = json.loads(str(file["about"]))
        sizes = [file[name].size for name in file.files]
    assert about["version"] == 1
    assert about["problem"] == "logistic_regression(l2=0.1)"
    assert max(sizes) == data.X.shape[1]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (None, "no such file: .*m.npz"),
        (lambda path: path.write_bytes(b""), "m.npz is not a saved result, or a damaged one: result.save"),
        (
            lambda path: path.write_text("a,b\n1,2\n"),
            r"m.npz is not a saved result, or a damaged one: result.save\(path\) writes one",
        ),
        (lambda path: np.savez(path, X=np.zeros(3)), "m.npz is not a saved result"),
        (lambda path: np.savez(path, about=np.asarray("{}")), "m.npz is not a saved result"),
        (lambda path: np.savez(path, about=np.asarray("x")), "m.npz is not a saved result"),
        (lambda path: np.savez(path, about=np.asarray([None])), "m.npz is not a saved result"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "m.npz is not a saved result"),
        (lambda path: path.write_bytes(pickle.dumps(1)), "m.npz is a pickle, not a saved result"),
        (
            lambda path: np.savez(path, about=np.asarray(json.dumps({"kind": _predictor.KIND, "version": 2}))),
            r"m.npz was written by a newer jgd \(version 2 of the format\): upgrade jgd",
        ),
    ],
)
def test_bad_files(write, message, tmp_path):
    path = tmp_path / "m.npz"
    if write is not None:
        write(path)
    with pytest.raises(ValueError, match=message):
        jgd.load(path)
