"""What a chain says about its steps: an optimizer is data."""

from typing import Any, NamedTuple

import numpy as np

from jgd._expression import Expression
from jgd.training._history import History
from jgd.transformation import GradientTransformation

# Links that take the curvature from second derivatives or a line search: neither scales nor a learning rate limit them.
SECOND_ORDER = ("newton", "scale_by_lbfgs", "scale_by_backtracking_linesearch", "scale_by_zoom_linesearch", "lbfgs")
# Links that let updates pass as they are.
PASSING = ("average_iterates", "identity")


class Chain(NamedTuple):
    """How a chain steps.

    Attributes:
      text: as it prints.
      plain: whether it is gd or sgd alone, whose thresholds are known.
      momentum, nesterov: sgd's.
      rates: what was in force at each record, the largest where groups differ; empty if unknown.
      constant: whether that was one number throughout.
      second_order: whether it measures curvature itself.
    """

    text: str
    plain: bool
    momentum: float
    nesterov: bool
    rates: np.ndarray
    constant: bool
    second_order: bool

    @property
    def rate(self) -> float:
        """The largest learning rate; NaN if unknown."""
        return float(self.rates.max()) if len(self.rates) else float("nan")

    @property
    def last_rate(self) -> float:
        return float(self.rates[-1]) if len(self.rates) else float("nan")


def chain_of(tx: GradientTransformation | None, history: History) -> Chain:
    """What is to be known of a chain; of None, only what was recorded."""
    names = [name for name in history.names if name == "learning_rate" or name.startswith("learning_rate/")]
    rates = np.max([np.asarray(history[name], np.float64) for name in names], axis=0) if names else np.zeros(0)
    rates = rates[np.asarray(history.step)[: len(rates)] >= 0]  # compiled code leaves room for records that were not made
    constant = bool(len(rates) and (rates == rates[0]).all())
    if tx is None and "decrement" in history.names:
        return Chain("solve", False, 0.0, False, rates, constant, True)
    if tx is None:
        return Chain("an unknown chain", False, 0.0, False, rates, constant, False)
    only, parts = tx, [tx, *tx._parts()]
    while only.name == "chain" and (alone := _only_link(only)) is not None:
        only = alone
    momentum = only.arguments.get("momentum") if only.name == "sgd" else None
    plain = only.name == "gd" or only.name == "sgd" and np.ndim(momentum) == 0 and not callable(momentum)
    second = any(part.name in SECOND_ORDER for part in parts if isinstance(part, Expression))
    nesterov = plain and only.name == "sgd" and bool(only.nesterov)
    return Chain(repr(tx), plain, float(momentum or 0.0) if plain else 0.0, nesterov, rates, constant, second)


def _only_link(chain: GradientTransformation) -> GradientTransformation | None:
    """The one link that makes updates; None if there are several, or it is not jgd's."""
    links = [link for link in chain.links if getattr(link, "name", None) not in PASSING]
    return links[0] if len(links) == 1 and isinstance(links[0], GradientTransformation) else None


def threshold(chain: Chain, largest: float, squares: bool) -> tuple[float, str]:
    """Below which learning rate full-batch descent is stable where no curvature exceeds `largest`, and its formula."""
    m = chain.momentum
    if not m:
        return 2 / largest, "2/L"
    if chain.nesterov:
        return 2 * (1 + m) / (largest * (1 + 2 * m)), "2 (1 + m) / (L (1 + 2 m))"
    return (2 * (1 + m) / largest, "2 (1 + m)/L") if squares else (2 * (1 - m) / largest, "2 (1 - m)/L")


def named(values: Any, columns: tuple[str, ...] | None, most: int = 5) -> str:
    """Columns by name, or by number."""
    values = list(values)
    shown = [repr(columns[j]) if columns else str(j) for j in values[:most]]
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return f"column{'s' if len(values) > 1 else ''} {', '.join(shown)}{more}"
