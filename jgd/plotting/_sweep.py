"""Pictures of sweeps: a score against a setting, a map of two settings, and the learning curves of all lanes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jgd import _checks
from jgd._errors import public
from jgd.experiments import Sweep
from jgd.plotting._fan import fan
from jgd.plotting._marks import NAMED, band, best_label, cross, fit, legend, quantiles
from jgd.plotting._scales import colours, edges, norm, norm_of, placed, show_axis
from jgd.plotting._style import COLOURS, MARKERS, drawing, plain, pyplot
from jgd.plotting._table import Column, Means, Table, alike, follows

KINDS = ("curve", "map", "fan")
# More lines of a curve than have names are on a scale of colours, if one number tells them apart; more than so many are a band.
SCALED = 100


@public
def plot_sweep(
    sweep: Any, x: str | None = None, y: str | None = None, *, kind: str | None = None, metric: str | None = None, ax: Any = None
) -> Any:
    """How the lanes of a sweep did.

    - "curve": the score against a swept quantity, a line for each combination of the others. Up to 7 lines have names; up to
      100, if one number tells them apart, a scale of colours; of more, the median, quantiles and the best line are shown. Over
      keys it is the mean, with one standard deviation around it, within the range of the lanes.
    - "map": the score as colour over two swept quantities: the mean over keys, and the best over the others. Where the lanes are
      no grid, as those of `jgd.sample`, each pair of values is a point.
    - "fan": learning curves. Up to 30 lanes are lines; of more, median and quantiles of those that ended well are shown, each as
      last recorded, and the best lane.

    Lanes that failed (diverged, or were not finite) are in no mean: they are crosses at the top of a curve or a fan, and hatched
    cells or crosses of a map. Scales are logarithmic: those of scores where they span more than a factor of 5, those of swept
    numbers where they span one of 10 and are more evenly spread so. Losses above ten times what the best lane began
    with leave at the top.

    Args:
      sweep: a `jgd.Sweep`.
      x, y: swept names; for a fan x is what its lines are coloured by. By default the numbers with the most values.
      kind: by default a map if y is given or several numbers were swept, a curve if x is given or one number was, else a fan.
      metric: what was recorded; by default validation loss if there is any, else the loss.
      ax: the matplotlib axes to draw on, best of a figure whose layout is "constrained", as a legend may stand below them; new
        ones if not given.

    Returns:
      The axes.

    Raises:
      TypeError: for something else than a sweep.
      KeyError: for a name that was not swept, or a metric that was not recorded; the message offers near ones.
      ValueError: for an unknown kind, a y that it does not have, too few swept names for it, or a sweep without lanes.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> tx = jgd.sgd(jgd.over([0.01, 0.03, 0.1, 3.0], name="lr"), momentum=jgd.over([0.0, 0.9]))
    >>> sweep = jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, tx, steps=20)
    >>> ax = jgd.plotting.plot_sweep(sweep, "lr")
    >>> ax.get_xlabel(), ax.get_xscale(), ax.get_ylabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('lr', 'log', 'loss', ['0', '0.9', 'failed'])
    """
    if not isinstance(sweep, Sweep):
        raise TypeError(f"plot_sweep draws what jgd.sweep returns, found {_checks.shown(sweep)}; plot_loss draws single runs.")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be {', '.join(map(repr, KINDS[:-1]))} or {KINDS[-1]!r}, found {kind!r}.")
    for name in (x, y):
        if name is not None:
            sweep._settings.check_column(name)
    if not len(sweep):
        raise ValueError("there is nothing to draw: the sweep has no lanes.")
    table = Table.of(sweep, metric)
    if kind is None:
        is_map = y is not None or (x is None and len(table.numbers) > 1)
        kind = "map" if is_map else "curve" if x is not None or table.numbers else "fan"
    if y is not None and kind != "map":
        raise ValueError(f"a {kind} has no y: leave out y={y!r}, or draw a map.")
    shown = table.chosen(x, y) if kind == "map" else table.chosen(x)
    if kind == "fan" and x is None and shown[0] is not None and shown[0].name in table.keys:
        shown = [None]  # lanes that differ in their key alone need no colours
    if kind != "fan" and (None in shown or (kind == "map" and shown[0] is shown[1])):
        needs = "two swept quantities" if kind == "map" else "a swept quantity"
        raise ValueError(f"a {kind} needs {needs} of more than one value, found {len(table.varying)}: draw another kind.")
    with drawing(ax) as ax:
        {"curve": _curve, "map": _map, "fan": fan}[kind](table, *shown, ax)
    return ax


def _curve(table: Table, x: Column, ax: Any) -> None:
    others = [column for column in table.varying if column is not x and column.name not in table.keys and not follows(column, x)]
    means = table.means([*others, x])
    where, scale = placed(x)
    line, at = alike(others, means.first), where[x.code[means.first]]
    lines, title, over = int(line.max()) + 1, None, _over_keys(table, means)
    crosses, values, is_band = [(np.unique(at[means.failed > 0]), "0.35")], means.mean, False
    if lines <= NAMED:
        handles, crosses = _named_lines(ax, table, means, others, line, at, x.ordered)
        values = np.concatenate([means.mean, means.low, means.high])
        title = plain(others[0].name) if len(others) == 1 else None
        over = [text.replace("mean", "mean ± std") for text in over]
    elif lines == len(at):
        handles = _points(ax, means, others, at)
    elif len(others) == 1 and others[0].numbers is not None and lines <= SCALED:
        handles = _scaled_lines(ax, means, others[0], line, at)
    else:
        handles, values = _band_of_lines(ax, table, means, others, line, at)
        is_band = True
    show_axis(ax, "x", x, where, scale)
    ax.set_ylabel(plain(": ".join([table.metric, *over])))
    fit(ax, np.minimum(values, table.ceiling), crosses)
    if means.failed.any():
        handles = [*handles, cross()]
    legend(ax, handles, title=title, below=is_band)


def _named_lines(
    ax: Any, table: Table, means: Means, others: Sequence[Column], line: np.ndarray, at: np.ndarray, ordered: bool
) -> tuple[list[Any], list[tuple[np.ndarray, str]]]:
    """A line for each setting, and where lanes of it failed. Along what has no order it is points, the settings side by side."""
    handles, crosses, lines = [], [], int(line.max()) + 1
    for i in range(lines):
        mine, colour = line == i, COLOURS[i]
        if not (np.isfinite(means.mean[mine]) | (means.failed[mine] > 0)).any():
            continue  # the score was not recorded
        here, lane = at[mine] + (0 if ordered else (i - (lines - 1) / 2) / 10), means.first[mine][0]
        name = others[0].text(others[0].code[lane]) if len(others) == 1 else table.setting(lane, others)
        style = {"marker": MARKERS[i], "markersize": 4, "markevery": max(1, len(here) // 25) if ordered else 1}
        style |= {} if ordered else {"linestyle": "none"}
        handles += ax.plot(here, means.mean[mine], color=colour, label=plain(name), **style)
        if means.lanes[mine].max() > 1 and ordered:
            ax.fill_between(here, means.low[mine], means.high[mine], color=colour, alpha=0.18, linewidth=0)
        elif means.lanes[mine].max() > 1:
            ax.vlines(here, means.low[mine], means.high[mine], color=colour, linewidth=1.2)
        if means.failed[mine].any():
            crosses.append((here[means.failed[mine] > 0], colour))
    return handles if lines > 1 else [], crosses


def _points(ax: Any, means: Means, others: Sequence[Column], at: np.ndarray) -> list[Any]:
    """A point for each setting, coloured where one number beside x was swept."""
    known = np.isfinite(means.mean)
    if len(others) == 1 and others[0].numbers is not None:
        values = others[0].numbers[others[0].code[means.first]][known]
        drawn = ax.scatter(at[known], means.mean[known], c=values, cmap=colours(), norm=norm_of(others[0]), s=16)
        ax.figure.colorbar(drawn, ax=ax, label=plain(others[0].name))
    else:
        ax.scatter(at[known], means.mean[known], color=COLOURS[0], s=16)
    return []


def _scaled_lines(ax: Any, means: Means, other: Column, line: np.ndarray, at: np.ndarray) -> list[Any]:
    """A thin line for each value of a number, which is its colour."""
    scale = pyplot().cm.ScalarMappable(norm_of(other), colours())
    for mine in np.split(np.arange(len(at)), np.flatnonzero(np.diff(line)) + 1):
        colour = scale.to_rgba(other.numbers[other.code[means.first[mine[0]]]])
        ax.plot(at[mine], means.mean[mine], color=colour, linewidth=1.1)
    ax.figure.colorbar(scale, ax=ax, label=plain(other.name))
    return []


def _band_of_lines(
    ax: Any, table: Table, means: Means, others: Sequence[Column], line: np.ndarray, at: np.ndarray
) -> tuple[list[Any], np.ndarray]:
    """Quantiles of all lines at each x, and the line with the best mean; and what values are shown."""
    order = np.argsort(at, kind="stable")
    places, starts = np.unique(at[order], return_index=True)
    levels = np.array([quantiles(column) for column in np.split(means.mean[order], starts[1:])])
    handles = band(ax, places, levels, f"median of {int(line.max()) + 1:,} settings")
    shown = levels.ravel()
    if np.isfinite(means.mean).any():
        mine = line == line[_ranked(table, means)[0]]
        name = best_label(table, means.first[mine][0], others)
        handles += ax.plot(at[mine], means.mean[mine], "--", color=COLOURS[1], label=name)
        shown = np.concatenate([shown, means.mean[mine]])
    return handles, shown


def _map(table: Table, x: Column, y: Column, ax: Any) -> None:
    others = [column for column in table.varying if column.name not in {x.name, y.name} | table.keys]
    means = table.means([x, y, *others])
    cell = alike([x, y], means.first)
    order = _ranked(table, means, cell)
    best = order[np.unique(cell[order], return_index=True)[1]]  # the best setting of each cell
    score, lane = means.mean[best], means.first[best]
    known, failed = np.isfinite(score), means.failed[best] > 0
    i, j = x.code[lane], y.code[lane]
    is_grid = 2 * len(best) > len(x.shown) * len(y.shown)
    (across, x_scale), (up, y_scale) = placed(x, is_grid), placed(y, is_grid)
    shown = np.minimum(score[known], table.ceiling)
    handles, drawn, style = [], None, {"norm": norm(shown, 5.0), "cmap": "viridis"}
    if is_grid:
        cells, values = (edges(across, x_scale), edges(up, y_scale)), np.full((2, len(up), len(across)), np.nan)
        values[0, j[known], i[known]], values[1, j[failed & ~known], i[failed & ~known]] = score[known], 1.0
        values = np.ma.masked_invalid(values)
        if known.any():
            drawn = ax.pcolormesh(*cells, values[0], **style)
        if (failed & ~known).any():
            handles.append(_hatched(ax, *cells, values[1]))
    else:
        size = float(np.clip(6000 / len(best), 4, 22))
        last = np.flatnonzero(known)[np.argsort(-table.sign * score[known], kind="stable")]  # the best on top
        if known.any():
            drawn = ax.scatter(across[i[last]], up[j[last]], c=score[last], s=size, linewidth=0, **style)
        if (failed & ~known).any():
            at = across[i[failed & ~known]], up[j[failed & ~known]]
            handles += ax.plot(*at, "x", color="0.55", markersize=size**0.5, label="failed")
    white = {"markerfacecolor": "white", "markeredgecolor": "black", "linestyle": "none"}
    if (failed & known).any():
        at = across[i[failed & known]], up[j[failed & known]]
        handles += ax.plot(*at, marker="X", markersize=6, markeredgewidth=0.7, label="some lanes failed", **white)
    if known.any():
        top = cell[_ranked(table, means)[0]]
        at, label = ([across[i[top]]], [up[j[top]]]), f"best: {score[top]:.3g}"
        handles += ax.plot(*at, marker="*", markersize=13, markeredgewidth=0.8, label=label, **white)
    show_axis(ax, "x", x, across, x_scale)
    show_axis(ax, "y", y, up, y_scale)
    if is_grid:
        ax.grid(False)
    if drawn is not None:
        within = [column.name for column in others if alike([x, y, column], means.first).max() > cell.max()]
        over = _over_keys(table, means) + ([f"best over {', '.join(within)}"] if within else [])
        extend = "max" if score[known].max() > table.ceiling else "neither"
        ax.figure.colorbar(drawn, ax=ax, extend=extend, label=plain(table.metric + (": " + ", ".join(over) if over else "")))
    legend(ax, handles, below=True, ncols=3)


def _ranked(table: Table, means: Means, cell: np.ndarray | int = 0) -> np.ndarray:
    """The settings of each cell, the best first; after them those of which lanes failed, and those without a score."""
    return np.lexsort((table.sign * means.mean, means.failed > 0, np.isnan(means.mean), cell + np.zeros(len(means.mean))))


def _over_keys(table: Table, means: Means) -> list[str]:
    """What a score is a mean of, if of anything."""
    names = [column.name for column in table.varying if column.name in table.keys]
    return [f"mean over {', '.join(names)}"] if names and means.lanes.max() > 1 else []


def _hatched(ax: Any, across: np.ndarray, up: np.ndarray, where: np.ndarray) -> Any:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    look = {"edgecolor": "0.55", "hatch": "////", "linewidth": 0}
    ax.pcolor(across, up, where, cmap=ListedColormap(["0.88"]), **look)
    return Patch(facecolor="0.88", label="failed", **look)
