"""The one loop: records, runs steps until the next record, and decides.

An interval is a record and the steps up to the next one. `run_while` runs intervals in stretches, and decides when a stretch is
over: where only its length or a failure can end the run, a stretch is all that is asked for; where a rule may, it is one
interval. A stretch that failed is thrown away and run again, shorter, until the failed interval stands alone; in that one the
number of steps is halved until the step that did it is found. So no step, and no record, pays for a check.

`run_scan`, for a run that only its length ends, is what is differentiated in reverse.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jgd.training._decide import Best, Carry, Memory, accept, better, select, settle, worse
from jgd.training._plan import ROWS_AT_ONCE, Inputs, Plan, on_batch, step_rows
from jgd.training._record import evaluate
from jgd.training._step import State, direction, moved, step_key
from jgd.training._table import Table, blank
from jgd.training._whole import objective
from jgd.training.stopping import RUNNING


def moves(
    plan: Plan, inputs: Inputs, state: State, each: Callable = lambda step: step, at_once: int | None = None
) -> tuple[dict, Callable[..., dict]]:
    """What changes from step to step, and the function `(i, moving) -> moving` of the step that is i after `state`.

    Args:
      each: for many runs at once, what makes of one run's `(inputs, *parts) -> out` that of all; see `_lanes`.
      at_once: how many of all rows a step looks at at once, if not at all of them; see `_whole`.
    """
    batch_size, first = plan.batch_size, state.step
    in_table = batch_size is not None and plan.every * batch_size <= ROWS_AT_ONCE
    table = step_rows(plan, inputs.key, first, plan.every) if in_table else None

    def one(i, moving):
        t = first + i
        rows = None if batch_size is None else table[i] if in_table else step_rows(plan, inputs.key, t, 1)[0]

        def step_of(inputs, moving, known=None):
            now = state._replace(**moving, step=t)
            step = lambda batch: direction(inputs.problem, inputs.tx, now, batch, step_key(now), known)
            new = moved(now, step(inputs.data) if rows is None else on_batch(plan, inputs, t, rows, step))
            return {name: getattr(new, name) for name in moving}

        if rows is None and at_once is not None:
            return each(step_of)(inputs, moving, objective(inputs, moving["params"], each, at_once))
        return each(step_of)(inputs, moving)

    # The loop counts the steps: a count of the state's own would be one more thing to compute in each.
    return {name: getattr(state, name) for name in ("params", "opt_state", "model_state")}, one


def repeat(plan: Plan, one: Callable[..., Any], moving: Any, length) -> Any:
    """`one(i, moving)` for `length` steps, at most `plan.every`, static or traced."""
    if plan.every > 1:
        return jax.lax.fori_loop(0, length, one, moving)
    moved = one(0, moving)
    return moved if isinstance(length, int) else select(length > 0, moved, moving)


def _steps(plan: Plan, inputs: Inputs, state: State, length) -> State:
    """The state `length` steps later, at most `plan.every`, static or traced."""
    moving, one = moves(plan, inputs, state)
    return state._replace(**repeat(plan, one, moving, length), step=state.step + length)


def _interval(plan: Plan, inputs: Inputs, state: State, best: Best | None, length) -> tuple[dict, Best | None, State]:
    record = evaluate(plan, inputs, state)
    return record, better(plan, best, state, record), _steps(plan, inputs, state, length)


def advance(plan: Plan, inputs: Inputs, carry: Carry, length, limit, seconds=None) -> tuple[Carry, dict]:
    """One interval, and the decision at its record.

    Args:
      length: how many steps, static or traced; at most `plan.every`.
      limit: the step at which the run ends.
      seconds: what the host's clock says, if it is asked.
    """
    record, best, new = _interval(plan, inputs, carry.state, carry.best, length)
    return settle(plan, inputs, carry, record, best, new, limit, seconds), record


def run_while(plan: Plan, inputs: Inputs, memory: Memory, limit, until, capacity: int, seconds=None) -> tuple[Memory, Table]:
    """Runs until a decision, or until `until` records are written.

    Returns:
      What is remembered, and a table whose first rows are the records of this call, up to `capacity`; see `columns`.
    """
    first = memory.carry.records
    shapes = jax.eval_shape(lambda: evaluate(plan, inputs, memory.carry.state))
    loss = shapes["loss"]
    del shapes["step"]

    def going(loop):
        carry = loop[0].carry
        return (carry.status == RUNNING) & ((carry.records < until) | (carry.suspect > 0))

    def body(loop):
        memory, table = loop
        carry = memory.carry
        start, searching = carry.state.step, carry.suspect > 0
        slot = jnp.where(searching, capacity, carry.records - first)
        length = lambda step: jnp.where(searching, carry.suspect // 2, jnp.minimum(plan.every, limit - step))
        if inputs.stop is not None:
            carry, record = advance(plan, inputs, carry, length(start), limit, seconds)
            return Memory.of(carry), table.write(slot, record)

        at = lambda i: jnp.minimum(start + i * plan.every, limit)

        def interval(i, moving):
            state, best, table, worst = moving
            state = state._replace(step=at(i))
            record, best, new = _interval(plan, inputs, state, best, length(state.step))
            return new._replace(step=start), best, table.write(slot + i, record), worse(worst, record["loss"])

        with_steps = -((start - limit) // plan.every)  # and one more record, of the end
        asked = jnp.minimum(jnp.minimum(with_steps + 1, until - carry.records), carry.stretch)
        intervals = jnp.where(searching, 1, jnp.maximum(asked, 1))
        moving = (carry.state, carry.best, table, jnp.full((), -jnp.inf, loss.dtype))
        new, best, table, worst = jax.lax.fori_loop(0, intervals, interval, moving)
        last = at(intervals - 1)
        length_of_last = length(last)

        def alone():
            carry, to = memory.carry, new._replace(step=last + length_of_last)
            return Memory.of(settle(plan, inputs, carry, table.read(slot), best, to, limit))

        def many():
            carry, to = memory.carry, new._replace(step=last + length_of_last)
            return Memory.of(accept(plan, carry, table.read(slot), worst, best, to, intervals, limit))

        return jax.lax.cond(intervals == 1, alone, many), table

    return jax.lax.while_loop(going, body, (memory, Table.empty(shapes, capacity + 1)))


def columns(plan: Plan, table: Table, start, limit) -> dict[str, Any]:
    """The records of a run from step `start` on by name, their steps among them; also where nothing was written."""
    records = table.columns()
    slots = jnp.arange(len(records["loss"]), dtype=jnp.int32)
    full = jnp.minimum(slots, (limit - start) // plan.every)  # how many full intervals lie before each record
    return {"step": jnp.where(slots == full, start + full * plan.every, limit), **records}


def written(records: dict, count, capacity: int) -> dict:
    """The first `count` records, blanks after them."""
    keep = jnp.arange(capacity) < count
    return jax.tree.map(lambda r: jnp.where(keep, r[:capacity], blank(r.dtype)), records)


def run_scan(plan: Plan, inputs: Inputs, carry: Carry, steps: int) -> tuple[Carry, dict[str, jax.Array]]:
    """Runs `steps` steps and writes every record; differentiable in reverse."""
    limit = carry.state.step + steps
    full, rest = divmod(steps, plan.every)
    carry, records = jax.lax.scan(lambda c, _: advance(plan, inputs, c, plan.every, limit), carry, length=full)
    if rest:
        carry, record = advance(plan, inputs, carry, rest, limit)
        records = _append(records, record)
    record = evaluate(plan, inputs, carry.state)
    best = better(plan, carry.best, carry.state, record)
    carry = settle(plan, inputs, carry, record, best, carry.state, limit)
    records = _append(records, record)
    # No derivative passes through the search, nor through what a loss in it closes over.
    search, captured = jax.closure_convert(lambda inputs, carry: _search(plan, inputs, carry, limit), inputs, carry)
    found = search(*jax.lax.stop_gradient((inputs, carry, *captured)))
    carry = select(carry.suspect > 0, found, carry)
    return carry, written(records, carry.records, full + bool(rest) + 1)


def _search(plan: Plan, inputs: Inputs, carry: Carry, limit) -> Carry:
    """The last finite state before the bad step, where one is suspected."""
    going = lambda carry: (carry.status == RUNNING) & (carry.suspect > 0)
    return jax.lax.while_loop(going, lambda c: advance(plan, inputs, c, c.suspect // 2, limit)[0], carry)


def _append(records: dict, record: dict) -> dict:
    return jax.tree.map(lambda many, one: jnp.concatenate([many, one[None].astype(many.dtype)]), records, record)
