"""Least squares in closed form: against certified values, exact fractions, and fits of one fold alone."""

from fractions import Fraction

import jax
import numpy as np
import pytest

import jgd
from jgd.solvers import least_squares, least_squares_lanes, leave_one_out_lanes

# Longley (1967), Journal of the American Statistical Association 62: 819-841; the values are those that NIST certifies.
LONGLEY = np.array([
    [60323, 83.0, 234289, 2356, 1590, 107608, 1947],
    [61122, 88.5, 259426, 2325, 1456, 108632, 1948],
    [60171, 88.2, 258054, 3682, 1616, 109773, 1949],
    [61187, 89.5, 284599, 3351, 1650, 110929, 1950],
    [63221, 96.2, 328975, 2099, 3099, 112075, 1951],
    [63639, 98.1, 346999, 1932, 3594, 113270, 1952],
    [64989, 99.0, 365385, 1870, 3547, 115094, 1953],
    [63761, 100.0, 363112, 3578, 3350, 116219, 1954],
    [66019, 101.2, 397469, 2904, 3048, 117388, 1955],
    [67857, 104.6, 419180, 2822, 2857, 118734, 1956],
    [68169, 108.4, 442769, 2936, 2798, 120445, 1957],
    [66513, 110.8, 444546, 4681, 2637, 121950, 1958],
    [68655, 112.6, 482704, 3813, 2552, 123366, 1959],
    [69564, 114.2, 502601, 3931, 2514, 125368, 1960],
    [69331, 115.7, 518173, 4806, 2572, 127852, 1961],
    [70551, 116.9, 554894, 4007, 2827, 130081, 1962],
])  # fmt: skip
CERTIFIED = [
    15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359, -0.511041056535807e-01, 1829.15146461355,
    -3482258.63459582,
]  # fmt: skip


def exact(X, y, w, l2):
    """[weights; bias] of the ridge regression, by the normal equations in fractions."""
    Z = [[*map(Fraction, map(float, row)), Fraction(1)] for row in X]
    m, total = len(Z[0]), sum(map(Fraction, map(float, w)))
    rows = [(Fraction(float(v)) / total, z, Fraction(float(t))) for v, z, t in zip(w, Z, y, strict=True) if v]
    G = [[sum(v * z[a] * z[b] for v, z, _ in rows) for b in range(m)] + [sum(v * z[a] * t for v, z, t in rows)] for a in range(m)]
    for j in range(m - 1):
        G[j][j] += Fraction(l2) / 2
    for i in range(m):
        for r in {*range(m)} - {i}:
            ratio = G[r][i] / G[i][i]
            G[r] = [a - ratio * b for a, b in zip(G[r], G[i], strict=True)]
    return np.array([float(G[i][m] / G[i][i]) for i in range(m)])


def flat(params, *lane):
    return np.append(np.asarray(params.weights)[lane], np.asarray(params.bias)[lane])


def badly_scaled(n=60, key=0):
    rng = np.random.default_rng(key)
    X = rng.normal(size=(n, 5)) * 10.0 ** np.array([-6, -3, 0, 4, 6]) + np.array([0, 1, 2, 1e4, 1e8])
    return X, X @ (rng.normal(size=5) / X.std(axis=0)) + rng.normal(size=n)


def test_longley_to_eleven_digits():
    with jax.enable_x64(True):
        params, rank = least_squares((LONGLEY[:, 1:], LONGLEY[:, 0]))
        assert rank == 6
        np.testing.assert_allclose(flat(params), CERTIFIED, rtol=1e-11)


def test_folds_of_badly_scaled_columns_are_exact_to_rounding():
    """Whole numbers as weights, as of a bootstrap, and shares of rows left out; penalties from none to strong."""
    X, y = badly_scaled()
    rng = np.random.default_rng(1)
    folds = [np.arange(60) % 3 != fold for fold in range(3)]
    draws = rng.multinomial(60, np.full(60, 1 / 60), size=3)
    l2 = [0.0, 1e-8, 1e-3, 10.0]
    with jax.enable_x64(True):
        problem = jgd.linear_regression()
        for weights in (np.array(folds, float), draws.astype(float)):
            lanes = least_squares_lanes(problem, problem.dataset((X, y)), weights, l2)
            for fold in (0, 2):
                for lane, strength in enumerate(l2):
                    np.testing.assert_allclose(flat(lanes.params, fold, lane), exact(X, y, weights[fold], strength), rtol=1e-12)


def test_each_lane_is_the_fit_of_its_rows_alone(x64):
    rng = np.random.default_rng(2)
    X, y, weights = rng.normal(size=(500, 8)), rng.normal(size=(500, 2)), rng.integers(0, 3, size=(40, 500))
    for intercept in (True, False):
        problem = jgd.linear_regression(fit_intercept=intercept)
        data = problem.dataset((X, y))
        lanes = least_squares_lanes(problem, data, weights, [0.0, 0.5])
        assert lanes.rank.tolist() == [8] * 40
        assert lanes.params.weights.dtype == (np.float64 if x64 else np.float32)
        for fold in (0, 39):
            rows = np.repeat(np.arange(500), weights[fold])
            for lane, l2 in enumerate((0.0, 0.5)):
                alone, _ = least_squares((X[rows], y[rows]), l2, intercept)
                params = jax.tree.map(lambda leaf, at=(fold, lane): leaf[at], lanes.params)
                for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(alone), strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-11 if x64 else 1e-5, atol=1e-13 if x64 else 1e-6)
                objective = problem.replace(l2=l2).objective(params, problem.dataset((X[rows], y[rows])))
                np.testing.assert_allclose(lanes.objective[fold, lane], objective, rtol=1e-12 if x64 else 1e-5)
    assert (lanes.gradient_norm < 1e-12).all()


def test_columns_have_penalties_of_their_own():
    rng = np.random.default_rng(3)
    X, y, scale = rng.normal(size=(100, 4)), rng.normal(size=100), np.array([[1e-3, 1.0, 2.0, 100.0]])
    with jax.enable_x64(True):
        problem = jgd.linear_regression()
        lanes = least_squares_lanes(problem, problem.dataset((X, y)), None, [0.0, 0.3], penalty_scale=scale)
        scaled, _ = least_squares((X / scale, y), 0.3)
        np.testing.assert_allclose(lanes.params.weights[0, 1] * scale[0], scaled.weights, rtol=1e-12)
        np.testing.assert_allclose(flat(lanes.params, 0, 0), flat(least_squares((X, y))[0], ...), rtol=1e-12)


def test_what_the_rank_leaves_open_has_the_least_norm_in_standardised_columns(x64):
    rng = np.random.default_rng(4)
    A = rng.normal(size=(80, 3)).astype(np.float32)
    X = np.column_stack(
        [A, A[:, 0], 1000 * A[:, 0], np.full(80, 7.0, np.float32)]
    )  # twice the same, once in other units; a constant
    y = A @ [1.0, 2.0, 3.0] + 5
    (params, rank), units = least_squares((X, y)), np.append(X[:, :5].std(axis=0), 1.0)
    assert rank == 3
    np.testing.assert_allclose(
        params.weights * units, np.array([1 / 3, 2, 3, 1 / 3, 1 / 3, 0]) * units[[0, 1, 2, 0, 0, 5]], rtol=1e-5
    )
    np.testing.assert_allclose(params.weights @ X.T + params.bias, y, rtol=1e-5, atol=1e-5)


def test_a_fold_without_one_column_says_so():
    """The third column is constant where the first half is trained on; another fold has fewer rows than columns."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    X[:20, 2] = 4.0
    weights = np.array([np.arange(40) < 20, np.arange(40) >= 20, np.arange(40) < 3], float)
    problem = jgd.linear_regression()
    lanes = least_squares_lanes(problem, problem.dataset((X, y)), weights)
    assert lanes.rank.tolist() == [2, 3, 2]
    assert lanes.params.weights[0, 0, 2] == 0
    predicted = X[:3] @ np.asarray(lanes.params.weights[2, 0]) + np.asarray(lanes.params.bias[2, 0])
    np.testing.assert_allclose(predicted, y[:3], rtol=1e-4)


@pytest.mark.parametrize("n", [3, 5])
def test_fewer_rows_than_columns_with_a_penalty(n):
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, 5)), rng.normal(size=n)
    with jax.enable_x64(True):
        np.testing.assert_allclose(flat(least_squares((X, y), 0.1)[0], ...), exact(X, y, np.ones(n), 0.1), rtol=1e-10)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_without_each_row_in_turn(weighted, intercept):
    """A row whose leverage is one (the only one with a number in a column) is among them, and one without weight."""
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(30, 4)) + 3, rng.normal(size=(30, 2))
    X[:, 3] = np.arange(30) == 7
    weight = rng.integers(0, 4, 30) + (np.arange(30) == 7) if weighted else np.ones(30)
    with jax.enable_x64(True):
        problem = jgd.linear_regression(fit_intercept=intercept)
        data, l2, scale = problem.dataset((X, y, weight)), [0.0, 0.1, 5.0], rng.uniform(0.5, 2, size=(30, 4))
        folds = np.asarray(data.sample_weight) * (1 - np.eye(30))
        for scales in (None, scale):
            lanes = leave_one_out_lanes(problem, data, l2, scales)
            each = least_squares_lanes(problem, data, folds, l2, scales)
            for a, b in zip(jax.tree.leaves(lanes.params), jax.tree.leaves(each.params), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(lanes.objective, each.objective, rtol=1e-11)
            assert lanes.gradient_norm.max() < 1e-11
            assert (lanes.params.weights[7, :, 3] == 0).all()
            some = leave_one_out_lanes(problem, data, l2, None if scales is None else scales[[3, 7]], out=[3, 7])
            np.testing.assert_allclose(some.params.weights, each.params.weights[[3, 7]], rtol=1e-9, atol=1e-11)
