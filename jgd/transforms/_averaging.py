"""Averages of the iterates, which end the noise of a constant step; what is trained is not what is evaluated."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgd._errors import public
from jgd.transformation import lift


class AverageState(NamedTuple):
    """The average so far.

    Attributes:
      count: how many steps were taken.
      average: of the parameters after them, at least in float32; after no step that counts, the parameters.
    """

    count: jax.Array
    average: Any


@lift
def average_iterates(start=0.0, recency=0.0):
    """Polyak-Ruppert averaging: keeps the mean of the parameters w_k after each step, and changes none.

    a_k = w_k for k <= start,  else  a_k = a_k-1 + c (w_k - a_k-1),  c = (1 + r) / (j + r),  j = k - start.

    With r = 0 it is the mean of all w_k with k > start: of all iterates (start = 0), or of the tail alone. What of it stays of
    w_k is about (k / n)^r: with r > 0 the start is forgotten without knowing when the run ends, as if about the last share
    1 / (1 + r) were averaged. Where noise keeps a constant step from settling, the average's error falls as 1 / n.

    The last link of a chain, where updates are what is added to the parameters. The parameters of the run, its history and its
    best are those that are trained; `jgd.averaged_params` has the average, of a result or of all lanes of a batch.

    Args:
      start: steps before the average begins: 0 for all, half of a run's steps for its second half.
      recency: r, at least 0.

    Raises:
      TypeError: in a loop that gives no parameters.

    >>> import jgd
    >>> tx = jgd.chain(jgd.gd(0.5), jgd.average_iterates(start=1))
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2 / 2, 10.0, tx, steps=3)
    >>> result.params.item(), jgd.averaged_params(result).item()  # 6, 4, 3
    (3.0, 3.5)

    Source: Polyak & Juditsky, SIAM J. Control Optim. 30 (1992); Shamir & Zhang, arXiv:1212.1824, section 4, for r.
    """

    def init(params):
        wide = lambda p: p.astype(jnp.promote_types(p.dtype, jnp.float32))
        return AverageState(jnp.zeros((), jnp.int32), jax.tree.map(lambda p: wide(jnp.asarray(p)), params))

    def update(updates, state, params=None):
        if params is None:
            raise TypeError("average_iterates averages parameters: its update needs params.")
        count = optax.safe_increment(state.count)
        counted = count - start
        first = jnp.where(counted > 0, counted, 1)
        share = jnp.where(counted > 0, (1 + recency) / (first + recency), 1)
        share = jnp.minimum(share, 1)  # of a start between two steps

        def mean(average, param, update):
            new = (param + update.astype(param.dtype)).astype(average.dtype)
            return average + share.astype(average.dtype) * (new - average)

        return updates, AverageState(count, jax.tree.map(mean, state.average, params, updates))

    return optax.GradientTransformation(init, update)


@public
def averaged_params(result: Any) -> Any:
    """The average that `jgd.average_iterates` kept, in the parameters' types.

    Args:
      result: what holds it: a `Result` or a batch of them, a run's state, an optimizer's state.

    Raises:
      ValueError: if it holds none, or several.

    >>> import jax, jgd
    >>> tx = jgd.stack([jgd.chain(jgd.gd(rate), jgd.average_iterates()) for rate in (0.5, 1.0)])
    >>> run = lambda tx: jgd.train(jgd.Problem(lambda w: (w - 2.0) ** 2 / 2, init=10.0), None, tx, steps=2)
    >>> jgd.averaged_params(jax.vmap(run)(tx)).tolist()  # of 6 and 4, and of 2 and 2
    [5.0, 2.0]
    """
    is_ours = lambda part: isinstance(part, AverageState)
    found = [part for part in jax.tree.leaves(result, is_leaf=is_ours) if is_ours(part)]
    if len(found) != 1:
        raise ValueError(
            f"averaged_params needs the one average of jgd.average_iterates, found {len(found)} in {type(result).__name__}: give "
            "a result or a state of a chain with it, once."
        )
    average, params = found[0].average, getattr(result, "params", None)
    same = params is not None and jax.tree.structure(params) == jax.tree.structure(average)
    return jax.tree.map(lambda a, p: a.astype(p.dtype), average, params) if same else average
