"""jgd's own transformations, against recursions in NumPy, optax where it has them, and what their docstrings promise."""

import functools
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jgd
from jgd.transforms import _rprop, reduce_on_plateau, scale_by_nadam

nadam = lambda rate, **numbers: jgd.chain(scale_by_nadam(**numbers), jgd.scale_by_learning_rate(rate))
rprop = jgd.lift(_rprop.rprop, name="rprop_of_test_transforms")

LENGTH = 40


def scales(tx, values, params=0.0):
    """The scale after each value, and the last state; the transformation may be traced."""

    def step(state, value):
        updates, state = tx.update(jnp.ones(()), state, value=value)
        return state, updates

    return jax.lax.scan(step, tx.init(jnp.asarray(params)), values)[::-1]


def plateau_scales(values, factor, patience, rtol, atol, cooldown, accumulation_size, min_scale):
    """The same by the rule of the docstring, in plain Python."""
    scale, best, bad, waiting, seen, found = 1.0, None, 0, 0, [], []
    for value in values:
        seen.append(float(value))
        if len(seen) >= accumulation_size:
            mean, seen = np.mean(seen), []
            if (best is None and mean < np.inf) or (best is not None and mean < (1 - rtol) * best - atol):
                best, bad = mean, 0
            else:
                bad += 1
            if waiting > 0:
                waiting, bad = waiting - 1, 0
            if bad >= patience:
                scale, bad, waiting = max(factor * scale, min_scale), 0, cooldown
        found.append(scale)
    return found


# Their sums and means of up to four are exact: no rounding decides, nor whether the compiler fuses a product and a sum.
eighths = st.one_of(st.integers(-6, 21).map(lambda k: 3 * k / 8), st.sampled_from([np.nan, np.inf, -np.inf]))
lists = lambda numbers: st.lists(numbers, min_size=LENGTH, max_size=LENGTH)
whole = dict(
    patience=st.integers(1, 5),
    cooldown=st.integers(0, 4),
    accumulation_size=st.integers(1, 4),
    min_scale=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
)
# optax wants these when it is made: a few, so that it is compiled a few times only.
SHAPES = [(0.1, 1e-4, 0.0), (0.5, 0.25, 0.0), (0.7, 0.0, 0.125), (0.9, 0.125, 0.3125)]


@functools.partial(jax.jit, static_argnames="fixed")
def of_optax(fixed, traced, values):
    return scales(optax.contrib.reduce_on_plateau(**dict(fixed), **traced), values)


of_jgd = jax.jit(scales)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SHAPES), st.fixed_dictionaries(whole), lists(eighths | st.just(3 * 2.0**98)), st.booleans())
def test_reduce_on_plateau_equals_optax(shape, traced, values, x64):
    fixed = dict(zip(("factor", "rtol", "atol"), shape, strict=True))
    with jax.enable_x64(x64):
        values = jnp.asarray(values)
        theirs, last = of_optax(tuple(fixed.items()), traced, values)
        ours, state = of_jgd(reduce_on_plateau(**fixed, **traced), values)
        np.testing.assert_array_equal(ours, theirs)
        assert state._fields == last._fields
        for mine, other in zip(state, last, strict=True):
            np.testing.assert_array_equal(mine, other)


@settings(max_examples=150, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2), st.fixed_dictionaries(whole), lists(st.floats(-4, 4) | eighths))
def test_reduce_on_plateau_is_the_rule_for_any_numbers(factor, rtol, atol, rest, values):
    settings = dict(factor=factor, rtol=rtol, atol=atol, **rest)
    with jax.enable_x64(True), np.errstate(invalid="ignore", over="ignore"):
        ours, _ = of_jgd(reduce_on_plateau(**settings), jnp.asarray(values))
        expected = plateau_scales(values, **settings)
        # A value on the bound to the last bit may be judged either way, and so may means, which are summed in another order.
        nudged = [plateau_scales(values, **settings | {"atol": atol + d}) for d in (-1e-12, 1e-12)]
        if nudged[0] == nudged[1]:
            np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-300)


KNOBS = {
    "factor": [0.1, 0.5, 0.9],
    "patience": [1, 2, 5],
    "rtol": [0.0, 0.1, 1.0],
    "atol": [0.0, 0.2, 1.0],
    "cooldown": [0, 2, 6],
    "accumulation_size": [1, 3, 4],
    "min_scale": [0.0, 0.2, 1.0],
}
BUMPY = np.abs(np.random.default_rng(0).normal(size=LENGTH)) + np.linspace(1.0, 0.2, LENGTH)


@pytest.mark.parametrize("knob", KNOBS)
def test_every_number_of_reduce_on_plateau_traces(knob, x64):
    settings = dict(factor=0.5, patience=2, rtol=0.05, atol=0.01, cooldown=1, accumulation_size=2, min_scale=0.001)
    each = [reduce_on_plateau(**settings | {knob: value}) for value in KNOBS[knob]]
    one = jax.jit(chex.assert_max_traces(lambda tx, values: scales(tx, values)[0], n=1))
    lanes = jax.jit(jax.vmap(lambda tx, values: scales(tx, values)[0], (0, None)))(jgd.stack(each), jnp.asarray(BUMPY))
    for tx, value, lane in zip(each, KNOBS[knob], lanes, strict=True):
        alone = one(tx, jnp.asarray(BUMPY))
        np.testing.assert_array_equal(lane, alone)
        np.testing.assert_allclose(alone, plateau_scales(BUMPY, **settings | {knob: value}), rtol=1e-12 if x64 else 1e-6)
    assert len({tuple(np.asarray(lane)) for lane in lanes}) == len(each)  # it matters


def test_infinite_and_fractional_numbers_of_reduce_on_plateau():
    falls_once = np.r_[1.0, np.full(LENGTH - 1, 2.0)]
    run = lambda **numbers: list(scales(reduce_on_plateau(factor=0.5, **numbers), jnp.asarray(falls_once))[0])
    assert run(patience=float("inf"))[-1] == 1.0
    assert run(accumulation_size=float("inf"))[-1] == 1.0
    assert run(patience=2, cooldown=float("inf"))[-1] == 0.5  # once, and never again
    assert run(patience=2.5) == run(patience=3)
    assert run(patience=2, cooldown=1.5) == run(patience=2, cooldown=2)
    assert run(accumulation_size=1.5) == run(accumulation_size=2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_reduce_on_plateau_keeps_dtypes(dtype):
    with jax.enable_x64(dtype == "float64"):
        tx = reduce_on_plateau(factor=0.5, patience=2)
        params = {"a": jnp.ones(3, dtype), "b": jnp.ones((), jnp.float32)}

        def step(state, value):
            updates, state = tx.update(params, state, params, value=value)
            return state, updates

        state = tx.init(params)
        after, updates = jax.lax.scan(step, state, jnp.ones(6, dtype))
        chex.assert_trees_all_equal_shapes_and_dtypes(state, after)
        assert updates["a"].dtype == dtype
        assert updates["b"].dtype == jnp.float32
        np.testing.assert_array_equal(np.asarray(updates["a"][:, 0], float), [1, 1, 0.5, 0.5, 0.25, 0.25])


def test_reduce_on_plateau_sees_in_bfloat16_what_float32_sees():
    slowly = 0.999 ** np.arange(LENGTH)  # each value a tenth of a percent lower; bfloat16 has two to three digits
    of = lambda tx: scales(tx, jnp.asarray(slowly), jnp.zeros((), jnp.bfloat16))[0]
    assert float(of(reduce_on_plateau(patience=2))[-1]) == 1.0
    assert float(of(optax.contrib.reduce_on_plateau(patience=2))[-1]) < 1.0


def test_what_is_an_improvement_at_the_edges():
    run = lambda values, **numbers: list(scales(reduce_on_plateau(factor=0.5, **numbers), jnp.asarray(values))[0])
    # NaN: no improvement, and never the best.
    assert run([1.0, np.nan, np.nan, 0.5, 0.6, 0.4], patience=2) == [1, 1, 0.5, 0.5, 0.5, 0.5]
    assert run([np.nan, np.nan, 3.0, 2.0, 1.0], patience=2) == [1, 0.5, 0.5, 0.5, 0.5]
    assert scales(reduce_on_plateau(), jnp.asarray([1.0, np.nan]))[1].best_value == 1.0
    # In a mean, it makes the mean NaN; the next one is clean.
    assert run([1.0, 1.0, np.nan, 0.1, 0.5, 0.5], patience=1, accumulation_size=2) == [1, 1, 1, 0.5, 0.5, 0.5]
    # The first value is one, whatever the tolerances, which may all be zero: then any fall is.
    assert run([1.0, 1.0, -1.0], patience=1, rtol=1.0) == [1, 0.5, 0.5]
    assert run([3.0, 2.999999, 2.999999, 2.9], patience=1, rtol=0.0, atol=0.0) == [1, 1, 0.5, 0.5]
    # Infinite losses are none.
    assert run([np.inf, np.inf, 1.0], patience=1) == [0.5, 0.25, 0.25]
    # Below zero: relative to b the bound is above b; with atol it is below.
    assert run([-1.0, -1.0, -1.0], patience=1) == [1, 1, 1]
    assert run([-1.0, -1.0, -1.1], patience=1, rtol=0.0, atol=0.05) == [1, 0.5, 0.5]


def test_the_value_of_reduce_on_plateau_must_be_a_scalar():
    tx = reduce_on_plateau()
    state = tx.init(0.0)
    with pytest.raises(TypeError, match=re.escape("value must be a scalar, found shape (3,).")):
        tx.update(jnp.ones(()), state, value=jnp.ones(3))
    with pytest.raises(TypeError, match="value"):
        tx.update(jnp.ones(()), state)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (dict(factor=2.0), "factor must be between 0 and 1, found 2."),
        (dict(factor=-0.1), "factor must be between 0 and 1, found -0.1."),
        (dict(patience=0), "patience must be at least 1, found 0."),
        (dict(rtol=1.5), "rtol must be between 0 and 1, found 1.5."),
        (dict(atol=-1e-3), "atol must be at least 0, found -0.001."),
        (dict(cooldown=-1), "cooldown must be at least 0, found -1."),
        (dict(accumulation_size=0), "accumulation_size must be at least 1, found 0."),
        (dict(min_scale=1.1), "min_scale must be between 0 and 1, found 1.1."),
        (dict(patience=float("nan")), "patience is NaN"),
        (dict(min_scale=None), "min_scale must be a number, found None."),
        (dict(patience=jnp.array([3.0, 0.5])), "patience must be at least 1, found 0.5."),
    ],
)
def test_reduce_on_plateau_refuses(numbers, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(f"contrib.reduce_on_plateau: {message}")):
        reduce_on_plateau(**numbers)
    with pytest.raises((TypeError, ValueError), match=re.escape(f"contrib.reduce_on_plateau: {message}")):
        reduce_on_plateau().replace(**numbers)


def test_over_values_and_traced_numbers_are_let_through():
    assert isinstance(reduce_on_plateau(factor=jgd.over([0.1, 0.5])), jgd.GradientTransformation)
    run = jax.jit(lambda factor: scales(reduce_on_plateau(factor=factor, patience=1), jnp.ones(3))[0])
    np.testing.assert_array_equal(run(0.5), [1.0, 0.5, 0.25])
    # What only a concrete number is refused for: traced, a patience below 1 is one of 1.
    run = jax.jit(lambda patience: scales(reduce_on_plateau(factor=0.5, patience=patience), jnp.asarray([2.0, 1.0, 1.0]))[0])
    np.testing.assert_array_equal(run(0.0), [1.0, 1.0, 0.5])


def test_reduce_on_plateau_averages_over_the_epochs_of_a_fit():
    X, y = jgd.data.make_linear(70, key=1)
    per_epoch = 5  # batches of 16, the last of 6
    settings = dict(factor=0.5, patience=2, rtol=0.02, accumulation_size=per_epoch)
    tx = jgd.chain(jgd.sgd(0.4), reduce_on_plateau(**settings))
    history = jgd.fit(jgd.linear_regression(), (X, y), tx, batch_size=16, epochs=12, record="step").history
    losses, scale = np.asarray(history.loss, np.float64), np.asarray(history.plateau_scale)
    means = losses[: 12 * per_epoch].reshape(12, per_epoch).mean(1)
    by_epoch = plateau_scales(means, **settings | dict(atol=0.0, cooldown=0, accumulation_size=1, min_scale=0.0))
    # A record is written before its step: the scale that epoch k ended with is in force until epoch k + 1 has ended.
    expected = np.repeat([1.0, *by_epoch[:-1]], per_epoch)
    np.testing.assert_allclose(scale[: 12 * per_epoch], expected)
    assert len(set(by_epoch)) > 2


def test_the_history_of_a_run_records_the_scale_and_the_optimizers_own_rate():
    tx = jgd.named_chain(("opt", jgd.sgd(1.0)), ("plateau", reduce_on_plateau(factor=0.5, patience=1)))
    result = jgd.minimize(lambda w: jnp.abs(w), 0.3, tx, steps=20)
    w, rate, best = 0.3, 1.0, np.inf
    for t in range(20):
        np.testing.assert_allclose(result.history.plateau_scale[t], rate)
        rate, best = (rate, abs(w)) if abs(w) < (1 - 1e-4) * best else (rate / 2, best)
        w -= rate * np.sign(w)
    np.testing.assert_allclose(result.params, w, atol=1e-6)
    assert set(np.asarray(result.history.learning_rate)) == {1.0}


def test_reduce_on_plateau_can_be_differentiated_through():
    with jax.enable_x64(True):
        problem = jgd.Problem(jnp.abs, init=jnp.asarray(0.7))

        def end(factor, floor):
            tx = jgd.chain(jgd.sgd(0.9), reduce_on_plateau(factor=factor, patience=2, min_scale=floor))
            return jgd.train(problem, None, tx, steps=26).params

        slopes = jax.grad(end, (0, 1))(0.6, 0.05)
        h = 1e-7
        np.testing.assert_allclose(slopes[0], (end(0.6 + h, 0.05) - end(0.6 - h, 0.05)) / (2 * h), rtol=1e-4)
        np.testing.assert_allclose(slopes[1], (end(0.6, 0.05 + h) - end(0.6, 0.05 - h)) / (2 * h), rtol=1e-4, atol=1e-6)
        assert min(map(abs, slopes)) > 0.1


# NAdam


GRADS = np.random.default_rng(1).normal(size=(60, 3)) * [1.0, 1e-3, 10.0]


def updates_of(tx, grads):
    def step(state, g):
        updates, state = tx.update(g, state)
        return state, updates

    return jax.lax.scan(step, tx.init(jnp.zeros_like(grads[0])), grads)[1]


def nadam_directions(grads, b1=0.9, b2=0.999, eps=1e-8, momentum_decay=4e-3):
    """The formula, every sum and product written out."""
    momentum = lambda k: b1 * (1 - 0.96 ** (k * momentum_decay) / 2)
    found = []
    for t in range(1, len(grads) + 1):
        past = grads[:t]
        ages = np.arange(t)[::-1, None]
        m, v = (1 - b1) * (b1**ages * past).sum(0), (1 - b2) * (b2**ages * past**2).sum(0)
        product = np.prod([momentum(k) for k in range(1, t + 1)])
        mean = momentum(t + 1) * m / (1 - product * momentum(t + 1)) + (1 - momentum(t)) * grads[t - 1] / (1 - product)
        found.append(mean / (np.sqrt(v / (1 - b2**t)) + eps))
    return np.array(found)


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        dict(b1=0.8, b2=0.9, eps=1e-3),
        dict(momentum_decay=0.0),
        dict(momentum_decay=1.0, eps=1e-7),
        dict(b1=0.0),
        dict(b2=0.0),
    ],
    ids=str,
)
def test_nadam_is_its_formula(numbers, x64):
    ours = updates_of(scale_by_nadam(**numbers), jnp.asarray(GRADS))
    np.testing.assert_allclose(ours, nadam_directions(GRADS, **numbers), rtol=1e-11 if x64 else 2e-4)


def test_without_its_schedule_nadam_is_optaxs(x64):
    ours = updates_of(scale_by_nadam(b1=0.8, b2=0.95, momentum_decay=float("inf")), jnp.asarray(GRADS))
    theirs = updates_of(optax.scale_by_adam(b1=0.8, b2=0.95, nesterov=True), jnp.asarray(GRADS))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 if x64 else 1e-6)


@pytest.mark.parametrize(
    ("knob", "tries"),
    [("b1", [0.5, 0.9, 0.99]), ("b2", [0.9, 0.99, 0.999]), ("eps", [0.0, 1e-8, 1e-2]), ("momentum_decay", [0.0, 4e-3, 1.0])],
)
def test_every_number_of_nadam_traces(knob, tries, x64):
    each = [scale_by_nadam(**{knob: value}) for value in tries]
    one = jax.jit(chex.assert_max_traces(updates_of, n=1))
    lanes = jax.jit(jax.vmap(updates_of, (0, None)))(jgd.stack(each), jnp.asarray(GRADS))
    for tx, lane in zip(each, lanes, strict=True):
        np.testing.assert_allclose(lane, one(tx, jnp.asarray(GRADS)), rtol=1e-12 if x64 else 1e-5)
    assert np.abs(lanes[0] - lanes[1]).max() > 1e-5


@pytest.mark.parametrize("make", [scale_by_nadam, lambda: rprop(0.1)], ids=["nadam", "rprop"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_state_and_updates_keep_their_dtypes(make, dtype):
    with jax.enable_x64(dtype == "float64"):
        tx = make()
        params = {"a": jnp.ones(3, dtype), "b": jnp.ones((), jnp.float32)}

        def step(state, _):
            updates, state = tx.update(params, state, params)
            return state, updates

        state = tx.init(params)
        after, updates = jax.lax.scan(step, state, None, length=3)
        chex.assert_trees_all_equal_shapes_and_dtypes(state, after)
        chex.assert_trees_all_equal_dtypes(jax.tree.map(lambda u: u[0], updates), params)


def test_nadam_can_be_differentiated_through_a_gradient_that_stays_zero(x64):
    def end(rate):
        grads = lambda w: 2 * (w - 1) * jnp.array([1.0, 0.0])
        tx, w = nadam(rate), jnp.zeros(2)
        state = tx.init(w)
        for _ in range(5):
            updates, state = tx.update(grads(w), state, w)
            w = w + updates
        return w.sum()

    slope, h = jax.grad(end)(0.1), 1e-3
    np.testing.assert_allclose(slope, (end(0.1 + h) - end(0.1 - h)) / (2 * h), rtol=1e-4 if x64 else 1e-2)


def test_nadam_after_very_many_steps_is_finite():
    tx = scale_by_nadam()
    state = tx.init(jnp.ones(2))._replace(count=jnp.asarray(2**31 - 2, jnp.int32), mu_product=jnp.zeros(()))
    for _ in range(3):
        updates, state = tx.update(jnp.ones(2), state)
        assert np.isfinite(updates).all()


# Rprop


def test_rprop_by_hand(x64):
    grads = jnp.asarray([[1.0], [0.1], [5.0], [-1.0], [2.0], [3.0], [0.0], [-1.0]])
    # Longer, longer; turned: half, and no move; then as at a start; 0 does not move, and what follows it is no turn.
    expected = -0.1 * np.array([1, 1.2, 1.44, 0, 0.72, 0.864, 0, -0.864])
    np.testing.assert_allclose(updates_of(rprop(0.1), grads)[:, 0], expected, rtol=1e-6, atol=1e-12)


def test_rprops_steps_stay_within_their_bounds():
    grads = jnp.concatenate([jnp.ones((30, 1)), jnp.tile(jnp.asarray([[1.0], [-1.0]]), (60, 1))])
    moves = np.abs(updates_of(rprop(0.1, min_step_size=0.01, max_step_size=2.0), grads))[:, 0]
    assert moves.max() == np.float32(2.0)
    assert moves[moves > 0].min() == np.float32(0.01)
    outside = updates_of(rprop(0.1, max_step_size=0.05), jnp.ones((2, 1)))
    np.testing.assert_allclose(outside[:, 0], [-0.05, -0.05])


def test_rprop_sees_the_signs_of_gradients_whose_product_is_no_number():
    grads = jnp.asarray([[1e-30], [1e-30], [-1e-30]])
    np.testing.assert_allclose(updates_of(rprop(0.1), grads)[:, 0], [-0.1, -0.12, 0.0], rtol=1e-6)


def test_rprop_moves_at_once_and_optaxs_a_step_later():
    grads = jnp.ones((4, 1))
    at_once, later = updates_of(rprop(0.1), grads), updates_of(optax.rprop(0.1), grads)
    np.testing.assert_allclose(later[:, 0], np.r_[0.0, at_once[:-1, 0]], rtol=1e-6)


def test_rprops_learning_rate_is_no_schedule():
    with pytest.raises(TypeError, match=r"rprop: learning_rate must be a number, .* found schedules\.constant"):
        rprop(jgd.schedules.constant(0.1)).init(jnp.ones(2))
