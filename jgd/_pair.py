"""A transformation as the pair that optax knows, made anew by its factory inside each trace; what it asks for is what it gets."""

import inspect
from collections.abc import Callable
from typing import Any

import optax

from jgd._errors import during
from jgd._expression import Expression

STRUCTURE = (
    "the numbers it is given are traced: one that sets a structure, by `if`, `range` or a shape, must be named, as in "
    "jgd.lift({}, static=('n',)); any other chooses by jnp.where(condition, a, b)."
)


def is_pair(value: Any) -> bool:
    return not isinstance(value, type) and hasattr(value, "init") and hasattr(value, "update")


def _built(layout, children) -> optax.GradientTransformation:
    name = layout.factory.name
    with during(f"the factory of {name}(...)", traced=STRUCTURE.format(name.rpartition(".")[2])):
        made = layout.factory.kind._unflatten(layout, children)._call()
    if isinstance(made, optax.GradientTransformation):
        return made
    if not is_pair(made):
        raise TypeError(f"{name} must return an optax transformation, with init and update; found {type(made).__name__}.")
    return optax.GradientTransformationExtraArgs(made.init, made.update)


def init(layout, children, params):
    with during(f"init of {layout.factory.name}(...)", params=params):
        return _built(layout, children).init(params)


def update(layout, children, updates, state, params=None, **extra):
    with during(f"a step of {layout.factory.name}(...)", updates=updates, params=params):
        step = _built(layout, children).update
        return step(updates, state, params, **_wanted(step, extra))


def _wanted(update: Callable, extra: dict[str, Any]) -> dict[str, Any]:
    """Of the loop's extra arguments those that a link's signature takes."""
    parameters = inspect.signature(update).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return extra
    return {name: value for name, value in extra.items() if name in parameters}


def asked(tx: Any) -> set[str]:
    """The arguments that the updates of a transformation's links name, at any depth."""
    updates = [_built(part._layout, part._children).update for part in [tx, *tx._parts()] if _is_transformation(part)]
    updates += [held.update for held in tx._held() if is_pair(held)]
    return {name for update in updates for name in inspect.signature(update).parameters}


def _is_transformation(value: Any) -> bool:
    """Whether it is one that is data."""
    return isinstance(value, Expression) and isinstance(value, optax.GradientTransformation)


def lenient(link: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optax link that is given only the extra arguments it names: some of optax's refuse all others."""
    if _is_transformation(link) or not isinstance(link, optax.GradientTransformationExtraArgs):
        return link

    def update(updates, state, params=None, **extra):
        return link.update(updates, state, params, **_wanted(link.update, extra))

    return optax.GradientTransformationExtraArgs(link.init, update)
