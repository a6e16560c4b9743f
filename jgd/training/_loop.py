"""The one loop: records, decides, and runs steps until the next record.

`advance` is its body. A `while` of it is what runs; a `scan` of it, for a run that only its length ends, is what is
differentiated in reverse. When a stretch of steps ends in parameters that are not finite, it is thrown away and halved until the
step that did it is found, so no step pays for a check.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgd.training._plan import ROWS_AT_ONCE, Inputs, Plan, on_batch, step_rows
from jgd.training._record import evaluate, sign_of
from jgd.training._step import State, training_step
from jgd.training.stopping import (
    DIVERGED,
    MAX_STEPS,
    NONFINITE,
    RUNNING,
    STALLED,
)

# A run has diverged when its objective exceeds this many times the initial one (or one, if that is larger).
DIVERGENCE = 1e4
# With a rule to meet, a run has stalled when its parameters have not moved for this many steps, and an epoch.
STALL = 200


class Best(NamedTuple):
    """The best parameters by a recorded quantity, exactly as they were scored.

    Attributes:
      params: the parameters.
      score: the quantity.
      step: how many steps had been taken.
      model_state: what the loss carried then; () if nothing.
    """

    params: Any
    score: jax.Array
    step: jax.Array
    model_state: Any = ()


class Carry(NamedTuple):
    """What the loop remembers; `suspect` is a length of steps known to end in NaN, 0 as long as all is well."""

    state: State
    status: jax.Array
    records: jax.Array
    suspect: jax.Array
    unchanged_steps: jax.Array
    initial_loss: jax.Array
    rule: Any
    best: Best | None


def begin(plan: Plan, inputs: Inputs, state: State) -> Carry:
    """The loop's memory before its first record."""
    whole = lambda n: jnp.asarray(n, jnp.int32)
    loss = jax.eval_shape(lambda: evaluate(plan, inputs, state)["loss"])
    best = None if plan.best is None else Best(state.params, jnp.full((), jnp.nan, loss.dtype), state.step, state.model_state)
    rule = () if inputs.stop is None else inputs.stop.functions.init
    # A batch's loss says little about the start; the exact one is what later losses are held against.
    exact = lambda: inputs.problem.objective(state.params, inputs.data, state=state.model_state)
    initial = exact() if plan.batch_loss else jnp.zeros((), loss.dtype)
    carry = Carry(state, whole(RUNNING), whole(0), whole(0), whole(0), initial, rule, best)
    return jax.tree.map(_strong, carry)


def _strong(leaf):
    """Of a type that does not change from chunk to chunk, so that the second is the first one's program."""
    leaf = jnp.asarray(leaf)
    return leaf if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else jax.lax.convert_element_type(leaf, leaf.dtype)


def _runner(plan: Plan, inputs: Inputs) -> Callable[[State, Any], State]:
    """run(state, length): the state `length` steps later; length at most `plan.every`, static or traced."""
    _, step = training_step(inputs.problem, inputs.tx)
    data = inputs.data

    if plan.batch_size is None:
        one = lambda state, rows: step(state, data)[0]
    else:
        one = lambda state, rows: on_batch(plan, inputs, state.step, rows, lambda batch: step(state, batch)[0])

    def run(state, length):
        if plan.batch_size is None:
            rows_of = lambda i, state: None
        elif plan.every * plan.batch_size <= ROWS_AT_ONCE:
            table = step_rows(plan, inputs.key, state.step, plan.every)
            rows_of = lambda i, state: table[i]
        else:
            rows_of = lambda i, state: step_rows(plan, inputs.key, state.step, 1)[0]
        if plan.every == 1:
            return one(state, rows_of(0, state))
        return jax.lax.fori_loop(0, length, lambda i, state: one(state, rows_of(i, state)), state)

    return run


def _finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _same(a: Any, b: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(x == y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]))


def _select(condition, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def _decide(plan: Plan, inputs: Inputs, carry: Carry, record: dict, limit, seconds) -> Carry:
    """Whether the run ends at this record, and why; the first reason of the list below that holds."""
    loss = record["loss"]
    initial_loss = carry.initial_loss if plan.batch_loss else jnp.where(carry.records == 0, loss, carry.initial_loss)
    status, rule = jnp.asarray(RUNNING, jnp.int32), carry.rule
    status = jnp.where(carry.state.step >= limit, MAX_STEPS, status)
    if inputs.stop is not None:
        signs = {name: sign_of(name, plan.metrics) for name in record}
        seen = {**record, "unchanged_steps": carry.unchanged_steps, "signs": signs}
        if seconds is not None:
            seen["seconds"] = seconds
        rule, met = inputs.stop.functions.update(carry.rule, seen)
        status = jnp.where(carry.unchanged_steps >= max(STALL, plan.steps_per_epoch), STALLED, status)
        status = jnp.where(met != RUNNING, met, status)
    status = jnp.where(loss > DIVERGENCE * jnp.maximum(jnp.abs(initial_loss), 1), DIVERGED, status)
    status = jnp.where(jnp.isfinite(loss), status, NONFINITE).astype(jnp.int32)
    best = carry.best
    if best is not None:
        sign, score = sign_of(plan.best, plan.metrics), record[plan.best]
        better = (jnp.isnan(best.score) | (sign * score < sign * best.score)) & jnp.isfinite(score)
        now = carry.state
        best = _select(better, Best(now.params, score.astype(best.score.dtype), now.step, now.model_state), best)
    decided = carry._replace(status=status, rule=rule, best=best, initial_loss=initial_loss, records=carry.records + 1)
    return _select((carry.suspect == 0) & (carry.status == RUNNING), decided, carry)


def advance(plan: Plan, inputs: Inputs, carry: Carry, length, limit, seconds=None) -> tuple[Carry, dict]:
    """One record, one decision, and up to `length` steps.

    Args:
      length: how many steps, static or traced; at most `plan.every`.
      limit: the step at which the run ends.
      seconds: what the host's clock says, if it is asked.
    """
    record = evaluate(plan, inputs, carry.state)
    carry = _decide(plan, inputs, carry, record, limit, seconds)
    if isinstance(length, int) and length == 0:
        return carry, record
    run = _runner(plan, inputs)
    new = run(carry.state, length)
    running = carry.status == RUNNING
    failed = running & ~_finite(new.params)
    # Between `suspect` steps from here lies the first bad one: keep the half that holds it, walk over the half that does not.
    suspect = jnp.where(failed, length, jnp.where(carry.suspect > 0, carry.suspect - length, 0))
    unchanged = jnp.where(_same(new.params, carry.state.params), carry.unchanged_steps + length, 0)
    return carry._replace(
        state=_select(running & ~failed, new, carry.state),
        status=jnp.where(running & (suspect == 1), NONFINITE, carry.status).astype(jnp.int32),
        suspect=jnp.where(running, suspect, 0).astype(jnp.int32),
        unchanged_steps=jnp.where(running, unchanged, carry.unchanged_steps).astype(jnp.int32),
    ), record


def _bisect(plan: Plan, inputs: Inputs, carry: Carry, limit) -> Carry:
    """The last finite state before the bad step, where one is suspected."""
    going = lambda carry: (carry.status == RUNNING) & (carry.suspect > 0)
    return jax.lax.while_loop(going, lambda c: advance(plan, inputs, c, c.suspect // 2, limit)[0], carry)


def run_while(
    plan: Plan, inputs: Inputs, carry: Carry, limit, until, capacity: int, seconds=None
) -> tuple[Carry, dict[str, jax.Array]]:
    """Runs until a decision, or until `until` records are written; returns up to `capacity` records of this call."""
    first = carry.records
    shapes = jax.eval_shape(lambda: evaluate(plan, inputs, carry.state))
    buffers = jax.tree.map(lambda s: jnp.full((capacity + 1,), _blank(s.dtype)), shapes)

    def going(loop):
        carry, _ = loop
        return (carry.status == RUNNING) & ((carry.records < until) | (carry.suspect > 0))

    def body(loop):
        carry, buffers = loop
        slot = jnp.where(carry.suspect > 0, capacity, carry.records - first)
        length = jnp.where(carry.suspect > 0, carry.suspect // 2, jnp.minimum(plan.every, limit - carry.state.step))
        carry, record = advance(plan, inputs, carry, length, limit, seconds)
        write = lambda buffer, value: jax.lax.dynamic_update_index_in_dim(buffer, value.astype(buffer.dtype), slot, 0)
        return carry, jax.tree.map(write, buffers, record)

    carry, buffers = jax.lax.while_loop(going, body, (carry, buffers))
    return carry, jax.tree.map(lambda b: b[:capacity], buffers)


def run_scan(plan: Plan, inputs: Inputs, carry: Carry, steps: int) -> tuple[Carry, dict[str, jax.Array]]:
    """Runs `steps` steps and writes every record; differentiable in reverse."""
    limit = carry.state.step + steps
    full, rest = divmod(steps, plan.every)
    carry, records = jax.lax.scan(lambda c, _: advance(plan, inputs, c, plan.every, limit), carry, length=full)
    if rest:
        carry, record = advance(plan, inputs, carry, rest, limit)
        records = _append(records, record)
    carry, record = advance(plan, inputs, carry, 0, limit)
    records = _append(records, record)
    # No derivative passes through the search, nor through what a loss in it closes over.
    search, captured = jax.closure_convert(lambda inputs, carry: _bisect(plan, inputs, carry, limit), inputs, carry)
    found = search(*jax.lax.stop_gradient((inputs, carry, *captured)))
    carry = _select(carry.suspect > 0, found, carry)
    keep = jnp.arange(full + bool(rest) + 1) < carry.records
    return carry, jax.tree.map(lambda r: jnp.where(keep, r, _blank(r.dtype)), records)


def _append(records: dict, record: dict) -> dict:
    return jax.tree.map(lambda many, one: jnp.concatenate([many, one[None].astype(many.dtype)]), records, record)


def _blank(dtype):
    return jnp.nan if jnp.issubdtype(dtype, jnp.floating) else jnp.asarray(-1, dtype)
