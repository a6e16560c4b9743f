"""Regularization paths: each penalty's optimum is that alone, and folds are those of cross-validation."""

import pickle

import jax
import numpy as np
import pytest
from sklearn import linear_model

import jgd

L2 = np.logspace(-4, 1, 40)


def rows(kind="linear", n=120, d=5):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * [1, 3, 0.2, 1, 1]
    z = X @ [1.0, 0.3, -2.0, 0.0, 0.0] - 0.5 + rng.normal(size=n)
    return X, {"linear": z, "binary": np.where(z > 0, "yes", "no")}[kind]


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_each_penalty_is_scikit_learns_fit(kind):
    """More penalties than an iterative solver is given at once."""
    X, y = rows(kind)
    problem = jgd.linear_regression() if kind == "linear" else jgd.logistic_regression()
    with jax.enable_x64(True):
        path = jgd.regularization_path(problem, (X, y), L2[np.random.default_rng(1).permutation(40)])
        np.testing.assert_array_equal(path.l2, L2[::-1])
        assert (path.status == "converged").all()
        for i in (0, 31, 32, 39):
            if kind == "linear":
                fit = linear_model.Ridge(alpha=120 * path.l2[i] / 2).fit(X, y)
            else:
                fit = linear_model.LogisticRegression(C=1 / (120 * path.l2[i]), tol=1e-12, solver="newton-cg").fit(X, y)
            np.testing.assert_allclose(path.params.weights[i], fit.coef_.ravel(), rtol=1e-5, atol=1e-6)
        result = path.refit(path.l2[15])
        np.testing.assert_allclose(result.params.weights, path.params.weights[15], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(result.objective, path.objective[15], rtol=1e-10)


@pytest.mark.parametrize("standardize", [False, True])
def test_folds_are_those_of_cross_validation(standardize):
    X, y = rows()
    data = jgd.Dataset(X, y, columns=list("abcde"))
    path = jgd.regularization_path(jgd.linear_regression(), data, L2, folds=6, metrics=["mae"], standardize=standardize, key=2)
    scored = jgd.cross_validate(
        jgd.linear_regression(l2=jgd.over(L2[::-1])), data, folds=6, metrics=["mae"], standardize=standardize, key=2
    )
    np.testing.assert_allclose(path.cross_validation.test_loss, scored.test_loss, rtol=1e-6)
    assert path.best() == scored.best()["l2"]
    assert path.best("mae") == scored.best("mae")["l2"]
    assert path.one_standard_error() == scored.one_standard_error()["l2"] > path.best()
    frame = path.to_frame()
    assert frame.columns.tolist() == ["l2", "objective", *"abcde", "bias", "test_loss", "test_loss_error"]
    np.testing.assert_allclose(frame["c"], path.params.weights[:, 2], rtol=1e-6)
    np.testing.assert_allclose(frame["test_loss"], scored.test_loss.mean(axis=0), rtol=1e-5)
    alone = jgd.regularization_path(jgd.linear_regression(), data, L2, standardize=standardize)
    np.testing.assert_allclose(path.refit().params.weights, alone.params.weights[alone.l2 == path.best()][0], rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: jgd.regularization_path(jgd.linear_regression(), rows(), 0.1),
            r"l2 must be a list of penalties, .* found shape \(\)",
        ),
        (lambda: jgd.regularization_path(jgd.linear_regression(), rows(), []), r"l2 must be a list of penalties"),
        (lambda: jgd.regularization_path(jgd.linear_regression(), rows(), [1, 2, 1]), "l2 has 1 more than once"),
        (lambda: jgd.regularization_path(jgd.linear_regression(), rows(), [-1.0]), "l2 must be at least 0"),
        (lambda: jgd.regularization_path(jgd.linear_regression(), rows(), [np.nan, np.nan]), "l2 holds NaN"),
        (
            lambda: jgd.regularization_path(jgd.linear_regression(), rows(), [1.0], metrics=["mae"]),
            "metrics= are scores of rows left out",
        ),
        (
            lambda: jgd.regularization_path(jgd.linear_regression(), rows(), [1.0]).best(),
            "best compares penalties on rows left out",
        ),
        (
            lambda: jgd.regularization_path(jgd.linear_regression(fit_intercept=jgd.over([True, False])), rows(), [1.0]),
            "regularization_path runs one setting, but problem holds over",
        ),
    ],
)
def test_messages(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_a_path_is_pickled():
    path = jgd.regularization_path(jgd.linear_regression(), rows(), [0.1, 1.0], folds=3)
    again = pickle.loads(pickle.dumps(path))
    assert repr(again) == repr(path)
    np.testing.assert_array_equal(again.refit().params.weights, path.refit().params.weights)
