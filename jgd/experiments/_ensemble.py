"""Many random starts of one problem, trained at once."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import as_key, check_count, shown
from jgd._errors import Answering, public
from jgd.models import Problem
from jgd.training import Result, train, training_step
from jgd.training._notes import HostNotes
from jgd.training._outcome import counted
from jgd.training._step import INIT, State
from jgd.training.stopping import CONVERGED, MAX_STEPS, STATUSES
from jgd.transformation import GradientTransformation, as_transformation


class Spread(NamedTuple):
    """Predictions of many members.

    Attributes:
      mean: their mean, shape (n,) or (n, outputs).
      std: their standard deviation around it (divided by the number of members), the same shape.

    >>> import jgd
    >>> jgd.Spread(mean=1.0, std=0.1).mean
    1.0
    """

    mean: Any
    std: Any


class Ensemble(Answering):
    """Members that differ in where they started; made by `jgd.ensemble`.

    Attributes:
      results: a `Result` with a leading axis of members.
      problem: what each member minimised.

    >>> import jgd
    >>> problem = jgd.Problem(lambda w: (w**2 - 1) ** 2, init=jgd.initializers.normal(()))
    >>> members = jgd.ensemble(problem, tx=jgd.gd(0.1), steps=100, members=4)
    >>> members, abs(members.params).round(3).tolist()
    (Ensemble(4 members: 4 max_steps), [1.0, 1.0, 1.0, 1.0])
    """

    def __init__(self, problem: Problem, results: Result):
        self.problem, self.results = problem, results

    def __len__(self) -> int:
        return len(self.results.status_code)

    @public
    def __getitem__(self, member: int) -> Result:
        """One member's result."""
        if not -len(self) <= member < len(self):
            raise IndexError(f"member {member} of {len(self)}.")
        result = jax.tree.map(lambda leaf: leaf[member], self.results)
        result.notes = HostNotes(problem=self.problem)
        return result

    def __repr__(self) -> str:
        return f"Ensemble({len(self)} members: {counted(self.status)})"

    @property
    def params(self) -> Any:
        """The members' parameters; every array has a leading axis of members."""
        return self.results.params

    @property
    def status(self) -> np.ndarray:
        """Each member's status."""
        return np.asarray(STATUSES)[np.asarray(self.results.status_code)]

    @public
    def predict(self, X: Any) -> Spread:
        """Mean and standard deviation of the members' predictions for the rows of X.

        Members that diverged, or became nonfinite or stalled, are left out.

        Raises:
          TypeError: if the problem predicts class numbers, whose mean means nothing: predict probabilities instead.
          ValueError: if no member ended well.
        """
        well = np.isin(np.asarray(self.results.status_code), (CONVERGED, MAX_STEPS))
        if not well.any():
            raise ValueError(f"no member ended well: {self!r}. Lower the learning rate.")
        state = jax.tree.map(lambda leaf: leaf[np.flatnonzero(well)], self.results.state)
        one = lambda params, model_state: self.problem.predict(params, X, state=model_state)
        predictions = jax.vmap(one)(state.params, state.model_state)
        if jnp.issubdtype(predictions.dtype, jnp.integer):
            raise TypeError("this problem predicts class numbers, whose mean means nothing: give a predict of probabilities.")
        predictions = predictions.astype(jnp.result_type(predictions, 0.0))
        return Spread(jnp.mean(predictions, axis=0), jnp.std(predictions, axis=0))


@jax.jit
def _starts(problem: Problem, tx: GradientTransformation, keys: jax.Array) -> State:
    init, _ = training_step(problem, tx)
    return jax.vmap(lambda key: init(problem.init(jax.random.fold_in(key, INIT)), key))(keys)


@public
def ensemble(problem: Problem, data: Any = None, tx: Any = None, *, members: int, key: Any = 0, **options) -> Ensemble:
    """Trains many random starts of one problem at once, and predicts with their mean and spread.

    All members are lanes of one program and see the rows in the same order, so what differs is where they started (and
    the keys of a loss that takes one). One that fails leaves the others what they were.

    Args:
      problem: its initial parameters must depend on a key, as those of `jgd.initializers` do.
      data: as in `jgd.fit`.
      tx: the optimizer.
      members: how many, at least 2.
      key: a seed or a JAX key; the same key gives the same members.
      **options: those of `jgd.train`, except `params` and `state`.

    Returns:
      An `Ensemble`: `params`, `status`, `results`, a `Result` for each index, and `predict(X)`.

    Raises:
      TypeError, ValueError: for bad arguments, or if all members would start at the same point.

    >>> import jgd, jax.numpy as jnp
    >>> X, y = jgd.data.make_line(100)
    >>> init = jgd.initializers.xavier_normal({"w1": (1, 8), "b1": (8,), "w2": (8, 1)})
    >>> def predict(params, X):
    ...     return (jnp.tanh(X @ params["w1"] + params["b1"][None]) @ params["w2"])[:, 0]
    >>> members = jgd.ensemble(jgd.Problem("squared_error", init, predict), (X, y), jgd.adam(0.05), members=5, epochs=200)
    >>> members.predict(X).std.shape
    (100,)

    Source: Lakshminarayanan, Pritzel & Blundell, "Simple and scalable predictive uncertainty estimation using deep
    ensembles", arXiv:1612.01474.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {shown(problem)}.")
    check_count("members", members, low=2)
    if problem.functions.encode is not None:
        raise ValueError(
            f"{problem.name} starts every member at the same point: an ensemble needs a start that depends on a key."
        )
    for name in ("params", "state"):
        if name in options:
            raise TypeError(f"an ensemble draws its own starts, and takes no {name}=.")
    key = as_key(key)
    tx = as_transformation(tx)
    states = _starts(problem, tx, jax.random.split(key, members))
    if all(bool(jnp.all(leaf == leaf[:1])) for leaf in jax.tree.leaves(states.params)):
        raise ValueError("all members would start at the same point: give Problem(init=) a function of a key.")
    results = jax.vmap(lambda state: train(problem, data, tx, key=key, state=state, **options))(states)
    return Ensemble(problem, results)
