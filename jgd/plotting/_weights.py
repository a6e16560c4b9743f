"""What became of the weights, and of what a network makes of its inputs, in the course of a run."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._errors import public
from jgd.plotting._loss import named
from jgd.plotting._marks import QUANTILES, legend
from jgd.plotting._style import COLOURS, INK, MARKERS, grid_of, ink_ticks, plain, several_axes, styled
from jgd.plotting._ways import _names
from jgd.training._record import named_leaves

# So many numbers have a line each; more are a histogram.
LINES = 7
BINS = 60
# Panels, the arrays of most numbers first.
PANELS = 12
# Of each array so many numbers are looked at, evenly spaced.
NUMBERS = 20_000


@public
def plot_weights(result: Any, axes: Any = None, *, points: int = 60, activations: Callable[[Any], Any] | None = None) -> Any:
    """Histograms of the weights over training, a panel for each array: the darker, the more of them have that value then.

    Lines are the median and the quantiles 5, 25, 75 and 95 %. Arrays of up to seven numbers are lines, one each. Of more than
    twelve arrays those of most numbers are drawn. The run is run again, see `Result.trajectory`.

    Args:
      result: a `jgd.Result`.
      axes: as many as there are arrays; new ones if not given.
      points: at how many steps they are looked at, at most.
      activations: a function of the parameters that returns arrays to draw instead, such as
        `lambda params: {"hidden": jnp.tanh(X @ params["W"])}`; a tree of them, or one.

    Returns:
      The array of axes.

    Raises:
      TypeError: as `Result.trajectory`, or if `activations` is no function.
      ValueError: if there are more or fewer axes than arrays.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> problem = jgd.Problem(lambda w: ((w**2 - 1) ** 2).sum(), init=jgd.initializers.normal((500,)))
    >>> axes = jgd.plotting.plot_weights(jgd.fit(problem, None, jgd.gd(0.05), steps=40))
    >>> [ax.get_title() for ax in axes], axes[0].get_xlabel()
    (['params'], 'step')

    Source: the histograms of TensorBoard.
    """
    ((_, result),) = named({"": result}).items()
    if activations is not None and not callable(activations):
        raise TypeError(f"activations must be a function of the parameters that returns arrays, found {activations!r}.")
    steps, epoch, panels = _course(result, points, activations)
    own, count = axes is None, len(panels)
    columns = min(3, count)
    with styled(own):
        if own:
            axes = grid_of(count, columns, (3.4, 2.6), (2.2, 0.8), sharex=True)
        axes = several_axes(axes, count, "arrays")
        at, label = (epoch, "epoch") if epoch is not None else (steps, "step")
        for i, (ax, (name, values)) in enumerate(zip(axes, panels.items(), strict=True)):
            if values.shape[1] <= LINES:
                _lines(ax, name, at, values, result if activations is None else None)
            else:
                _histograms(ax, at, values)
            ax.set_title(plain(name), fontsize="medium")
            if i >= count - columns:
                ax.set_xlabel(label)
                ax.xaxis.set_tick_params(labelbottom=True)
        if own:
            ink_ticks(axes[0].figure)
    return axes


def _course(
    result: Any, points: int, activations: Callable[[Any], Any] | None
) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    """The steps, their epochs if there are batches, and for each array its numbers at them (points, numbers)."""
    way = result.trajectory(points)
    trees = way.params
    if activations is not None:
        found = [activations(jax.tree.map(lambda leaf, k=k: jnp.asarray(leaf[k]), trees)) for k in range(len(way.step))]
        trees = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *found)
    named_arrays = dict(_labelled(trees, "activations" if activations is not None else "params"))
    largest = sorted(named_arrays, key=lambda name: -named_arrays[name].size)[:PANELS]
    panels = {}
    for name, values in named_arrays.items():
        if name in largest:
            flat = values.reshape(len(values), -1)
            panels[name] = flat[:, :: max(1, -(-flat.shape[1] // NUMBERS))].astype(float)
    batches = (result.steps_per_epoch or 1) > 1
    return way.step, way.step / result.steps_per_epoch if batches else None, panels


def _labelled(tree: Any, alone: str) -> list[tuple[str, np.ndarray]]:
    if not isinstance(tree, (Mapping, tuple, list)) and len(jax.tree.leaves(tree)) == 1:
        return [(alone, np.asarray(jax.tree.leaves(tree)[0]))]
    return [(name, np.asarray(leaf)) for name, leaf in named_leaves(tree)]


def _lines(ax: Any, name: str, at: np.ndarray, values: np.ndarray, result: Any) -> None:
    """A line for each of few numbers."""
    names = [f"[{i}]" for i in range(values.shape[1])]
    if result is not None and result.notes.data is not None and name == "weights":
        known = _names(result.params, result.notes.data)
        names = known[: values.shape[1]] if len(known) >= values.shape[1] else names
    every = max(1, len(at) // 6)
    handles = []
    for i, (label, line) in enumerate(zip(names, values.T, strict=True)):
        look = {"marker": MARKERS[i], "markersize": 4, "markevery": (i * every // LINES, every)} if len(names) > 1 else {}
        handles += ax.plot(at, np.where(np.isfinite(line), line, np.nan), color=COLOURS[i], label=plain(label), **look)
    legend(ax, handles if len(handles) > 1 else [], below=True)


def _histograms(ax: Any, at: np.ndarray, values: np.ndarray) -> None:
    """Shades: the share of numbers in each bin, at each step that of the fullest one black; and quantiles."""
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] for row in values])
    shares = counts / np.maximum(counts.max(axis=1, keepdims=True), 1)
    ends = np.concatenate([at[:1], (at[1:] + at[:-1]) / 2, at[-1:]]) if len(at) > 1 else np.array([at[0], at[0] + 1])
    ax.pcolormesh(ends, edges, shares.T, cmap="Blues", vmin=0, vmax=1.4, zorder=0, rasterized=True)
    levels = np.array(
        [np.quantile(row[np.isfinite(row)], QUANTILES) if np.isfinite(row).any() else np.full(5, np.nan) for row in values]
    )
    for quantile, line in zip(QUANTILES, levels.T, strict=True):
        width, style = (1.6, "-") if quantile == 0.5 else (0.7, "-" if quantile in (0.25, 0.75) else ":")
        ax.plot(at, line, color=INK, linewidth=width, linestyle=style, label=f"{100 * quantile:g} %")
    ax.grid(False)
    ax.set_ylim(edges[0], edges[-1])
