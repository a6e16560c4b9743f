"""What the step offers of second order: slopes along rays, the Hessian, and products with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jgd
from jgd.data._by_feature import by_feature
from jgd.models import _gram, _rays
from jgd.models._functions import pinned

RNG = np.random.default_rng(0)
X, WEIGHT = RNG.normal(size=(90, 3)), RNG.uniform(0.2, 2.0, 90)
Y = {
    "line": RNG.normal(size=90),
    "outputs": RNG.normal(size=(90, 2)),
    "binary": RNG.integers(2, size=90),
    "softmax": RNG.integers(3, size=90),
}


def net(params, batch):
    return jgd.losses.softmax(jnp.tanh(batch.X @ params["a"]) @ params["b"], batch.y)


PROBLEMS = {
    "line": lambda: jgd.linear_regression(l2=0.2),
    "line without intercept": lambda: jgd.linear_regression(fit_intercept=False),
    "outputs": lambda: jgd.linear_regression(l2=0.1),
    "binary": lambda: jgd.logistic_regression(l2=0.3),
    "softmax": lambda: jgd.logistic_regression(l2=0.3, classes=3),
    "softmax without intercept": lambda: jgd.logistic_regression(classes=3, fit_intercept=False),
    "softmax of a network": lambda: jgd.Problem(net, {"a": jnp.zeros((3, 4)), "b": jnp.zeros((4, 3))}),
    "softmax with frozen parameters": lambda: jgd.Problem(
        net, {"a": jnp.zeros((3, 4)), "b": jnp.zeros((4, 3))}, frozen={"a": True, "b": False}
    ),
    "binary in half precision": lambda: jgd.mixed_precision(jgd.logistic_regression(l2=0.3)),
}


def data_of(name, weighted=True):
    y = Y[name.split()[0]]
    return (X, y, WEIGHT) if weighted else (X, y)


def at_random(problem, data):
    """Parameters and a direction, the same in each precision."""
    flat, unravel = ravel_pytree(problem.init(jax.random.key(0), data))
    rng = np.random.default_rng(1)
    return tuple(unravel(jnp.asarray(rng.normal(size=len(flat)), flat.dtype)) for _ in range(2))


@pytest.fixture(params=PROBLEMS)
def name(request):
    return request.param


@pytest.mark.parametrize("weighted", [True, False], ids=["weighted by row", "plain by feature"])
def test_they_are_those_of_the_objective_by_autodiff(name, weighted, x64, monkeypatch):
    """In blocks of rows, the last of them shorter."""
    monkeypatch.setattr(_gram, "BLOCK", 32)
    problem = PROBLEMS[name]()
    data = problem.dataset(data_of(name, weighted))
    params, u = at_random(problem, data)
    flat, unravel = ravel_pytree(params)
    along = ravel_pytree(u)[0]

    @jax.jit
    def exact(params, t):
        pin = pinned(problem, params)
        objective = lambda w: problem.objective(pin(unravel(w)), data)
        H = jax.hessian(objective)(flat)
        slope = jax.grad(lambda t: objective(flat + t * along))
        return slope(0.0), slope(t), H, H @ along

    @jax.jit
    def found(params, data, t):
        pin = pinned(problem, params)
        value_fn = lambda p: problem.objective(pin(p), data)
        slope, times = _rays.slopes(problem, params, data, value_fn)(u), _rays.products(params, value_fn)(u)
        return slope(jnp.zeros(())), slope(t), _rays.hessian(problem, params, data, value_fn), ravel_pytree(times)[0]

    t, low = jnp.asarray(0.7), "half" in name
    close = dict(rtol=1e-9, atol=1e-12) if x64 and not low else dict(rtol=0.05, atol=0.05) if low else dict(rtol=2e-4, atol=2e-5)
    linear = problem.functions.scores is not None
    stored = data if weighted or not linear else by_feature(data)
    for what, mine, theirs in zip(["slope", "later", "H", "Hu"], found(params, stored, t), exact(params, t), strict=True):
        if not (low and what[0] == "H"):  # what is rounded has no second derivative to compare with
            np.testing.assert_allclose(mine, theirs, err_msg=what, **close)


def test_frozen_parameters_of_a_linear_model_have_no_slope_and_no_curvature():
    with jax.enable_x64(True):
        problem = jgd.logistic_regression(l2=0.1)
        data = problem.dataset(data_of("binary"))
        params, u = at_random(problem, data)

        class Held:
            functions = problem.functions._replace(frozen=lambda params: jgd.LinearParams(False, True))

        H = _rays.hessian(Held, params, data, None)
        assert not H[-1].any()
        assert not H[:, -1].any()
        assert H[:3, :3].all()
        still = _rays.slopes(problem, params, data, None)(u._replace(bias=jnp.zeros(())))
        slope = _rays.slopes(Held, params, data, None)(u)
        np.testing.assert_allclose(slope(jnp.asarray(0.4)), still(jnp.asarray(0.4)), rtol=1e-14)


def test_links_get_what_they_name():
    """And the same in a mini-batch regime: that of the step's own rows."""
    problem = jgd.logistic_regression(l2=0.1)

    @jgd.lift
    def curious_about_slopes():
        def update(updates, state, params=None, *, slope_fn, hvp_fn, hessian_fn, value_fn):
            flat, unravel = ravel_pytree(params)
            exact = jax.grad(lambda t: value_fn(unravel((1 + t) * flat)))(0.3)
            slope = slope_fn(params)(jnp.asarray(0.3))
            return updates, (slope, exact, ravel_pytree(hvp_fn(params))[0], hessian_fn() @ flat)

        return jgd.identity().to_optax()._replace(update=update)

    with jax.enable_x64(True):
        data = problem.dataset(data_of("binary"))
        init, step = jgd.training_step(problem, curious_about_slopes())
        state, _ = jax.jit(step)(init(at_random(problem, data)[0]), data.take(jnp.arange(10)))
    slope, exact_slope, product, exact_product = state.opt_state
    np.testing.assert_allclose(slope, exact_slope, rtol=1e-10)
    np.testing.assert_allclose(product, exact_product, rtol=1e-10)


def test_lanes_are_the_derivatives_one_by_one():
    """Penalties, parameters, directions and steps of their own, on shared rows."""
    with jax.enable_x64(True):
        data = jgd.logistic_regression().dataset(data_of("binary"))
        rng, d = np.random.default_rng(3), X.shape[1]
        many = lambda: jgd.LinearParams(jnp.asarray(rng.normal(size=(d, 5))), jnp.asarray(rng.normal(size=5)))
        params, u, t, l2 = many(), many(), jnp.linspace(0.0, 1.0, 5), jnp.geomspace(1e-3, 1.0, 5)

        def of(l2, params, u, t):
            problem = jgd.logistic_regression(l2=l2)
            return _rays.slopes(problem, params, data, None)(u)(t), _rays.hessian(problem, params, data, None)

        slopes, hessians = jax.jit(jax.vmap(of, in_axes=(0, -1, -1, 0)))(l2, params, u, t)
        for i in range(5):
            one = jax.tree.map(lambda a, i=i: a[..., i], (params, u))
            slope, H = of(l2[i], *one, t[i])
            np.testing.assert_allclose(slopes[i], slope, rtol=1e-12)
            np.testing.assert_allclose(hessians[i], H, rtol=1e-12)
