"""What the signatures of a user's functions say."""

import inspect
from collections.abc import Callable
from typing import Any


def takes_data(loss: Any) -> bool:
    """Whether it is loss(params, batch), not loss(params)."""
    return isinstance(loss, str) or positional(loss) != 1


def parameters(function: Callable) -> Any:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None


def names(function: Any, name: str) -> bool:
    """Whether a function takes an argument of this name that may be left out or is given by name."""
    parameter = None if isinstance(function, str) else (parameters(function) or {}).get(name)
    return parameter is not None and (
        parameter.kind is inspect.Parameter.KEYWORD_ONLY or parameter.default is not inspect.Parameter.empty
    )


def requires(function: Callable, name: str) -> bool:
    parameter = (parameters(function) or {}).get(name)
    return parameter is not None and parameter.default is inspect.Parameter.empty


def positional(function: Callable) -> int:
    found = parameters(function)
    if found is None:
        return 2
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in found.values())
