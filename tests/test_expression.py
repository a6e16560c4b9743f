"""Expressions: printing, parsing, equality, replacing, packing; and the methods a transformation inherits from tuple."""

import gc
import pickle
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jgd
from jgd._expression import pack, unpack
from jgd._factory import REGISTRY
from jgd._leaves import Static
from jgd.training._rates import learning_rates

TX = jgd.chain(jgd.clip_by_global_norm(1.0), jgd.adam(1e-2))


def test_prints_as_the_code_that_makes_it():
    assert repr(TX) == "chain(clip_by_global_norm(1.0), adam(0.01))"
    assert repr(jgd.adam(0.01, b1=0.9)) == "adam(0.01)"
    assert repr(jgd.sgd(0.1, momentum=0.9)) == "sgd(0.1, momentum=0.9)"
    assert repr(jgd.adam(0.1, mu_dtype=jnp.bfloat16)) == "adam(0.1, mu_dtype='bfloat16')"
    assert repr(jgd.adam(jgd.schedules.cosine(0.1, 100))) == "adam(schedules.cosine(0.1, 100.0))"
    assert repr(jgd.logistic_regression(l2=1e-3)) == "logistic_regression(l2=0.001)"


def test_what_is_no_code_prints_as_what_it_is_and_says_so():
    for tx in (
        jgd.masked(jgd.sgd(0.1), lambda params: params),
        jgd.chain(optax.sgd(0.1)),
        jgd.sgd(lambda count: 0.1),
        jgd.sgd(jnp.array([0.1, 0.2])),
        jgd.masked(jgd.sgd(0.1), np.array([True, False])),
    ):
        assert not tx.is_code
    assert "optax" in repr(jgd.chain(optax.sgd(0.1)))
    assert repr(jgd.sgd(jnp.array([0.1, 0.2]))) == "sgd(float32[2])"


def test_a_mask_of_booleans_is_structure_by_value():
    make = lambda: jgd.masked(jgd.scale(0.5), {"w": True, "b": False})
    assert make() == make()
    assert jax.tree.structure(make()) == jax.tree.structure(make())
    assert make() != jgd.masked(jgd.scale(0.5), {"w": True, "b": True})
    assert jgd.parse(repr(make())) == make()


def test_flags_names_dtypes_and_counts_are_structure_numbers_are_leaves():
    structure = lambda tx: jax.tree.structure(tx)
    assert structure(jgd.adam(0.1)) == structure(jgd.adam(0.2, b1=0.5))
    for other in (jgd.adam(0.1, nesterov=True), jgd.adam(0.1, mu_dtype="bfloat16"), jgd.adamw(0.1)):
        assert structure(other) != structure(jgd.adam(0.1))
    assert structure(jgd.MultiSteps(jgd.sgd(0.1), 2)) != structure(jgd.MultiSteps(jgd.sgd(0.1), 3))
    assert jax.tree.leaves(jgd.MultiSteps(jgd.sgd(0.1), 2)) == [0.1]
    assert jgd.sgd(0.1, nesterov=1) == jgd.sgd(0.1, nesterov=True) == jgd.sgd(0.1, nesterov=np.bool_(True))


def test_paths_name_the_hyperparameters():
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(TX)]
    assert paths[:2] == [".links[0].max_norm", ".links[1].learning_rate"]


def test_parts_attributes_and_replace():
    assert TX.links[1].replace(learning_rate=0.1) == jgd.adam(0.1)
    assert TX.links[1].learning_rate == 0.01
    assert dict(jgd.gd(0.1).arguments) == {"learning_rate": 0.1}
    assert jgd.gd(0.1).links == (jgd.gd(0.1),)
    with pytest.raises(AttributeError, match=r"immutable: use \.replace"):
        TX.links[1].learning_rate = 0.1


def test_inherited_tuple_methods_tell_the_truth():
    init, update = TX
    assert (TX[0], TX[1]) == (init, update)
    assert len(TX) == 2
    assert TX != (init, update)
    replaced = TX._replace(init=lambda params: "mine")
    assert type(replaced) is optax.GradientTransformationExtraArgs
    assert replaced.init(0.0) == "mine"
    assert type(jgd.GradientTransformation._make((init, update))) is optax.GradientTransformationExtraArgs
    assert {TX: 1}[jgd.parse(repr(TX))] == 1


def test_extra_arguments_reach_the_links_that_ask_for_them():
    seen = {}

    @jgd.lift
    def asks(factor):
        def update(updates, state, params=None, *, value, value_fn):
            seen["value"], seen["again"] = value, value_fn(params)
            return jax.tree.map(lambda u: factor * u, updates), state

        return optax.GradientTransformationExtraArgs(optax.identity().init, update)

    @jgd.lift
    def refuses(factor):
        return optax.GradientTransformation(
            optax.identity().init, lambda updates, state, params=None: (jax.tree.map(lambda u: factor * u, updates), state)
        )

    init, step = jgd.training_step(jgd.Problem(lambda w: w**2, 3.0), jgd.chain(refuses(1.0), asks(1.0), jgd.gd(0.1)))
    step(init(3.0), None)
    assert (float(seen["value"]), float(seen["again"])) == (9.0, 9.0)


def test_optax_links_that_use_the_value_work_in_fit():
    f = lambda w: jnp.sum((w - 2.0) ** 2)
    line_search = jgd.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(max_backtracking_steps=10))
    polyak = jgd.lift(optax.polyak_sgd, name="polyak_sgd_here")
    for tx in (line_search, polyak(max_learning_rate=1.0), optax.lbfgs()):
        assert jgd.minimize(f, jnp.zeros(3), tx, steps=60).objective < 1e-6


def test_learning_rates_in_force():
    half = jgd.schedules.step_decay(0.8, 1, 0.5)
    one = lambda tx, count: pytest.approx({"learning_rate": float(learning_rates(tx, count)["learning_rate"])})
    assert one(jgd.chain(jgd.clip(1.0), jgd.sgd(half)), 2) == {"learning_rate": 0.2}
    assert one(jgd.MultiSteps(jgd.sgd(half), 4), 7) == {"learning_rate": 0.4}
    for tx in (jgd.scale(-0.1), jgd.chain(optax.sgd(0.1)), jgd.contrib.schedule_free_sgd(0.1, warmup_steps=5)):
        assert learning_rates(tx, 0) == {}
    groups = jgd.partition({"a": jgd.adam(0.5), "b": jgd.sgd(half), "c": jgd.set_to_zero()}, lambda params: params)
    found = learning_rates(jgd.chain(jgd.clip(1.0), groups), 1)
    assert {name: float(rate) for name, rate in found.items()} == pytest.approx({"learning_rate/a": 0.5, "learning_rate/b": 0.4})


numbers = st.floats(min_value=0, max_value=1, allow_nan=False)
links = st.one_of(
    st.builds(jgd.adam, numbers, b1=numbers), st.builds(jgd.sgd, numbers, momentum=st.none() | numbers, nesterov=st.booleans()),
    st.builds(jgd.clip, numbers), st.builds(lambda a, b: jgd.sgd(jgd.schedules.cosine(a, 1 + b)), numbers, numbers),
)  # fmt: skip
trees = st.recursive(
    links,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda ls: jgd.chain(*ls))
        | st.builds(jgd.MultiSteps, inner, st.integers(1, 9))
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=100)
@given(trees)
def test_any_expression_survives_printing_and_parsing(tx):
    assert tx.is_code
    assert jgd.parse(repr(tx)) == tx
    assert pickle.loads(pickle.dumps(tx)) == tx
    leaves, structure = jax.tree.flatten(tx)
    assert jax.tree.unflatten(structure, leaves) == tx


def test_stack_is_a_batch_of_weak_numbers():
    batch = jgd.stack([jgd.adam(1e-2), jgd.adam(1e-3)])
    assert all(leaf.shape == (2,) and leaf.weak_type for leaf in jax.tree.leaves(batch))
    problems = jgd.stack([jgd.linear_regression(l2=0.1), jgd.linear_regression(l2=0.2)])
    np.testing.assert_allclose(problems.l2, [0.1, 0.2], rtol=1e-6)


def test_arrays_of_numbers_given_by_the_user_keep_bfloat16_parameters():
    w = jnp.ones(3, jnp.bfloat16)
    for rates in (np.array([0.1, 0.2]), jnp.array([0.1, 0.2], jnp.float32)):
        update = jax.vmap(lambda tx: tx.update(w, tx.init(w), w)[0])(jgd.adam(rates, b1=np.array([0.9, 0.8]), b2=rates,
                                                                           eps=rates, eps_root=rates))  # fmt: skip
        assert update.dtype == jnp.bfloat16
    strong = jax.vmap(lambda rate: jgd.sgd(rate).update(w, jgd.sgd(rate).init(w), w)[0])(jnp.array([0.1, 0.2]))
    assert strong.dtype == jnp.bfloat16


def test_equal_expressions_hash_alike_whatever_holds_their_numbers():
    for tx in (TX, jgd.sgd(0.5), jgd.adam(jgd.schedules.cosine(0.5, 8))):
        other = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), jax.tree.map(np.float32, tx))
        exact = jax.tree.map(lambda leaf: float(np.float32(leaf)), tx)
        assert other == exact
        assert hash(other) == hash(exact)


@pytest.mark.parametrize(
    "text", ["named_chain()", "chain()", "chain(1.0, adam(0.1))", "chain([clip(1.0)])", "named_chain(adam(0.1))"]
)
def test_text_is_held_to_what_calls_are(text):
    with pytest.raises((TypeError, ValueError), match=r"needs at least one link|is not an optimizer|must be a pair"):
        jgd.parse(text)


RAW = optax.sgd(0.01)

# One of each kind of leaf: numbers alone, in schedules and in groups, seeds, keys, arrays, and none at all.
CHAINS = {
    "numbers": lambda r: jgd.chain(jgd.clip_by_global_norm(10 * r), jgd.sgd(r, momentum=1 - r)),
    "schedule": lambda r: jgd.adamw(jgd.schedules.cosine(r, 20), b1=1 - r),
    "seed": lambda r: jgd.chain(jgd.add_noise(r, 0.5, key=int(1000 * r)), jgd.sgd(r)),
    "key": lambda r: jgd.chain(jgd.add_noise(r, 0.5, key=jax.random.key(int(1000 * r))), jgd.sgd(r)),
    "array": lambda r: jgd.chain(jgd.scale(r), jax.tree.map(jnp.float32, jgd.adam(r))),
    "groups": lambda r: jgd.partition({"a": jgd.adam(r), "b": jgd.set_to_zero()}, "a"),
    "none": lambda r: jgd.chain(jgd.identity(), RAW),
}


@pytest.mark.cpu
@pytest.mark.parametrize("name", CHAINS)
def test_a_program_of_packed_numbers_is_the_program_of_the_expressions(name, x64):
    """Compiled once for whatever numbers, and bit for bit the same."""
    traced = []

    def run(problem, tx, stop):
        traced.append(stop)
        init, step = jgd.training_step(problem, tx)
        state = init(problem.init(), jax.random.key(0))
        return jax.lax.scan(lambda state, _: (step(state, None)[0], state.params), state, length=30)[1]

    packed = jax.jit(lambda structure, *arrays: run(*unpack(structure, *arrays)), static_argnums=0)
    whole, loss, make = jax.jit(run), lambda w: jnp.sum((w - 2.0) ** 4), CHAINS[name]
    for rate in (0.01, 0.02, 0.003):
        problem, tx, stop = jgd.Problem(loss, jnp.linspace(rate, 2.0, 5)), make(rate), jgd.stopping.target(rate)
        numbers, others, structure = pack(problem, tx, stop)
        np.testing.assert_array_equal(packed(structure, numbers, others), whole(problem, tx, stop))
    assert len(traced) == 2


def test_what_is_packed_is_one_vector_and_the_rest(x64):
    tx = jgd.chain(jgd.clip(1.0), jgd.add_noise(0.25, 0.5, key=3), jgd.sgd(0.125))
    numbers, others, structure = pack(None, tx, jgd.linear_regression(l2=8.0))
    assert isinstance(numbers, np.ndarray)
    assert numbers.dtype == (np.float64 if x64 else np.float32)
    assert (numbers.tolist(), others) == ([1.0, 0.25, 0.5, 0.125, 8.0], [3])
    assert unpack(structure, numbers, others)[::2] == (None, jgd.linear_regression(l2=8.0))
    assert unpack(structure, numbers, others)[1] == tx
    for leaf in jax.tree.leaves(jax.eval_shape(lambda n: unpack(structure, n, others), numbers)):
        assert leaf.weak_type
        assert leaf.dtype == numbers.dtype or leaf.dtype == jnp.result_type(int)
    other = pack(None, tx.replace(links=(*tx.links[:2], jgd.sgd(1.0))), jgd.linear_regression())[2]
    assert (other, hash(other)) == (structure, hash(structure))
    for another in (jgd.sgd(0.125), jgd.chain(*tx.links[:2], jgd.sgd(0.1, nesterov=True))):
        assert pack(None, another, jgd.linear_regression())[2] != structure


def test_numbers_beyond_float32_are_packed_as_jax_reads_them():
    numbers, others, structure = pack(jgd.sgd(1e300, momentum=1e-300))
    assert numbers.tolist() == [np.inf, 0.0]
    assert unpack(structure, numbers, others)[0].momentum == 0.0


class Pair:
    """An optax transformation that is no tuple, as `optax.MultiSteps` is none."""

    init, update = optax.sgd(0.1)


def test_structures_of_any_kind_can_be_compared():
    """`jit` compares whatever shares a few bits of its hash; JAX's trees raise where they are compared with what is no tree."""
    links = [optax.sgd(0.1), optax.MultiSteps(optax.sgd(0.1), 2), Pair(), jgd.sgd(0.1), jgd.masked(optax.sgd(0.1), len)]
    chains = [jgd.chain(link) for link in links]
    for i, a in enumerate(chains):
        assert [a == b for b in chains] == [i == k for k in range(len(chains))]
    kept = [Static(v) for v in ((1, 2), [1, 2], {"a": 1}, [[], set()], set(), None, 3, len, Pair(), (), jax.tree.structure(0))]
    for i, a in enumerate(kept):
        assert [a == b for b in kept] == [i == k for k in range(len(kept))]


def test_equal_structures_are_one_and_keep_no_callable_alive():
    mask = lambda params: params
    made = [jgd.masked(jgd.sgd(0.1), mask), jgd.masked(jgd.sgd(0.2), mask)]
    assert made[0]._layout is made[1]._layout
    assert jgd.adam(0.1)._layout is pickle.loads(pickle.dumps(jgd.adam(0.2)))._layout
    assert jgd.sgd(0.1)._layout is not jgd.sgd(0.1, nesterov=True)._layout
    assert jax.tree.structure(made[0]) != jax.tree.structure(jgd.masked(jgd.sgd(0.1), lambda params: params))
    held = weakref.ref(mask)
    del mask, made
    gc.collect()
    assert held() is None


def test_a_mapped_tree_keeps_its_structure_whatever_it_holds():
    """As equinox's partition and combine need it: None where a number was is still a number's place."""
    blank = jax.tree.map(lambda leaf: None, TX)
    assert jax.tree.structure(blank, is_leaf=lambda v: v is None) == jax.tree.structure(TX)
    assert jax.tree.map(lambda a, b: b, blank, TX, is_leaf=lambda v: v is None) == TX
    assert jax.tree.structure(jgd.sgd(0.1, momentum=None)) != jax.tree.structure(jgd.sgd(0.1, momentum=0.9))


def outcome(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


def same(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple) and type(a) is type(b) is tuple:
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a is b or a == b)


GIVEN = [
    0.5, 1, -1, 0, 2.0, True, False, None, "text", "bfloat16", float("nan"), float("inf"), 10**400, -(10**400), 2**70, 1j,
    np.float32(0.5), np.int64(3), np.bool_(True), jgd.adam(0.1), jgd.schedules.cosine(0.1, 5), jgd.linear_regression(), jgd.adam,
    optax.sgd(0.1), (0.5, 0.5), [0.5], {"a": 0.5}, (), len, jgd.over([0.1]), Static(3),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_short_way_of_keeping_an_argument_is_the_long_one(name):
    """Each argument of each factory, given each kind of value: the same is kept, or refused in the same words."""
    factory = REGISTRY[name]
    for argument in factory.signature.parameters:
        for value in GIVEN:
            short, long = outcome(factory.arguments.keep, argument, value), outcome(factory.arguments.store, argument, value)
            assert same(short, long), (argument, value, short, long)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_short_way_of_reading_a_call_is_the_long_one(name):
    factory = REGISTRY[name]
    names = list(factory.signature.parameters)
    inner = (jgd.adam(0.1), jgd.sgd(0.1))
    calls = [(args, {}) for args in ((), *[(0.5,) * k for k in range(len(names) + 2)], inner[:1], inner)]
    calls += [((0.5,), {n: 0.5}) for n in names] + [((), {n: 0.5}) for n in [*names, "wrong"]]
    calls += [((), dict.fromkeys(names, 0.5)), ((0.5,), dict.fromkeys(names[1:], 1)), (inner[:1], dict.fromkeys(names[1:], 1))]
    for args, kwargs in calls:
        short, long = outcome(factory._read, args, kwargs), outcome(factory._bound, args, kwargs)
        if short is not None:
            assert short == long, (args, kwargs)
            assert isinstance(long, tuple) or list(short) == list(long)
