"""docs/hosts.md: its code runs, each host makes the same run of the same optimizer, and traces it as often as the page says."""

import functools
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from flax.training.train_state import TrainState

import jgd
from jgd._factory import Factory
from jgd.training._step import LOSS
from tests.zoo import NOT_LIFTED

PAGE = Path(__file__).parents[1] / "docs" / "hosts.md"
TEXT = PAGE.read_text()
HAND, LINEN, NNX, EQUINOX = "A loop by hand, and optax", "flax linen: TrainState", "flax nnx: Optimizer", "equinox"
THEIRS, NETWORKS = "Theirs in jgd", "Networks in jgd.fit"


def blocks(start, end):
    """The page's code between two places, each block behind as many empty lines as make its line numbers the page's."""
    found = re.compile(r"```python\n(.*?)```", re.DOTALL).finditer(TEXT, start, end)
    return ["\n" * TEXT.count("\n", 0, match.start(1)) + match[1] for match in found]


def parts():
    """The code of each section by its title; that before the first by None."""
    heads = [(None, 0), *((match[1], match.start()) for match in re.finditer(r"^## (.*)$", TEXT, re.MULTILINE))]
    ends = [start for _, start in heads[1:]] + [len(TEXT)]
    return {title: blocks(start, end) for (title, start), end in zip(heads, ends, strict=True)}


CODE = parts()


@functools.cache
def section(title):
    """The names that a section defines, after those of the page's first block."""
    names = {}
    for code in CODE[None] + CODE[title]:
        exec(compile(code, str(PAGE), "exec"), names)
    return names


def rows(after):
    """The cells of the table that follows a text of the page."""
    lines = TEXT.partition(after)[2].lstrip().splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def arrays(tx):
    return jax.tree.map(jnp.asarray, tx)


def hand(name):
    return lambda tx: section(HAND)["by_hand"](section(HAND)[name], tx)


def linen(name):
    return lambda tx: section(LINEN)["in_linen"](section(LINEN)[name], tx)


def of_nnx(name, prepare=lambda tx: tx):
    return lambda tx: section(NNX)["in_nnx"](getattr(nnx, name, None) or section(NNX)[name], prepare(tx))


ALONE = (lambda tx: optax.chain(tx),)  # one function: a static argument is compared by identity

# The rows of the page's table, and under them what they advise: how the host runs ten steps of a transformation to the loss, the
# section that counts its traces, and how many a transformation, an equal one, and one of another rate make together.
HOSTS = {
    "a jitted function": (hand("step"), HAND, 1),
    "a jitted function, `static_argnums`": (hand("static_step"), HAND, 2),
    "a jitted function that closes over it": (lambda tx: section(HAND)["closing_over"](tx), HAND, 3),
    "optax's wrappers": (lambda tx: hand("static_step")(optax.chain(tx)), HAND, 3),
    "flax `TrainState`": (linen("TrainState"), LINEN, 2),
    "flax `nnx.Optimizer`": (of_nnx("Optimizer"), NNX, 2),
    "`equinox.filter_jit`": (lambda tx: section(EQUINOX)["in_equinox"](tx), EQUINOX, 2),
}
ADVICE = {
    "wrapped inside": (lambda tx: section(HAND)["in_optax"](*ALONE, tx), HAND, 1),
    "TrainState, a node": (linen("TracedState"), LINEN, 1),
    "TrainState, beside it": (lambda tx: section(LINEN)["beside"](tx), LINEN, 1),
    "nnx, data": (of_nnx("TracedOptimizer", arrays), NNX, 1),
    "nnx, data, floats": (of_nnx("TracedOptimizer"), NNX, 2),
    "nnx, to_optax": (of_nnx("Optimizer", lambda tx: arrays(tx).to_optax()), NNX, 3),
    "filter_jit, arrays": (lambda tx: section(EQUINOX)["in_equinox"](arrays(tx)), EQUINOX, 1),
}
ALL = HOSTS | ADVICE
hosts = pytest.mark.parametrize("host", ALL)


def of_jgd():
    return jgd.chain(jgd.clip_by_global_norm(1.0), jgd.sgd(jgd.schedules.cosine(0.5, 20.0), momentum=0.9))


def of_optax():
    return optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(optax.cosine_decay_schedule(0.5, 20), momentum=0.9))


DATA = X, Y = jgd.data.make_linear(64, (1.0, -2.0, 0.5))  # the page's


def mean_square(params):
    return jnp.mean((X @ params["w"] + params["b"] - Y) ** 2)


def in_plain_optax(tx, steps=10):
    """Steps of optax alone."""

    @jax.jit
    def step(params, state):
        updates, state = tx.update(jax.grad(mean_square)(params), state, params)
        return optax.apply_updates(params, updates), state

    params = {"w": jnp.zeros(3), "b": jnp.zeros(())}
    state = tx.init(params)
    for _ in range(steps):
        params, state = step(params, state)
    return mean_square(params)


def assert_close(ours, theirs, rtol=2e-5):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-5 * rtol)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_the_code_that_is_tested_here():
    assert [title for title in CODE if CODE[title]] == [None, HAND, LINEN, NNX, EQUINOX, THEIRS, NETWORKS]
    assert sum(map(len, CODE.values())) == TEXT.count("```") // 2


@pytest.mark.parametrize("title", [title for title in CODE if title and CODE[title]])
def test_the_pages_code_runs(title):
    section(title)


def test_the_table_has_the_hosts_that_are_tested_here():
    assert [row[0] for row in rows("compiles again.")] == list(HOSTS)


# --- jgd in other people's loops --------------------------------------------------------------------------------------


@hosts
def test_ten_steps_are_those_of_fit_and_of_optax(host):
    loss = ALL[host][0](of_jgd())
    assert loss < 0.2 * jnp.mean(Y**2)
    assert_close(loss, in_plain_optax(of_optax()))
    assert_close(loss, jgd.fit(jgd.linear_regression(), DATA, of_jgd(), steps=10).objective)


@hosts
def test_a_host_traces_as_often_as_the_page_says(host):
    run, title, expected = ALL[host]
    traces = section(title)["traces"]
    before = traces.total()
    losses = [run(jgd.rmsprop(rate)) for rate in (0.01, 0.01, 0.02)]
    assert traces.total() - before == expected
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("host", ["a jitted function, `static_argnums`", "flax `TrainState`", "flax `nnx.Optimizer`"])
def test_equal_transformations_of_optax_do_not_share_a_compilation(host):
    run, title, _ = ALL[host]
    traces = section(title)["traces"]
    before = traces.total()
    assert run(optax.rmsprop(0.01)) == run(optax.rmsprop(0.01))
    assert traces.total() - before == 2


WRAPPERS = {
    "chain": lambda tx: optax.chain(optax.clip_by_global_norm(1.0), tx),
    "named_chain": lambda tx: optax.named_chain(("clip", optax.clip(1.0)), ("tx", tx)),
    "MultiSteps": lambda tx: optax.MultiSteps(tx, 2),
    "apply_if_finite": lambda tx: optax.apply_if_finite(tx, 3),
    "masked": lambda tx: optax.masked(tx, {"w": True, "b": False}),
    "partition": lambda tx: optax.partition({"a": tx, "b": optax.sgd(0.1)}, {"w": "a", "b": "b"}),
    "flatten": optax.flatten,
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_of_optax_take_transformations_of_jgd(wrapper):
    wrap = WRAPPERS[wrapper]
    loss = section(HAND)["in_optax"](wrap, jgd.adam(0.02))
    assert_close(loss, in_plain_optax(wrap(optax.adam(0.02))))
    with pytest.raises(TypeError, match="argument"):
        section(HAND)["step"](wrap(jgd.adam(0.02)), *2 * [jnp.zeros(())])


def test_lanes_are_the_runs_alone():
    page = section(HAND)
    assert_close(page["lanes"], jnp.stack([page["by_hand"](page["step"], jgd.adam(rate)) for rate in page["rates"]]))


def test_what_nnx_refuses_it_takes_as_floats_or_as_optax():
    page = section(NNX)
    run = functools.partial(page["in_nnx"], nnx.Optimizer)
    for refused in (arrays(jgd.adam(0.1)), page["lane"], jgd.stack([jgd.adam(0.1), jgd.adam(0.2)])):
        with pytest.raises(ValueError, match="Static attributes should not contain data values"):
            run(refused)
    assert_close([run(jax.tree.map(float, page["lane"])), run(page["lane"].to_optax())], 2 * [in_plain_optax(optax.adam(0.2))])


def test_a_compiled_step_of_flax_reads_an_injected_rate_from_the_state():
    page, tx = section(LINEN), optax.inject_hyperparams(jgd.adam)(learning_rate=0.1)
    before, losses = page["traces"].total(), []
    for rate in (0.1, 0.2):
        state = TrainState.create(apply_fn=None, params=page["variables"], tx=tx)
        state.opt_state.hyperparams["learning_rate"] = jnp.asarray(rate, jnp.float32)
        for _ in range(10):
            state = page["linen_step"](state)
        losses.append(page["linen_loss"](state.params))
    assert page["traces"].total() - before == 1
    assert_close(losses, [in_plain_optax(optax.adam(rate)) for rate in (0.1, 0.2)])


def test_what_a_link_asks_for_is_passed_on_by_nnx_and_not_by_linen():
    def run(tx):
        model = nnx.Linear(3, 1, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))
        optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)
        for _ in range(3):
            value, grads = nnx.value_and_grad(lambda model: jnp.mean((model(X)[:, 0] - Y) ** 2))(model)
            optimizer.update(model, grads, value=value)
        return value

    assert_close(run(jgd.polyak_sgd(0.5)), run(optax.polyak_sgd(0.5)))
    state = TrainState.create(apply_fn=None, params={"w": jnp.ones(3)}, tx=jgd.polyak_sgd(0.5))
    with pytest.raises(TypeError, match="'value'"):
        state.apply_gradients(grads={"w": jnp.ones(3)})


# --- other people's transformations in jgd ----------------------------------------------------------------------------


def test_a_fit_of_optax_is_a_loop_of_optax():
    theirs = of_optax()
    loss = in_plain_optax(theirs)
    assert_close(jgd.fit(jgd.linear_regression(), DATA, theirs, steps=10).objective, loss)
    assert_close(jgd.train(jgd.linear_regression(), DATA, jgd.chain(theirs), steps=10).objective, loss)


def test_a_link_is_offered_what_the_page_says():
    offered, lengths = set(), set()

    def all_of_them(updates, state, params=None, **extra):
        offered.update(extra)
        return updates, state

    def by_name(updates, state, params=None, *, obj_fn, grad_fn, row_grads, value, grad, value_fn):
        lengths.update(leaf.shape[0] for leaf in jax.tree.leaves(row_grads))
        mean = jax.tree.map(lambda g: g.mean(0), row_grads)
        return updates, {"values": (value, value_fn(params), obj_fn(params)), "grads": (grad, grad_fn(params), mean, updates)}

    link = optax.GradientTransformationExtraArgs(lambda params: (), all_of_them)
    jgd.fit(jgd.linear_regression(), DATA, jgd.chain(link, jgd.gd(0.1)), steps=1)
    assert offered == {"value", "grad", "value_fn"}
    zero = jnp.zeros(())
    link = optax.GradientTransformationExtraArgs(lambda w: {"values": 3 * (zero,), "grads": 4 * (w,)}, by_name)
    seen = jgd.fit(jgd.linear_regression(), DATA, jgd.chain(link, jgd.gd(0.1)), steps=1).state.opt_state[0]
    assert 64 in lengths
    assert_close(seen["values"], 3 * (jnp.mean(Y**2),))
    grads = jgd.LinearParams(-2 * X.T @ Y / 64, -2 * jnp.mean(Y))
    assert_close(seen["grads"], 4 * (grads,), rtol=1e-4)


def test_the_pages_clipping_of_rows_is_a_recursion():
    w, b = np.zeros(3), 0.0
    for _ in range(5):
        grads = 2 * np.column_stack([X, np.ones(64)]) * (X @ w + b - Y)[:, None]
        grads = np.mean(grads * np.minimum(1, 1 / np.linalg.norm(grads, axis=1))[:, None], axis=0)
        w, b = w - 0.5 * grads[:3], b - 0.5 * grads[3]
    tx = jgd.chain(section(THEIRS)["clip_rows"](1.0), jgd.gd(0.5))
    params = jgd.fit(jgd.linear_regression(), DATA, tx, steps=5).params
    np.testing.assert_allclose(np.append(params.weights, params.bias), np.append(w, b), rtol=1e-4, atol=1e-6)


# --- networks ---------------------------------------------------------------------------------------------------------


def keys(steps):
    """Of the loss, at each step of a run with key 5."""
    key = jax.random.fold_in(jax.random.key(5), LOSS)
    return [jax.random.fold_in(key, t) for t in range(steps)]


def linen_by_hand(page, steps):
    net, first = page["linen_net"], page["first"]

    @jax.jit
    def step(train, statistics, key):
        def loss(params):
            variables = {"params": params, "batch_stats": statistics}
            out, new = net.apply(variables, X, True, rngs={"dropout": key}, mutable=["batch_stats"])
            return jnp.mean((out - Y) ** 2), new["batch_stats"]

        grads, new = jax.grad(loss, has_aux=True)(train.params)
        return train.apply_gradients(grads=grads), new

    train, statistics = TrainState.create(apply_fn=net.apply, params=first["params"], tx=jgd.sgd(0.05)), first["batch_stats"]
    for key in keys(steps):
        train, statistics = step(train, statistics, key)
    return train.params, statistics


def nnx_by_hand(page, steps):
    @nnx.jit
    def step(model, optimizer, key):
        optimizer.update(model, nnx.grad(lambda model: jnp.mean((model(X, key) - Y) ** 2))(model))

    model = page["NnxNet"](nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, jgd.sgd(0.05), wrt=nnx.Param)
    for key in keys(steps):
        step(model, optimizer, key)
    return nnx.state(model, nnx.Param), nnx.state(model, nnx.BatchStat)


def equinox_by_hand(page, steps):
    tx = jgd.sgd(0.05)

    @eqx.filter_jit
    def step(model, state):
        grads = eqx.filter_grad(lambda model: jnp.mean((jax.vmap(model)(X) - Y) ** 2))(model)
        updates, state = tx.update(grads, state)
        return eqx.apply_updates(model, updates), state

    model, state = eqx.combine(page["weights"], page["rest"]), tx.init(page["weights"])
    for _ in range(steps):
        model, state = step(model, state)
    return eqx.filter(model, eqx.is_inexact_array), ()


@pytest.mark.parametrize(
    ("problem", "by_hand"),
    [("linen_problem", linen_by_hand), ("nnx_problem", nnx_by_hand), ("equinox_problem", equinox_by_hand)],
    ids=["linen", "nnx", "equinox"],
)
def test_a_fit_of_the_pages_network_is_a_loop_of_its_library(problem, by_hand):
    page = section(NETWORKS)
    result = jgd.fit(page[problem], DATA, jgd.sgd(0.05), steps=4, key=5)
    start = page[problem].init(jax.random.key(0))
    assert any(jnp.abs(a - b).max() > 0.01 for a, b in zip(*map(jax.tree.leaves, (result.params, start)), strict=True))
    assert_close((result.params, result.model_state), by_hand(page, 4), rtol=1e-3)


def test_the_trained_modules_predict_what_the_fit_predicts():
    page = section(NETWORKS)
    result = jgd.fit(page["nnx_problem"], DATA, jgd.sgd(0.05), steps=4, key=5)
    assert_close(nnx.merge(page["graph"], result.params, result.model_state)(X), result.predict(X), rtol=1e-4)
    result = jgd.fit(page["equinox_problem"], DATA, jgd.sgd(0.05), steps=4, key=5)
    assert_close(jax.vmap(eqx.combine(result.params, page["rest"]))(X), result.predict(X), rtol=1e-4)


class Normed(eqx.Module):
    hidden: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    out: eqx.nn.Linear

    def __init__(self, key):
        one, two = jax.random.split(key)
        self.hidden, self.out = eqx.nn.Linear(3, 8, key=one), eqx.nn.Linear(8, "scalar", key=two)
        self.norm = eqx.nn.BatchNorm(8, axis_name="rows", mode="batch")

    def __call__(self, x, state):
        x, state = self.norm(self.hidden(x), state)
        return self.out(jax.nn.relu(x)), state


def test_the_state_of_an_equinox_module_is_a_state():
    model, start = eqx.nn.make_with_state(Normed)(jax.random.key(0))
    weights, rest = eqx.partition(model, eqx.is_inexact_array)

    def outputs(weights, X, state, training):
        model = eqx.nn.inference_mode(eqx.combine(weights, rest), not training)
        return jax.vmap(model, axis_name="rows", in_axes=(0, None), out_axes=(0, None))(X, state)

    def loss(weights, batch, *, key=None, state=None):
        prediction, state = outputs(weights, batch.X, state, key is not None)
        return jgd.losses.squared_error(prediction, batch.y), state

    result = jgd.fit(jgd.Problem(loss, init=weights, state=start), DATA, jgd.sgd(0.05), steps=4)

    @jax.jit
    def step(weights, state):
        def mean_loss(weights):
            prediction, new = outputs(weights, X, state, True)
            return jnp.mean((prediction - Y) ** 2), new

        grads, new = jax.grad(mean_loss, has_aux=True)(weights)
        return jax.tree.map(lambda w, g: w - 0.05 * g, weights, grads), new

    state = start
    for _ in range(4):
        weights, state = step(weights, state)
    assert_close((result.params, result.model_state), (weights, state), rtol=1e-3)
    assert_close(result.objective, jnp.mean((outputs(weights, X, state, False)[0] - Y) ** 2), rtol=1e-3)


# --- what cannot be traced --------------------------------------------------------------------------------------------


def test_the_table_of_static_numbers_is_that_of_the_factories():
    listed = {
        name: set(re.findall(r"`([\w.]+)`", numbers))
        for names, numbers, _ in rows("refuses to batch them.")
        for name in re.findall(r"`([\w.]+)`", names)
    }
    public = [getattr(module, name) for module in (jgd, jgd.contrib) for name in module.__all__]
    factories = [getattr(value, "factory", None) for value in public]
    kept = {
        f.name: set(f.static) for f in factories if isinstance(f, Factory) and f.kind is jgd.GradientTransformation and f.static
    }
    assert listed == kept
    with pytest.raises(ValueError, match="of one structure"):
        jgd.stack([jgd.apply_every(2), jgd.apply_every(3)])


def test_the_list_of_what_is_not_lifted_is_that_of_the_table():
    items = re.findall(r"^- (.*?):", TEXT.partition("does not lift:")[2], re.MULTILINE)
    assert sorted(re.findall(r"`([\w.]+)`", " ".join(items))) == sorted(NOT_LIFTED)


def test_lbfgs_of_optax_goes_into_a_chain_and_can_be_lifted():
    lifted = jgd.lift(optax.lbfgs, name="optax_lbfgs", static=("memory_size",))
    ours = jgd.fit(jgd.linear_regression(), DATA, lifted(), steps=5)
    theirs = jgd.fit(jgd.linear_regression(), DATA, optax.lbfgs(), steps=5)
    assert lifted().is_code
    best = np.linalg.lstsq(np.column_stack([X, np.ones(64)]), Y, rcond=None)[1][0] / 64
    np.testing.assert_allclose([ours.objective, theirs.objective], best, rtol=1e-4)
