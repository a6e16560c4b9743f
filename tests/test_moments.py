"""Least squares of many models on the same rows, by second moments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd
from jgd.models._moments import gradient_by_moments, pays


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [(), (2,)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_is_that_of_the_mean_over_rows(fit_intercept, outputs, weighted, x64):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(40, 4)) + 3, random.normal(size=(40, *outputs))
    batch = jgd.Dataset(X, y, np.linspace(0.0, 2.0, 40) if weighted else None)
    dtype = batch.X.dtype
    bias = jnp.asarray(random.normal(size=outputs), dtype) if fit_intercept else None
    params = jgd.LinearParams(jnp.asarray(random.normal(size=(4, *outputs)), dtype), bias)
    wanted = jax.grad(jgd.linear_regression(fit_intercept=fit_intercept).objective)(params, batch)
    found = jgd.LinearParams(*gradient_by_moments(*params, batch))
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12 if x64 else 1e-4, atol=1e-12 if x64 else 1e-4)


@pytest.mark.parametrize("case", ["plain", "weighted, outputs, no intercept", "a link asks for the value"])
def test_a_lane_is_its_fit(case, x64):
    """With a short last batch, and a penalty."""
    random = np.random.default_rng(1)
    X = random.normal(size=(70, 3))
    y = X @ random.normal(size=(3, 2)) + random.normal(size=(70, 2)) if "outputs" in case else X @ np.arange(3.0) + 1
    data = (X, y, np.linspace(0.5, 1.5, 70)) if "weighted" in case else (X, y)
    problem = jgd.linear_regression(l2=0.1, fit_intercept="no intercept" not in case)
    tx = (lambda rate: jgd.polyak_sgd(rate)) if "value" in case else (lambda rate: jgd.adam(rate))
    rates = np.geomspace(0.003, 0.1, 8)
    assert pays(16, 3, len(rates))
    sweep = jgd.sweep(problem, data, tx(jgd.over(rates)), batch_size=16, epochs=4)
    for lane in (0, 5, 7):
        fit = jgd.fit(problem, data, tx(rates[lane]), batch_size=16, epochs=4)
        tolerance = 1e-11 if x64 else 1e-4
        np.testing.assert_allclose(sweep[lane].history["loss"], fit.history["loss"], rtol=tolerance)
        for a, b in zip(jax.tree.leaves(sweep[lane].params), jax.tree.leaves(fit.params), strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_they_pay_where_rows_and_models_are_many():
    assert pays(32, 5, 500)
    assert not pays(32, 20, 500)  # as many columns as rows, nearly
    assert not pays(32, 5, 3)
