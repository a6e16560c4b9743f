"""How the arguments of a factory are kept: numbers as leaves, all else as structure."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd import _checks
from jgd._checks import shown
from jgd._leaves import Static, Whole, given, is_number, is_whole, keys, traced, weak
from jgd._over import Over

# Arguments of these names are seeds or keys in every factory: leaves, so that a batch of them is a batch, but no quantities.
RANDOM = ("key", "seed", "random_seed")


def is_function(value: Any) -> bool:
    """Whether it is to be called: some parameters (a network's) are pytrees that can be called too."""
    leaf = lambda: jax.tree_util.treedef_is_leaf(jax.tree.structure(value))
    return callable(value) and (isinstance(value, Whole) or leaf())


def _store_leaf(where: str, name: str, value: Any) -> Any:
    if isinstance(value, (Whole, Static)):
        return value
    if isinstance(value, Over):
        if value.numbers is None:
            shapes = {np.shape(one) for one in value.values if is_number(one)} - {()}
            if shapes:
                found = f"values of shape {shapes.pop()}"
                raise TypeError(f"{where}: {name} takes an over of single numbers, found {found}: give a flat list of numbers.")
            return Static(value)
        _checks.check_number(where, name, value.numbers)
        return value
    if not is_number(value):
        if isinstance(value, (complex, np.complexfloating)) or getattr(value, "dtype", np.dtype(bool)).kind == "c":
            raise TypeError(f"{where}: {name} is complex ({value!r}); hyperparameters are real numbers.")
        if name in _checks.RANGES and not callable(value):
            raise TypeError(f"{where}: {name} must be a number (or, where it may change, a schedule), found {shown(value)}.")
        return Static(value)
    _checks.check_number(where, name, value)
    if not _checks.is_concrete(value):
        return value
    return float(value) if np.ndim(value) == 0 else weak(value)


def _store_random(where: str, name: str, value: Any) -> Any:
    """A seed as an int, a key as its words."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(value)
    words = getattr(value, "dtype", None)
    if words == jnp.uint32 and np.shape(value)[-1:] == (2,) or words is not None and not _checks.is_concrete(value):
        return value
    return _checks.check_count(f"{where}: {name}", value.item() if words is not None and np.ndim(value) == 0 else value, low=0)


class _Plain(NamedTuple):
    """What of an argument needs no more than a look at its type, on the way to being kept.

    Attributes:
      low, high: between these an int or a float is a leaf.
      words: types whose values are structure.
      ranged: whether its name has a range; a transformation, which is a tuple, is then no value for it.
    """

    low: float
    high: float
    words: frozenset
    ranged: bool


_FLAGS = {False: Static(False), True: Static(True)}


class Arguments:
    """The arguments of a factory.

    Attributes:
      name: the factory's, for messages.
      parameters: those of its signature.
      static: names of the numbers that set a structure.
      arrays: names of those that are arrays to keep as they are.
      of_numbers: whether what is made holds numbers, so that text is never a value where there is no default.
    """

    def __init__(
        self, name: str, parameters: Mapping[str, inspect.Parameter], static: frozenset, arrays: frozenset, of_numbers: bool
    ):
        self.name, self.parameters, self.static, self.arrays, self.of_numbers = name, parameters, static, arrays, of_numbers

    def keep(self, name: str, value: Any) -> Any:
        """As `store`, which it asks for all but the commonest values."""
        plain = self._plain[name]
        if plain is not None:
            kind = type(value)
            if kind is float:
                if plain.low <= value <= plain.high:
                    return value
            elif kind in plain.words:
                return None if value is None else _FLAGS[value] if kind is bool else Static(value)
            elif kind is int:
                if plain.low <= value <= plain.high and value.bit_length() < 64:
                    return float(value)
            elif isinstance(value, Whole) and not (plain.ranged and isinstance(value, tuple)):
                return value
        return self.store(name, value)

    @functools.cached_property
    def _plain(self) -> Mapping[str, _Plain | None]:
        return {name: self._plain_of(name, p.default) for name, p in self.parameters.items()}

    def _plain_of(self, name: str, default: Any) -> _Plain | None:
        if "dtype" in name or name in RANDOM or name in self.static or name in self.arrays:
            return None
        if isinstance(default, bool):
            nothing = math.inf, -math.inf
            return _Plain(*nothing, frozenset([bool]), ranged=False)
        if name in _checks.RANGES:
            return _Plain(*_checks.RANGES[name], frozenset() if self._needs(name) else frozenset([type(None)]), ranged=True)
        words = [bool, str, type(None)] if self._takes_text(name) else [bool, type(None)]
        return _Plain(-math.inf, math.inf, frozenset(words), ranged=False)

    def store(self, name: str, value: Any) -> Any:
        """A value as it is kept: a leaf, a `Static`, or a tree of them; refused, by raising, if it is none for this argument."""
        if isinstance(value, Over):
            return self._store_over(name, value)
        if "dtype" in name and value is not None:
            try:
                return Static(jnp.dtype(value))
            except TypeError:
                raise TypeError(f"{self.name}: {name} must be a dtype such as 'bfloat16', found {shown(value)}.") from None
        if name in _checks.RANGES and (isinstance(value, (list, tuple, dict)) or (value is None and self._needs(name))):
            what = "a whole number" if name in self.static else "a number" if value is None else "one number"
            raise TypeError(f"{self.name}: {name} must be {what}, found {shown(value)}.")
        if isinstance(value, str) and isinstance(self.parameters[name].default, bool):
            raise TypeError(f"{self.name}: {name} must be True or False, found {shown(value)}.")
        if isinstance(value, (str, list, tuple)) and name not in _checks.RANGES and not self._takes_text(name):
            text = [leaf for leaf in jax.tree.leaves(value, is_leaf=is_whole) if isinstance(leaf, str)]
            if text:
                raise TypeError(f"{self.name}: {name} must be a number, found {shown(text[0])}.")
        if hasattr(value, "factory"):
            raise TypeError(f"{self.name}: {name} is the factory {value.__name__}: call it, as in {value.__name__}(...).")
        if name in RANDOM and value is not None:
            return _store_random(self.name, name, value)
        if name in self.static and not (callable(value) or value is None and not self._needs(name)):
            return self._store_static(name, value)
        if isinstance(value, np.bool_) or (is_number(value) and isinstance(self.parameters[name].default, bool)):
            return Static(bool(value))
        if name in self.arrays and not is_function(value):
            return value
        leaf = functools.partial(_store_leaf, self.name, name)
        return jax.tree.map(leaf, value, is_leaf=is_whole)

    @functools.cached_property
    def readers(self) -> tuple[tuple[str, Any, Callable[[Any], Any]], ...]:
        """For each argument its name, its kind, and what makes the function's argument of what is kept."""
        how = lambda name: keys if name in RANDOM else given if name in self.arrays else traced
        return tuple((name, p.kind, how(name)) for name, p in self.parameters.items())

    def _store_over(self, name: str, value: Over) -> Any:
        """Numbers to try are a leaf, as one number is; anything else is structure, until a sweep puts one in its place."""
        flag = isinstance(self.parameters[name].default, bool)
        if flag or "dtype" in name or name in RANDOM or name in self.static or name in self.arrays:
            return Static(value)
        return _store_leaf(self.name, name, value)

    def _store_static(self, name: str, value: Any) -> Static:
        """A number that sets a structure: a count, or a float where the default is one; anything else as it is."""
        default = self.parameters[name].default
        if isinstance(value, (list, dict, tuple)):
            return Static(value)
        if not isinstance(default, float):
            low = None if default is None else min(1, default) if type(default) is int else 1
            value = _checks.check_count(f"{self.name}: {name}", value, low=low)
        elif not (is_number(value) and _checks.is_concrete(value) and np.ndim(value) == 0):
            raise TypeError(f"{self.name}: {name} must be a number that is known when compiling, found {shown(value)}.")
        _checks.check_number(self.name, name, value)
        return Static(float(value) if isinstance(default, float) else value)

    def _takes_text(self, name: str) -> bool:
        """Whether text may be its value: not where the default is a number, or where expressions of this kind hold numbers."""
        default = self.parameters[name].default
        if default is inspect.Parameter.empty:
            return not self.of_numbers
        return isinstance(default, str) or not isinstance(default, (int, float))

    def _needs(self, name: str) -> bool:
        return self.parameters[name].default is not None

    def text(self) -> str:
        """All of them, for messages."""
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in self.parameters.values()]
        return str(inspect.Signature(plain))

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        empty = inspect.Parameter.empty
        return {k: self.store(k, p.default) for k, p in self.parameters.items() if p.default is not empty}
