"""Fifty steps of each optimizer and schedule, compared with PyTorch's on the same rows in the same order.

Both start at zero. PyTorch's loop walks the rows in their order, epoch after epoch; each step's loss is the mean over the
rows of its batch, and an epoch's last batch is short (22 rows of 32).
"""

import jax
import numpy as np
import pytest
import torch
from torch.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop, Rprop
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, StepLR

import jgd
from jgd.transforms import _rprop, scale_by_nadam

pytestmark = pytest.mark.peers

ROWS, BATCH, STEPS = 150, 32, 50
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}

step_decay, exponential_decay, cosine = jgd.schedules.step_decay, jgd.schedules.exponential_decay, jgd.schedules.cosine


def nadam(rate, decay=0.0, decoupled=0.0, **numbers):
    """PyTorch's weight decay comes before the moments, or, decoupled, after them."""
    before, after = jgd.add_decayed_weights(decay), jgd.add_decayed_weights(decoupled)
    return jgd.chain(before, scale_by_nadam(**numbers), after, jgd.scale_by_learning_rate(rate))


rprop = jgd.lift(_rprop.rprop, name="rprop_of_test_torch")

# What jgd is told, what PyTorch is told, and PyTorch's schedule.
OPTIMIZERS = {
    "gd": (jgd.gd(0.05), lambda p: SGD(p, 0.05)),
    "momentum": (jgd.sgd(0.02, momentum=0.9), lambda p: SGD(p, 0.02, momentum=0.9)),
    "nesterov": (jgd.sgd(0.02, momentum=0.9, nesterov=True), lambda p: SGD(p, 0.02, momentum=0.9, nesterov=True)),
    # PyTorch's SGD adds its decay to the gradient, before the momentum: a link of its own in front. Both decay the bias too.
    "decay": (jgd.chain(jgd.add_decayed_weights(0.1), jgd.sgd(0.05)), lambda p: SGD(p, 0.05, weight_decay=0.1)),
    "decay, nesterov": (
        jgd.chain(jgd.add_decayed_weights(0.1), jgd.sgd(0.02, momentum=0.9, nesterov=True)),
        lambda p: SGD(p, 0.02, momentum=0.9, nesterov=True, weight_decay=0.1),
    ),
    "adam": (jgd.adam(0.05), lambda p: Adam(p, 0.05)),
    "adam, betas": (jgd.adam(0.05, b1=0.8, b2=0.95, eps=1e-3), lambda p: Adam(p, 0.05, betas=(0.8, 0.95), eps=1e-3)),
    # Adam's own weight_decay is PyTorch's L2 kind.
    "adam, L2": (jgd.chain(jgd.add_decayed_weights(0.1), jgd.adam(0.05)), lambda p: Adam(p, 0.05, weight_decay=0.1)),
    # The default decay is 1e-4 in optax, 1e-2 in PyTorch.
    "adamw": (jgd.adamw(0.05, weight_decay=0.01), lambda p: AdamW(p, 0.05)),
    "adamw, decay": (jgd.adamw(0.05, weight_decay=0.5), lambda p: AdamW(p, 0.05, weight_decay=0.5)),
    # PyTorch divides by sqrt(v) + eps; its alpha is the decay, by default 0.99 (optax: 0.9).
    "rmsprop": (jgd.rmsprop(0.02, decay=0.99, eps=1e-8, eps_in_sqrt=False), lambda p: RMSprop(p, 0.02)),
    "rmsprop, momentum": (
        jgd.rmsprop(0.005, decay=0.9, eps=1e-3, momentum=0.9, eps_in_sqrt=False),
        lambda p: RMSprop(p, 0.005, alpha=0.9, eps=1e-3, momentum=0.9),
    ),
    "rmsprop, centered": (
        jgd.rmsprop(0.005, decay=0.95, eps=1e-3, centered=True, eps_in_sqrt=False),
        lambda p: RMSprop(p, 0.005, alpha=0.95, eps=1e-3, centered=True),
    ),
    # optax: g / sqrt(v + eps) from v = 0.1; PyTorch: g / (sqrt(v) + eps) from v = 0. The same without eps, from one v.
    "adagrad": (jgd.adagrad(0.3, initial_accumulator_value=0.0, eps=0.0), lambda p: Adagrad(p, 0.3, eps=0.0)),
    "adagrad, start": (
        jgd.adagrad(0.3, initial_accumulator_value=0.1, eps=0.0),
        lambda p: Adagrad(p, 0.3, initial_accumulator_value=0.1, eps=0.0),
    ),
    "nadam": (nadam(0.05), lambda p: NAdam(p, 0.05)),
    "nadam, all": (
        nadam(0.05, b1=0.8, b2=0.95, eps=1e-3, momentum_decay=0.1),
        lambda p: NAdam(p, 0.05, betas=(0.8, 0.95), eps=1e-3, momentum_decay=0.1),
    ),
    "nadam, L2": (nadam(0.05, decay=0.1), lambda p: NAdam(p, 0.05, weight_decay=0.1)),
    "nadam, decoupled": (nadam(0.05, decoupled=0.1), lambda p: NAdam(p, 0.05, weight_decay=0.1, decoupled_weight_decay=True)),
    # optax adds eps to sqrt(v / (1 - b2^t)), PyTorch to sqrt(v): the same without eps; with it, see below.
    "radam": (jgd.radam(0.05, eps=0.0), lambda p: RAdam(p, 0.05, eps=0.0)),
    "radam, betas": (jgd.radam(0.05, b1=0.8, b2=0.9, eps=0.0), lambda p: RAdam(p, 0.05, betas=(0.8, 0.9), eps=0.0)),
    "radam, L2": (
        jgd.chain(jgd.add_decayed_weights(0.1), jgd.radam(0.05, b2=0.99, eps=0.0)),
        lambda p: RAdam(p, 0.05, betas=(0.9, 0.99), eps=0.0, weight_decay=0.1),
    ),
    "radam, decoupled": (
        jgd.chain(jgd.scale_by_radam(eps=0.0), jgd.add_decayed_weights(0.1), jgd.scale_by_learning_rate(0.05)),
        lambda p: RAdam(p, 0.05, eps=0.0, weight_decay=0.1, decoupled_weight_decay=True),
    ),
    "adamax": (jgd.adamax(0.05), lambda p: Adamax(p, 0.05)),
    "adamax, all": (jgd.adamax(0.05, b1=0.8, b2=0.95, eps=0.1), lambda p: Adamax(p, 0.05, betas=(0.8, 0.95), eps=0.1)),
    "adamax, L2": (jgd.chain(jgd.add_decayed_weights(0.1), jgd.adamax(0.05)), lambda p: Adamax(p, 0.05, weight_decay=0.1)),
    "adadelta": (jgd.adadelta(10.0), lambda p: Adadelta(p, 10.0)),
    "adadelta, all": (jgd.adadelta(1.0, rho=0.95, eps=1e-3), lambda p: Adadelta(p, 1.0, rho=0.95, eps=1e-3)),
    # Its own weight_decay is of the L2 kind, as PyTorch's is.
    "adadelta, L2": (jgd.adadelta(10.0, weight_decay=0.1), lambda p: Adadelta(p, 10.0, weight_decay=0.1)),
    "rprop": (rprop(0.01), lambda p: Rprop(p, 0.01)),
    "rprop, all": (
        rprop(0.3, eta_minus=0.6, eta_plus=1.1, min_step_size=1e-3, max_step_size=0.1),
        lambda p: Rprop(p, 0.3, etas=(0.6, 1.1), step_sizes=(1e-3, 0.1)),
    ),
}

# PyTorch's schedules count calls of `scheduler.step()`; here there is one after every update, as jgd counts.
SCHEDULES = {
    "StepLR": (step_decay(0.05, 10, 0.5), lambda o: StepLR(o, step_size=10, gamma=0.5)),
    "ExponentialLR": (exponential_decay(0.05, 1, 0.95), lambda o: ExponentialLR(o, gamma=0.95)),
    "CosineAnnealingLR": (cosine(0.05, STEPS), lambda o: CosineAnnealingLR(o, T_max=STEPS)),
}
SCHEDULED = {
    "momentum": (lambda rate: jgd.sgd(rate, momentum=0.5), lambda p: SGD(p, 0.05, momentum=0.5)),
    "adam": (jgd.adam, lambda p: Adam(p, 0.05)),
}


@pytest.fixture(autouse=True)
def default_type(dtype):
    """PyTorch's NAdam keeps the product of its momenta in the default type, whatever the parameters'."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    yield
    torch.set_default_dtype(before)


def data(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, 4)) * [1.0, 0.5, 2.0, 1.0]
    y = X @ [1.0, -2.0, 0.5, 3.0] + 0.7 + 0.3 * rng.standard_normal(ROWS)
    return X.astype(dtype), y.astype(dtype)


def torch_descent(loss, X, y, make_optimizer, make_scheduler=None, batch_size="full"):
    """PyTorch's weights and bias after all steps, in one array."""
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    model = torch.nn.Linear(X.shape[1], 1, dtype=X.dtype)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler else None
    size = len(X) if batch_size == "full" else batch_size
    starts = range(0, len(X), size)
    for step in range(STEPS):
        start = starts[step % len(starts)]
        optimizer.zero_grad()
        loss(model(X[start : start + size])[:, 0], y[start : start + size]).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return torch.cat([model.weight.detach().ravel(), model.bias.detach()]).numpy()


def jgd_descent(problem, X, y, tx, batch_size="full"):
    with jax.enable_x64(X.dtype == np.float64):
        params = jgd.fit(problem, (X, y), tx, batch_size=batch_size, shuffle=False, steps=STEPS).params
        assert params.weights.dtype == X.dtype
        return np.append(params.weights, params.bias)


def assert_equal(ours, theirs):
    """To the tolerance of the dtype, relative to the largest parameter."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[str(theirs.dtype)] * abs(theirs).max())
    assert abs(theirs).max() > 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", ["full", BATCH])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name, batch_size, dtype):
    tx, make_optimizer = OPTIMIZERS[name]
    X, y = data(dtype)
    theirs = torch_descent(torch.nn.MSELoss(), X, y, make_optimizer, batch_size=batch_size)
    assert_equal(jgd_descent(jgd.linear_regression(), X, y, tx, batch_size), theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_radam_with_eps_is_pytorchs_with_another_eps_each_step(dtype):
    """What the difference is: PyTorch's eps is jgd's eps / sqrt(1 - b2^t)."""
    X, y = data(dtype)
    theirs = torch_descent(torch.nn.MSELoss(), X, y, lambda p: RAdam(p, 0.05, betas=(0.9, 0.9), eps=0.5))
    with jax.enable_x64(dtype == "float64"):
        A, y = np.column_stack([X, np.ones_like(y)]), jax.numpy.asarray(y)
        slope = jax.grad(lambda w: jax.numpy.mean((A @ w - y) ** 2))

        def step(carry, t):
            w, state = carry
            tx = jgd.radam(0.05, b2=0.9, eps=0.5 / jax.numpy.sqrt(1 - 0.9 ** t.astype(dtype)))
            updates, state = tx.update(slope(w), state, w)
            return (w + updates, state), None

        w = jax.numpy.zeros(5, dtype)
        (ours, _), _ = jax.lax.scan(step, (w, jgd.radam(0.05).init(w)), 1 + jax.numpy.arange(STEPS))
        assert_equal(ours, theirs)
        fixed = jgd_descent(jgd.linear_regression(), X, np.asarray(y), jgd.radam(0.05, b2=0.9, eps=0.5))
        assert abs(fixed - theirs).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", SCHEDULED)
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name, optimizer, dtype):
    rate, make_scheduler = SCHEDULES[name]
    make_tx, make_optimizer = SCHEDULED[optimizer]
    X, y = data(dtype)
    theirs = torch_descent(torch.nn.MSELoss(), X, y, make_optimizer, make_scheduler, BATCH)
    assert_equal(jgd_descent(jgd.linear_regression(), X, y, make_tx(rate), BATCH), theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", ["full", BATCH])
@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_logistic_regression(name, batch_size, dtype):
    tx, make_optimizer = OPTIMIZERS[name]
    X, y = data(dtype)
    y = (y > 0.7).astype(dtype)
    theirs = torch_descent(torch.nn.BCEWithLogitsLoss(), X, y, make_optimizer, batch_size=batch_size)
    assert_equal(jgd_descent(jgd.logistic_regression(), X, y, tx, batch_size), theirs)
