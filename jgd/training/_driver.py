"""The host's side of a fit: the compiled loop in chunks, and what it wrote."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import as_key
from jgd._expression import unpack
from jgd.data import Dataset
from jgd.data._by_feature import ready
from jgd.training._decide import Best, Memory, begin
from jgd.training._history import History
from jgd.training._loop import run_while
from jgd.training._notes import HostNotes
from jgd.training._plan import Inputs, Plan, stored
from jgd.training._prepare import Run
from jgd.training._result import Result
from jgd.training._start import check_first_loss, check_start, first_state
from jgd.training._step import State
from jgd.training._table import Table
from jgd.training.stopping import MAX_STEPS, NONFINITE, RUNNING

# Between two looks at the clock a fit that shows progress (or watches the time) runs for about so many seconds.
GLANCE = 0.2
# A run that nobody looks at is one call, which an interruption cannot end. One that multiplies more numbers than these (10
# seconds or so on a laptop) is driven as if somebody looked on; a step counts as some thousands, for what it does besides.
LONG, PER_STEP, SIDE_BY_SIDE = 3e10, 5e3, 8


def is_long(plan: Plan, inputs: Inputs, steps: int, lanes: int = 1) -> bool:
    """Whether a run may take long enough to be interrupted, by a count of products that knows no network from inside.

    Many lanes at once are products of matrices, of which as much takes a fraction of the time.
    """
    rows = plan.rows or 1
    size = 1 if inputs.data is None else int(np.prod(inputs.data.X.shape[1:]))
    if inputs.problem.name == "Problem":  # a run of the others may last as long as this question
        params = jax.eval_shape(lambda: inputs.problem.init(as_key(inputs.key), inputs.data))
        size = max(size, sum(leaf.size for leaf in jax.tree.leaves(params)))
    of_records = 0 if plan.batch_loss else record_count(steps, plan.every) * rows * size
    products = steps * (PER_STEP + (plan.batch_size or rows) * size) + of_records
    return products * lanes > LONG * (1 if lanes == 1 else SIDE_BY_SIDE)


def record_count(steps: int, every: int) -> int:
    return -(-steps // every) + 1


def make_result(
    run: Run, batch_size: Any, state: State, records: dict, status, steps, best: Best | None, **notes
) -> Result:  # fmt: skip
    result = Result(state, History(records), status, steps, best)
    inputs = run.inputs
    result.notes = HostNotes(
        problem=inputs.problem, tx=inputs.tx, data=inputs.data, stop=inputs.stop, batch_size=batch_size,
        steps_per_epoch=run.plan.steps_per_epoch, start=(inputs.key, run.plan.shuffle, run.params, run.state), **notes,
    )  # fmt: skip
    return result


class Compilations:
    """When a program of this module was last traced, and when JAX last finished a compilation."""

    traces, finished = 0, 0.0

    @classmethod
    def listen(cls, event: str, seconds: float, **_) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            cls.finished = time.perf_counter()


jax.monitoring.register_event_duration_secs_listener(Compilations.listen)


class Start(NamedTuple):
    """Where a chunk starts: from what the last one remembered; or a state; or parameters, None for the problem's own."""

    memory: Memory | None = None
    state: State | None = None
    params: Any = None


class Packed(NamedTuple):
    """The inputs of a run as a compiled program takes them fastest: see `pack`."""

    numbers: Any
    others: Any
    data: Dataset | None
    validation: Dataset | None
    key: Any
    rows: Dataset | None = None


def _unpacked(plan: Plan, structure: Any, packed: Packed) -> Inputs:
    Compilations.traces += 1
    problem, tx, stop = unpack(structure, packed.numbers, packed.others)
    return stored(plan, Inputs(problem, tx, packed.data, packed.validation, stop, packed.key, packed.rows))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _begin(plan: Plan, structure: Any, packed: Packed, start: Start) -> tuple[Packed, Memory]:
    """What the chunks of a run go on from: its data stored as the steps want them, and what it remembers."""
    inputs = _unpacked(plan, structure, packed)
    stored_as = {"data": inputs.data, "validation": inputs.validation, "rows": inputs.rows}
    return packed._replace(**stored_as), _remembered(plan, inputs, start)


def _remembered(plan: Plan, inputs: Inputs, start: Start) -> Memory:
    if start.memory is not None:
        return start.memory
    return Memory.of(begin(plan, inputs, start.state if start.state is not None else first_state(inputs, start.params)))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _chunk(plan: Plan, structure: Any, capacity: int, packed: Packed, start: Start, bounds, seconds) -> tuple[Table, Memory]:
    """Up to `capacity` records more; `bounds` are the step and the number of records to end at."""
    inputs, (limit, until) = _unpacked(plan, structure, packed), bounds
    memory, table = run_while(plan, inputs, _remembered(plan, inputs, start), limit, until, capacity, seconds)
    return table, memory


class Driver:
    """Runs the compiled program chunk by chunk, and remembers what it wrote."""

    def __init__(self, run: Run, batch_size: Any, watched: bool):
        self.run, self.batch_size, self.watched = run, batch_size, watched
        numbers, others, self.structure = run.packed
        placed = lambda part: None if part is None else ready(part, run.plan.by_feature)
        self.packed = Packed(numbers, others, placed(run.inputs.data), placed(run.inputs.validation), run.inputs.key)
        self.records: list[dict[str, np.ndarray]] = []
        self.count, self.status, self.ended_by = 0, RUNNING, ""
        self.compile_seconds = self.run_seconds = 0.0
        self.per_call = 1
        # A power of two, so that a few more epochs are the same program.
        self.capacity = 1 << max(6, min(14, (record_count(run.steps, run.plan.every) - 1).bit_length()))
        self.first_step = self.step = 0 if run.state is None else int(run.state.step)
        self.limit = self.first_step + run.steps
        self.start = Start(state=run.state, params=run.params)
        self.began = time.perf_counter()
        if watched or run.state is not None or run.params is not None:  # the program that goes on, whatever started it
            self.packed, memory, _ = self._timed(_begin, run.plan, self.structure, self.packed, self.start)
            self.start = Start(memory)

    def _timed(self, program: Callable, *arguments: Any) -> tuple[Any, Memory, list[int]]:
        """What a program returns, with the memory's counts; the time it took, told apart from the time to compile it."""
        traces, before = Compilations.traces, time.perf_counter()
        out, memory = program(*arguments)
        counts = np.asarray(memory.counts).tolist()  # waits for the whole program
        after = time.perf_counter()
        compiled = Compilations.finished if Compilations.traces > traces and Compilations.finished > before else before
        self.compile_seconds += compiled - before
        self.run_seconds += after - compiled
        return out, memory, counts

    def arguments(self, count: int) -> tuple[Any, ...]:
        """What the compiled loop is called with to write `count` records more: the first three are static."""
        bounds, seconds = np.array([self.limit, self.count + count], np.int32), np.float32(time.perf_counter() - self.began)
        return self.run.plan, self.structure, self.capacity, self.packed, self.start, bounds, seconds

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        """The compiled loop, to be looked at or timed by itself, and what `advance` would pass it."""
        arguments = self.arguments(self.capacity)
        return _chunk.lower(*arguments).compile(), jax.device_put(arguments[3:])

    def advance(self, chunk: int | None) -> None:
        """One call of the program: `chunk` records, or what fits between two glances at the clock, or all."""
        count = min(chunk or (self.per_call if self.watched else self.capacity), self.capacity)
        spent = -self.run_seconds
        table, memory, (step, status, written, *_) = self._timed(_chunk, *self.arguments(count))
        new, every = written - self.count, self.run.plan.every
        steps = np.minimum(self.step + every * np.arange(new), self.limit).astype(np.int32)
        read = Table(table.names, [np.asarray(array)[:new] for array in table.arrays])
        records = {"step": steps, **read.columns()}
        if self.count == 0 and status == NONFINITE and not np.isfinite(records["loss"][0]):
            check_start(jax.device_get(memory.rest.state.params))
            check_first_loss(float(records["loss"][0]))
        # All at once: an interruption leaves what was known before, or what is known now.
        self.records, self.start, self.status, self.count, self.step = (
            [*self.records, records],
            Start(memory),
            status,
            written,
            step,
        )
        spent += self.run_seconds
        if spent < GLANCE / 2:
            self.per_call *= 2
        elif spent > GLANCE * 2:
            self.per_call = max(1, self.per_call // 2)

    def end(self, reason: str) -> None:
        self.status, self.ended_by = MAX_STEPS, reason

    def result(self) -> Result:
        records = self.records[0] if self.records else {}
        if len(self.records) > 1:
            records = {name: np.concatenate([r[name] for r in self.records]) for name in records}
        state, best = self.start.memory.rest.state._replace(step=np.int32(self.step)), self.start.memory.rest.best
        return make_result(
            self.run, self.batch_size, state, records, np.int32(self.status), self.step - self.first_step, best,
            ended_by=self.ended_by, compile_seconds=self.compile_seconds, run_seconds=self.run_seconds,
        )  # fmt: skip
