"""Parameters moved as one array: what may be joined, and that a run is the same joined or not."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd
from jgd.models._linear import Joined, LinearParams, join, split
from jgd.training._fit import compiled
from jgd.transformation import is_entrywise
from tests.test_battery import CASES, finished

rng = np.random.default_rng(0)
ENTRYWISE = sorted(name for name, case in CASES.items() if case.start is None and is_entrywise(finished(case, jgd)))


def test_those_that_are_often_used_are_joined_and_those_that_look_at_arrays_are_not():
    assert {"gd", "sgd", "adam", "adamw", "rmsprop", "adagrad", "clip", "clip_by_global_norm", "trace"} <= {*ENTRYWISE}
    assert not {"lars", "lamb", "adafactor", "clip_by_block_rms", "sm3", "add_noise", "noisy_sgd"} & {*ENTRYWISE}
    for tx in (
        jgd.adamw(0.1, mask={"w": True}),
        jgd.chain(jgd.clip(1.0), optax.sgd(0.1)),
        jgd.chain(jgd.lars(0.1), jgd.clip(1.0)),
        jgd.lift(optax.sgd, name="somebody_elses")(0.1),
    ):
        assert not is_entrywise(tx)
    assert is_entrywise(jgd.chain(jgd.clip(1.0), jgd.sgd(jgd.schedules.cosine(0.1, 10), momentum=0.9)))


@pytest.mark.parametrize("name", ENTRYWISE)
def test_an_update_does_not_depend_on_how_its_parameters_are_divided(name):
    with jax.enable_x64(True):
        tx = finished(CASES[name], jgd)
        params = LinearParams(jnp.asarray(rng.normal(size=(3, 2))), jnp.asarray(rng.normal(size=2)))
        grads = [LinearParams(jnp.asarray(rng.normal(size=(3, 2))), jnp.asarray(rng.normal(size=2))) for _ in range(4)]

        @jax.jit
        def walk(tx, params, grads):
            state, seen = tx.init(params), []
            for g in grads:
                updates, state = tx.update(g, state, params)
                params = optax.apply_updates(params, updates)
                seen.append(params)
            return seen, state

        apart, joined = walk(tx, params, grads), split(walk(tx, join(params), join(grads)))
        chex.assert_trees_all_close(joined, apart, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("batch_size", ["full", 32, 1])
@pytest.mark.parametrize("problem", ["linear", "outputs", "logistic", "softmax", "bfloat16"])
def test_a_run_is_the_same_joined_or_not(problem, batch_size):
    with jax.enable_x64(True):
        X = rng.normal(size=(70, 3))
        z = X @ rng.normal(size=(3, 3)) + 1.0
        problem, y = {
            "linear": (jgd.linear_regression(l2=0.1), z[:, 0]),
            "outputs": (jgd.linear_regression(l2=0.1), z),
            "logistic": (jgd.logistic_regression(l2=0.1), z[:, 0] > 1),
            "softmax": (jgd.logistic_regression(l2=0.1, classes=3), z.argmax(axis=1)),
            "bfloat16": (jgd.mixed_precision(jgd.linear_regression(l2=0.1)), z[:, 0]),
        }[problem]
        tx = jgd.chain(jgd.clip_by_global_norm(0.5), jgd.adam(0.05))
        options = {"batch_size": batch_size, "epochs": 3, "metrics": [lambda y, prediction, w: jnp.sum(prediction)]}
        joined = jgd.fit(problem, (X, y), tx, **options)
        apart = jgd.fit(problem, (X, y), tx, norms=True, **options)
        assert "Joined" not in str(jax.tree.structure(joined))
        assert jax.tree.structure(joined.state) == jax.tree.structure(apart.state)
        tight = {"rtol": 1e-9, "atol": 1e-10} if problem.name != "mixed_precision" else {"rtol": 0.05, "atol": 0.01}
        chex.assert_trees_all_close(joined.state, apart.state, **tight)
        for name in joined.history.names:
            chex.assert_trees_all_close(joined.history[name], apart.history[name], **tight)


def test_a_step_of_a_joined_run_moves_one_array_and_without_an_intercept_there_is_nothing_to_join():
    X, y = rng.normal(size=(70, 5)), rng.normal(size=70)
    text = lambda problem: compiled(problem, (X, y), jgd.sgd(0.1, momentum=0.9), batch_size=32, epochs=3)[0].as_text()
    assert "f32[6]" in text(jgd.linear_regression())
    assert "f32[6]" not in text(jgd.linear_regression(fit_intercept=False))


def test_what_is_joined_reads_as_what_it_was():
    joined = Joined(jnp.array([1.0, 2.0, 3.0]))
    assert (joined.weights.tolist(), joined.bias.item()) == ([1.0, 2.0], 3.0)
    state = {"mu": LinearParams(jnp.ones((2, 3)), jnp.zeros(3)), "count": jnp.zeros((), int)}
    chex.assert_trees_all_equal(split(join(state)), state)
    assert join(state)["mu"].array.shape == (3, 3)
