"""What the parts of an expression are: numbers, which are leaves, and everything else, which is structure."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete
from jgd._over import Over

# What may be structure, and holds nothing of the user's alive.
PLAIN = (type(None), bool, int, float, str)


class Whole:
    """Base of what is one thing although it may be a pytree: an expression."""


@jax.tree_util.register_pytree_node_class
class Static:
    """A value that is structure: a pytree node without leaves, compared by value where it can be, else by identity.

    Lists and dicts are copied and compared by their parts.
    """

    __slots__ = ("_key", "value")

    def __init__(self, value: Any):
        if type(value) in PLAIN:
            self.value, self._key = value, (None, (type(value), value))
            return
        parts, tree = jax.tree.flatten(value) if isinstance(value, (list, dict, tuple)) else ([value], None)
        keys = [_key_of(part) for part in parts]
        self.value = value if tree is None else jax.tree.unflatten(tree, parts)
        if None in keys:
            self._key = type(value), id(self.value)
        else:  # the first part keeps a tree from being compared with anything else, which JAX's trees refuse
            self._key = (None, *keys) if tree is None else ("tree", tree, *keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def is_plain(self) -> bool:
        """Whether it holds nothing of the user's alive."""
        return self._key[0] is None and issubclass(self._key[1][0], (*PLAIN, np.dtype))

    def __repr__(self) -> str:
        return f"Static({self.value!r})"

    def __reduce__(self):
        return Static, (self.value,)

    def tree_flatten(self):
        return (), self

    @classmethod
    def tree_unflatten(cls, aux, children):
        return aux


class Layout:
    """The structure of an expression: its factory, and those of its arguments that are no leaves.

    It is the static part of the pytree, apart from what is inside the other arguments. Equal ones are one object (see
    `Factory.layout`), so that comparing and hashing the structure of a long chain takes no Python.

    Attributes:
      factory: what was called.
      children: names of the arguments that hold leaves.
      keys: those names as keys of a path.
      static: the other arguments as they are kept, by name.
      held: their values; None is not among them.
      is_plain: whether these hold nothing of the user's alive.
    """

    __slots__ = ("__weakref__", "children", "factory", "held", "is_plain", "keys", "static", "template")

    def __init__(self, factory: Any, values: dict[str, Any]):
        self.factory = factory
        self.static = {name: value for name, value in values.items() if value is None or type(value) is Static}
        self.children = tuple(name for name in values if name not in self.static)
        self.keys = tuple(map(jax.tree_util.GetAttrKey, self.children))
        self.template = {name: self.static.get(name) for name in values}
        self.is_plain = all(value is None or value.is_plain for value in self.static.values())
        self.held = tuple(value.value for value in self.static.values() if value is not None)

    def values(self, children: tuple) -> dict[str, Any]:
        """Every argument as it is kept, in the factory's order."""
        values = self.template.copy()
        values.update(zip(self.children, children, strict=True))
        return values

    def __repr__(self) -> str:
        static = (f"{name}={getattr(value, 'value', None)!r}" for name, value in self.static.items())
        return f"{self.factory.name}({', '.join(static)})"


def _key_of(value: Any) -> tuple[type, Any] | None:
    try:
        hash(value)
    except TypeError:
        return None
    return type(value), value


def weak(value: Any) -> jax.Array:
    """`value` in JAX's default float type, weakly typed, so that it never promotes what it multiplies."""
    if type(value) is float:  # JAX's own reading of a Python float is just that
        return jnp.asarray(value)
    if isinstance(value, Over):
        raise TypeError(f"{value!r} stands for many values, which jgd.sweep tries: to use it here, give one of them.")
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(float))
    if isinstance(value, jax.Array) and value.weak_type and value.dtype == dtype:
        return value
    return jax.lax.convert_element_type_p.bind(jnp.asarray(value), new_dtype=dtype, weak_type=True, sharding=None)


def is_number(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, (int, float, np.integer, np.floating)):
        return True
    dtype = getattr(value, "dtype", None)
    if dtype is None or not hasattr(value, "shape") or not isinstance(value, (np.ndarray, jax.Array)):
        return False
    return jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)


def equal(a: Any, b: Any) -> bool:
    leaves_a, tree_a = jax.tree.flatten(a)
    leaves_b, tree_b = jax.tree.flatten(b)
    return tree_a == tree_b and all(map(equal_leaf, leaves_a, leaves_b))


def equal_leaf(a: Any, b: Any) -> bool:
    if not (is_concrete(a) and is_concrete(b)):
        return a is b
    return np.shape(a) == np.shape(b) and bool(np.all(np.asarray(a) == np.asarray(b)))


def is_whole(value: Any) -> bool:
    """Where storing and reading stop: parts that are one thing although they may be pytrees."""
    return isinstance(value, (Whole, Static)) or hasattr(value, "init") and hasattr(value, "update")


def holds_over(expression: Any) -> bool:
    """Whether an `over` stands somewhere in it, as a leaf or in its structure."""
    return any(isinstance(part, Over) for part in [*jax.tree.leaves(expression), *expression._held()])


def given(value: Any) -> Any:
    """What a user gave, from what is kept of it."""
    if isinstance(value, Static):
        return value.value
    if type(value) is float or value is None or isinstance(value, Whole):
        return value
    return jax.tree.map(lambda v: v.value if isinstance(v, Static) else v, value, is_leaf=is_whole)


def traced(value: Any) -> Any:
    """As `given`, its numbers weak arrays."""
    if isinstance(value, Static):
        return value.value
    if type(value) is float or isinstance(value, jax.Array):
        return weak(value)
    if value is None or isinstance(value, Whole):
        return value
    leaf = lambda v: v.value if isinstance(v, Static) else v if isinstance(v, Whole) else weak(v)
    return jax.tree.map(leaf, value, is_leaf=is_whole)


def keys(value: Any) -> Any:
    """As `given`, the words of keys made keys again; seeds stay numbers."""
    leaf = lambda v: v.value if isinstance(v, Static) else v if np.ndim(v) == 0 else jax.random.wrap_key_data(v)
    return jax.tree.map(leaf, value, is_leaf=is_whole)
