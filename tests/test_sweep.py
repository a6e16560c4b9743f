"""Sweeps: each lane is the fit of its setting, whatever its neighbours are, in as few programs as there are structures."""

import subprocess
import sys
import textwrap
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd
from jgd.experiments import _blocks, _layout, _run
from jgd.experiments._groups import Order
from jgd.training import _driver, _lanes
from jgd.training._lanes import run_lanes
from tests.table import CORE, SCHEDULES, TRANSFORMATIONS

REGIMES = (1, 8, "full")
RATES = np.logspace(-3, -1, 5)


def linear(n=30, d=3):
    return jgd.data.make_linear(n, weights=tuple(np.linspace(1, -2, d)), noise=0.3, key=3)


def own_model():
    return jgd.linear_regression()


def by_hand():
    loss = lambda params, batch: (batch.X @ params["w"] + params["b"] - batch.y) ** 2
    return jgd.Problem(loss, {"w": jnp.zeros(3), "b": jnp.zeros(())})


# One has its lanes last, the other first.
problems = pytest.mark.parametrize("problem_of", [own_model, by_hand])


def flat(tree):
    return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(tree)])


def assert_is_the_fit(lane, single, x64):
    tolerance = dict(rtol=1e-12, atol=1e-12) if x64 else dict(rtol=2e-4, atol=2e-6)
    assert (lane.status, lane.steps) == (single.status, single.steps)
    np.testing.assert_allclose(flat(lane.params), flat(single.params), **tolerance)
    assert lane.history.names == single.history.names
    assert lane.history.step.tolist() == np.asarray(single.history.step).tolist()
    for name in single.history.names[1:]:
        np.testing.assert_allclose(lane.history[name], single.history[name], **tolerance, err_msg=name)
    assert jax.tree.structure(lane.state) == jax.tree.structure(single.state)


def chain_of(case):
    made = case.make()
    return jgd.chain(made, jgd.sgd(0.01)) if case.link else made


def scaled(tx, factors):
    """Every number of a transformation taken times each of the factors, zipped."""
    leaves, tree = jax.tree.flatten(tx)
    over = lambda leaf: jgd.over([leaf * f for f in factors], name="all") if isinstance(leaf, float) else leaf
    return jax.tree.unflatten(tree, map(over, leaves))


def pytest_generate_tests(metafunc):
    if "core_case" in metafunc.fixturenames:
        names = CORE if metafunc.config.getoption("zoo") else ("adam", "MultiSteps")
        usable = [name for name in names if name != "masked"]
        metafunc.parametrize("core_case", [TRANSFORMATIONS[name] for name in usable], ids=usable)
    if "schedule_case" in metafunc.fixturenames:
        names = SCHEDULES if metafunc.config.getoption("zoo") else ("warmup_cosine", "exponential_decay", "cyclic")
        names = [name for name in names if name in SCHEDULES]
        metafunc.parametrize("schedule_case", [SCHEDULES[name] for name in names], ids=names)


@pytest.mark.parametrize("batch_size", REGIMES)
def test_a_lane_is_the_single_fit(core_case, batch_size, x64):
    factors = [1.0, 0.5, 0.999]
    options = dict(batch_size=batch_size, epochs=4)
    sweep = jgd.sweep(jgd.linear_regression(), linear(), scaled(chain_of(core_case), factors), key=jgd.over([0, 5]), **options)
    assert len(sweep) == 6
    for i, result in enumerate(sweep):
        tx = jax.tree.map(lambda leaf, i=i: leaf * factors[i // 2] if isinstance(leaf, float) else leaf, chain_of(core_case))
        single = jgd.fit(jgd.linear_regression(), linear(), tx, key=[0, 5][i % 2], **options)
        assert_is_the_fit(result, single, x64)


@problems
def test_all_that_a_fit_knows(problem_of, x64):
    """Rules, best parameters, metrics, validation, norms, starts: whatever a fit takes, a lane takes."""
    problem, (X, y) = problem_of(), linear(40)
    own = problem.functions.encode is not None
    options = dict(
        batch_size=8, epochs=20, validation=0.25, stop=jgd.stopping.patience(3) | jgd.stopping.gradient_norm(1e-3), norms=True,
        best="validation_loss", metrics=["mse"] if own else [],
    )  # fmt: skip
    sweep = jgd.sweep(problem, (X, y), jgd.sgd(jgd.over(RATES), momentum=0.5), key=jgd.over([1, 2]), **options)
    assert {"converged"} <= set(sweep.status)
    for lane in sweep:
        tx = jgd.sgd(lane.setting["learning_rate"], momentum=0.5)
        single = jgd.fit(problem, (X, y), tx, key=lane.setting["key"], **options)
        assert_is_the_fit(lane, single, x64)
        np.testing.assert_allclose(flat(lane.best.params), flat(single.best.params), rtol=1e-3 if not x64 else 1e-10)
        assert int(lane.best.step) == int(single.best.step)
    if own:
        np.testing.assert_allclose(
            sweep.best().predict(X), sweep.best().params.weights @ X.T + sweep.best().params.bias, rtol=1e-4
        )


def test_starts_penalties_and_data_are_swept_too(x64):
    start = lambda value: jgd.LinearParams(jnp.full(3, value), jnp.asarray(value))
    data = [linear(30), tuple(2 * part for part in linear(30))]
    sweep = jgd.sweep(
        jgd.linear_regression(l2=jgd.over([0.0, 0.1])), jgd.over(data), jgd.gd(0.1), params=jgd.over([start(0.0), start(1.0)]),
        epochs=7,
    )  # fmt: skip
    assert sweep.programs == 1
    for i, lane in enumerate(sweep):
        l2, of_data, of_start = (0.0, 0.1)[i // 4], data[i // 2 % 2], start(float(i % 2))
        single = jgd.fit(jgd.linear_regression(l2=l2), of_data, jgd.gd(0.1), params=of_start, epochs=7)
        assert_is_the_fit(lane, single, x64)


def test_keyed_losses_and_states():
    """Dropout's keys and a state of the loss: those of the single fit."""

    def loss(params, batch, *, key=None, state=None):
        keep = 1.0 if key is None else jax.random.bernoulli(key, 0.5, batch.X.shape) * 2.0
        values = (jnp.sum(batch.X * keep * params[None], axis=1) - batch.y) ** 2
        return values, state + jnp.mean(batch.X)

    problem = jgd.Problem(loss, jnp.zeros(3), state=0.0)
    sweep = jgd.sweep(problem, linear(), jgd.gd(jgd.over([0.01, 0.1])), batch_size=8, epochs=3, key=jgd.over([3, 4]))
    for lane in sweep:
        single = jgd.fit(
            problem, linear(), jgd.gd(lane.setting["learning_rate"]), batch_size=8, epochs=3, key=lane.setting["key"]
        )
        assert_is_the_fit(lane, single, False)
        np.testing.assert_allclose(lane.model_state, single.model_state, rtol=1e-5)
        again = jgd.fit(problem, linear(), jgd.gd(0.01), batch_size=8, epochs=1, state=lane.state)
        assert again.steps == 4


@problems
def test_a_lane_does_not_depend_on_its_neighbours(problem_of):
    run = lambda rates: jgd.sweep(problem_of(), linear(), jgd.adam(jgd.over(rates)), batch_size=8, epochs=5)
    calm, wild = run([0.1, 0.01, 0.2]), run([0.1, 1e30, 1e38])
    assert not np.isfinite(wild.objective[1:]).all() or "diverged" in wild.status
    for a, b in zip(jax.tree.leaves(calm[0]), jax.tree.leaves(wild[0]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("batch_size", REGIMES)
def test_a_nan_is_found_at_its_step(batch_size, x64):
    """Each lane falls by its rate each step, and is NaN once it is below zero: at the first step k with 5 - k rate < 0."""
    rates = np.array([0.31, 0.07, 2.3, 0.013])

    def loss(w, batch):
        return jnp.where(w < 0, jnp.nan, w) * jnp.ones(len(batch.y))

    data = (np.ones((30, 1)), np.ones(30))
    sweep = jgd.sweep(jgd.Problem(loss, 5.0), data, jgd.gd(jgd.over(rates)), batch_size=batch_size, steps=120)
    for rate, lane in zip(rates, sweep, strict=True):
        single = jgd.fit(jgd.Problem(loss, 5.0), data, jgd.gd(rate), batch_size=batch_size, steps=120)
        assert (lane.status, lane.steps, lane.message) == (single.status, single.steps, single.message)
        first = int(5 // rate) + 1
        assert lane.status == ("nonfinite" if first < 120 else "max_steps")
        np.testing.assert_allclose(lane.params, single.params, rtol=1e-6)


def test_a_whole_sweep_in_order():
    """6 structures x 50 settings x 4 keys."""
    rates = np.logspace(-3, -1, 50)
    kinds = [jgd.gd, jgd.adam, jgd.rmsprop, jgd.lion, lambda r: jgd.chain(jgd.clip(1.0), jgd.gd(r)), lambda r: jgd.sgd(r, 0.9)]
    chains = [kind(jgd.over(rates, name="lr")) for kind in kinds]
    with pytest.raises(TypeError, match="holds an over: an over takes values"):
        jgd.sweep(jgd.linear_regression(), linear(), jgd.over(chains), epochs=2)
    chains = [kind(rate) for kind in kinds for rate in rates]
    before = run_lanes._cache_size()
    sweep = jgd.sweep(
        jgd.linear_regression(), linear(), jgd.over(chains, name="chain"), key=jgd.over(range(4)), batch_size=8, epochs=2
    )
    assert (len(sweep), sweep.programs, run_lanes._cache_size() - before) == (1200, 6, 6)
    for i in (0, 3, 199, 200, 777, 1199):
        assert sweep[i].setting == {"chain": chains[i // 4], "key": i % 4}
        single = jgd.fit(jgd.linear_regression(), linear(), chains[i // 4], key=i % 4, batch_size=8, epochs=2)
        assert_is_the_fit(sweep[i], single, False)


def places(tx):
    return [i for i, leaf in enumerate(jax.tree.leaves(tx)) if isinstance(leaf, float)]


def with_over(tx, place):
    leaves, tree = jax.tree.flatten(tx)
    leaves[place] = jgd.over(leaves[place] * np.linspace(0.9, 1.0, 100), name="it")
    return jax.tree.unflatten(tree, leaves)


def compiled_by_all_floats(tx, params):
    problem, before = jgd.Problem(lambda p: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(p)), params), run_lanes._cache_size()
    for place in places(tx):
        sweep = jgd.sweep(problem, None, with_over(tx, place), steps=3)
        assert len(sweep) == 100
        tx_of = lambda k, place=place: jax.tree.unflatten(
            jax.tree.structure(tx),
            [leaf * np.linspace(0.9, 1.0, 100)[k] if i == place else leaf for i, leaf in enumerate(jax.tree.leaves(tx))],
        )
        single = jgd.fit(problem, None, tx_of(37), steps=3)
        np.testing.assert_allclose(flat(sweep[37].params), flat(single.params), rtol=1e-5, atol=1e-7)
    return run_lanes._cache_size() - before


def test_every_float_of_the_core_is_swept_by_one_program(core_case):
    tx = chain_of(core_case)
    assert compiled_by_all_floats(tx, {"w": jnp.ones(3), "b": jnp.ones(())}) == bool(places(tx))


def test_every_knob_of_a_schedule_is_swept_by_one_program(schedule_case):
    tx = jgd.gd(schedule_case.make())
    assert compiled_by_all_floats(tx, jnp.ones(2)) == bool(places(tx))


def test_another_sweep_of_the_same_structure_compiles_nothing():
    run = lambda rates, keys: jgd.sweep(
        jgd.linear_regression(), linear(), jgd.adam(jgd.over(rates)), epochs=3, key=jgd.over(keys)
    )
    run([0.1, 0.2], [0, 1])
    before = run_lanes._cache_size()
    sweep = run([0.3, 0.01], [7, 8])
    assert (run_lanes._cache_size() - before, sweep.compile_seconds) == (0, 0.0)


def stopping_sweep(**options):
    """Full-batch steps on a parabola, each lane to a target it reaches after a number of steps of its own."""
    rates = np.geomspace(0.002, 0.2, 24)
    problem = jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0)
    return jgd.sweep(problem, None, jgd.gd(jgd.over(rates)), steps=2000, stop=jgd.stopping.target(1e-3), record=10, **options)


def test_a_long_sweep_can_be_interrupted_though_nobody_looks_on(monkeypatch):
    """It comes where the main thread waits, here once the others have taken some steps."""
    data, rates = jgd.data.make_linear(100), jgd.over([1e-3, 1e-2], name="lr")
    sweep = lambda epochs: jgd.sweep(jgd.linear_regression(), data, jgd.gd(rates), epochs=epochs)
    full = sweep(3000)  # so that the program is there
    went, goes_on, advance, wait = threading.Event(), threading.Event(), _blocks.Block.advance, _run.wait

    def advanced(self, *how):
        advance(self, *how)
        went.set()
        assert goes_on.wait(60)

    def interrupted(waiting, **options):
        went.wait(60)
        if not goes_on.is_set():
            goes_on.set()
            raise KeyboardInterrupt
        return wait(waiting, **options)

    monkeypatch.setattr(_blocks.Block, "advance", advanced)
    monkeypatch.setattr(_run, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(3000)
    went.clear(), goes_on.clear()
    monkeypatch.setattr(_driver, "LONG", 1.0)
    monkeypatch.setattr(_blocks, "GLANCE", 0.0)
    found = sweep(3000)
    for lane, whole in zip(found, full, strict=True):
        assert lane.steps < 3000
        assert "the sweep was interrupted" in lane.message
        np.testing.assert_array_equal(lane.history.loss, whole.history.loss[: len(lane.history.loss)])


def test_narrower_tables_change_nothing_but_the_waste(monkeypatch):
    whole = stopping_sweep()
    monkeypatch.setattr(_blocks, "WORTH", 0.0)
    narrowed = stopping_sweep()
    assert set(whole.status) == {"converged"}
    np.testing.assert_array_equal(narrowed.steps, whole.steps)
    np.testing.assert_allclose(narrowed.params, whole.params, rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(narrowed.history.loss), np.isnan(whole.history.loss))
    np.testing.assert_allclose(narrowed.history.loss, whole.history.loss, rtol=1e-5)
    # All wait for the slowest; the last interval is computed to its end, though its lanes end at its record.
    computed = 24 * (whole.steps.max() + 10)
    assert whole.wasted == pytest.approx(1 - whole.steps.sum() / computed)
    assert narrowed.wasted < 0.5 * whole.wasted


def test_tables_of_several_orders_narrow_too(monkeypatch):
    problem = jgd.linear_regression()
    run = lambda: jgd.sweep(
        problem, linear(200), jgd.gd(jgd.over([0.003, 0.01, 0.03, 0.1, 0.2])), batch_size=16, epochs=60,
        stop=jgd.stopping.target(0.2), key=jgd.over(range(6)), validation=0.2,
    )  # fmt: skip
    whole = run()
    monkeypatch.setattr(_blocks, "WORTH", 0.0)
    narrowed = run()
    np.testing.assert_array_equal(narrowed.status, whole.status)
    np.testing.assert_array_equal(narrowed.steps, whole.steps)
    np.testing.assert_allclose(narrowed.params.weights, whole.params.weights, rtol=1e-4, atol=1e-6)
    assert narrowed.wasted < whole.wasted


@pytest.mark.parametrize("worth", [0.0, np.inf], ids=["narrowed", "not narrowed"])
def test_halving_keeps_the_best_and_changes_no_survivor(monkeypatch, worth, x64):
    monkeypatch.setattr(_blocks, "WORTH", worth)
    data, rates = linear(64), np.geomspace(1e-4, 0.1, 27)
    options = dict(batch_size=8, epochs=27, key=jgd.over([0, 1]))
    whole = jgd.sweep(jgd.linear_regression(), data, jgd.gd(jgd.over(rates)), **options)
    halved = jgd.sweep(jgd.linear_regression(), data, jgd.gd(jgd.over(rates)), halving=3, **options)
    # 27 settings of 2 keys each: a third is left after 1, 3 and 9 epochs.
    assert [(halved.rung == rung).sum() for rung in (0, 1, 2, -1)] == [36, 12, 4, 2]
    assert halved.steps.sum() == 8 * (36 * 1 + 12 * 3 + 4 * 9 + 2 * 27)
    losses, alive = np.asarray(whole.history.loss), np.arange(27)
    for rung, epoch in enumerate((1, 3, 9)):
        means = losses[:, epoch].reshape(27, 2).mean(axis=1)
        kept = alive[np.argsort(means[alive])[: 27 // 3 ** (rung + 1)]]
        cut = np.setdiff1d(alive, kept)
        assert sorted(np.flatnonzero(halved.rung == rung) // 2) == sorted(np.repeat(cut, 2))
        for lane in np.flatnonzero(halved.rung == rung):  # what was cut is a fit of so many epochs
            single = jgd.fit(jgd.linear_regression(), data, jgd.gd(rates[lane // 2]), batch_size=8, epochs=epoch, key=lane % 2)
            assert_is_the_fit(halved[int(lane)], single, x64)
            break
        alive = kept
    tolerance = dict(rtol=1e-10) if x64 else dict(rtol=1e-4, atol=1e-6)
    for lane in np.flatnonzero(halved.rung < 0):
        np.testing.assert_allclose(flat(halved[int(lane)].params), flat(whole[int(lane)].params), **tolerance)
        np.testing.assert_allclose(halved[int(lane)].history.loss, whole[int(lane)].history.loss, **tolerance)
    assert "halving cut it at rung 0" in halved[int(np.flatnonzero(halved.rung == 0)[0])].message
    if not worth:
        assert halved.wasted < 0.35


OWN = "jgd.linear_regression()", "(X, y)", 10_000, 3e8
# The loss of a user may be quadratic in the rows; nobody knows before it is compiled.
USERS = "jgd.Problem(of_pairs, np.zeros(50, np.float32))", "(X[:1000], y[:1000])", 256, 3e8


@pytest.mark.parametrize(
    ("problem", "data", "lanes", "budget"), [OWN, USERS], ids=["20,000 rows, 10,000 lanes", "a quadratic loss"]
)
def test_memory_is_kept_to(problem, data, lanes, budget):
    """In a process of its own: what a sweep takes more than was taken before it stays within the budget."""
    code = textwrap.dedent(
        f"""
        import jax.numpy as jnp, numpy as np, jgd
        def resident(which):
            lines = open("/proc/self/status").read().splitlines()
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))
        def of_pairs(w, batch):
            z = batch.X @ w
            return jnp.mean(jnp.tanh(z[:, None] - z[None]) ** 2, axis=1) + (z - batch.y) ** 2
        rng = np.random.default_rng(0)
        X = rng.standard_normal((20_000, 50), dtype=np.float32)
        y = X @ np.ones(50, np.float32)
        jgd.sweep(jgd.linear_regression(), (X[:64], y[:64]), jgd.gd(jgd.over([0.1, 0.2])), epochs=1)
        before = resident("VmRSS")
        rates = np.geomspace(1e-5, 1e-2, {lanes})
        sweep = jgd.sweep({problem}, {data}, jgd.gd(jgd.over(rates)), epochs=1, memory={budget})
        assert len(sweep) == {lanes} and set(sweep.status) == {{"max_steps"}}
        print(resident("VmHWM") - before)
        """
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert 2e7 < int(out) < budget


def test_a_budget_too_small_for_one_lane():
    with pytest.raises(ValueError, match=r"memory=0.1 MB are too few for one lane, which takes about"):
        jgd.sweep(jgd.linear_regression(), linear(3000), jgd.gd(jgd.over([0.1, 0.2])), epochs=1, memory=1e5)


@pytest.mark.parametrize("shape", [(1, 700), (40, 1), (3, 200), (7, 30), (1, 1030), (2, 513), (1, 2049)])
def test_layouts_hold_every_lane_once(shape):
    class Group:
        order = np.repeat(np.arange(shape[0]), shape[1])
        orders = [Order(np.zeros(2, np.uint32), None, None)] * shape[0]
        lanes = order

    for width, workers in ((512, 2), (100, 4), (1, 1)):
        tables = _layout.layout(Group, width, workers)
        assert len({table.shape for table in tables}) == 1
        lanes = np.concatenate([table[table >= 0] for table in tables])
        assert sorted(lanes) == list(range(shape[0] * shape[1]))
        assert all(len(set(Group.order[row[row >= 0]])) <= 1 for table in tables for row in table)
        assert all(table.size <= max(width, 1) or table.shape[0] == 1 for table in tables)
        row = min(width, -(-len(lanes) // workers), shape[1])  # what a row may hold
        assert sum((table >= 0).any(axis=1).sum() for table in tables) <= 2 * shape[0] * -(-shape[1] // row)


@pytest.mark.parametrize(("classes", "batch_size", "weighted"), [(2, "full", False), (3, 8, True)])
def test_all_rows_are_looked_at_block_by_block(classes, batch_size, weighted, x64, monkeypatch):
    """Blocks of 16 rows or fewer, the last of which begins before the end of the one before it."""
    monkeypatch.setattr(_lanes, "ENTRIES", 64)
    X, _ = jgd.data.make_linear(53 + weighted, key=1)
    y = np.digitize(X[:, 0], [0.0, 0.7][: classes - 1])
    data = (X, y, np.linspace(0.0, 2.0, len(y))) if weighted else (X, y)
    problem, validation = jgd.logistic_regression(l2=0.1, classes=classes), (X[:37] + 0.1, y[:37])
    arguments = dict(batch_size=batch_size, epochs=3, validation=validation, norms=weighted)
    sweep = jgd.sweep(problem, data, jgd.adam(jgd.over([0.01, 0.1, 0.3])), **arguments)
    for lane, rate in zip(sweep, [0.01, 0.1, 0.3], strict=True):
        fit = jgd.fit(problem, data, jgd.adam(rate), **arguments)
        tolerance = 1e-12 if x64 else 2e-5
        for name in ("loss", "grad_norm", "validation_loss"):
            np.testing.assert_allclose(lane.history[name], fit.history[name], rtol=tolerance, atol=tolerance, err_msg=name)
        np.testing.assert_allclose(flat(lane.params), flat(fit.params), rtol=tolerance, atol=tolerance)


def test_halving_cuts_a_setting_of_which_a_lane_failed():
    """One key starts at 1, the other at 10, from where the largest rate diverges at once."""
    init = lambda key: jnp.where(jax.random.uniform(key) < 0.5, 1.0, 10.0)
    problem = jgd.Problem(lambda w: w**4, init)
    starts = {key: jgd.fit(problem, None, jgd.gd(0.0), steps=1, key=key).params.item() for key in range(20)}
    keys = [next(key for key, start in starts.items() if start == wanted) for wanted in (1.0, 10.0)]
    rates = [0.2, 0.001, 0.0005, 0.00001]
    sweep = jgd.sweep(problem, None, jgd.gd(jgd.over(rates, "lr")), steps=64, record=1, key=jgd.over(keys), halving=2)
    assert sweep.where(lr=0.2).status.tolist() == ["max_steps", "diverged"]
    assert sweep.where(lr=0.2).rung.tolist() == [0, -1]
    assert sweep.where(lr=0.001).steps.tolist() == [64, 64]


def test_healthy_lanes_are_the_same_bits_beside_failing_ones():
    data = jgd.data.make_linear(1000, weights=tuple(np.linspace(-1, 1, 10)), noise=0.1, key=1)
    run = lambda rates: jgd.sweep(jgd.linear_regression(l2=0.01), data, jgd.adam(jgd.over(rates)), batch_size=8, epochs=6)
    calm, wild = run([0.01, 0.02, 0.03, 0.05, 0.04]), run([0.01, 0.02, 1e30, 1e38, 3e37])
    assert "nonfinite" in wild.status
    for i in (0, 1):
        for a, b in zip(jax.tree.leaves(calm[i]), jax.tree.leaves(wild[i]), strict=True):
            np.testing.assert_array_equal(a, b)


def test_one_over_as_a_count_and_as_a_number():
    both = jgd.over([2, 3])
    sweep = jgd.sweep(jgd.linear_regression(), linear(), jgd.lookahead(jgd.sgd(0.01), both, both), epochs=7)
    single = jgd.fit(jgd.linear_regression(), linear(), jgd.lookahead(jgd.sgd(0.01), 3, 3), epochs=7)
    assert sweep.programs == 2
    assert_is_the_fit(sweep[1], single, False)


def test_keys_of_another_generator():
    def loss(params, batch, *, key=None):
        keep = 1.0 if key is None else jax.random.bernoulli(key, 0.5, batch.X.shape) * 2.0
        return (jnp.sum(batch.X * keep * params[None], axis=1) - batch.y) ** 2

    keys = [*jax.random.split(jax.random.key(0, impl="rbg"), 2), 7, jax.random.key(1, impl="unsafe_rbg")]
    problem = jgd.Problem(loss, jnp.zeros(3))
    sweep = jgd.sweep(problem, linear(), jgd.gd(0.05), batch_size=8, epochs=3, key=jgd.over(keys))
    for i, key in enumerate(keys):
        assert_is_the_fit(sweep[i], jgd.fit(problem, linear(), jgd.gd(0.05), batch_size=8, epochs=3, key=key), False)


def test_what_is_run_again_is_counted_as_wasted():
    """5 - 0.11 k is below zero after 46 steps: the fifth interval of ten is run twice, for 45 good steps in all."""
    problem = jgd.Problem(lambda w: jnp.where(w < 0, jnp.nan, w), 5.0)
    sweep = jgd.sweep(problem, None, jgd.gd(jgd.over([0.11])), steps=120, record=10)
    single = jgd.fit(problem, None, jgd.gd(0.11), steps=120, record=10)
    assert (sweep.status[0], sweep.steps[0]) == ("nonfinite", single.steps)
    assert sweep.wasted == pytest.approx(1 - single.steps / (50 + 10))


def test_blocks_of_rows_in_half_precision_are_summed_in_single():
    """A sum in bfloat16 would stop growing after a few hundred blocks: at the start each loss is log 2."""
    X = np.random.default_rng(0).normal(size=(40_000, 2))
    data = (jnp.asarray(X, jnp.bfloat16), X[:, 0] > 0)
    sweep = jgd.sweep(jgd.logistic_regression(), data, jgd.gd(jgd.over(np.linspace(1e-3, 1e-2, 200))), steps=1)
    np.testing.assert_allclose(np.asarray(sweep.history["loss"][:, 0], np.float32), np.log(2), rtol=5e-3)
    fit = jgd.fit(jgd.logistic_regression(), data, jgd.gd(1e-2), steps=1)
    np.testing.assert_allclose(np.float32(sweep[199].params.weights), np.float32(fit.params.weights), rtol=2e-2)


def test_rows_that_no_program_holds_need_no_memory():
    """Full-batch least squares holds 5 rows of 200,000."""
    X, y = linear(200_000)
    tx = jgd.gd(jgd.over(np.geomspace(1e-3, 1e-1, 40)))
    assert np.asarray(X).nbytes + np.asarray(y).nbytes > 3e6
    sweep = jgd.sweep(jgd.linear_regression(), (X, y), tx, epochs=3, memory=2e6)
    assert set(sweep.status) == {"max_steps"}
