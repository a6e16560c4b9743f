"""Mixed precision and dynamic loss scaling, against float32 runs and a recursion written out."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd

X, Y = jgd.data.make_classes(1000, 10, key=0)
LOGISTIC = jgd.logistic_regression(l2=1e-3)
EPS = {"bfloat16": 2.0**-8, "float16": 2.0**-11}


def exact(problem, result):
    """The objective of the parameters in float32, whatever they were trained in."""
    return float(problem.objective(result.params, result.notes.data))


@pytest.mark.parametrize("dtype", EPS)
@pytest.mark.parametrize("regime", [{"epochs": 300}, {"batch_size": 32, "epochs": 20}], ids=["full", "mini"])
def test_low_precision_reaches_the_float32_objective(dtype, regime):
    tx = jgd.adam(jgd.schedules.cosine(0.05, 600))
    if dtype == "float16":
        tx = jgd.dynamic_loss_scaling(tx)
    low = jgd.fit(jgd.mixed_precision(LOGISTIC, dtype), (X, Y), tx, **regime)
    full = jgd.fit(LOGISTIC, (X, Y), jgd.adam(jgd.schedules.cosine(0.05, 600)), **regime)
    assert abs(exact(LOGISTIC, low) - exact(LOGISTIC, full)) < EPS[dtype] * exact(LOGISTIC, full) / 10
    assert low.params.weights.dtype == jnp.float32
    # The history is of the low-precision loss: as near to the exact one as its rounding.
    np.testing.assert_allclose(low.objective, exact(LOGISTIC, low), rtol=EPS[dtype])


def test_the_loss_is_that_of_rounded_numbers_and_the_products_are_in_low_precision():
    problem = jgd.mixed_precision(jgd.Problem("squared_error", jnp.zeros(10), lambda w, X: X @ w), "bfloat16")
    w = jax.random.normal(jax.random.key(0), (10,))
    data = jgd.Dataset(X, Y)
    rounded = lambda a: np.asarray(jnp.asarray(a, jnp.bfloat16), np.float64)
    expected = np.mean((rounded(X) @ rounded(w) - np.asarray(Y)) ** 2)
    np.testing.assert_allclose(problem.objective(w, data), expected, rtol=2.0**-8)
    text = jax.jit(jax.grad(problem.objective)).lower(w, data).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert products
    assert all("bf16" in line and "f32" not in line for line in products)


def test_the_penalty_and_the_updates_stay_in_float32():
    problem = jgd.mixed_precision(jgd.logistic_regression(l2=1.0), "float16")
    params = jgd.LinearParams(jnp.full(10, 1e-5), jnp.zeros(()))  # its square, 1e-10, is 0 in float16
    np.testing.assert_allclose(problem.functions.penalty(params), 5e-10, rtol=1e-6)
    tiny = jgd.fit(problem, (X, Y), jgd.gd(1e-6), epochs=3)  # steps that float16 parameters would swallow
    assert np.all(np.asarray(tiny.params.weights) != 0)


def recursion(overflows, init, interval, factor, low, high):
    """PyTorch's GradScaler, step by step: (scale, skipped steps) before each step."""
    scale, good, skipped, path = init, 0, 0, []
    for overflow in overflows:
        path.append((scale, skipped))
        if overflow:
            scale, good, skipped = max(scale / factor, low), 0, skipped + 1
        else:
            good += 1
            if good == interval:
                scale, good = min(scale * factor, high), 0
    return path


def test_overflows_lower_the_scale_and_are_counted():
    """The gradient of 1000 w is 1000: a scale of 128 overflows float16, 64 does not."""
    knobs = dict(init_scale=2.0**10, growth_interval=3, factor=2.0, min_scale=1.0, max_scale=2.0**24)
    problem = jgd.mixed_precision(jgd.Problem(lambda w: 1000 * w, init=1.0), "float16")
    history = jgd.fit(problem, tx=jgd.dynamic_loss_scaling(jgd.gd(1e-6), **knobs), steps=40, record=1).history
    overflows, scale, good = [], 2.0**10, 0
    for _ in range(41):
        overflows.append(scale * 1000 > 65504)
        scale, good = (scale / 2, 0) if overflows[-1] else (scale * 2, 0) if good == 2 else (scale, good + 1)
    assert 5 < sum(overflows) < 20
    path = recursion(overflows, 2.0**10, 3, 2.0, 1.0, 2.0**24)
    np.testing.assert_array_equal(history.loss_scale, [scale for scale, _ in path])
    np.testing.assert_array_equal(history.skipped_steps, [skipped for _, skipped in path])


def test_a_skipped_step_moves_nothing_and_the_others_are_those_of_the_inner_transformation():
    problem = jgd.mixed_precision(jgd.Problem(lambda w: 1000 * w, init=1.0), "float16")
    inner = jgd.adam(0.125)
    skipping = jgd.fit(problem, tx=jgd.dynamic_loss_scaling(inner, init_scale=2.0**10), steps=10)
    skipped = int(skipping.history.skipped_steps[-1])
    assert skipped == 4  # 1024, 512, 256, 128 overflow; 64 does not
    plain = jgd.fit(jgd.Problem(lambda w: 1000 * w, init=1.0), tx=inner, steps=10 - skipped)
    np.testing.assert_allclose(skipping.params, plain.params, rtol=1e-6)
    assert int(skipping.state.opt_state.inner_state[0].count) == 10 - skipped


def test_small_gradients_survive_with_a_scale_and_vanish_without():
    problem = jgd.mixed_precision(jgd.Problem(lambda w, batch: batch.X[:, 0] * w * 1e-5, init=1.0), "float16")
    data = (np.full((4, 1), 1e-4), np.zeros(4))  # gradients of 1e-9, below float16's least number, 6e-8
    assert jgd.fit(problem, data, jgd.gd(1e9), epochs=1).params == 1.0
    scaled = jgd.fit(problem, data, jgd.dynamic_loss_scaling(jgd.gd(1e8), init_scale=2.0**16), epochs=1)
    np.testing.assert_allclose(scaled.params, 0.9, rtol=2e-3)


def test_the_scale_costs_no_second_forward_pass():
    """The gradient that the wrapper replaces is dead code: as many products in the compiled step as without it."""
    count = lambda tx: compiled(tx).count(" dot(")
    data = jgd.Dataset(jax.random.normal(jax.random.key(0), (512, 256)), jnp.zeros(512))
    problem = jgd.Problem(
        lambda p, b: ((jnp.tanh(b.X @ p["a"]) @ p["b"])[:, 0] - b.y) ** 2,
        init={"a": jnp.zeros((256, 64)), "b": jnp.zeros((64, 1))},
    )

    def compiled(tx):
        init, step = jgd.training_step(problem, tx)
        state = init(problem.init())
        return jax.jit(lambda s, d: step(s, d)[0]).lower(state, data).compile().as_text()

    assert count(jgd.dynamic_loss_scaling(jgd.gd(0.1))) == count(jgd.gd(0.1)) > 0


def test_every_knob_of_the_scaling_is_a_lane():
    problem = jgd.mixed_precision(jgd.Problem(lambda w: 1000 * w, init=1.0), "float16")
    base = jgd.dynamic_loss_scaling(jgd.gd(1e-6), init_scale=2.0**10, growth_interval=3, min_scale=2.0, max_scale=2.0**12)
    changes = [{}, {"init_scale": 2.0**8}, {"growth_interval": 5}, {"factor": 4.0}, {"min_scale": 2.0**9}, {"max_scale": 16.0}]
    txs = [base.replace(**change) for change in changes]
    run = lambda tx: jgd.train(problem, tx=tx, steps=30, record=1).history.loss_scale
    lanes = jax.jit(jax.vmap(run))(jgd.stack(txs))
    for lane, tx in zip(lanes, txs, strict=True):
        np.testing.assert_array_equal(lane, run(tx))
    assert len({tuple(lane.tolist()) for lane in lanes}) == len(changes)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jgd.mixed_precision(LOGISTIC, "float32"), ValueError, "dtype must be bfloat16 or float16, found float32"),
        (lambda: LOGISTIC_LOW.replace(dtype="int8"), ValueError, "dtype must be bfloat16 or float16, found int8"),
        (lambda: jgd.mixed_precision(jgd.adam(0.1)), TypeError, r"mixed_precision takes a problem, found adam\(0\.1\)"),
        (
            lambda: jgd.fit(LOGISTIC, (X, Y), jgd.chain(jgd.clip(1.0), jgd.dynamic_loss_scaling(jgd.gd(0.1))), epochs=1),
            TypeError,
            "dynamic_loss_scaling must be outermost: put the rest of the chain inside it",
        ),
        (
            lambda: jgd.fit(LOGISTIC, (X, Y), jgd.MultiSteps(jgd.dynamic_loss_scaling(jgd.gd(0.1)), 2), epochs=1),
            TypeError,
            "dynamic_loss_scaling must be outermost",
        ),
        (
            lambda: jgd.apply_gradients(jgd.dynamic_loss_scaling(jgd.gd(0.1)), 1.0, 1.0),
            TypeError,
            "its update needs params and value_fn=",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


LOGISTIC_LOW = jgd.mixed_precision(LOGISTIC, "float16")


def test_a_mixed_problem_is_data():
    assert repr(LOGISTIC_LOW) == "mixed_precision(logistic_regression(l2=0.001), dtype='float16')"
    assert jgd.parse(repr(LOGISTIC_LOW)) == LOGISTIC_LOW
    assert jax.tree.leaves(LOGISTIC_LOW) == [0.001]


@pytest.mark.parametrize("scale", [2.0**10, 2.0**16, 2.0**20])
def test_float16_parameters_move_at_any_scale(scale):
    problem = jgd.Problem(lambda w: 1e-3 * (w.astype(jnp.float32) - 2) ** 2, jnp.float16(1))
    result = jgd.fit(problem, tx=jgd.dynamic_loss_scaling(jgd.gd(10.0), init_scale=scale), steps=100)
    np.testing.assert_allclose(result.params, 2 - 0.98**100, atol=0.02)


def test_what_cannot_be_scaled_is_refused_and_optaxs_links_are_taken():
    rows = jgd.chain(jgd.contrib.per_example_global_norm_clip(1.0), jgd.gd(0.1))
    with pytest.raises(TypeError, match="scaled gradients only, not row_grads"):
        jgd.fit(LOGISTIC, (X, Y), jgd.dynamic_loss_scaling(rows), epochs=1)
    with pytest.raises(TypeError, match="dynamic_loss_scaling: inner is not an optimizer"):
        jgd.dynamic_loss_scaling(0.1)
    ours = jgd.fit(LOGISTIC, (X, Y), jgd.dynamic_loss_scaling(jgd.gd(0.1)), epochs=3)
    theirs = jgd.fit(LOGISTIC, (X, Y), jgd.dynamic_loss_scaling(optax.sgd(0.1)), epochs=3)
    np.testing.assert_allclose(ours.params.weights, theirs.params.weights, rtol=1e-6)


def test_data_for_a_loss_that_takes_none_is_refused_through_the_wrapper():
    plain = jgd.mixed_precision(jgd.Problem(lambda w: (w - 2.0) ** 2, init=1.0))
    assert plain.objective(5.0) == 9.0
    with pytest.raises(ValueError, match="this loss takes no data"):
        jgd.fit(plain, (X, Y), jgd.gd(0.1), epochs=1)
