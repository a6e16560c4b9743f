"""Loss curves of single runs, in one picture or in panels side by side."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jgd._errors import public
from jgd.plotting._marks import legend
from jgd.plotting._smooth import moving_average, window_of
from jgd.plotting._style import COLOURS, MARKERS, drawing, fit_axis, ink_ticks, plain, pyplot, several_axes, spans, styled
from jgd.training import Result

AXES = ("epoch", "step", "seconds")
# So many entries of a legend find a place beside the curves.
BESIDE = 5


@public
def plot_loss(
    results: Any, ax: Any = None, *, x: str = "epoch", log: bool | None = None, smooth: int | bool | None = None,
    optimum: float | None = None, excess: bool = False, label: str | None = None,
) -> Any:  # fmt: skip
    """The loss curve of one run, or of several in one picture; validation loss dashed beside it where it was recorded.

    A smoothed curve is the mean of the records within half a window on either side, on a logarithmic axis their geometric mean,
    drawn over the raw one, which is faint. Towards the ends the window narrows, so that both begin and end together.

    Args:
      results: a `jgd.Result`; several in a list; or a mapping from labels to results.
      ax: the matplotlib axes to draw on; new ones if not given.
      x: "epoch", "step", or "seconds": those of the run without compilation, taken to be the same for each step.
      log: a logarithmic loss axis; by default, where all losses are positive and span more than a factor of 5.
      smooth: the window in records; True for a twentieth of them; False or 1 for none. By default a twentieth where a curve of 60
        records or more is so noisy that its course is hidden: it turns often, and by much of its height.
      optimum: a loss to mark with a line, the best possible one.
      excess: draw how far losses lie above `optimum`, down to the rounding of float32.
      label: the label of a single run; its chain if not given.

    Returns:
      The axes.

    Raises:
      TypeError: if what is given is no result, or the optimum one.
      ValueError: if x is none of these, nothing was given, seconds are not known, or `excess` has no optimum to start from.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.1), steps=20)
    >>> ax = jgd.plotting.plot_loss(result)
    >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.lines)
    ('step', 'loss', 1)
    """
    if x not in AXES:
        raise ValueError(f"x must be 'epoch', 'step' or 'seconds', found {x!r}.")
    if excess and optimum is None:
        raise ValueError("excess=True draws losses above optimum=: give it.")
    if not (smooth is None or isinstance(smooth, (bool, int, np.integer)) and smooth >= 0):
        raise ValueError(f"smooth must be a number of records, True or False, found {smooth!r}.")
    if isinstance(optimum, Result):
        raise TypeError("optimum must be a loss, found a result: give its .objective.")
    results = named(results, label)
    x, places = _places(results, x)
    with drawing(ax) as ax:
        curves = {name: _losses(result, optimum if excess else None) for name, result in results.items()}
        values = np.concatenate([loss[np.isfinite(loss)] for of_run in curves.values() for loss in of_run.values()])
        log = spans(values) if log is None else log
        twice = len(results) > 1 and any(len(of_run) > 1 for of_run in curves.values())
        for i, (name, result) in enumerate(results.items()):
            ended = f" ({result.status})" if result.status in ("diverged", "nonfinite") else ""
            for quantity, loss in curves[name].items():
                said = name + ended if quantity == "loss" else "_validation" if twice else f"{name}, validation"
                _curve(ax, places[name], loss, i, len(results), said, quantity != "loss", window_of(smooth, loss, log), log)
        if twice:  # one entry of the legend for all of them
            ax.plot([], [], color="0.35", linestyle="--", linewidth=1.2, label="validation")
        if optimum is not None and not excess:
            ax.axhline(optimum, color="0.4", linestyle=":", linewidth=1.2, label="exact optimum")
        if log:
            ax.set_yscale("log")
        if x != "seconds":
            ax.xaxis.set_major_locator(pyplot().MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        ax.set_xlabel(x)
        ax.set_ylabel("loss above optimum" if excess else "loss")
        handles = [line for line in ax.lines if not line.get_label().startswith("_")]
        if len(handles) > 1:
            legend(ax, handles, below=len(handles) > BESIDE)
    return ax


def named(results: Any, label: str | None = None) -> dict[str, Result]:
    """Results by the labels they are drawn with: those given, or their chains.

    Raises:
      TypeError, ValueError: if they are no results, batches of them, or there are none.
    """
    if isinstance(results, Mapping):
        found = {str(name): result for name, result in results.items()}
    elif isinstance(results, Result):
        found = {label or _name_of(results): results}
    elif isinstance(results, Sequence) and not isinstance(results, str):
        found = {}
        for result in results:
            name = _name_of(result)
            again = sum(known == name or known.startswith(f"{name}, ") for known in found)
            found[f"{name}, {again + 1}" if again else name] = result
    else:
        raise TypeError(f"results must be a jgd.Result, a list of them, or a mapping from labels to them, found {results!r}.")
    if not found:
        raise ValueError("there is nothing to draw: give at least one result.")
    for result in found.values():
        if not isinstance(result, Result):
            raise TypeError(f"a picture of runs takes results of jgd.fit, found {result!r}.")
        if not result._single:
            raise TypeError(f"a picture takes one result at a time, found {result!r}: pick one, or draw the sweep with .plot().")
    return found


def _name_of(result: Any) -> str:
    tx = result.notes.tx if isinstance(result, Result) else None
    return repr(tx) if tx is not None else "solved" if isinstance(result, Result) and result.notes.explained else "the run"


def _places(results: Mapping[str, Result], x: str) -> tuple[str, dict[str, np.ndarray]]:
    """What the x axis shows, and where the records of each run stand on it."""
    known = [result.notes.steps_per_epoch and result.notes.data for result in results.values()]
    if x == "epoch" and (any(data is None for data in known) or not any(result.steps_per_epoch for result in results.values())):
        x = "step"  # a function without data has no epochs, a result out of compiled code does not know them, nor do solvers
    places = {}
    for name, result in results.items():
        steps = np.asarray(result.history.step)
        if x == "seconds":
            if result.run_seconds is None:
                raise ValueError(f"how long {name} took is not known, only that of runs of jgd.fit: give x='step'.")
            steps = (steps - steps[0]) / max(result.steps, 1) * result.run_seconds
        places[name] = steps / result.notes.steps_per_epoch if x == "epoch" else steps
    return x, places


def _curve(
    ax: Any, at: np.ndarray, loss: np.ndarray, i: int, of: int, label: str, dashed: bool, window: int, log: bool
) -> None:  # fmt: skip
    """One curve of the i-th of so many runs; with markers where there are several, for print without colours."""
    style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)]}
    if window > 1:
        ax.plot(at, loss, alpha=0.3, linewidth=0.7, label="_raw", **style)
        loss = moving_average(loss, window, log)
    style |= {"linestyle": "--", "linewidth": 1.2} if dashed else {}
    if np.isfinite(loss).sum() == 1:
        style["marker"] = "x"
    elif of > 1 and not dashed:
        every = max(1, len(loss) // 8)
        style |= {
            "marker": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)],
            "markersize": 4.5,
            "markevery": (i * every // of, every),
        }
    ax.plot(at, loss, label=label if label == "_validation" else textwrap.fill(plain(label), 60), **style)


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


@public
def plot_regimes(
    regimes: Mapping[str, Any], axes: Any = None, *, optimum: float | None = None, excess: bool = False, x: str = "epoch",
    smooth: int | bool | None = None, title: str | None = None,
) -> Any:  # fmt: skip
    """Loss curves of the regimes side by side, one panel each, on one loss axis.

    Args:
      regimes: from a panel's title ("full-batch", "stochastic, one row", ...) to a result, or to a mapping of results.
      axes: as many matplotlib axes as there are regimes; new ones if not given.
      optimum: the best possible loss, marked in each panel.
      excess: draw how far losses lie above `optimum`.
      x, smooth: as in `plot_loss`.
      title: a title above the whole row.

    Returns:
      The array of axes.

    Raises:
      TypeError, ValueError: as `plot_loss`, or if regimes have no titles, or there are more or fewer axes than regimes.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> data = jgd.data.make_line(100, noise=0.1)
    >>> run = lambda b: jgd.fit(jgd.linear_regression(), data, jgd.sgd(0.05), batch_size=b, epochs=5)
    >>> axes = jgd.plotting.plot_regimes({"full-batch": run("full"), "mini-batch, 10 rows": run(10)})
    >>> [ax.get_title() for ax in axes]
    ['full-batch', 'mini-batch, 10 rows']
    """
    if not isinstance(regimes, Mapping):
        found = type(regimes).__name__
        raise TypeError(f"regimes must be a mapping from titles to results, {{'full-batch': result, ...}}, found a {found}.")
    if not regimes:
        raise ValueError("there is nothing to draw: give at least one regime.")
    plt, n = pyplot(), len(regimes)
    own = axes is None
    with styled(own):
        if own:
            _, axes = plt.subplots(1, n, figsize=(4.4 * n, 3.8), sharey=True, layout="constrained", squeeze=False)
        axes = several_axes(axes, n, "regimes")
        if title:
            axes[0].figure.suptitle(plain(title))
        values = _shown(regimes, None if excess else optimum, optimum if excess else None)
        for ax, (name, results) in zip(axes, regimes.items(), strict=True):
            plot_loss(results, ax, x=x, log=spans(values), optimum=optimum, excess=excess, smooth=smooth)
            ax.set_title(plain(name))
        fit_axis(axes, values)
        for ax in axes[1:]:
            ax.set_ylabel("")
        if own:
            ink_ticks(axes[0].figure)
    return axes


def _shown(regimes: Mapping[str, Any], optimum: float | None, above: float | None) -> np.ndarray:
    """The losses that the one axis of all regimes is for; a diverged run may leave at the top."""
    values = [] if optimum is None else [optimum]
    for result in [result for results in regimes.values() for result in named(results).values()]:
        for loss in _losses(result, above).values():
            found = loss[np.isfinite(loss)]
            ended_badly = result.status in ("diverged", "nonfinite")
            values.extend(found[found <= found[0]] if ended_badly and len(found) else found)
    return np.asarray(values)
