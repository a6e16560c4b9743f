"""Newton's method as a link."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

import jgd


def classes(n=300, d=4, key=0):
    X, y = jgd.data.make_classes(n, d, key=key)
    return np.asarray(X, np.float64), np.asarray(y)


def optimum(X, y, l2):
    """The lowest objective of a logistic regression, by scipy in float64."""
    X, sign = np.column_stack([np.asarray(X, np.float64), np.ones(len(X))]), np.where(y == 1, 1.0, -1.0)
    objective = lambda w: np.mean(np.logaddexp(0, -sign * (X @ w))) + l2 / 2 * np.sum(w[:-1] ** 2)
    slope = lambda w: X.T @ (-sign / (1 + np.exp(sign * (X @ w)))) / len(X) + l2 * np.append(w[:-1], 0)
    return optimize.minimize(objective, np.zeros(X.shape[1]), jac=slope, method="BFGS", options={"gtol": 1e-9}).fun


def test_a_quadratic_takes_one_step(x64):
    A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    b = np.array([1.0, -2.0, 3.0])
    problem = jgd.Problem(lambda w: 0.5 * w @ jnp.asarray(A, w.dtype) @ w - jnp.asarray(b, w.dtype) @ w, jnp.zeros(3))
    ridge = 1e-12 if x64 else 1e-6
    result = jgd.fit(problem, None, jgd.newton(ridge=ridge), steps=1)
    np.testing.assert_allclose(result.params, np.linalg.solve(A, b), rtol=1e-10 if x64 else 1e-5)


@pytest.mark.parametrize("cg_steps", [0, 30])
def test_the_optimum_is_scipys(cg_steps, x64):
    (X, y), l2 = classes(), 1e-3
    result = jgd.fit(jgd.logistic_regression(l2=l2), (X, y), jgd.newton(cg_steps=cg_steps), steps=12)
    best = optimum(X, y, l2)
    assert abs(result.objective - best) < (1e-12 if x64 else 1e-6) * best
    assert result.history.grad_norm[-1] < (1e-13 if x64 else 1e-6)


def test_the_decrement_is_what_was_still_to_be_gained():
    """To first order near the optimum: within a hundredth where a ten-thousandth of the objective is left."""
    with jax.enable_x64(True):
        history = jgd.fit(jgd.logistic_regression(l2=0.01), classes(), jgd.newton(ridge=1e-12), steps=12, record=1).history
    left = np.array(history.loss) - history.loss[-1]
    near = (left < 1e-4) & (left > 1e-12)
    assert near.sum() >= 1
    decrement = np.array(history.newton_decrement)[1:][near[:-1]]  # told by the state after the step
    np.testing.assert_allclose(decrement, left[near], rtol=0.05)


def test_the_units_of_columns_do_not_matter():
    X, y = classes()
    with jax.enable_x64(True):
        run = lambda X: jgd.fit(jgd.logistic_regression(), (X, y), jgd.newton(), steps=15, record=1).history.loss
        np.testing.assert_allclose(run(X * np.array([1e4, 1e-4, 1.0, 1e2])), run(X), rtol=1e-9)


def test_what_is_flat_is_said_and_does_no_harm(x64):
    """A column twice, and one that is constant beside the intercept: two flat directions."""
    X, y = classes()
    X = np.column_stack([X, X[:, 0], np.ones(len(X))])
    history = jgd.fit(jgd.logistic_regression(), (X, y), jgd.newton(), steps=12, record=1).history
    assert (np.array(history.newton_singular)[1:] == 2).all()
    assert abs(history.loss[-1] - optimum(X[:, :4], y, 0.0)) < (1e-9 if x64 else 1e-6)


def test_softmax_with_its_flat_directions():
    """The classes' intercepts may all be moved together."""
    X, _ = classes()
    y = np.digitize(X[:, 0] + X[:, 1], [-1.0, 1.0])
    with jax.enable_x64(True):
        history = jgd.fit(jgd.logistic_regression(l2=0.01, classes=3), (X, y), jgd.newton(), steps=12, record=1).history
    assert history.grad_norm[-1] < 1e-13
    assert (np.array(history.newton_singular)[1:] == 1).all()


def test_where_the_hessian_is_not_definite_the_ridge_grows(x64):
    """From where the second derivative is negative, the other way than Newton's own step: to a minimum, not to the maximum."""
    problem = jgd.Problem(lambda w: w**4 - 2 * w**2, init=0.3)
    result = jgd.fit(problem, None, jgd.newton(), steps=40, record=1)
    assert abs(result.params - 1.0) < (1e-9 if x64 else 1e-4)
    assert max(result.history.newton_ridge) > 1.0
    assert all(np.diff(np.array(result.history.loss)) <= 1e-6)


def test_steps_that_go_too_far_are_halved():
    """sqrt(1 + w^2) from 2: Newton's own steps grow without end."""
    problem = jgd.Problem(lambda w: jnp.sqrt(1 + w**2), init=2.0)
    result = jgd.fit(problem, None, jgd.newton(), steps=12, record=1)
    assert abs(result.params) < 1e-3
    assert result.history.newton_step_size[1] < 1.0


def test_no_step_is_taken_where_none_is_good():
    """A slope that is no number anywhere but at the start."""
    problem = jgd.Problem(lambda w: w**2 + w * jnp.where(w == 1.0, 0.0, jnp.nan), init=1.0)
    result = jgd.fit(problem, None, jgd.newton(halvings=3), steps=1)
    assert (result.params, result.history.newton_step_size[-1]) == (1.0, 0.0)


def test_lanes_are_their_fits(x64):
    data, penalties = classes(), np.geomspace(1e-4, 1.0, 5)
    sweep = jgd.sweep(jgd.logistic_regression(l2=jgd.over(penalties)), data, jgd.newton(), steps=8)
    assert sweep.programs == 1
    for lane, l2 in zip(sweep, penalties, strict=True):
        fit = jgd.fit(jgd.logistic_regression(l2=l2), data, jgd.newton(), steps=8)
        np.testing.assert_allclose(lane.params.weights, fit.params.weights, rtol=1e-9 if x64 else 1e-3)


def test_frozen_parameters_stay():
    problem = jgd.Problem(
        lambda p: jnp.sum((p["a"] - 1.0) ** 2 + p["b"] ** 2),
        {"a": jnp.zeros(2), "b": jnp.ones(2)},
        frozen={"a": False, "b": True},
    )
    params = jgd.fit(problem, None, jgd.newton(), steps=3).params
    np.testing.assert_allclose(params["a"], 1.0, rtol=1e-4)
    assert (params["b"] == 1.0).all()


def test_a_link_behind_it_changes_the_step():
    problem = jgd.Problem(lambda w: (w - 2.0) ** 2, init=5.0)
    assert jgd.fit(problem, None, jgd.chain(jgd.newton(), jgd.scale(0.5)), steps=1).params.item() == pytest.approx(3.5, rel=1e-5)


def test_bad_input():
    with pytest.raises(TypeError, match=r"newton: learning_rate must be a number, .* found schedules"):
        jgd.newton(jgd.schedules.constant(0.1)).init(jnp.ones(2))
    with pytest.raises(TypeError, match=r"newton looks at second derivatives: its update needs params and value_fn="):
        jgd.apply_gradients(jgd.newton(), 1.0, 1.0)
    with pytest.raises(ValueError, match="ridge must be"):
        jgd.newton(ridge=-1.0)
