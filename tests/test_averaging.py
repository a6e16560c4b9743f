"""Averages of the iterates, against a recursion in NumPy and against what averaging promises."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd


def iterates(rate, steps, start):
    """Of gradient descent on (w - 2)^2 / 2."""
    w, seen = start, []
    for _ in range(steps):
        w = w - rate * (w - 2.0)
        seen.append(w)
    return np.array(seen)


def recursion(seen, start, recency):
    """The average by weights, not by a recursion: each iterate's is the product of what later ones leave of it."""
    tail = seen[start:]
    j = np.arange(1, len(tail) + 1)
    c = (1 + recency) / (j + recency)
    weights = c * np.append(np.cumprod((1 - c)[::-1])[::-1][1:], 1.0)
    np.testing.assert_allclose(weights.sum(), 1.0)
    return weights @ tail


def run(tx, steps, start=10.0):
    return jgd.minimize(lambda w: (w - 2.0) ** 2 / 2, start, tx, steps=steps)


@pytest.mark.parametrize(("start", "recency"), [(0, 0.0), (7, 0.0), (0, 3.0), (5, 1.5)])
def test_it_is_the_weighted_mean_of_the_iterates(start, recency, x64):
    result = run(jgd.chain(jgd.gd(0.3), jgd.average_iterates(start=start, recency=recency)), 20)
    seen = iterates(0.3, 20, 10.0)
    tight = 1e-12 if x64 else 1e-6
    np.testing.assert_allclose(result.params, seen[-1], rtol=tight)
    np.testing.assert_allclose(jgd.averaged_params(result), recursion(seen, start, recency), rtol=tight)
    if recency == 0:
        np.testing.assert_allclose(jgd.averaged_params(result), seen[start:].mean(), rtol=tight)


def test_before_its_start_it_is_the_parameters():
    result = run(jgd.chain(jgd.gd(0.3), jgd.average_iterates(start=50)), 20)
    np.testing.assert_allclose(jgd.averaged_params(result), result.params, rtol=1e-6)


def test_it_changes_no_step():
    with_it, without = run(jgd.chain(jgd.adam(0.3), jgd.average_iterates()), 20), run(jgd.adam(0.3), 20)
    assert with_it.params == without.params


def test_the_error_of_averaged_sgd_falls_as_one_over_n():
    """On a quadratic with noise in its gradient, where the last iterate's does not fall: to the optimal variance, sigma^2 / n.

    200 runs; the variance of a mean of 200 squares is a tenth of itself.
    """
    rate, sigma, lanes = 0.2, 1.0, 200

    def errors(steps):
        tx = jgd.chain(jgd.gd(rate), jgd.average_iterates(start=50))
        noise = jax.random.normal(jax.random.key(0), (steps, lanes))

        def step(carry, e):
            w, state = carry
            updates, state = tx.update(w + sigma * e, state, w)
            return (optax.apply_updates(w, updates), state), None

        w = jnp.zeros(lanes)
        (w, state), _ = jax.lax.scan(step, (w, tx.init(w)), noise)
        return np.mean(np.asarray(jgd.averaged_params(state)) ** 2), np.mean(np.asarray(w) ** 2)

    few, many = errors(450), errors(6450)
    np.testing.assert_allclose([few[0] * 400, many[0] * 6400], sigma**2, rtol=0.35)
    np.testing.assert_allclose([few[1], many[1]], sigma**2 * rate / (2 - rate), rtol=0.35)


def test_the_average_of_a_fit_and_of_each_lane_of_a_sweep():
    """One row a step: the average is nearer to the optimum than the last iterate, in each lane."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.3 + rng.normal(size=200)
    problem, rates = jgd.linear_regression(), [0.01, 0.02]
    tx = lambda rate: jgd.chain(jgd.sgd(rate), jgd.average_iterates(start=400))
    options = {"batch_size": 1, "epochs": 10}
    sweep = jgd.sweep(problem, (X, y), tx(jgd.over(rates)), **options)
    best = np.linalg.lstsq(np.c_[X, np.ones(200)], y, rcond=None)[0]
    off = lambda params: np.linalg.norm(np.append(params.weights, params.bias) - best)
    for lane, rate in zip(sweep, rates, strict=True):
        average = jgd.averaged_params(lane)
        assert isinstance(average, jgd.LinearParams)
        assert off(average) < 0.5 * off(lane.params)
        alone = jgd.averaged_params(jgd.fit(problem, (X, y), tx(rate), **options))
        np.testing.assert_allclose(average.weights, alone.weights, rtol=1e-5)


def test_half_precision_parameters_have_an_average_of_more_digits():
    tx = jgd.chain(jgd.gd(0.5), jgd.average_iterates())
    params = jnp.asarray([1.0, 2.0], jnp.bfloat16)
    state = tx.init(params)
    for _ in range(600):  # in bfloat16 a count of more than 256 would add nothing
        _, state = tx.update(0.0 * params, state, params)
    assert jgd.averaged_params(state).dtype == jnp.float32
    np.testing.assert_array_equal(jgd.averaged_params(state), [1.0, 2.0])
    assert jgd.averaged_params(jgd.minimize(jnp.sum, params, tx, steps=2)).dtype == jnp.bfloat16


def test_bad_input():
    with pytest.raises(ValueError, match=r"needs the one average of jgd.average_iterates, found 0 in Result: give"):
        jgd.averaged_params(run(jgd.gd(0.1), 1))
    with pytest.raises(TypeError, match=r"average_iterates averages parameters: its update needs params"):
        jgd.average_iterates().update(jnp.ones(2), jgd.average_iterates().init(jnp.ones(2)))
    with pytest.raises(ValueError, match="recency must be at least 0"):
        jgd.average_iterates(recency=-1.0)
