"""`solve` and `solve_lanes`: optima beside those of scipy and scikit-learn, data that misleads, and what the messages say."""

import itertools
import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

import jgd
from jgd.solvers import _passes, _rows, _solve, solve_lanes
from jgd.solvers._centred import centred
from jgd.solvers._choice import choose
from jgd.solvers._descend import descend
from jgd.solvers._inverse import of_gram

logistic = jgd.logistic_regression


def drawn(n=300, d=4, classes=2, seed=0, noise=1.0):
    """Rows of float64, and classes that overlap."""
    rng = np.random.default_rng([seed, n, d, classes])
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, classes)) + noise * rng.gumbel(size=(n, classes))).argmax(axis=1)


def typed(X, x64):
    return X.astype(np.float64 if x64 else np.float32)


def value_and_slope(theta, X, y, weight, l2, free, classes):
    """The objective in float64 and its gradient, by softmax over all classes, the first fixed at 0 where there are two."""
    X = np.asarray(X, np.float64)
    k = 1 if classes == 2 else classes
    theta = theta.reshape(k, -1)
    W, b = (theta[:, :-1], theta[:, -1]) if free else (theta, np.zeros(k))
    z = X @ W.T + b
    z = np.concatenate([np.zeros((len(X), 1)), z], axis=1) if k == 1 else z
    z = z - z.max(axis=1, keepdims=True)
    total = np.log(np.exp(z).sum(axis=1))
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, np.float64)
    share = weight / weight.sum()
    value = share @ (total - z[np.arange(len(y)), y]) + l2 / 2 * np.sum(W**2)
    r = (np.exp(z - total[:, None]) - np.eye(classes)[y])[:, -k:] * share[:, None]
    slope = r.T @ X + l2 * W
    return value, (np.concatenate([slope, r.sum(axis=0)[:, None]], axis=1) if free else slope).ravel()


def objective(params, X, y, weight=None, l2=0.0, classes=2):
    flat = np.asarray(params.weights, np.float64).reshape(X.shape[1], -1).T
    if params.bias is not None:
        flat = np.concatenate([flat, np.asarray(params.bias, np.float64).reshape(-1, 1)], axis=1)
    return value_and_slope(flat.ravel(), X, y, weight, l2, params.bias is not None, classes)[0]


def best(X, y, weight, l2, free, classes):
    """The least objective by scipy's BFGS from zero, and again from there."""
    arguments = (X, y, weight, l2, free, classes)
    theta = np.zeros((1 if classes == 2 else classes) * (X.shape[1] + free))
    for _ in range(3):
        found = minimize(value_and_slope, theta, arguments, method="BFGS", jac=True, options={"gtol": 1e-12, "maxiter": 2000})
        theta = found.x
    return found.fun


CASES = list(itertools.product([2, 3], [True, False], [True, False], [0.0, 1e-8, 1e-3, 1e2]))


@pytest.mark.parametrize(("classes", "free", "weighted", "l2"), CASES)
def test_the_objective_is_that_of_scipy(classes, free, weighted, l2, x64):
    X, y = drawn(classes=classes)
    X = typed(X, x64)
    weight = typed(np.random.default_rng(1).uniform(size=len(X)) * (np.arange(len(X)) % 5 > 0), x64) if weighted else None
    problem = logistic(l2=l2, fit_intercept=free, classes=classes)
    result = jgd.solve(problem, (X, y, weight) if weighted else (X, y))
    want = best(X, y, weight, l2, free, classes)
    assert result.status == "converged"
    assert objective(result.params, X, y, weight, l2, classes) <= want * (1 + 1e-8) + 1e-12


@pytest.mark.parametrize("solver", ["newton-cholesky", "lbfgs"])
@pytest.mark.parametrize("classes", [2, 4])
def test_the_weights_are_those_of_scikit_learn(classes, solver):
    X, y = drawn(500, 5, classes)
    l2 = 1e-2
    twin = LogisticRegression(C=1 / (l2 * len(X)), solver=solver, tol=1e-12, max_iter=5000).fit(X, y)
    with jax.enable_x64(True):
        params = jgd.solve(logistic(l2=l2, classes=classes), (X, y), tol=1e-13).params
        np.testing.assert_allclose(np.atleast_2d(np.asarray(params.weights).T), twin.coef_, atol=1e-6)
        bias, want = np.atleast_1d(params.bias), twin.intercept_
        if classes > 2:  # a common shift of all logits changes nothing
            bias, want = bias - bias.mean(), want - want.mean()
        np.testing.assert_allclose(bias, want, atol=1e-6)


def test_without_an_intercept_a_start_at_the_optimum_takes_no_step(x64):
    X, y = drawn()
    problem, data = logistic(l2=1e-3, fit_intercept=False), (typed(X, x64), y)
    found = jgd.solve(problem, data)
    again = jgd.solve(problem, data, params=found.params)
    assert (again.status, again.steps) == ("converged", 0)
    np.testing.assert_allclose(again.params.weights, found.params.weights, rtol=1e-6)


@pytest.mark.parametrize("size", [1e2, 1e6, 1e30])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_start_at_which_every_slope_is_saturated_is_left(size, classes):
    """There the Hessian is zero, and a step of Newton's method anything."""
    X, y = drawn(classes=classes)
    shape = () if classes == 2 else (classes,)
    signs = np.random.default_rng(0).normal(size=(X.shape[1], *shape)).astype(np.float32)
    params = jgd.LinearParams(size * signs, np.zeros(shape, np.float32))
    data = (X.astype(np.float32), y)
    result = jgd.solve(logistic(classes=classes), data, params=params)
    assert result.status == "converged"
    assert result.steps == jgd.solve(logistic(classes=classes), data).steps


def awkward(name):
    """Columns that other solvers stumble over; the problem has an optimum."""
    X, y = drawn(2000, 6)
    rng = np.random.default_rng(3)
    weight = None
    if name == "duplicates and constants":
        X = np.concatenate([X, X[:, :3], np.ones((len(X), 1)), np.full((len(X), 1), 7.0), np.zeros((len(X), 1))], axis=1)
    if name == "units of 1e-6 to 1e6":
        X = X * np.logspace(-6, 6, 6)
    if name == "means of 1e3 spreads":
        X = X + 1e3 * rng.choice([-1, 1], size=6)
    if name == "3 % positives":
        y = (rng.uniform(size=len(X)) < 0.06 / (1 + np.exp(-X[:, 0]))).astype(int)
    if name == "weights of 0":
        weight = (np.arange(len(X)) % 7 > 0) * rng.uniform(size=len(X))
        X[weight == 0] *= 100
    if name == "one column":
        X = X[:, :1]
    return X, y, weight


AWKWARD = [
    "duplicates and constants", "units of 1e-6 to 1e6", "means of 1e3 spreads", "3 % positives", "weights of 0", "one column",
]  # fmt: skip


@pytest.mark.parametrize("l2", [0.0, 1e-4])
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_columns(name, l2, x64):
    X, y, weight = awkward(name)
    X = typed(X, x64)
    result = jgd.solve(logistic(l2=l2), (X, y, weight) if weight is not None else (X, y))
    assert result.status == "converged", result.message
    centre = np.asarray(X, np.float64).mean(axis=0)
    spread = np.maximum(np.asarray(X, np.float64).std(axis=0), 1e-12 * np.abs(centre)) if l2 == 0 else np.ones(X.shape[1])
    spread = np.where(spread > 0, spread, 1.0)
    if l2 == 0 or name != "units of 1e-6 to 1e6":  # which scipy reaches, in columns moved and scaled for it
        kept = slice(None) if name != "duplicates and constants" or l2 else slice(6)
        want = best(((np.asarray(X, np.float64) - centre) / spread)[:, kept], y, weight, l2, True, 2)
        assert objective(result.params, X, y, weight, l2) <= want * (1 + 2e-8)


@pytest.mark.parametrize(("n", "d"), [(30, 60), (2, 1), (2, 3)])
@pytest.mark.parametrize("l2", [1e-8, 1e-2])
def test_fewer_rows_than_columns_with_a_penalty(n, d, l2, x64):
    X = np.random.default_rng(0).normal(size=(n, d))
    result = jgd.solve(logistic(l2=l2), (typed(X, x64), np.arange(n) % 2))
    assert result.status == "converged", result.message


def separable(classes=2):
    X, _ = drawn(200, 3)
    return X.astype(np.float32), (X[:, 0] > 0).astype(int) if classes == 2 else X.argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 3])
def test_separable_classes_are_said_to_be_so(classes):
    X, y = separable(classes)
    result = jgd.solve(logistic(classes=classes), (X, y))
    assert result.status == "stalled"
    assert re.search(r"separable: a direction of columns .* tells every row's class without error", result.message)
    assert (np.asarray(result.predict(X)) == y).all()
    assert np.isfinite(result.params.weights).all()


def test_quasi_separable_classes_are_said_to_be_so():
    X, y = drawn(200, 3)
    rare = np.arange(200) < 3
    result = jgd.solve(logistic(), (np.column_stack([X, rare]).astype(np.float32), np.where(rare, 1, y)))
    assert result.status == "stalled"
    assert "quasi-separable: a direction of column 3 tells the class" in result.message
    assert result.diagnose().causes[0] == "separable_classes"
    assert 3 in result.diagnose()[0].numbers["columns"]


@pytest.mark.parametrize("l2", [1e-12, 1e-6])
def test_separable_classes_have_an_optimum_with_any_penalty(l2, x64):
    X, y = separable()
    result = jgd.solve(logistic(l2=l2), (typed(X, x64), y))
    assert result.status == "converged", result.message
    assert (np.asarray(result.predict(X)) == y).all()


def test_a_few_steps_more_make_the_proof_cheap(monkeypatch):
    X, y = drawn(20_000, 20)
    data = jgd.Dataset(X.astype(np.float32), y)
    cheap = jgd.solve(logistic(l2=5e-5), data)
    monkeypatch.setattr("jgd.solvers._solve.REACH", 0.0)
    dear = jgd.solve(logistic(l2=5e-5), data)
    assert cheap.status == dear.status == "converged"
    assert (cheap.certificate().method, dear.certificate().method) == ("duality", "Newton's decrement")
    assert 0 < cheap.steps - dear.steps <= 5


def test_units_of_columns_change_neither_steps_nor_probabilities(x64):
    X, y = drawn(3000, 5)
    plain = jgd.solve(logistic(), (typed(X, x64), y), tol=1e-13)
    for scale in (np.array([1e4, 1, 1e-4, 1, 1e4]), np.full(5, 1e4), np.full(5, 1e-4)):
        scaled = jgd.solve(logistic(), (typed(X * scale, x64), y), tol=1e-13)
        assert plain.steps / 2 <= scaled.steps <= 2 * plain.steps
        np.testing.assert_allclose(scaled.probabilities(typed(X * scale, x64)), plain.probabilities(typed(X, x64)), atol=1e-6)
    # With a penalty, one scale of all columns is another penalty.
    plain, scaled = (jgd.solve(logistic(l2=1e-3 * s**2), (typed(X * s, x64), y), tol=1e-13) for s in (1, 1e4))
    assert plain.steps / 2 <= scaled.steps <= 2 * plain.steps
    np.testing.assert_allclose(scaled.probabilities(typed(X * 1e4, x64)), plain.probabilities(typed(X, x64)), atol=1e-6)


@pytest.mark.parametrize("size", [1e30, 1e-18, 1e-30])
def test_columns_whose_squares_float32_does_not_hold(size):
    X, y = drawn()
    l2 = 1e-3 * size**2 if size > 1 else 0.0
    scaled = jgd.solve(logistic(l2=l2), ((X * size).astype(np.float32), y))
    plain = jgd.solve(logistic(l2=1e-3 if size > 1 else 0.0), (X.astype(np.float32), y))
    assert scaled.status == "converged", scaled.message
    assert abs(scaled.objective - plain.objective) < 1e-7
    columns = centred((X * size).astype(np.float32), True)
    assert (np.exp2(np.round(np.log2(columns.unit))) == columns.unit).all()
    assert centred(X.astype(np.float32), True).unit is None


def test_a_row_whose_squares_float32_does_not_hold():
    """One that is not among those that are looked at: the Hessian was not finite, and the parameters were blamed for it."""
    X, y = drawn(2048)
    X[1, 0] = 1e25 * (1 if y[1] == 0 else -1)
    result = jgd.solve(logistic(l2=1e-3), (X.astype(np.float32), y), certify=False)
    assert result.status == "converged", result.message
    assert result.objective <= jgd.solve(logistic(l2=1e-3), (X[:, 1:].astype(np.float32), y)).objective + 1e-8


def nearly_a_sum(kind, x64, n=600):
    """Rows whose last column is a sum of others and a constant, but for rounding, and their noisy target."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 3))
    levels = np.eye(3)[rng.integers(0, 3, n)]
    more = {
        "Fahrenheit": 1.8 * X[:, :1] + 32, "scaled": 0.3 * X[:, :1], "sum": X[:, :1] + X[:, 1:2],
        "standardised levels": (levels - levels.mean(axis=0)) / levels.std(axis=0),
    }[kind]  # fmt: skip
    return typed(np.concatenate([X, more], axis=1), x64), X[:, 0] + rng.logistic(size=n)


@pytest.mark.parametrize("kind", ["Fahrenheit", "scaled", "sum", "standardised levels"])
@pytest.mark.parametrize(
    "problem", [logistic(), logistic(classes=3), jgd.linear_regression()], ids=["binary", "softmax", "linear"]
)
def test_columns_that_are_sums_but_for_rounding_are_left_out(kind, problem, x64):
    X, target = nearly_a_sum(kind, x64)
    y = typed(target, x64) if problem.name == "linear_regression" else np.digitize(target, [0, 1][: problem.classes - 1])
    result = jgd.solve(problem, jgd.Dataset(X, y, columns=[f"c: {j}" for j in range(X.shape[1])]))
    last = X.shape[1] - 1
    assert result.status == "converged", result.message
    assert (np.asarray(result.params.weights)[last] == 0).all()
    assert f"'c: {last}' is a sum of" in result.message
    assert result.message.count("and so is left out") == 1
    assert result.certificate().method.endswith(f", without column c: {last}")
    if problem.name == "linear_regression":
        A = np.concatenate([X[:, :last].astype(float), np.ones((len(X), 1))], axis=1)
        wanted = np.mean((A @ np.linalg.lstsq(A, y.astype(float), rcond=None)[0] - y) ** 2)
    else:
        wanted = best(X[:, :last].astype(float), y, None, 0.0, True, problem.classes)
    assert 0 <= result.objective - wanted + 1e-12 < 1e-7 * wanted
    assert jgd.solve(problem.replace(l2=1e-3), (X, y)).params.weights[last].any()  # which a penalty determines
    same = jgd.solve(problem, jgd.Dataset(X, y, columns=["x"] * X.shape[1]))  # names that do not tell which
    assert "left out" not in same.message


def test_weights_that_the_type_does_not_hold_are_said_to_be_so():
    X, y = drawn()
    result = jgd.solve(logistic(), ((X * 1e-40).astype(np.float32), y))
    assert result.status == "nonfinite"
    assert "the parameters are larger than float32 holds: give columns in other units, or a penalty" in result.message


@pytest.mark.parametrize("tol", [1e-3, 1e-8, 1e-12, 1e-300])
@pytest.mark.parametrize("l2", [0.0, 1e-2])
def test_converged_is_proved(tol, l2, x64):
    X, y = drawn()
    result = jgd.solve(logistic(l2=l2), (typed(X, x64), y), tol=tol)
    proof = result.certificate()
    assert (result.status == "converged") == (proof.gap <= tol * proof.objective)
    assert (result.status == "converged") == (tol > 1e-200)
    if tol < 1e-200:
        advice = "" if x64 else "; with float64"
        assert f"rounding keeps it from less{advice}" in result.message


@pytest.mark.parametrize("tol", [0.1, 10.0, 1e300])
def test_a_loose_tolerance_is_proved_too(tol):
    """Without a penalty there is no bound far from the optimum, wherever the decrement says that it is near enough."""
    X, y = drawn(3000, 8)
    for data in ((X, y), (X * np.exp(2 * np.random.default_rng(0).normal(size=(len(X), 1))), y)):
        result = jgd.solve(logistic(), data, tol=tol)
        assert result.status == "converged", result.message
        assert np.isfinite(result.certificate().gap)


@pytest.mark.parametrize("l2", [0.0, 1e-3])
def test_a_solver_loosened_on_purpose_is_caught(l2, monkeypatch):
    monkeypatch.setattr(_solve, "SHARE", 1e5)
    X, y = drawn()
    data = (X.astype(np.float32), y)
    assert jgd.solve(logistic(l2=l2), data).status == "converged"  # it goes on until the proof is there
    monkeypatch.setattr(_solve, "TRIES", 1)
    result = jgd.solve(logistic(l2=l2), data)
    assert result.status == "stalled"
    assert "rounding" not in result.message
    assert not result.certificate().gap <= 1e-8 * result.objective


def test_the_gap_of_a_tiny_penalty_is_proved_by_further_steps():
    """The Hessian is too large for Newton's decrement, and the dual gap |gradient|^2 / (2 l2) far from the truth."""
    X, y = drawn(1000, 40, 51)
    result = jgd.solve(logistic(l2=1e-5, classes=51), (X.astype(np.float32), y), tol=1e-6)
    assert result.status == "converged", result.message
    assert result.certificate().method == "duality"
    assert "lbfgs from the Gram matrix" in result.message


def test_too_few_steps_are_said_to_be_so():
    X, y = drawn()
    result = jgd.solve(logistic(l2=1e-3), (X, y), steps=1)
    assert (result.status, result.steps) == ("max_steps", 1)
    assert "all steps were taken, at most" in result.message
    assert "rounding" not in result.message
    result = jgd.solve(logistic(l2=1e-3), (X, y), steps=1, certify=False)
    assert (result.status, "all steps were taken" in result.message) == ("max_steps", True)


def misleading(name, n=40_000):
    """Rows of which a sample says little, in float32; the problem has an optimum."""
    rng = np.random.default_rng(5)
    X, rare = rng.normal(size=(n, 8)), np.zeros(n)
    rare[rng.choice(n, 30, replace=False)] = 1
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(1 - 0.3 * X.sum(axis=1) - 8 * rare))).astype(int)
    y[np.flatnonzero(rare)[:2]] = 0
    X, weight = np.concatenate([X, rare[:, None]], axis=1), None
    if name == "sorted by class":
        order = np.argsort(y, kind="stable")
        X, y = X[order], y[order]
    if name == "heavy tails":
        X[:, :8] = rng.standard_cauchy(size=(n, 8))
        y = (rng.uniform(size=n) < 1 / (1 + np.exp(-np.clip(0.1 * X[:, 0], -3, 3)))).astype(int)
    if name == "few rows that count":
        weight, X = np.zeros(n), X[:, :8]
        weight[rng.choice(n, 200, replace=False)] = 1
    if name == "some heavy weights":
        weight, X = np.exp(5 * rng.normal(size=n)), X[:, :8]
    return (X.astype(np.float32), y) if weight is None else (X.astype(np.float32), y, weight)


MISLEADING = ["a rare column", "sorted by class", "heavy tails", "few rows that count", "some heavy weights"]


@pytest.mark.parametrize("name", MISLEADING)
def test_samples_of_rows_that_mislead(name):
    data = misleading(name)
    result = jgd.solve(logistic(), data)
    assert result.status == "converged", result.message
    rows = result.history.rows
    assert (np.diff(rows) >= 0).all()
    assert rows[-1] == 40_000
    for level in set(rows.tolist()):
        assert f"{level:,}" in result.message


def rare_events(n=60_000, d=8):
    """Standardised columns, of which each second one is an event of few rows, most of them of one class."""
    rng = np.random.default_rng(4)
    y = rng.random(n) < 0.7
    events = (rng.random((n, d)) < np.geomspace(3e-4, 1e-2, d)) & (y[:, None] | (rng.random((n, d)) < 0.05))
    X = np.concatenate([rng.normal(size=(n, d)) + y[:, None], events], axis=1)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32), (y ^ (rng.random(n) < 1e-3)).astype(np.int32)


def test_columns_of_rare_events_are_not_far_from_zero():
    """In a few rows they do not differ from a number that is not zero: X was copied."""
    X, _ = rare_events()
    assert centred(X, True).X is X
    X[:, 3] += 20
    moved = centred(X, True)
    np.testing.assert_allclose(moved.mean, X.mean(axis=0, dtype=np.float64), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moved.X, X - X.mean(axis=0, dtype=np.float64), rtol=1e-6, atol=1e-6)


def test_samples_of_rows_that_are_not_alike_have_those_that_count():
    X, y = rare_events()
    result = jgd.solve(logistic(l2=1 / len(X)), (X, y), tol=1e-6, certify=False)
    assert result.status == "converged", result.message
    best = jgd.solve(logistic(l2=1 / len(X)), (X.astype(float), y), tol=1e-10).objective
    assert objective(result.params, X, y, l2=1 / len(X)) <= (1 + 1e-6) * best
    assert (result.history.rows == len(X)).sum() <= 9  # 14 from a sample in which each row has the same chance
    assert "drawn by the rows' size" in result.message
    X, y = drawn(60_000)
    assert "drawn" not in jgd.solve(logistic(), (X.astype(np.float32), y), certify=False).message


def test_a_part_of_a_step_is_not_a_tenth_of_it_again_and_again():
    """Rows far away make kinks, within which a tenth of a step is as steep as its begin: nine steps of these came in a row."""
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(2000, 5))
    X = Z + 0.3 * rng.standard_cauchy(Z.shape)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    y = (2 * Z @ rng.normal(size=(5, 2)) + rng.gumbel(size=(2000, 2))).argmax(axis=1)
    result = jgd.solve(logistic(l2=1e-8), (X, y), tol=1e-6)
    assert result.status == "converged", result.message
    assert np.isclose(result.history.step_size, 0.1).sum() <= 2


def test_a_step_that_is_expected_to_lead_below_0_is_evaluated():
    """By an inverse of too little the decrement is above the objective; without a penalty less than nothing is near enough."""
    rng = np.random.default_rng(78)
    with jax.enable_x64(True):
        X = rng.standard_cauchy((300, 4)) ** 3
        y = (0.3 * X[:, 0] + rng.logistic(size=300) > 1).astype(int)
        result = jgd.solve(logistic(), (X, y), certify=False)
    share = y.mean()
    assert result.status == "converged"
    assert 0 < objective(result.params, X, y) < -share * np.log(share) - (1 - share) * np.log(1 - share)


def test_objectives_below_0_by_rounding_are_proved_and_left():
    """A product of one column is fused with what follows, so that the logit of a row's class, less itself, is not 0."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        X, W = rng.normal(size=(7, 1)), rng.normal(size=(1, 3)) * 1e3
        start = jgd.LinearParams(jnp.asarray(W), None)
        free, tied = (
            jgd.solve(logistic(l2=l2, classes=3, fit_intercept=False), (X, (X @ W).argmax(axis=1)), params=start)
            for l2 in (0.0, 1e-30)
        )
    assert (free.status, free.steps) == ("stalled", 0)
    assert 0 <= free.objective < 1e-30
    assert (tied.status, tied.steps < 10) == ("converged", True)


def test_a_hessian_that_needs_a_ridge_is_helped_by_memory():
    """Made anew at each second step it forgot what the ridge hides: a thousandth of what was left, at each of 200 steps."""
    X, y = drawn(3200, 4, 3, seed=1)
    result = jgd.solve(logistic(l2=1e-3, classes=3, fit_intercept=False), ((X + 1e6).astype(np.float32), y))
    assert result.steps < 100
    assert "rounding keeps it from less" in result.message


@pytest.mark.parametrize("weighted", [False, True])
def test_a_sample_by_size_is_a_fair_one(weighted):
    """Means by its weights are those of all rows, also of what few rows have."""
    X, y = rare_events()
    rng = np.random.default_rng(0)
    weight = np.where(rng.random(len(X)) < 0.5, 0.0, rng.uniform(size=len(X))) if weighted else np.ones(len(X))
    counts = _rows.Counts.of(weight[None], weight[None].sum(axis=1), X.dtype)
    rows = _rows.Rows(jnp.asarray(X), jnp.asarray(y), counts, 2, True)
    sample = rows.sample(4000, alike=False)
    share = np.asarray(sample.counts.values[0], np.float64) / sample.counts.sums[0]
    assert share.min() > 0
    wanted = np.average(np.square(X), axis=0, weights=weight)
    np.testing.assert_allclose(share @ np.square(np.asarray(sample.X)), wanted, rtol=0.25)
    uniform = np.asarray(rows.replace(counts=None).sample(4000).X)
    assert np.abs(np.square(uniform).mean(axis=0) / wanted - 1).max() > 0.5


def test_weights_of_all_sizes_lead_nowhere_worse():
    """Where hardly a row counts, a Hessian is rounding: its steps led to 1e6 times the objective, and were said to be near."""
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("error")
        for classes, seed in ((2, 5), (3, 13)):
            rng = np.random.default_rng(seed)
            X, y, weight = rng.normal(size=(40, 4)), rng.integers(0, classes, 40), 10.0 ** rng.uniform(-12, 12, 40)
            if classes == 3:
                loss = jgd.solve(logistic(classes=classes), (X, y, weight), certify=False, tol=1e-4).history.loss
                assert loss[-1] < loss[0]
            else:
                y[:8] = np.arange(8) % classes
                folds = jgd.cross_validate(logistic(), (X, y, weight), folds=jgd.folds.stratified(2))
                assert (folds.objective < np.log(2)).all()


def test_a_sample_that_leads_far_away_is_not_followed(monkeypatch):
    """Few rows of weight: a sample of them is separable, and its weights have no size; the rows of all begin at zero again."""
    everywhere = lambda n, columns, classes, rarest, used=1.0: choose(n, columns, classes, 1.0)
    monkeypatch.setattr(_solve, "choose", everywhere)
    data = misleading("few rows that count")
    result = jgd.solve(logistic(), data)
    assert result.history.rows[0] < 1000
    assert result.status == "converged", result.message
    assert result.history.loss[np.argmax(result.history.rows == 40_000)] < 2 * np.log(2)


@pytest.mark.parametrize(("arguments", "start", "levels", "always", "chain"), [
    ((300, 5, 2, 0.5), "hessian", (), True, "newton"),
    ((40_000, 11, 2, 0.5), "hessian", (2500,), False, "newton on 2,500 rows, lbfgs from its Hessian on all 40,000"),
    ((80_000, 11, 2, 0.5), "hessian", (625, 5000), False, "newton on 625 rows, lbfgs from its Hessian on 5,000, lbfgs from its"),
    ((40_000, 11, 2, 0.01), "hessian", (5000,), False, "newton on 5,000 rows, lbfgs from its Hessian on all 40,000"),
    ((40_000, 11, 2, 0.5, 0.05), "hessian", (), True, "newton"),
    ((40_000, 100, 2, 0.5), "hessian", (6400,), False, "newton on 6,400 rows"),
    ((20_000, 100, 2, 0.5), "hessian", (), False, "lbfgs from the Hessian, made anew where progress is slow"),
    ((10_000, 200, 2, 0.5), "hessian", (), False, "lbfgs from the Hessian, made anew where progress is slow"),
    ((5000, 101, 50, 0.02), "gram", (), False, "lbfgs from the Gram matrix, shared by all classes"),
    ((50, 10_001, 2, 0.5), "diagonal", (), False, "lbfgs from the columns' mean squares"),
])  # fmt: skip
def test_the_table_of_chains(arguments, start, levels, always, chain):
    choice = choose(*arguments)
    assert (choice.start, choice.levels, choice.always) == (start, levels, always)
    assert choice.chain.startswith(chain)
    assert choice.why


@pytest.mark.parametrize(("n", "d", "classes", "chain"), [
    (50, 2500, 2, "lbfgs from the columns' mean squares"),
    (400, 45, 50, "lbfgs from the Gram matrix"),
    (1200, 250, 2, "lbfgs from the Hessian, made anew"),
])  # fmt: skip
def test_every_chain_gets_there(n, d, classes, chain):
    X, y = drawn(n, d, classes)
    y[:classes] = np.arange(classes)
    result = jgd.solve(logistic(l2=1e-2, classes=classes), (X.astype(np.float32), y))
    assert result.status == "converged", result.message
    assert chain in result.message


def lanes(classes, x64, n=400, d=4):
    X, y = drawn(n, d, classes)
    problem = logistic(classes=classes)
    return problem, problem.dataset((typed(X, x64), y)), X, y


@pytest.mark.parametrize(
    ("kind", "classes"), [("folds", 2), ("counts", 2), ("penalties of each fold", 2), ("scales", 2), ("folds", 3), ("scales", 3)]
)
def test_lanes_are_their_solutions_alone(kind, classes, x64):
    problem, data, X, y = lanes(classes, x64)
    rng = np.random.default_rng(2)
    weights = np.stack([(np.arange(len(X)) % 4 != f) * 1.0 for f in range(4)])
    l2, scale = np.array([1e-6, 1e-3, 1.0]), None
    if kind == "counts":
        weights = rng.poisson(1.0, size=(4, len(X))).astype(float)
    if kind == "penalties of each fold":
        l2 = l2 * np.arange(1, 5)[:, None]
    if kind == "scales":
        scale = rng.uniform(0.5, 2, size=(4, X.shape[1]))
    found = solve_lanes(problem, data, weights, l2, scale, tol=1e-11)
    assert (found.status_code == jgd.stopping.CONVERGED).all()
    for f, lane in np.ndindex(4, 3):
        s = np.ones(X.shape[1]) if scale is None else scale[f]
        strength = l2[f, lane] if l2.ndim == 2 else l2[lane]
        scaled = (typed(X / s, x64), y, weights[f])
        alone = jgd.solve(logistic(l2=strength, classes=classes), scaled, tol=1e-11, certify=False).params
        params = jax.tree.map(lambda a, f=f, lane=lane: np.asarray(a[f, lane], np.float64), found.params)
        params = params._replace(weights=params.weights * s.reshape(-1, *[1] * (params.weights.ndim - 1)))
        values = [objective(p, X / s, y, weights[f], strength, classes) for p in (params, alone)]
        np.testing.assert_allclose(values[0], values[1], rtol=1e-8 if x64 else 1e-5)
        np.testing.assert_allclose(found.objective[f, lane], values[1], rtol=1e-8 if x64 else 1e-5)


@pytest.mark.parametrize("tol", [1e-4, 1e-6])
def test_a_last_step_that_is_sure_to_be_enough_is_not_evaluated(monkeypatch, tol):
    """Rows on which each step leaves a hundredth; what was expected of the last is no less than it is, by float64."""
    X, y = drawn(30_000, 12)
    X = typed(X, False)
    asked, evaluate = [], _rows.Rows.evaluate
    monkeypatch.setattr(_rows.Rows, "evaluate", lambda rows, theta: (asked.append(len(rows)), evaluate(rows, theta))[1])
    result = jgd.solve(logistic(l2=1e-3), (X, y), tol=tol, certify=False)
    assert result.status == "converged"
    assert asked.count(30_000) == np.sum(np.asarray(result.history.rows) == 30_000) - 1
    with jax.enable_x64(True):
        data = X.astype(np.float64), y
        best = jgd.solve(logistic(l2=1e-3), data, tol=1e-14).certificate()
    gap = result.certificate().objective - best.lower_bound
    assert 0 <= gap <= max(float(result.history.decrement[-1]), 1e-14)
    assert result.history.decrement[-1] <= tol * best.objective
    np.testing.assert_allclose(result.history.loss[-1], best.objective, rtol=tol)


def test_lanes_are_judged_by_objectives_that_are_known():
    """Of many lanes the objective is evaluated only where it may matter; one of the start would be ten times too large."""
    X, _ = drawn(400, 4)
    y = (X[:, 0] > 0).astype(np.int32)
    rows = _rows.Rows(jnp.asarray(X), jnp.asarray(y), None, 2, True)
    penalty = np.broadcast_to(np.array([1e-4, 1e-4, 1e-4, 1e-4, 0.0]), (1, 3, 5))
    judged = []

    def done(decrement, objective, g):
        judged.append(objective)
        return decrement <= 1e-6 * objective

    gram = of_gram(rows.gram(), 0.25, penalty[0], False)
    at = descend(rows, penalty, np.zeros((1, 3, 1, 5)), gram, done, columns=np.ones(5))
    assert at.met.all()
    assert (judged[0] > 10 * at.objective).all()
    np.testing.assert_allclose(judged[-1], at.objective, rtol=0.02)


def test_lanes_that_a_shared_inverse_does_not_suit_take_a_step_more():
    """A column that tells one row alone: its curvature is a fold's own, and the inverse of all sees less that is left."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 3))
    y = (X[:, 1] + rng.normal(size=40) > 0).astype(int)
    X[:, 0], y[0] = np.arange(40) == 0, 1
    with jax.enable_x64(True):
        problem, halves = logistic(l2=1e-6), np.stack([np.arange(40) < 20, np.arange(40) >= 10]) * 1.0
        found = solve_lanes(problem, problem.dataset((X, y)), halves, tol=1e-14)
        alone = jgd.solve(problem, (X[:20], y[:20]), tol=1e-15).params
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0, 0], b, atol=1e-6), found.params, alone)


def test_lanes_that_do_not_get_there_together_get_there_alone(x64):
    problem, data, X, _ = lanes(2, x64)
    weights = np.stack([(np.arange(len(X)) % 4 != f) * 1.0 for f in range(4)])
    l2 = np.array([0.0, 1e-2])
    short = solve_lanes(problem, data, weights, l2, steps=2, tol=1e-11)
    assert (short.status_code == jgd.stopping.CONVERGED).any()
    long = solve_lanes(problem, data, weights, l2, tol=1e-11)
    done = short.status_code == jgd.stopping.CONVERGED
    np.testing.assert_allclose(np.asarray(short.objective)[done], np.asarray(long.objective)[done], rtol=1e-9 if x64 else 1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_folds_that_have_no_optimum_do_not_hold_up_the_others(classes, x64):
    """One whose classes can be told apart, and one of a single class: without a penalty they are not converged."""
    problem, data, X, y = lanes(classes, x64)
    few = np.zeros(len(X))
    few[[int(np.argmax(y == c)) for c in range(classes)]] = 1
    found = solve_lanes(problem, data, np.stack([np.ones(len(X)), few, (y == 0) * 1.0]), np.array([0.0, 1e-3]))
    converged = np.asarray(found.status_code) == jgd.stopping.CONVERGED
    assert converged.tolist() == [[True, True], [False, True], [False, True]]
    assert (found.iterations < 100).all()  # as many as there may be
    assert (found.iterations[0] < 20).all()
    alone = jgd.solve(logistic(classes=classes), (typed(X, x64), y), certify=False)
    np.testing.assert_allclose(found.objective[0, 0], alone.history.loss[-1], rtol=1e-6)


@pytest.mark.parametrize("weights", [np.zeros((1, 400)), np.stack([np.ones(400), -np.ones(400)])])
def test_weights_of_lanes_that_are_none_are_named(weights):
    problem, data, *_ = lanes(2, False)
    with pytest.raises(
        ValueError, match=f"weights must be at least 0, and some of each row above 0: row {len(weights) - 1} is not"
    ):
        solve_lanes(problem, data, weights)


@pytest.fixture
def evaluations(monkeypatch):
    """How many lanes each evaluation was of."""
    found, evaluate = [], _rows.Rows.evaluate

    def counted(self, theta):
        found.append(theta.shape[0] * theta.shape[1])
        return evaluate(self, theta)

    monkeypatch.setattr(_rows.Rows, "evaluate", counted)
    return found


@pytest.mark.parametrize("classes", [2, 3])
def test_lanes_evaluate_hardly_more_often_than_the_slowest_of_them(classes, evaluations):
    problem, data, X, _ = lanes(classes, False, 2000, 10)
    weights = np.stack([(np.arange(len(X)) % 10 != f) * 1.0 for f in range(10)])
    l2 = np.logspace(-6, 0, 4)
    solve_lanes(problem, data, weights, l2)
    together = sum(evaluations) / (len(weights) * len(l2))
    slowest = 0
    for f, lane in np.ndindex(3, 4):
        evaluations.clear()
        solve_lanes(problem, data, weights[f : f + 1], l2[lane : lane + 1])
        slowest = max(slowest, len(evaluations))
    assert together <= 1.3 * slowest


X4 = np.arange(8.0).reshape(4, 2)
Y4 = np.array([0, 1, 1, 0])


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: jgd.solve(jgd.Problem(lambda w: w**2, init=1.0), (X4, Y4)), TypeError, "solve takes jgd.linear_regression"),
    (lambda: jgd.solve("logistic", (X4, Y4)), TypeError, "solve takes a problem such as"),
    (lambda: jgd.solve(logistic(l2=np.array([0.1, 1.0])), (X4, Y4)), ValueError, "solve takes one problem, found 2 values of l2"),
    (lambda: jgd.solve(logistic(l2=jgd.over([0.1, 1.0])), (X4, Y4)), TypeError, "solve"),
    (lambda: jgd.solve(logistic(), (X4, Y4), tol=0), ValueError, "tol must be a number above 0, .* found 0"),
    (lambda: jgd.solve(logistic(), (X4, Y4), tol=np.nan), ValueError, "tol must be a number above 0, .* found nan"),
    (lambda: jgd.solve(logistic(), (X4, Y4), tol=np.inf), ValueError, "tol must be a number above 0, .* found inf"),
    (lambda: jgd.solve(logistic(), (X4, Y4), tol="1e-8"), ValueError, "tol must be a number above 0, .* found '1e-8'"),
    (lambda: jgd.solve(logistic(), (X4, Y4), steps=0), ValueError, "steps must be at least 1, found 0"),
    (lambda: jgd.solve(logistic(), (X4, Y4[:3])), ValueError, "X and y differ in length"),
    (lambda: jgd.solve(logistic(), (np.where(X4 == 3, np.nan, X4), Y4)), ValueError, "X has 1 NaN values"),
    (lambda: jgd.solve(logistic(), (X4, 0 * Y4)), ValueError, "y has one class only"),
    (lambda: jgd.solve(logistic(), (X4, Y4), params=jgd.LinearParams(np.zeros(3), 0.0)), ValueError, "params"),
    (lambda: jgd.solve(logistic(), (X4, Y4), params=jgd.LinearParams(np.array([np.nan, 0]), 0.0)), ValueError, "NaN or infinity"),
    (lambda: jax.jit(lambda X: jgd.solve(logistic(), (X, Y4)))(X4), TypeError, "solve looks at numbers, and so cannot be traced"),
])  # fmt: skip
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_result_is_used_like_a_fit():
    X, y = drawn(400)
    labels = np.array(["no", "yes"])[y]
    result = jgd.solve(logistic(l2=1e-3), (X.astype(np.float32), labels))
    assert result.classes == ("no", "yes")
    likely = np.asarray(result.probabilities(X[:50]))[:, 1] > 0.5
    assert (np.asarray(result.predict(X[:50])) == np.where(likely, "yes", "no")).all()
    assert len(set(likely.tolist())) == 2
    assert result.certificate() is result.certificate()
    assert result.message.startswith("converged at step ")
    assert "; by newton" in result.message
    assert ", as a Hessian of 400 rows and 5 parameters costs no more than a step." in result.message
    frame = result.to_frame()
    assert {"loss", "grad_norm", "decrement", "step_size", "rows"} <= set(frame.columns)
    assert len(frame) == result.steps + 1
    assert np.isclose(frame["loss"].iloc[-1], result.objective, rtol=1e-6)
    assert result.plot() is not None
    assert result.check() is result


def test_other_numbers_compile_nothing():
    X, y = drawn(500, 3)
    X = X.astype(np.float32)
    compiled = []
    jgd.solve(logistic(l2=1e-3), (X, y))
    jgd.solve(logistic(l2=0.0), (X[::-1].copy(), y))
    listen = lambda event, seconds, **_: compiled.append(event) if event.endswith("backend_compile_duration") else None
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        jgd.solve(logistic(l2=1e-2), (2 * X, y[::-1].copy()), tol=1e-7)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compiled


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "int32", "Fortran", "strided", "read-only", "lists"])
def test_types_and_layouts_of_rows(kind):
    X, y = drawn(200, 3)
    X = np.round(4 * X).astype(np.float32)  # which every type holds
    want = jgd.solve(logistic(l2=1e-2), (X, y), tol=1e-10)
    given = {
        "Fortran": lambda: np.asfortranarray(X),
        "strided": lambda: np.repeat(X, 2, axis=0)[::2],
        "read-only": lambda: jax.device_get(jax.numpy.asarray(X)),
        "lists": lambda: X.tolist(),
    }.get(kind, lambda: np.asarray(jax.numpy.asarray(X).astype(kind)))()
    found = jgd.solve(logistic(l2=1e-2), (given, y), tol=1e-10)
    coarse = kind in ("float16", "bfloat16")  # whose weights are rounded so far that the proof sees it
    assert found.status == ("stalled" if coarse else "converged"), found.message
    np.testing.assert_allclose(found.objective, want.objective, rtol=1e-4 if coarse else 1e-9)
    if coarse:
        assert "rounding keeps it from less; with float64" in found.message


def test_a_perfect_line_is_converged_and_a_coarse_one_is_not():
    """What is left of the objective may be rounding; where it is more, the tolerance is meant."""
    X = np.arange(20, dtype=np.float32)[:, None]
    result = jgd.solve(jgd.linear_regression(), (X, 0.3 * X[:, 0] + 0.1))
    assert result.status == "converged"
    y = (1e3 + 1e-2 * np.random.default_rng(0).normal(size=20)).astype(np.float32)
    result = jgd.solve(jgd.linear_regression(), (X, y), tol=1e-300)
    proof = result.certificate()
    assert not proof.gap <= 1e-300 * proof.objective
    assert result.status == "stalled"


def test_what_is_more_than_rounding_is_not_converged():
    """Neither for targets far from zero, nor beside rows that do not count, nor for small losses of classes in few digits."""
    X = np.arange(20, dtype=np.float32)[:, None]
    noise = np.random.default_rng(0).normal(size=20)
    far = jgd.solve(jgd.linear_regression(), (X, (1e6 + 2 * noise).astype(np.float32)), tol=1e-300)
    missing = np.where(np.arange(20) < 3, 1e6, 1e-3 * noise).astype(np.float32)
    beside = jgd.solve(jgd.linear_regression(), (X, missing, np.arange(20) >= 3), tol=1e-300)
    y = np.arange(20) > 9
    coarse = jgd.solve(logistic(l2=1e-6), ((X - 9.5).astype(jnp.bfloat16), y), tol=1e-20)
    for result in (far, beside, coarse):
        assert result.certificate().gap > 1e-20 * result.certificate().objective
        assert result.status == "stalled", result.message


def test_an_objective_of_zero_is_no_division_by_it():
    """float16 has no such weight, and so what is left is one class."""
    X, y, weight = np.array([[1.0], [0.0]], np.float16), np.array([1, 0]), np.array([1e-12, 1e12])
    assert jgd.solve(logistic(l2=1e-6), (X, y, weight)).certificate().objective < 1e-11


def test_no_warning_of_numpy_escapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X, y = separable()
        for l2, weight in itertools.product((0.0, 1e-2), (np.ones(len(y)), (y == 0) * 1.0)):
            assert jgd.solve(logistic(l2=l2), (X, y, weight)).status in ("stalled", "converged")
        assert jgd.solve(jgd.linear_regression(), (X.astype(np.float16), 1e6 * y)).status == "nonfinite"


def test_one_row_is_one_part(monkeypatch):
    """However much work it is: it was counted once for each core."""
    monkeypatch.setattr(_rows, "cores", lambda: 2)
    monkeypatch.setattr(_rows, "WORTH", 1)
    X = jnp.ones((1, 20))
    rows = _rows.Rows(X, jnp.array([1]), None, 2, False)
    np.testing.assert_allclose(rows.evaluate(np.zeros((1, 1, 1, 20))).gradient, -0.5)
    np.testing.assert_allclose(rows.gram(), 1.0)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("folds", [1, 4])
def test_passes_over_parts_and_blocks_count_each_row_once(monkeypatch, classes, folds, x64):
    """By NumPy; neither parts nor blocks divide the rows."""
    monkeypatch.setattr(_rows, "cores", lambda: 3)
    monkeypatch.setattr(_rows, "WORTH", 1)
    for name, size in {"ENTRIES": 200, "LANES": 300, "BLOCK": 50, "MADE": 1}.items():
        monkeypatch.setattr(_passes, name, size)
    n, d, L, k = 1009 + folds, 4, 1 if folds == 1 else 2, 1 if classes == 2 else classes
    rng = np.random.default_rng(classes)
    X, y = rng.normal(size=(n, d)), rng.integers(0, classes, n)
    whole = rng.integers(0, 5, (folds, n)).astype(np.uint16)
    weight = np.ones((1, n)) if folds == 1 else whole if classes == 2 else rng.uniform(size=(folds, n))
    dtype = np.float64 if x64 else np.float32
    counts = None if folds == 1 else _rows.Counts.of(weight, weight.sum(axis=1), dtype)
    rows = _rows.Rows(jnp.asarray(X, dtype), jnp.asarray(y), counts, classes, True)
    theta = rng.normal(size=(folds, L, k, d + 1))

    X1 = np.concatenate([np.asarray(rows.X, np.float64), np.ones((n, 1))], axis=1)
    weight = weight / weight.sum(axis=1, keepdims=True)

    def of(theta):
        z = theta @ X1.T
        logits = np.concatenate([0 * z, z], axis=2) if k == 1 else z
        p = np.exp(logits - np.log(np.sum(np.exp(logits), axis=2, keepdims=True)))
        off = (p - np.eye(classes)[y].T)[:, :, -k:]
        loss = -np.log(np.take_along_axis(p, np.broadcast_to(y, (*p.shape[:2], 1, n)), axis=2))[:, :, 0]
        gradient = np.einsum("flkn,fn,nd->flkd", off, weight, X1)
        return gradient, np.einsum("fln,fn->fl", loss, weight), p[:, :, -k:]

    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10 if x64 else 2e-5, atol=1e-12 if x64 else 2e-6)
    point, end = rows.evaluate(theta), rows.evaluate(theta + 0.3)
    gradient, loss, p = of(theta)
    close(point.gradient, gradient)
    close(rows.mean_loss(point), loss)
    t = np.full((folds, L), 0.4)
    close(rows.slope(point, end, t), np.sum(of(theta + 0.4 * 0.3)[0] * 0.3, axis=(2, 3)))
    same = rows.evaluate(theta[:1])  # the same for all folds
    close(same.gradient, of(np.repeat(theta[:1], folds, axis=0))[0])
    close(rows.mean_loss(same), of(np.repeat(theta[:1], folds, axis=0))[1])
    curvature = p[0][:, :, None] * (np.eye(k)[None, :, :, None] - p[0][:, None])
    expected = np.einsum("lkjn,n,na,nb->lkajb", curvature, weight[0], X1, X1).reshape(L, k * (d + 1), k * (d + 1))
    first = rows if folds == 1 else rows.replace(counts=_rows.Counts(counts.values[:1], counts.sums[:1]))
    close(first.hessians(theta[:1]), expected)
    close(first.gram(), np.einsum("n,na,nb->ab", weight[0], X1, X1))
    chances, _ = first._chances()
    shares = np.mean(np.square(X1[:, :d]) / np.einsum("n,nd->d", weight[0], np.square(X1[:, :d])), axis=1)
    close(chances, weight[0] * (1 + shares))
