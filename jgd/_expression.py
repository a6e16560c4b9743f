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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd import _checks
from jgd._checks import shown
from jgd._display import Shown, View, printable
from jgd._errors import Later, argument_hint, public, unknown_attribute
from jgd._factory import Factory
from jgd._leaves import Layout, Static, Whole, equal, given, is_number, is_whole, weak
from jgd._print import code_of


class Packing(NamedTuple):
    """How the leaves of an expression lie in what `pack` made of them.

    Attributes:
      tree: the structure.
      numbers: for each leaf whether it is one of the numbers; None where all are.
    """

    tree: Any
    numbers: tuple[bool, ...] | None


class Expression(Shown, Whole):
    """The part that optimizers, schedules, problems and stopping rules share; see the module."""

    _layout: Layout
    _children: tuple

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        jax.tree_util.register_pytree_with_keys(cls, cls._flatten_with_keys, cls._unflatten, cls._flatten)

    @classmethod
    def _unflatten(cls, layout: Layout, children: tuple):
        self = object.__new__(cls)
        kept = self.__dict__
        kept["_layout"], kept["_children"] = layout, children
        return self

    def _flatten(self):
        return self._children, self._layout

    def _flatten_with_keys(self):
        return list(zip(self._layout.keys, self._children, strict=True)), self._layout

    @property
    def _factory(self) -> Factory:
        return self._layout.factory

    @functools.cached_property
    def _values(self) -> dict[str, Any]:
        """Every argument as it is kept, by name: numbers and what holds them, and `Static` values."""
        return self._layout.values(self._children)

    def __setattr__(self, name, value):
        raise AttributeError(f"{self._factory.name} is immutable: use .replace({name}=...), which returns a new one.")

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._values:
            raise AttributeError(Later(lambda: self._has_no(name)), name=name)
        return self._argument(name)

    def _has_no(self, name: str) -> str:
        if "_layout" not in self.__dict__:
            return f"{type(self).__name__} has no attribute {name!r}."
        return unknown_attribute(self, name, self._values, f"{type(self).__name__} {self.name!r}")

    @property
    def name(self) -> str:
        """The factory's name."""
        return self._layout.factory.name

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Every argument by name, defaults included."""
        return types.MappingProxyType({name: given(value) for name, value in self._values.items()})

    def _argument(self, name: str) -> Any:
        return given(self._values[name])

    @public
    def replace(self, **changes):
        """The same expression with other arguments; those not named keep their values.

        Raises:
          TypeError: if a name is not an argument; the message offers near ones.
        """
        known = self._factory.signature.parameters
        for name in changes:
            if name not in known:
                owners = [f"{p.name}(...)" for p in self._parts() if name in p._factory.signature.parameters]
                hint = f"it belongs to {', '.join(owners)} inside it." if owners else argument_hint(name, known)
                raise TypeError(f"{self._factory.name} has no argument {name!r}: {hint}")
        values = {k: self._factory.arguments.keep(k, changes[k]) if k in changes else v for k, v in self._values.items()}
        return self._factory._checked(values)

    def _inside(self) -> list[Any]:
        """The expressions and static values that its arguments hold, apart from static arguments."""
        found = []
        for child in self._children:
            if type(child) is float:
                continue
            if isinstance(child, Whole):
                found.append(child)
            else:
                found += [leaf for leaf in jax.tree.leaves(child, is_leaf=is_whole) if isinstance(leaf, (Whole, Static))]
        return found

    @functools.cached_property
    def _is_plain(self) -> bool:
        """Whether it holds nothing of the user's: numbers, flags and names alone, here and inside."""
        inside = self._inside()
        return self._layout.is_plain and all(
            part._is_plain if isinstance(part, Expression) else isinstance(part, Static) and part.is_plain for part in inside
        )

    def _parts(self) -> list["Expression"]:
        """The expressions directly and indirectly inside this one."""
        inside = [leaf for leaf in self._inside() if isinstance(leaf, Expression)]
        return inside + [part for leaf in inside for part in leaf._parts()]

    def _held(self) -> list[Any]:
        """Every static value, here and inside."""
        inside = self._inside()
        held = [*self._layout.held, *(leaf.value for leaf in inside if isinstance(leaf, Static))]
        return held + [value for leaf in inside if isinstance(leaf, Expression) for value in leaf._held()]

    def _call(self, *first: Any) -> Any:
        """The function on the arguments: numbers as weak arrays, so that a run is the same traced or not."""
        factory, args, kwargs = self._layout.factory, list(first), {}
        for name, kind, read in factory.arguments.readers:
            value = read(self._values[name])
            if kind is inspect.Parameter.VAR_POSITIONAL:
                args.extend(value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                kwargs.update(value)
            else:
                kwargs[name] = value
        return factory.function(*args, **kwargs)

    def _code(self) -> tuple[str, bool]:
        """The text that makes this expression, and whether it can be parsed back."""
        parts, exact = [], True
        for name, parameter in self._factory.signature.parameters.items():
            value = self._values[name]
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                items = [code_of(v) for v in value]
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                items = [(f"{k}={text}", ok) for k, (text, ok) in ((k, code_of(v)) for k, v in value.items())]
            elif name in self._factory.arguments.defaults:
                default = self._factory.arguments.defaults[name]
                if value is default or equal(value, default):
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

    def __str__(self) -> str:
        """The code, long chains one link a line, with remarks as comments: how schedules go, and ranges of a batch's numbers."""
        from jgd import _boxes

        try:
            return printable(_boxes.laid_out(self))
        except Exception:  # a display never raises
            return repr(self)

    def _view(self) -> View:
        from jgd import _boxes

        return _boxes.view_of(self, type(self).__name__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        leaves, tree = jax.tree.flatten(self)
        is_one = lambda leaf: type(leaf) is float or is_number(leaf) and _checks.is_concrete(leaf) and np.ndim(leaf) == 0
        return hash((tree, tuple([float(leaf) if is_one(leaf) else np.shape(leaf) for leaf in leaves])))

    @functools.cached_property
    def _packed(self) -> tuple[list[float], list[Any], Packing]:
        """The numbers, the other leaves, and how they lie; made once, since an expression does not change."""
        leaves, tree = jax.tree.flatten(self)
        if set(map(type, leaves)) <= {float}:
            return leaves, [], Packing(tree, None)
        which = tuple([type(leaf) is float for leaf in leaves])
        rest = [leaf for leaf, number in zip(leaves, which, strict=True) if not number]
        return [leaf for leaf, number in zip(leaves, which, strict=True) if number], rest, Packing(tree, which)

    def __reduce__(self):
        return _rebuild, (type(self), self._factory, self._values)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def _rebuild(kind, factory, values):
    return kind._unflatten(*factory.layout(values))


def pack(*expressions: "Expression | None") -> tuple[np.ndarray, list[Any], tuple[Packing | None, ...]]:
    """Expressions as one vector of all their numbers, their other leaves, and a structure that can be hashed.

    A compiled program is called much faster with one array than with a hundred numbers, each of which is an argument: take
    the structure as a static argument, and `unpack` inside.

    Returns:
      The numbers, in JAX's default float; the other leaves (arrays, words of keys, seeds) as they are; the structure.

    >>> from jgd import adam, linear_regression
    >>> from jgd._expression import pack, unpack
    >>> numbers, others, structure = pack(linear_regression(l2=0.5), adam(0.25), None)
    >>> numbers[:3].tolist(), others
    ([0.5, 0.25, 0.8999999761581421], [])
    >>> structure == pack(linear_regression(), adam(0.1, b1=0.0), None)[2]
    True
    >>> unpack(structure, numbers, others)[1].learning_rate.weak_type
    True
    """
    numbers, others, structure = [], [], []
    for expression in expressions:
        if expression is None:
            structure.append(None)
            continue
        more, rest, packing = expression._packed
        numbers += more
        others += rest
        structure.append(packing)
    with np.errstate(over="ignore"):  # beyond float32's range is infinite, as it is where JAX reads a number
        return np.array(numbers, jax.dtypes.canonicalize_dtype(float)), others, tuple(structure)


def unpack(structure: tuple[Packing | None, ...], numbers: Any, others: Sequence[Any]) -> tuple["Expression | None", ...]:
    """What `pack` packed, each number a weakly typed scalar, as a Python float is inside a trace."""
    ones = (1,) * len(numbers)
    scalars = iter([jax.lax.squeeze(part, (0,)) for part in jax.lax.split(weak(numbers), ones)] if ones else ())
    others = iter(others)

    def one(packing):
        which = packing.numbers or (True,) * packing.tree.num_leaves
        return jax.tree.unflatten(packing.tree, [next(scalars if number else others) for number in which])

    return tuple(None if packing is None else one(packing) for packing in structure)


@public
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
        raise TypeError(f"stack takes a list of expressions, found {shown(expressions)}.")
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
