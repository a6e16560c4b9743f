"""The keyed order: a bijection, uniform by chi-squared tests, every row once an epoch, unbiased batch gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

import jgd
from jgd.data import _order, batch_rows, steps_per_epoch

QUICKLY = {"xla_backend_optimization_level": 0}  # compile time is what these many small programs cost
rows_of = jax.jit(batch_rows, static_argnums=(2, 3, 4, 5), compiler_options=QUICKLY)


def test_points_beyond_that_go_around_among_themselves_are_not_waited_for(monkeypatch):
    """Where the network sends points beyond n - 1 to such points only, a walk without an end would never come inside."""
    beyond = jnp.array([1, 0, 2, 1], jnp.uint32)  # 10 -> 11 -> 10, 12 -> 12, 13 -> 11
    monkeypatch.setattr(_order, "_network", lambda x, *_: jnp.where(x < 10, x, 10 + beyond[jnp.maximum(x, 10) - 10]))
    assert (_order._walk(None, 10, 2, 7) >= 10).all()


def test_every_way_inside_is_walked_to_its_end(monkeypatch):
    steps = 37
    monkeypatch.setattr(_order, "_network", lambda x, *_: jnp.where(x == 99 + steps, 7, x + 1))
    assert _order._walk(None, 100, 1, 100 + steps).tolist() == [7] * steps


def epochs_of(n, count, seed=0):
    """The whole order of `count` epochs, one key each."""
    one = lambda key: batch_rows(key, 0, 1, n, n)[0]
    return np.asarray(jax.jit(jax.vmap(one), compiler_options=QUICKLY)(jax.random.split(jax.random.key(seed), count)))


@pytest.mark.parametrize("first", range(1, 301, 25))
def test_a_bijection_for_every_small_n(first):
    sizes = range(first, min(first + 25, 301))
    together = jax.jit(lambda key: [batch_rows(key, 4, 1, n, n)[0] for n in sizes], compiler_options=QUICKLY)
    for seed in range(3):
        for n, order in zip(sizes, together(jax.random.key(seed)), strict=True):
            assert np.array_equal(np.sort(order), np.arange(n)), n


@pytest.mark.parametrize("n", [100_000, 1_000_003])
def test_a_bijection_for_large_n(n):
    assert np.array_equal(np.sort(epochs_of(n, 1)[0]), np.arange(n))


@pytest.mark.parametrize("n", [2, 3, 5, 16, 100, 255, 256, 257, 300, 1000])
def test_positions_and_neighbours_are_uniform(n):
    trials = max(2000, 10 * n)
    orders = np.concatenate([epochs_of(n, 2000, seed) for seed in range(-(-trials // 2000))])
    p_values = []
    for position in {0, n // 2, n - 1}:  # where a row lands
        p_values.append(stats.chisquare(np.bincount(orders[:, position], minlength=n)).pvalue)
    step = np.mod(np.diff(orders, axis=1), n).ravel()  # which row follows which: every difference but 0 equally often
    p_values.append(stats.chisquare(np.bincount(step, minlength=n)[1:]).pvalue if n > 2 else 1.0)
    if n <= 16:  # every ordered pair at the first two places
        pairs = orders[:, 0] * n + orders[:, 1]
        off_diagonal = np.delete(np.arange(n * n), np.arange(n) * (n + 1))
        p_values.append(stats.chisquare(np.bincount(pairs, minlength=n * n)[off_diagonal]).pvalue)
    assert min(p_values) > 1e-4, p_values


def test_all_orders_of_four_rows_are_equally_likely():
    orders = epochs_of(4, 24_000)
    counts = np.unique(orders @ (4 ** np.arange(4)), return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-4


def test_epochs_of_one_key_are_as_unrelated_as_keys():
    n, count = 300, 3000
    rows = np.asarray(rows_of(jax.random.key(3), 0, count, n, n))
    assert stats.chisquare(np.bincount(rows[:, 0], minlength=n)).pvalue > 1e-4
    shift = np.mod(rows[1:, 7] - rows[:-1, 7], n)
    assert stats.chisquare(np.bincount(shift, minlength=n)).pvalue > 1e-4


@pytest.mark.parametrize("n", [1, 2, 7, 100, 255, 256, 1000])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 32, 256])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_once_an_epoch(n, batch_size, shuffle):
    batch_size = min(batch_size, n)
    T = steps_per_epoch(n, batch_size)
    assert T == -(-n // batch_size)
    rows = np.asarray(rows_of(jax.random.key(5), 0, 2 * T, n, batch_size, shuffle)).reshape(2, T * batch_size)[:, :n]
    assert np.array_equal(np.sort(rows, axis=1), np.tile(np.arange(n), (2, 1)))
    if not shuffle:
        assert np.array_equal(rows[0], np.arange(n))


@pytest.mark.parametrize("n", [100, 1000])
def test_any_stretch_of_steps_sees_the_same_rows(n):
    whole = np.asarray(rows_of(jax.random.key(1), 0, 40, n, 32))
    for first, count in ((0, 1), (3, 5), (31, 9), (17, 1)):
        assert np.array_equal(rows_of(jax.random.key(1), first, count, n, 32), whole[first : first + count])


def test_with_replacement_draws_every_row_equally_often():
    rows = np.asarray(rows_of(jax.random.key(2), 0, 2000, 50, 10, "replacement"))
    assert stats.chisquare(np.bincount(rows.ravel(), minlength=50)).pvalue > 1e-4
    assert len(np.unique(rows[:5])) < 50


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 32, 100])
@pytest.mark.parametrize("problem", [jgd.linear_regression(l2=0.1), jgd.logistic_regression(l2=0.1)], ids=["linear", "logistic"])
def test_batch_gradients_average_to_the_full_gradient(problem, batch_size, weighted):
    with jax.enable_x64(True):
        X, y = jgd.data.make_classes(100, 3, key=2)
        weight = jnp.abs(jnp.sin(jnp.arange(100.0))) if weighted else None
        data = jgd.Dataset(X, y.astype(float) if problem.name == "linear_regression" else y, weight)
        params = jgd.LinearParams(jnp.array([0.3, -0.1, 0.5]), jnp.array(0.2))
        T = steps_per_epoch(100, batch_size)

        @jgd.lift
        def remember(factor):
            """Keeps every gradient it sees, and moves nothing."""
            init = lambda params: (jnp.zeros((), jnp.int32), jax.tree.map(lambda p: jnp.zeros((T, *p.shape), p.dtype), params))

            def update(updates, state, params=None):
                count, seen = state
                seen = jax.tree.map(lambda many, one: many.at[count].set(one), seen, updates)
                return jax.tree.map(lambda u: 0.0 * factor * u, updates), (count + 1, seen)

            return optax.GradientTransformation(init, update)

        result = jgd.fit(problem, data, remember(1.0), batch_size=batch_size, epochs=1, params=params)
        sizes = np.full(T, batch_size)
        sizes[-1] = 100 - batch_size * (T - 1)
        full = jax.grad(problem.objective)(params, data)
        for gradients, expected in zip(jax.tree.leaves(result.state.opt_state[1]), jax.tree.leaves(full), strict=True):
            np.testing.assert_allclose(np.average(gradients, axis=0, weights=sizes), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("n", "batch_size"), [(7, 2), (99, 10), (263, 1), (1000, 32)])  # ranks; a grid too large; an exact one
def test_any_stretch_of_steps_sees_what_single_steps_see(n, batch_size):
    key, T = jax.random.key(1), jgd.data.steps_per_epoch(n, batch_size)
    single = jax.jit(jax.vmap(lambda t: batch_rows(key, t, 1, n, batch_size)[0]))
    rows = np.asarray(single(np.arange(5 * T)))
    for e in range(5):
        assert sorted(rows[e * T : (e + 1) * T].ravel()[:n].tolist()) == list(range(n))
    for count in (T, 3 * T):
        stretch = jax.jit(lambda first, count=count: batch_rows(key, first, count, n, batch_size))
        for first in (0, T // 2, T - 1):
            np.testing.assert_array_equal(stretch(first), rows[first : first + count])
