"""What turns a function into a factory of expressions: how its arguments are checked and kept."""

import functools
import inspect
import math
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd import _checks
from jgd._checks import shown
from jgd._errors import argument_hint, shorten
from jgd._leaves import Layout, Static, Whole, given, holds_over, is_number, is_whole, keys, traced, weak
from jgd._over import Over

REGISTRY: dict[str, "Factory"] = {}

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


class _Call(NamedTuple):
    """The arguments of a call that can be read without `inspect`.

    Attributes:
      template: every argument's default as it is kept, in order; missing where there is none.
      positional: names that may be given by position.
      rest: the name that all further positions go to, if any.
      named: names that may be given by name.
      required: names without a default.
    """

    template: dict[str, Any]
    positional: tuple[str, ...]
    rest: str | None
    named: frozenset
    required: tuple[str, ...]


# Layouts by factory and key that hold something of the user's, such as a function, and live as long as their expressions.
_MORTAL: weakref.WeakValueDictionary[tuple, Layout] = weakref.WeakValueDictionary()
_MISSING = object()
_FLAGS = {False: Static(False), True: Static(True)}
_LOCK = threading.RLock()  # finding a layout may collect garbage, and that may make an expression


class Factory:
    """A function whose calls are kept as expressions of one kind.

    Args:
      function: what the expression stands for; called with keyword arguments when the expression is used.
      kind: the class of the expressions.
      name: as printed and parsed.
      signature: the arguments a user gives.
      static: names of the numbers that set a structure (a number of steps to accumulate, a memory's length).
      arrays: names of the arguments that are arrays to keep as they are, rather than hyperparameters.
      check: refuses, by raising, an expression whose arguments do not go together.
    """

    def __init__(self, function, kind, name, signature, static=(), arrays=(), check=None):
        unknown = set(static) - set(signature.parameters)
        if unknown:
            raise ValueError(f"{name}: static names {sorted(unknown)}, which are not among its arguments.")
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"{name!r} is no name that code can spell: give another with name=.")
        self.function, self.kind, self.name, self.signature = function, kind, name, signature
        self.static, self.arrays, self.check = frozenset(static), frozenset(arrays), check
        self._layouts: dict[tuple, Layout] = {}
        old = REGISTRY.get(name)
        if old is not None and origin(old.function) != origin(function):
            raise ValueError(f"the name {name!r} already belongs to {origin(old.function)}; give another name=.")
        self.make = self  # what `parse` calls: the function people call, where that checks more
        REGISTRY[name] = self

    def __reduce__(self):
        return find, (self.name,)

    def __call__(self, *args, **kwargs) -> Any:
        values = self._read(args, kwargs)
        return self._checked(self._bound(args, kwargs) if values is None else values)

    def _read(self, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments of a call as they are kept; None for those that `_bound` must look at."""
        call = self._plain_call
        if call is None:
            return None
        template, positional, rest, named, required = call
        given = positional[: len(args)]
        if kwargs and not (kwargs.keys() <= named and kwargs.keys().isdisjoint(given)):
            return None
        if len(args) > len(positional) and rest is None:
            return None
        for name in required:
            if name not in given and name not in kwargs:
                return None
        values = template.copy()
        for name, value in zip(given, args):  # noqa: B905 (the rest, if any, is the rest's)
            values[name] = self._keep(name, value)
        for name, value in kwargs.items():
            values[name] = self._keep(name, value)
        if rest is not None:
            more = args[len(positional) :]
            values[rest] = more if all([isinstance(value, Whole) for value in more]) else self._store(rest, more)
        return values

    def _bound(self, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        """As `_read`, for every call and every mistake."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            unknown = [k for k in kwargs if k not in self.signature.parameters]
            hint = f" ({unknown[0]!r}: {argument_hint(unknown[0], self.signature.parameters)})" if unknown else ""
            raise TypeError(f"{self.name}: {error}{hint}; its arguments are {self._arguments()}.") from None
        bound.apply_defaults()
        return {name: self._store(name, value) for name, value in bound.arguments.items()}

    def _checked(self, values: dict[str, Any]) -> Any:
        made = self.kind._unflatten(*self.layout(values))
        if self.check is not None and not (Over.made and holds_over(made)):  # else it is checked when values are in their places
            self.check(made)
        return made

    def layout(self, values: dict[str, Any]) -> tuple[Layout, tuple]:
        """The structure of a call and its children, from its arguments as they are kept."""
        key, children = [], []
        for value in values.values():
            if type(value) is Static:
                key.append(value._key)
            elif value is None:
                key.append(None)
            else:
                key.append("leaf")
                children.append(value)
        key = tuple(key)
        layout = self._layouts.get(key)
        return layout or self._new_layout(key, values), tuple(children)

    def _new_layout(self, key: tuple, values: dict[str, Any]) -> Layout:
        """One layout for equal keys; kept for good only where it keeps nothing of the user's alive."""
        with _LOCK:
            made = Layout(self, values)
            layouts, key = (self._layouts, key) if made.is_plain else (_MORTAL, (self, key))
            return layouts.setdefault(key, made)

    @functools.cached_property
    def _plain_call(self) -> _Call | None:
        """None where a call's arguments must be sorted out by `inspect`."""
        parameters, kinds = self.signature.parameters, inspect.Parameter
        of = lambda *wanted: tuple(name for name, p in parameters.items() if p.kind in wanted)
        if of(kinds.POSITIONAL_ONLY, kinds.VAR_KEYWORD):
            return None
        rest, positional = of(kinds.VAR_POSITIONAL), of(kinds.POSITIONAL_OR_KEYWORD)
        try:
            defaults = self.defaults
        except (TypeError, ValueError):  # a default that is refused where it is used
            return None
        if not all(map(_is_fixed, defaults.values())):
            return None
        required = tuple(name for name in parameters if name not in defaults and name not in rest)
        template = {name: defaults.get(name, _MISSING) for name in parameters}
        return _Call(template, positional, rest[0] if rest else None, frozenset(parameters) - {*rest}, required)

    def _keep(self, name: str, value: Any) -> Any:
        """As `_store`, which it asks for all but the commonest values."""
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
        return self._store(name, value)

    @functools.cached_property
    def _plain(self) -> Mapping[str, _Plain | None]:
        return {name: self._plain_of(name, p.default) for name, p in self.signature.parameters.items()}

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

    def _store(self, name: str, value: Any) -> Any:
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
        if isinstance(value, str) and isinstance(self.signature.parameters[name].default, bool):
            raise TypeError(f"{self.name}: {name} must be True or False, found {shown(value)}.")
        if isinstance(value, (str, list, tuple)) and name not in _checks.RANGES and not self._takes_text(name):
            text = [leaf for leaf in jax.tree.leaves(value, is_leaf=is_whole) if isinstance(leaf, str)]
            if text:
                raise TypeError(f"{self.name}: {name} must be a number, found {shown(text[0])}.")
        if isinstance(value, Factory) or hasattr(value, "factory"):
            raise TypeError(f"{self.name}: {name} is the factory {value.__name__}: call it, as in {value.__name__}(...).")
        if name in RANDOM and value is not None:
            return _store_random(self.name, name, value)
        if name in self.static and not (callable(value) or value is None and not self._needs(name)):
            return self._store_static(name, value)
        if isinstance(value, np.bool_) or (is_number(value) and isinstance(self.signature.parameters[name].default, bool)):
            return Static(bool(value))
        if name in self.arrays and not is_function(value):
            return value
        leaf = functools.partial(_store_leaf, self.name, name)
        return jax.tree.map(leaf, value, is_leaf=is_whole)

    @functools.cached_property
    def readers(self) -> tuple[tuple[str, Any, Callable[[Any], Any]], ...]:
        """For each argument its name, its kind, and what makes the function's argument of what is kept."""
        how = lambda name: keys if name in RANDOM else given if name in self.arrays else traced
        return tuple((name, p.kind, how(name)) for name, p in self.signature.parameters.items())

    def _store_over(self, name: str, value: Over) -> Any:
        """Numbers to try are a leaf, as one number is; anything else is structure, until a sweep puts one in its place."""
        flag = isinstance(self.signature.parameters[name].default, bool)
        if flag or "dtype" in name or name in RANDOM or name in self.static or name in self.arrays:
            return Static(value)
        return _store_leaf(self.name, name, value)

    def _store_static(self, name: str, value: Any) -> Static:
        """A number that sets a structure: a count, or a float where the default is one; anything else as it is."""
        default = self.signature.parameters[name].default
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
        default = self.signature.parameters[name].default
        if default is inspect.Parameter.empty:
            return not getattr(self.kind, "_of_numbers", False)
        return isinstance(default, str) or not isinstance(default, (int, float))

    def _needs(self, name: str) -> bool:
        return self.signature.parameters[name].default is not None

    def _arguments(self) -> str:
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in self.signature.parameters.values()]
        return str(inspect.Signature(plain))

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        empty = inspect.Parameter.empty
        return {k: self._store(k, p.default) for k, p in self.signature.parameters.items() if p.default is not empty}


def _is_fixed(value: Any) -> bool:
    """Whether a default, as it is kept, can be shared by all calls."""
    return value is None or isinstance(value, (int, float, Static, Whole)) or type(value) is tuple and all(map(_is_fixed, value))


def origin(function: Callable) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return f"{function.__module__}.{function.__qualname__}"


def find(name: str) -> Factory:
    if name not in REGISTRY:
        raise KeyError(f"no factory is called {name!r} here: import the module that lifts it, then load again.")
    return REGISTRY[name]


def factory(function, kind, *, name=None, doc=None, drop_first=False, static=(), arrays=(), check=None) -> Callable[..., Any]:
    """A plain function, with the signature and docstring people see, that makes expressions of `kind`."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1 if drop_first else 0 :]
    signature = signature.replace(parameters=parameters, return_annotation=kind)
    name = name or function.__name__
    made = REGISTRY.get(name)
    if made is None or made.function is not function or made.static != frozenset(static):
        made = Factory(function, kind, name, signature, static, arrays, check)

    def call(*args, **kwargs):
        try:
            return made(*args, **kwargs)
        except Exception as error:  # as `public` does, without another call around each
            shorten(error)
            raise

    call.__name__ = call.__qualname__ = made.name.rpartition(".")[2]
    call.__module__, call.__signature__, call.factory = function.__module__, signature, made
    call.__doc__ = inspect.cleandoc(doc or function.__doc__ or "")
    call.__wrapped__ = function
    return call
