"""A mark on the values a sweep tries."""

from collections.abc import Iterable
from typing import Any

import jax


class Over:
    """Values to try, marked where one value would stand; made by `jgd.over`."""

    made = False  # whether there has been any: where there was none, no argument needs to be searched for one

    def __new__(cls, *args, **kwargs):
        Over.made = True
        return super().__new__(cls)

    def __init__(self, values: tuple, name: str | None):
        self.values, self.name = values, name

    def __repr__(self) -> str:
        return f"over({list(self.values)!r}{f', name={self.name!r}' if self.name else ''})"


def over(values: Iterable[Any], name: str | None = None) -> Any:
    """Marks the values of a sweep where a fit would take one value; `fit` itself takes one setting and refuses it.

    Args:
      values: at least one.
      name: what the swept quantity is called.

    Raises:
      ValueError: if there are no values.

    >>> import jgd
    >>> jgd.over([0.1, 0.01], name="lr")
    over([0.1, 0.01], name='lr')
    """
    if not isinstance(values, Iterable):
        raise TypeError(f"over takes a list of values, found {values!r}.")
    values = tuple(values)
    if not values:
        raise ValueError("over needs at least one value, found none.")
    return Over(values, name)


def refuse_over(where: str, **arguments: Any) -> None:
    """Raise if an argument of a single run holds an `over`."""
    if not Over.made:
        return
    for name, value in arguments.items():
        held = [value] if isinstance(value, type) else [value, *getattr(value, "_held", lambda: ())()]
        for leaf in jax.tree.leaves(held, is_leaf=lambda v: isinstance(v, Over)):
            if isinstance(leaf, Over):
                raise TypeError(f"{where} runs one setting, but {name} holds {leaf!r}: give one of its values.")
