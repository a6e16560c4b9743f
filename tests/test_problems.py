"""Problems from any loss: frozen parameters, groups, accumulation, gradients of rows, norms by array, ensembles."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd
from jgd.training import _driver

X, Y = (np.asarray(a, np.float64) for a in jgd.data.make_linear(100, key=0, noise=0.3))
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2.0, 100)


def rows(params, batch):
    """Squared errors of a line whose offset is a parameter of its own."""
    return (batch.X @ params["w"] + params["c"] - batch.y) ** 2


def start():
    return {"w": jnp.zeros(5), "c": jnp.asarray(0.5)}


def linear(**options):
    return jgd.Problem(rows, init=start(), **options)


def norm(tree):
    return np.sqrt(sum(np.sum(np.asarray(leaf, np.float64) ** 2) for leaf in jax.tree.leaves(tree)))


# --- frozen parameters, groups ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [{"w": False, "c": True}, lambda params: {"w": False, "c": True}], ids=["mask", "function"])
def test_frozen_parameters_are_those_of_a_smaller_problem(frozen, x64):
    tx = jgd.chain(jgd.clip_by_global_norm(0.5), jgd.adamw(0.05, weight_decay=0.1))
    held = jgd.fit(linear(frozen=frozen), (X, Y), tx, batch_size=32, epochs=5)
    smaller = jgd.Problem(lambda w, batch: rows({"w": w, "c": 0.5}, batch), init=jnp.zeros(5))
    alone = jgd.fit(smaller, (X, Y), tx, batch_size=32, epochs=5)
    assert held.params["c"] == 0.5
    np.testing.assert_allclose(held.params["w"], alone.params, rtol=1e-12 if x64 else 1e-5)
    np.testing.assert_allclose(held.history.grad_norm, alone.history.grad_norm, rtol=1e-9 if x64 else 1e-4)


def test_a_rule_on_the_gradient_is_met_although_a_frozen_one_has_a_slope():
    stop = jgd.stopping.gradient_norm(1e-4)
    assert jgd.fit(linear(frozen={"w": False, "c": True}), (X, Y), jgd.gd(0.1), epochs=1000, stop=stop).status == "converged"


@pytest.mark.parametrize(
    ("frozen", "error", "message"),
    [
        ({"w": False}, ValueError, r"frozen must have the structure of the parameters, .*found \{'w': False\}"),
        ({"w": 0.5, "c": True}, TypeError, "frozen must hold booleans"),
        (True, ValueError, "all parameters are frozen: there is nothing to fit"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(frozen, error, message):
    with pytest.raises(error, match=message):
        jgd.fit(linear(frozen=frozen), (X, Y), jgd.gd(0.1), epochs=1)


def test_groups_of_parameters_have_optimizers_of_their_own(x64):
    partition = jgd.lift(optax.partition)
    tx = partition({"slow": jgd.gd(0.01), "fast": jgd.gd(0.1)}, {"w": "slow", "c": "fast"})
    assert tx.is_code
    result = jgd.fit(linear(), (X, Y), tx, epochs=3)
    w, c = np.zeros(5), 0.5
    for _ in range(3):
        error = X @ w + c - Y
        w, c = w - 0.01 * 2 * X.T @ error / 100, c - 0.1 * 2 * error.mean()
    np.testing.assert_allclose(result.params["w"], w, rtol=1e-10 if x64 else 1e-4)
    np.testing.assert_allclose(result.params["c"], c, rtol=1e-10 if x64 else 1e-4)


def test_k_accumulated_batches_are_one_of_k_times_the_rows(x64):
    dtype = jnp.result_type(float)
    small = jgd.MultiSteps(jgd.sgd(0.05, momentum=0.9), 4, accumulator_dtype=dtype)
    many = jgd.fit(jgd.linear_regression(), (X[:96], Y[:96]), small, batch_size=8, epochs=5)
    one = jgd.fit(jgd.linear_regression(), (X[:96], Y[:96]), jgd.sgd(0.05, momentum=0.9), batch_size=32, epochs=5)
    assert many.steps == 4 * one.steps
    np.testing.assert_allclose(many.params.weights, one.params.weights, rtol=1e-11 if x64 else 1e-5)


# --- states and keys --------------------------------------------------------------------------------------------------


def test_a_loss_gets_another_key_each_step_and_none_when_it_is_evaluated(x64):
    def noisy(w, *, key=None):
        return w * 0.0 if key is None else w * jax.random.normal(key)

    problem = jgd.Problem(noisy, init=0.0)
    after = lambda steps, key: jgd.fit(problem, tx=jgd.gd(1.0), steps=steps, key=key)
    draws = np.diff([0.0, *(float(after(n, 3).params) for n in range(1, 200))])
    assert len(set(draws)) > 190
    np.testing.assert_allclose([draws.mean(), draws.std()], [0, 1], atol=0.25)
    assert not after(9, 3).history.loss.any()
    assert float(after(3, 4).params) != float(after(3, 3).params)


def test_a_state_is_what_the_step_before_returned(x64):
    problem = jgd.Problem(lambda w, *, state: (w**2, {"seen": state["seen"] + w}), init=1.0, state={"seen": 0.0})
    result = jgd.fit(problem, tx=jgd.gd(0.25), steps=3)
    assert result.params == 0.125
    assert result.model_state["seen"] == 1.0 + 0.5 + 0.25
    assert jgd.train(problem, tx=jgd.gd(0.25), steps=3).model_state["seen"] == 1.75


def test_a_run_with_a_state_is_differentiable():
    def after(rate):
        problem = jgd.Problem(lambda w, *, state: (w**2, state + w), init=1.0, state=0.0)
        return jgd.train(problem, tx=jgd.gd(rate), steps=3).model_state  # 1 + (1 - 2r) + (1 - 2r)^2

    np.testing.assert_allclose(jax.grad(after)(0.25), -2 - 4 * 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jgd.Problem(lambda w, *, state: (w, state), init=1.0), "go together: give state="),
        (lambda: jgd.Problem(lambda w: w, init=1.0, state=0.0), r"go together: write loss\(params, batch, \*, state\)"),
        (lambda: jgd.Problem(lambda w, *, state: w, 1.0, state=0.0).objective(1.0, state=0.0), r"returns \(loss, state\), found"),
        (lambda: jgd.Problem("huber", init=1.0), "the loss 'huber' is one of a prediction: give predict=f"),
    ],
)
def test_states_that_do_not_go_with_a_loss_are_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_a_state_that_changes_its_shape_is_refused():
    problem = jgd.Problem(lambda w, *, state: (w**2, jnp.stack([state, state])), init=1.0, state=0.0)
    with pytest.raises(ValueError, match=r"a state of another structure than it was given: \(2,\), not \(\)"):
        jgd.fit(problem, tx=jgd.gd(0.1), steps=2)


def test_a_state_of_another_problem_is_refused():
    state = jgd.fit(jgd.Problem(lambda w: w**2, init=1.0), tx=jgd.gd(0.1), steps=2).state
    other = jgd.Problem(lambda w, *, state: (w**2, state), init=1.0, state=0.0)
    with pytest.raises(ValueError, match="state is that of another problem"):
        jgd.fit(other, tx=jgd.gd(0.1), steps=2, state=state)


def test_a_loss_by_name_is_that_of_the_prediction(x64):
    predict = lambda params, X: X @ params["w"]
    named = jgd.fit(jgd.Problem("squared_error", {"w": jnp.zeros(5)}, predict), (X, Y), jgd.gd(0.1), batch_size=32, epochs=3)
    ours = jgd.fit(jgd.linear_regression(fit_intercept=False), (X, Y), jgd.gd(0.1), batch_size=32, epochs=3)
    np.testing.assert_allclose(named.params["w"], ours.params.weights, rtol=1e-12 if x64 else 1e-5)


# --- gradients of rows ------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """The row gradients of the step before, for a test to look at."""

    row_grads: jax.Array
    updates: jax.Array


def looking(count):
    """A link that asks for row gradients and keeps them."""

    def init(params):
        return Seen(jnp.zeros((count, 5)), jnp.zeros(5))

    def update(updates, state, params=None, *, row_grads):
        return updates, Seen(row_grads["w"], updates["w"])

    return optax.GradientTransformationExtraArgs(init, update)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_row_gradients_are_those_of_the_rows_and_average_to_the_gradient(weights, x64):
    data = jgd.Dataset(X, Y, weights)
    init, step = jgd.training_step(linear(), jgd.chain(looking(100), jgd.gd(0.1)))
    state, info = step(init(start()), data)
    w = np.ones(100) if weights is None else weights / weights.mean()
    expected = (w * 2 * (0.5 - Y))[:, None] * X
    seen = state.opt_state[0]
    np.testing.assert_allclose(seen.row_grads, expected, rtol=1e-12 if x64 else 1e-4, atol=1e-6)
    np.testing.assert_allclose(seen.updates, expected.mean(0), rtol=1e-10 if x64 else 1e-4)
    _, plain = jgd.training_step(linear(), jgd.gd(0.1))[1](jgd.training_step(linear(), jgd.gd(0.1))[0](start()), data)
    np.testing.assert_allclose(info, plain, rtol=1e-10 if x64 else 1e-5)


def clipped(max_norm):
    """The mean of row gradients that were shortened one by one."""

    def update(updates, state, params=None, *, row_grads):
        shorten = jax.vmap(lambda g: optax.clip_by_global_norm(max_norm).update(g, optax.EmptyState())[0])
        return jax.tree.map(lambda rows: rows.mean(0), shorten(row_grads)), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


LINES = {
    "ours": lambda: jgd.linear_regression(fit_intercept=False),
    "theirs": lambda: jgd.Problem("squared_error", np.zeros(5), lambda params, X: X @ params),
}


@pytest.mark.parametrize("make", LINES.values(), ids=LINES)
def test_clipping_rows_equals_numpy_with_a_short_last_batch(make):
    """jgd's own losses mask a short batch elsewhere; rows that a link sees must be the batch's alone."""
    problem, tx = make(), jgd.chain(jgd.lift(clipped)(1.0), jgd.gd(0.1))
    with jax.enable_x64(True):
        result = jgd.fit(problem, (X[:50], Y[:50]), tx, batch_size=20, shuffle=False, epochs=2)
        found = np.asarray(getattr(result.params, "weights", result.params))
    w = np.zeros(5)
    for _ in range(2):
        for first, last in ((0, 20), (20, 40), (40, 50)):
            grads = 2 * (X[first:last] @ w - Y[first:last])[:, None] * X[first:last]
            grads *= np.minimum(1, 1 / np.linalg.norm(grads, axis=1, keepdims=True))
            w = w - 0.1 * grads.mean(0)
    np.testing.assert_allclose(found, w, rtol=1e-10)


@pytest.mark.parametrize(
    ("problem", "data", "message"),
    [
        (jgd.Problem(lambda w: w**2, init=1.0), None, "asks for the gradient of each row, but this problem has no data"),
        (
            jgd.Problem(lambda w, b, *, state: (jnp.mean(b.X @ w), state), init=jnp.zeros(5), state=0.0),
            (X, Y),
            "a loss with a state looks at the whole batch",
        ),
    ],
)
def test_row_gradients_that_do_not_exist_are_refused(problem, data, message):
    with pytest.raises(TypeError, match=message):
        jgd.fit(problem, data, jgd.chain(jgd.lift(clipped)(1.0), jgd.gd(0.1)), steps=1)


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_norms_of_gradient_and_update_by_array(x64):
    tx = jgd.sgd(0.1, momentum=0.9)
    history = jgd.fit(jgd.linear_regression(l2=0.1), (X, Y), tx, epochs=4, norms=True).history
    w, b, trace = np.zeros(5), 0.0, np.zeros(6)
    for k in range(5):
        error = X @ w + b - Y
        grads = np.append(2 * X.T @ error / 100 + 0.1 * w, 2 * error.mean())
        trace = 0.9 * trace + grads
        expected = [norm(grads[:5]), abs(grads[5]), norm(0.1 * trace[:5]), abs(0.1 * trace[5])]
        names = ["grad_norm/weights", "grad_norm/bias", "update_norm/weights", "update_norm/bias"]
        np.testing.assert_allclose([history[n][k] for n in names], expected, rtol=1e-10 if x64 else 1e-3, atol=1e-5)
        w, b = w - 0.1 * trace[:5], b - 0.1 * trace[5]


def test_norms_can_be_watched_by_rules():
    stop = jgd.stopping.patience(3, metric="grad_norm/bias")
    assert jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(1e-9), epochs=50, norms=True, stop=stop).steps < 50
    with pytest.raises(ValueError, match="which this run does not record"):
        jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(1e-9), epochs=50, stop=stop)


class Counted(NamedTuple):
    """A state that tells how often it was updated."""

    count: jax.Array

    def report(self):
        return {"updates": self.count}


def test_what_a_state_reports_is_recorded():
    counting = optax.GradientTransformation(
        lambda params: Counted(jnp.zeros((), jnp.int32)), lambda u, state, params=None: (u, Counted(state.count + 1))
    )
    tx = jgd.chain(jgd.masked(jgd.chain(counting), {"w": True, "c": False}), jgd.gd(0.1))
    history = jgd.fit(linear(), (X, Y), tx, batch_size=50, epochs=3).history
    assert history.updates.tolist() == [0, 2, 4, 6]


# --- ensembles --------------------------------------------------------------------------------------------------------


def network(params, X):
    return (jnp.tanh(X @ params["w1"]) @ params["w2"])[:, 0]


NETWORK = jgd.Problem(
    lambda params, batch: (network(params, batch.X) - batch.y) ** 2,
    init=lambda key: {"w1": jax.random.normal(key, (5, 4)), "w2": jax.random.normal(jax.random.fold_in(key, 1), (4, 1))},
    predict=network,
)


def test_an_ensemble_is_its_members_trained_alone(x64):
    options = {"batch_size": 32, "epochs": 3, "key": 7}
    members = jgd.ensemble(NETWORK, (X, Y), jgd.adam(0.01), members=3, **options)
    predictions = []
    for i, start in enumerate(member_starts(7, 3)):
        alone = jgd.fit(NETWORK, (X, Y), jgd.adam(0.01), params=start, **options)
        for a, b in zip(jax.tree.leaves(alone.params), jax.tree.leaves(members[i].params), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9 if x64 else 1e-3, atol=1e-5)
        np.testing.assert_allclose(members[i].history.loss, alone.history.loss, rtol=1e-9 if x64 else 1e-3)
        predictions.append(np.asarray(alone.predict(X)))
    spread = members.predict(X)
    np.testing.assert_allclose(spread.mean, np.mean(predictions, 0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(spread.std, np.std(predictions, 0), rtol=1e-2, atol=1e-4)


def member_starts(seed, count):
    from jgd.training._step import INIT

    keys = jax.random.split(jax.random.key(seed), count)
    return [NETWORK.init(jax.random.fold_in(key, INIT)) for key in keys]


def test_members_that_fail_are_left_out_and_leave_the_others_alone():
    bad = jgd.Problem(
        lambda w, batch: (batch.X[:, 0] * w - batch.y) ** 2 + jnp.where(jnp.abs(w) > 50, w**4, 0.0),
        init=lambda key: jnp.where(jax.random.bernoulli(key), 100.0, 0.0) + jax.random.uniform(key),
        predict=lambda w, X: X[:, 0] * w,
    )
    members = jgd.ensemble(bad, (X, Y), jgd.gd(0.1), members=8, epochs=50)
    failed = np.isin(members.status, ["diverged", "nonfinite"])
    assert 0 < failed.sum() < 8
    assert f"{8 - failed.sum()} max_steps" in repr(members)
    well = np.asarray(members.params)[~failed]
    np.testing.assert_allclose(members.predict(X).mean, X[:, 0] * well.mean(), rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: jgd.ensemble(jgd.linear_regression(), (X, Y), jgd.gd(0.1), members=3, epochs=1),
            ValueError,
            "at the same point",
        ),
        (lambda: jgd.ensemble(linear(), (X, Y), jgd.gd(0.1), members=3, epochs=1), ValueError, "give Problem.init=. a function"),
        (lambda: jgd.ensemble(NETWORK, (X, Y), jgd.gd(0.1), members=1, epochs=1), ValueError, "members must be at least 2"),
        (lambda: jgd.ensemble(NETWORK, (X, Y), jgd.gd(0.1), members=2, params=1), TypeError, "takes no params="),
        (lambda: jgd.ensemble(rows, (X, Y), jgd.gd(0.1), members=2), TypeError, "problem must be a jgd.Problem"),
        (lambda: jgd.ensemble(NETWORK, (X, Y), jgd.gd(0.1), members=2, epochs=1)[2], IndexError, "member 2 of 2"),
    ],
)
def test_ensembles_that_make_no_sense_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_class_numbers_have_no_mean():
    problem = jgd.Problem(NETWORK.loss, NETWORK.init, lambda params, X: (network(params, X) > 0).astype(int))
    members = jgd.ensemble(problem, (X, Y), jgd.gd(0.01), members=2, epochs=1)
    with pytest.raises(TypeError, match="class numbers, whose mean means nothing"):
        members.predict(X)


# --- small things -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-25, 1e25, 0.0])
def test_the_norm_of_a_gradient_neither_overflows_nor_vanishes(size):
    result = jgd.minimize(lambda w: jnp.sum(w) * jnp.float32(size), jnp.zeros(4, jnp.float32), jgd.gd(0.0), steps=1)
    np.testing.assert_allclose(result.history.grad_norm, 2 * size, rtol=1e-6)


def test_the_norm_of_a_gradient_can_be_differentiated_also_at_zero(x64):
    slope = jgd.Problem(lambda w, batch: batch.X[:, 0] * w, init=1.0)
    norm = lambda a: jgd.train(slope, (a * jnp.ones((2, 1)), None, None), jgd.gd(0.0), steps=1).history.grad_norm[0]
    np.testing.assert_allclose(jax.grad(norm)(-3.0), -1.0, rtol=1e-6)
    assert jax.grad(norm)(0.0) == 0.0


def test_rows_and_labels_go_into_objectives_and_steps_as_they_go_into_fits():
    problem, labels = jgd.logistic_regression(), np.where(Y > 0, "up", "down")
    params = problem.init(data=problem.dataset((X, labels)))
    np.testing.assert_allclose(problem.objective(params, (X, labels)), np.log(2), rtol=1e-6)
    init, step = jgd.training_step(problem, jgd.gd(0.1))
    state, info = step(init(params), (X, labels))
    np.testing.assert_allclose(info.loss, np.log(2), rtol=1e-6)
    fit = jgd.fit(problem, (X, labels), jgd.gd(0.1), steps=1)
    np.testing.assert_allclose(state.params.weights, fit.params.weights, rtol=1e-6)


def test_accumulation_by_a_function_records_no_rate_it_cannot_know():
    rate = jgd.schedules.linear(0.1, 0.0, 10)
    by_function = jgd.MultiSteps(jgd.gd(rate), lambda step: 2)
    assert "learning_rate" not in jgd.minimize(lambda w: w**2, 1.0, by_function, steps=4).history
    by_number = jgd.minimize(lambda w: w**2, 1.0, jgd.MultiSteps(jgd.gd(rate), 2), steps=4).history
    np.testing.assert_allclose(by_number.learning_rate, [0.1, 0.1, 0.09, 0.09, 0.08], rtol=1e-5)


def test_a_batch_of_results_is_drawn_one_by_one():
    results = jax.vmap(lambda tx: jgd.train(jgd.linear_regression(), (X, Y), tx, epochs=2))(jgd.stack([jgd.gd(0.1), jgd.gd(0.2)]))
    with pytest.raises(TypeError, match=r"plot\(\) is of one result: pick one"):
        results.plot()


def test_a_run_can_be_differentiated_in_what_its_loss_closes_over(x64):
    def after(a, kind):
        inner = lambda w: a * (w - 2.0) ** 2
        losses = {"closure": lambda w: inner(w), "partial": functools.partial(lambda b, w: b * (w - 2.0) ** 2, a)}
        return jgd.train(jgd.Problem(losses[kind], 1.0), tx=jgd.gd(0.1), steps=3).params

    for kind in ("closure", "partial"):
        value, slope = jax.value_and_grad(after)(1.5, kind)
        np.testing.assert_allclose(value, 2 - (1 - 0.2 * 1.5) ** 3, rtol=1e-6)
        np.testing.assert_allclose(slope, 3 * 0.2 * (1 - 0.2 * 1.5) ** 2, rtol=1e-6)
        np.testing.assert_allclose(jax.vmap(lambda a, kind=kind: after(a, kind))(jnp.array([1.5, 3.0]))[0], value, rtol=1e-6)


def scored(target, prediction):
    """A score of a user's own, the more the better."""
    return jnp.mean(jnp.abs(prediction - target) < 1.0)


def test_a_metric_that_picks_the_best_says_which_way_is_better():
    options = {"metrics": [scored], "epochs": 5}
    with pytest.raises(ValueError, match=r"which way is scored better\? Say it: scored\.higher_is_better = True"):
        jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(0.1), best="scored", **options)
    with pytest.raises(ValueError, match="which way is scored better"):
        jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(0.1), stop=jgd.stopping.patience(2, metric="scored"), **options)
    scored.higher_is_better = True
    result = jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(0.1), best="scored", **options)
    assert result.best.score == result.history.scored.max() > result.history.scored[0]


def test_metrics_take_weights_or_are_refused_where_there_are_some():
    required = lambda target, prediction, sample_weight: jnp.mean(target) if sample_weight is None else jnp.mean(sample_weight)
    required.__name__ = "required"
    fit = lambda data, metric: jgd.fit(jgd.linear_regression(), data, jgd.gd(0.1), epochs=1, metrics=[metric]).history
    np.testing.assert_allclose(fit((X, Y), required).required, Y.mean(), rtol=1e-5)
    np.testing.assert_allclose(fit((X, Y, WEIGHTS), required).required, 1.0, rtol=1e-5)
    with pytest.raises(TypeError, match="weights, which the metric scored does not take"):
        fit((X, Y, WEIGHTS), scored)


def test_accuracy_is_of_labels():
    logits = jgd.Problem("logistic", jnp.zeros(5), lambda w, X: X @ w)
    with pytest.raises(TypeError, match=r"predicts float32 of shape \(100,\): give a predict that returns labels"):
        jgd.fit(logits, (X, (Y > 0) * 1), jgd.gd(0.1), epochs=1, metrics=["accuracy"])


class Telling(NamedTuple):
    """A state with something to tell."""

    told: jax.Array

    def report(self):
        return {"loss": self.told} if self.told.ndim == 0 else {"told": self.told}


@pytest.mark.parametrize(
    ("shape", "message"), [((), "tells 'loss', which is recorded already"), ((3,), r"'told', which has shape \(3,\)")]
)
def test_a_report_is_of_scalars_with_names_of_their_own(shape, message):
    telling = optax.GradientTransformation(lambda params: Telling(jnp.zeros(shape)), lambda u, s, params=None: (u, s))
    with pytest.raises(ValueError, match=message):
        jgd.fit(jgd.linear_regression(), (X, Y), jgd.chain(telling, jgd.gd(0.1)), epochs=1)


def test_a_mask_may_be_a_function_in_a_selective_transform():
    tx = jgd.selective_transform(jgd.gd(0.1), freeze_mask=lambda params: {name: name == "c" for name in params})
    result = jgd.fit(linear(), (X, Y), tx, epochs=5)
    mask = jgd.fit(linear(), (X, Y), jgd.selective_transform(jgd.gd(0.1), freeze_mask={"w": False, "c": True}), epochs=5)
    assert result.params["c"] == 0.5
    np.testing.assert_allclose(result.params["w"], mask.params["w"], rtol=1e-6)
    assert np.all(np.asarray(result.params["w"]) != 0)


def test_a_loss_of_a_prediction_given_as_a_function_is_refused_with_the_remedy():
    for loss in (jgd.losses.huber, functools.partial(jgd.losses.huber, delta=0.5)):
        with pytest.raises(
            TypeError, match=r"the loss huber is one of a prediction and a target: give its name, 'huber', or write"
        ):
            jgd.Problem(loss, jnp.zeros(5), lambda w, X: X @ w)


def test_a_member_predicts_and_is_drawn():
    members = jgd.ensemble(NETWORK, (X, Y), jgd.adam(0.01), members=2, epochs=2)
    assert members[0].predict(X).shape == (100,)
    assert members[0].plot().get_xlabel() == "step"


@pytest.mark.parametrize(("name", "message"), [("muon", r"'muon': it is jgd\.contrib\.muon"), ("Adam", "did you mean 'adam'")])
def test_names_of_other_libraries_are_answered(name, message):
    with pytest.raises(AttributeError, match=message):
        getattr(jgd, name)


# --- what a review found ----------------------------------------------------------------------------------------------


def test_a_run_can_be_differentiated_in_the_value_of_a_frozen_parameter(x64):
    def after(b):
        problem = jgd.Problem(lambda p: (p["x"] + p["b"] - 1) ** 2, {"x": 0.0, "b": b}, frozen={"x": False, "b": True})
        return jgd.train(problem, tx=jgd.gd(0.1), steps=3).params["x"]  # (1 - b) (1 - 0.8^3)

    value, slope = jax.value_and_grad(after)(0.25)
    np.testing.assert_allclose([value, slope], [0.75 * (1 - 0.8**3), 0.8**3 - 1], rtol=1e-6)


def test_a_line_search_scores_the_parameters_that_are_taken():
    search = lambda: optax.scale_by_backtracking_linesearch(20, store_grad=True)
    tx = optax.chain(optax.add_decayed_weights(5.0), optax.sgd(1.0), search())
    held = jgd.fit(linear(frozen={"w": False, "c": True}), (X, Y), tx, steps=4)
    smaller = jgd.Problem(lambda w, batch: rows({"w": w, "c": 0.5}, batch), init=jnp.zeros(5))
    np.testing.assert_allclose(held.history.loss, jgd.fit(smaller, (X, Y), tx, steps=4).history.loss, rtol=1e-5)


def test_a_frozen_mask_may_be_a_module_that_can_be_called():
    class Callable(NamedTuple):
        w: bool = False
        c: bool = True

        def __call__(self, x):
            raise AssertionError("a mask is no function")

    problem = jgd.Problem(lambda p, b: (b.X @ p.w + p.c - b.y) ** 2, Callable(jnp.zeros(5), jnp.asarray(0.5)), frozen=Callable())
    assert jgd.fit(problem, (X, Y), jgd.gd(0.1), epochs=1).params.c == 0.5


def test_accumulating_rows_is_refused():
    tx = jgd.contrib.per_example_global_norm_clip(1.0)
    with pytest.raises(TypeError, match="MultiSteps accumulates means: put the link that works on rows before it"):
        jgd.MultiSteps(jgd.chain(tx, jgd.gd(0.1)), 2)
    jgd.fit(linear(), (X, Y), jgd.chain(tx, jgd.MultiSteps(jgd.gd(0.1), 2)), batch_size=10, epochs=1)


def test_rows_need_a_loss_of_rows():
    whole = jgd.Problem(lambda w, batch: jnp.sum((batch.X @ w - batch.y) ** 2), init=jnp.zeros(5))
    with pytest.raises(TypeError, match="the loss must return one value per row, not a scalar"):
        jgd.fit(whole, (X, Y), jgd.chain(jgd.contrib.per_example_global_norm_clip(1.0), jgd.gd(0.1)), epochs=1)


def test_weights_that_a_scalar_loss_cannot_take_are_refused_wherever_they_come_from():
    scalar = jgd.Problem(lambda w, batch: jnp.mean((batch.X @ w - batch.y) ** 2), init=jnp.zeros(5))
    for call in (
        lambda: scalar.objective(jnp.zeros(5), (X, Y, WEIGHTS)),
        lambda: jgd.fit(scalar, (X, Y), jgd.gd(0.1), epochs=1, validation=(X, Y, WEIGHTS)),
    ):
        with pytest.raises(ValueError, match="sample weights need a loss that returns one value per row"):
            call()
    column = jgd.Problem(lambda w, batch: (batch.X @ w - batch.y)[:, None] ** 2, init=jnp.zeros(5))
    with pytest.raises(ValueError, match=r"found shape \(100, 1\) for 100 rows"):
        column.objective(jnp.zeros(5), (X, Y))


def test_a_state_that_starts_as_a_whole_number_and_goes_on_as_a_float_is_refused():
    problem = jgd.Problem(lambda w, *, state: (w**2, state + 0.5), init=1.0, state=0)
    with pytest.raises(TypeError, match=r"starts as int32, but the loss returns float32: start it at 0\.0"):
        jgd.fit(problem, tx=jgd.gd(0.1), steps=2)
    counting = jgd.Problem(lambda w, *, state: (w**2, state + 1), init=1.0, state=0)
    assert jgd.fit(counting, tx=jgd.gd(0.1), steps=3).model_state == 3


def test_rates_that_only_a_state_knows_are_not_recorded():
    rate = jgd.schedules.linear(1.0, 0.0, 10)
    names = lambda tx: jgd.minimize(lambda w: w**2, 1.0, tx, steps=2).history.names
    assert "learning_rate" not in names(jgd.apply_if_finite(jgd.gd(rate), 3))
    assert "learning_rate" in names(jgd.apply_if_finite(jgd.gd(0.1), 3))
    sam = jgd.contrib.sam(jgd.sgd(0.1), jgd.sgd(0.05))
    np.testing.assert_allclose(jgd.minimize(lambda w: w**2, 1.0, sam, steps=2).history.learning_rate, 0.1, rtol=1e-6)


@pytest.mark.parametrize("kind", ["default", "keyword", "object", "method", "jit"])
def test_tracers_are_seen_wherever_a_loss_keeps_them(kind):
    class Kept:
        def __init__(self, a):
            self.a = a

        def __call__(self, w):
            return self.a * (w - 2.0) ** 2

    def after(a):
        losses = {
            "default": lambda w, b=a: b * (w - 2.0) ** 2,
            "keyword": lambda w, *, b=a: b * (w - 2.0) ** 2,
            "object": Kept(a),
            "method": Kept(a).__call__,
            "jit": jax.jit(lambda w: a * (w - 2.0) ** 2),
        }
        return jgd.train(jgd.Problem(losses[kind], 1.0), tx=jgd.gd(0.1), steps=3).params

    np.testing.assert_allclose(jax.grad(after)(1.5), 3 * 0.2 * (1 - 0.2 * 1.5) ** 2, rtol=1e-5)


@pytest.mark.parametrize("stop", [None, jgd.stopping.patience(50, metric="loss")], ids=["state", "patience"])
def test_a_fit_in_chunks_is_traced_once(stop):
    problem = jgd.Problem(lambda w, batch, *, state: ((batch.X[:, 0] * w - batch.y) ** 2, state + 1.0), init=1.0, state=0.0)
    before = _driver.Compilations.traces
    jgd.fit(problem, (X, Y), jgd.gd(0.1), epochs=9, chunk=3, stop=stop)
    assert _driver.Compilations.traces - before == 2


def test_a_loss_that_cannot_be_evaluated_without_a_key_is_refused():
    with pytest.raises(TypeError, match=r"write loss\(params, batch, \*, key=None\)"):
        jgd.Problem(lambda w, *, key: w, init=1.0)


def test_gradients_at_hand_may_be_plain_numbers():
    params, _ = jgd.apply_gradients(jgd.chain(jgd.clip_by_global_norm(1.0), jgd.gd(0.5)), 6.0, 5.0)
    assert params == 4.5
