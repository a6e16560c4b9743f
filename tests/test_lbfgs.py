"""Limited memory BFGS: its mathematics on flat vectors, and the link."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from scipy import optimize

import jgd
from jgd.transforms._memory import Memory, direction, empty, remember, slope_search


def pairs(count, d, seed=0):
    """Changes of parameters and gradients of a quadratic."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(d, d))
    s = rng.normal(size=(count, d))
    return s, s @ (A @ A.T + np.eye(d))


def remembered(s, y, m, dtype=None):
    memory = empty(m, s.shape[1], dtype or jnp.result_type(float))
    for one in zip(s, y, strict=True):
        memory = remember(memory, *map(jnp.asarray, one))
    return memory


def dense(s, y, H):
    """BFGS on matrices."""
    for a, b in zip(s, y, strict=True):
        rho, eye = 1 / (a @ b), np.eye(len(a))
        H = (eye - rho * np.outer(a, b)) @ H @ (eye - rho * np.outer(b, a)) + rho * np.outer(a, a)
    return H


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_the_direction_is_that_of_bfgs_on_matrices(count, x64):
    """Of as many pairs as there are, or as there is room for."""
    (s, y), m = pairs(count, 5), 4
    g = np.linspace(-1.0, 2.0, 5)
    scale = s[-1] @ y[-1] / (y[-1] @ y[-1]) if count else 1 / np.linalg.norm(g)
    H = dense(s[-m:], y[-m:], scale * np.eye(5))
    np.testing.assert_allclose(direction(remembered(s, y, m), jnp.asarray(g)), H @ g, rtol=1e-11 if x64 else 2e-4)


def test_the_direction_with_a_matrix_to_start_from():
    (s, y), g = pairs(3, 5), np.linspace(-1.0, 2.0, 5)
    H0 = np.diag(np.arange(1.0, 6.0)) + 0.1
    with jax.enable_x64(True):
        found = direction(remembered(s, y, 6), jnp.asarray(g), lambda v: jnp.asarray(H0) @ v)
        np.testing.assert_allclose(found, dense(s, y, H0) @ g, rtol=1e-11)


def test_bfgs_meets_the_secant_equation(x64):
    s, y = pairs(3, 5)
    np.testing.assert_allclose(direction(remembered(s, y, 5), jnp.asarray(y[-1])), s[-1], rtol=1e-12 if x64 else 1e-4)


@pytest.mark.parametrize(
    "y", [[-1.0, 0.0], [0.0, 0.0], [0.0, 3.0], [1e-9, 3.0], [np.nan, 1.0], [np.inf, 1.0]], ids=lambda y: str(y[:2])
)
def test_pairs_without_curvature_are_not_remembered(y):
    before = remembered(*pairs(2, 2), 3)
    after = remember(before, jnp.array([1.0, 0.0]), jnp.array(y))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_batch_of_memories_is_the_memories_one_by_one():
    """With an own number of pairs each."""
    with jax.enable_x64(True):
        alone = [remembered(*pairs(count, 4, seed=count), 3) for count in range(5)]
        together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
        g = jnp.linspace(0.5, 2.0, 20).reshape(5, 4)
        found = jax.jit(jax.vmap(direction))(together, g)
        np.testing.assert_allclose(found, [direction(*one) for one in zip(alone, g, strict=True)], rtol=1e-12)
        added = jax.jit(jax.vmap(remember))(together, g, g * jnp.array([1.0, 1, 1, -1, 1])[:, None])
        for lane, (one, v, sign) in enumerate(zip(alone, g, [1, 1, 1, -1, 1], strict=True)):
            expected = remember(one, v, sign * v)
            np.testing.assert_allclose(added.rho[lane], expected.rho, rtol=1e-12)
        assert isinstance(added, Memory)


SLOPES = {
    "quadratic": lambda t: 2 * (t - 1.0),
    "far": lambda t: 2 * (t - 3e3),
    "near": lambda t: 2 * (t - 1e-4),
    "flat": lambda t: jnp.tanh(t - 40.0),
    "quartic": lambda t: 4 * (t - 0.2) ** 3,
    "kinked": lambda t: jnp.where(t < 0.73, -1.0, 3.0),
    "wall": lambda t: jnp.where(t < 0.3, t - 0.25, jnp.nan),
    "exponential": lambda t: jnp.exp(20 * t) - 1e3,
}


@pytest.mark.parametrize("slope", SLOPES.values(), ids=SLOPES)
def test_a_search_ends_where_the_slope_is_small(slope, x64):
    at_0 = slope(jnp.asarray(0.0))
    found = jax.jit(lambda: slope_search(slope, 1.0, at_0, evaluations=30))()
    if slope is SLOPES["kinked"]:  # no step has a small slope: the longest that goes down, just before the kink
        assert 0.72 < found.t <= 0.73
        assert found.evaluations == 30
    else:
        assert -0.9 * abs(at_0) <= slope(found.t) <= 0.8 * abs(at_0)
        assert found.evaluations <= 12


def test_a_good_first_step_takes_one_evaluation():
    found = slope_search(SLOPES["quadratic"], 1.0, -2.0)
    assert (found.t, found.evaluations, found.done) == (1.0, 1, True)


@pytest.mark.parametrize("at_0", [0.0, 1.0, jnp.nan])
def test_there_is_no_step_along_a_ray_that_does_not_go_down(at_0):
    found = slope_search(lambda t: t, 1.0, at_0)
    assert (found.t, found.evaluations) == (0.0, 0)


def test_there_is_no_step_where_no_slope_is_good():
    found = slope_search(lambda t: jnp.full_like(t, jnp.nan), 1.0, -1.0, evaluations=7)
    assert (found.t, found.evaluations) == (0.0, 7)


def test_runs_search_together_as_they_would_alone(x64):
    """As entries of arrays, and as lanes; and the batch looks as often as the one that looks most often."""
    centres = jnp.array([1.0, 3e3, 1e-4, 0.05, 17.0, -1.0])
    at_0, looks = -2 * centres, []

    def slope(t):
        jax.debug.callback(lambda: looks.append(1))
        return 2 * (t - centres)

    together = jax.jit(lambda: slope_search(slope, 1.0, at_0))()
    jax.effects_barrier()
    lanes = jax.vmap(lambda c: slope_search(lambda t: 2 * (t - c), 1.0, -2 * c))(centres)
    alone = [slope_search(functools.partial(lambda c, t: 2 * (t - c), c), 1.0, -2 * c) for c in centres]
    for i, one in enumerate(alone):
        assert together.t[i] == lanes.t[i] == pytest.approx(float(one.t), rel=1e-5)
        assert together.evaluations[i] == lanes.evaluations[i] == one.evaluations
    assert len(looks) == max(one.evaluations for one in alone)


def classes(n=300, d=4, key=0):
    X, y = jgd.data.make_classes(n, d, key=key)
    return np.asarray(X, np.float64), np.asarray(y)


def optimum(X, y, l2):
    """The optimum of a logistic regression by scipy's L-BFGS-B in float64, and the lowest objective."""
    A, sign = np.column_stack([np.asarray(X, np.float64), np.ones(len(X))]), np.where(y == 1, 1.0, -1.0)
    objective = lambda w: np.mean(np.logaddexp(0, -sign * (A @ w))) + l2 / 2 * np.sum(w[:-1] ** 2)
    slope = lambda w: A.T @ (-sign / (1 + np.exp(sign * (A @ w)))) / len(A) + l2 * np.append(w[:-1], 0)
    tight = {"ftol": 1e-16, "gtol": 1e-10, "maxiter": 1000}
    found = optimize.minimize(objective, np.zeros(A.shape[1]), jac=slope, method="L-BFGS-B", options=tight)
    return found.x, found.fun


@pytest.mark.parametrize("with_gram", [False, True], ids=["alone", "with a Gram matrix"])
def test_the_optimum_is_scipys(with_gram, x64):
    (X, y), problem = classes(), jgd.logistic_regression(l2=1e-3)
    tx = jgd.lbfgs(preconditioner=jgd.gram(problem, (X, y)) if with_gram else None)
    result = jgd.fit(problem, (X, y), tx, steps=40)
    weights, best = optimum(X, y, 1e-3)
    assert abs(result.objective - best) < (1e-12 if x64 else 1e-6) * best
    np.testing.assert_allclose(np.append(result.params.weights, result.params.bias), weights, rtol=1e-6 if x64 else 2e-3)
    assert result.history.grad_norm[-1] < (1e-9 if x64 else 1e-6)


def test_a_quadratic_of_few_dimensions_ends_after_few_steps():
    """With the Hessian to start from after one; BFGS alone with exact searches would take three, with these a few more."""
    X, y = np.random.default_rng(0).normal(size=(2, 50, 3)) * [[[1.0]], [[0.5]]]
    with jax.enable_x64(True):
        problem = jgd.linear_regression(l2=0.1)
        data = (X, y[:, 0])
        one = jgd.fit(problem, data, jgd.lbfgs(preconditioner=jgd.gram(problem, data, ridge=0.0)), steps=1)
        assert one.history.grad_norm[-1] < 1e-14
        assert jgd.fit(problem, data, jgd.lbfgs(), steps=15).history.grad_norm[-1] < 1e-9


def test_badly_scaled_columns_need_the_gram_matrix():
    X, y = classes()
    with jax.enable_x64(True):
        X, problem = X * np.array([1e3, 1e-2, 1.0, 30.0]), jgd.logistic_regression()
        with_gram = jgd.fit(problem, (X, y), jgd.lbfgs(preconditioner=jgd.gram(problem, (X, y))), steps=20)
        assert with_gram.objective - optimum(X / [1e3, 1e-2, 1.0, 30.0], y, 0.0)[1] < 1e-12
        assert jgd.fit(problem, (X, y), jgd.lbfgs(), steps=20).objective > with_gram.objective + 1e-6


@pytest.mark.parametrize("with_gram", [False, True], ids=["alone", "with a Gram matrix"])
def test_a_batch_evaluates_little_more_often_than_its_slowest_lane_alone(with_gram):
    """At most 1.3 times as often, one evaluation of the batch being one of all its lanes at once.

    Evaluations are the slopes that are looked at; with one matrix for penalties of five decades, also the gradients.
    """
    data, penalties, steps = classes(1000, 10), np.geomspace(1e-5, 1.0, 24), 12
    with jax.enable_x64(True):
        tx = jgd.lbfgs(preconditioner=jgd.gram(jgd.logistic_regression(l2=1e-2), data) if with_gram else None)
        sweep = jgd.sweep(jgd.logistic_regression(l2=jgd.over(penalties)), data, tx, steps=steps, record=1)
        assert sweep.programs == 1
        looks = np.stack([np.diff(np.asarray(lane.history.lbfgs_evaluations)) for lane in sweep])
        assert looks.shape == (24, steps)
        slowest = int(looks.sum(axis=1).argmax())
        alone = jgd.fit(jgd.logistic_regression(l2=penalties[slowest]), data, tx, steps=steps)
        of_slowest = int(alone.history.lbfgs_evaluations[-1])
        assert of_slowest == looks[slowest].sum() >= steps
        gradients = steps if with_gram else 0
        assert gradients + looks.max(axis=0).sum() <= 1.3 * (gradients + of_slowest)
        np.testing.assert_allclose(sweep[slowest].params.weights, alone.params.weights, rtol=1e-7)


def test_softmax_with_one_gram_matrix_for_all_classes(x64):
    X, _ = classes()
    y = np.digitize(X[:, 0] + X[:, 1], [-1.0, 1.0])
    problem = jgd.logistic_regression(l2=0.01, classes=3)
    G = jgd.gram(problem, (X, y))
    assert G.shape == (5, 5)
    result = jgd.fit(problem, (X, y), jgd.lbfgs(preconditioner=G), steps=25)
    newton = jgd.fit(problem, (X, y), jgd.newton(), steps=12)
    assert abs(result.objective - newton.objective) < (1e-12 if x64 else 1e-6)


def test_any_function_is_minimised(x64):
    """Rosenbrock's valley, of a pytree, from where every solver is tried."""
    valley = lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    result = jgd.minimize(valley, {"x": -1.2, "y": 1.0}, jgd.lbfgs(), steps=60)
    np.testing.assert_allclose([result.params["x"], result.params["y"]], 1.0, atol=1e-8 if x64 else 1e-3)
    losses = np.array(result.history.loss)
    assert (np.diff(losses) <= 1e-6 * losses[:-1] + 1e-9).all()


def test_in_a_plain_loop_of_optax():
    f = lambda w: jnp.sum((w - jnp.arange(3.0)) ** 4 + (w - 1.0) ** 2)
    tx, w = optax.chain(jgd.lbfgs()), jnp.zeros(3)

    @jax.jit
    def step(w, state):
        value, grad = jax.value_and_grad(f)(w)
        updates, state = tx.update(grad, state, w, value=value, grad=grad, value_fn=f)
        return optax.apply_updates(w, updates), state

    state = tx.init(w)
    for _ in range(20):
        w, state = step(w, state)
    assert jnp.linalg.norm(jax.grad(f)(w)) < 1e-4


def test_where_no_step_is_good_none_is_taken_and_none_is_tried_again():
    """A slope that is no number anywhere but at the start: the memory is given up, and then the search."""
    problem = jgd.Problem(lambda w: w**2 + w * jnp.where(w == 1.0, 0.0, jnp.nan), init=1.0)
    result = jgd.fit(problem, None, jgd.lbfgs(evaluations=5), steps=6, record=1)
    assert (result.params, result.history.lbfgs_step_size[-1]) == (1.0, 0.0)
    assert result.history.lbfgs_evaluations.tolist() == [0, 5, 10, 10, 10, 10, 10]


def test_frozen_parameters_stay(x64):
    problem = jgd.Problem(
        lambda p: jnp.sum((p["a"] - 1.0) ** 4 + p["a"] ** 2 * p["b"] ** 2),
        {"a": jnp.zeros(2), "b": jnp.ones(2)},
        frozen={"a": False, "b": True},
    )
    params = jgd.fit(problem, None, jgd.lbfgs(), steps=15).params
    assert (params["b"] == 1.0).all()
    a = np.asarray(params["a"])
    np.testing.assert_allclose(4 * (a - 1) ** 3 + 2 * a, 0, atol=1e-8 if x64 else 1e-5)


def test_half_precision():
    """A loss computed in bfloat16, and parameters in it."""
    X, y = classes()
    problem = jgd.logistic_regression(l2=0.01)
    params = jgd.fit(jgd.mixed_precision(problem), (X, y), jgd.lbfgs(), steps=10).params
    assert params.weights.dtype == jnp.float32
    assert problem.objective(params, (X, y)) < optimum(X, y, 0.01)[1] + 1e-3
    small = jgd.minimize(lambda w: jnp.sum((w - 2) ** 2), jnp.zeros(3, jnp.bfloat16), jgd.lbfgs(memory=3), steps=8)
    assert small.params.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(small.params, np.float32), 2.0, rtol=0.02)


def test_a_search_takes_one_product_with_the_data():
    """Beside gradient descent's: the scores along the ray, whatever the number of evaluations; for a batch as well."""
    X, y = jgd.data.make_classes(500, 20, key=0)
    problem = jgd.logistic_regression(l2=0.1)
    data = problem.dataset((X, y))

    def count(tx, lanes):
        init, step = jgd.training_step(problem, tx)
        state = init(problem.init(None, data))
        if lanes:
            state, step = jax.tree.map(lambda a: jnp.stack([a] * 8, -1), state), jax.vmap(step, in_axes=(-1, None), out_axes=-1)
        lowered = jax.jit(step).lower(state, data)
        text = lowered.compile().as_text()
        dots = [line for line in text.splitlines() if " dot(" in line]
        return sum(bool(re.search(r"= f32\[(1,)?(500|20)(,1|,8)?\]", line)) for line in dots)

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        for lanes in (False, True):
            assert count(jgd.lbfgs(), lanes) == 1 + count(jgd.gd(0.1), lanes) == 3
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


@pytest.mark.parametrize("kind", ["line", "outputs", "binary", "softmax", "no intercept"])
def test_a_gram_matrix_bounds_the_hessian_everywhere(kind):
    """By the smallest eigenvalue of the difference, at points near and far; for least squares it is the Hessian."""
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(60, 3)) * [1.0, 10.0, 0.1], rng.uniform(0.2, 2.0, 60)
    problem, y = {
        "line": (jgd.linear_regression(l2=0.3), rng.normal(size=60)),
        "outputs": (jgd.linear_regression(), rng.normal(size=(60, 2))),
        "binary": (jgd.logistic_regression(l2=0.1), np.arange(60) % 2),
        "softmax": (jgd.logistic_regression(l2=0.1, classes=3), np.arange(60) % 3),
        "no intercept": (jgd.logistic_regression(l2=0.1, fit_intercept=False), np.arange(60) % 2),
    }[kind]
    with jax.enable_x64(True):
        data = problem.dataset((X, y, weight))
        flat, unravel = ravel_pytree(problem.init(None, data))
        G = np.asarray(jgd.gram(problem, data, ridge=0.0))
        bound = np.kron(G, np.eye(len(flat) // len(G)))
        hessian = jax.jit(jax.hessian(lambda w: problem.objective(unravel(w), data)))
        for scale in (0.0, 0.1, 3.0):
            H = np.asarray(hessian(jnp.asarray(scale * rng.normal(size=len(flat)))))
            assert np.linalg.eigvalsh(bound - H).min() > -1e-12 * np.linalg.norm(G)
            if kind in ("line", "outputs"):
                np.testing.assert_allclose(bound, H, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(np.asarray(jgd.gram(problem, data)) - G, 2e-6 * np.diag(np.diag(G)), rtol=1e-6, atol=1e-13)


def test_a_column_of_zeros_leaves_the_gram_matrix_definite():
    G = jgd.gram(jgd.logistic_regression(), (np.c_[np.zeros(5), np.arange(5.0)], [0, 1, 0, 1, 1]))
    assert np.linalg.eigvalsh(np.asarray(G, np.float64)).min() > 0


def test_bad_input():
    with pytest.raises(TypeError, match=r"lbfgs: learning_rate must be a number, .* found schedules"):
        jgd.lbfgs(jgd.schedules.constant(0.1)).init(jnp.ones(2))
    with pytest.raises(TypeError, match=r"lbfgs searches along a ray: its update needs params and value_fn="):
        jgd.apply_gradients(jgd.lbfgs(), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"square matrix over the 3 parameters, .* found shape \(2, 2\); jgd.gram makes one"):
        jgd.lbfgs(preconditioner=jnp.eye(2)).init(jnp.ones(3))
    with pytest.raises(TypeError, match=r"memory must be a whole number, found 2.5"):
        jgd.lbfgs(memory=2.5)
    with pytest.raises(TypeError, match=r"gram is of jgd.linear_regression or jgd.logistic_regression, found Problem"):
        jgd.gram(jgd.Problem(lambda w: w**2, init=1.0), ([[1.0]], [1.0]))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.diag([1.0, -1.0]), r"positive definite in float32, but has eigenvalues from -1 to 1: add a ridge"),
        (jnp.ones((3, 3)), r"positive definite in float32, .* jgd.gram\(problem, data, ridge="),
        (np.zeros((2, 2)), "positive definite in float32, but has eigenvalues from 0 to 0"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), r"must be symmetric, but differs from its transpose by up to 0.5"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "holds NaN or infinities"),
    ],
)
def test_a_preconditioner_that_is_not_positive_definite_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        jgd.lbfgs(preconditioner=matrix)
    with pytest.raises(ValueError, match=message):
        jgd.lbfgs().replace(preconditioner=matrix)


def test_a_preconditioner_is_looked_at_as_the_run_has_it(monkeypatch):
    """Definite in float64 and singular in float32; traced it is taken as it is, and one that is known is not factorised again."""
    narrow = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-12]])
    with pytest.raises(ValueError, match="positive definite in float32"):
        jgd.lbfgs(preconditioner=narrow)
    with jax.enable_x64(True):
        jgd.lbfgs(preconditioner=narrow)
    assert jax.jit(lambda P: jgd.lbfgs(preconditioner=P).init(jnp.ones(2)).factor)(jnp.eye(2)).shape == (2, 2)
    known, looked = jnp.eye(2) + 1.0, []
    tx = jgd.lbfgs(preconditioner=known)
    monkeypatch.setattr(np.linalg, "cholesky", lambda matrix: looked.append(matrix))
    tx.replace(memory=3)
    assert not looked
    tx.replace(preconditioner=jnp.eye(2))
    assert len(looked) == 1
