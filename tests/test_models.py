"""Linear, logistic and softmax regression: optima against closed forms and scikit-learn, conventions against formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import jgd

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
WEIGHT = RNG.uniform(0.2, 2.0, 120)


def converged(problem, data, rate=0.5, steps=4000):
    return jgd.fit(problem, data, jgd.sgd(rate, momentum=0.9), epochs=steps, stop=jgd.stopping.gradient_norm(1e-12))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("outputs", [None, 2])
def test_ridge_reaches_its_closed_form(weighted, intercept, outputs):
    with jax.enable_x64(True):
        Y = (
            X @ RNG.normal(size=(4,) if outputs is None else (4, outputs))
            + 0.7
            + RNG.normal(size=(120,) if outputs is None else (120, outputs))
        )
        weight, l2 = WEIGHT if weighted else np.ones(120), 0.3
        result = converged(jgd.linear_regression(l2, fit_intercept=intercept), (X, Y, weight) if weighted else (X, Y), 0.05)
        A = np.c_[X, np.ones(120)] if intercept else X
        penalty = l2 / 2 * np.diag([1.0] * 4 + [0.0] * intercept)
        exact = np.linalg.solve((A.T * weight) @ A / weight.sum() + penalty, (A.T * weight) @ Y / weight.sum())
        np.testing.assert_allclose(result.params.weights, exact[:4], rtol=1e-9, atol=1e-11)
        if intercept:
            np.testing.assert_allclose(result.params.bias, exact[4], rtol=1e-9, atol=1e-11)
        else:
            assert result.params.bias is None
        rows = ((A @ exact - Y) ** 2).reshape(120, -1).sum(axis=1)
        np.testing.assert_allclose(
            result.objective, np.average(rows, weights=weight) + l2 / 2 * (exact[:4] ** 2).sum(), rtol=1e-12
        )
        np.testing.assert_allclose(result.predict(X), A @ exact, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_agrees_with_scikit_learn(classes):
    with jax.enable_x64(True):
        y = np.digitize(X @ [1.0, -1.0, 0.5, 0.0] + RNG.normal(size=120), [0.0] if classes == 2 else [-0.5, 0.7])
        l2 = 0.02
        result = converged(jgd.logistic_regression(l2=l2, classes=classes), (X, y, WEIGHT), 1.0)
        weight = WEIGHT / WEIGHT.mean()
        theirs = LogisticRegression(C=1 / (120 * l2), tol=1e-12, max_iter=10_000).fit(X, y, sample_weight=weight)
        expected = theirs.coef_[0] if classes == 2 else theirs.coef_.T
        np.testing.assert_allclose(result.params.weights, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(result.probabilities(X), theirs.predict_proba(X), atol=1e-6)
        assert np.array_equal(result.predict(X), theirs.predict(X))


def test_softmax_of_two_classes_has_the_same_probabilities_as_logistic():
    with jax.enable_x64(True):
        y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)
        two = jgd.logistic_regression(l2=0.1)
        pair = jgd.Problem(
            lambda p, b: (
                jgd.losses.softmax(jnp.stack([-(b.X @ p[0] + p[1]) / 2, (b.X @ p[0] + p[1]) / 2], 1), b.y)
                + 0.05 * jnp.sum(p[0] ** 2)
            ),
            (jnp.zeros(4), jnp.zeros(())),
        )
        a, b = converged(two, (X, y), 1.0), converged(pair, (X, y), 1.0)
        np.testing.assert_allclose(a.params.weights, b.params[0], rtol=1e-8)


def test_several_outputs_are_the_fits_they_would_be_alone():
    Y = X @ RNG.normal(size=(4, 2))
    both = jgd.fit(jgd.linear_regression(0.1), (X, Y), jgd.gd(0.1), epochs=50)
    for k in range(2):
        alone = jgd.fit(jgd.linear_regression(0.1), (X, Y[:, k]), jgd.gd(0.1), epochs=50)
        np.testing.assert_allclose(both.params.weights[:, k], alone.params.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "labels", [np.array([0, 1]), np.array([-1, 1]), np.array([False, True]), np.array(["no", "yes"]), np.array([3.0, 7.0])]
)
def test_labels_of_any_kind(labels):
    y01 = (X[:, 0] > 0).astype(int)
    reference = jgd.fit(jgd.logistic_regression(0.1), (X, y01), jgd.gd(1.0), epochs=20)
    result = jgd.fit(jgd.logistic_regression(0.1), (X, labels[y01]), jgd.gd(1.0), epochs=20)
    np.testing.assert_array_equal(result.params.weights, reference.params.weights)
    assert set(result.predict(X)) <= set(labels.tolist())
    assert (result.predict(X) == labels[y01]).mean() > 0.9


def test_weights_of_two_are_rows_twice():
    y = X @ [1.0, 2.0, 3.0, 4.0]
    counts = RNG.integers(0, 3, 120)
    counts[0] = 1
    repeated = jgd.fit(jgd.linear_regression(0.1), (np.repeat(X, counts, axis=0), np.repeat(y, counts)), jgd.gd(0.1), epochs=30)
    weighted = jgd.fit(jgd.linear_regression(0.1), (X, y, counts), jgd.gd(0.1), epochs=30)
    np.testing.assert_allclose(weighted.params.weights, repeated.params.weights, rtol=1e-5)


def test_problems_without_data():
    problem = jgd.Problem(loss=lambda w: (w - 2.0) ** 2, init=5.0)
    assert (float(jgd.compute_gradients(lambda w: (w - 2.0) ** 2, 5.0)), float(problem.objective(5.0))) == (6.0, 9.0)
    assert float(jgd.compute_gradients(lambda w: (w - 2.0) ** 2, 1.0)) == -2.0
    assert jgd.fit(problem, tx=jgd.gd(0.5), steps=1).params.item() == 2.0


def test_an_initial_point_may_be_drawn_from_the_key():
    problem = jgd.Problem(lambda p, b: (b.X @ p - b.y) ** 2, lambda key: jax.random.normal(key, (4,)))
    fit = lambda key: jgd.fit(problem, (X, X[:, 0]), jgd.gd(1e-9), steps=1, key=key).params
    assert np.array_equal(fit(1), fit(1))
    assert not np.allclose(fit(1), fit(2))


def test_products_are_asked_for_in_full_precision():
    params = jgd.LinearParams(jnp.zeros(4), jnp.zeros(()))
    text = lambda rows: jax.jit(jgd.linear_regression().predict).lower(params, jnp.zeros((rows, 4))).as_text()
    assert "precision = [HIGHEST, HIGHEST]" in text(1000)
    assert "dot_general" not in text(8)  # a sum of products, which has the precision of its type


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_mean_of_few_bits_neither_overflows_nor_stands_still(dtype):
    """2,000 losses of 100 sum to 200,000, three times what float16 holds, and 256 times what bfloat16 counts one by one."""
    X, y = jnp.ones((2000, 1), dtype), jnp.full(2000, 10, dtype)
    start = jgd.LinearParams(jnp.zeros(1, dtype), jnp.zeros((), dtype))
    problem, data = jgd.linear_regression(), jgd.Dataset(X, y)
    objective = problem.objective(start, data)
    assert objective.dtype == dtype
    assert objective == 100
    assert jax.vmap(lambda params: problem.objective(params, data))(jax.tree.map(lambda p: p[None], start)) == 100
