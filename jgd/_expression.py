"""A call, kept as data: the factory it names and the arguments it was given.

Optimizers, schedules, problems and stopping rules are all expressions. Numbers (and arrays of numbers) are leaves of the
pytree, other expressions are subtrees, and everything else (flags, names, dtypes, callables) is static structure. So a new
number reuses a compiled program, a batch of expressions is an expression with batched leaves, and an expression prints as
the code that makes it.
"""

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd import _checks
from jgd._leaves import Static, equal, is_number, weak
from jgd._over import Over

REGISTRY: dict[str, "Factory"] = {}
# Arguments of these names are seeds or keys in every factory: leaves, so that a batch of them is a batch, but no quantities.
RANDOM = ("key", "seed", "random_seed")


def _is_whole(value: Any) -> bool:
    """Where storing and reading stop: parts that are one thing although they may be pytrees."""
    return isinstance(value, (Expression, Static)) or hasattr(value, "init") and hasattr(value, "update")


def is_function(value: Any) -> bool:
    """Whether it is to be called: some parameters (a network's) are pytrees that can be called too."""
    leaf = lambda: jax.tree_util.treedef_is_leaf(jax.tree.structure(value))
    return callable(value) and (isinstance(value, Expression) or leaf())


def _store_leaf(where: str, name: str, value: Any) -> Any:
    if isinstance(value, (Expression, Static)):
        return value
    if not is_number(value):
        if isinstance(value, (complex, np.complexfloating)) or getattr(value, "dtype", np.dtype(bool)).kind == "c":
            raise TypeError(f"{where}: {name} is complex ({value!r}); hyperparameters are real numbers.")
        if name in _checks.RANGES and not (callable(value) or isinstance(value, Over)):
            raise TypeError(f"{where}: {name} must be a number (or, where it may change, a schedule), found {value!r}.")
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
        self.static, self.arrays, self.check = frozenset(static), frozenset(arrays), check or (lambda made: None)
        old = REGISTRY.get(name)
        if old is not None and _origin(old.function) != _origin(function):
            raise ValueError(f"the name {name!r} already belongs to {_origin(old.function)}; give another name=.")
        self.make = self  # what `parse` calls: the function people call, where that checks more
        REGISTRY[name] = self

    def __reduce__(self):
        return _find, (self.name,)

    def __call__(self, *args, **kwargs) -> "Expression":
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            unknown = [k for k in kwargs if k not in self.signature.parameters]
            hint = f" ({unknown[0]!r}: {_checks.nearest(unknown[0], self.signature.parameters)})" if unknown else ""
            raise TypeError(f"{self.name}: {error}{hint}; its arguments are {self._arguments()}.") from None
        bound.apply_defaults()
        return self._checked({name: self._store(name, value) for name, value in bound.arguments.items()})

    def _checked(self, values: dict[str, Any]) -> "Expression":
        made = self.kind._from(self, values)
        self.check(made)
        return made

    def _store(self, name: str, value: Any) -> Any:
        if name.endswith("dtype") and value is not None:
            try:
                return Static(jnp.dtype(value))
            except TypeError:
                raise TypeError(f"{self.name}: {name} must be a dtype such as 'bfloat16', found {value!r}.") from None
        if name in _checks.RANGES and (isinstance(value, (list, tuple, dict)) or (value is None and self._needs(name))):
            what = "a whole number" if name in self.static else "a number" if value is None else "one number"
            raise TypeError(f"{self.name}: {name} must be {what}, found {value!r}.")
        if isinstance(value, str) and isinstance(self.signature.parameters[name].default, bool):
            raise TypeError(f"{self.name}: {name} must be True or False, found {value!r}.")
        if isinstance(value, Factory) or hasattr(value, "factory"):
            raise TypeError(f"{self.name}: {name} is the factory {value.__name__}: call it, as in {value.__name__}(...).")
        if name in RANDOM and value is not None and not isinstance(value, Over):
            return _store_random(self.name, name, value)
        if name in self.static and not (callable(value) or isinstance(value, Over) or value is None and not self._needs(name)):
            return self._store_static(name, value)
        if isinstance(value, np.bool_) or (is_number(value) and isinstance(self.signature.parameters[name].default, bool)):
            return Static(bool(value))
        if name in self.arrays and not is_function(value):
            return value
        leaf = functools.partial(_store_leaf, self.name, name)
        return jax.tree.map(leaf, value, is_leaf=_is_whole)

    def _store_static(self, name: str, value: Any) -> Static:
        """A number that sets a structure: a count, or a float where the default is one; anything else as it is."""
        default = self.signature.parameters[name].default
        if isinstance(value, (list, dict, tuple)):
            return Static(value)
        if not isinstance(default, float):
            value = _checks.check_count(f"{self.name}: {name}", value, low=min(1, default) if type(default) is int else 1)
        elif not (is_number(value) and _checks.is_concrete(value) and np.ndim(value) == 0):
            raise TypeError(f"{self.name}: {name} must be a number that is known when compiling, found {value!r}.")
        _checks.check_number(self.name, name, value)
        return Static(float(value) if isinstance(default, float) else value)

    def _needs(self, name: str) -> bool:
        return self.signature.parameters[name].default is not None

    def _arguments(self) -> str:
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in self.signature.parameters.values()]
        return str(inspect.Signature(plain))

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        empty = inspect.Parameter.empty
        return {k: self._store(k, p.default) for k, p in self.signature.parameters.items() if p.default is not empty}


def _origin(function: Callable) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return f"{function.__module__}.{function.__qualname__}"


def _find(name: str) -> Factory:
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
        return made(*args, **kwargs)

    call.__name__ = call.__qualname__ = made.name.rpartition(".")[2]
    call.__module__, call.__signature__, call.factory = function.__module__, signature, made
    call.__doc__ = inspect.cleandoc(doc or function.__doc__ or "")
    call.__wrapped__ = function
    return call


class Expression:
    """The part that optimizers, schedules, problems and stopping rules share; see the module."""

    _factory: Factory
    _values: dict[str, Any]

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        jax.tree_util.register_pytree_with_keys(cls, cls._flatten_with_keys, cls._unflatten, cls._flatten)

    @classmethod
    def _from(cls, factory: Factory, values: dict[str, Any]):
        self = object.__new__(cls)
        self.__dict__.update(_factory=factory, _values=values)
        return self

    def _flatten(self):
        return tuple(self._values.values()), self._factory

    def _flatten_with_keys(self):
        return [(jax.tree_util.GetAttrKey(k), v) for k, v in self._values.items()], self._factory

    @classmethod
    def _unflatten(cls, factory, children):
        return cls._from(factory, dict(zip(factory.signature.parameters, children, strict=True)))

    def __setattr__(self, name, value):
        raise AttributeError(f"{self._factory.name} is immutable: use .replace({name}=...), which returns a new one.")

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"{type(self).__name__} {self._factory.name!r} has no attribute {name!r}.")
        return self.arguments[name]

    @property
    def name(self) -> str:
        """The factory's name."""
        return self._factory.name

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Every argument by name, defaults included."""
        read = lambda v: v.value if isinstance(v, Static) else v
        return types.MappingProxyType({k: jax.tree.map(read, v, is_leaf=_is_whole) for k, v in self._values.items()})

    def replace(self, **changes):
        """The same expression with other arguments; those not named keep their values.

        Raises:
          TypeError: if a name is not an argument; the message offers near ones.
        """
        known = self._factory.signature.parameters
        for name in changes:
            if name not in known:
                owners = [f"{p.name}(...)" for p in self._parts() if name in p._factory.signature.parameters]
                hint = f"it belongs to {', '.join(owners)} inside it" if owners else _checks.nearest(name, known)
                raise TypeError(f"{self._factory.name} has no argument {name!r}: {hint}.")
        values = {k: self._factory._store(k, changes[k]) if k in changes else v for k, v in self._values.items()}
        return self._factory._checked(values)

    def _parts(self) -> list["Expression"]:
        """The expressions directly and indirectly inside this one."""
        leaves = jax.tree.leaves(self._values, is_leaf=_is_whole)
        inside = [leaf for leaf in leaves if isinstance(leaf, Expression)]
        return inside + [part for leaf in inside for part in leaf._parts()]

    def _held(self) -> list[Any]:
        """Every static value, here and inside."""
        leaves = jax.tree.leaves(self._values, is_leaf=_is_whole)
        inside = [v for leaf in leaves if isinstance(leaf, Expression) for v in leaf._held()]
        return [leaf.value for leaf in leaves if isinstance(leaf, Static)] + inside

    def _call(self, *first: Any) -> Any:
        """The function on the arguments: numbers as weak arrays, so that a run is the same traced or not."""
        arrays = self._factory.arrays
        kinds = {k: p.kind for k, p in self._factory.signature.parameters.items()}
        args, kwargs = list(first), {}
        for name, value in self._values.items():
            read = _read_random if name in RANDOM else functools.partial(_read, keep=name in arrays)
            value = jax.tree.map(read, value, is_leaf=_is_whole)
            if kinds[name] is inspect.Parameter.VAR_POSITIONAL:
                args.extend(value)
            elif kinds[name] is inspect.Parameter.VAR_KEYWORD:
                kwargs.update(value)
            else:
                kwargs[name] = value
        return self._factory.function(*args, **kwargs)

    def _code(self) -> tuple[str, bool]:
        """The text that makes this expression, and whether it can be parsed back."""
        parts, exact = [], True
        for name, parameter in self._factory.signature.parameters.items():
            value = self._values[name]
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                items = [_code(v) for v in value]
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                items = [(f"{k}={text}", ok) for k, (text, ok) in ((k, _code(v)) for k, v in value.items())]
            elif name in self._factory.defaults:
                if equal(value, self._factory.defaults[name]):
                    continue
                items = [_code(value)]
                items = [(f"{name}={items[0][0]}", items[0][1])]
            else:
                items = [_code(value)]
            parts += [text for text, _ in items]
            exact = exact and all(ok for _, ok in items)
        return f"{self._factory.name}({', '.join(parts)})", exact

    @property
    def is_code(self) -> bool:
        """Whether `parse(repr(self)) == self`: true unless it holds arrays, callables or foreign transformations."""
        return self._code()[1]

    def __repr__(self) -> str:
        return self._code()[0]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        leaves, tree = jax.tree.flatten(self)
        return hash(
            (tree, tuple(float(leaf) if _checks.is_concrete(leaf) and np.ndim(leaf) == 0 else np.shape(leaf) for leaf in leaves))
        )

    def __reduce__(self):
        return _rebuild, (type(self), self._factory, self._values)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def _rebuild(kind, factory, values):
    return kind._from(factory, values)


def _read(value: Any, *, keep: bool) -> Any:
    if isinstance(value, Static):
        return value.value
    if keep or isinstance(value, Expression):
        return value
    return weak(value)


def _read_random(value: Any) -> Any:
    if isinstance(value, Static):
        return value.value
    return value if np.ndim(value) == 0 else jax.random.wrap_key_data(value)


def _code(value: Any) -> tuple[str, bool]:
    if isinstance(value, Static):
        return _code_static(value.value)
    if isinstance(value, Expression):
        return value._code()
    if value is None or type(value) in (float, int):
        return repr(value), True
    if type(value) in (tuple, list):
        items = [_code(v) for v in value]
        text = ", ".join(t for t, _ in items)
        text = f"[{text}]" if type(value) is list else f"({text},)" if len(items) == 1 else f"({text})"
        return text, all(ok for _, ok in items)
    if type(value) is dict:
        items = [(repr(k), type(k) is str, *_code(v)) for k, v in value.items()]
        return "{" + ", ".join(f"{k}: {t}" for k, _, t, _ in items) + "}", all(ok and o for _, ok, _, o in items)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if value.shape == () and _checks.is_concrete(value) and is_number(value):
            return repr(float(value)), True
        return f"{jnp.dtype(value.dtype).name}[{','.join(map(str, value.shape))}]", False
    return repr(value), False


def _code_static(value: Any) -> tuple[str, bool]:
    if value is None or type(value) in (bool, int, str):
        return repr(value), True
    if isinstance(value, np.dtype):
        return repr(value.name), True
    if hasattr(value, "init") and hasattr(value, "update"):
        return f"<optax {type(value).__name__} {getattr(value.init, '__qualname__', '').partition('.')[0]}>", False
    if callable(value):
        return f"<{getattr(value, '__qualname__', type(value).__name__)}>", False
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _code(value)
    if type(value) in (list, tuple, dict):
        return _code(jax.tree.map(Static, value, is_leaf=lambda v: hasattr(v, "_fields")))
    return repr(value), type(value) is float


def stack(expressions: Sequence[Any]) -> Any:
    """A batch of expressions of one structure, as one expression with batched leaves, ready for `vmap`.

    Args:
      expressions: k optimizers (or schedules, problems) that differ only in their numbers.

    Returns:
      An expression of the same structure; each leaf gains a leading axis of length k.

    Raises:
      ValueError: if there is none, or if two differ in structure.

    >>> import jgd
    >>> jgd.stack([jgd.adam(1e-2), jgd.adam(1e-3)]).learning_rate.shape
    (2,)
    """
    if isinstance(expressions, Expression) or not isinstance(expressions, Iterable):
        raise TypeError(f"stack takes a list of expressions, found {expressions!r}.")
    expressions = list(expressions)
    for e in expressions:
        if hasattr(e, "factory"):
            raise TypeError(f"stack takes expressions, found the factory {e.__name__}: call it, as in {e.__name__}(...).")
    if not expressions:
        raise ValueError("stack needs at least one expression, found none.")
    trees = [jax.tree.structure(e) for e in expressions]
    shapes = [[np.shape(leaf) for leaf in jax.tree.leaves(e)] for e in expressions]
    for e, tree, shape in zip(expressions, trees, shapes, strict=True):
        if tree == trees[0] and shape != shapes[0]:
            raise ValueError(f"stack needs numbers of one shape, found {expressions[0]!r} and {e!r}.")
        if tree != trees[0]:
            raise ValueError(
                f"stack needs expressions of one structure, found {expressions[0]!r} and {e!r}: stack each structure by itself."
            )

    def join(*leaves):
        if all(isinstance(leaf, float) for leaf in leaves):
            return weak(np.asarray(leaves))
        return jnp.stack([jnp.asarray(leaf) for leaf in leaves])

    return jax.tree.map(join, *expressions)
