"""Limited memory BFGS: its mathematics on flat vectors, and the link."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
        assert -0.9 * abs(at_0) <= slope(found.t) <= 0.5 * abs(at_0)
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
