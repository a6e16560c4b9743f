"""Rows as programs take them: X by rows or stored by features, block by block, large arrays placed beforehand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data._dataset import Dataset
from jgd.data._place import LARGE, aligned, placed

# So many rows are transposed at a time.
BLOCK = 1024


@jax.tree_util.register_pytree_node_class
class ByFeature:
    """X stored with a column's numbers side by side, shape (d, n): the whole of it is multiplied twice as fast.

    What looks at all rows at once takes it in the place of X; single rows are not to be had.
    """

    ndim = 2

    def __init__(self, by_feature: jax.Array):
        self.by_feature = by_feature

    @property
    def shape(self) -> tuple[int, int]:
        return self.by_feature.shape[::-1]

    @property
    def dtype(self) -> Any:
        return self.by_feature.dtype

    def tree_flatten(self):
        return (self.by_feature,), None

    @classmethod
    def tree_unflatten(cls, aux, children):
        return cls(*children)


def by_feature(data: Dataset) -> Dataset:
    """The same rows, X stored by features."""
    if isinstance(data.X, ByFeature):
        return data
    return data._with(X=ByFeature(data.X.T))


def block(data: Dataset, number: jax.Array | int, size: int) -> Dataset:
    """The block of so many rows with this number. The last one ends with the data; what was in the one before weighs nothing."""
    n = len(data)
    start = jnp.minimum(number * size, n - size)
    cut = lambda a, axis=0: jax.lax.dynamic_slice_in_dim(a, start, size, axis)
    X = ByFeature(cut(data.X.by_feature, 1)) if isinstance(data.X, ByFeature) else cut(data.X)
    weight = None if data.sample_weight is None else cut(data.sample_weight)
    if n % size:
        new = (start + jnp.arange(size) >= number * size).astype(X.dtype)
        weight = new if weight is None else weight * new.astype(weight.dtype)
    return data._with(X=X, y=None if data.y is None else cut(data.y), sample_weight=weight)


def ready(data: Dataset, by_features: bool) -> Dataset:
    """The set as a program takes it fastest: NumPy's small arrays as they are, large ones placed, X by features if wanted.

    NumPy transposes a large X in blocks that stay in the cache, from where it is to where the program reads it: without a copy
    by rows besides, and in half the time.
    """
    X = data.X
    if by_features and X.nbytes >= LARGE and jax.default_backend() == "cpu":
        rows, moved = np.asarray(X), aligned(X.shape[::-1], X.dtype)
        for start in range(0, len(rows), BLOCK):
            moved[:, start : start + BLOCK] = rows[start : start + BLOCK].T
        X = ByFeature(jax.device_put(moved))
    large = lambda array: placed(array) if isinstance(array, np.ndarray) and array.nbytes >= LARGE else array
    return data._with(X=large(X), y=large(data.y), sample_weight=large(data.sample_weight))
