"""Fewer rows with the same mean squared error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd
from jgd.models import _condensed
from jgd.models._condensed import condensed


def made(n, d, outputs, weighted, dtype, rank=None):
    random = np.random.default_rng(n + d)
    X = 5 + 10 * random.normal(size=(n, d))
    if rank is not None:
        X[:, rank:] = X[:, :1] * np.arange(1, d - rank + 1)
    y = X @ random.normal(size=(d, *outputs)) + 20 + random.normal(size=(n, *outputs))
    weights = random.uniform(size=n) * (random.uniform(size=n) < 0.9) if weighted else None
    return jgd.Dataset(X.astype(dtype), y.astype(dtype), weights)


def squared_error(data, weights, bias):
    """The mean over rows in float64, its gradient in the weights and in the bias."""
    X, y = np.asarray(data.X, np.float64), np.asarray(data.y, np.float64).reshape(len(data), -1)
    of_rows = np.ones(len(data)) if data.sample_weight is None else np.asarray(data.sample_weight, np.float64)
    left = X @ weights + bias - y
    weighted = of_rows[:, None] * left / len(data)
    return np.sum(weighted * left), 2 * X.T @ weighted, 2 * weighted.sum(axis=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [(), (1,), (3,)])
@pytest.mark.parametrize(("n", "d", "rank"), [(12, 1, None), (200, 7, None), (9_000, 3, None), (600, 70, None), (100, 5, 3)])
def test_every_linear_model_has_the_same_objective_and_gradient(n, d, rank, outputs, weighted, x64):
    data = made(n, d, outputs, weighted, np.float64 if x64 else np.float32, rank)
    few = condensed(data)
    k = (outputs or (1,))[0]
    assert len(few) == d + 1 + k
    assert (few.sample_weight is None) == (not weighted)
    assert few.X.dtype == few.y.dtype == data.X.dtype
    assert few.y.shape == (d + 1 + k, *outputs)
    random = np.random.default_rng(0)
    for bias in (np.zeros(k), random.normal(size=k)):  # without an intercept and with one
        weights = random.normal(size=(d, k))
        want, found = squared_error(data, weights, bias), squared_error(few, weights, bias)
        largest = max(np.abs(part).max() for part in want[1:])
        np.testing.assert_allclose(found[0], want[0], rtol=1e-12 if x64 else 1e-6)
        for a, b in zip(found[1:], want[1:], strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=(1e-12 if x64 else 1e-6) * largest)


def test_what_does_not_fit_is_read_in_turn(monkeypatch):
    data = made(1_000, 7, (2,), True, np.float32)
    whole = condensed(data)
    monkeypatch.setattr(_condensed, "HELD", 2_000)
    parts = condensed(data)
    random = np.random.default_rng(0)
    weights, bias = random.normal(size=(7, 2)), random.normal(size=2)
    np.testing.assert_allclose(squared_error(parts, weights, bias)[0], squared_error(whole, weights, bias)[0], rtol=1e-6)


def test_near_the_optimum_the_objective_keeps_its_digits(x64):
    """Where what is left is a millionth of the targets' squares, the normal equations would have lost it in float32."""
    X = np.random.default_rng(1).normal(size=(1000, 4))
    y = X @ np.arange(1.0, 5.0) + 30 + 0.03 * np.random.default_rng(2).normal(size=1000)
    dtype = np.float64 if x64 else np.float32
    X, y = X.astype(dtype), y.astype(dtype)
    design = np.column_stack([np.ones(1000), X]).astype(np.float64)
    solution, residual, *_ = np.linalg.lstsq(design, y.astype(np.float64), rcond=None)
    params = jgd.LinearParams(jnp.asarray(solution[1:], dtype), jnp.asarray(solution[0], dtype))
    value = jax.jit(jgd.linear_regression().objective)(params, condensed(jgd.Dataset(X, y)))
    np.testing.assert_allclose(value, residual[0] / 1000, rtol=1e-9 if x64 else 3e-3)


def test_what_would_not_be_less_than_half_stays_as_it_is():
    data = made(11, 4, (), False, np.float32)
    assert condensed(data) is data


def test_weights_keep_their_mean():
    """Those of a part of the data have another mean than one, and its objective is smaller or larger for it."""
    part = made(100, 3, (), True, np.float32).take(jnp.arange(40))
    weights, bias = np.ones((3, 1)), np.zeros(1)
    assert abs(np.mean(part.sample_weight) - 1) > 0.01
    np.testing.assert_allclose(squared_error(condensed(part), weights, bias)[0], squared_error(part, weights, bias)[0], rtol=1e-6)
    nothing = part._with(sample_weight=jnp.zeros(40))
    assert condensed(nothing) is nothing


def test_the_wider_type_is_kept(x64):
    data = made(100, 3, (), False, np.float32)
    mixed = data._with(y=np.asarray(data.y, np.float64))
    assert condensed(mixed).X.dtype == condensed(mixed).y.dtype == np.float64
    short = data._with(y=np.asarray(data.y, np.float16))
    assert condensed(short) is short


def test_far_from_zero_rows_in_float32_stay_as_they_are():
    X, y = np.random.default_rng(0).normal(size=(100, 3)), np.ones(100)
    far = jgd.Dataset((X + 1e4).astype(np.float32), y.astype(np.float32))
    assert condensed(far) is far
    beside_a_constant = jgd.Dataset(np.column_stack([X, np.full(100, 1e4)]).astype(np.float32), y.astype(np.float32))
    assert len(condensed(beside_a_constant)) == 6


def test_half_precision_stays_as_it_is():
    data = made(100, 4, (), False, np.float16)
    assert condensed(data) is data
    assert jgd.mixed_precision(jgd.linear_regression()).functions.condense is None


def test_what_asks_for_the_rows_gets_them():
    """A metric that counts them, and a link that clips the gradient of each."""
    X, y = jgd.data.make_linear(64, key=0)
    rates = np.linspace(0.01, 0.02, 20)

    def count(y, prediction):
        return 1.0 * len(prediction)

    sweep = jgd.sweep(jgd.linear_regression(), (X, y), jgd.gd(jgd.over(rates)), epochs=2, metrics=[count])
    assert (sweep.history["count"] == 64).all()
    by_row = lambda rate: jgd.contrib.dpsgd(rate, l2_norm_clip=0.5, noise_multiplier=0.0, seed=0)
    sweep = jgd.sweep(jgd.linear_regression(), (X, y), by_row(jgd.over(rates)), epochs=2)
    fit = jgd.fit(jgd.linear_regression(), (X, y), by_row(rates[7]), epochs=2)
    np.testing.assert_allclose(sweep[7].params.weights, fit.params.weights, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [8, "full"])
def test_lanes_on_condensed_rows_are_their_fits(batch_size, x64, monkeypatch):
    """Records, norms, the validation loss and full-batch steps; over keys, too, each of which splits the rows its own way."""
    calls = []
    real = _condensed.condensed
    monkeypatch.setattr("jgd.models._linear.condensed", lambda data: calls.append(len(data)) or real(data))
    data = made(60, 3, (2,), True, np.float64)
    X, y = (np.asarray(part) / 10 for part in (data.X, data.y))
    problem, rates = jgd.linear_regression(l2=0.1), np.geomspace(1e-3, 1e-2, 15)
    options = dict(batch_size=batch_size, epochs=4, validation=0.3, norms=True)
    sweep = jgd.sweep(problem, (X, y), jgd.adam(jgd.over(rates)), key=jgd.over([0, 5]), **options)
    assert sorted(calls) == [18, 18, 42, 42]
    for lane in (0, 13, 28):
        fit = jgd.fit(problem, (X, y), jgd.adam(rates[lane // 2]), key=[0, 5][lane % 2], **options)
        tolerance = 1e-10 if x64 else 1e-3
        for name in ("loss", "grad_norm", "validation_loss", "grad_norm/weights"):
            np.testing.assert_allclose(sweep[lane].history[name], fit.history[name], rtol=tolerance, err_msg=name)
        np.testing.assert_allclose(sweep[lane].params.weights, fit.params.weights, rtol=tolerance, atol=tolerance)
