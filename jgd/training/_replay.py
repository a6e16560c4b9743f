"""The parameters on the way of a run: it is run again, which is the same run, as nothing in it is left to chance."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import as_key, check_count
from jgd.training._fit import fit
from jgd.training._step import INIT


class Trajectory(NamedTuple):
    """Where a run was.

    Attributes:
      step: the steps, from the first to the last.
      params: the parameters before each of them, with a leading axis.
    """

    step: np.ndarray
    params: Any


def trajectory(result: Any, points: int) -> Trajectory:
    """The parameters at so many equally spaced steps at most, and at the end; see `jgd.Result.trajectory`."""
    check_count("points", points, low=2)
    notes = result.notes
    if notes.run is not None or notes.tx is None or notes.start is None:
        raise TypeError(
            "parameters on the way are found by running again, and this result does not know how it was run: give one of "
            "jgd.fit, of jgd.minimize, or a lane of jgd.sweep."
        )
    key, shuffle, params, state = notes.start
    if state is not None:
        first = state.params
    elif params is not None:
        first = params
    else:
        first = notes.problem.init(jax.random.fold_in(as_key(key), INIT), notes.data)
    steps, found = [0 if state is None else int(state.step)], [first]

    def look(run: Any) -> None:
        steps.append(int(run.state.step))
        found.append(run.params)

    if result.steps:
        every = max(1, -(-result.steps // (points - 1)))
        again = fit(
            notes.problem, notes.data, notes.tx, batch_size=notes.batch_size, steps=result.steps, key=key, shuffle=shuffle,
            record=every, params=params, state=state, callbacks=[look], chunk=1,
        )  # fmt: skip
        if int(again.state.step) > steps[-1]:
            look(again)
    return Trajectory(np.array(steps), jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *found))
