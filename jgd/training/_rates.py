"""The learning rates in force at a step, as a history records them."""

from collections.abc import Mapping
from typing import Any

import jax

from jgd._expression import Expression
from jgd._leaves import Static
from jgd.transformation import GradientTransformation

# Wrappers that do not step the inner transformation at every step: a schedule inside is at a count that only the state knows.
LAGGING = (
    "apply_if_finite", "conditionally_mask", "conditionally_transform", "contrib.sam", "dynamic_loss_scaling", "lookahead",
)  # fmt: skip


def learning_rates(tx: GradientTransformation, count: Any, of: str = "") -> dict[str, Any]:
    """The learning rate in force at step `count`, as the history names it: that of the first link that has one.

    Groups of parameters have one each, `learning_rate/label`. Empty if no link has one, or only its state knows it.
    """
    rate = tx._values.get("learning_rate")
    if isinstance(rate, Static):
        rate = rate.value if callable(rate.value) else None
    if rate is not None:
        warming = tx.arguments.get("warmup_steps") is not None  # a warm-up inside the transformation, out of sight
        return {} if warming else {f"learning_rate{of}": rate(count) if callable(rate) else rate}
    every, groups = tx.arguments.get("every_k_schedule", 1), tx.arguments.get("transforms")
    if callable(every):  # how many inner steps there were by now only its state knows
        return {}
    if tx.name in LAGGING and any(callable(part) for part in _rates(tx)):
        return {}
    inside = lambda part, of: learning_rates(part, count // every if isinstance(every, int) else count, of)
    if isinstance(groups, Mapping):
        parts = {label: part for label, part in groups.items() if isinstance(part, GradientTransformation)}
        return {name: found for label, part in parts.items() for name, found in inside(part, f"{of}/{label}").items()}
    for part in jax.tree.leaves(list(tx._values.values()), is_leaf=lambda v: isinstance(v, Expression)):
        if isinstance(part, GradientTransformation) and (found := inside(part, of)):
            return found
    return {}


def _rates(tx: GradientTransformation) -> list[Any]:
    return [p.arguments["learning_rate"] for p in tx._parts() if "learning_rate" in p.arguments]
