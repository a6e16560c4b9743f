"""Coefficients along a regularization path, and with intervals."""

from typing import Any

import jax
import numpy as np

from jgd import _checks
from jgd._errors import public
from jgd.experiments import Bootstrap, RegularizationPath, RegularizationPaths
from jgd.experiments._resampled import named_parameters
from jgd.plotting._marks import NAMED, legend
from jgd.plotting._scales import placed, show_axis
from jgd.plotting._style import COLOURS, INK, MARKERS, PAPER, drawing, plain
from jgd.plotting._table import Column


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
        raise TypeError(f"plot_coefficients draws one path, found {len(path)}: give one of them, such as paths[0].")
    if not isinstance(path, RegularizationPath):
        raise TypeError(f"plot_coefficients draws what jgd.regularization_path returns, found {_checks.shown(path)}.")
    if len(path) < 2:
        raise ValueError("a path of one penalty is no line: give several, such as l2=numpy.logspace(-4, 1, 20).")
    names = [name for name, part, _ in named_parameters(jax.tree.map(lambda leaf: leaf[0], path.params), path._data) if part == 0]
    weights = np.asarray(path.params.weights, float).reshape(len(path), -1)
    l2 = Column.of("l2", [float(value) for value in path.l2])
    at, scale = placed(l2)
    order = np.argsort(path.l2)
    chosen = np.argsort(-np.abs(weights[-1]), kind="stable")[:NAMED]
    with drawing(ax) as ax:
        for i in set(range(len(names))) - set(chosen.tolist()):
            ax.plot(at, weights[order, i], color="0.7", linewidth=0.8, zorder=1.5, label="_")
        ax.axhline(0.0, color="0.4", linewidth=0.8, zorder=1, label="_")
        handles = []
        for k, i in enumerate(sorted(chosen.tolist())):
            every = max(1, len(at) // 6)
            look = {"marker": MARKERS[k], "markersize": 4.5, "markevery": (k * every // NAMED, every)}
            handles += ax.plot(at, weights[order, i], color=COLOURS[k], label=plain(names[i]), zorder=2, **look)
        if len(names) > NAMED:
            handles += ax.plot([], [], color="0.7", linewidth=0.8, label=f"{len(names) - NAMED} others")
        if path.cross_validation is not None:
            marked = {"best": (path.best(), "--")}
            marked |= {"one standard error": (path.one_standard_error(), ":")} if len(path.cross_validation.folds) > 1 else {}
            for name, (value, style) in marked.items():
                handles.append(ax.axvline(value, color=INK, linestyle=style, linewidth=1.2, label=f"{name}: {value:.2g}"))
        show_axis(ax, "x", l2, at, scale)
        ax.set_ylabel("weight")
        legend(ax, handles, below=True, ncols=3)
    return ax


@public
def plot_intervals(bootstrap: Bootstrap, ax: Any = None, *, level: float = 0.95, method: str = "percentile") -> Any:
    """Each parameter's estimate with its confidence interval; a filled mark where that leaves out zero.

    Args:
      bootstrap: what `jgd.bootstrap` returned; up to seven settings stand side by side.
      ax: the matplotlib axes to draw on; new ones if not given.
      level, method: as in `Bootstrap.interval`.

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
    if not isinstance(bootstrap, Bootstrap):
        raise TypeError(f"plot_intervals draws what jgd.bootstrap returns, found {_checks.shown(bootstrap)}.")
    settings = bootstrap.settings
    if len(settings) > NAMED:
        raise ValueError(f"plot_intervals tells {NAMED} settings apart, found {len(settings)}: bootstrap fewer at a time.")
    low, high = bootstrap.interval(level, method)
    trees = [jax.tree.leaves(tree) for tree in (bootstrap.estimate, low, high)]
    one = jax.tree.map(lambda leaf: leaf[0], bootstrap.estimate) if bootstrap.names else bootstrap.estimate
    parameters = named_parameters(one, bootstrap._data)
    rows, handles = np.arange(len(parameters)), []
    with drawing(ax, (6, max(2.0, 1.0 + 0.3 * len(parameters) * max(1, 0.6 * len(settings))))) as ax:
        ax.axvline(0.0, color="0.4", linewidth=0.8, zorder=1)
        for i, setting in enumerate(settings):
            lead = (i,) if bootstrap.names else ()
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
