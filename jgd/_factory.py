"""What turns a function into a factory of expressions: how its calls are read, and registered by name."""

import functools
import inspect
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from jgd._errors import argument_hint, shorten
from jgd._kept import Arguments
from jgd._leaves import Layout, Static, Whole, holds_over
from jgd._over import Over

REGISTRY: dict[str, "Factory"] = {}


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
        of_numbers = getattr(kind, "_of_numbers", False)
        self.arguments = Arguments(name, signature.parameters, self.static, self.arrays, of_numbers)
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
        values, keep = template.copy(), self.arguments.keep
        for name, value in zip(given, args):  # noqa: B905 (the rest, if any, is the rest's)
            values[name] = keep(name, value)
        for name, value in kwargs.items():
            values[name] = keep(name, value)
        if rest is not None:
            more = args[len(positional) :]
            values[rest] = more if all([isinstance(value, Whole) for value in more]) else self.arguments.store(rest, more)
        return values

    def _bound(self, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        """As `_read`, for every call and every mistake."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            unknown = [k for k in kwargs if k not in self.signature.parameters]
            hint = f" ({unknown[0]!r}: {argument_hint(unknown[0], self.signature.parameters)})" if unknown else ""
            raise TypeError(f"{self.name}: {error}{hint}; its arguments are {self.arguments.text()}.") from None
        bound.apply_defaults()
        return {name: self.arguments.store(name, value) for name, value in bound.arguments.items()}

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
            defaults = self.arguments.defaults
        except (TypeError, ValueError):  # a default that is refused where it is used
            return None
        if not all(map(_is_fixed, defaults.values())):
            return None
        required = tuple(name for name in parameters if name not in defaults and name not in rest)
        template = {name: defaults.get(name, _MISSING) for name in parameters}
        return _Call(template, positional, rest[0] if rest else None, frozenset(parameters) - {*rest}, required)


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
