"""The text that makes an expression, and whether it can be parsed back."""

from typing import Any

import jax
import numpy as np

from jgd import _checks
from jgd._leaves import Static, Whole, is_number


def code_of(value: Any) -> tuple[str, bool]:
    if isinstance(value, Static):
        return code_of_static(value.value)
    if isinstance(value, Whole):
        return value._code()
    if value is None or type(value) in (float, int):
        return repr(value), True
    if type(value) in (tuple, list):
        items = [code_of(v) for v in value]
        text = ", ".join(t for t, _ in items)
        text = f"[{text}]" if type(value) is list else f"({text},)" if len(items) == 1 else f"({text})"
        return text, all(ok for _, ok in items)
    if type(value) is dict:
        items = [(repr(k), type(k) is str, *code_of(v)) for k, v in value.items()]
        return "{" + ", ".join(f"{k}: {t}" for k, _, t, _ in items) + "}", all(ok and o for _, ok, _, o in items)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if value.shape == () and _checks.is_concrete(value) and is_number(value):
            return repr(float(value)), True
        return f"{value.dtype!s}[{','.join(map(str, value.shape))}]", False
    return repr(value), False


def code_of_static(value: Any) -> tuple[str, bool]:
    if value is None or type(value) in (bool, int, str):
        return repr(value), True
    if isinstance(value, np.dtype):
        return repr(value.name), True
    if hasattr(value, "init") and hasattr(value, "update"):
        return f"<optax {type(value).__name__} {getattr(value.init, '__qualname__', '').partition('.')[0]}>", False
    if callable(value):
        return f"<{getattr(value, '__qualname__', type(value).__name__)}>", False
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return code_of(value)
    if type(value) in (list, tuple, dict):
        return code_of(jax.tree.map(Static, value, is_leaf=lambda v: hasattr(v, "_fields")))
    return repr(value), type(value) is float
