"""Optax's factories with defaults that can be stored: a default that is a closure can be neither pickled nor printed."""

import functools
import inspect
from collections.abc import Callable
from typing import Any


def with_defaults(function: Callable[..., Any], **defaults: Any) -> Callable[..., Any]:
    """The same function, its signature showing these defaults; it must be called with every argument, as expressions do."""
    signature = inspect.signature(function)
    parameters = [p.replace(default=defaults.get(name, p.default)) for name, p in signature.parameters.items()]

    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    call.__signature__ = signature.replace(parameters=parameters)
    return call
