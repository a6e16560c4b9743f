"""Learning rates that are known to be stable."""

from typing import Any

from jgd._errors import public
from jgd._over import refuse_over
from jgd.certificates._constants import checked, smoothness
from jgd.models import Problem
from jgd.models._standardized import inside
from jgd.transformation import GradientTransformation, as_transformation

KNOWN = "gd, and sgd with or without momentum"


@public
def safe_learning_rate(problem: Problem, data: Any, batch_size: int | str = "full", tx: Any = None) -> float:
    """A learning rate with which this chain is known to be stable on these data, in this regime.

    With L = `jgd.smoothness`, and L_b that of batches of b rows (of the smallest of an epoch, which may be its last):

    - gd, and sgd without momentum: 1 / L, in batches 1 / L_b; the thresholds are 2 / L and 2 / L_b;
    - sgd with momentum m: (1 + m) / L for squares, whose threshold is 2 (1 + m) / L, and (1 - m) / L for logistic regression, as
      heavy ball may cycle on what is no square: below 2 (1 - m) / L it converges on all that is convex;
    - sgd with momentum m and nesterov: 1 / L; for squares the threshold is 2 (1 + m) / (L (1 + 2 m)), and more than that;
    - with momentum in batches: (1 - m) / L_b, half of what keeps the mean square of one column's parameter bounded.

    Above the threshold for all rows a run on squares diverges. In batches (of shuffled rows) a stable run still ends at a
    distance from the optimum, which falls with the learning rate.

    Args:
      problem: a linear or logistic regression, also that which a standardised refit carries: its penalty is one by column.
      data: the rows that are fitted.
      batch_size: "full", 1, or b.
      tx: the chain, whose own learning rate does not matter; None for plain gradient descent.

    Raises:
      TypeError: for a chain or a problem of which no threshold is known.
      ValueError: for momentum of 1 and more.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(1000, key=0)
    >>> problem = jgd.linear_regression()
    >>> rate = jgd.safe_learning_rate(problem, (X, y), 32, jgd.sgd(0.0, momentum=0.9))
    >>> jgd.fit(problem, (X, y), jgd.sgd(rate, momentum=0.9), batch_size=32, epochs=20).status
    'max_steps'

    Source: Polyak, "Introduction to optimization", 1987; Ghadimi, Feyzmahdavian & Johansson, arXiv:1412.7457 (heavy ball);
    Gower et al., arXiv:1901.09401 (batches).
    """
    refuse_over("safe_learning_rate", tx=tx, batch_size=batch_size)
    momentum, nesterov = (0.0, False) if tx is None else _momentum(tx)
    rows, _, _ = checked("safe_learning_rate", problem, data)
    data = problem.dataset(data)
    largest = smoothness(problem, data, batch_size=batch_size)
    full = batch_size in ("full", rows.count)
    rest = 0 if full else rows.count % batch_size
    if rest:
        largest = max(largest, smoothness(problem, data, batch_size=rest))
    return stable(momentum, nesterov, inside(problem).name == "linear_regression", largest, full)


def stable(momentum: float, nesterov: bool, squares: bool, largest: float, full: bool) -> float:
    """The learning rate that is known to be stable with this momentum, where no curvature (of a batch) is above `largest`."""
    if not full:
        return (1 - momentum) / largest
    if nesterov or not momentum:
        return 1 / largest
    return (1 + momentum if squares else 1 - momentum) / largest


def _momentum(tx: Any) -> tuple[float, bool]:
    """The momentum of a chain whose threshold is known, and whether it is Nesterov's."""
    tx = as_transformation(tx)
    only = tx
    while only.name == "chain" and len(only.links) == 1 and isinstance(only.links[0], GradientTransformation):
        only = only.links[0]
    if only.name not in ("gd", "sgd"):
        raise TypeError(f"safe_learning_rate: no threshold is known for {tx!r}, only for {KNOWN}.")
    momentum = getattr(only, "momentum", None) if only.name == "sgd" else None
    if momentum is None:
        return 0.0, False
    if callable(momentum) or getattr(momentum, "ndim", 0):
        raise TypeError(f"safe_learning_rate: momentum must be one number, found {momentum!r}.")
    if momentum >= 1:
        raise ValueError(f"safe_learning_rate: momentum must be below 1, found {float(momentum):g}.")
    return float(momentum), bool(only.nesterov)
