"""Networks of flax and equinox train by the same step: compared with loops written by hand."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import jgd
from jgd.data import batch_rows
from jgd.training._step import INIT, LOSS

X, Y = jgd.data.make_classes(107, 4, key=0)  # 107 = 3 * 32 + 11: the last batch of an epoch is short
rows_of = jax.jit(batch_rows, static_argnums=(2, 3, 4, 5))


class Net(nn.Module):
    """Dense, BatchNorm, relu, dropout, dense."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(nn.Dense(8)(x))
        x = nn.Dropout(0.25, deterministic=not train)(nn.relu(x))
        return nn.Dense(1)(x)[:, 0]


NET = Net()


@jax.jit
def apply(params, statistics, rows, key=None):
    """Logits, and the statistics after them."""
    variables, rngs = {"params": params, "batch_stats": statistics}, None if key is None else {"dropout": key}
    out, new = NET.apply(variables, rows, key is not None, mutable=["batch_stats"], rngs=rngs)
    return out, new["batch_stats"]


def loss(params, batch, *, key=None, state=None):
    logits, state = apply(params, state, batch.X, key)
    return jgd.losses.logistic(logits, batch.y), state


def first(key):
    return NET.init(key, jnp.zeros((1, 4)), False)


PROBLEM = jgd.Problem(
    loss,
    init=lambda key: first(key)["params"],
    state=lambda key: first(key)["batch_stats"],
    predict=lambda params, X, state: apply(params, state, X)[0] > 0,
)


TX = optax.sgd(0.1, momentum=0.9)  # Adam would blow up the rounding of the bias before BatchNorm, whose gradient is 0


@jax.jit
def step_by_hand(key, params, statistics, state, rows, t):
    def mean_loss(params):
        dropout = jax.random.fold_in(jax.random.fold_in(key, LOSS), t)
        variables = {"params": params, "batch_stats": statistics}
        out, new = NET.apply(variables, X[rows], True, mutable=["batch_stats"], rngs={"dropout": dropout})
        return jnp.mean(optax.sigmoid_binary_cross_entropy(out, Y[rows])), new["batch_stats"]

    (_, statistics), grads = jax.value_and_grad(mean_loss, has_aux=True)(params)
    updates, state = TX.update(grads, state, params)
    return optax.apply_updates(params, updates), statistics, state


@functools.cache
def by_hand(steps, key):
    """The same run as a Python loop over optax: what each step does, spelt out."""
    key = jax.random.key(key)
    variables = jax.jit(first)(jax.random.fold_in(key, INIT))
    params, statistics = variables["params"], variables["batch_stats"]
    state = TX.init(params)
    for t in range(steps):
        rows = rows_of(key, t, 1, 107, 32, True)[0][: 11 if t % 4 == 3 else 32]
        params, statistics, state = step_by_hand(key, params, statistics, state, rows, t)
    return params, statistics


def fitted(**options):
    return jgd.fit(PROBLEM, (X, Y), jgd.sgd(0.1, momentum=0.9), batch_size=32, **options)


def assert_close(a, b, rtol=2e-4, atol=2e-5):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)


def test_batch_norm_and_dropout_equal_a_loop_written_by_hand():
    result, (params, statistics) = fitted(epochs=3, key=5), by_hand(12, 5)
    assert_close(result.model_state, statistics)
    assert_close(result.params, params)


def test_the_records_are_in_evaluation_mode_and_the_state_of_evaluations_is_dropped():
    result = fitted(epochs=2, key=5, validation=(X[:20], Y[:20]), metrics=["accuracy"])
    params, statistics = by_hand(8, 5)
    logits = apply(params, statistics, X)[0]
    value = optax.sigmoid_binary_cross_entropy(logits, Y)
    np.testing.assert_allclose(result.history.loss[-1], value.mean(), rtol=1e-4)
    np.testing.assert_allclose(result.history.validation_loss[-1], value[:20].mean(), rtol=1e-4)
    np.testing.assert_array_equal(result.predict(X), logits > 0)
    np.testing.assert_allclose(result.history.accuracy[-1], np.mean((logits > 0) == (Y == 1)), rtol=1e-6)


def test_a_run_goes_on_where_it_ended_with_its_state_and_its_keys():
    whole, half = fitted(epochs=4, key=5), fitted(epochs=2, key=5)
    rest = fitted(epochs=2, key=5, state=half.state)
    assert_close((rest.params, rest.model_state), (whole.params, whole.model_state), rtol=1e-5, atol=1e-6)
    chunks = fitted(epochs=4, key=5, chunk=1)
    assert_close((chunks.params, chunks.model_state), (whole.params, whole.model_state), rtol=1e-6, atol=1e-7)


def test_the_best_parameters_predict_with_the_statistics_of_their_time():
    result = fitted(epochs=8, best="loss", validation=(X[:50], Y[:50]))
    value = optax.sigmoid_binary_cross_entropy(apply(result.best.params, result.best.model_state, X)[0], Y).mean()
    np.testing.assert_allclose(value, result.best.score, rtol=1e-5)
    np.testing.assert_array_equal(result.predict(X, best=True), apply(result.best.params, result.best.model_state, X)[0] > 0)


def test_the_loss_of_a_recorded_step_is_that_of_training():
    result = fitted(steps=5, key=5, record="step")
    key = jax.random.key(5)
    for t in (0, 3):
        params, statistics = by_hand(t, 5)
        rows = rows_of(key, t, 1, 107, 32, True)[0][: 11 if t % 4 == 3 else 32]
        logits, _ = apply(params, statistics, X[rows], jax.random.fold_in(jax.random.fold_in(key, LOSS), t))
        np.testing.assert_allclose(result.history.loss[t], optax.sigmoid_binary_cross_entropy(logits, Y[rows]).mean(), rtol=1e-4)


def test_another_number_compiles_nothing():
    fitted(epochs=2)
    again = jgd.fit(PROBLEM, (X, Y), jgd.sgd(0.2, momentum=0.8), batch_size=32, epochs=2, key=9)
    assert again.compile_seconds == 0.0


def test_equinox_equals_a_loop_written_by_hand():
    model = eqx.nn.MLP(4, "scalar", 8, 2, key=jax.random.key(1))
    start, static = eqx.partition(model, eqx.is_inexact_array)

    def rows(params, batch):
        return jgd.losses.logistic(jax.vmap(eqx.combine(params, static))(batch.X), batch.y)

    result = jgd.fit(jgd.Problem(rows, init=start), (X, Y), jgd.sgd(0.1, momentum=0.9), batch_size=32, epochs=3, key=2)

    tx = optax.sgd(0.1, momentum=0.9)
    state = tx.init(eqx.filter(model, eqx.is_inexact_array))
    gradient = eqx.filter_jit(eqx.filter_grad(lambda m, x, y: optax.sigmoid_binary_cross_entropy(jax.vmap(m)(x), y).mean()))
    for t in range(12):
        batch = rows_of(jax.random.key(2), t, 1, 107, 32, True)[0][: 11 if t % 4 == 3 else 32]
        grads = gradient(model, X[batch], Y[batch])
        updates, state = tx.update(grads, state, model)
        model = eqx.apply_updates(model, updates)
    assert_close(result.params, eqx.filter(model, eqx.is_inexact_array))
    assert jax.tree.structure(result.params) == jax.tree.structure(start)


def test_rows_of_more_dimensions_reach_a_convolution():
    class Convolution(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(nn.relu(nn.Conv(2, (3, 3))(x)).mean((1, 2)))[:, 0]

    images, targets = jax.random.normal(jax.random.key(0), (20, 6, 6, 1)), jnp.arange(20.0) % 3
    net = Convolution()
    problem = jgd.Problem(
        lambda params, batch: jgd.losses.squared_error(net.apply(params, batch.X), batch.y),
        init=lambda key: net.init(key, images[:1]),
        predict=net.apply,
    )
    result = jgd.fit(problem, (images, targets), jgd.adam(0.02), batch_size=8, epochs=30)
    assert result.objective < 0.9 * result.history.loss[0]
    assert result.predict(images).shape == (20,)
    with pytest.raises(ValueError, match=r"X has rows of shape \(6, 5, 1\), but the fit had rows of shape \(6, 6, 1\)"):
        result.predict(images[:, :, 1:])
    assert repr(jgd.Dataset(images)) == "Dataset(20 rows of 6 x 6 x 1, float32)"


def test_an_equinox_module_that_was_not_partitioned_is_refused_with_the_remedy():
    model = eqx.nn.MLP(4, "scalar", 8, 2, key=jax.random.key(1))
    for init in (model, lambda key: model):
        problem = jgd.Problem(lambda params, batch: jax.vmap(params)(batch.X), init=init)
        with pytest.raises(TypeError, match=r"equinox\.partition\(model, equinox\.is_inexact_array\)"):
            jgd.fit(problem, (X, Y), jgd.sgd(0.1), epochs=1)
