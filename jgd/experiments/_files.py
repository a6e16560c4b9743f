"""Sweeps as files: everything but the rows of data."""

import dataclasses
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._over import Over
from jgd.data import Dataset
from jgd.data._by_feature import ByFeature
from jgd.experiments._group_result import GroupResult
from jgd.experiments._groups import Order
from jgd.experiments._settings import Settings
from jgd.experiments._values import outlined


def write(path: Any, settings: Settings, parts: list[GroupResult], *rest: Any) -> None:
    """Writes what a sweep is made of.

    Raises:
      TypeError: if something in it cannot be written; nothing is.
    """
    known: dict[int, Any] = {}
    arguments = settings.arguments | {name: _outlined(settings.arguments[name], known) for name in ("data", "validation")}
    try:
        written = pickle.dumps((arguments, list(map(_to_file, parts)), *rest))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"the sweep cannot be saved ({error}): give functions that a module defines, not lambdas.") from None
    Path(path).write_bytes(written)


def read(path: Any) -> tuple[Any, ...]:
    """What `write` was given, but the rows."""
    arguments, parts, *rest = pickle.loads(Path(path).read_bytes())
    return Settings(arguments), list(map(_from_file, parts)), *rest


def _outlined(value: Any, known: dict[int, Any]) -> Any:
    """Data with outlines of its rows, also in its `over`s; those that were one are one again, which zips them."""

    def one(part):
        if not isinstance(part, Over):
            return outlined(part)
        if id(part.values) not in known:
            known[id(part.values)] = tuple(map(outlined, part.values))
        if id(part) not in known:
            known[id(part)] = Over(known[id(part.values)], part.name, part.zipped)
        return known[id(part)]

    return jax.tree.map(one, value, is_leaf=lambda part: not isinstance(part, tuple))


def _to_file(part: GroupResult) -> GroupResult:
    orders = [Order(None, None if order.data is None else _first_row(order.data), None) for order in part.orders]
    return dataclasses.replace(part, orders=orders, ended=jax.tree.map(_packed_key, part.ended))


def _from_file(part: GroupResult) -> GroupResult:
    return dataclasses.replace(part, ended=jax.tree.map(_key, part.ended, is_leaf=lambda leaf: isinstance(leaf, _PackedKey)))


class _PackedKey(NamedTuple):
    """A JAX key, or an array of them, as a file can hold it."""

    words: np.ndarray
    kind: str


def _packed_key(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return _PackedKey(np.asarray(jax.random.key_data(leaf)), str(jax.random.key_impl(leaf)))
    return np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf


def _key(leaf: Any) -> Any:
    return jax.random.wrap_key_data(leaf.words, impl=leaf.kind) if isinstance(leaf, _PackedKey) else leaf


def _first_row(data: Dataset) -> Dataset:
    """Of data what is known besides their rows, with one of them, as there must be one."""
    X = data.X.by_feature.T if isinstance(data.X, ByFeature) else data.X
    y = None if data.y is None else np.asarray(data.y[:1])
    return data._with(X=np.asarray(X[:1]), y=y, sample_weight=None, held_out=None)
