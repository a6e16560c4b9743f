"""Loss curves of single runs, in one picture or in panels side by side."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jgd.plotting._style import COLOURS, fit_axis, plain, pyplot, spans, styled


def plot_loss(
    results: Any, ax: Any = None, *, x: str = "epoch", log: bool | None = None, optimum: float | None = None,
    excess: bool = False, label: str | None = None,
) -> Any:  # fmt: skip
    """The loss curve of one run, or of several in one picture; validation loss dashed beside it where it was recorded.

    Args:
      results: a `jgd.Result`, or a mapping from labels to results.
      ax: the matplotlib axes to draw on; new ones if not given.
      x: "epoch" or "step".
      log: a logarithmic loss axis; by default, where all losses are positive and span more than a factor of 5.
      optimum: a loss to mark with a line, the best possible one.
      excess: draw how far losses lie above `optimum`, down to the rounding of float32.
      label: the label of a single run; its chain if not given.

    Returns:
      The axes.

    Raises:
      ValueError: if x is neither, nothing was given, or `excess` has no optimum to start from.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.1), steps=20)
    >>> ax = jgd.plotting.plot_loss(result, x="step")
    >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.lines)
    ('step', 'loss', 1)
    """
    if x not in ("epoch", "step"):
        raise ValueError(f"x must be 'epoch' or 'step', found {x!r}.")
    if excess and optimum is None:
        raise ValueError("excess=True draws losses above optimum=: give it.")
    if not isinstance(results, Mapping):
        results = {label or repr(results.notes.tx): results}
    if not results:
        raise ValueError("there is nothing to draw: give at least one result.")
    if any(result.steps_per_epoch is None for result in results.values()):
        x = "step"  # a result out of compiled code knows no epochs
    plt = pyplot()
    with styled():
        if ax is None:
            _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
        drawn = []
        for i, (name, result) in enumerate(results.items()):
            steps = np.asarray(result.history.step)
            at = steps / result.steps_per_epoch if x == "epoch" else steps
            ended = f" ({result.status})" if result.status in ("diverged", "nonfinite") else ""
            colour = COLOURS[i % len(COLOURS)]
            for quantity, loss in _losses(result, optimum if excess else None).items():
                style = {} if quantity == "loss" else {"linestyle": "--", "linewidth": 1.2}
                marker = {"marker": "x"} if np.isfinite(loss).sum() == 1 else {}
                said = name + ended if quantity == "loss" else f"{name}, validation"
                ax.plot(at, loss, color=colour, label=plain(said), **style, **marker)
                drawn.append(loss[np.isfinite(loss)])
        if optimum is not None and not excess:
            ax.axhline(optimum, color="0.4", linestyle=":", linewidth=1.2, label="exact optimum")
        values = np.concatenate(drawn)
        if log is None:
            log = spans(values)
        if log:
            ax.set_yscale("log")
        ax.xaxis.set_major_locator(plt.MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        ax.set_xlabel(x)
        ax.set_ylabel("loss above optimum" if excess else "loss")
        if len(ax.lines) > 1:
            ax.legend()
    return ax


def _losses(result: Any, above: float | None) -> dict[str, np.ndarray]:
    """What is drawn of a run, NaN where there is nothing to draw."""
    curves = {}
    for name in ("loss", "validation_loss"):
        if name in result.history:
            loss = np.asarray(result.history[name], dtype=float)
            loss = np.where(np.isfinite(loss), loss, np.nan)
            if above is not None:
                loss = np.where(loss - above > 1e-7 * abs(above), loss - above, np.nan)
            curves[name] = loss
    return curves


def plot_regimes(
    regimes: Mapping[str, Any], axes: Any = None, *, optimum: float | None = None, excess: bool = False, x: str = "epoch",
    title: str | None = None,
) -> Any:  # fmt: skip
    """Loss curves of the regimes side by side, one panel each, on one loss axis.

    Args:
      regimes: from a panel's title ("full-batch", "stochastic, one row", ...) to a result, or to a mapping of results.
      axes: as many matplotlib axes as there are regimes; new ones if not given.
      optimum: the best possible loss, marked in each panel.
      excess: draw how far losses lie above `optimum`.
      x: "epoch" or "step".
      title: a title above the whole row.

    Returns:
      The array of axes.

    Raises:
      ValueError: as `plot_loss`, or if there are more or fewer axes than regimes.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> data = jgd.data.make_line(100, noise=0.1)
    >>> run = lambda b: jgd.fit(jgd.linear_regression(), data, jgd.sgd(0.05), batch_size=b, epochs=5)
    >>> axes = jgd.plotting.plot_regimes({"full-batch": run("full"), "mini-batch, 10 rows": run(10)})
    >>> [ax.get_title() for ax in axes]
    ['full-batch', 'mini-batch, 10 rows']
    """
    if not regimes:
        raise ValueError("there is nothing to draw: give at least one regime.")
    plt, n = pyplot(), len(regimes)
    with styled():
        if axes is None:
            _, axes = plt.subplots(1, n, figsize=(4.4 * n, 3.8), sharey=True, layout="constrained", squeeze=False)
        axes = np.ravel(np.asarray(axes, dtype=object))
        if len(axes) != n:
            raise ValueError(f"there are {n} regimes to draw, but {len(axes)} axes.")
        if title:
            axes[0].figure.suptitle(plain(title))
        values = [] if optimum is None or excess else [optimum]
        for ax, (name, results) in zip(axes, regimes.items(), strict=True):
            plot_loss(results, ax, x=x, log=False, optimum=optimum, excess=excess)
            ax.set_title(plain(name))
            for result in results.values() if isinstance(results, Mapping) else [results]:
                ended_badly = result.status in ("diverged", "nonfinite")
                for loss in _losses(result, optimum if excess else None).values():
                    shown = loss[np.isfinite(loss)]
                    # A diverged run may leave at the top.
                    values.extend(shown[shown <= shown[0]] if ended_badly and len(shown) else shown)
        fit_axis(axes, np.asarray(values))
        for ax in axes[1:]:
            ax.set_ylabel("")
    return axes
