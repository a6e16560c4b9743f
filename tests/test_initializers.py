"""Initializers: the distributions against closed formulas and JAX's own functions, and that they are data."""

import copy
import inspect
import math
import pickle
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import initializers as jax_initializers

import jgd
from jgd import initializers
from jgd.initializers import _fans

SHAPES = {"w1": (2, 16), "b1": (16,), "w2": (16, 1), "b2": (1,), "scale": ()}
FAN_IN, FAN_OUT = 300, 500
FACTORIES = {
    name: getattr(initializers, name)
    for name in initializers.__all__
    if name != "Initializer" and getattr(initializers, name).__name__ == name
}
MAKES = {
    **{name: (lambda shapes, make=make, **k: make(shapes, **k)) for name, make in FACTORIES.items() if name != "constant"},
    "constant": lambda shapes, **k: initializers.constant(shapes, 0.5, **k),
}
every = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)

# jax.nn.initializers: jgd's name for each, or why jgd has none.
JAX = {
    "Initializer": "the type of a function, not an initializer",
    "delta_orthogonal": "for convolution kernels of three to five dimensions only",
    **{name: name for name in initializers.__all__ if name != "Initializer"},
}


class Layer(NamedTuple):
    weights: tuple
    bias: tuple | None


def test_no_initializer_of_jax_is_forgotten():
    there = {name for name in dir(jax_initializers) if callable(getattr(jax_initializers, name)) and not name.startswith("_")}
    assert there == set(JAX)
    assert all(" " in ours or ours in initializers.__all__ for ours in JAX.values())
    assert list(initializers.__all__) == sorted(initializers.__all__)


def normal_cut_at_two():
    """The standard deviation of a standard normal between -2 and 2."""
    density, mass = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    return math.sqrt(1 - 2 * 2 * density / mass)


# The standard deviation and the bound of each, by its formula.
LAWS = {
    "xavier_uniform": (math.sqrt(2 / (FAN_IN + FAN_OUT)), math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "xavier_normal": (math.sqrt(2 / (FAN_IN + FAN_OUT)), 2 / normal_cut_at_two() * math.sqrt(2 / (FAN_IN + FAN_OUT))),
    "he_uniform": (math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    "he_normal": (math.sqrt(2 / FAN_IN), 2 / normal_cut_at_two() * math.sqrt(2 / FAN_IN)),
    "lecun_uniform": (math.sqrt(1 / FAN_IN), math.sqrt(3 / FAN_IN)),
    "lecun_normal": (math.sqrt(1 / FAN_IN), 2 / normal_cut_at_two() * math.sqrt(1 / FAN_IN)),
    "orthogonal": (math.sqrt(1 / FAN_OUT), 1.0),  # FAN_IN rows of length one, each over FAN_OUT columns
    "truncated_normal": (0.01 * normal_cut_at_two(), 0.02),
    "normal": (0.01, math.inf),
}


@pytest.mark.parametrize("name", LAWS)
def test_distributions_are_those_of_their_formulas(name):
    values = np.asarray(MAKES[name]((FAN_IN, FAN_OUT))(0), np.float64)
    deviation, bound = LAWS[name]
    n = values.size  # 150,000 draws: the standard errors are 0.26% of the deviation, and at most 0.2% of itself
    assert abs(values.mean()) < 5 * deviation / math.sqrt(n)
    assert abs(values.std() / deviation - 1) < 0.01
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    if math.isfinite(bound) and name != "orthogonal":
        assert np.abs(values).max() > 0.98 * bound


def test_uniform_is_between_zero_and_its_scale():
    values = np.asarray(initializers.uniform((100_000,), scale=0.3)(0))
    assert 0 <= values.min() < 0.001
    assert 0.299 < values.max() < 0.3
    np.testing.assert_allclose(values.mean(), 0.15, rtol=0.01)


def test_pytorchs_default_for_linear_weights_is_a_scaled_variance():
    values = np.asarray(initializers.variance_scaling((FAN_IN, FAN_OUT), 1 / 3, distribution="uniform")(0))
    bound = 1 / math.sqrt(FAN_IN)
    assert 0.99 * bound < np.abs(values).max() <= bound * (1 + 1e-6)
    # torch's kaiming_uniform_(a=sqrt(5)) has the gain sqrt(2 / (1 + a^2)), He's own sqrt(2) included.
    he = initializers.he_uniform((FAN_IN, FAN_OUT), gain=1 / math.sqrt(6))(0)
    np.testing.assert_allclose(values, he, rtol=1e-5)


def test_axes_before_the_last_two_are_a_receptive_field():
    values = np.asarray(initializers.he_uniform((5, 5, 40, 100))(0))
    np.testing.assert_allclose(np.abs(values).max(), math.sqrt(6 / (25 * 40)), rtol=0.001)


@pytest.mark.parametrize("mode", _fans.MODES)
def test_the_modes_of_variance_scaling_choose_the_fan(mode):
    fan = {"fan_in": FAN_IN, "fan_out": FAN_OUT, "fan_avg": (FAN_IN + FAN_OUT) / 2, "fan_geo_avg": math.sqrt(FAN_IN * FAN_OUT)}
    values = initializers.variance_scaling((FAN_IN, FAN_OUT), 3.0, mode, "normal")(0)
    np.testing.assert_allclose(values.std(), math.sqrt(3 / fan[mode]), rtol=0.01)


@every
def test_a_gain_scales_and_traces(make):
    """Every number of an initializer is a leaf: one program for all of them."""
    init = make((20, 30))
    call = jax.jit(chex.assert_max_traces(lambda init: init(0), n=1))
    first = call(init)
    np.testing.assert_allclose(first, init(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(call(jax.tree.map(lambda leaf: leaf * 1.0, init)), first)
    for name in ("gain", "scale", "stddev", "value"):
        if name in init.arguments:
            factor = math.sqrt(2) if init.name == "initializers.variance_scaling" else 2
            twice = call(init.replace(**{name: 2 * init.arguments[name]}))
            np.testing.assert_allclose(twice, factor * first, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", sorted(set(JAX) - {"Initializer", "delta_orthogonal"}))
def test_numbers_are_jaxs(name, x64):
    """A single shape takes the key; the i-th of several, in the order of their names, takes the key with i folded in."""
    key = jax.random.key(3)
    theirs = getattr(jax_initializers, name)
    ours, knobs = getattr(initializers, name), {"constant": (0.5,)}.get(name, ())
    if name not in ("zeros", "ones"):
        theirs = theirs(*{"variance_scaling": (1.0, "fan_in", "truncated_normal")}.get(name, knobs))
    exactly = dict(rtol=1e-12 if x64 else 1e-5, atol=1e-15 if x64 else 1e-8)
    alone = ours((4, 6), *knobs)(key)
    assert alone.dtype == (jnp.float64 if x64 else jnp.float32)
    np.testing.assert_allclose(alone, theirs(key, (4, 6)), **exactly)
    both = ours({"b": (6, 2), "a": (4, 6)}, *knobs)(key)
    np.testing.assert_allclose(both["a"], theirs(jax.random.fold_in(key, 0), (4, 6)), **exactly)
    np.testing.assert_allclose(both["b"], theirs(jax.random.fold_in(key, 1), (6, 2)), **exactly)


@every
def test_shapes_and_dtypes_are_those_asked_for(make):
    for dtype in (None, "bfloat16", "float16"):
        params = jax.eval_shape(make(SHAPES, dtype=dtype), 0)
        assert jax.tree.map(jnp.shape, params) == SHAPES
        assert all(leaf.dtype == (dtype or "float32") for leaf in jax.tree.leaves(params))


def test_half_precision_has_orthogonal_matrices_too():
    w = initializers.orthogonal((8, 4), dtype="bfloat16")(0).astype(jnp.float32)
    np.testing.assert_allclose(w.T @ w, np.eye(4), atol=0.02)


@pytest.mark.parametrize("name", ["xavier_uniform", "he_normal", "lecun_uniform", "variance_scaling", "orthogonal"])
def test_biases_of_layers_start_at_zero(name):
    params = MAKES[name](SHAPES)(0)
    assert all(not params[bias].any() for bias in ("b1", "b2", "scale"))
    assert all(params[weights].any() for weights in ("w1", "w2"))


@pytest.mark.parametrize("name", ["normal", "truncated_normal", "uniform", "he_normal", "orthogonal"])
def test_a_key_gives_its_numbers_and_no_two_arrays_share_them(name):
    init = MAKES[name]([(4, 4), (4, 4), {"deep": (4, 4)}])
    params, again, other = init(0), init(jax.random.key(0)), init(1)
    chex.assert_trees_all_equal(params, again)
    assert all(np.abs(a - b).min() > 0 for a, b in zip(*map(jax.tree.leaves, (params, other)), strict=True))
    first, second, third = jax.tree.leaves(params)
    assert not np.isin(first, second).any()
    assert not np.isin(second, third).any()


def test_containers_of_every_kind_are_kept():
    init = initializers.he_normal({"first": Layer((3, 4), (4,)), "rest": [((4, 4), (4,)), Layer((4, 1), None)]})
    params = init(0)
    assert type(params["first"]) is Layer
    assert jax.tree.map(jnp.shape, params) == {"first": Layer((3, 4), (4,)), "rest": [((4, 4), (4,)), Layer((4, 1), None)]}
    assert repr(initializers.ones({"a": Layer((3,), None)})) == "initializers.ones({'a': Layer(weights=(3,), bias=None)})"
    assert not init.is_code
    assert pickle.loads(pickle.dumps(init)) == init


@every
@pytest.mark.parametrize(
    "shapes", [(2, 3), (), (7,), SHAPES, [(2, 3), ((3,), [(3, 1)])], {"a": {"b": (2,)}, "c": ((2, 2), ())}], ids=repr
)
def test_round_trips(make, shapes):
    init = make(shapes)
    leaves, tree = jax.tree.flatten(init)
    copies = [
        jgd.parse(repr(init)), pickle.loads(pickle.dumps(init)), copy.deepcopy(init), jax.tree.unflatten(tree, leaves),
        init.replace(**init.arguments), make(copy.deepcopy(shapes)),
    ]  # fmt: skip
    assert init.is_code
    for other in copies:
        assert other == init
        assert hash(other) == hash(init)
        assert jax.tree.structure(other) == tree
        assert repr(other) == repr(init)
    assert make({"other": (2, 3)}) != init
    assert init.replace(dtype="bfloat16") != init
    if leaves:
        assert jax.tree.unflatten(tree, [leaves[0] + 1, *leaves[1:]]) != init


def test_they_print_as_the_code_that_makes_them():
    assert repr(initializers.he_normal((2, np.int64(3)), gain=0.5)) == "initializers.he_normal((2, 3), gain=0.5)"
    assert repr(initializers.zeros([(), (3,)])) == "initializers.zeros([(), (3,)])"
    text = "initializers.variance_scaling((2, 3), mode='fan_out', dtype='bfloat16')"
    assert repr(initializers.variance_scaling((2, 3), mode="fan_out", dtype=jnp.bfloat16)) == text


def test_xavier_is_glorot_and_he_is_kaiming():
    assert initializers.glorot_uniform((2, 3)) == initializers.xavier_uniform((2, 3))
    for alias, name in {"glorot": "xavier", "kaiming": "he"}.items():
        for law in ("uniform", "normal"):
            parsed = jgd.parse(f"initializers.{alias}_{law}((2, 3), gain=2.0)")
            assert parsed == getattr(initializers, f"{name}_{law}")((2, 3), gain=2.0)
            assert parsed.name == f"initializers.{name}_{law}"


def test_signatures_are_what_a_user_gives():
    signature = inspect.signature(initializers.he_normal)
    assert str(signature.replace(return_annotation=signature.empty)) == "(shapes, gain=1.0, dtype=None)"
    assert signature.return_annotation is initializers.Initializer


def net(params, X):
    return (jnp.tanh(X @ params["w1"] + params["b1"][None]) @ params["w2"])[:, 0] + params["b2"]


def problem(gain=1.0):
    init = initializers.he_normal({"w1": (2, 16), "b1": (16,), "w2": (16, 1), "b2": (1,)}, gain=gain)
    return jgd.Problem(fit_loss, init=init)


def fit_loss(params, batch):
    return jgd.losses.squared_error(net(params, batch.X), batch.y)


def test_a_problem_made_anew_starts_alike_and_compiles_nothing(x64):
    data = jgd.data.make_linear(60, [1.0, -2.0])
    run = lambda made, key=0: jgd.fit(made, data, jgd.sgd(0.05), epochs=300, key=key)
    first, again, other, scaled = run(problem()), run(problem()), run(problem(), 1), run(problem(gain=0.5))
    assert first.params["w1"].dtype == (jnp.float64 if x64 else jnp.float32)
    assert again.compile_seconds == other.compile_seconds == scaled.compile_seconds == 0.0
    chex.assert_trees_all_equal(first.params, again.params)
    assert (first.params["w1"] != other.params["w1"]).all()
    assert (first.params["w1"] != scaled.params["w1"]).all()
    assert first.objective < 0.2


def test_a_batch_of_gains_is_an_initializer():
    gains = jgd.stack([initializers.xavier_normal(SHAPES, gain=g) for g in (0.5, 1.0)])
    params = jax.vmap(lambda init: init(0))(gains)
    np.testing.assert_allclose(2 * params["w1"][0], params["w1"][1], rtol=1e-6)


def test_what_is_no_shape_is_refused():
    shape = r"initializers\.he_normal: a shape is a tuple of whole numbers of at least 1, such as \(2, 16\) or \(16,\); found "
    for wrong, found in (
        ((2, 0), r"\(2, 0\)\.$"),
        ((2.0, 3), r"2\.0 at \[0\]\.$"),
        (Layer(2, 3), r"2 at \.weights\.$"),
        ((2, (3,)), r"2 at \[0\]\.$"),
    ):
        with pytest.raises(ValueError, match=shape + found):
            initializers.he_normal(wrong)
    with pytest.raises(ValueError, match=shape + r"True at \['w'\]\[0\]\.$"):
        initializers.he_normal(shapes={"w": (True,)})
    with pytest.raises(ValueError, match=shape + r"2 at \[0\]\.$"):
        initializers.he_normal((2, 3)).replace(shapes=[2, 3])
    for wrong in (3, None, "he", np.ones(2)):
        with pytest.raises(TypeError, match=r"he_normal: shapes must be a tuple such as \(2, 16\), or a dict, list or tuple of"):
            initializers.he_normal(wrong)


def test_other_mistakes_are_said():
    with pytest.raises(TypeError, match=r"missing a required argument: 'shapes'; its arguments are \(shapes, gain=1\.0"):
        initializers.he_normal()
    with pytest.raises(TypeError, match=r"\('gian': did you mean 'gain'\?\)"):
        initializers.he_normal((2, 3), gian=2.0)
    with pytest.raises(ValueError, match=r"gain is NaN"):
        initializers.he_normal((2, 3), gain=math.nan)
    with pytest.raises(TypeError, match=r"make an Initializer with a factory such as jgd\.initializers\.he_normal"):
        initializers.Initializer((2, 3))
    with pytest.raises(ValueError, match=r"mode must be one of fan_in, fan_out, fan_avg, fan_geo_avg, found 'fan'\.$"):
        initializers.variance_scaling((2, 3), mode="fan")(0)
    with pytest.raises(ValueError, match=r"distribution must be one of truncated_normal, normal, uniform, found 'gauss'\.$"):
        initializers.variance_scaling((2, 3), distribution="gauss")(0)
    with pytest.raises(TypeError, match=r"^key must be a whole number or a JAX key, found 'seed'\.$"):
        initializers.he_normal((2, 3))("seed")
