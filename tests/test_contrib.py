"""`jgd.contrib` where the battery does not look: the documented rules in NumPy, rows, extra arguments, names, nesting."""

import functools
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

import jgd
from jgd import contrib
from jgd.transformation import asked

# A quadratic with a diagonal and with a full Hessian; both are above 1 everywhere.
DIAGONAL, FULL = np.diag([3.0, 2.0, 1.0]), np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
LINEAR, START = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.2, -0.4])
CLIMB = jgd.chain(contrib.normalize(), jgd.sgd(0.05))


def value(w, hessian=FULL):
    return w @ hessian @ w / 2 - LINEAR @ w + 4.0


def loss(w, hessian=FULL):
    """The same in JAX, in the precision of w."""
    hessian, linear = jnp.asarray(hessian, w.dtype), jnp.asarray(LINEAR, w.dtype)
    return w @ hessian @ w / 2 - linear @ w + 4.0


def grad(w, hessian=FULL):
    return hessian @ w - LINEAR


def optax_loop(tx, f, params, steps, **extra):
    """The parameters after a loop of optax's kind."""

    def step(carry, _):
        params, state = carry
        updates, state = tx.update(jax.grad(f)(params), state, params, **extra)
        return (optax.apply_updates(params, updates), state), None

    return jax.jit(lambda params: jax.lax.scan(step, (params, tx.init(params)), None, length=steps)[0][0])(params)


def jgd_loop(tx, f, params, steps):
    """The parameters after steps of jgd's, which offer what links ask for."""
    init, step = jgd.training_step(jgd.Problem(f, init=params), tx)
    run = lambda params: jax.lax.scan(lambda state, _: (step(state)[0], None), init(params), None, length=steps)[0].params
    return jax.jit(run)(jnp.asarray(params))


def moments(b1=0.9, b2=0.999):
    """g -> (m, v, m^, v^), step after step."""
    m, v, t = 0.0, 0.0, 0

    def step(g):
        nonlocal m, v, t
        m, v, t = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2, t + 1
        return m, v, m / (1 - b1**t), v / (1 - b2**t)

    return step


def acprop(w, steps):
    m = s = 0.0
    for t in range(1, steps + 1):
        g = grad(w)
        hat = s / (1 - 0.99 ** (t - 1)) if t > 1 else 1.0
        s, m = 0.99 * s + 0.01 * (g - m) ** 2 + 1e-8, 0.9 * m + 0.1 * g
        w = w - 0.05 * (g / (np.sqrt(hat) + 1e-4) + 0.01 * w)
    return w


def ademamix(w, steps):
    fast, slow = moments(), 0.0
    for t in range(steps):
        g = grad(w)
        slow = 0.9999 * slow + 0.0001 * g
        _, _, m, v = fast(g)
        w = w - 0.05 * ((m + t / 5 * slow) / (np.sqrt(v) + 1e-8) + 0.01 * w)
    return w


def simplified_ademamix(w, steps):
    step, m = moments(b2=0.95), 0.0
    for _ in range(steps):
        g = grad(w)
        m = 0.8 * m + g
        w = w - 0.01 * ((m + 2.0 * g) / (np.sqrt(step(g)[3]) + 1e-8) + 0.01 * w)
    return w


def adopt(w, steps):
    m, v = 0.0, grad(w) ** 2
    for t in range(2, steps + 1):
        g = grad(w)
        bound = (t - 1) ** 0.25
        d = np.clip(g / np.maximum(np.sqrt(v), 1e-6), -bound, bound)
        m, v = 0.9 * m + 0.1 * d, 0.99 * v + 0.01 * g**2
        w = w - 0.1 * (0.9 * m + 0.1 * d)
    return w


def madgrad(w, steps):
    first, v, s = w, 0.0, 0.0
    for t in range(1, steps + 1):
        g = grad(w) + 0.01 * w
        c = (0.1 + 1e-6) * np.sqrt(t)
        v, s = v + c * g**2, s + c * g
        w = 0.5 * w + 0.5 * (first - s / (np.cbrt(v) + 1e-6))
    return w


def cocob(w, steps):
    first, length, total, reward, c = w, 1e-8, 0.0, 0.0, 0.0
    for _ in range(steps):
        g = 0.5 * (grad(w) + 0.01 * w)
        length, total = np.maximum(length, abs(g)), total + abs(g)
        reward, c = np.maximum(reward - g * (w - first), 0), c - g
        w = first + c / (length * np.maximum(total + length, 20.0 * length)) * (length + reward)
    return w


def dadapt_adamw(w, steps):
    b1, b2, d, r, s, m, v = 0.8, 0.99, 1e-2, 0.0, 0.0, 0.0, 0.0
    q = np.sqrt(b2)
    for t in range(1, steps + 1):
        g = grad(w)
        a = d * 0.5 * np.sqrt(1 - b2**t) / (1 - b1**t)
        r = q * r + (1 - q) * a * np.sum(g * s / (np.sqrt(v) + 1e-8))
        s, m, v = q * s + (1 - q) * a * g, b1 * m + (1 - b1) * a * g, b2 * v + (1 - b2) * g**2
        d = max(d, r / ((1 - q) * abs(s).sum()))
        w = w - m / (np.sqrt(v) + 1e-8) - 0.01 * a * w
    return w


def prodigy(w, steps, safeguard=False):
    b1, b2, d, r, s, m, v = 0.8, 0.99, 1e-2, 0.0, 0.0, 0.0, 0.0
    first, b3 = w, np.sqrt(b2)
    for t in range(1, steps + 1):
        g = grad(w)
        a = d * 0.5 * np.sqrt(1 - b2**t) / (1 - b1**t)
        m, v = b1 * m + (1 - b1) * d * g, b2 * v + (1 - b2) * (d * g) ** 2
        s = b3 * s + (d if safeguard else a) * d * g / 1e-2
        r = b3 * r + a * d * np.sum(g * (first - w)) / 1e-2
        d = max(d, 0.9 * r / abs(s).sum())
        w = w - a * (m / (np.sqrt(v) + d * 1e-8) + 0.01 * w)
    return w


def dog(w, steps, kind="heuristic"):
    first, v = w, 0.0
    r = {"heuristic": 0.1 * (1 + np.linalg.norm(w)), "distance": 0.1, "learning_rate": 0.0}[kind]
    for t in range(steps):
        g = grad(w) + 0.01 * w
        r, v = max(r, np.linalg.norm(w - first)), v + g @ g
        w = w - 0.5 * (0.1 if kind == "learning_rate" and t == 0 else r / np.sqrt(v + 1e-8)) * g
    return w


def dowg(w, steps):
    first, q, v = w, 1e-4, 0.0
    for _ in range(steps):
        g = grad(w)
        q = max(q, (w - first) @ (w - first))
        v = v + q * g @ g
        w = w - 0.5 * q / (np.sqrt(v) + 1e-4) * g
    return w


def mechanize(w, steps):
    first, b = w, 1 - 0.1 ** np.arange(1, 5)
    r, m, v, s = np.zeros(4), np.zeros(4), np.zeros(4), np.full(4, 0.1)
    for _ in range(steps):
        g = grad(w)
        inner = -0.2 * g
        g = g + 0.01 * s.sum() * np.linalg.norm(g) / (np.linalg.norm(w) + 1e-8) * w
        before = (first - w) / (s.sum() + 1e-8)
        h = g @ before
        r, m, v = b * r + s * np.clip(h, -m, m), np.maximum(b * m, abs(h) + 1e-8), b**2 * v + h**2
        s = (0.1 / 4 * m + np.maximum(r, 0)) / (np.sqrt(v) + 1e-8)
        w = first - s.sum() * (before - inner)
    return w


def momo(w, steps):
    f = m = q = 0.0
    k = 1 + 0.5 * 0.01
    for t in range(steps):
        b, g = (0.7 if t else 0.0), grad(w)
        f, m, q = b * f + (1 - b) * value(w), b * m + (1 - b) * g, b * q + (1 - b) * (g @ w)
        x = min(0.5, max(0.0, k * (f - 1.0 - q) + m @ w) / (m @ m))
        w = w / k - x * m
    return w


def momo_adam(w, steps):
    f = q = 0.0
    step, k = moments(), 1 + 0.2 * 0.01
    for t in range(1, steps + 1):
        g, c = grad(w), 1 - 0.9**t
        m, _, _, v = step(g)
        f, q, p = 0.9 * f + 0.1 * value(w), 0.9 * q + 0.1 * (g @ w), 1e-8 + np.sqrt(v)
        x = min(0.2 / c, max(0.0, k * (f - c * 1.0 - q) + m @ w) / (m @ (m / p)))
        w = w / k - x * m / p
    return w


def schedule_free(w, steps):
    """What is trained; the average beside it."""
    x = z = w
    total = 0.0
    for t in range(1, steps + 1):
        rate = 0.2 * min(t / 4, 1.0)  # The base's own warm-up is one step behind, as its count starts at 0.
        z = z - 0.2 * min((t - 1) / 4, 1.0) * (grad(w) + 0.01 * w)
        total += rate**2
        x = (1 - rate**2 / total) * x + rate**2 / total * z
        w = 0.8 * x + 0.2 * z
    return w, x


def sophia(w, steps):
    """Where the Hessian is diagonal, any random signs give its diagonal."""
    step, h = moments(b1=0.9), 0.0
    for t in range(steps):
        m = step(grad(w, DIAGONAL))[2]
        w = w - 0.05 * (np.clip(m / np.maximum(0.5 * h, 1e-8), -1.5, 1.5) + 0.01 * w)
        h = 0.8 * h + 0.2 * np.diag(DIAGONAL) if t % 3 == 0 else h
    return w


def sam(w, steps):
    for _ in range(steps):
        g = grad(w)
        w = w - 0.1 * grad(w + 0.05 * g / np.linalg.norm(g))
    return w


RULES = {
    "acprop": (contrib.acprop(0.05, b2=0.99, eps=1e-4, eps_root=1e-8, weight_decay=0.01), acprop),
    "ademamix": (contrib.ademamix(0.05, alpha=jgd.schedules.linear(0.0, 10.0, 50), weight_decay=0.01), ademamix),
    "simplified_ademamix": (contrib.simplified_ademamix(0.01, b1=0.8, alpha=2.0, weight_decay=0.01), simplified_ademamix),
    "adopt": (contrib.adopt(0.1, b2=0.99, nesterov=True), adopt),
    "madgrad": (contrib.madgrad(0.1, momentum=0.5, weight_decay=0.01), madgrad),
    "cocob": (contrib.cocob(0.5, alpha=20.0, weight_decay=0.01), cocob),
    "dadapt_adamw": (contrib.dadapt_adamw(0.5, betas=(0.8, 0.99), estim_lr0=1e-2, weight_decay=0.01), dadapt_adamw),
    "prodigy": (contrib.prodigy(0.5, betas=(0.8, 0.99), estim_lr0=1e-2, estim_lr_coef=0.9, weight_decay=0.01), prodigy),
    "prodigy, warm-up": (
        contrib.prodigy(
            0.5, betas=(0.8, 0.99), estim_lr0=1e-2, estim_lr_coef=0.9, weight_decay=0.01, safeguard_warmup=True
        ),
        functools.partial(prodigy, safeguard=True),
    ),
    "dog": (contrib.dog(0.5, init_step=("heuristic", 0.1), weight_decay=0.01), dog),
    "dog, rate": (
        contrib.dog(0.5, init_step=("learning_rate", 0.1), weight_decay=0.01), functools.partial(dog, kind="learning_rate")
    ),
    "dowg": (contrib.dowg(0.5), dowg),
    "mechanize": (contrib.mechanize(jgd.sgd(0.2), weight_decay=0.01, s_init=0.1, num_betas=4), mechanize),
    "momo": (contrib.momo(0.5, beta=0.7, lower_bound=1.0, weight_decay=0.01), momo),
    "momo_adam": (contrib.momo_adam(0.2, lower_bound=1.0, weight_decay=0.01), momo_adam),
    "schedule_free": (
        contrib.schedule_free_sgd(0.2, warmup_steps=4, b1=0.8, weight_decay=0.01), lambda w, steps: schedule_free(w, steps)[0]
    ),
    "sam": (contrib.sam(jgd.sgd(0.1), CLIMB, opaque_mode=True), sam),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_the_documented_rule(name):
    tx, rule = RULES[name]
    with jax.enable_x64(True):
        params = jgd_loop(tx, loss, START, 25)
    expected = rule(START, 25)
    assert np.abs(expected - START).max() > 0.1
    np.testing.assert_allclose(params, expected, rtol=1e-9)


def test_sophia_where_the_hessian_is_diagonal():
    tx = contrib.sophia(0.05, b1=0.9, b2=0.8, gamma=0.5, clip_threshold=1.5, update_interval=3, weight_decay=0.01)
    with jax.enable_x64(True):
        params = jgd_loop(tx, lambda w: loss(w, DIAGONAL), START, 25)
    np.testing.assert_allclose(params, sophia(START, 25), rtol=1e-9)


def test_hutchinsons_estimate_is_unbiased_and_its_seeds_are_a_batch():
    w = jnp.asarray(START)
    estimators = jgd.stack([contrib.hutchinson_estimator_diag_hessian(seed) for seed in range(1024)])
    once = lambda tx: tx.update(w, tx.init(w), w, obj_fn=loss)[0]
    estimates = jax.jit(jax.vmap(once))(estimators)
    # The spread of an entry is the length of its row outside the diagonal, at most 1.12; that of the mean 32 times less.
    np.testing.assert_allclose(estimates.mean(0), np.diag(FULL), atol=4 * 1.12 / 32)
    assert np.std(estimates, axis=0).min() > 0.4


# --- every name of optax's


def names_of_optax():
    functions = {n for n, f in vars(optax.contrib).items() if inspect.isfunction(f)}
    assert len(functions) >= 34
    return sorted(functions)


def test_every_factory_of_optax_is_here():
    assert set(names_of_optax()) <= set(contrib.__all__)


# What differs: arguments that optax will drop, defaults that are closures, and jgd's own definition.
DIFFERENT = {
    "differentially_private_aggregate": {"key", "seed"},
    "adopt": {"clip_value_fn"},
    "scale_by_adopt": {"clip_value_fn"},
    "sophia": {"hessian_diagonal_fn"},
}


@pytest.mark.parametrize("name", sorted(set(names_of_optax()) - {"schedule_free_eval_params", "reduce_on_plateau"}))
def test_arguments_and_defaults_are_optax_own(name):
    plain = lambda f: {k: (p.kind, p.default) for k, p in inspect.signature(f).parameters.items()}
    ours, theirs = plain(getattr(contrib, name)), plain(getattr(optax.contrib, name))
    different = {k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
    assert different == DIFFERENT.get(name, set())


@pytest.mark.parametrize(
    "text",
    [
        "contrib.muon(0.01)",
        "contrib.muon(schedules.cosine(0.1, 50.0), ns_coeffs='dion')",
        "contrib.adopt(0.1)",
        "contrib.sophia(0.1)",
        "contrib.sophia(0.1, hessian_diagonal_fn=contrib.hutchinson_estimator_diag_hessian(random_seed=7))",
        "contrib.dog(init_step=('distance', 0.1))",
        "contrib.dadapt_adamw(betas=(0.9, 0.99))",
        "contrib.mechanize(adam(1.0), num_betas=3)",
        "contrib.sam(sgd(0.1), chain(contrib.normalize(), sgd(0.05)), sync_period=3)",
        "chain(contrib.dpsgd(0.1, 1.0, 0.5, 0), scale(2.0))",
    ],
)
def test_names_are_read_printed_and_pickled(text):
    tx = jgd.parse(text)
    assert repr(tx) == text
    assert tx.is_code
    assert jgd.parse("jgd." + text) == tx == pickle.loads(pickle.dumps(tx))
    params = {"w": jnp.ones((2, 3)), "b": jnp.zeros(3)}
    jax.eval_shape(tx.init, params)


# --- rows


def line(params, batch):
    return (batch.X @ params["w"] + params["b"] - batch.y) ** 2


ROWS = np.array([[1.0, 2.0], [0.1, 0.0], [-1.0, 0.5], [0.3, -2.0], [0.0, 0.1]]), np.array([3.0, 0.2, 1.0, -1.0, 0.6])
PARAMS = {"w": np.array([0.5, -0.3]), "b": np.array(0.1)}


def row_gradients():
    (X, y), w, b = ROWS, PARAMS["w"], PARAMS["b"]
    residual = 2 * (X @ w + b - y)
    return {"w": residual[:, None] * X, "b": residual}


def shortened(rows, bound):
    """The mean of arrays' rows, each at most `bound` long."""
    length = np.linalg.norm(rows.reshape(len(rows), -1), axis=1)
    return np.mean(rows * np.minimum(1, bound / length).reshape(-1, *[1] * (rows.ndim - 1)), axis=0)


def global_clip(bound):
    rows = row_gradients()
    mean = shortened(np.column_stack([rows["w"], rows["b"]]), bound)
    return {"w": mean[:2], "b": mean[2]}


def layer_clip(bounds):
    rows = row_gradients()
    return {name: shortened(rows[name], bounds[name]) for name in rows}


CLIPS = [
    (contrib.per_example_global_norm_clip(1.5), global_clip(1.5)),
    (contrib.per_example_layer_norm_clip(1.5), layer_clip({"w": 1.5 / 2**0.5, "b": 1.5 / 2**0.5})),
    (contrib.per_example_layer_norm_clip(1.5, uniform=False), layer_clip({"w": 1.5 * (2 / 3) ** 0.5, "b": 1.5 * (1 / 3) ** 0.5})),
    (contrib.differentially_private_aggregate(1.5, 0.0, 0), global_clip(1.5)),
    (contrib.dpsgd(1.0, 1.5, 0.0, seed=0), {name: -u for name, u in global_clip(1.5).items()}),
]
clips = pytest.mark.parametrize(("tx", "expected"), CLIPS, ids=[repr(tx) for tx, _ in CLIPS])


@clips
def test_rows_are_clipped_and_averaged_as_in_numpy(tx, expected, x64):
    rows = jax.tree.map(jnp.asarray, row_gradients())
    lengths = np.sqrt(np.sum(row_gradients()["w"] ** 2, axis=1) + row_gradients()["b"] ** 2)
    assert lengths.min() < 0.5
    assert lengths.max() > 5
    params = jax.tree.map(jnp.asarray, PARAMS)
    mean = jax.tree.map(lambda g: jnp.mean(g, 0), rows)
    as_argument = tx.update(mean, tx.init(params), params, row_grads=rows)[0]
    as_updates = tx.update(rows, tx.init(params), params)[0]
    without_params = tx.update(rows, tx.init(params))[0]
    for updates in (as_argument, as_updates, without_params):
        for name in PARAMS:
            np.testing.assert_allclose(updates[name], expected[name], rtol=1e-12 if x64 else 1e-5)


@clips
def test_a_training_step_hands_over_the_rows_gradients(tx, expected):
    tx = jgd.chain(tx, jgd.scale(0.5))
    assert "row_grads" in asked(tx)
    init, step = jgd.training_step(jgd.Problem(line, init=PARAMS), tx)
    state, _ = step(init(PARAMS), jgd.Dataset(*ROWS))
    for name in PARAMS:
        np.testing.assert_allclose(state.params[name], PARAMS[name] + 0.5 * expected[name], rtol=1e-5, atol=1e-7)


@clips
def test_where_there_are_no_rows_it_says_so(tx, expected):
    params = jax.tree.map(jnp.asarray, PARAMS)
    state, name = tx.init(params), tx.name
    message = rf"{name} needs the gradient of every row: give update\(\.\.\., row_grads=\.\.\.\), or updates with a leading axis"
    with pytest.raises(ValueError, match=message + r".*found shapes \[\(\), \(2,\)\] for parameters of shapes \[\(\), \(2,\)\]"):
        tx.update(params, state, params)
    with pytest.raises(ValueError, match=message + r".*found shapes \[\(\), \(2,\)\]\."):
        tx.update(params, state)
    with pytest.raises(ValueError, match=r"found shapes \[\(3,\), \(5, 2\)\]"):
        tx.update(params, state, params, row_grads={"w": jnp.ones((5, 2)), "b": jnp.ones(3)})
    with pytest.raises(ValueError, match=r"found shapes \[\(5,\), \(5, 3\)\] for parameters of shapes \[\(\), \(2,\)\]"):
        tx.update({"w": jnp.ones((5, 3)), "b": jnp.ones(5)}, state, params)


def test_dpsgd_is_optax_own_on_the_rows_gradients():
    problem = jgd.Problem(line, init=PARAMS)
    init, step = jgd.training_step(problem, contrib.dpsgd(0.1, 1.5, 0.3, seed=4, momentum=0.5, nesterov=True))
    with pytest.warns(DeprecationWarning, match="seed"):
        theirs = optax.contrib.dpsgd(0.1, 1.5, 0.3, seed=4, momentum=0.5, nesterov=True)
    batch = jgd.Dataset(*ROWS)
    state = init(PARAMS)
    params = state.params
    opt_state = theirs.init(params)
    of_row = jax.grad(lambda params, x, y: (x @ params["w"] + params["b"] - y) ** 2)
    for _ in range(4):
        state, _ = step(state, batch)
        rows = jax.vmap(of_row, in_axes=(None, 0, 0))(params, batch.X, batch.y)
        updates, opt_state = theirs.update(rows, opt_state, params)
        params = optax.apply_updates(params, updates)
        for name in PARAMS:
            np.testing.assert_allclose(state.params[name], params[name], rtol=1e-5, atol=1e-7)
    quiet = jgd.training_step(problem, contrib.dpsgd(0.1, 1.5, 0.0, seed=4))[1]
    noise = np.ravel(step(init(PARAMS), batch)[0].params["w"] - quiet(init(PARAMS), batch)[0].params["w"])
    assert np.abs(noise).min() > 1e-4


# --- extra arguments


def test_the_two_modes_of_sam_agree():
    climb = jgd.chain(contrib.normalize(), jgd.sgd(0.05, momentum=0.9))
    tx = contrib.sam(jgd.adam(0.1), climb, sync_period=3)
    visible, opaque = tx.replace(opaque_mode=False), tx.replace(opaque_mode=True)
    assert "grad_fn" in asked(opaque)
    with jax.enable_x64(True):
        in_each, in_one = jgd_loop(visible, loss, START, 12), jgd_loop(opaque, loss, START, 4)
        raw = optax.contrib.sam(
            optax.adam(0.1), optax.chain(optax.contrib.normalize(), optax.sgd(0.05, momentum=0.9)), 3, opaque_mode=True
        )
        params = optax_loop(raw, loss, jnp.asarray(START), 4, grad_fn=lambda params, i: jax.grad(loss)(params))
    np.testing.assert_allclose(in_each, in_one, rtol=1e-12)
    np.testing.assert_allclose(in_one, params, rtol=1e-12)


def test_sam_in_one_update_needs_the_gradient_elsewhere():
    tx = contrib.sam(jgd.sgd(0.1), CLIMB, opaque_mode=True)
    w = jnp.asarray(START)
    with pytest.raises(ValueError, match="grad_fn must be provided"):
        tx.update(w, tx.init(w), w)


def test_complex_parameters_are_pairs_of_real_ones_in_optax_loops():
    goal = np.array([1 + 2j, -1j])
    conjugate = optax.stateless(lambda updates, params: updates.conj())
    tx = optax.chain(conjugate, contrib.split_real_and_imaginary(jgd.adam(0.1)))
    z = optax_loop(tx, lambda z: jnp.sum(jnp.abs(z - jnp.asarray(goal, z.dtype)) ** 2), jnp.zeros(2, complex), 200)
    real, imaginary = jnp.asarray(goal.real), jnp.asarray(goal.imag)
    apart = lambda p: jnp.sum((p[0] - real) ** 2 + (p[1] - imaginary) ** 2)
    pairs = optax_loop(optax.adam(0.1), apart, jnp.zeros((2, 2)), 200)
    np.testing.assert_allclose(z, pairs[0] + 1j * pairs[1], atol=1e-5)
    np.testing.assert_allclose(z, goal, atol=0.01)


# --- matrices


def test_muon_ends_at_the_orthogonal_factor_of_the_momentum():
    G = np.array([[3.0, 0.2, -1.0], [0.5, 1.0, 2.0]])
    U, _, V = np.linalg.svd(G, full_matrices=False)
    exact = contrib.scale_by_muon(ns_coeffs=(2.0, -1.5, 0.5), ns_steps=8)
    once = jax.jit(lambda tx, tree: tx.update(tree, tx.init(tree), tree)[0])
    with jax.enable_x64(True):
        tree = {"a": jnp.asarray(G), "b": jnp.asarray(G.T)}
        updates = once(exact, tree)
        np.testing.assert_allclose(updates["a"], U @ V, atol=1e-10)
        np.testing.assert_allclose(updates["b"], (U @ V).T, atol=1e-10)
        whole = contrib.muon(0.1, ns_coeffs=(2.0, -1.5, 0.5), ns_steps=8, consistent_rms=0.2, weight_decay=0.5)
        updates = once(whole, tree)
        np.testing.assert_allclose(updates["a"], -0.1 * (0.2 * 3**0.5 * U @ V + 0.5 * G), atol=1e-10)
        updates = once(whole.replace(consistent_rms=None, weight_decay=0.0), tree)
        np.testing.assert_allclose(updates["a"], -0.1 * 1.5**0.5 * U @ V, atol=1e-10)


def test_axes_of_a_matrix_are_structure():
    axes = optax.contrib.MuonDimensionNumbers((0,), (1, 2))
    make = lambda rate: contrib.muon(rate, muon_weight_dimension_numbers={"w": axes, "b": None})
    params = {"w": jnp.linspace(-1.0, 1.0, 24).reshape(4, 2, 3) ** 2, "b": jnp.ones((2, 2))}
    assert jax.tree.structure(make(0.1)) == jax.tree.structure(make(0.2))
    assert not make(0.1).is_code
    assert pickle.loads(pickle.dumps(make(0.1))) == make(0.1)
    ours = jax.jit(lambda tx: tx.update(params, tx.init(params), params)[0])(make(0.1))
    raw = optax.contrib.muon(0.1, muon_weight_dimension_numbers={"w": axes, "b": None})
    theirs = raw.update(params, raw.init(params), params)[0]
    matrix, plain = params["w"].reshape(4, 6), contrib.muon(0.1)
    flat = plain.update(matrix, plain.init(matrix), matrix)[0]
    for name in params:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5)
    np.testing.assert_allclose(ours["w"].reshape(4, 6), flat, atol=1e-5)


def test_galore_projects_on_the_first_singular_vectors():
    G = np.array([[3.0, 0.2], [0.5, 1.0], [-1.0, 2.0]])
    U, S, V = np.linalg.svd(G, full_matrices=False)
    tx = contrib.scale_by_galore(rank=1, scale=2.0, base_optimizer=jgd.scale(3.0))
    tree = {"tall": jnp.asarray(G), "wide": jnp.asarray(G.T), "b": jnp.ones(3)}
    updates, _ = tx.update(tree, tx.init(tree))
    best = 6.0 * S[0] * np.outer(U[:, 0], V[0])
    np.testing.assert_allclose(updates["tall"], best, atol=1e-5)
    np.testing.assert_allclose(updates["wide"], best.T, atol=1e-5)
    np.testing.assert_allclose(updates["b"], 3.0 * np.ones(3), atol=1e-6)


# --- averages


def wrapped(kind):
    rule = contrib.schedule_free_sgd(0.2, warmup_steps=4, b1=0.8, weight_decay=0.01)
    return {"chain": jgd.chain(jgd.clip(100.0), rule), "masked": jgd.masked(rule, {"w": True, "b": False})}[kind]


def test_the_average_is_found_in_a_chains_state():
    tx = wrapped("chain")
    with jax.enable_x64(True):
        result = jgd.minimize(loss, START, tx, steps=25)
        average = contrib.schedule_free_eval_params(result.state, result.params)
        same = contrib.schedule_free_eval_params(result.state.opt_state, result.params)
    np.testing.assert_allclose(average, schedule_free(START, 25)[1], rtol=1e-9)
    np.testing.assert_array_equal(average, same)
    assert np.abs(average - result.params).max() > 1e-3


def test_parameters_that_no_schedule_free_rule_trains_stay():
    tx = jgd.chain(wrapped("masked"), jgd.masked(jgd.sgd(0.1), {"w": False, "b": True}))
    f = lambda p: loss(p["w"]) + p["b"] ** 2
    with jax.enable_x64(True):
        result = jgd.minimize(f, {"w": START, "b": 1.0}, tx, steps=25)
        average = contrib.schedule_free_eval_params(result.state, result.params)
    np.testing.assert_allclose(average["w"], schedule_free(START, 25)[1], rtol=1e-9)
    np.testing.assert_allclose(average["b"], 0.8**25, rtol=1e-9)


def test_a_state_without_a_schedule_free_rule_is_refused():
    with pytest.raises(ValueError, match=r"the state holds no schedule-free rule's \(found tuple\): give that of a chain"):
        contrib.schedule_free_eval_params(jgd.chain(jgd.clip(1.0)).init(0.0), 0.0)


# --- optimizers inside


@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (lambda rate: contrib.mechanize(jgd.adam(rate), s_init=0.1), [0.3, 0.9, 0.999, 1e-8, 0.0, 0.01, 1e-8, 0.1]),
        (lambda rate: contrib.schedule_free(jgd.sgd(rate), 0.3, b1=0.8), [0.3, 0.3, 0.8, 2.0]),
        (lambda rate: contrib.sam(jgd.sgd(rate), CLIMB), [0.3, 0.05]),
        (lambda rate: contrib.galore(0.1, rank=1, base_optimizer=jgd.trace(rate)), [0.1, 200.0, 1.0, 0.3, 0.0]),
    ],
    ids=["mechanize", "schedule_free", "sam", "galore"],
)
def test_the_inner_numbers_are_leaves_and_can_be_swept(make, numbers):
    assert jax.tree.leaves(make(0.3)) == numbers
    problem = jgd.Problem(lambda W: loss(W[:, 0]) + loss(W[:, 1]), init=np.stack([START, -START], 1))
    traces = 0

    def run(tx):
        nonlocal traces
        traces += 1
        return jgd.train(problem, None, tx, steps=10).params

    rates = [0.01, 0.05, 0.1]
    lanes = jax.jit(jax.vmap(run))(jgd.stack([make(rate) for rate in rates]))
    assert traces == 1
    alone = jax.jit(run)
    for rate, lane in zip(rates, lanes, strict=True):
        np.testing.assert_allclose(lane, alone(make(rate)), rtol=1e-4, atol=1e-5)
    assert traces == 2
    assert np.abs(lanes[0] - lanes[2]).max() > 0.01


def test_the_length_of_the_warm_up_can_be_swept():
    lengths = [1.0, 3.0, 8.0]
    run = lambda tx: jgd.train(jgd.Problem(loss, init=START), None, tx, steps=8).params
    lanes = jax.vmap(run)(jgd.stack([contrib.schedule_free_adamw(0.1, warmup_steps=n) for n in lengths]))
    for n, lane in zip(lengths, lanes, strict=True):
        raw = optax.contrib.schedule_free_adamw(0.1, warmup_steps=int(n))
        np.testing.assert_allclose(lane, optax_loop(raw, loss, jnp.asarray(START), 8), rtol=1e-4, atol=1e-6)
