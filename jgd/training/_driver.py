"""The host's side of a fit: the compiled loop in chunks, what it wrote, and the bar that shows it."""

import functools
import itertools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd.training._loop import Carry, begin, run_while
from jgd.training._plan import Inputs, Plan
from jgd.training._prepare import Run
from jgd.training._result import History, HostNotes, Result
from jgd.training._start import check_first_loss, check_start, first_state
from jgd.training._step import State
from jgd.training.stopping import MAX_STEPS, RUNNING

# Between two looks at the clock a fit that shows progress (or watches the time) runs for about so many seconds.
GLANCE = 0.2


def record_count(steps: int, every: int) -> int:
    return -(-steps // every) + 1


def make_result(run: Run, batch_size: Any, carry: Carry, records: dict, start, **notes) -> Result:
    result = Result(carry.state, History(records), carry.status, carry.state.step - start, carry.best)
    inputs = run.inputs
    result.notes = HostNotes(
        problem=inputs.problem, tx=inputs.tx, data=inputs.data, stop=inputs.stop, batch_size=batch_size,
        steps_per_epoch=run.plan.steps_per_epoch, **notes,
    )  # fmt: skip
    return result


# What has been traced since the process began, and hence compiled; a fit that adds nothing here compiled nothing.
_traces = itertools.count()


_traced = 0


def _count_trace() -> None:
    global _traced
    _traced = next(_traces) + 1


@functools.partial(jax.jit, static_argnums=(0, 1))
def _begin(plan: Plan, capacity: int, inputs: Inputs, params: Any, state: State | None) -> tuple[Carry, jax.Array]:
    _count_trace()
    state = state if state is not None else first_state(inputs, params)
    few = None if inputs.data is None else inputs.data.take(jnp.arange(min(plan.rows, 256)))
    return begin(plan, inputs, state), inputs.problem.objective(state.params, few, state=state.model_state)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _chunk(plan: Plan, capacity: int, inputs: Inputs, carry: Carry, limit, until, seconds):
    _count_trace()
    return run_while(plan, inputs, carry, limit, until, capacity, seconds)


class Driver:
    """Runs the compiled program chunk by chunk, and remembers what it wrote."""

    def __init__(self, run: Run, batch_size: Any):
        self.run, self.batch_size = run, batch_size
        self.records: list[dict[str, np.ndarray]] = []
        self.count, self.status, self.ended_by = 0, RUNNING, ""
        self.compile_seconds = self.run_seconds = 0.0
        self.per_call = 1
        # A power of two, so that a few more epochs are the same program.
        self.capacity = 1 << max(6, min(14, (record_count(run.steps, run.plan.every) - 1).bit_length()))

    def start(self) -> None:
        run, traced, began = self.run, _traced, time.perf_counter()
        self.carry, loss = _begin(run.plan, self.capacity, run.inputs, run.params, run.state)
        loss, self.first_step = jax.device_get((loss, self.carry.state.step))
        if not np.isfinite(loss):
            check_start(jax.device_get(self.carry.state.params))
        check_first_loss(float(loss))
        self.limit = np.int32(self.first_step + run.steps)
        if _traced > traced:  # a new program: compile the loop too, by a call that does nothing, to tell the times apart
            jax.block_until_ready(self._call(0, 0.0))
            self.compile_seconds = time.perf_counter() - began
        self.began = time.perf_counter()

    def _call(self, count: int, seconds: float) -> tuple[Carry, dict]:
        run, until = self.run, np.int32(self.count + count)
        return _chunk(run.plan, self.capacity, run.inputs, self.carry, self.limit, until, np.float32(seconds))

    def advance(self, chunk: int | None, watched: bool) -> None:
        """One call of the program: `chunk` records, or what fits between two glances at the clock, or all."""
        count = min(chunk or (self.per_call if watched else self.capacity), self.capacity)
        before = time.perf_counter()
        self.carry, records = self._call(count, before - self.began)
        count, status, records = jax.device_get((self.carry.records, self.carry.status, records))
        written, self.status = int(count) - self.count, int(status)
        self.records.append({name: values[:written] for name, values in records.items()})
        self.count += written
        spent = time.perf_counter() - before
        self.run_seconds += spent
        if spent < GLANCE / 2:
            self.per_call *= 2
        elif spent > GLANCE * 2:
            self.per_call = max(1, self.per_call // 2)

    def end(self, reason: str) -> None:
        self.status, self.ended_by = MAX_STEPS, reason

    def result(self) -> Result:
        names = self.records[0] if self.records else {}
        records = {name: np.concatenate([r[name] for r in self.records]) for name in names}
        result = make_result(
            self.run, self.batch_size, self.carry, records, self.first_step,
            ended_by=self.ended_by, compile_seconds=self.compile_seconds, run_seconds=self.run_seconds,
        )  # fmt: skip
        result.status_code = np.int32(self.status)
        return result


class bar:
    """A progress bar in steps, or nothing."""

    def __init__(self, wanted: bool, total: int):
        self.bar = None
        if wanted:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, unit="step", unit_scale=True, leave=True)

    def __enter__(self) -> Callable[[Driver], None]:
        return self._show if self.bar is not None else lambda driver: None

    def _show(self, driver: Driver) -> None:
        self.bar.update(int(driver.carry.state.step) - driver.first_step - self.bar.n)
        if driver.records and len(driver.records[-1]["loss"]):
            self.bar.set_postfix(loss=f"{driver.records[-1]['loss'][-1]:.4g}", refresh=False)

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
