"""Pictures of runs, by matplotlib: one style, safe for colour-blind readers; every function takes `ax` and returns it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["plot_loss", "plot_regimes"]

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": "small",
    "lines.linewidth": 1.6,
}


def pyplot() -> Any:
    """matplotlib's pyplot, imported when first used."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("pictures need matplotlib: pip install 'jgd[plot]'.") from None
    return plt


def plot_loss(
    results: Any, ax: Any = None, *, x: str = "epoch", log: bool | None = None, optimum: float | None = None,
    label: str | None = None,
) -> Any:  # fmt: skip
    """The loss curve of one run, or of several in one picture; validation loss dashed beside it where it was recorded.

    Args:
      results: a `jgd.Result`, or a mapping from labels to results.
      ax: the matplotlib axes to draw on; new ones if not given.
      x: "epoch" or "step".
      log: a logarithmic loss axis; by default, where all losses are positive and span more than a factor of 5.
      optimum: a loss to mark with a line, the best possible one.
      label: the label of a single run; its chain if not given.

    Returns:
      The axes.

    Raises:
      ValueError: if x is neither, or nothing was given.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.1), steps=20)
    >>> ax = jgd.plotting.plot_loss(result, x="step")
    >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.lines)
    ('step', 'loss', 1)
    """
    if x not in ("epoch", "step"):
        raise ValueError(f"x must be 'epoch' or 'step', found {x!r}.")
    if not isinstance(results, Mapping):
        results = {label or repr(results.notes.tx): results}
    if not results:
        raise ValueError("there is nothing to draw: give at least one result.")
    plt = pyplot()
    with plt.rc_context(STYLE):
        if ax is None:
            _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
        drawn = []
        for i, (name, result) in enumerate(results.items()):
            steps = np.asarray(result.history.step)
            at = steps / result.notes.steps_per_epoch if x == "epoch" else steps
            loss = np.asarray(result.history.loss, dtype=float)
            ended = f" ({result.status})" if result.status in ("diverged", "nonfinite") else ""
            marker = {"marker": "x"} if np.isfinite(loss).sum() < 2 else {}
            colour = COLOURS[i % len(COLOURS)]
            ax.plot(at, np.where(np.isfinite(loss), loss, np.nan), color=colour, label=name + ended, **marker)
            drawn.append(loss)
            if "validation_loss" in result.history:
                validation = np.asarray(result.history.validation_loss, dtype=float)
                ax.plot(at, validation, color=colour, linestyle="--", linewidth=1.2, label=f"{name}, validation")
                drawn.append(validation)
        if optimum is not None:
            ax.axhline(optimum, color="0.4", linestyle=":", linewidth=1.2, label="exact optimum")
        values = np.concatenate(drawn)
        values = values[np.isfinite(values)]
        if log is None:
            log = values.size > 0 and values.min() > 0 and values.max() > 5 * values.min()
        if log:
            ax.set_yscale("log")
        ax.set_xlabel(x)
        ax.set_ylabel("loss")
        if len(ax.lines) > 1:
            ax.legend()
    return ax


def plot_regimes(
    regimes: Mapping[str, Any], axes: Any = None, *, optimum: float | None = None, x: str = "epoch", title: str | None = None
) -> Any:
    """Loss curves of the regimes side by side, one panel each, on one loss axis.

    Args:
      regimes: from a panel's title ("full-batch", "stochastic, one row", ...) to a result, or to a mapping of results.
      axes: as many matplotlib axes as there are regimes; new ones if not given.
      optimum: the best possible loss, marked in each panel.
      x: "epoch" or "step".
      title: a title above the whole row.

    Returns:
      The array of axes.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> data = jgd.data.make_line(100, noise=0.1)
    >>> run = lambda b: jgd.fit(jgd.linear_regression(), data, jgd.sgd(0.05), batch_size=b, epochs=5)
    >>> axes = jgd.plotting.plot_regimes({"full-batch": run("full"), "mini-batch, 10 rows": run(10)})
    >>> [ax.get_title() for ax in axes]
    ['full-batch', 'mini-batch, 10 rows']
    """
    plt = pyplot()
    with plt.rc_context(STYLE):
        if axes is None:
            n = len(regimes)
            figure, axes = plt.subplots(1, n, figsize=(4.4 * n, 3.8), sharey=True, layout="constrained", squeeze=False)
            axes = axes[0]
            if title:
                figure.suptitle(title)
        axes = np.atleast_1d(np.asarray(axes, dtype=object))
        lows, highs = [], []
        for ax, (name, results) in zip(axes, regimes.items(), strict=True):
            plot_loss(results, ax, x=x, log=False, optimum=optimum)
            ax.set_title(name)
            for result in results.values() if isinstance(results, Mapping) else [results]:
                loss = np.asarray(result.history.loss, dtype=float)
                loss = loss[np.isfinite(loss)]
                if len(loss):
                    lows.append(loss.min())
                    highs.append(loss.max() if result.status not in ("diverged", "nonfinite") else loss[0])
        _common_axis(axes, lows + ([optimum] if optimum is not None else []), highs)
        for ax in axes[1:]:
            ax.set_ylabel("")
    return axes


def _common_axis(axes: Any, lows: list, highs: list) -> None:
    """One loss axis for all panels: logarithmic where losses span much; a diverged run may leave at the top."""
    if not lows:
        return
    low, high = min(lows), max(highs)
    if low > 0 and high > 5 * low:
        for ax in axes:
            ax.set_yscale("log")
            ax.set_ylim(low / 1.5, high * 1.5)
    elif high > low:
        for ax in axes:
            ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
