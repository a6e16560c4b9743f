"""The rows that a run trains on, and those that it is validated on."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import as_key, is_concrete, shown
from jgd.data import Dataset, batch_rows
from jgd.data._dataset import as_dataset
from jgd.models import Problem
from jgd.models._problem import encode
from jgd.training._step import SPLIT


def rows_of_run(
    problem: Problem, data: Any, validation: Any, key, number: Callable | None, make: Callable[..., Dataset]
) -> tuple[Dataset | None, Dataset | None]:
    """Both, checked and encoded: what was given, or a share of the data that is held out."""
    if data is None:
        if problem.functions.encode is not None:
            raise TypeError(f"{problem.name} needs data: give (X, y), (X, y, sample_weight) or a jgd.Dataset.")
        if validation is not None:
            raise TypeError("validation= needs data to validate on, and this run has none.")
        return None, None
    data = encode(problem, as_dataset(data, make), None, number)
    if validation is None:
        return data, None
    if isinstance(validation, (int, float, np.floating)) and not isinstance(validation, bool):
        return split(data, float(validation), key)
    if not isinstance(validation, (tuple, Dataset)):
        raise TypeError(f"validation must be a share, (X, y) or a jgd.Dataset, found {shown(validation)}.")
    return data, _validation(problem, as_dataset(validation), data, number)


def _validation(problem: Problem, held: Dataset, data: Dataset, number: Callable | None) -> Dataset:
    """Validation data that goes with the training data: the same columns, classes and outputs."""
    if held.X.shape[1:] != data.X.shape[1:]:
        raise ValueError(f"validation data has {_columns(held.X)}, the training data {_columns(data.X)}.")
    if held.columns and data.columns and held.columns != data.columns:
        raise ValueError(f"the columns differ: validation data has {held.columns}, the training data {data.columns}.")
    if (held.y is None) != (data.y is None):
        raise ValueError("validation and training data must both have targets, or neither.")
    held = encode(problem, held, data, number)
    if held.y is not None and held.y.shape[1:] != data.y.shape[1:]:
        raise ValueError(f"validation targets have shape {held.y.shape}, the training targets {data.y.shape}.")
    return held


def _columns(X: Any) -> str:
    return f"{X.shape[1]} columns" if X.ndim == 2 else f"rows of shape {X.shape[1:]}"


def split(data: Dataset, share: float, key) -> tuple[Dataset, Dataset]:
    """A share of the rows, drawn by the key, held out for validation."""
    n = len(data)
    held = round(share * n) if 0 < share < 1 else None
    if held is None or not 0 < held < n:
        raise ValueError(f"validation must be a share between 0 and 1 that leaves rows on both sides, found {share:g} of {n}.")
    held_out, rest = _split_rows(as_key(key), n, held)
    parts = data.take(rest), data.take(held_out)
    if data.sample_weight is None:
        return parts
    if any(is_concrete(part.sample_weight) and not part.sample_weight.any() for part in parts):
        raise ValueError("all weight fell on one side of the validation split: use another key or share.")
    return tuple(part._with(sample_weight=part.sample_weight / part.sample_weight.mean()) for part in parts)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _split_rows(key, n: int, held: int) -> tuple[jax.Array, jax.Array]:
    """The rows that are held out, and the others."""
    order = batch_rows(jax.random.fold_in(key, SPLIT), 0, 1, n, n)[0]
    return jnp.sort(order[:held]), jnp.sort(order[held:])
