"""Coefficients along a regularization path, or along those of several settings, and with intervals."""

import textwrap
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jgd import _checks
from jgd._errors import public
from jgd.experiments import Bootstrap, Jackknife, RegularizationPath, RegularizationPaths
from jgd.experiments._resampled import named_parameters
from jgd.plotting._marks import NAMED, legend, legend_of_all
from jgd.plotting._scales import placed, show_axis
from jgd.plotting._style import COLOURS, INK, MARKERS, PAPER, drawing, grid_of, ink_ticks, plain, several_axes, styled
from jgd.plotting._table import Column

# So many paths have a panel each, in rows of three.
PANELS = 9


@public
def plot_coefficients(path: RegularizationPath, ax: Any = None) -> Any:
    """The weights against the penalty, a line each; the intercept, which is not penalised, is left out.

    Of more than seven weights those that are largest where the penalty is smallest have colours and names, the others are grey.
    With folds the penalty of the best mean score is marked, and the strongest within one standard error of it.

    Args:
      path: what `jgd.regularization_path` returned.
      ax: the matplotlib axes to draw on; new ones if not given.

    Returns:
      The axes.

    Raises:
      TypeError: for something else.
      ValueError: for a path of one penalty.

    >>> import jgd, matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> path = jgd.regularization_path(jgd.linear_regression(), jgd.data.make_linear(100), np.logspace(-3, 2, 20), folds=5)
    >>> ax = jgd.plotting.plot_coefficients(path)
    >>> ax.get_xlabel(), ax.get_xscale(), [text.get_text() for text in ax.get_legend().get_texts()][0]
    ('l2', 'log', 'weights[0]')

    Source: Hastie, Tibshirani & Friedman, "The elements of statistical learning" (2009), figure 3.8.
    """
    if isinstance(path, RegularizationPaths):
        of_all = "draw them all with plot_paths, or give one of them, such as paths[0]"
        raise TypeError(f"plot_coefficients draws one path, found {len(path)}: {of_all}.")
    if not isinstance(path, RegularizationPath):
        raise TypeError(f"plot_coefficients draws what jgd.regularization_path returns, found {_checks.shown(path)}.")
    _check_length(path)
    with drawing(ax) as ax:
        handles = _weights(ax, path, _looks([path]))
        others = _others(handles, [path])
        legend(ax, [*handles.values(), *others, *_chosen(ax, path)], below=True, ncols=3)
    return ax


@public
def plot_paths(paths: RegularizationPaths, axes: Any = None) -> Any:
    """The weights against the penalty, a panel for each setting, on one axis of weights; lines as in `plot_coefficients`.

    A weight has one colour in all panels; of more than seven, those that are largest in some panel have one. With folds a panel
    says what its best penalty and that one's mean test loss are, the best setting is marked, and vertical lines are as there.

    Args:
      paths: what `jgd.regularization_path` returned for what holds a `jgd.over`.
      axes: as many matplotlib axes as there are settings, at most nine; new ones if not given.

    Returns:
      The array of axes.

    Raises:
      TypeError: for something else.
      ValueError: for more settings, paths of one penalty, or more or fewer axes than settings.

    >>> import jgd, matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> both = jgd.over([False, True])
    >>> data = jgd.data.make_linear(100)
    >>> paths = jgd.regularization_path(jgd.linear_regression(), data, np.logspace(-3, 2, 20), standardize=both)
    >>> [ax.get_title() for ax in jgd.plotting.plot_paths(paths)]
    ['standardize=False', 'standardize=True']
    """
    if not isinstance(paths, RegularizationPaths):
        raise TypeError(f"plot_paths draws what jgd.regularization_path returns of a jgd.over, found {_checks.shown(paths)}.")
    count = len(paths)
    if count > PANELS:
        raise ValueError(
            f"plot_paths has {PANELS} panels, found {count} settings: give some, such as paths[:{PANELS}] or paths.where(...)."
        )
    _check_length(paths[0])
    own, looks, titles = axes is None, _looks(paths), _titles(paths)
    columns = min(count, 2 if count == 4 else 3)
    with styled(own):
        if own:
            axes = grid_of(count, columns, (3.2, 2.6), (1.4, 1.0), sharex=True, sharey=True)
        axes = several_axes(axes, count, "settings")
        handles: dict[Any, Any] = {}
        chosen: list[Any] = []
        for ax, path, title in zip(axes, paths, titles, strict=True):
            handles |= _weights(ax, path, looks)
            chosen = _chosen(ax, path, said=False) or chosen
            ax.set_title(title, fontsize="small")
        if own:
            _label_outside(axes, columns)
        else:
            low, high = np.transpose([ax.get_ylim() for ax in axes])
            for ax in axes:
                ax.set_ylim(low.min(), high.max())
        legend_of_all(axes, [*(handles[key] for key in looks), *_others(handles, paths), *chosen], own)
        if own:
            ink_ticks(axes[0].figure)
    return axes


def _label_outside(axes: np.ndarray, columns: int) -> None:
    """Names of axes where no panel is to the left or below."""
    for i, ax in enumerate(axes):
        if i % columns:
            ax.set_ylabel("")
        if i < len(axes) - columns:
            ax.set_xlabel("")
        else:
            ax.xaxis.set_tick_params(labelbottom=True)


def _check_length(path: RegularizationPath) -> None:
    if len(path) < 2:
        raise ValueError("a path of one penalty is no line: give several, such as l2=numpy.logspace(-4, 1, 20).")


def _along(path: RegularizationPath) -> dict[tuple[str, tuple[int, ...]], np.ndarray]:
    """Each weight along the path, from the smallest penalty on; by name and place, as columns may have the same name."""
    named = named_parameters(jax.tree.map(lambda leaf: leaf[0], path.params), path._data)
    weights = np.asarray(path.params.weights, float)[np.argsort(path.l2)]
    return {(name, place): weights[(slice(None), *place)] for name, part, place in named if part == 0}


def _looks(paths: Sequence[RegularizationPath]) -> dict[Any, int]:
    """The weights that have a colour, which one each: those that are largest where the penalty is smallest."""
    sizes: dict[Any, float] = {}
    for path in paths:
        for key, values in _along(path).items():
            sizes[key] = np.fmax(sizes.get(key, np.nan), np.abs(values[0]))
    largest = np.argsort(-np.array(list(sizes.values())), kind="stable")[:NAMED]
    return {list(sizes)[i]: k for k, i in enumerate(sorted(largest.tolist()))}


def _weights(ax: Any, path: RegularizationPath, looks: dict[Any, int]) -> dict[Any, Any]:
    """The lines of a path on its axes; those with a colour are returned, for a legend."""
    l2 = Column.of("l2", [float(value) for value in path.l2])
    at, scale = placed(l2)
    ax.axhline(0.0, color="0.4", linewidth=0.8, zorder=1, label="_")
    handles = {}
    for key, values in _along(path).items():
        if key not in looks:
            ax.plot(at, values, color="0.7", linewidth=0.8, zorder=1.5, label="_")
            continue
        k, every = looks[key], max(1, len(at) // 6)
        look = {"marker": MARKERS[k], "markersize": 4.5, "markevery": (k * every // NAMED, every)}
        (handles[key],) = ax.plot(at, values, color=COLOURS[k], label=plain(key[0]), zorder=2, **look)
    show_axis(ax, "x", l2, at, scale)
    ax.set_ylabel("weight")
    return handles


def _others(handles: dict[Any, Any], paths: Sequence[RegularizationPath]) -> list[Any]:
    """What says in a legend how many weights are grey."""
    from matplotlib.lines import Line2D

    count = len({key for path in paths for key in _along(path)} - set(handles))
    return [Line2D([], [], color="0.7", linewidth=0.8, label=f"{count} others")] if count else []


def _chosen(ax: Any, path: RegularizationPath, said: bool = True) -> list[Any]:
    """Lines at the penalties that are chosen by folds; `said`: a legend is to say which these are."""
    if _best_loss(path) is None:
        return []
    marked = {"best": (path.best(), "--")}
    marked |= {"one standard error": (path.one_standard_error(), ":")} if len(path.cross_validation.folds) > 1 else {}
    return [
        ax.axvline(value, color=INK, linestyle=style, linewidth=1.2, label=f"{name}: {value:.2g}" if said else name)
        for name, (value, style) in marked.items()
    ]


def _best_loss(path: RegularizationPath) -> float | None:
    """The lowest mean test loss along a path; None where there is none."""
    means = path.cross_validation._means(None) if path.cross_validation is not None else np.zeros(0)
    means = means[np.isfinite(means)]
    return float(means.min()) if means.size else None


def _titles(paths: RegularizationPaths) -> list[str]:
    """The settings, and what came of them on folds."""
    losses = [_best_loss(path) for path in paths]
    found = [loss for loss in losses if loss is not None]
    least = losses.index(min(found)) if len(found) > 1 else None
    titles = []
    for i, (said, path) in enumerate(zip(paths._said(), paths, strict=True)):
        values = [f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in said.items()]
        setting = textwrap.shorten(", ".join(values), 120, placeholder=" ...")
        lines = textwrap.wrap(setting, 46, break_long_words=False)
        if losses[i] is not None:
            best = "best of all: " if i == least else ""
            lines.append(f"{best}test loss {losses[i]:.4g} at l2={path.best():.2g}")
        elif path.cross_validation is not None:
            lines.append("no penalty ended well on every fold")
        titles.append(plain("\n".join(lines)))
    return titles


@public
def plot_intervals(resampled: Bootstrap | Jackknife, ax: Any = None, *, level: float = 0.95, method: str | None = None) -> Any:
    """Each parameter's estimate with its confidence interval; a filled mark where that leaves out zero.

    Args:
      resampled: what `jgd.bootstrap` or `jgd.jackknife` returned; up to seven settings stand side by side.
      ax: the matplotlib axes to draw on; new ones if not given.
      level, method: as in `Bootstrap.interval`; the jackknife has one method, so none is given.

    Returns:
      The axes.

    Raises:
      TypeError: for something else.
      ValueError: for more settings, or another level or method.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> ax = jgd.bootstrap(jgd.linear_regression(), jgd.data.make_linear(100), replicates=200).plot()
    >>> [text.get_text() for text in ax.get_yticklabels()][:2], ax.get_xlabel()
    (['weights[0]', 'weights[1]'], 'parameter, with its 95 % interval')
    """
    if not isinstance(resampled, (Bootstrap, Jackknife)):
        raise TypeError(f"plot_intervals draws what jgd.bootstrap or jgd.jackknife returns, found {_checks.shown(resampled)}.")
    settings = resampled.settings
    if len(settings) > NAMED:
        raise ValueError(f"plot_intervals tells {NAMED} settings apart, found {len(settings)}: resample for fewer at a time.")
    low, high = resampled.interval(level, **({} if method is None else {"method": method}))
    trees = [jax.tree.leaves(tree) for tree in (resampled.estimate, low, high)]
    one = jax.tree.map(lambda leaf: leaf[0], resampled.estimate) if resampled.names else resampled.estimate
    parameters = named_parameters(one, resampled._data)
    rows, handles = np.arange(len(parameters)), []
    with drawing(ax, (6, max(2.0, 1.0 + 0.3 * len(parameters) * max(1, 0.6 * len(settings))))) as ax:
        ax.axvline(0.0, color="0.4", linewidth=0.8, zorder=1)
        for i, setting in enumerate(settings):
            lead = (i,) if resampled.names else ()
            values = [np.array([leaves[part][(*lead, *place)] for _, part, place in parameters], float) for leaves in trees]
            estimate, below, above = values
            away = rows + 0.7 * ((i + 0.5) / len(settings) - 0.5)
            ax.hlines(away, below, above, color=COLOURS[i], linewidth=2.0)
            sure = (below > 0) | (above < 0)
            look = {"marker": MARKERS[i], "markersize": 6, "color": COLOURS[i], "linestyle": "none"}
            said = [f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in setting.items()]
            handles += ax.plot(estimate[sure], away[sure], label=plain(", ".join(said)), **look)
            ax.plot(estimate[~sure], away[~sure], markerfacecolor=PAPER, label="_holds zero", **look)
        ax.set_yticks(rows, [plain(name) for name, _, _ in parameters])
        ax.set_ylim(len(parameters) - 0.4, -0.6)
        ax.set_xlabel(f"parameter, with its {100 * level:g} % interval")
        legend(ax, handles if len(handles) > 1 else [], below=True)
    return ax
