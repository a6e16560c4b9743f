"""The progress of a fit: steps and epochs, loss, gradient norm, learning rate, speed, and the time left."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from jgd._meter import Meter, compact, duration
from jgd.training.stopping import RUNNING, STATUSES

# What is said of the last record, and how.
QUANTITIES = {"loss": "loss", "validation_loss": "validation", "grad_norm": "|grad|", "learning_rate": "lr"}


@contextlib.contextmanager
def meter(wanted: bool) -> Iterator[Callable[[Any], None]]:
    """A function of a `Driver` that shows how far it is, when that is due; what it was shown last is drawn at the end."""
    if not wanted:
        yield lambda driver: None
        return
    known: list[Any] = []
    drawn = Meter()

    def show(driver: Any) -> None:
        known[:] = [driver]
        if drawn.due and driver.status == RUNNING:
            drawn.draw(_share(driver), _parts(driver))

    try:
        yield show
    finally:
        for driver in known:
            drawn.draw(_share(driver), _parts(driver))
        drawn.close()


def _taken(driver: Any) -> int:
    return driver.step - driver.first_step


def _share(driver: Any) -> float:
    return _taken(driver) / max(1, driver.run.steps)


def _parts(driver: Any) -> list[str]:
    run, taken = driver.run, _taken(driver)
    per_epoch = run.plan.steps_per_epoch if run.inputs.data is not None else None
    epochs = f" (epoch {taken / per_epoch:.4g} of {run.steps / per_epoch:.4g})" if per_epoch else ""
    speed = taken / driver.run_seconds if driver.run_seconds else 0.0
    rows = run.plan.batch_size or (len(run.inputs.data) if run.inputs.data is not None else 0)
    if driver.status == RUNNING:
        at_most = "at most " if run.inputs.stop is not None else ""
        ending = f"{at_most}{duration((run.steps - taken) / speed)} left" if speed else ""
    else:
        ended = {"the run was interrupted": "interrupted"}.get(driver.ended_by, driver.ended_by) or STATUSES[driver.status]
        ending = f"{ended} after {duration(driver.run_seconds)}"
    rates = [f"{compact(speed)} steps/s", f"{compact(speed * rows)} rows/s" if rows else ""] if speed else []
    return [f"{taken:,}/{run.steps:,} steps{epochs}", ending, *_last(driver), *rates]


def _last(driver: Any) -> list[str]:
    """The last of what was recorded."""
    filled = next((records for records in reversed(driver.records) if len(records["loss"])), None)
    if filled is None:
        return []
    return [f"{said} {float(filled[name][-1]):.4g}" for name, said in QUANTITIES.items() if name in filled]
