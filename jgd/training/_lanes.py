"""Many runs of one structure in lock step: the program of a sweep.

Lanes are runs that differ in their numbers. Those that share key and data share their order of rows too, so that what they do to
the data is a matrix product; an *order* is one key and its data, and lanes come as a table of orders x lanes. Everything that
depends on time alone (the step, the interval, the loop's ends) is outside `vmap` and therefore the same for all.

The loop is that of `_loop`, with what a single run decides by branches decided by lane: an interval is a record and the steps up
to the next one; a lane that has ended is carried along unchanged. An interval in which the parameters of some lane stopped being
finite is run again with a check of each step, so that the bad step is found by the same numbers that made it, and no step of a
good interval pays for it.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgd._expression import unpack
from jgd.data import Dataset
from jgd.training._decide import Carry, begin, better, finite, select, settle
from jgd.training._loop import moves, repeat
from jgd.training._plan import Inputs, Plan, stored
from jgd.training._record import evaluate
from jgd.training._start import first_state
from jgd.training._step import State
from jgd.training._table import Table
from jgd.training._whole import ENTRIES, objective, validation_loss
from jgd.training.stopping import MAX_STEPS, NONFINITE, RUNNING


class Form(NamedTuple):
    """The static part of a program of lanes.

    Attributes:
      plan: the plan of each lane.
      structure: of problem, optimizer and rule, as `pack` gives it.
      axis: where lanes stand in a lane's arrays: last for jgd's own models, whose products are twice as fast so; else first.
      own_data: whether each order has data of its own.
      capacity: how many records a call may write.
    """

    plan: Plan
    structure: Any
    axis: int
    own_data: bool
    capacity: int


class Lanes(NamedTuple):
    """What lanes are given. All arrays but the data lead with an axis of orders.

    Attributes:
      numbers: every number of problem, optimizer and rule, shape (orders, numbers, lanes).
      others: their other leaves, each with axes of orders and lanes.
      alive: booleans (orders, lanes); false where a lane only fills the table.
      keys: one key for each order, or its words.
      params: where to start, or None.
      data: shared by all orders, or with an axis of orders.
      validation: likewise.
      rows: likewise; as in `Inputs`.
    """

    numbers: Any
    others: list[Any]
    alive: Any
    keys: Any
    params: Any
    data: Dataset | None
    validation: Dataset | None
    rows: Dataset | None = None


class Axes(NamedTuple):
    """Which axes of the parts of an order are axes of lanes."""

    inputs: Inputs
    state: State
    carry: Carry
    record: int
    lane: int


def axes_of(axis: int) -> Axes:
    state = State(axis, axis, None, axis, None)
    carry = Carry(state._replace(step=0), 0, 0, 0, 0, 0, 0, axis, axis)
    return Axes(Inputs(0, 0, None, None, 0, None, None), state, carry, 0, axis)


def _orders(form: Form, function, *extra_axes, out=0):
    """`function(lanes, ...)` of one order, made one of all."""
    shared = 0 if form.own_data else None
    axes = Lanes(0, 0, 0, 0, 0, shared, shared, shared)
    return jax.vmap(function, in_axes=(axes, *extra_axes), out_axes=out)


def _inputs(form: Form, lanes: Lanes) -> Inputs:
    """The inputs of an order: its problem, optimizer and rule have leaves with an axis of lanes."""
    problem, tx, stop = unpack(form.structure, lanes.numbers, lanes.others)
    return stored(form.plan, Inputs(problem, tx, lanes.data, lanes.validation, stop, lanes.keys, lanes.rows))


def _store(form: Form, lanes: Lanes) -> Lanes:
    """The lanes with their data as the steps want it."""

    def of_order(lanes):
        inputs = _inputs(form, lanes)
        return inputs.data, inputs.validation, inputs.rows

    if form.own_data:
        data, validation, rows = _orders(form, of_order)(lanes)
    else:
        own = ("numbers", "others", "alive", "keys", "params")
        data, validation, rows = of_order(lanes._replace(**{n: jax.tree.map(lambda a: a[0], getattr(lanes, n)) for n in own}))
    return lanes._replace(data=data, validation=validation, rows=rows)


def _begin(form: Form, lanes: Lanes) -> Carry:
    """What the lanes of an order remember before their first record."""
    axes = axes_of(form.axis)

    def of_lane(inputs, alive, params):
        carry = begin(form.plan, inputs, first_state(inputs, params))
        return carry._replace(status=jnp.where(alive, RUNNING, MAX_STEPS).astype(jnp.int32))

    return jax.vmap(of_lane, in_axes=(axes.inputs, 0, 0), out_axes=axes.carry)(_inputs(form, lanes), lanes.alive, lanes.params)


@functools.partial(jax.jit, static_argnums=0)
def begin_lanes(form: Form, lanes: Lanes) -> Carry:
    """What `run_lanes` begins with by itself; for whoever calls it often, so that its first call is the program of all."""
    return _orders(form, functools.partial(_begin, form))(_store(form, lanes))


@functools.partial(jax.jit, static_argnums=0)
def run_lanes(form: Form, lanes: Lanes, carry: Carry | None, bounds) -> tuple[Table, Carry, jax.Array]:
    """Runs all lanes until a number of records is written, or few enough lanes are left running.

    Args:
      carry: what the last call returned; None at the start.
      bounds: int32: the step at which runs end; how many records were written before; how many to have at the end; and the
        size of a table of the lanes that still run at which to stop (see `busy`).

    Returns:
      The records of this call (rows up to `capacity`, of orders x lanes); what is remembered; and int32: how many records there
      are now, and how many steps were computed, those of an interval that was run again twice.
    """
    plan = form.plan
    limit, before, until, floor = bounds
    axes, lanes = axes_of(form.axis), _store(form, lanes)
    if carry is None:
        carry = _orders(form, functools.partial(_begin, form))(lanes)
    each = lambda function, *in_axes, out: jax.vmap(function, in_axes=(axes.inputs, *in_axes), out_axes=out)
    of_all = lambda function: lambda inputs, *parts: each(function, *[axes.lane] * len(parts), out=axes.lane)(inputs, *parts)
    at_once = rows_at_once(form, lanes.alive.size)

    def look(lanes, carry, step):
        def of_lane(inputs, state, best, known, validation_loss):
            record = evaluate(plan, inputs, state, known, validation_loss)
            best = better(plan, best, state, record)
            del record["step"]
            return record, best

        inputs, state = _inputs(form, lanes), carry.state._replace(step=step)
        known = validation = None
        if at_once is not None and not plan.batch_loss:
            known = objective(inputs, state.params, of_all, at_once)
        if at_once is not None and inputs.validation is not None:
            validation = validation_loss(inputs, state.params, of_all, at_once)
        looked = each(of_lane, axes.state, axes.lane, axes.lane, axes.lane, out=(axes.record, axes.lane))
        return looked(inputs, state, carry.best, known, validation)

    def step_of_all(lanes, carry, step):
        inputs, state = _inputs(form, lanes), carry.state._replace(step=step)
        return moves(plan, inputs, state, of_all, at_once)

    def go(lanes, carry, step, length):
        moving, one = step_of_all(lanes, carry, step)
        moved = repeat(plan, one, moving, length)
        return moved, jax.vmap(finite, in_axes=axes.lane)(moved["params"])

    def go_carefully(lanes, carry, step, length):
        """As far as each lane is finite: what it has then, and how many steps that took."""
        moving, one = step_of_all(lanes, carry, step)

        def checked(i, known):
            moving, taken = known

            def keep(new, old, taken):
                good = (taken == i) & finite(new["params"])
                return select(good, new, old), taken + good

            return jax.vmap(keep, in_axes=(axes.lane, axes.lane, 0), out_axes=(axes.lane, 0))(one(i, moving), moving, taken)

        return repeat(plan, checked, (moving, jnp.zeros(lanes.alive.shape, jnp.int32)), length)

    pick = jax.vmap(select, in_axes=(0, axes.lane, axes.lane), out_axes=axes.lane)

    def end(lanes, carry, record, best, moved, taken, step, length):
        def of_lane(inputs, carry, record, best, moved, taken):
            new = carry.state._replace(**moved, step=step + taken)
            record = {"step": step, **record}
            settled = settle(plan, inputs, carry, record, best, new, limit)
            stopped = (settled.status == RUNNING) & (taken < length)
            settled = settled._replace(status=jnp.where(stopped, NONFINITE, settled.status))
            after = select(carry.status == RUNNING, settled, carry)
            return after._replace(state=after.state._replace(key=carry.state.key))

        inputs = _inputs(form, lanes)
        mapped = each(of_lane, axes.carry, axes.record, axes.lane, axes.lane, 0, out=axes.carry)
        return mapped(inputs, carry, record, best, moved, taken)

    def body(loop):
        (records, steps), carry, table = loop
        step = jnp.minimum(records * plan.every, limit)
        length = jnp.minimum(plan.every, limit - step)
        record, best = _orders(form, look, 0, None)(lanes, carry, step)
        moved, fine = _orders(form, go, 0, None, None)(lanes, carry, step, length)
        failed = (carry.status == RUNNING) & jnp.isfinite(record["loss"]) & ~fine
        all_taken = jnp.full(failed.shape, length, jnp.int32)
        any_failed = jnp.any(failed)

        def again():
            """What failed, as far as it went; all else as it is, to the last bit."""
            careful, taken = _orders(form, go_carefully, 0, None, None)(lanes, carry, step, length)
            mine = _orders(form, lambda _, *parts: pick(*parts), 0, 0, 0)(lanes, failed, careful, moved)
            return mine, jnp.where(failed, taken, all_taken)

        moved, taken = jax.lax.cond(any_failed, again, lambda: (moved, all_taken))
        carry = _orders(form, end, 0, 0, 0, 0, 0, None, None)(lanes, carry, record, best, moved, taken, step, length)
        counts = jnp.stack([records + 1, steps + jnp.where(any_failed, 2, 1) * length])
        return counts, carry, table.write(records - before, record)

    going = lambda loop: (loop[0][0] < until) & (busy(loop[1].status, jnp) > floor)
    shapes, _ = jax.eval_shape(_orders(form, look, 0, None), lanes, carry, jnp.int32(0))
    start = (jnp.stack([before, jnp.zeros_like(before)]), carry, Table.empty(shapes, form.capacity))
    counts, carry, table = jax.lax.while_loop(going, body, start)
    return table, carry, counts


def rows_at_once(form: Form, lanes: int) -> int | None:
    """How many rows what looks at all of them looks at at once; None for all, where a loss may need them together."""
    of_rows = form.axis == -1 and jax.default_backend() == "cpu"
    return max(16, ENTRIES // lanes) if of_rows else None


def busy(status, np) -> Any:
    """The size of the smallest table of orders x lanes that holds all that run: their orders, times the most lanes of one."""
    running = np.sum(status == RUNNING, axis=1)
    return np.sum(running > 0) * np.max(running)
