"""Bootstrap and jackknife: replicates are fits of the rows drawn, errors those of formulas and of scipy."""

import jax
import numpy as np
import pytest
from scipy import stats

import jgd
from jgd.experiments._bootstrap import Replicates
from jgd.experiments._resampled import _acceleration
from jgd.solvers import least_squares


def rows(kind="linear", n=60, d=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * [1, 3, 0.2][:d]
    z = X @ [1.0, 0.3, -2.0][:d] - 0.5 + rng.normal(size=n)
    return X, {"linear": z, "binary": np.where(z > 0, "yes", "no"), "softmax": np.digitize(z, [-1, 1])}[kind]


PROBLEMS = {
    "linear": jgd.linear_regression(l2=0.05),
    "binary": jgd.logistic_regression(l2=0.05),
    "softmax": jgd.logistic_regression(l2=0.05, classes=3),
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_each_replicate_is_the_fit_of_the_rows_drawn(kind, standardize):
    X, y = rows(kind)
    weight = np.random.default_rng(1).uniform(0.5, 2, 60)
    with jax.enable_x64(True):
        made = jgd.bootstrap(PROBLEMS[kind], (X, y, weight), replicates=40, key=3, standardize=standardize)
        counts = Replicates(60, 40, 3, None).weights(slice(0, 40), None).astype(int)
        assert (counts.sum(axis=1) == 60).all()
        for replicate in (0, 17, 39):
            drawn = np.repeat(np.arange(60), counts[replicate])
            data = X[drawn], y[drawn], weight[drawn]
            params = fit_of(PROBLEMS[kind], data, standardize)
            for mine, theirs in zip(jax.tree.leaves(made.params), jax.tree.leaves(params), strict=True):
                np.testing.assert_allclose(mine[replicate], theirs, rtol=1e-5, atol=1e-6)


def fit_of(problem, data, standardize):
    """The optimum by itself; on standardised columns, and told in those given."""
    X, y, weight = data
    mean = np.average(X, axis=0, weights=weight) if standardize else np.zeros(X.shape[1])
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight)) if standardize else np.ones(X.shape[1])
    params = jgd.solve(problem, ((X - mean) / scale, y, weight), tol=1e-14).params
    weights = (np.asarray(params.weights).T / scale).T
    bias = np.asarray(params.bias) - mean @ weights
    return jgd.LinearParams(weights, bias - bias.mean() if bias.ndim else bias)


def test_the_error_of_a_mean_is_its_formula():
    """Least squares without columns that matter: the intercept is the mean, and its errors are known."""
    y = np.random.default_rng(2).normal(size=50)
    problem, data = jgd.linear_regression(l2=1e6), (np.arange(50.0)[:, None] % 2, y)
    with jax.enable_x64(True):
        left_out = jgd.jackknife(problem, data)
        np.testing.assert_allclose(left_out.standard_error().bias, y.std(ddof=1) / np.sqrt(50), rtol=1e-5)
        np.testing.assert_allclose(left_out.bias().bias, 0, atol=1e-5)
        drawn = jgd.bootstrap(problem, data, replicates=4000)
        np.testing.assert_allclose(drawn.standard_error().bias, y.std() / np.sqrt(50), rtol=4 / np.sqrt(2 * 4000))


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_the_jackknife_is_that_of_fits_without_each_row(kind):
    X, y = rows(kind, n=30)
    with jax.enable_x64(True):
        left_out = jgd.jackknife(PROBLEMS[kind], (X, y))
        fits = [jgd.solve(PROBLEMS[kind], (np.delete(X, i, 0), np.delete(y, i)), tol=1e-14).params.weights for i in range(30)]
        np.testing.assert_allclose(left_out.params.weights, fits, rtol=1e-5, atol=1e-7)
        whole, fits = jgd.solve(PROBLEMS[kind], (X, y), tol=1e-14).params.weights, np.array(fits)
        np.testing.assert_allclose(left_out.estimate.weights, whole, rtol=1e-5)
        spread = np.sqrt(29 / 30 * np.sum((fits - fits.mean(axis=0)) ** 2, axis=0))
        np.testing.assert_allclose(left_out.standard_error().weights, spread, rtol=1e-4)
        np.testing.assert_allclose(left_out.bias().weights, 29 * (fits.mean(axis=0) - whole), rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_intervals_are_scipys(method):
    """Of the slope of a line, from two thousand replicates each: equal within their noise."""
    rng = np.random.default_rng(3)
    x = rng.exponential(size=40)
    y = x * rng.exponential(size=40)
    slope = lambda x, y: np.cov(x, y)[0, 1] / x.var(ddof=1)
    theirs = stats.bootstrap((x, y), slope, paired=True, vectorized=False, n_resamples=4000, method=method, random_state=rng)
    made = jgd.bootstrap(jgd.linear_regression(), (x[:, None], y), replicates=4000)
    low, high = made.interval(0.95, method)
    noise = 0.15 * theirs.standard_error * 2
    assert abs(low.weights[0] - theirs.confidence_interval.low) < noise
    assert abs(high.weights[0] - theirs.confidence_interval.high) < noise
    np.testing.assert_allclose(made.standard_error().weights[0], theirs.standard_error, rtol=0.1)


def test_settings_are_crossed_and_tables_name_parameters():
    X, y = rows()
    data = jgd.Dataset(X, y, columns=["age", "height", "width"])
    made = jgd.bootstrap(jgd.linear_regression(l2=jgd.over([0.0, 1.0])), data, replicates=50, key=1)
    assert made.names == ("l2",)
    assert made.params.weights.shape == (50, 2, 3)
    assert made.estimate.bias.shape == (2,)
    alone = jgd.bootstrap(jgd.linear_regression(l2=1.0), data, replicates=50, key=1)
    np.testing.assert_allclose(made.params.weights[:, 1], alone.params.weights, rtol=1e-5)
    np.testing.assert_allclose(alone.estimate.weights, least_squares((X, y), 1.0)[0].weights, rtol=1e-5)
    frame = made.to_frame(level=0.9, method="basic")
    assert frame["parameter"].tolist() == ["age", "height", "width", "bias"] * 2
    assert frame["l2"].tolist() == [0.0] * 4 + [1.0] * 4
    np.testing.assert_allclose(frame["low"][4:7], alone.interval(0.9, "basic")[0].weights, rtol=1e-4)
    assert repr(made) == "Bootstrap(50 replicates x 2 settings of l2: 100 converged)"
    softmax = jgd.jackknife(PROBLEMS["softmax"], rows("softmax", n=20)).to_frame()
    assert softmax["parameter"][0] == "weights[0] (0)"
    assert list(softmax.columns) == ["parameter", "estimate", "bias", "standard_error"]


@pytest.mark.parametrize("of", [lambda *args, **options: jgd.bootstrap(*args, replicates=50, **options), jgd.jackknife])
def test_standardising_is_crossed_with_settings(of):
    """Each setting is what it is alone, bit for bit."""
    problem, data = jgd.linear_regression(l2=jgd.over([0.0, 1.0])), rows()
    made = of(problem, data, standardize=jgd.over([False, True]))
    assert made.settings == [{"l2": l2, "standardize": value} for l2 in (0.0, 1.0) for value in (False, True)]
    for i, value in enumerate((False, True)):
        alone = of(problem, data, standardize=value)
        for name in ("params", "estimate"):
            part = (slice(None), slice(i, None, 2)) if name == "params" else slice(i, None, 2)
            jax.tree.map(
                lambda a, b, part=part: np.testing.assert_array_equal(a[part], b), getattr(made, name), getattr(alone, name)
            )
        np.testing.assert_array_equal(made.standard_error().weights[i::2], alone.standard_error().weights)
    assert made.to_frame()["standardize"].tolist() == ([False] * 4 + [True] * 4) * 2


def test_the_key_decides_and_more_replicates_begin_with_the_same():
    X, y = rows()
    of = lambda count, key: jgd.bootstrap(jgd.linear_regression(), (X, y), replicates=count, key=key).params.weights
    np.testing.assert_allclose(of(40, 1), of(70, 1)[:40], rtol=1e-4)
    assert (of(40, 1) != of(40, 2)).any(axis=1).all()


def test_strata_keep_their_numbers_of_rows():
    labels = np.repeat([0, 1], [57, 3])
    counts = Replicates(60, 100, 0, labels).weights(slice(5, 90), None)
    assert counts.shape == (85, 60)
    assert (counts[:, 57:].sum(axis=1) == 3).all()
    assert (counts.sum(axis=1) == 60).all()
    X = rows()[0]
    made = jgd.bootstrap(jgd.logistic_regression(l2=0.1), (X, labels), replicates=100, stratify=True)
    assert (made.status == "converged").all()


def test_rows_without_weight_are_none_to_the_jackknife():
    X, y = rows(n=30)
    weight = (np.arange(30) != 4).astype(float)
    whole, without = (
        jgd.jackknife(PROBLEMS["linear"], (X, y, weight)),
        jgd.jackknife(PROBLEMS["linear"], (X[weight > 0], y[weight > 0])),
    )
    assert len(whole) == 29
    np.testing.assert_allclose(whole.standard_error().weights, without.standard_error().weights, rtol=1e-4)


RARE = rows()[0], np.repeat([0, 1], [59, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jgd.bootstrap(jgd.linear_regression(), rows(), replicates=1), "replicates must be at least 2, found 1"),
        (lambda: jgd.jackknife(jgd.linear_regression(), rows(n=1)), "needs at least 2 that have a weight, found 1"),
        (
            lambda: jgd.bootstrap(jgd.logistic_regression(l2=1), RARE),
            "has no row of class 1: there are 1 to draw from; .*stratify=True",
        ),
        (lambda: jgd.bootstrap(jgd.linear_regression(), rows(), stratify=True), "stratify= draws from each class by itself"),
        (lambda: jgd.bootstrap(jgd.linear_regression(), rows(), stratify=1), "stratify must be True or False, found 1"),
        (lambda: jgd.bootstrap(jgd.linear_regression(), (*rows(), np.arange(60) < 2), replicates=99), "has no row with a weight"),
        (
            lambda: jgd.bootstrap(jgd.Problem(lambda p: p**2, 1.0), rows()),
            "bootstrap solves linear and logistic regression, found Problem.",
        ),
        (lambda: jgd.jackknife(jgd.logistic_regression(l2=1), RARE), "no row of class 1 is left for fold 59"),
        (
            lambda: jgd.jackknife(jgd.linear_regression(fit_intercept=False), rows(), standardize=True),
            "standardize centres columns",
        ),
        (
            lambda: jgd.bootstrap(jgd.linear_regression(), rows(), standardize=jgd.over([True, "yes"])),
            "standardize must be True or False, found 'yes'",
        ),
        (
            lambda: jgd.bootstrap(jgd.linear_regression(), rows(), replicates=9).interval(95),
            "level must be a number between 0 and 1",
        ),
        (
            lambda: jgd.bootstrap(jgd.linear_regression(), rows(), replicates=9).interval(method="t"),
            "method must be 'percentile', ",
        ),
    ],
)
def test_messages(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_tables_take_the_interval_that_is_wanted():
    made = jgd.bootstrap(jgd.linear_regression(), rows(), replicates=40)
    low, _ = made.interval(0.8, "basic")
    np.testing.assert_array_equal(made.to_frame(level=0.8, method="basic")["low"][:-1], low.weights)
    with pytest.raises(TypeError, match=r"to_frame\(\) got an unexpected keyword argument 'levels'"):
        made.to_frame(levels=0.8)


def test_a_row_left_out_without_an_optimum_is_left_out_of_the_skewness():
    values = np.random.default_rng(0).exponential(size=(30, 1))
    np.testing.assert_array_equal(_acceleration(np.r_[values, [[np.nan]]], None), _acceleration(values, None))
    assert _acceleration(values, None) != 0


def test_figures_of_fits_without_an_optimum_warn_at_the_users_line():
    """Of so few rows some replicates are separable: they have no optimum, and the spread of the others is not that of all."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 3))
    data = X, (X @ [1.0, -1.0, 0.5] + rng.logistic(size=30) > 0).astype(int)
    made = jgd.bootstrap(jgd.logistic_regression(), data, replicates=200, stratify=True)
    missing = np.sum(made.status != "converged")
    assert 0 < missing < 200
    said = f"{missing} of 200 replicates did not converge: the figures leave them out.*Give the problem an l2, or use more rows"
    for figure in (made.standard_error, made.bias, made.interval, lambda: made.interval(method="bca"), made.to_frame):
        with pytest.warns(UserWarning, match=said) as found:
            figure()
        assert [warning.filename for warning in found] == [__file__]
    repr(made), str(made)  # without one: they say how many ended how
    X, y = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]), [0, 0, 1, 0, 1, 1]  # without row 2 or 3 they are separable
    left_out = jgd.jackknife(jgd.logistic_regression(), (X, y))
    with pytest.warns(UserWarning, match="2 of 6 fits without a row did not converge: the figures take all of them, and are NaN"):
        assert np.isnan(left_out.standard_error().bias)
