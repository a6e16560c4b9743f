"""Where a compiled loop writes its records."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@jax.tree_util.register_pytree_node_class
class Table:
    """Records of named scalars as rows: one array for each dtype, so that a record is one write, or two.

    A pytree of the arrays; the names are structure, and so come out of compiled code with them.
    """

    def __init__(self, names: tuple[tuple[str, ...], ...], arrays: list[Any]):
        self.names, self.arrays = names, arrays

    def tree_flatten(self):
        return self.arrays, self.names

    @classmethod
    def tree_unflatten(cls, names, arrays):
        return cls(names, list(arrays))

    @classmethod
    def empty(cls, shapes: dict[str, Any], rows: int) -> "Table":
        """A table for records of these dtypes, and of one shape: () for a run, (orders, lanes) for many."""
        by_dtype: dict[Any, list[str]] = {}
        for name, scalar in shapes.items():
            by_dtype.setdefault(jnp.dtype(scalar.dtype), []).append(name)
        arrays = [jnp.zeros((rows, len(names), *shapes[names[0]].shape), dtype) for dtype, names in by_dtype.items()]
        return cls(tuple(map(tuple, by_dtype.values())), arrays)

    def write(self, row, record: dict[str, jax.Array]) -> "Table":
        """With this record as the row of this number."""
        line = lambda names, dtype: jnp.stack([record[name].astype(dtype) for name in names])[None]
        put = lambda array, names: jax.lax.dynamic_update_slice_in_dim(array, line(names, array.dtype), row, 0)
        return Table(self.names, [put(array, names) for array, names in zip(self.arrays, self.names, strict=True)])

    def read(self, row) -> dict[str, jax.Array]:
        """The record in the row of this number."""
        lines = [jax.lax.dynamic_index_in_dim(array, row, keepdims=False) for array in self.arrays]
        return self._by_name(lines, lambda line, i: line[i])

    def columns(self) -> dict[str, Any]:
        """What was recorded, by name."""
        return self._by_name(self.arrays, lambda array, i: array[:, i])

    def _by_name(self, arrays: list[Any], pick: Callable[[Any, int], Any]) -> dict[str, Any]:
        pairs = zip(self.names, arrays, strict=True)
        return {name: pick(array, i) for names, array in pairs for i, name in enumerate(names)}


def blank(dtype) -> Any:
    """What stands where nothing was recorded: NaN, or -1."""
    return np.asarray(np.nan if jnp.issubdtype(dtype, jnp.floating) else -1, dtype)
