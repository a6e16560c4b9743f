"""The picture of a sweep's learning curves."""

from typing import Any

import numpy as np

from jgd.plotting._marks import NAMED, band, best_label, cross, fit, legend, quantiles
from jgd.plotting._scales import colours, norm_of
from jgd.plotting._style import COLOURS, plain, pyplot
from jgd.plotting._table import Column, Table

# A fan has so many lines; more lanes are a band.
FEW_LANES = 30
# A band is computed at so many epochs at most.
PLACES = 200


def fan(table: Table, x: Column | None, ax: Any) -> None:
    """The learning curves of all lanes, coloured by x; a band where they are many."""
    curves, failed = table.sweep.history, table.failed
    steps, values = np.asarray(curves.step), np.asarray(curves[table.metric], float)
    epochs = np.where(steps >= 0, steps / table.steps_per_epoch[:, None], np.nan)
    values = np.where(np.isfinite(epochs) & np.isfinite(values), values, np.nan)
    crosses, title = [], None
    if len(values) <= FEW_LANES:
        handles, title = _lane_lines(ax, table, x, epochs, values)
        shown = values[~failed] if table.good.any() else values
        crosses = [(np.nanmax(epochs[failed], axis=1), "0.35")] if failed.any() else []
        handles += [cross()] if failed.any() else []
    else:
        handles, shown = _band_of_lanes(ax, table, epochs, values)
    ax.xaxis.set_major_locator(pyplot().MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlabel("epoch")
    ax.set_ylabel(plain(table.metric))
    fit(ax, np.minimum(shown, table.ceiling), crosses)
    legend(ax, handles, title=title, below=True)


def _lane_lines(ax: Any, table: Table, x: Column | None, epochs: np.ndarray, values: np.ndarray) -> tuple[list[Any], str | None]:
    """A line for each lane: coloured by x if that is a number, named by x if it has few values; else the best stands out."""
    best, scale, named = table.best_lane, None, x is not None and x.numbers is None and len(x.shown) <= NAMED
    if named:
        colour = [COLOURS[code] for code in x.code]
    elif x is not None and x.numbers is not None:
        scale = pyplot().cm.ScalarMappable(norm_of(x), colours())
        colour = scale.to_rgba(x.numbers[x.code])
        ax.figure.colorbar(scale, ax=ax, label=plain(x.name))
    else:
        colour = ["0.6" if len(values) > 1 else COLOURS[0]] * len(values)
    best = None if named or not table.varying else best
    lines = []
    for lane, (at, curve) in enumerate(zip(epochs, values, strict=True)):
        style = {"color": colour[lane], "linewidth": 1.2, "alpha": 0.5 if table.failed[lane] else 1.0}
        if lane == best:
            look = {"linewidth": 2.8} if scale is not None else {"color": COLOURS[1], "linewidth": 1.6}
            style |= {"zorder": 3, "label": best_label(table, best)} | look
        style |= {"marker": "x"} if np.isfinite(curve).sum() == 1 else {}
        lines += ax.plot(at, curve, **style)
    if not named:
        return [lines[best]] if best is not None else [], None
    first = np.unique(x.code, return_index=True)[1]
    for lane in first:
        lines[lane].set_label(plain(x.text(x.code[lane])))
    return [lines[lane] for lane in first], plain(x.name)


def _band_of_lanes(ax: Any, table: Table, epochs: np.ndarray, values: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Quantiles of the lanes that ended well, and the best of them; and what values are shown."""
    handles, shown, best = [], np.zeros(0), table.best_lane
    if best is not None:
        at, levels = _levels(epochs[table.good], values[table.good])
        handles = band(ax, at, levels, f"median of {table.good.sum():,} lanes")
        handles += ax.plot(epochs[best], values[best], "--", color=COLOURS[1], label=best_label(table, best))
        shown = np.concatenate([levels.ravel(), values[best]])
    if table.failed.any():
        handles += ax.plot([], [], linestyle="none", label=f"not shown: {table.failed.sum():,} failed")
    return handles, shown


def _levels(epochs: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles over lanes at common epochs, where each lane counts as it was last recorded."""
    recorded = np.isfinite(epochs)
    at, lanes = np.unique(epochs[recorded], return_counts=True)
    # Where lanes are recorded at different times, at those that most of them share.
    at = at[2 * lanes > np.maximum.accumulate(lanes[::-1])[::-1]]
    at = at[np.unique(np.linspace(0, len(at) - 1, min(len(at), PLACES)).round().astype(int))]
    # All records in one row, each lane's after those of the lane before, so that one search finds every lane's last.
    offset = np.arange(len(epochs)) * (at[-1] + 1)
    when, what = (offset[:, None] + epochs)[recorded], values[recorded]
    return at, np.array([quantiles(what[np.searchsorted(when, offset + epoch, "right") - 1]) for epoch in at])
