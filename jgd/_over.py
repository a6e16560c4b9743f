"""A mark on the values a sweep tries."""

import functools
from collections.abc import Iterable
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import shown
from jgd._errors import public


class Over:
    """Values to try, marked where one value would stand; made by `jgd.over`.

    Attributes:
      values: a tuple of them.
      name: what the swept quantity is called; None if it is named after the argument.
      zipped: those whose `zipped` is equal, and not None, go hand in hand; others are crossed.
    """

    made = False  # whether there has been any: where there was none, no argument needs to be searched for one

    def __init__(self, values: tuple, name: str | None, zipped: Any = None):
        Over.made = True
        self.values, self.name, self.zipped = values, name, zipped

    def __repr__(self) -> str:
        shown = repr(list(self.values)) if len(self.values) <= 20 else f"{self.values[0]!r}, ..., {self.values[-1]!r}"
        return f"over({shown}{f', name={self.name!r}' if self.name else ''})"

    def _no_arithmetic(self, other: Any) -> NoReturn:
        raise TypeError(f"{self!r} is no number to calculate with: calculate its values, as in over([2 * v for v in values]).")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = (
        _no_arithmetic
    )

    @functools.cached_property
    def numbers(self) -> np.ndarray | None:
        """The values in float64, if each is one number.

        Raises:
          ValueError: for a whole number beyond float64.
        """
        if all(type(value) is float for value in self.values):
            return np.array(self.values)
        if not all(map(_is_one_number, self.values)):
            return None
        try:
            return np.array([float(value) for value in self.values])
        except OverflowError:
            bits = max(value.bit_length() for value in self.values if isinstance(value, int))
            raise ValueError(f"over: values must be finite numbers, found one of {bits} bits, which no float64 holds.") from None


def _is_one_number(value: Any) -> bool:
    if isinstance(value, (int, float, np.integer, np.floating)):
        return not isinstance(value, bool)
    is_one = isinstance(value, (np.ndarray, jax.Array)) and value.ndim == 0 and not isinstance(value, jax.core.Tracer)
    return is_one and (jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer))


@public
def over(values: Iterable[Any], name: str | None = None) -> Any:
    """Marks the values of a sweep where a fit would take one value; `fit` itself takes one setting and refuses it.

    An `over` may stand for any argument of `jgd.sweep`, and inside optimizers, schedules, problems and stopping rules for any of
    theirs: numbers, and whatever sets a structure. Several are crossed; those that share a name are zipped.

    Args:
      values: at least one; numbers, flags, optimizers, problems, keys, data sets.
      name: what the swept quantity is called; by default after the argument it stands for, such as "learning_rate".

    Raises:
      TypeError, ValueError: if it is not a list of values, or an empty one.

    >>> import jgd
    >>> jgd.over([0.1, 0.01], name="lr")
    over([0.1, 0.01], name='lr')
    >>> jgd.adam(jgd.over([0.1, 0.01]), b1=jgd.over([0.5, 0.9]))
    adam(over([0.1, 0.01]), b1=over([0.5, 0.9]))
    """
    if not isinstance(values, Iterable) or isinstance(values, (str, dict)) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"over takes a list of values, found {shown(values)}.")
    if name is not None and (not isinstance(name, str) or not name):
        raise TypeError(f"the name of an over is text, found {shown(name)}.")
    is_key = isinstance(values, jax.Array) and jax.dtypes.issubdtype(values.dtype, jax.dtypes.prng_key)
    if isinstance(values, (np.ndarray, jax.Array)) and values.ndim == 1 and not is_key:
        values = np.asarray(values).tolist()
    values = tuple(values)
    if not values:
        raise ValueError("over needs at least one value, found none.")
    return Over(values, name, name)


def held_over(value: Any) -> Over | None:
    """The first `over` in an argument, if there is any."""
    held = [value] if isinstance(value, type) else [value, *getattr(value, "_held", lambda: ())()]
    leaves = jax.tree.leaves(held, is_leaf=lambda v: isinstance(v, Over))
    return next((leaf for leaf in leaves if isinstance(leaf, Over)), None)


def refuse_over(where: str, instead: str = "run all by jgd.sweep", **arguments: Any) -> None:
    """Raise if an argument of a single run holds an `over`."""
    if not Over.made:
        return
    for name, value in arguments.items():
        found = held_over(value)
        if found is not None:
            raise TypeError(f"{where} runs one setting, but {name} holds {found!r}: give one of its values, or {instead}.")
