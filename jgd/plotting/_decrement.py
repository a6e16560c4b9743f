"""The picture of a solver's steps: how near the optimum each came."""

from typing import Any

import numpy as np

from jgd._errors import public
from jgd.plotting._loss import named
from jgd.plotting._marks import legend
from jgd.plotting._style import COLOURS, PAPER, drawing, pyplot

# What a solver records of its steps.
RECORDED = {"decrement", "rows"}


def has_decrement(result: Any) -> bool:
    """Whether this is the result of a solver that takes steps."""
    return len(result.history) > 1 and set(result.history.names) >= RECORDED


@public
def plot_decrement(result: Any, ax: Any = None) -> Any:
    """What was about to be gained before each step of a solver, g' H^-1 g / 2, on a logarithmic axis; hollow on a sample of rows.

    Near the optimum it is how far the loss is above it, in many more digits than the loss itself has. A straight line is linear
    convergence, one that bends down faster than linear.

    Args:
      result: what `jgd.solve` returned.
      ax: the matplotlib axes to draw on; new ones if not given.

    Returns:
      The axes.

    Raises:
      TypeError: for something else than one result.
      ValueError: for one that has no such steps, as of a closed form or of `jgd.fit`.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> result = jgd.solve(jgd.logistic_regression(l2=1e-3), jgd.data.make_classes(200, 2, key=0))
    >>> ax = jgd.plotting.plot_decrement(result)
    >>> ax.get_xlabel(), ax.get_yscale(), len(ax.lines[0].get_xdata()) == len(result.history)
    ('step', 'log', True)

    Source: Boyd & Vandenberghe, "Convex optimization" (2004), section 9.5.1.
    """
    named({"": result})
    if not has_decrement(result):
        raise ValueError("plot_decrement draws the steps of a solver, found a result without: plot_loss draws that of any run.")
    steps, rows = np.asarray(result.history.step), np.asarray(result.history.rows)
    decrement = np.asarray(result.history.decrement, float)
    decrement = np.where(decrement > 0, decrement, np.nan)
    look = {"color": COLOURS[0], "linestyle": "none", "marker": "o", "markersize": 6}
    with drawing(ax) as ax:
        ax.plot(steps, decrement, color=COLOURS[0], label="_steps")
        drawn = []
        for which, more in ((rows == rows.max(), {}), (rows < rows.max(), {"markerfacecolor": PAPER})):
            if which.any():
                drawn += ax.plot(steps[which], decrement[which], label=f"on {rows[which].max():,} rows", **look, **more)
        ax.set_yscale("log")
        ax.xaxis.set_major_locator(pyplot().MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        ax.set_xlabel("step")
        ax.set_ylabel("decrement, about loss above optimum")
        legend(ax, drawn if len(drawn) > 1 else [], below=False)
    return ax
