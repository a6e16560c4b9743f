"""What a run takes from outside: whose memory it reads, what it keeps, what it compiles again."""

import gc
import weakref

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd
from jgd.data._place import aligned
from jgd.training._driver import _chunk

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3)).astype(np.float32)
y = (X @ [1, 2, 3] + 0.5).astype(np.float32)
line = jgd.linear_regression()


def test_train_does_not_read_arrays_that_their_owner_has_changed_since():
    ours = [aligned(array.shape, array.dtype) for array in (X, y)]  # memory that JAX's CPU backend takes as it is
    for array, values in zip(ours, (X, y), strict=True):
        array[:] = values
    run = lambda: jgd.train(line, tuple(ours), jgd.gd(0.001), steps=20_000, batch_size=32, record=5000)
    expected = np.asarray(run().history.loss)
    found = run()
    for array in ours:
        array[:] = 7
    chex.assert_trees_all_equal(np.asarray(found.history.loss), expected)


@pytest.mark.parametrize("kind", [">f4", ">f8", ">i4"])
def test_numbers_in_another_order_of_bytes_are_the_same_numbers(kind):
    whole = (X * 5).round(), (y * 5).round(), np.arange(1, 51)
    fit = lambda arrays: jgd.fit(line, arrays, jgd.gd(0.01), epochs=5).params
    chex.assert_trees_all_equal(fit(tuple(a.astype(kind) for a in whole)), fit(tuple(a.astype(kind[1:]) for a in whole)))
    labels = (whole[1] > 0).astype(kind)
    classify = lambda labels: jgd.fit(jgd.logistic_regression(), (X, labels), jgd.gd(0.1), epochs=5)
    chex.assert_trees_all_equal(classify(labels).params, classify(labels.astype(kind[1:])).params)


def test_weights_for_another_number_of_columns_are_refused_at_any_size():
    one, three = (jgd.LinearParams(jnp.ones(k), jnp.zeros(())) for k in (1, 3))
    for params, rows, k in ((three, np.ones((4, 1)), 1), (one, np.ones((4, 3)), 3), (one, np.ones((4000, 3)), 3)):
        message = f"X has {k} columns, but there are weights for {4 - k}"
        with pytest.raises(ValueError, match=message):
            line.predict(params, rows)
        with pytest.raises(ValueError, match=message):
            line.objective(params, (rows, np.ones(len(rows))))


def test_norms_of_what_a_link_makes_of_the_gradients_of_rows():
    tx = jgd.chain(jgd.contrib.per_example_global_norm_clip(1.0), jgd.sgd(0.1))
    for batch_size in (10, "full"):
        result = jgd.fit(line, (X, y), tx, epochs=2, batch_size=batch_size, norms=True)
        alike = jgd.fit(line, (X, y), tx, epochs=2, batch_size=batch_size)
        chex.assert_trees_all_close(result.params, alike.params, rtol=1e-5)
        assert "update_norm/weights" in result.history


def test_a_key_is_a_number_however_it_is_given():
    options = {"epochs": 3, "batch_size": 16}
    seed = jgd.fit(line, (X, y), jgd.adam(0.3), key=3, **options)
    for key in (jax.random.key(3), jax.random.PRNGKey(3), np.int64(3)):
        result = jgd.fit(line, (X, y), jgd.adam(0.3), key=key, **options)
        assert result.compile_seconds == 0
        chex.assert_trees_all_equal(result.params, seed.params)
    other = jgd.fit(line, (X, y), jgd.adam(0.3), key=jax.random.key(3, impl="rbg"), **options)
    assert not np.array_equal(other.params.weights, seed.params.weights)


def test_whatever_starts_a_run_that_goes_on_it_is_one_program():
    fit = lambda **options: jgd.fit(line, (X, y), jgd.sgd(0.1, momentum=0.5), epochs=4, batch_size=7, **options)
    fresh = fit(chunk=1)
    programs = _chunk._cache_size()
    fit(params=fresh.params), fit(state=fresh.state)  # the loop is there; only what makes their start is compiled
    assert _chunk._cache_size() == programs > 0
    assert fit(callbacks=[lambda result: None]).compile_seconds == 0


class Held:
    pass


@pytest.mark.parametrize("what", ["metric", "loss", "rule"])
def test_nothing_of_the_users_is_kept_when_programs_are_dropped(what):
    def made():
        held = Held()
        metric = lambda target, prediction: jnp.mean(target - prediction) + (held is None)
        loss = lambda params: (params - 1.0) ** 2 + (held is None)
        tx = jgd.chain(jgd.clip(1.0), jgd.stateless(lambda updates, params: updates if held else None), jgd.gd(0.1))
        if what == "metric":
            jgd.fit(line, (X, y), jgd.gd(0.05), epochs=2, metrics=[metric])
        else:
            jgd.fit(jgd.Problem(loss, 1.5), tx=tx if what == "rule" else jgd.gd(0.1), steps=2)
        return weakref.ref(held)

    held = made()
    jax.clear_caches()
    gc.collect()
    assert held() is None


def test_no_trace_is_kept():
    with jax.checking_leaks():
        value = jax.jit(lambda a: jgd.train(jgd.Problem(lambda w: a * (w - 1) ** 2, 1.5), tx=jgd.gd(0.1), steps=3).objective)(2.0)
    assert value == pytest.approx(2 * (0.5 * 0.6**3) ** 2, rel=1e-5)


def test_large_numbers_are_numbers():
    assert float(jgd.Dataset(X * np.float32(1e25), y).X.max()) > 1e24  # a warning would be an error here


def test_a_metric_is_looked_at_each_time():
    def metric(target, prediction):
        return jnp.mean((target - prediction) ** 2)

    fit = lambda: jgd.fit(line, (X, y), jgd.gd(0.05), epochs=4, metrics=[metric], best="metric")
    metric.higher_is_better = False
    fit()
    del metric.higher_is_better
    with pytest.raises(ValueError, match="which way is metric better"):
        fit()


@pytest.mark.parametrize(
    ("good", "bad"),
    [({"batch_size": 1}, {"batch_size": True}), ({"epochs": 2}, {"epochs": 2.0}), ({"record": 1}, {"record": True})],
)
def test_what_was_right_before_does_not_make_what_is_equal_right(good, bad):
    jgd.fit(line, (X, y), jgd.gd(0.01), **{"epochs": 2, **good})
    with pytest.raises((TypeError, ValueError), match=next(iter(bad))):
        jgd.fit(line, (X, y), jgd.gd(0.01), **{"epochs": 2, **bad})
