"""What a run remembers from interval to interval, and whether it goes on."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgd.training._plan import Inputs, Plan
from jgd.training._record import evaluate, sign_of
from jgd.training._step import State
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
# More intervals than a run can have.
UNBOUNDED = 2**31 - 1


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
    """What the loop remembers.

    Attributes:
      state: the training state at the next record.
      status: why the run ended; RUNNING until then.
      records: how many were written.
      stretch: how many intervals the next stretch may have; few near a failure.
      suspect: a number of steps known to end in NaN; 0 as long as all is well.
      unchanged_steps: for how many steps the parameters have not moved; counted for rules only.
      initial_loss: what later losses are held against.
      rule: the state of the stopping rule.
      best: the best parameters so far, if they are kept.
    """

    state: State
    status: jax.Array
    records: jax.Array
    stretch: jax.Array
    suspect: jax.Array
    unchanged_steps: jax.Array
    initial_loss: jax.Array
    rule: Any
    best: Best | None


class Memory(NamedTuple):
    """A `Carry` as the compiled loop moves it: its whole numbers are one array, which is one thing to copy and to return.

    Attributes:
      counts: int32: step, status, records, stretch, suspect, unchanged_steps.
      rest: the carry, None in their places.
    """

    counts: jax.Array
    rest: Carry

    @classmethod
    def of(cls, carry: Carry) -> "Memory":
        step, (status, records, stretch, suspect, unchanged) = carry.state.step, carry[1:6]
        counts = jnp.stack([step, status, records, stretch, suspect, unchanged])
        return cls(counts, Carry(carry.state._replace(step=None), *[None] * 5, *carry[6:]))

    @property
    def carry(self) -> Carry:
        step, *others = (jax.lax.index_in_dim(self.counts, i, keepdims=False) for i in range(6))
        return Carry(self.rest.state._replace(step=step), *others, *self.rest[6:])


def begin(plan: Plan, inputs: Inputs, state: State) -> Carry:
    """The loop's memory before its first record."""
    whole = lambda n: jnp.asarray(n, jnp.int32)
    loss = jax.eval_shape(lambda: evaluate(plan, inputs, state)["loss"])
    best = None if plan.best is None else Best(state.params, jnp.full((), jnp.nan, loss.dtype), state.step, state.model_state)
    rule = () if inputs.stop is None else inputs.stop.functions.init
    # A batch's loss says little about the start; the exact one is what later losses are held against.
    exact = lambda: inputs.problem.objective(state.params, inputs.data, state=state.model_state)
    initial = exact() if plan.batch_loss else jnp.zeros((), loss.dtype)
    carry = Carry(state, whole(RUNNING), whole(0), whole(UNBOUNDED), whole(0), whole(0), initial, rule, best)
    return jax.tree.map(_strong, carry)


def _strong(leaf):
    """Of a type that does not change from chunk to chunk, so that the second is the first one's program."""
    leaf = jnp.asarray(leaf)
    return leaf if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else jax.lax.convert_element_type(leaf, leaf.dtype)


def better(plan: Plan, best: Best | None, state: State, record: dict) -> Best | None:
    """The best parameters, those of this record among them."""
    if best is None:
        return None
    sign, score = sign_of(plan.best, plan.metrics), record[plan.best]
    improves = (jnp.isnan(best.score) | (sign * score < sign * best.score)) & jnp.isfinite(score)
    return select(improves, Best(state.params, score.astype(best.score.dtype), state.step, state.model_state), best)


def decide(plan: Plan, inputs: Inputs, carry: Carry, record: dict, limit, seconds=None) -> Carry:
    """Whether the run ends at this record, and why; the first reason of the list below that holds."""
    loss, initial_loss = record["loss"], _initial_loss(plan, carry, record)
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
    status = jnp.where(_diverged(loss, initial_loss), DIVERGED, status)
    status = jnp.where(jnp.isfinite(loss), status, NONFINITE).astype(jnp.int32)
    decided = carry._replace(status=status, rule=rule, initial_loss=initial_loss, records=carry.records + 1)
    return select((carry.suspect == 0) & (carry.status == RUNNING), decided, carry)


def _initial_loss(plan: Plan, carry: Carry, record: dict):
    return carry.initial_loss if plan.batch_loss else jnp.where(carry.records == 0, record["loss"], carry.initial_loss)


def _diverged(loss, initial_loss):
    return loss > DIVERGENCE * jnp.maximum(jnp.abs(initial_loss), 1)


def settle(plan: Plan, inputs: Inputs, carry: Carry, record: dict, best: Best | None, new: State, limit, seconds=None) -> Carry:
    """What follows from one interval: a decision at its record; then its steps, or where they failed a search among them."""
    length = new.step - carry.state.step
    best = None if best is None else select(carry.suspect == 0, best, carry.best)
    carry = decide(plan, inputs, carry, record, limit, seconds)
    running = carry.status == RUNNING
    failed = running & ~finite(new.params)
    # Between `suspect` steps from here lies the first bad one: keep the half that holds it, walk over the half that does not.
    suspect = jnp.where(failed, length, jnp.where(carry.suspect > 0, carry.suspect - length, 0))
    unchanged = carry.unchanged_steps
    if inputs.stop is not None:
        unchanged = jnp.where(_same(new.params, carry.state.params), unchanged + length, 0)
    return carry._replace(
        state=select(running & ~failed, new, carry.state),
        status=jnp.where(running & (suspect == 1), NONFINITE, carry.status).astype(jnp.int32),
        suspect=jnp.where(running, suspect, 0).astype(jnp.int32),
        unchanged_steps=jnp.where(running, unchanged, carry.unchanged_steps).astype(jnp.int32),
        best=best,
    )


def accept(plan: Plan, carry: Carry, record: dict, worst, best: Best | None, new: State, intervals, limit) -> Carry:
    """What follows from a stretch of intervals without a rule: all of it or, if something in it failed, a shorter one.

    Args:
      record: the first.
      worst: the largest loss of the stretch, NaN if one was not finite.
    """
    initial_loss = _initial_loss(plan, carry, record)
    fine = jnp.isfinite(worst) & ~_diverged(worst, initial_loss) & finite(new.params)
    # The end's record is one of the stretch's where the steps before it do not fill its intervals.
    ended = carry.state.step + (intervals - 1) * plan.every >= limit
    status = jnp.where(ended, MAX_STEPS, RUNNING).astype(jnp.int32)
    records = carry.records + intervals
    taken = carry._replace(state=new, status=status, records=records, initial_loss=initial_loss, best=best)
    return select(fine, taken, carry._replace(stretch=intervals // 2))


def worse(worst, loss):
    """The larger loss; NaN from the first that is not finite."""
    return jnp.maximum(worst, jnp.where(loss > -jnp.inf, loss, jnp.nan))


def select(condition, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _same(a: Any, b: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(x == y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]))
