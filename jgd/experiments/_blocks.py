"""Blocks: tables of orders x lanes, each of which runs in lock step."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd.experiments._groups import Group, Order
from jgd.training._decide import Carry
from jgd.training._driver import GLANCE, record_count
from jgd.training._lanes import Form, Lanes, axes_of, begin_lanes, busy, run_lanes
from jgd.training._step import State
from jgd.training._table import Table
from jgd.training.stopping import CONVERGED, DIVERGED, MAX_STEPS, NONFINITE, RUNNING, STALLED

# Multiplications that a smaller table must save before its program is worth compiling: what a core does in a second or two.
WORTH = 2e10
# Programs are called one after the other (not run so): two calls that need the same one would both compile it.
_CALLING = threading.Lock()


class Written(NamedTuple):
    """Records of a call.

    Attributes:
      table: whose they are.
      first: the number of the first.
      records: by name, shape (records, orders, lanes).
    """

    table: np.ndarray
    first: int
    records: dict[str, np.ndarray]


class Block:
    """A table of lanes of a group.

    Attributes:
      table: their numbers in the group, shape (orders, lanes); -1 where it is only filled. Those of a row share an order.
      status: of each entry of the table.
      size: how many lanes it had at the start.
      records: how many records each running lane has.
      failed: how many lanes diverged or became nonfinite.
      computed: how many steps were computed, for all entries of the table.
      compile_seconds: spent compiling.
      written: what was recorded.
      left: what is remembered of lanes, as (table, carry); of a lane that stands in several, the last is true.
    """

    def __init__(self, group: Group, table: np.ndarray, placed: Callable[[Order], tuple]):
        self.group, self.table, self._placed = group, table, placed
        self.last = record_count(group.steps, group.plan.every)
        capacity = 1 << max(4, min(10, (self.last - 1).bit_length()))
        self.form = Form(group.plan, group.structure, -1 if group.lanes_last else 0, group.own_data, capacity)
        self.status = np.where(table >= 0, RUNNING, MAX_STEPS)
        self.size = int(np.sum(table >= 0))
        self.records = self.computed = self.failed = 0
        self.compile_seconds = 0.0
        self.written: list[Written] = []
        self.left: list[tuple[np.ndarray, Carry]] = []
        self._carry: Carry | None = None
        self._lanes: Lanes | None = None
        self._per_call = 1

    @property
    def running(self) -> bool:
        return bool((self.status == RUNNING).any())

    @property
    def steps(self) -> int:
        """How many steps its running lanes have taken."""
        return min(self.records * self.group.plan.every, self.group.steps)

    def advance(self, until: int, watched: bool = False, stopped: Callable[[], bool] = lambda: False) -> None:
        """Runs until there are so many records, or nothing runs; where it is watched, hardly longer than between glances."""
        began = time.perf_counter()
        while self.running and self.records < until and not stopped():
            before, floor = time.perf_counter(), self._floor()
            count = min(until - self.records, self._per_call if watched else self.form.capacity)
            was_running = self.status == RUNNING
            if watched and self._carry is None:
                self._begin()
            table, (records, steps), self.status, self._carry = self._call(count, self.group.steps, floor)
            self.failed += int(np.sum(was_running & np.isin(self.status, (DIVERGED, NONFINITE))))
            self.written.append(Written(self.table, self.records, _read(table, records - self.records)))
            self.records = records
            self.computed += steps * self.table.size
            if floor and self.running and busy(self.status, np) <= floor:
                self._narrow()
            spent = time.perf_counter() - before
            self._per_call = max(1, min(2 * self._per_call, int(self._per_call * GLANCE / spent)))
            if watched and time.perf_counter() - began > GLANCE:
                return

    def close(self) -> tuple[dict[str, np.ndarray], Carry]:
        """The record of its lanes as they are now, and what would be remembered of them if they ended here."""
        table, _, _, carry = self._call(1, self.steps, 0)
        return _read(table, 1), carry

    def cut(self, which: np.ndarray, record: dict[str, np.ndarray], carry: Carry) -> None:
        """Ends these lanes here, with what `close` said of them."""
        table = np.where(which, self.table, -1)
        self.written.append(Written(table, self.records, record))
        self.left.append((table, jax.device_get(carry)))
        self.table, self.status = np.where(which, -1, self.table), np.where(which, MAX_STEPS, self.status).astype(np.int32)
        self._carry = self._carry._replace(status=self.status)

    def ended(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """The lanes that have ended, and what was last recorded of them; NaN for those that failed."""
        count, status = np.zeros(len(self.group.lanes), int), np.full(len(self.group.lanes), RUNNING)
        for table, carry in [*self.left, *([] if self._carry is None else [(self.table, self._carry)])]:
            at = table >= 0
            count[table[at]], status[table[at]] = np.asarray(carry.records)[at], np.asarray(carry.status)[at]
        score = np.full(len(count), np.nan)
        for table, first, records in self.written:
            place = np.argwhere(table >= 0)
            ids = table[table >= 0]
            row = count[ids] - 1 - first
            known = (row >= 0) & (row < len(records[metric])) & np.isin(status[ids], (CONVERGED, MAX_STEPS, STALLED))
            score[ids[known]] = records[metric][row[known], *place[known].T]
        over = np.flatnonzero(status != RUNNING)
        return over, score[over]

    def finish(self) -> None:
        """Lets go of what only a further step would need."""
        if self._carry is not None:
            self.left.append((self.table, jax.device_get(self._carry)))
            self._carry = self._lanes = None

    def memory(self) -> int:
        """Bytes that its first call takes, those of the data included."""
        given, began = self._given(), time.perf_counter()
        program = run_lanes.lower(self.form, given, None, np.zeros(4, np.int32)).compile()
        self.compile_seconds += time.perf_counter() - began
        found = program.memory_analysis()
        return found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes

    def _call(self, count: int, limit: int, floor: int) -> tuple[Table, list[int], np.ndarray, Carry]:
        """Up to `count` records more, how many there are then and the steps that took, the status, and what is remembered."""
        if self._lanes is None:
            self._lanes = self._given()
        bounds = np.array([limit, self.records, self.records + min(count, self.form.capacity), floor], np.int32)
        table, carry, counts = self._timed(run_lanes, self.form, self._lanes, self._carry, bounds)
        counts, status = np.asarray(counts).tolist(), np.asarray(carry.status)  # waits for the program
        return table, counts, status, carry

    def _begin(self) -> None:
        """What is remembered before the first record; the calls that follow are one program then, not two."""
        self._lanes = self._given()
        self._carry = self._timed(begin_lanes, self.form, self._lanes)

    def _timed(self, program: Callable, *arguments: Any) -> Any:
        """What a program returns; the time it took to compile is counted. One call at a time."""
        with _CALLING:
            programs, began = program._cache_size(), time.perf_counter()
            out = program(*arguments)
            if program._cache_size() > programs:
                self.compile_seconds += time.perf_counter() - began
        return out

    def _given(self) -> Lanes:
        group, some = self.group, np.where(self.table >= 0, self.table, self.table.max())
        orders = [group.orders[group.order[row[0]]] for row in some]
        keys = [order.key for order in orders]
        keys = np.stack(keys) if isinstance(keys[0], np.ndarray) else jax.numpy.stack(keys)
        if group.own_data:
            data, validation, rows = jax.tree.map(lambda *parts: np.stack(parts), *map(self._placed, orders))
        else:
            data, validation, rows = self._placed(orders[0])
        numbers = np.ascontiguousarray(np.swapaxes(group.numbers[some], 1, 2))
        others, params = jax.tree.map(lambda leaf: leaf[some], (group.others, group.params))
        return Lanes(numbers, others, self.table >= 0, keys, params, data, validation, rows)

    def _floor(self) -> int:
        """The size of what still runs at which to go on in a smaller table; 0 if that would not be worth a program."""
        saved = (self.table.size - self.table.size // 2) * (self.group.steps - self.steps) * self.group.work_of_step
        return self.table.size // 2 if saved > WORTH else 0

    def _narrow(self) -> None:
        """Goes on with the lanes that still run, in a smaller table."""
        runs = self.status == RUNNING
        rows, most = np.flatnonzero(runs.any(axis=1)), int(runs.sum(axis=1).max())
        height, width = _halved(runs.shape[0], len(rows)), _halved(runs.shape[1], most)
        if height * width > 0.75 * runs.size:
            height, width = len(rows), most
        filled = np.arange(height) < len(rows)
        rows = rows[np.minimum(np.arange(height), len(rows) - 1)]
        running_first = np.argsort(~runs[rows], axis=1, kind="stable")[:, :width]
        source = rows[:, None] * runs.shape[1] + running_first
        alive = runs.ravel()[source] & filled[:, None]
        carry = jax.device_get(self._carry)
        self.left.append((self.table, carry))
        self.status = np.where(alive, RUNNING, MAX_STEPS).astype(np.int32)
        picked = in_front(carry, self.form, lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[source])
        key = None if carry.state.key is None else carry.state.key[rows]
        picked = in_front(picked, self.form, back=True)
        self._carry = picked._replace(state=picked.state._replace(key=key), status=self.status)
        self.table, self._lanes = np.where(alive, self.table.ravel()[source], -1), None


def _read(table: Table, count: int) -> dict[str, np.ndarray]:
    """The first records of a table, by name."""
    return Table(table.names, [np.asarray(array)[:count] for array in table.arrays]).columns()


def _halved(side: int, need: int) -> int:
    """The side, halved as often as what is needed fits: a few sizes, whose programs come again."""
    while side > 1 and (side + 1) // 2 >= need:
        side = (side + 1) // 2
    return side


def in_front(carry: Carry, form: Form, function: Callable[[Any], Any] = lambda leaf: leaf, back: bool = False) -> Carry:
    """A carry whose arrays have the axes of orders and lanes in front, and of each `function`; or with them moved `back`.

    Its state's keys, which have no axis of lanes, are left out.
    """

    def each(axis, part):
        ends = (1, -1 if axis == -1 else 1)
        source, target = ends if back else ends[::-1]
        return jax.tree.map(lambda leaf: function(_moved(leaf, source, target)), part)

    axes = axes_of(form.axis).carry
    parts = zip(axes.state, carry.state._replace(key=None), strict=True)
    state = State(*(each(axis, part) for axis, part in parts))
    return Carry(state, *(each(axis, part) for axis, part in zip(axes[1:], carry[1:], strict=True)))


def _moved(leaf: Any, source: int, target: int) -> Any:
    if source == target:
        return leaf
    return (np if isinstance(leaf, np.ndarray) else jax.numpy).moveaxis(leaf, source, target)
