"""Axes and colours of swept quantities."""

from typing import Any

import numpy as np

from jgd.plotting._style import plain, pyplot, spans
from jgd.plotting._table import DECADE, Column


def placed(column: Column, is_grid: bool = False) -> tuple[np.ndarray, str | None]:
    """Where a column's values stand on an axis, and its scale; None where they stand in a row, each with its name.

    The cells of a grid stand in a row too, unless its numbers are evenly spaced, or many.
    """
    row = np.arange(len(column.shown)), None
    if column.numbers is None:
        return row
    if not is_grid:
        return column.numbers, column.scale
    for scale in ("linear", "log") if column.numbers[0] > 0 else ("linear",):
        gaps = np.diff(stretched(column.numbers, scale))
        if len(gaps) > 1 and gaps.max() < 1.3 * gaps.min():
            return column.numbers, scale
    many = len(column.shown) > 12 and column.scale != "symlog"
    return (column.numbers, column.scale) if many else row


def stretched(values: np.ndarray, scale: str | None) -> np.ndarray:
    """Values as the length along an axis of this scale that begins with the first of them."""
    if scale == "symlog":  # from zero to the next is one decade
        return np.log10(np.maximum(values, values[1] / 10))
    return np.log10(values) if scale == "log" else np.asarray(values, float)


def edges(at: np.ndarray, scale: str | None) -> np.ndarray:
    """Where the cells around these places begin and end."""
    at = stretched(at, scale)
    middle = (at[1:] + at[:-1]) / 2
    ends = (at[0] - 0.5, at[-1] + 0.5) if len(at) == 1 else (2 * at[0] - middle[0], 2 * at[-1] - middle[-1])
    edges = np.concatenate([ends[:1], middle, ends[1:]])
    return 10**edges if scale == "log" else edges


def show_axis(ax: Any, which: str, column: Column, at: np.ndarray, scale: str | None) -> None:
    """The name, the scale, and the values themselves as ticks where they are few."""
    axis, plt = getattr(ax, f"{which}axis"), pyplot()
    axis.set_label_text(plain(column.name))
    if scale == "symlog":
        getattr(ax, f"set_{which}scale")(scale, linthresh=at[1], linscale=1.0)
    elif scale == "log":
        getattr(ax, f"set_{which}scale")(scale)
    along = stretched(at, scale)
    few = len(at) <= 8 and np.diff(along).min(initial=np.inf) > 0.07 * np.ptp(along)
    if scale is None or few:
        every = -(-len(at) // 30)
        texts = [plain(column.text(i, 26)) for i in range(0, len(at), every)]
        axis.set_major_locator(plt.FixedLocator(at[::every]))
        axis.set_major_formatter(plt.FixedFormatter(texts))
        axis.set_minor_locator(plt.NullLocator())
        if which == "x" and sum(map(len, texts)) > 50:
            plt.setp(axis.get_ticklabels(), rotation=25, ha="right", rotation_mode="anchor")


def norm(values: np.ndarray, factor: float) -> Any:
    """From values to shares of a scale of colours, logarithmic where they span more than a factor."""
    from matplotlib.colors import LogNorm, Normalize

    if not values.size:
        return Normalize()
    return (LogNorm if spans(values, factor) else Normalize)(values.min(), values.max())


def norm_of(column: Column) -> Any:
    """Colours of a swept number."""
    from matplotlib.colors import SymLogNorm

    if column.scale == "symlog":
        return SymLogNorm(column.numbers[1], vmin=0.0, vmax=column.numbers[-1])
    return norm(column.numbers, DECADE if column.scale == "log" else np.inf)


def colours() -> Any:
    """A scale of colours for lines: without its light end, which white paper swallows."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(pyplot().get_cmap("viridis")(np.linspace(0, 0.88, 256)))
