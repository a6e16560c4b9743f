"""Optima of logistic regression beside those of statsmodels, glum and scikit-learn, scored by one objective in float64."""

import itertools
import warnings

import glum
import jax
import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

import jgd
from tests.test_solvers import drawn, objective

pytestmark = pytest.mark.peers


def solved(X, y, weight=None, l2=0.0, classes=2, free=True):
    """Weights and objective in float64, to a tolerance that no peer reaches by chance."""
    with jax.enable_x64(True):
        data = (X, y) if weight is None else (X, y, weight)
        result = jgd.solve(jgd.logistic_regression(l2=l2, classes=classes, fit_intercept=free), data, tol=1e-13)
        assert result.status == "converged", result.message
        return jax.tree.map(np.asarray, result.params), objective(result.params, X, y, weight, l2, classes)


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_binomial_model_of_statsmodels(weighted, free):
    X, y = drawn(500, 5)
    weight = np.random.default_rng(0).integers(0, 4, size=len(X)).astype(float) if weighted else None
    design = sm.add_constant(X, prepend=False) if free else X
    twin = sm.GLM(y, design, family=sm.families.Binomial(), freq_weights=weight).fit(tol=1e-14, maxiter=200)
    params, value = solved(X, y, weight, free=free)
    found = np.append(params.weights, params.bias) if free else params.weights
    np.testing.assert_allclose(found, twin.params, atol=1e-6)
    count = len(X) if weight is None else weight.sum()
    np.testing.assert_allclose(value, -twin.llf / count, rtol=1e-8)


def test_multinomial_model_of_statsmodels():
    X, y = drawn(600, 4, 4)
    twin = sm.MNLogit(y, sm.add_constant(X, prepend=False)).fit(disp=False, method="newton", tol=1e-14, maxiter=200)
    params, value = solved(X, y, classes=4)
    all_of = np.concatenate([params.weights, params.bias[None]])
    np.testing.assert_allclose(all_of[:, 1:] - all_of[:, :1], twin.params, atol=1e-6)
    np.testing.assert_allclose(value, -twin.llf / len(X), rtol=1e-8)


@pytest.mark.parametrize(("l2", "free"), list(itertools.product([1e-8, 1e-3, 1e2], [True, False])))
def test_ridge_of_glum(l2, free):
    """Its objective is ours: the weighted mean of the losses and l2 / 2 |w|^2."""
    X, y = drawn(500, 5)
    weight = np.random.default_rng(0).uniform(0.1, 1, size=len(X))
    twin = glum.GeneralizedLinearRegressor(
        family="binomial", alpha=l2, l1_ratio=0, fit_intercept=free, gradient_tol=1e-12, max_iter=500, solver="irls-ls"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants a gradient smaller than its rounding allows
        twin.fit(X, y.astype(float), sample_weight=weight)
    params, value = solved(X, y, weight, l2, free=free)
    theirs = jgd.LinearParams(twin.coef_, twin.intercept_ if free else None)
    np.testing.assert_allclose(value, objective(theirs, X, y, weight, l2), rtol=1e-8)
    np.testing.assert_allclose(params.weights, twin.coef_, atol=1e-6)


@pytest.mark.parametrize(("classes", "l2"), list(itertools.product([2, 3], [1e-8, 1e-3, 1e2])))
def test_no_solver_of_scikit_learn_finds_less(classes, l2):
    X, y = drawn(400, 4, classes)
    _, value = solved(X, y, l2=l2, classes=classes)
    for solver in ("lbfgs", "newton-cg", "newton-cholesky"):
        twin = LogisticRegression(C=1 / (l2 * len(X)), solver=solver, tol=1e-10, max_iter=10_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # line searches that rounding ends
            twin.fit(X, y)
        if classes == 2:
            theirs = jgd.LinearParams(twin.coef_[0], twin.intercept_[0])
        else:
            theirs = jgd.LinearParams(twin.coef_.T, twin.intercept_)
        there = objective(theirs, X, y, None, l2, classes)
        assert value <= there * (1 + 1e-12), solver
        np.testing.assert_allclose(value, there, rtol=1e-8, err_msg=solver)
