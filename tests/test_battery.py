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
from jgd._expression import Expression
from jgd._factory import Factory
from jgd._leaves import Static
from tests.table import CORE, MATRIX, SCHEDULES, START, TRANSFORMATIONS, plain_loop, plain_update
from tests.zoo import ZOO
from tests.zoo_contrib import CONTRIB

CASES = TRANSFORMATIONS | ZOO | CONTRIB
STEPS = 200
PRECISIONS = ("float32", "float64")
schedule_cases = pytest.mark.parametrize("case", SCHEDULES.values(), ids=SCHEDULES)


def in_precisions(*precisions):
    """Runs a test of the cases once in each; its `dtype` says which."""

    def mark(test):
        test.precisions = precisions
        return test

    return mark


def pytest_generate_tests(metafunc):
    """A test with a `tx_case` runs for each of the core's transformations, or of all with --zoo; known failures are marked."""
    if "tx_case" not in metafunc.fixturenames:
        return
    test, values, ids = metafunc.function.__name__, [], []
    for name in CASES if metafunc.config.getoption("zoo") else CORE:
        for dtype in getattr(metafunc.function, "precisions", (None,)):
            fails = CASES[name].fails.get(test) or CASES[name].fails.get(f"{test}[{dtype}]")
            marks = [pytest.mark.xdist_group(name)]
            marks += [pytest.mark.xfail(strict=True, reason=fails)] if fails else []
            warns = CASES[name].warns
            marks += [pytest.mark.filterwarnings(f"ignore:{warns}:DeprecationWarning")] if warns else []
            values.append(pytest.param(CASES[name], *[dtype] * (dtype is not None), marks=marks))
            ids.append(f"{name}-{dtype}" if dtype else name)
    metafunc.parametrize(["tx_case", "dtype"] if hasattr(metafunc.function, "precisions") else ["tx_case"], values, ids=ids)


X, Y = (np.asarray(a, np.float64) for a in jgd.data.make_classes(60, 3, key=1))


def logistic(params, x=X, y=Y):
    """The logistic loss of each output, the k-th on labels turned k rows further, with an L2 penalty."""
    w, b = params["w"], params["b"]
    x = jnp.asarray(x, w.dtype)
    if w.ndim == 2:
        b, y = b[None], jnp.stack([jnp.roll(y, k, axis=0) for k in range(w.shape[1])], axis=1)
    z = x @ w + b
    return jnp.mean(jnp.logaddexp(0, z) - jnp.asarray(y, w.dtype) * z) + 0.05 * jnp.sum(w**2)


def parabola(params):
    return jnp.sum((params["w"] - 1.0) ** 2) + jnp.sum((params["b"] + 1.0) ** 2)


def finished(case, kind):
    """The case's transformation, with a step behind it if it is only a link."""
    made = case.make() if kind is jgd else case.twin()
    return kind.chain(made, kind.sgd(0.1)) if case.link else made


def start(case, dtype=None):
    dtype = dtype or jnp.result_type(float)
    return jax.tree.map(lambda p: jnp.asarray(p, dtype), case.start or START)


def trajectory(tx, case, dtype, steps=STEPS, loss=logistic):
    """All parameters along a run in one scan; the transformation may be traced or a closure."""
    return plain_loop(tx, loss, start(case, dtype), steps, case.gradients)


COMPILED = []


@functools.partial(jax.jit, static_argnames=("case", "dtype", "steps"))
def run(tx, case, dtype, steps=STEPS):
    COMPILED.append(case)
    return trajectory(tx, case, dtype, steps)


def twins_run(case, dtype):
    loop = case.loop or functools.partial(plain_loop, gradients=case.gradients)
    return jax.jit(lambda: loop(finished(case, optax), logistic, start(case, dtype), STEPS))()


def flat(tree):
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)])


def floats(tx):
    """The places of the hyperparameters among the leaves; the others are seeds."""
    return [i for i, leaf in enumerate(jax.tree.leaves(tx)) if isinstance(leaf, float)]


def test_no_public_transformation_or_schedule_is_missing():
    def public(module, kind, prefix=""):
        factories = {n: getattr(getattr(module, n), "factory", None) for n in module.__all__}
        return {prefix + n for n, f in factories.items() if isinstance(f, Factory) and f.kind is kind}

    transformations = public(jgd, jgd.GradientTransformation) | public(jgd.contrib, jgd.GradientTransformation, "contrib.")
    assert transformations == set(CASES)
    assert set(CORE) <= set(CASES)
    assert public(jgd.schedules, jgd.schedules.Schedule) == set(SCHEDULES)


def test_known_failures_name_tests_of_the_battery():
    tests = {name: getattr(test, "precisions", ()) for name, test in globals().items() if name.startswith("test_")}
    known = {*tests, *(f"{name}[{dtype}]" for name, precisions in tests.items() for dtype in precisions)}
    for name, case in CASES.items():
        assert set(case.fails) <= known, name


@in_precisions(*PRECISIONS)
def test_converges(tx_case, dtype):
    """On a parabola; in single precision on the logistic loss, too, in jgd's own loop where that gives what must enter."""
    with jax.enable_x64(dtype == "float64"):
        tx, x0 = finished(tx_case, jgd), start(tx_case)
        least = jax.tree.map(jnp.ones_like, x0) | {"b": -jnp.ones_like(x0["b"])}
        np.testing.assert_allclose(flat(end(parabola, tx, tx_case)), flat(least), atol=0.06)
        if dtype == "float32":
            own = tx_case.gradients is None
            at = jgd.minimize(logistic, x0, tx, steps=tx_case.steps).params if own else end(logistic, tx, tx_case)
            assert logistic(at) < lowest(x0["w"].ndim) + 0.01


@functools.cache
def lowest(ndim):
    """The least logistic loss of one output or of several."""
    x0 = start(CASES["sgd"]) if ndim == 1 else jax.tree.map(jnp.asarray, MATRIX)
    return jgd.minimize(logistic, x0, jgd.sgd(0.5, momentum=0.9), steps=2000).objective


def end(loss, tx, case):
    """The last parameters of a run of as many steps as the case needs."""
    return jax.tree.map(lambda a: a[-1], jax.jit(lambda tx: trajectory(tx, case, None, case.steps, loss))(tx))


def test_equals_optax_in_float64(tx_case):
    with jax.enable_x64(True):
        ours, theirs = run(finished(tx_case, jgd), tx_case, jnp.dtype("float64")), twins_run(tx_case, jnp.dtype("float64"))
    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=0, atol=1e-12)


def test_in_float32_at_least_as_close_to_float64_as_optax(tx_case):
    ours, theirs = run(finished(tx_case, jgd), tx_case, jnp.dtype("float32")), twins_run(tx_case, jnp.dtype("float32"))
    with jax.enable_x64(True):
        exact = flat(run(finished(tx_case, jgd), tx_case, jnp.dtype("float64")))
    error = lambda tree: np.abs(flat(tree) - exact).max()
    # optax combines some numbers in Python's doubles; beyond the core, that may cost ours a rounding.
    factor, units = (1.001, 4) if tx_case in [CASES[name] for name in CORE] else (2, 8)
    assert error(ours) <= max(factor * error(theirs), units * np.finfo(np.float32).eps)


def test_one_compilation_for_other_numbers(tx_case):
    @functools.partial(chex.assert_max_traces, n=1)
    def count(tx):
        return trajectory(tx, tx_case, jnp.dtype("float32"), steps=2)

    count = jax.jit(count)
    tx = finished(tx_case, jgd)
    leaves, tree = jax.tree.flatten(tx)
    places = floats(tx)
    for kind in (float, np.float32, np.float64, jnp.asarray):
        for factor in (1.0, 0.5, 0.9):
            count(rebuilt(tx, tree, [kind(leaf * factor) if i in places else leaf for i, leaf in enumerate(leaves)]))


def rebuilt(tx, tree, leaves):
    """The transformation with other numbers, given as a user gives them: through the factories."""
    numbers = iter(leaves)

    def remake(part):
        given = lambda v: remake(v) if isinstance(v, Expression) else v.value if isinstance(v, Static) else next(numbers)
        is_leaf = lambda v: isinstance(v, (Expression, Static))
        return part.replace(**{name: jax.tree.map(given, value, is_leaf=is_leaf) for name, value in part._values.items()})

    new = remake(tx)
    assert jax.tree.structure(new) == tree
    return new


def test_int_float_numpy_and_jax_scalars_are_one_kind():
    count = jax.jit(chex.assert_max_traces(lambda tx: tx.init(jnp.zeros(2)), n=1))
    for rate in (1, 1.0, np.float32(1), np.int64(1), np.array(1.0), jnp.asarray(1.0), jnp.asarray(1), jnp.float32(1)):
        count(jgd.adam(rate))
    assert jgd.sgd(1) == jgd.sgd(1.0) == jgd.sgd(jnp.float32(1))


@in_precisions("float32", "bfloat16", "float64")
def test_every_float_by_itself(tx_case, dtype):
    """One batch of the transformation, and of it with each of its numbers changed alone, equals a loop of one program."""
    with jax.enable_x64(dtype == "float64"):
        tx, places = finished(tx_case, jgd), floats(finished(tx_case, jgd))
        changed = lambda i, leaf: 0.9 * leaf if leaf else 1e-3
        alone = [tx, *(with_leaf(tx, i, functools.partial(changed, i)) for i in places)]
        first = {"float32": 30, "bfloat16": 5, "float64": 30}[dtype]
        lanes = jax.jit(jax.vmap(lambda tx: trajectory(tx, tx_case, jnp.dtype(dtype), first)))(jgd.stack(alone))
        assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(lanes))
        tolerance = {"float32": 1e-5, "bfloat16": 0.05, "float64": 1e-12}[dtype]
        before = len(COMPILED)
        for i, one in enumerate(alone):
            expected = jax.tree.map(lambda a: a[:first], run(one, tx_case, jnp.dtype(dtype)))
            np.testing.assert_allclose(
                flat(jax.tree.map(lambda a, i=i: a[i], lanes)), flat(expected), rtol=0, atol=tolerance, err_msg=repr(one)
            )
        assert len(COMPILED) - before <= 1


def with_leaf(x, i, change):
    leaves, tree = jax.tree.flatten(x)
    return jax.tree.unflatten(tree, [change(leaf) if j == i else leaf for j, leaf in enumerate(leaves)])


@in_precisions(*PRECISIONS)
def test_state_structure_is_stable(tx_case, dtype):
    with jax.enable_x64(dtype == "float64"):
        tx, params = finished(tx_case, jgd), start(tx_case)
        update = lambda state: plain_update(tx, state, logistic, params, tx_case.gradients)[1]
        chex.assert_trees_all_equal_shapes_and_dtypes(tx.init(params), jax.jit(update)(tx.init(params)))


def test_goes_into_optax_and_optax_goes_into_it(tx_case):
    tx, params = finished(tx_case, jgd), start(tx_case, jnp.dtype("float32"))
    assert isinstance(tx, optax.GradientTransformationExtraArgs)
    assert type(tx.to_optax()) is optax.GradientTransformationExtraArgs

    @jax.jit
    def two_updates(tx):
        first, state = plain_update(tx, tx.init(params), logistic, params, tx_case.gradients)
        return first, plain_update(tx, state, logistic, params, tx_case.gradients)[0]

    alone = flat(two_updates(tx))
    mixed = jgd.chain(tx, optax.scale(0.5))
    assert not mixed.is_code
    for other, factor in ((tx.to_optax(), 1.0), (optax.chain(mixed, optax.scale(0.5)), 0.25)):
        np.testing.assert_allclose(flat(jax.jit(lambda other=other: two_updates.__wrapped__(other))()), factor * alone, rtol=1e-5)


def test_round_trips(tx_case):
    check_round_trips(finished(tx_case, jgd))


def test_prints_as_code(tx_case):
    check_prints_as_code(finished(tx_case, jgd))


@schedule_cases
def test_schedules_round_trip(case):
    check_round_trips(case.make())
    check_prints_as_code(case.make())


def check_prints_as_code(x):
    assert x.is_code
    check_is_the_same(jgd.parse(repr(x)), x)


def check_round_trips(x):
    leaves, tree = jax.tree.flatten(x)
    copies = [
        pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x), jax.tree.unflatten(tree, leaves),
        x.replace(**x.arguments), jax.tree.map(lambda leaf: leaf, x),
    ]  # fmt: skip
    for other in copies:
        check_is_the_same(other, x)
    if leaves:
        changed = jax.tree.unflatten(tree, [leaves[0] + 1.0, *leaves[1:]])
        assert changed != x


def check_is_the_same(other, x):
    assert other == x
    assert hash(other) == hash(x)
    assert jax.tree.structure(other) == jax.tree.structure(x)
    assert repr(other) == repr(x)


@schedule_cases
def test_schedules_equal_their_twins(case, x64):
    counts = jnp.arange(80)
    values = jax.vmap(case.make())(counts)
    expected = [float(case.twin(int(t))) for t in counts]
    np.testing.assert_allclose(values, expected, rtol=1e-12 if x64 else 2e-5, atol=1e-16 if x64 else 1e-8)


@schedule_cases
def test_every_knob_of_a_schedule_by_itself(case, x64):
    """One batch of the schedule, and of it with each of its knobs changed alone, equals a loop of one program."""
    schedule = case.make()
    evaluate = jax.jit(chex.assert_max_traces(lambda s: jax.vmap(s)(jnp.arange(80)), n=1))
    alone = [schedule, *(with_leaf(schedule, i, lambda leaf: 0.9 * leaf if leaf else 1e-3) for i in floats(schedule))]
    lanes = jax.jit(jax.vmap(lambda s: jax.vmap(s)(jnp.arange(80))))(jgd.stack(alone))
    for one, lane in zip(alone, lanes, strict=True):
        np.testing.assert_allclose(lane, evaluate(one), rtol=1e-12 if x64 else 1e-4, atol=1e-7, err_msg=repr(one))


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
