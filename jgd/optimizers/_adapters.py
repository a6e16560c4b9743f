"""Small adapters to optax's factories: their signatures stay, their transformations take what they would refuse."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import jax
import jax.numpy as jnp
import optax

P = ParamSpec("P")


def scalars_as_vectors(
    factory: Callable[P, optax.GradientTransformation],
) -> Callable[P, optax.GradientTransformation]:
    """The same factory, whose transformations see a scalar parameter as an array of one entry."""

    @functools.wraps(factory)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> optax.GradientTransformation:
        tx = factory(*args, **kwargs)

        def init(params):
            return tx.init(jax.tree.map(jnp.atleast_1d, params))

        def update(updates, state, params=None):
            seen = None if params is None else jax.tree.map(jnp.atleast_1d, params)
            new, state = tx.update(jax.tree.map(jnp.atleast_1d, updates), state, seen)
            return jax.tree.map(lambda u, like: jnp.reshape(u, jnp.shape(like)), new, updates), state

        return optax.GradientTransformation(init, update)

    return wrapped


def mask_or_function(
    factory: Callable[P, optax.GradientTransformationExtraArgs],
) -> Callable[P, optax.GradientTransformationExtraArgs]:
    """The same factory, whose `freeze_mask` may be a function of the parameters: optax takes one for a mask that is true."""

    @functools.wraps(factory)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> optax.GradientTransformationExtraArgs:
        mask = kwargs["freeze_mask"]
        if not callable(mask):
            return factory(*args, **kwargs)
        make = lambda params: factory(*args, **kwargs | {"freeze_mask": mask(params)})

        def update(updates, state, params=None, **extra):
            return make(updates if params is None else params).update(updates, state, params, **extra)

        return optax.GradientTransformationExtraArgs(lambda params: make(params).init(params), update)

    return wrapped


def of_the_objective(
    factory: Callable[P, optax.GradientTransformationExtraArgs],
) -> Callable[P, optax.GradientTransformationExtraArgs]:
    """The same factory, whose transformations name the arguments they ask for, and so are given no others, which they refuse."""

    @functools.wraps(factory)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> optax.GradientTransformationExtraArgs:
        tx = factory(*args, **kwargs)

        def update(updates, state, params, *, value, grad, value_fn):
            return tx.update(updates, state, params, value=value, grad=grad, value_fn=value_fn)

        return optax.GradientTransformationExtraArgs(tx.init, update)

    return wrapped
