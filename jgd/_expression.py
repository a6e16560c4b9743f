"""A call, kept as data: the factory it names and the arguments it was given.

Optimizers, schedules, problems and stopping rules are all expressions. Numbers (and arrays of numbers) are leaves of the
pytree, other expressions are subtrees, and everything else (flags, names, dtypes, callables) is static structure. So a new
number reuses a compiled program, a batch of expressions is an expression with batched leaves, and an expression prints as
the code that makes it.
"""

import functools
import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd import _checks
from jgd._factory import RANDOM, Factory
from jgd._leaves import Static, Whole, equal, is_whole, weak
from jgd._print import code_of


class Expression(Whole):
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
        return types.MappingProxyType({k: jax.tree.map(read, v, is_leaf=is_whole) for k, v in self._values.items()})

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
        leaves = jax.tree.leaves(self._values, is_leaf=is_whole)
        inside = [leaf for leaf in leaves if isinstance(leaf, Expression)]
        return inside + [part for leaf in inside for part in leaf._parts()]

    def _held(self) -> list[Any]:
        """Every static value, here and inside."""
        leaves = jax.tree.leaves(self._values, is_leaf=is_whole)
        inside = [v for leaf in leaves if isinstance(leaf, Expression) for v in leaf._held()]
        return [leaf.value for leaf in leaves if isinstance(leaf, Static)] + inside

    def _call(self, *first: Any) -> Any:
        """The function on the arguments: numbers as weak arrays, so that a run is the same traced or not."""
        arrays = self._factory.arrays
        kinds = {k: p.kind for k, p in self._factory.signature.parameters.items()}
        args, kwargs = list(first), {}
        for name, value in self._values.items():
            read = _read_random if name in RANDOM else functools.partial(_read, keep=name in arrays)
            value = jax.tree.map(read, value, is_leaf=is_whole)
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
                items = [code_of(v) for v in value]
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                items = [(f"{k}={text}", ok) for k, (text, ok) in ((k, code_of(v)) for k, v in value.items())]
            elif name in self._factory.defaults:
                if equal(value, self._factory.defaults[name]):
                    continue
                items = [code_of(value)]
                items = [(f"{name}={items[0][0]}", items[0][1])]
            else:
                items = [code_of(value)]
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                    items = [(f"{name}={items[0][0]}", items[0][1])]
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
