"""What a run is: its static part, its traced part, and the batches they make."""

import dataclasses
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgd._checks import as_key
from jgd.data import Dataset, batch_rows, steps_per_epoch
from jgd.data._by_feature import by_feature
from jgd.models import Problem
from jgd.training.stopping import StoppingRule
from jgd.transformation import GradientTransformation, asked

# Rows of up to this many steps x batch are computed at once, before the steps.
ROWS_AT_ONCE = 1 << 24


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """The static part of a run. Equal ones are one object (see `plan_of`), which takes no time to compare.

    Attributes:
      rows: how many rows the data has; None without data.
      batch_size: rows of a step; None for all of them.
      shuffle: as in `batch_rows`.
      every: how many steps lie between two records.
      batch_loss: whether a record's loss is its step's batch's, instead of the exact objective.
      metrics: names and functions.
      best: the recorded quantity whose best parameters are kept, if any.
      norms: whether the lengths of the gradient and of the update are recorded for each array of the parameters.
      by_feature: whether what multiplies all of X reads it by features.
    """

    rows: int | None
    batch_size: int | None
    shuffle: bool | str
    every: int
    batch_loss: bool = False
    metrics: tuple[tuple[str, Callable[..., Any]], ...] = ()
    best: str | None = None
    norms: bool = False
    by_feature: bool = False

    @property
    def steps_per_epoch(self) -> int:
        return 1 if self.batch_size is None else steps_per_epoch(self.rows, self.batch_size)

    @property
    def short(self) -> int:
        """How many rows the last batch of an epoch has, if fewer than the others; else 0."""
        return 0 if self.batch_size is None or self.shuffle == "replacement" else self.rows % self.batch_size


_PLANS: weakref.WeakValueDictionary[tuple, Plan] = weakref.WeakValueDictionary()


def plan_of(*values: Any) -> Plan:
    """The plan of these values: the one that there is, as long as anything uses it."""
    plan = _PLANS.get(values)
    if plan is None:
        plan = _PLANS.setdefault(values, Plan(*values))
    return plan


class Inputs(NamedTuple):
    """The traced part of a run.

    Attributes:
      data: all rows, for what looks at all of them.
      key: may still be words.
      rows: the same rows, for batches to be taken from; None where there are no batches, or none yet.
    """

    problem: Problem
    tx: GradientTransformation
    data: Dataset | None
    validation: Dataset | None
    stop: StoppingRule | None
    key: jax.Array
    rows: Dataset | None = None


def stored(plan: Plan, inputs: Inputs) -> Inputs:
    """The inputs as the steps want them: their key a key, their data by rows and by features where that is planned."""
    rows = None if plan.batch_size is None else inputs.data if inputs.rows is None else inputs.rows
    inputs = inputs._replace(key=as_key(inputs.key), rows=rows)
    if not plan.by_feature:
        return inputs
    parts = {name: getattr(inputs, name) for name in ("data", "validation")}
    return inputs._replace(**{name: by_feature(part) for name, part in parts.items() if part is not None})


def step_rows(plan: Plan, key, first_step, count: int) -> jax.Array:
    return batch_rows(key, first_step, count, plan.rows, plan.batch_size, plan.shuffle)


def _batch(plan: Plan, inputs: Inputs, step, rows) -> Dataset:
    """The batch of these rows. In an epoch's short last batch the rows beyond the end weigh nothing, the others more."""
    if not plan.short:
        return inputs.rows.take(rows)
    weight = (jnp.arange(plan.batch_size) < plan.short) * (plan.batch_size / plan.short)
    return inputs.rows.take(rows, jnp.where(_is_last(plan, step), weight, 1.0))


def on_batch(plan: Plan, inputs: Inputs, step, rows, function: Callable[[Dataset], Any]) -> Any:
    """function(batch) of these rows. Only jgd's own losses are known to look at each row by itself, and so may be masked;
    any other sees an epoch's short last batch at its own length, and so do links that see the rows."""
    by_itself = inputs.problem.functions.encode is not None and "row_grads" not in asked(inputs.tx)
    if not plan.short or by_itself:
        return function(_batch(plan, inputs, step, rows))
    short = lambda: function(inputs.rows.take(rows[: plan.short]))
    return jax.lax.cond(_is_last(plan, step), short, lambda: function(inputs.rows.take(rows)))


def _is_last(plan: Plan, step):
    return step % plan.steps_per_epoch == plan.steps_per_epoch - 1
