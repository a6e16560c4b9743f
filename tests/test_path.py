"""Regularization paths: each penalty's optimum is that alone, and folds are those of cross-validation."""

import functools
import pickle

import jax
import numpy as np
import pytest
from sklearn import linear_model

import jgd
from jgd.experiments import _weightings

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


def test_later_penalties_start_where_those_before_ended(monkeypatch):
    """From the optimum of the next stronger penalty fewer iterations are needed (35 of all but the first) than from zero (48)."""
    solve_lanes, taken = _weightings.solve_lanes, {}

    def counted(*args, params, warm=True, **how):
        lanes = solve_lanes(*args, params=params if warm else None, **how)
        taken.setdefault(warm, []).append(int(np.sum(lanes.iterations)))
        return lanes

    monkeypatch.setattr(_weightings, "AT_ONCE", 1)
    for warm in (True, False):
        monkeypatch.setattr(_weightings, "solve_lanes", functools.partial(counted, warm=warm))
        jgd.regularization_path(jgd.logistic_regression(), rows("binary"), L2[::5])
    assert len(taken[True]) == len(taken[False]) == 8
    assert taken[True][0] == taken[False][0]
    assert sum(taken[True][1:]) < 0.85 * sum(taken[False][1:])


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


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_crossed_paths_are_those_of_each_setting(kind):
    data = jgd.Dataset(*rows(kind), columns=list("abcde"))
    make = jgd.linear_regression if kind == "linear" else jgd.logistic_regression
    how = dict(folds=jgd.folds.k_fold(4), metrics=["mae"] if kind == "linear" else ["accuracy"], key=3)
    problem = jgd.over([make(), make(fit_intercept=False)], name="model")
    paths = jgd.regularization_path(problem, data, L2[::8], **how)
    assert paths.names == ("model",)
    assert len(paths) == 2
    for setting, path in zip(paths.settings, paths, strict=True):
        alone = jgd.regularization_path(setting["model"], data, L2[::8], **how)
        np.testing.assert_array_equal(path.params.weights, alone.params.weights)
        np.testing.assert_array_equal(path.cross_validation.test_loss, alone.cross_validation.test_loss)
        np.testing.assert_array_equal(path.cross_validation.folds.tests[0], alone.cross_validation.folds.tests[0])
    losses = np.array([path.cross_validation.test_loss.mean(axis=0) for path in paths])
    best = np.unravel_index(np.argmin(losses), losses.shape)
    assert paths.best() == paths.settings[best[0]] | {"l2": paths.l2[best[1]]}
    assert paths.one_standard_error() == paths.settings[best[0]] | {"l2": paths[best[0]].one_standard_error()}
    np.testing.assert_array_equal(paths.refit().params.weights, paths[best[0]].refit().params.weights)
    last = paths.settings[1] | {"l2": paths.l2[0]}
    np.testing.assert_array_equal(paths.refit(last).params.weights, paths[1].refit(paths.l2[0]).params.weights)
    metric = how["metrics"][0]
    scores = np.array([path.cross_validation.scores(metric).mean(axis=0) for path in paths])
    place = np.unravel_index(np.argmin(scores) if metric == "mae" else np.argmax(scores), scores.shape)
    assert paths.best(metric) == paths.settings[place[0]] | {"l2": paths.l2[place[1]]}


def test_standardisation_is_crossed():
    X, y = rows()
    paths = jgd.regularization_path(jgd.linear_regression(), (X, y), [10.0, 0.1], standardize=jgd.over([False, True]))
    assert paths.settings == [{"standardize": False}, {"standardize": True}]
    for standardize, path in zip([False, True], paths, strict=True):
        alone = jgd.regularization_path(jgd.linear_regression(), (X, y), [10.0, 0.1], standardize=standardize)
        np.testing.assert_array_equal(path.params.weights, alone.params.weights)
    assert not np.allclose(paths[0].params.weights, paths[1].params.weights)
    (only,) = paths.where(standardize=True)
    assert only is paths[1]
    assert len(paths[:1]) == 1
    frame = paths.to_frame()
    assert frame.columns.tolist()[:3] == ["standardize", "l2", "objective"]
    assert frame["standardize"].tolist() == [False, False, True, True]
    assert frame["l2"].tolist() == [10.0, 0.1] * 2
    again = pickle.loads(pickle.dumps(paths))
    assert repr(again) == repr(paths) == "RegularizationPaths(2 paths of standardize x 2 penalties from 10 to 0.1: 4 converged)"


def test_crossed_paths_are_seen():
    folded = dict(folds=iter([(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]))
    both = jgd.linear_regression(fit_intercept=jgd.over([True, False]))
    paths = jgd.regularization_path(both, rows(), [0.1, 1.0], **folded)
    text, page = str(paths), paths._repr_html_()
    for path in paths:
        assert f"{path.best():g}" in page
        assert f"{path.cross_validation.test_loss.mean(axis=0).min():.6g}" in page
    assert "fit_intercept" in text
    assert "2 folds" in page
    assert "4 converged" in page


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: jgd.regularization_path(jgd.linear_regression(l2=jgd.over([0.1, 1.0])), rows(), [1.0]),
            "1 of 2 settings differ from another in l2 alone, .* give them as l2=",
        ),
        (lambda: jgd.regularization_path(jgd.linear_regression(), rows(), jgd.over([1.0])), "l2 holds over.* a list for l2"),
        (
            lambda: jgd.regularization_path(
                jgd.linear_regression(fit_intercept=jgd.over([True, False])), rows(), [1.0], standardize=True
            ),
            "standardize centres columns, which needs an intercept",
        ),
        (
            lambda: jgd.regularization_path(jgd.linear_regression(), rows(), [1.0], standardize=jgd.over([True, 3])),
            "standardize must be True or False, found 3",
        ),
        (
            lambda: jgd.regularization_path(
                jgd.linear_regression(fit_intercept=jgd.over([True, False], name="l2")), rows(), [1.0]
            ),
            "the name 'l2' is that of the penalties",
        ),
        (lambda: two_paths().best(), "best compares penalties on rows left out"),
        (lambda: two_paths().refit(0.1), "refit takes a setting with its l2"),
        (lambda: two_paths().refit({"standardize": 7, "l2": 0.1}), "is none of the settings of these paths"),
        (lambda: two_paths().where(standardize=lambda value: False), "no path has such a setting"),
        (lambda: two_paths().where(standardise=True), "'standardise' was not swept"),
        (
            lambda: jgd.plotting.plot_coefficients(two_paths()),
            "plot_coefficients draws one path, found 2: draw them all with plot_paths, or give one of them, such as paths.0.",
        ),
        (lambda: two_paths().plot(), "a path of one penalty is no line: give several"),
        (lambda: jgd.plotting.plot_paths(two_paths()[0]), "plot_paths draws what jgd.regularization_path returns of a jgd.over"),
        (lambda: two_paths().params, "here it is an attribute of each path, as paths.0."),
    ],
)
def test_messages_of_crossed_paths(make, message):
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError), match=message):
        make()


def two_paths():
    return jgd.regularization_path(jgd.linear_regression(), rows(), [0.1], standardize=jgd.over([False, True]))
