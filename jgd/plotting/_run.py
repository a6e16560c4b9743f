"""The picture of one run: its loss large, and below it what explains it."""

from typing import Any

import numpy as np

from jgd._errors import public
from jgd.plotting._loss import _places, named, plot_loss
from jgd.plotting._marks import legend
from jgd.plotting._smooth import moving_average, window_of
from jgd.plotting._style import COLOURS, ink_ticks, plain, pyplot, several_axes, spans, styled


@public
def plot_run(result: Any, axes: Any = None, *, x: str = "epoch", smooth: int | bool | None = None) -> Any:
    """The loss of a run, and below it, smaller, its learning rate and its gradient norm, where they were recorded.

    A schedule's rate is in the history of any run whose chain tells it; groups of parameters have a line each.

    Args:
      result: a `jgd.Result`.
      axes: one for the loss and one for each panel below; new ones if not given.
      x, smooth: as in `plot_loss`.

    Returns:
      The array of axes.

    Raises:
      TypeError, ValueError: as `plot_loss`, or if there are more or fewer axes than panels.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> tx = jgd.gd(jgd.schedules.cosine(0.1, 20))
    >>> axes = jgd.plotting.plot_run(jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=20), x="step")
    >>> [ax.get_ylabel() for ax in axes]
    ['loss', 'learning rate', 'gradient norm']
    """
    ((label, result),) = named({"": result}).items()
    rates = [name for name in result.history.names if name.split("/")[0] == "learning_rate"]
    panels = [("learning rate", rates)] if rates else []
    panels += [("gradient norm", ["grad_norm"])] if "grad_norm" in result.history else []
    own, count = axes is None, 1 + len(panels)
    with styled(own):
        if own:
            ratios = {"height_ratios": [3] + [1] * len(panels)}
            size = (6, 4 + 1.3 * len(panels))
            _, axes = pyplot().subplots(
                count, 1, sharex=True, figsize=size, layout="constrained", squeeze=False, gridspec_kw=ratios
            )
        axes = several_axes(axes, count, "panels")
        plot_loss(result, axes[0], x=x, smooth=smooth, label="training")
        for line in axes[0].lines:
            if line.get_label().endswith(", validation"):
                line.set_label("validation")
        if axes[0].get_legend() is not None:
            legend(axes[0], [line for line in axes[0].lines if not line.get_label().startswith("_")], below=False)
        shown, places = _places({label: result}, x)
        for ax, (name, columns) in zip(axes[1:], panels, strict=True):
            _panel(ax, name, {column: np.asarray(result.history[column], float) for column in columns}, places[label], smooth)
        for ax in axes[:-1]:
            ax.set_xlabel("")
        axes[-1].set_xlabel(shown)
        if own:
            ink_ticks(axes[0].figure)
    return axes


def _panel(ax: Any, name: str, columns: dict[str, np.ndarray], at: np.ndarray, smooth: int | bool | None) -> None:
    """A small panel below the loss: a line for each column."""
    finite = np.concatenate([values[np.isfinite(values)] for values in columns.values()])
    # A gradient norm that falls to 0 is logarithmic as far as it is above.
    is_log = spans(finite[finite > 0] if name == "gradient norm" else finite)
    handles = []
    for i, (column, values) in enumerate(columns.items()):
        values = np.where(np.isfinite(values) & ((values > 0) | (not is_log)), values, np.nan)
        colour, window = COLOURS[i % len(COLOURS)], window_of(smooth, values, is_log)
        if window > 1:
            ax.plot(at, values, color=colour, alpha=0.3, linewidth=0.7, label="_raw")
            values = moving_average(values, window, is_log)
        style = {"marker": "x"} if np.isfinite(values).sum() == 1 else {}
        handles += ax.plot(at, values, color=colour, linewidth=1.2, label=plain(column.partition("/")[2] or name), **style)
    if is_log:
        ax.set_yscale("log")
    ax.set_ylabel(name)
    legend(ax, handles if len(handles) > 1 else [], below=False)
