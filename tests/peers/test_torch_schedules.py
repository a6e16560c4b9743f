"""The learning rates of PyTorch's schedulers, stepped after every update, compared with jgd's schedules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.optim import SGD
from torch.optim import lr_scheduler as lr

import jgd

pytestmark = pytest.mark.peers

s = jgd.schedules
STEPS = 60

# PyTorch's peak is at pct_start * total_steps - 1, its end at total_steps - 1.
SHARE = (0.3 * STEPS - 1) / (STEPS - 1)

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
    "OneCycleLR": (
        s.one_cycle_cosine(0.1, STEPS - 1, pct_start=SHARE),
        lambda o: lr.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False),
    ),
    "CosineAnnealingWarmRestarts": (
        s.cosine_restarts(0.1, 9, end_value=0.01),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=9, eta_min=0.01),
    ),
    "CosineAnnealingWarmRestarts, longer each": (
        s.cosine_restarts(0.1, 4, cycle_factor=3, end_value=0.01),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=3, eta_min=0.01),
    ),
    "SequentialLR": (
        s.join((s.linear(0.01, 0.1, 10), s.exponential_decay(0.1, 1, 0.9)), boundaries=(10,)),
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=10), lr.ExponentialLR(o, 0.9)], milestones=[10]
        ),
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.values(), ids=PAIRS)
@pytest.mark.filterwarnings("ignore:.*epoch parameter.*:UserWarning")
def test_rates(ours, theirs):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], 0.1)
    scheduler = theirs(optimizer)
    expected = []
    for _ in range(STEPS):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    with jax.enable_x64(True):
        rates = jax.vmap(ours)(jnp.arange(STEPS))
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-12)
