"""`sweep`: a fit whose arguments hold `over(...)`, all settings at once."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jgd._checks import check_count, is_concrete, shown
from jgd._errors import public
from jgd._leaves import is_number
from jgd._over import Over
from jgd.experiments._groups import Group, groups
from jgd.experiments._layout import SHARE, free_memory
from jgd.experiments._progress import Part, meter
from jgd.experiments._run import Halving, run
from jgd.experiments._settings import Settings
from jgd.experiments._sweep_result import Sweep
from jgd.models import Problem
from jgd.training.stopping import StoppingRule
from jgd.transformation import GradientTransformation

# More than these are run only if they are confirmed: they take long, and are most often a mistake.
MANY_PROGRAMS, MANY_LANES = 50, 1_000_000


@public
def sweep(
    problem: Problem, data: Any = None, tx: GradientTransformation | None = None, *, batch_size: int | str = "full",
    epochs: int | None = None, steps: int | None = None, key: Any = 0, shuffle: bool | str = True, validation: Any = None,
    metrics: Sequence[str | Callable] = (), stop: StoppingRule | None = None, record: int | str = "epoch",
    best: str | None = None, norms: bool = False, params: Any = None, halving: int | None = None, memory: float | None = None,
    progress: bool = False, confirm: bool = False,
) -> Sweep:  # fmt: skip
    """Runs every setting of a fit whose arguments hold `jgd.over(...)`, as lanes of as few programs as there are structures.

    Lanes that differ in numbers only are one program: a thousand learning rates compile once. What sets a structure (another
    chain, `batch_size`, a flag) is a program each. Lanes with the same key and data see the same rows at the same time, so
    that their work is one matrix product. Each lane is the `jgd.fit` of its setting, to rounding, and what happens to one
    leaves the others what they are. Least squares is recorded (and, full-batch, stepped) on d + 1 + outputs rows that a QR
    factorisation makes of all, with the same objective, where nothing asks for the rows. The first `over` varies slowest.

    Args:
      problem, data, tx, batch_size, epochs, steps, key, shuffle, validation, metrics, stop, record, best, norms, params: as in
        `jgd.fit`; an `over` may stand for any of them, and in the problem, the optimizer and the rule for any argument of
        theirs.
      halving: successive halving with this factor, at least 2: at 1/factor^k, ..., 1/factor of the run, only the best
        1/factor of the settings go on; the others end there as `max_steps`, with their number in `rung`. The best by `best`, by
        validation loss if there is any, else by loss; settings that differ in their key are one, as good as its mean.
      memory: bytes that the programs may take at once; half of what is free if not given. More lanes than fit run in turn.
        A share as `validation` takes a copy of the data for each key.
      progress: say how far it is, as `jgd.fit` does: steps of lanes, how many lanes are running, have ended, and failed, the
        least loss, speed and time left. An interruption (Ctrl-C) then keeps what there is, as where a sweep may take long; of a
        sweep of a few seconds without progress nothing is kept.
      confirm: run even more than 50 programs or a million lanes.

    Returns:
      A `jgd.Sweep`, its lanes in the order asked for.

    Raises:
      TypeError, ValueError: for bad arguments of any setting, before anything is compiled.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(500)
    >>> tx = jgd.sgd(jgd.over([0.01, 0.03, 0.1, 3.0], name="lr"), momentum=jgd.over([0.0, 0.9]))
    >>> sweep = jgd.sweep(jgd.linear_regression(), (X, y), tx, batch_size=32, epochs=10, key=jgd.over(range(3)))
    >>> sweep
    Sweep(24 lanes of lr, momentum, key in 1 program: 18 max_steps, 6 diverged)
    >>> sweep.best().setting["lr"] in (0.01, 0.03, 0.1)
    True
    >>> sweep.where(lr=0.1, momentum=0.9).status.tolist()
    ['max_steps', 'max_steps', 'max_steps']

    Source: for `halving`, Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    arXiv:1502.07943.
    """
    _check_how(halving, memory, progress=progress if not isinstance(progress, Part) else True, confirm=confirm)
    settings = Settings(
        dict(
            problem=problem, data=data, tx=tx, batch_size=batch_size, epochs=epochs, steps=steps, key=key, shuffle=shuffle,
            validation=validation, metrics=metrics, stop=stop, record=record, best=best, norms=norms, params=params,
        )
    )  # fmt: skip
    if not all(map(is_concrete, jax.tree.leaves(settings.arguments))):
        raise TypeError(
            "sweep looks at numbers while it runs, and so cannot be traced by jit, vmap or grad: vmap jgd.train there."
        )
    if len(settings) > MANY_LANES and not confirm:
        raise ValueError(f"these are {len(settings):,} lanes: fewer values, jgd.sample, or confirm=True if it is meant.")
    found = groups(settings, lambda: free_memory() * SHARE if memory is None else memory)
    if len(found) > MANY_PROGRAMS and not confirm:
        structure = [name for name, (axis, _) in settings.columns.items() if settings.axes[axis].is_structure]
        raise ValueError(
            f"these are {len(found)} programs, as each value of {', '.join(structure)} may be another: sweep over fewer, or give "
            "confirm=True if it is meant."
        )
    began = time.perf_counter()
    how = _halving(halving, settings, found)
    with meter(progress, found) as show:
        outcome = run(found, memory, how, show)
    return Sweep._of(settings, found, outcome, time.perf_counter() - began)


def _check_how(halving: Any, memory: Any, **flags: Any) -> None:
    """Refuses what says how all lanes are run, and is nothing that a run can have."""
    for name, value in dict(halving=halving, memory=memory, **flags).items():
        if isinstance(value, Over):
            raise TypeError(f"{name} says how all lanes are run, and takes one value, found {shown(value)}.")
    if halving is not None:
        check_count("halving", halving, low=2)
    if memory is not None and not (is_number(memory) and np.ndim(memory) == 0 and memory > 0):
        raise ValueError(f"memory must be a number of bytes, such as 2e9, found {shown(memory)}.")
    for name, value in flags.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{name} must be True or False, found {shown(value)}.")


def _halving(factor: int | None, settings: Settings, found: list[Group]) -> Halving | None:
    if factor is None:
        return None
    metrics = {group.plan.best or "loss" for group in found}
    if len(metrics) > 1:
        raise ValueError(
            f"halving compares all lanes by one quantity, but they would go by {' and '.join(sorted(metrics))}: give best=."
        )
    is_key = lambda axis: all(place.argument == "key" for place in axis.places)
    return Halving(factor, *metrics, settings.alike([i for i, axis in enumerate(settings.axes) if not is_key(axis)]))
