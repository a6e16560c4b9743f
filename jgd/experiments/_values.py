"""The values of settings as people see them: in tables, in words, and as conditions."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jgd._leaves import is_number, is_whole
from jgd.data import Dataset

LONG = 10  # lists of more are not written out


@dataclasses.dataclass(frozen=True)
class Outline:
    """What stands for rows where their numbers are not wanted: what is to be said of them."""

    text: str

    def __repr__(self) -> str:
        return self.text


def outlined(value: Any) -> Any:
    """The value with outlines in place of its data sets, arrays and long lists."""

    def outline(leaf):
        if isinstance(leaf, Dataset):
            return Outline(repr(leaf))
        if isinstance(leaf, list):
            return Outline(f"list of {len(leaf)}")
        if _is_plain(leaf) or not hasattr(leaf, "shape") or isinstance(leaf, type):
            return _bare(leaf)
        return Outline(f"{getattr(leaf, 'dtype', type(leaf).__name__)}[{','.join(map(str, leaf.shape))}]")

    whole = lambda v: is_whole(v) or isinstance(v, Dataset) or isinstance(v, list) and len(v) > LONG
    return jax.tree.map(outline, value, is_leaf=whole)


def labels(values: Sequence[Any]) -> list[Any]:
    """Values as a table shows them: numbers, flags and text as they are, anything else as its text, told apart by numbers."""
    texts = {i: _text(v) for i, v in enumerate(values) if not _is_plain(v)}
    if len(set(texts.values())) < len(texts):
        texts = {i: f"{i}: {text}" for i, text in texts.items()}
    return [texts[i] if i in texts else _bare(v) for i, v in enumerate(values)]


def _text(value: Any) -> str:
    return repr(outlined(value))


def matches(name: str, values: Sequence[Any], wanted: Any) -> list[bool]:
    """Which of the values a condition of `where` means.

    Raises:
      ValueError: if none.
    """
    if not _is_plain(wanted) and any(value is wanted for value in values):
        return [value is wanted for value in values]
    if callable(wanted) and not any(_same(value, wanted) for value in values):
        return [bool(wanted(value)) for value in values]
    is_list = isinstance(wanted, (list, tuple, set, range, np.ndarray)) and not hasattr(wanted, "init")
    found, shown = np.zeros(len(values), bool), labels(values)
    numbers = np.array([value if _is_number(value) else np.nan for value in values], float)
    for one in wanted if is_list else [wanted]:
        if _is_number(one):
            hits = np.isclose(numbers, one, rtol=1e-6, atol=0)
        else:
            hits = np.array(
                [_same(value, one) or type(one) is str and label == one for value, label in zip(values, shown, strict=True)]
            )
        if not hits.any():
            if _is_number(one) and np.isfinite(numbers).any():
                shown = sorted(filter(_is_number, shown), key=lambda v: abs(v - one))[:3]
            raise ValueError(f"{name} was not swept over {_text(one)}; near it are {', '.join(f'{v!r}' for v in shown[:5])}.")
        found |= hits
    return found.tolist()


def _is_plain(value: Any) -> bool:
    """Whether a table shows it as it is: a number, a flag, text or None, with or without NumPy or JAX around it."""
    is_flag = isinstance(value, bool) or getattr(value, "dtype", None) == np.dtype(bool) and np.ndim(value) == 0
    return value is None or is_flag or isinstance(value, str) or _is_number(value)


def _bare(value: Any) -> Any:
    """What is plain without NumPy or JAX around it; anything else as it is."""
    return value.item() if _is_plain(value) and hasattr(value, "item") else value


def _is_number(value: Any) -> bool:
    return is_number(value) and np.ndim(value) == 0


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, str) and not isinstance(a, str):
        return _text(a) == b
    return a is b or type(a) is type(b) and not hasattr(a, "shape") and bool(a == b)


def described(values: Sequence[Any]) -> str:
    """The values of an axis in a few words."""
    shown = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in labels(values)]
    if len(values) <= 6:
        return ", ".join(shown)
    if all(map(_is_number, values)):
        return f"{len(values)} values from {min(values):.4g} to {max(values):.4g}"
    return f"{len(values)} values, {shown[0]}, ..., {shown[-1]}"
