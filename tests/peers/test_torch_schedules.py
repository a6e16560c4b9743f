"""The learning rates of PyTorch's schedulers, stepped after every update, compared with jgd's schedules; and its
ReduceLROnPlateau, compared with jgd's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.optim import SGD
from torch.optim import lr_scheduler as lr

import jgd
from jgd.transforms import reduce_on_plateau

pytestmark = pytest.mark.peers

s = jgd.schedules
STEPS = 150


def share(pct_start):
    """PyTorch's peak is at pct_start * total_steps - 1, its end at total_steps - 1."""
    return (pct_start * STEPS - 1) / (STEPS - 1)


def line_line(peak, top):
    """One cycle of two straight lines."""
    return s.join((s.linear(peak / 25, peak, top), s.linear(peak, peak / 25e4, STEPS - 1 - top)), boundaries=(top,))


def three_half_cosines(peak, top):
    """One cycle of three: up, back down in as many steps, and on down."""
    low, end = peak / 25, peak / 25e4
    parts = (
        s.cosine(low, top, alpha=peak / low),
        s.cosine(peak, top, alpha=low / peak),
        s.cosine(low, STEPS - 1 - 2 * top, alpha=end / low),
    )
    return s.join(parts, boundaries=(top, 2 * top))


PAIRS = {
    "LinearLR": (s.linear(0.02, 0.1, 20), lambda o: lr.LinearLR(o, start_factor=0.2, end_factor=1.0, total_iters=20)),
    "PolynomialLR": (s.polynomial(0.1, 0.0, 1.5, 40), lambda o: lr.PolynomialLR(o, total_iters=40, power=1.5)),
    "MultiStepLR": (
        s.piecewise_constant(0.1, boundaries=(10, 25, 40), scales=(0.5, 0.5, 0.5)),
        lambda o: lr.MultiStepLR(o, [10, 25, 40], gamma=0.5),
    ),
    "CyclicLR": (
        s.cyclic(0.01, 0.1, 6, 10),
        lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=6, step_size_down=10, cycle_momentum=False),
    ),
    "CyclicLR, triangular2": (
        s.cyclic(0.01, 0.1, 7, mode="triangular2"),
        lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=7, mode="triangular2", cycle_momentum=False),
    ),
    "CyclicLR, exp_range": (
        s.cyclic(0.01, 0.1, 7, mode="exp_range", gamma=0.97),
        lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=7, mode="exp_range", gamma=0.97, cycle_momentum=False),
    ),
    "CyclicLR, triangular2, slower down": (
        s.cyclic(0.01, 0.1, 5, 11, mode="triangular2"),
        lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=5, step_size_down=11, mode="triangular2", cycle_momentum=False),
    ),
    "CyclicLR, exp_range, faster down": (
        s.cyclic(0.01, 0.1, 11, 3, mode="exp_range", gamma=0.99),
        lambda o: lr.CyclicLR(
            o, 0.01, 0.1, step_size_up=11, step_size_down=3, mode="exp_range", gamma=0.99, cycle_momentum=False
        ),
    ),
    "CyclicLR, one step up, one down": (
        s.cyclic(0.01, 0.1, 1, mode="triangular2"),
        lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=1, mode="triangular2", cycle_momentum=False),
    ),
    "OneCycleLR": (
        s.one_cycle_cosine(0.1, STEPS - 1, pct_start=share(0.3)),
        lambda o: lr.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False),
    ),
    # 0.25 * 150 is no whole number: the peak lies between two steps.
    "OneCycleLR, factors": (
        s.one_cycle_cosine(0.1, STEPS - 1, pct_start=share(0.25), div_factor=10.0, final_div_factor=100.0),
        lambda o: lr.OneCycleLR(
            o, 0.1, total_steps=STEPS, pct_start=0.25, div_factor=10.0, final_div_factor=100.0, cycle_momentum=False
        ),
    ),
    "OneCycleLR, linear": (
        line_line(0.1, 0.4 * STEPS - 1),
        lambda o: lr.OneCycleLR(o, 0.1, total_steps=STEPS, pct_start=0.4, anneal_strategy="linear", cycle_momentum=False),
    ),
    "OneCycleLR, linear, three phases": (
        s.one_cycle_linear(0.1, STEPS - 1, pct_start=share(0.25), pct_final=2 * share(0.25)),
        lambda o: lr.OneCycleLR(
            o, 0.1, total_steps=STEPS, pct_start=0.25, anneal_strategy="linear", three_phase=True, cycle_momentum=False
        ),
    ),
    "OneCycleLR, three phases": (
        three_half_cosines(0.1, 0.3 * STEPS - 1),
        lambda o: lr.OneCycleLR(o, 0.1, total_steps=STEPS, three_phase=True, cycle_momentum=False),
    ),
    "CosineAnnealingWarmRestarts": (
        s.cosine_restarts(0.1, 9, end_value=0.01),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=9, eta_min=0.01),
    ),
    "CosineAnnealingWarmRestarts, longer each": (
        s.cosine_restarts(0.1, 4, cycle_factor=3, end_value=0.01),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=3, eta_min=0.01),
    ),
    "CosineAnnealingWarmRestarts, each twice as long, from one step": (
        s.cosine_restarts(0.1, 1, cycle_factor=2),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=1, T_mult=2),
    ),
    "CosineAnnealingWarmRestarts, of one step each": (
        s.cosine_restarts(0.1, 1, end_value=0.01),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=1, eta_min=0.01),
    ),
    "SequentialLR": (
        s.join((s.linear(0.01, 0.1, 10), s.exponential_decay(0.1, 1, 0.9)), boundaries=(10,)),
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=10), lr.ExponentialLR(o, 0.9)], milestones=[10]
        ),
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS.values(), ids=PAIRS)
@pytest.mark.filterwarnings("ignore:.*epoch parameter.*:UserWarning")
def test_rates(ours, theirs, dtype):
    expected = rates_of(theirs, STEPS)
    with jax.enable_x64(dtype == "float64"):
        rates = jax.jit(jax.vmap(ours))(jnp.arange(STEPS))
        assert rates.dtype == dtype
    tolerance = dict(rtol=1e-6, atol=1e-12) if dtype == "float64" else dict(rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(rates, expected, **tolerance)


def rates_of(make_scheduler, steps):
    """PyTorch's rate at each step."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], 0.1)
    scheduler = make_scheduler(optimizer)
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return expected


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_restarts_come_at_the_step_they_should_in_float32(factor):
    """Also late, where a quotient or a logarithm that is not exact would be a step off."""
    steps = 20_000
    expected = rates_of(lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=7, T_mult=factor), steps)
    rates = jax.jit(jax.vmap(s.cosine_restarts(0.1, 7, cycle_factor=factor)))(jnp.arange(steps))
    np.testing.assert_allclose(rates, expected, rtol=0, atol=1e-5 * 0.1)


# What is told PyTorch's ReduceLROnPlateau, beside its threshold and mode.
PLATEAUS = {
    "defaults": {},
    "impatient": dict(factor=0.5, patience=0),
    "cooldown": dict(factor=0.5, patience=1, cooldown=3),
    "cooldown of one": dict(factor=0.7, patience=0, cooldown=1),
    "min_lr": dict(factor=0.3, patience=2, cooldown=1, min_lr=0.003),
    "eps": dict(factor=0.6, patience=1, eps=1e-3),
    "eps and min_lr": dict(factor=0.6, patience=1, eps=2e-3, min_lr=0.004),
    "eps beyond all": dict(factor=0.5, patience=1, eps=0.2),
}
THRESHOLDS = [("rel", 1e-4), ("rel", 0.1), ("rel", 0.0), ("abs", 1e-4), ("abs", 0.05), ("abs", 0.0)]


def as_pytorch(rate, factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel", cooldown=0, min_lr=0.0, eps=1e-8):
    """The docstring's mapping, from PyTorch's arguments."""
    scale, lowest = 1.0, min_lr / rate
    while rate * (scale - max(factor * scale, lowest)) > eps:
        scale = max(factor * scale, lowest)
    tolerances = dict(rtol=threshold, atol=0.0) if threshold_mode == "rel" else dict(rtol=0.0, atol=threshold)
    return reduce_on_plateau(factor=factor, patience=patience + 1, cooldown=cooldown, min_scale=scale, **tolerances)


def losses(seed):
    """Falling, bumpy, flat; every now and then not a number, or infinite."""
    rng = np.random.default_rng(seed)
    values = 0.2 + np.exp(-np.arange(120) / 20) + rng.choice([0.0, 0.01, 0.3]) * rng.standard_normal(120)
    values[rng.random(120) < 0.03] = rng.choice([np.nan, np.inf])
    return np.where(rng.random(120) < 0.2, np.roll(values, 1), values)


def plateau_rates(theirs, values):
    """PyTorch's rate after each `scheduler.step(value)`."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], 0.1)
    scheduler = lr.ReduceLROnPlateau(optimizer, **theirs)
    optimizer.step()
    found = []
    for value in values:
        scheduler.step(value)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def scales(tx, values):
    step = lambda state, value: tx.update(jnp.ones(()), state, value=value)[::-1]
    return jax.lax.scan(step, tx.init(jnp.zeros(())), values)[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("mode", "threshold"), THRESHOLDS)
@pytest.mark.parametrize("told", PLATEAUS.values(), ids=PLATEAUS)
def test_reduce_on_plateau(told, mode, threshold, dtype):
    told = told | dict(threshold=threshold, threshold_mode=mode)
    run = jax.jit(scales)
    reduced = 0
    with jax.enable_x64(dtype == "float64"):
        for seed in range(8):
            values = losses(seed).astype(dtype)
            expected = plateau_rates(told, values)
            ours = run(as_pytorch(0.1, **told), jnp.asarray(values))
            np.testing.assert_allclose(0.1 * ours, expected, rtol=1e-12 if dtype == "float64" else 1e-5)
            reduced += len(set(expected)) - 1
    assert (reduced > 0) == (told.get("eps") != 0.2)


@pytest.mark.parametrize("threshold", [0.0, 1e-4, 0.05])
def test_what_rises_is_the_negative_of_what_falls(threshold):
    told = dict(mode="max", factor=0.5, patience=2, threshold=threshold, threshold_mode="abs", cooldown=1)
    with jax.enable_x64(True):
        for seed in range(8):
            values = losses(seed)
            expected = plateau_rates(told, -values)
            ours = scales(as_pytorch(0.1, **{k: v for k, v in told.items() if k != "mode"}), jnp.asarray(values))
            np.testing.assert_allclose(0.1 * ours, expected, rtol=1e-12)
            assert len(set(expected)) > 1


def descent(told, X, y, batch_size, epochs, *, per_epoch):
    """PyTorch's weights after a run whose scheduler is stepped just before the optimizer, with the loss of the step, or in
    the last step of an epoch with the mean loss of the epoch."""
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    weights = torch.zeros(X.shape[1], dtype=X.dtype, requires_grad=True)
    optimizer = SGD([weights], 0.5, momentum=0.5)
    scheduler = lr.ReduceLROnPlateau(optimizer, **told)
    optimizer.step()  # PyTorch wants one before the scheduler's first; without gradients it does nothing
    for _ in range(epochs):
        seen = []
        starts = range(0, len(X), batch_size)
        for start in starts:
            optimizer.zero_grad()
            rows = slice(start, start + batch_size)
            loss = ((X[rows] @ weights - y[rows]) ** 2).mean()
            loss.backward()
            seen.append(loss.item())
            if not per_epoch:
                scheduler.step(loss.item())
            elif len(seen) == len(starts):
                scheduler.step(np.mean(seen))
            optimizer.step()
    return weights.detach().numpy(), optimizer.param_groups[0]["lr"] / 0.5


@pytest.mark.parametrize(("batch_size", "per_epoch"), [(60, False), (16, False), (16, True)])
def test_a_run_that_reduces_on_plateaus(batch_size, per_epoch):
    told = dict(factor=0.5, patience=1, threshold=0.02, cooldown=1)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.5 * rng.standard_normal(60)
    theirs, scale = descent(told, X, y, batch_size, 15, per_epoch=per_epoch)
    assert scale < 0.5
    with jax.enable_x64(True):
        plateau = as_pytorch(0.5, **told).replace(accumulation_size=4 if per_epoch else 1)
        problem = jgd.linear_regression(fit_intercept=False)
        run = jgd.fit(
            problem, (X, y), jgd.chain(jgd.sgd(0.5, momentum=0.5), plateau), batch_size=batch_size, epochs=15, shuffle=False
        )
    np.testing.assert_allclose(run.history.plateau_scale[-1], scale)
    np.testing.assert_allclose(run.params.weights, theirs, rtol=0, atol=1e-10)
