"""The lanes of all blocks of a group together, as they ended."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jgd.experiments._blocks import Block, in_front
from jgd.experiments._groups import Group
from jgd.training._step import State
from jgd.training._table import blank
from jgd.training.stopping import MAX_STEPS, RUNNING


class Ended(NamedTuple):
    """What is known of the lanes of a group in the end, in their order; each array has an axis of lanes in front.

    Attributes:
      status, records, steps, rung: one number each; the rung at which a lane was cut, or -1.
      state: their last state but its key.
      keys: the state's key of each order; None if there are none.
      best: the best parameters, if they were kept.
      history: what was recorded by name, shape (lanes, records); NaN where there is nothing.
    """

    status: np.ndarray
    records: np.ndarray
    steps: np.ndarray
    rung: np.ndarray
    state: Any
    keys: Any
    best: Any
    history: dict[str, np.ndarray]


def ended(group: Group, blocks: list[Block], rung: np.ndarray) -> Ended:
    """The lanes of all blocks together."""
    lanes, out, keys = len(group.lanes), None, [None] * len(group.orders)
    for block in blocks:
        for table, carry in block.left:
            at, whole = table >= 0, in_front(carry, block.form)
            part = jax.tree.map(lambda leaf, at=at: leaf[at], whole)
            out = jax.tree.map(lambda leaf: _room(leaf, lanes), part) if out is None else out
            out = jax.tree.map(lambda a, b, ids=table[at]: _put(a, ids, b), out, part)
            if carry.state.key is not None:
                for row in np.flatnonzero(at.any(axis=1)):
                    keys[group.order[table[row].max()]] = carry.state.key[row]
    if out is None:
        return _never_started(group, rung)
    history: dict[str, np.ndarray] = {}
    for block in blocks:
        for table, first, records in block.written:
            at = table >= 0
            for name, values in records.items():
                if name not in history:
                    history[name] = np.full((lanes, int(out.records.max())), blank(values.dtype))
                history[name][table[at], first : first + len(values)] = values[:, at].T
    written = np.arange(int(out.records.max())) < out.records[:, None]
    history = {name: np.where(written, values, blank(values.dtype)) for name, values in history.items()}
    status = np.where(out.status == RUNNING, MAX_STEPS, out.status)
    return Ended(status, out.records, out.state.step, rung, out.state, keys, out.best, history)


def _never_started(group: Group, rung: np.ndarray) -> Ended:
    """Lanes whose turn had not come when the sweep was interrupted."""
    lanes = len(group.lanes)
    zeros = np.zeros(lanes, np.int32)
    params = jax.tree.map(lambda leaf: np.full((lanes, *leaf.shape), np.nan, leaf.dtype), group.start)
    return Ended(zeros + MAX_STEPS, zeros, zeros, rung, State(params, (), zeros), [None] * len(group.orders), None, {})


def _room(part: Any, lanes: int) -> Any:
    shape = (lanes, *part.shape[1:])
    return np.zeros(shape, part.dtype) if isinstance(part, np.ndarray) else jax.numpy.broadcast_to(part[:1], shape)


def _put(whole: Any, ids: np.ndarray, part: Any) -> Any:
    if not isinstance(whole, np.ndarray):
        return whole.at[ids].set(part)
    whole[ids] = part
    return whole
