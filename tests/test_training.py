"""Training: three regimes through one step, fit against train, histories, rules, statuses, and what must not be compiled."""

import copy
import inspect
import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd
from jgd.training import _driver, _prepare

X, Y = (np.asarray(a, np.float64) for a in jgd.data.make_linear(100, noise=0.3, key=4))
PROBLEM = jgd.linear_regression(l2=0.01)
TX = jgd.sgd(0.02, momentum=0.5)
regimes = pytest.mark.parametrize("batch_size", ["full", 1, 32])


def equal(a, b):
    """Bit for bit."""
    leaves_a, leaves_b = jax.tree.leaves(a), jax.tree.leaves(b)
    return len(leaves_a) == len(leaves_b) and all(map(np.array_equal, leaves_a, leaves_b))


# --- the step ---------------------------------------------------------------------------------------------------------


def test_full_batch_is_one_batch_of_all_rows_in_order(x64):
    full = jgd.fit(PROBLEM, (X, Y), TX, epochs=30)
    one = jgd.fit(PROBLEM, (X, Y), TX, batch_size=100, shuffle=False, epochs=30)
    np.testing.assert_allclose(full.history.loss, one.history.loss, rtol=1e-12 if x64 else 1e-6)
    chex.assert_trees_all_close(full.params, one.params, rtol=1e-12 if x64 else 1e-5)


def test_training_step_is_what_fit_runs(x64):
    data = jgd.Dataset(X, Y)
    init, step = jgd.training_step(PROBLEM, TX)
    state = init(PROBLEM.init(data=data))
    losses = []
    for _ in range(10):
        state, info = jax.jit(step)(state, data)
        losses.append(float(info.loss))
    result = jgd.fit(PROBLEM, data, TX, steps=10)
    chex.assert_trees_all_close(state, result.state, rtol=1e-12 if x64 else 1e-5)
    np.testing.assert_allclose(result.history.loss[:10], losses, rtol=1e-12 if x64 else 1e-5)


def test_training_step_under_vmap(x64):
    data, params = jgd.Dataset(X, Y), PROBLEM.init(data=jgd.Dataset(X, Y))

    def two(tx):
        init, step = jgd.training_step(PROBLEM, tx)
        return step(step(init(params), data)[0], data)[0]

    txs = [jgd.sgd(0.01, momentum=0.5), jgd.sgd(0.03, momentum=0.9)]
    lanes = jax.jit(jax.vmap(two))(jgd.stack(txs))
    for i, tx in enumerate(txs):
        chex.assert_trees_all_close(jax.tree.map(lambda a, i=i: a[i], lanes), two(tx), rtol=1e-12 if x64 else 1e-5)


def test_a_scalar_loss_sees_the_short_batch_at_its_own_shape():
    shapes = set()

    def loss(params, batch):
        shapes.add(batch.X.shape)
        return jnp.mean((batch.X @ params - batch.y) ** 2)

    rows = jgd.Problem(lambda params, batch: (batch.X @ params - batch.y) ** 2, jnp.zeros(5))
    fits = [jgd.fit(p, (X, Y), TX, batch_size=32, epochs=7) for p in (jgd.Problem(loss, jnp.zeros(5)), rows)]
    assert {(32, 5), (4, 5)} <= shapes
    np.testing.assert_allclose(fits[0].params, fits[1].params, rtol=1e-5)


def test_a_loss_of_ones_own_never_sees_padding():
    """Rows that depend on each other (centred within the batch), and the record of a short batch's scalar loss."""
    centred = lambda w, b: ((b.X - b.X.mean(axis=0, keepdims=True)) @ w - (b.y - b.y.mean())) ** 2
    mean = lambda w, b: jnp.mean(centred(w, b))
    options = {"batch_size": 32, "epochs": 3, "record": "step"}
    rows, scalar = (jgd.fit(jgd.Problem(loss, jnp.zeros(5)), (X, Y), TX, **options) for loss in (centred, mean))
    np.testing.assert_allclose(rows.params, scalar.params, rtol=1e-5)
    np.testing.assert_allclose(rows.history.loss, scalar.history.loss, rtol=1e-5)
    order = np.asarray(jgd.data.batch_rows(jax.random.key(0), 3, 1, 100, 32))[0, :4]
    still = jgd.fit(jgd.Problem(mean, jnp.zeros(5)), (X, Y), jgd.gd(0.0), **options)
    np.testing.assert_allclose(still.history.loss[3], np.var(Y[order]), rtol=1e-4)


# --- one program ------------------------------------------------------------------------------------------------------


@regimes
def test_other_numbers_compile_nothing(batch_size):
    def run(tx, l2, key, tolerance, scale, epochs):
        return jgd.fit(
            jgd.linear_regression(l2=l2), (scale * X, Y), tx, batch_size=batch_size, epochs=epochs, key=key,
            stop=jgd.stopping.gradient_norm(tolerance),
        )  # fmt: skip

    run(jgd.adam(0.1), 0.1, 0, 1e-3, 1.0, 12)
    before = _driver.Compilations.traces
    for changed in (
        (jgd.adam(0.2, b1=0.5), 0.1, 0, 1e-3, 1.0, 12),
        (jgd.adam(1), 0.2, 1, 1e-2, 2.0, 12),
        (jgd.adam(np.float32(0.2)), 0, 5, 1e-4, 1.0, 20),
    ):
        assert run(*changed).compile_seconds == 0.0
    assert _driver.Compilations.traces == before


@pytest.mark.cpu
@regimes
@pytest.mark.parametrize(("record", "precise"), [("epoch", False), ("epoch", True), (7, False), ("step", False)])
def test_fit_in_chunks_of_any_length_is_train_in_one_piece_bit_for_bit(batch_size, record, precise):
    with jax.enable_x64(precise):
        options = {"batch_size": batch_size, "epochs": 6, "key": 3, "record": record}
        tx, data = jgd.adam(0.05), jgd.Dataset(X, Y)
        whole = jgd.fit(PROBLEM, data, tx, **options)
        assert equal(whole, jgd.train(PROBLEM, data, tx, **options))
        for chunk in (1, 2, 5):
            assert equal(whole, jgd.fit(PROBLEM, data, tx, **options, chunk=chunk))
        pure = jax.jit(lambda problem, data, tx: jgd.train(problem, data, tx, **options))
        # Inside a larger program the compiler may contract other products; bits are promised to the loop alone.
        chex.assert_trees_all_close(whole, pure(PROBLEM, data, tx), rtol=1e-12 if precise else 1e-5, atol=1e-7)


@pytest.mark.cpu
@regimes
def test_the_same_key_gives_the_same_numbers_and_another_does_not(batch_size):
    run = lambda key: jgd.fit(PROBLEM, (X, Y), TX, batch_size=batch_size, epochs=3, key=key)
    assert equal(run(1), run(jax.random.key(1)))
    assert equal(run(1), run(1))
    assert (batch_size == "full") == equal(run(1).params, run(2).params)


@pytest.mark.cpu
@regimes
def test_going_on_from_a_state_is_having_gone_on(batch_size):
    run = lambda **options: jgd.fit(PROBLEM, (X, Y), jgd.adam(0.05), batch_size=batch_size, key=2, **options)
    whole, first = run(epochs=6), run(epochs=2)
    rest = run(epochs=4, state=first.state)
    assert equal(rest.state, whole.state)
    assert rest.steps == whole.steps - first.steps
    assert np.array_equal(rest.history.step, whole.history.step[2:])
    assert equal(run(epochs=2, params=first.params).history.loss[0], first.history.loss[-1])


@regimes
def test_train_under_vmap_over_optimizers_penalties_and_keys(batch_size, x64):
    def run(tx, problem, key):
        return jgd.train(problem, DATA, tx, batch_size=batch_size, epochs=3, key=key)

    DATA = jgd.Dataset(X, Y)
    txs = [jgd.sgd(0.01, momentum=0.5), jgd.sgd(0.02, momentum=0.9), jgd.sgd(0.005, momentum=0.1)]
    problems = [jgd.linear_regression(l2=l2) for l2 in (0.0, 0.1, 1.0)]
    keys = jax.random.split(jax.random.key(0), 3)
    lanes = jax.jit(jax.vmap(run))(jgd.stack(txs), jgd.stack(problems), keys)
    assert lanes.status.tolist() == ["max_steps"] * 3
    for i in range(3):
        alone = run(txs[i], problems[i], keys[i])
        chex.assert_trees_all_close(jax.tree.map(lambda a, i=i: a[i], lanes), alone, rtol=1e-11 if x64 else 1e-4, atol=1e-6)


@regimes
def test_a_hypergradient_equals_a_finite_difference(batch_size):
    with jax.enable_x64(True):
        data = jgd.Dataset(X, Y)
        final = jax.jit(lambda tx, problem: jgd.train(problem, data, tx, batch_size=batch_size, epochs=3).objective)
        tx, problem, h = jgd.adam(0.02), jgd.linear_regression(l2=0.1), 1e-6
        slopes = jax.grad(final, argnums=(0, 1))(tx, problem)
        for name in ("learning_rate", "b1", "b2"):
            at = lambda d, name=name: final(tx.replace(**{name: tx.arguments[name] + d}), problem)
            assert float(slopes[0].arguments[name]) == pytest.approx(float(at(h) - at(-h)) / (2 * h), rel=1e-4)
        at = lambda d: final(tx, problem.replace(l2=0.1 + d))
        assert float(slopes[1].l2) == pytest.approx(float(at(h) - at(-h)) / (2 * h), rel=1e-4)


def test_grad_at_a_minimum_is_finite():
    slope = jax.grad(lambda rate: jgd.train(jgd.Problem(lambda w: w**2, 0.0), None, jgd.gd(rate), steps=3).objective)(0.1)
    assert float(slope) == 0.0


# --- what is recorded -------------------------------------------------------------------------------------------------


@regimes
def test_the_history_holds_the_exact_objective_and_gradient(batch_size, x64):
    weights = np.linspace(0.5, 2.0, 100)
    result = jgd.fit(PROBLEM, (X, Y, weights), TX, batch_size=batch_size, epochs=4)
    T = result.steps_per_epoch
    assert result.history.step.tolist() == [0, T, 2 * T, 3 * T, 4 * T]
    w, b = np.asarray(result.params.weights, float), float(result.params.bias)
    residual = X @ w + b - Y
    objective = np.average(residual**2, weights=weights) + 0.005 * (w**2).sum()
    gradient = np.r_[
        2 * np.average(X * residual[:, None], axis=0, weights=weights) + 0.01 * w, 2 * np.average(residual, weights=weights)
    ]
    tolerance = 1e-12 if x64 else 1e-4
    assert result.objective == pytest.approx(objective, rel=tolerance)
    assert float(result.history.grad_norm[-1]) == pytest.approx(np.linalg.norm(gradient), rel=tolerance)
    assert float(result.history.loss[0]) == pytest.approx(np.average(Y**2, weights=weights), rel=tolerance)


def test_every_steps_batch_loss():
    result = jgd.fit(PROBLEM, (X, Y), jgd.gd(0.0), batch_size=25, epochs=2, record="step", shuffle=False)
    expected = [np.mean(Y[k : k + 25] ** 2) for k in (0, 25, 50, 75, 0, 25, 50, 75)]
    np.testing.assert_allclose(result.history.loss[:8], expected, rtol=1e-5)
    assert result.history.step.tolist() == list(range(9))


def test_record_every_k_steps_and_the_end():
    result = jgd.fit(PROBLEM, (X, Y), TX, batch_size=10, steps=25, record=10)
    assert result.history.step.tolist() == [0, 10, 20, 25]


def test_epochs_and_steps_are_both_upper_limits():
    run = lambda **limits: jgd.fit(PROBLEM, (X, Y), TX, batch_size=10, **limits).steps
    assert (run(epochs=3), run(steps=7), run(epochs=3, steps=7), run(epochs=1, steps=70)) == (30, 7, 7, 10)


def test_validation_metrics_and_best_parameters_exactly_as_scored():
    def worst(target, prediction):
        return jnp.max(jnp.abs(target - prediction))

    held = (X[80:], Y[80:])
    result = jgd.fit(
        PROBLEM, (X[:80], Y[:80]), jgd.sgd(0.05), batch_size=1, epochs=12, validation=held, metrics=["r2", "mse", worst]
    )
    error = lambda params: X[80:] @ np.asarray(params.weights) + float(params.bias) - Y[80:]
    final = error(result.params)
    history = result.history
    assert float(history.validation_loss[-1]) == pytest.approx(np.mean(final**2), rel=1e-4)
    assert float(history.validation_mse[-1]) == pytest.approx(np.mean(final**2), rel=1e-4)
    assert float(history.validation_worst[-1]) == pytest.approx(np.abs(final).max(), rel=1e-4)
    assert float(history.validation_r2[-1]) == pytest.approx(
        1 - np.sum(final**2) / np.sum((Y[80:] - Y[80:].mean()) ** 2), rel=1e-4
    )
    k = int(np.argmin(history.validation_loss))
    assert float(result.best.score) == float(history.validation_loss[k])
    assert int(result.best.step) == int(history.step[k])
    assert np.mean(error(result.best.params) ** 2) == pytest.approx(float(result.best.score), rel=1e-5)
    by_score = jgd.fit(
        PROBLEM, (X[:80], Y[:80]), jgd.sgd(0.05), batch_size=1, epochs=12, validation=held, metrics="r2", best="validation_r2"
    )
    assert float(by_score.best.score) == pytest.approx(float(by_score.history.validation_r2.max()))


def test_weighted_metrics_and_several_outputs():
    targets = np.stack([Y, -2 * Y], axis=1)
    weights = np.linspace(0.1, 3.0, 100)
    result = jgd.fit(PROBLEM, (X, targets, weights), TX, epochs=5, metrics=["r2", "mse", "mae"])
    prediction = np.asarray(result.predict(X))
    share = weights / weights.sum()
    mse = (share[:, None] * (prediction - targets) ** 2).sum(axis=0).mean()
    centre = (share[:, None] * targets).sum(axis=0)
    spread = (share[:, None] * (targets - centre) ** 2).sum(axis=0).mean()
    assert float(result.history.mse[-1]) == pytest.approx(mse, rel=1e-4)
    assert float(result.history.r2[-1]) == pytest.approx(1 - mse / spread, rel=1e-4)
    assert float(result.history.mae[-1]) == pytest.approx(
        (share[:, None] * abs(prediction - targets)).sum(axis=0).mean(), rel=1e-4
    )


def test_a_validation_share_is_held_out_by_the_key():
    run = lambda key: jgd.fit(PROBLEM, (X, Y), TX, epochs=2, validation=0.25, key=key)
    assert len(run(0).notes.data) == 75
    assert np.array_equal(run(0).notes.data.X, run(0).notes.data.X)
    assert not np.array_equal(run(0).notes.data.X, run(1).notes.data.X)
    kept = {tuple(row) for row in np.asarray(run(0).notes.data.X)}
    assert len(kept) == 75
    assert kept < {tuple(row) for row in X.astype(np.float32)}


def test_to_frame_and_the_rate_in_force():
    frame = jgd.fit(PROBLEM, (X, Y), jgd.sgd(jgd.schedules.step_decay(0.1, 10, 0.5)), batch_size=10, epochs=3).to_frame()
    assert list(frame.columns) == ["step", "epoch", "loss", "grad_norm", "learning_rate"]
    assert frame["epoch"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(frame["learning_rate"], [0.1, 0.05, 0.025, 0.0125], rtol=1e-6)


# --- why a run ends ---------------------------------------------------------------------------------------------------


def recursion(rate, steps):
    """Gradient descent on (w - 2)^2 from 5, in NumPy."""
    w = [5.0]
    for _ in range(steps):
        w.append(w[-1] - rate * 2 * (w[-1] - 2))
    return np.array(w)


def bowl(tx=None, **options):
    return jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx or jgd.gd(0.1), **{"steps": 200, **options})


def test_what_is_advised_fits_what_was_minimised():
    """A function without data has no columns."""
    for rate, status in ((3.0, "diverged"), (1e38, "nonfinite")):
        alone = jgd.minimize(lambda w: w**4, 5.0, jgd.gd(rate), steps=50)
        fitted = jgd.fit(jgd.linear_regression(), (100 * X, Y), jgd.gd(rate), epochs=50)
        assert alone.status == fitted.status == status
        for result in (alone, fitted):
            assert "Lower the learning rate (by 10, to begin with)" in result.message
        assert "standardise the columns" in fitted.message
        assert "column" not in alone.message


def test_each_rule_ends_the_run_at_the_step_the_recursion_says():
    with jax.enable_x64(True):
        w = recursion(0.1, 200)
        loss, slope = (w - 2) ** 2, np.abs(2 * (w - 2))
        rules = {
            jgd.stopping.gradient_norm(1e-3): np.argmax(slope <= 1e-3),
            jgd.stopping.target(1e-5): np.argmax(loss <= 1e-5),
            jgd.stopping.gradient_norm(1e-3) | jgd.stopping.target(1e-5): np.argmax((slope <= 1e-3) | (loss <= 1e-5)),
            jgd.stopping.gradient_norm(1e-3) & jgd.stopping.target(1e-9): np.argmax((slope <= 1e-3) & (loss <= 1e-9)),
        }
        for rule, step in rules.items():
            result = bowl(stop=rule)
            assert (result.status, result.steps) == ("converged", step)
            assert repr(rule) in result.message
            pure = jgd.train(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, jgd.gd(0.1), steps=200, stop=rule)
            assert (pure.status, pure.steps) == ("converged", step)
        f = lambda w: (w - 2) ** 2 + 1
        change = np.abs(np.diff(f(w))) / f(w[:-1])
        result = jgd.minimize(lambda w: (w - 2.0) ** 2 + 1, 5.0, jgd.gd(0.1), steps=200, stop=jgd.stopping.relative_change(1e-4))
        assert (result.status, result.steps) == ("converged", 1 + np.argmax(change <= 1e-4))


def test_patience_waits_so_many_records_after_the_best():
    result = jgd.fit(
        jgd.linear_regression(), (X[:8], Y[:8] + 3 * np.sin(9 * X[:8, 0])), jgd.gd(0.1), epochs=3000, validation=(X[60:], Y[60:]),
        stop=jgd.stopping.patience(7),
    )  # fmt: skip
    best = int(np.argmin(result.history.validation_loss))
    assert (result.status, result.steps) == ("converged", best + 7)
    assert int(result.best.step) == best


def test_a_rule_on_seconds_ends_with_max_steps():
    result = bowl(stop=jgd.stopping.seconds(0.0) | jgd.stopping.gradient_norm(0.0))
    assert (result.status, result.steps) == ("max_steps", 0)


def test_relative_change_is_not_met_by_steps_that_move_nothing():
    run = lambda tx: jgd.minimize(lambda w: (w - 2.0) ** 2 + 1.0, 5.0, tx, stop=jgd.stopping.relative_change(1e-3), steps=400)
    once, fourth = run(jgd.gd(0.1)), run(jgd.MultiSteps(jgd.gd(0.1), 4))
    assert (once.status, fourth.status) == ("converged", "converged")
    assert fourth.steps == 4 * once.steps


def test_a_run_that_moves_no_more_has_stalled():
    result = bowl(jgd.gd(0.4), stop=jgd.stopping.target(-1.0), steps=5000)
    assert result.status == "stalled"
    assert result.steps < 400


@pytest.mark.parametrize("rate", [1.01, 3.0, 100.0, 1e10, 1e30])
@pytest.mark.parametrize("stop", [None, jgd.stopping.gradient_norm(1e-6) | jgd.stopping.relative_change(1e-3)])
def test_a_rate_far_too_large_never_converges(rate, stop):
    with np.errstate(over="ignore", invalid="ignore"):
        w = recursion(rate, 2000)
    result = bowl(jgd.gd(rate), stop=stop, steps=2000)
    assert result.status in ("diverged", "nonfinite")
    assert np.isfinite(result.params)
    if result.status == "diverged":
        assert result.steps == np.argmax(np.abs(w - 2) > 300)
    with pytest.raises(jgd.FitError, match="Lower the learning rate"):
        result.check()


def test_adam_with_a_huge_rate_is_seen_although_its_parameters_stay_finite():
    assert bowl(jgd.adam(1e15)).status == "diverged"
    assert bowl(jgd.adam(1e30)).status == "nonfinite"


@jgd.lift
def plant(factor, at):
    """Multiplies the updates by NaN at step `at`."""

    def update(updates, count, params=None):
        bad = jnp.where(count == at, jnp.nan, 1.0)
        return jax.tree.map(lambda u: factor * bad.astype(u.dtype) * u, updates), count + 1

    return optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)


@regimes
@pytest.mark.parametrize("stop", [None, jgd.stopping.gradient_norm(0.0)], ids=["scan", "while"])
@pytest.mark.parametrize("k", [0, 1, 5, 37, 63])
def test_a_planted_nan_is_found_at_its_step(batch_size, stop, k):
    options = {"batch_size": batch_size, "steps": 64, "record": 16, "key": 1}
    clean = jgd.fit(PROBLEM, (X, Y), plant(-0.01, 1e6), **options | ({"steps": k} if k else {"steps": 1}))
    for run in (jgd.fit, jgd.train):
        result = run(PROBLEM, (X, Y), plant(-0.01, k), stop=stop, **options)
        assert (result.status, int(result.steps)) == ("nonfinite", k)
        if k:
            chex.assert_trees_all_close(result.params, clean.params, rtol=1e-6)
        assert np.isfinite(result.history.loss[: k // 16 + 1]).all()


@pytest.mark.cpu
@regimes
@pytest.mark.parametrize("stop", [None, jgd.stopping.gradient_norm(1e-9)], ids=["scan", "while"])
def test_a_lane_that_becomes_nan_changes_no_other_lanes_bits(batch_size, stop):
    run = jax.jit(
        jax.vmap(lambda tx: jgd.train(PROBLEM, jgd.Dataset(X, Y), tx, batch_size=batch_size, steps=40, stop=stop, record=20))
    )
    good = run(jgd.stack([plant(-0.01 * (1 + i), 1e6) for i in range(4)]))
    one_bad = run(jgd.stack([plant(-0.01 * (1 + i), 13 if i == 2 else 1e6) for i in range(4)]))
    assert one_bad.status.tolist() == ["max_steps", "max_steps", "nonfinite", "max_steps"]
    assert one_bad.steps[2] == 13
    for i in (0, 1, 3):
        assert equal(jax.tree.map(lambda a, i=i: a[i], good), jax.tree.map(lambda a, i=i: a[i], one_bad))


def test_batch_losses_diverge_by_the_exact_loss_at_the_start():
    w, losses = np.zeros(6), []
    for x, y in zip(np.c_[X, np.ones(100)], Y, strict=True):
        losses.append((x @ w - y) ** 2)
        w = w - 0.6 * 2 * (x @ w - y) * x
    first = np.argmax(np.array(losses) > 1e4 * np.mean(Y**2))
    result = jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(0.6), batch_size=1, shuffle=False, epochs=20, record="step")
    assert 0 < first < 100
    assert (result.status, result.steps) == ("diverged", first)


# --- looking on -------------------------------------------------------------------------------------------------------


def test_callbacks_see_the_run_so_far_and_may_end_it():
    seen = []

    def look(result):
        seen.append((result.steps, result.status, float(result.history.loss[-1])))
        return result.steps >= np.int32(6)  # NumPy's True is as good as Python's

    result = bowl(callbacks=[look], chunk=2)
    assert [steps for steps, _, _ in seen] == [2, 4, 6]
    assert {status for _, status, _ in seen} == {"running"}
    assert (result.status, result.steps) == ("max_steps", 6)
    assert "callback" in result.message
    full = bowl()
    np.testing.assert_array_equal(result.history.loss, full.history.loss[: len(result.history)])


def test_an_interruption_keeps_what_there_is():
    def interrupt(result):
        if result.steps >= 4:
            raise KeyboardInterrupt

    result = bowl(callbacks=[interrupt], chunk=2)
    assert (result.steps, "interrupted" in result.message) == (4, True)


def test_a_long_run_can_be_interrupted_though_nobody_looks_on(monkeypatch):
    advance = _driver.Driver.advance

    def interrupted(self, chunk):
        if self.step >= 3:
            raise KeyboardInterrupt
        advance(self, chunk)

    def fit(epochs):
        return jgd.fit(PROBLEM, (X, Y), TX, epochs=epochs)

    full = fit(30)
    monkeypatch.setattr(_driver.Driver, "advance", interrupted)
    assert (fit(30).steps, "interrupted" in fit(30).message) == (30, False)  # one call
    monkeypatch.setattr(_driver, "LONG", 1e5)
    result = fit(30)
    assert 3 <= result.steps < 30
    assert "interrupted" in result.message
    np.testing.assert_array_equal(result.history.loss, full.history.loss[: len(result.history)])


def test_which_runs_are_long():
    def is_long(problem=PROBLEM, data=(X, Y), **options):
        run = prepared(problem, data, **options)
        return _driver.is_long(run.plan, run.inputs, run.steps)

    def prepared(problem, data, **options):
        bound = inspect.signature(jgd.train).bind(problem, data, TX, **options)
        bound.apply_defaults()
        return _prepare.prepare(**bound.arguments, clock=False)

    assert not is_long(epochs=1000)
    assert not is_long(epochs=1000, batch_size=1)
    assert is_long(epochs=10**8)
    assert is_long(epochs=10**6, batch_size=10)
    network = lambda width: jgd.Problem(lambda w, batch: batch.X @ w.sum(1), init=jnp.zeros((5, width)))
    assert not is_long(network(10), epochs=1000)
    assert is_long(network(10**5), epochs=1000)
    assert not is_long(network(10**5), epochs=10)
    bowl = jgd.Problem(lambda w: w**2, init=1.0)
    assert not is_long(bowl, None, steps=1000)
    assert is_long(bowl, None, steps=10**8)


def test_minimize_and_tensorflows_two_calls_agree():
    w, state = 5.0, None
    for _ in range(10):
        w, state = jgd.apply_gradients(jgd.adam(0.1), jgd.compute_gradients(lambda w: (w - 2.0) ** 2, w), w, state)
    assert float(w) == pytest.approx(float(bowl(jgd.adam(0.1), steps=10).params), rel=1e-6)


def test_a_result_survives_pickle_and_copy():
    result = jgd.fit(PROBLEM, (X, Y), jgd.adam(0.05), epochs=3)
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), copy.copy(result)):
        assert equal(other, result)
        assert (other.status, other.steps) == (result.status, result.steps)


def test_bfloat16_parameters_stay_bfloat16():
    result = jgd.fit(
        PROBLEM, (jnp.asarray(X, jnp.bfloat16), jnp.asarray(Y, jnp.bfloat16)), jgd.adam(0.05), batch_size=32, epochs=20
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(result.params)} == {jnp.dtype(jnp.bfloat16)}
    assert result.objective < 0.5
