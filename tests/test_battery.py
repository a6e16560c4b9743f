"""The battery: what every transformation and every schedule must do, driven by one table and compared with raw optax."""

import copy
import functools
import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd
from jgd._expression import Expression, Factory
from tests.table import SCHEDULES, TRANSFORMATIONS

STEPS = 200
cases = pytest.mark.parametrize("case", TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
schedule_cases = pytest.mark.parametrize("case", SCHEDULES.values(), ids=SCHEDULES)

X, Y = (np.asarray(a, np.float64) for a in jgd.data.make_classes(60, 3, key=1))
START = {"w": np.array([0.3, -0.2, 0.1]), "b": np.array(0.5)}


def finished(case, kind):
    """The case's transformation, with a step behind it if it is only a link."""
    made = case.make() if kind is jgd else case.twin()
    return kind.chain(made, kind.sgd(0.1)) if case.link else made


def logistic(params):
    x = jnp.asarray(X, params["w"].dtype)
    return jnp.mean(jgd.losses.logistic(x @ params["w"] + params["b"], jnp.asarray(Y))) + 0.05 * jnp.sum(params["w"] ** 2)


def trajectory(tx, dtype, loss=logistic, steps=STEPS):
    """All parameters along a run in one scan; the transformation may be traced or a closure."""
    params = jax.tree.map(lambda p: jnp.asarray(p, dtype), START)

    def step(carry, _):
        params, state = carry
        grads = jax.grad(loss)(params)
        updates, state = tx.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, tx.init(params)), None, length=steps)[1]


run = functools.partial(jax.jit, static_argnames=("dtype", "steps"))(
    lambda tx, dtype, steps=STEPS: trajectory(tx, dtype, steps=steps)
)


def flat(tree):
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)])


def test_no_public_transformation_or_schedule_is_missing():
    def public(module, kind):
        factories = {n: getattr(getattr(module, n), "factory", None) for n in module.__all__}
        return {n for n, f in factories.items() if isinstance(f, Factory) and f.kind is kind}

    assert public(jgd, jgd.GradientTransformation) == set(TRANSFORMATIONS)
    assert public(jgd.schedules, jgd.schedules.Schedule) == set(SCHEDULES)


@cases
def test_converges(case, x64):
    tx = finished(case, jgd)
    parabola = jgd.minimize(lambda p: jnp.sum((p["w"] - 1.0) ** 2) + (p["b"] + 1.0) ** 2, START, tx, steps=case.steps)
    np.testing.assert_allclose(flat(parabola.params), [-1, 1, 1, 1], atol=0.06)
    fit = jgd.minimize(logistic, START, tx, steps=case.steps)
    best = jgd.minimize(logistic, START, jgd.sgd(0.5, momentum=0.9), steps=2000)
    assert fit.objective < best.objective + 0.01


@cases
def test_equals_optax_in_float64(case):
    with jax.enable_x64(True):
        ours = run(finished(case, jgd), jnp.float64)
        theirs = trajectory(finished(case, optax), jnp.float64)
    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=0, atol=1e-12)


@cases
def test_in_float32_at_least_as_close_to_float64_as_optax(case):
    ours, theirs = run(finished(case, jgd), jnp.float32), jax.jit(lambda: trajectory(finished(case, optax), jnp.float32))()
    with jax.enable_x64(True):
        exact = flat(run(finished(case, jgd), jnp.float64))
    error = lambda tree: np.abs(flat(tree) - exact).max()
    assert error(ours) <= max(1.001 * error(theirs), 4 * np.finfo(np.float32).eps)


@cases
def test_one_compilation_for_other_numbers(case):
    @functools.partial(chex.assert_max_traces, n=1)
    def count(tx):
        return trajectory(tx, jnp.float32, steps=2)

    count = jax.jit(count)
    tx = finished(case, jgd)
    leaves, tree = jax.tree.flatten(tx)
    for kind in (float, np.float32, np.float64, jnp.asarray):
        for factor in (1.0, 0.5, 0.9):
            count(rebuilt(tx, tree, [kind(leaf * factor) for leaf in leaves]))


def rebuilt(tx, tree, leaves):
    """The transformation with other numbers, given as a user gives them: through the factories."""
    numbers = iter(leaves)

    def remake(part):
        changes = {}
        for name, value in part.arguments.items():
            changes[name] = jax.tree.map(
                lambda v: remake(v) if isinstance(v, Expression) else next(numbers) if isinstance(v, float) else v,
                value,
                is_leaf=lambda v: isinstance(v, Expression),
            )
        return part.replace(**changes)

    new = remake(tx)
    assert jax.tree.structure(new) == tree
    return new


def test_int_float_numpy_and_jax_scalars_are_one_kind():
    count = jax.jit(chex.assert_max_traces(lambda tx: tx.init(jnp.zeros(2)), n=1))
    for rate in (1, 1.0, np.float32(1), np.int64(1), np.array(1.0), jnp.asarray(1.0), jnp.asarray(1), jnp.float32(1)):
        count(jgd.adam(rate))
    assert jgd.sgd(1) == jgd.sgd(1.0) == jgd.sgd(jnp.float32(1))


@cases
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_vmap_over_the_numbers_equals_a_loop(case, dtype):
    with jax.enable_x64(dtype == "float64"):
        tx = finished(case, jgd)
        scaled = [jax.tree.map(lambda leaf, f=f: leaf * f, tx) for f in (1.0, 0.9, 0.7)]
        steps = 30 if dtype != "bfloat16" else 5
        lanes = jax.jit(jax.vmap(lambda tx: trajectory(tx, jnp.dtype(dtype), steps=steps)))(jgd.stack(scaled))
        assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(lanes))
        tolerance = {"float32": 1e-5, "bfloat16": 0.05, "float64": 1e-12}[dtype]
        for i, one in enumerate(scaled):
            alone = run(one, jnp.dtype(dtype), steps=steps)
            np.testing.assert_allclose(flat(jax.tree.map(lambda a, i=i: a[i], lanes)), flat(alone), rtol=0, atol=tolerance)


@cases
def test_state_structure_is_stable(case, x64):
    tx, params = finished(case, jgd), jax.tree.map(jnp.asarray, START)
    state = tx.init(params)
    _, after = jax.jit(tx.update)(params, state, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, after)


@cases
def test_goes_into_optax_and_optax_goes_into_it(case):
    tx = finished(case, jgd)
    assert isinstance(tx, optax.GradientTransformationExtraArgs)
    expected = flat(run(jgd.chain(tx, jgd.scale(0.5)), jnp.float32))
    np.testing.assert_allclose(flat(trajectory(optax.chain(tx, optax.scale(0.5)), jnp.float32)), expected, atol=1e-5)
    mixed = jgd.chain(tx, optax.scale(0.5))
    assert not mixed.is_code
    np.testing.assert_allclose(flat(run(mixed, jnp.float32)), expected, atol=1e-5)
    np.testing.assert_allclose(flat(trajectory(tx.to_optax(), jnp.float32)), flat(run(tx, jnp.float32)), atol=1e-5)
    assert type(tx.to_optax()) is optax.GradientTransformationExtraArgs


@cases
def test_round_trips(case):
    check_round_trips(finished(case, jgd))


@schedule_cases
def test_schedules_round_trip(case):
    check_round_trips(case.make())


def check_round_trips(x):
    assert x.is_code
    leaves, tree = jax.tree.flatten(x)
    copies = [
        jgd.parse(repr(x)), pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x), jax.tree.unflatten(tree, leaves),
        x.replace(**x.arguments), jax.tree.map(lambda leaf: leaf, x),
    ]  # fmt: skip
    for other in copies:
        assert other == x
        assert hash(other) == hash(x)
        assert jax.tree.structure(other) == tree
        assert repr(other) == repr(x)
    if leaves:
        changed = jax.tree.unflatten(tree, [leaves[0] + 1.0, *leaves[1:]])
        assert changed != x


@schedule_cases
def test_schedules_equal_their_twins(case, x64):
    counts = jnp.arange(80)
    values = jax.vmap(case.make())(counts)
    expected = [float(case.twin(int(t))) for t in counts]
    np.testing.assert_allclose(values, expected, rtol=1e-12 if x64 else 2e-5, atol=1e-16 if x64 else 1e-8)


@schedule_cases
def test_every_knob_of_a_schedule_traces(case, x64):
    schedule = case.make()
    evaluate = jax.jit(chex.assert_max_traces(lambda s: jax.vmap(s)(jnp.arange(80)), n=1))
    scaled = [jax.tree.map(lambda leaf, f=f: leaf * f, schedule) for f in (1.0, 0.9, 0.7)]
    lanes = jax.jit(jax.vmap(lambda s: jax.vmap(s)(jnp.arange(80))))(jgd.stack(scaled))
    for one, lane in zip(scaled, lanes, strict=True):
        np.testing.assert_allclose(lane, evaluate(one), rtol=1e-12 if x64 else 1e-4, atol=1e-7)


@schedule_cases
def test_a_schedule_in_an_optimizer_is_the_rate_of_each_step(case):
    schedule = case.make()
    result = jgd.minimize(lambda w: w, 0.0, jgd.sgd(schedule), steps=20)
    rates = np.array([case.twin(t) for t in range(20)], np.float64)
    np.testing.assert_allclose(result.params, -rates.sum(), rtol=1e-4)
    np.testing.assert_allclose(result.history.learning_rate[:20], rates, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    "schedule",
    [
        jgd.schedules.cosine(0.1, 10, exponent=0.5),
        jgd.schedules.cosine(0.1, 10, exponent=0.0),
        jgd.schedules.polynomial(0.1, 0.01, 0.5, 10),
        jgd.schedules.warmup_cosine(0.1, 10, 10),
        jgd.schedules.warmup_cosine(0.1, 0, 10, exponent=0.5),
        jgd.schedules.one_cycle_cosine(0.1, 10, pct_start=1.0),
    ],
    ids=repr,
)
def test_schedules_and_their_gradients_are_finite_at_their_ends(schedule):
    for count in (0, 5, 10, 11, 20):
        value, slopes = jax.value_and_grad(lambda s, t=count: s(t))(schedule)
        assert np.isfinite(value)
        assert np.isfinite(jax.tree.leaves(slopes)).all()
