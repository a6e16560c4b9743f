"""The picture of a learning rate range test."""

from typing import Any

import numpy as np

from jgd._errors import public
from jgd.plotting._style import COLOURS, drawing, fit_axis


@public
def plot_learning_rates(found: Any, ax: Any = None) -> Any:
    """The loss against the growing learning rate: each key's thin, their smoothed mean thick, the suggestion marked.

    Args:
      found: what `jgd.find_learning_rate` returned.
      ax: the matplotlib axes to draw on; new ones if not given.

    Returns:
      The axes.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> found = jgd.find_learning_rate(jgd.linear_regression(), jgd.data.make_linear(500), jgd.sgd(0.1), keys=3)
    >>> ax = jgd.plotting.plot_learning_rates(found)
    >>> ax.get_xlabel(), ax.get_xscale(), len(ax.lines)
    ('learning rate', 'log', 6)
    """
    with drawing(ax) as ax:
        keys = f"{len(found.loss)} keys" if len(found.loss) > 1 else "the run"
        for i, loss in enumerate(found.loss):
            ax.plot(found.learning_rate, loss, color="0.75", linewidth=0.7, label=keys if i == 0 else "_")
        ax.plot(found.learning_rate, found.mean, color=COLOURS[0], label="mean, smoothed")
        for name, rate, style in (("suggestion", found.suggestion, "--"), ("largest", found.largest, ":")):
            ax.axvline(rate, color=COLOURS[1], linestyle=style, linewidth=1.2, label=f"{name}: {rate:.2g}")
        ax.set_xscale("log")
        # What it came to beyond the start is of no interest: it exploded.
        start = found.mean[np.isfinite(found.mean)][0]
        losses = found.loss[np.isfinite(found.loss)]
        fit_axis([ax], np.concatenate([losses[losses <= 2 * start], [2 * start]]))
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss of the batch")
        ax.legend()
    return ax
