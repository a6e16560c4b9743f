"""What the parts of an expression are: numbers, which are leaves, and everything else, which is structure."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import primitives

from jgd._checks import is_concrete


class Whole:
    """Base of what is one thing although it may be a pytree: an expression."""


@jax.tree_util.register_pytree_node_class
class Static:
    """A value that is structure: a pytree node without leaves, compared by value where it can be, else by identity.

    Lists and dicts are copied and compared by their parts.
    """

    __slots__ = ("_key", "value")

    def __init__(self, value: Any):
        parts, tree = jax.tree.flatten(value) if isinstance(value, (list, dict, tuple)) else ([value], None)
        keys = [_key_of(part) for part in parts]
        self.value = value if tree is None else jax.tree.unflatten(tree, parts)
        self._key = (tree, *keys) if None not in keys else (type(value), id(self.value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Static({self.value!r})"

    def __reduce__(self):
        return Static, (self.value,)

    def tree_flatten(self):
        return (), self

    @classmethod
    def tree_unflatten(cls, aux, children):
        return aux


def _key_of(value: Any) -> tuple[type, Any] | None:
    try:
        hash(value)
    except TypeError:
        return None
    return type(value), value


def weak(value: Any) -> jax.Array:
    """`value` in JAX's default float type, weakly typed, so that it never promotes what it multiplies."""
    return primitives.convert_element_type_p.bind(
        jnp.asarray(value), new_dtype=np.dtype(jnp.result_type(float)), weak_type=True, sharding=None
    )


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
