"""What pictures of a sweep share: bands of quantiles, crosses where lanes failed, the best, legends."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from jgd.plotting._style import COLOURS, fit_axis, plain
from jgd.plotting._table import Column, Table

# So many lines have names.
NAMED = len(COLOURS)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def quantiles(values: np.ndarray) -> np.ndarray:
    """What `band` draws at a place; NaN where there are no values."""
    values = values[np.isfinite(values)]
    return np.quantile(values, QUANTILES) if values.size else np.full(len(QUANTILES), np.nan)


def band(ax: Any, at: np.ndarray, levels: Any, name: str) -> list[Any]:
    """The median as a line, the other quantiles around it."""
    low, lower, median, upper, high = np.asarray(levels).T
    handles = ax.plot(at, median, color=COLOURS[0], label=name)
    handles.append(ax.fill_between(at, lower, upper, color=COLOURS[0], alpha=0.3, linewidth=0, label="25 to 75 %"))
    handles.append(ax.fill_between(at, low, high, color=COLOURS[0], alpha=0.15, linewidth=0, label="5 to 95 %"))
    return handles


def fit(ax: Any, values: np.ndarray, crosses: Sequence[tuple[np.ndarray, Any]]) -> None:
    """The y axis, with room at the top for crosses where lanes failed, a row for each colour."""
    crosses, values = [row for row in crosses if len(row[0])], values[np.isfinite(values)]
    fit_axis([ax], values, 0.04 + 0.03 * len(crosses) if crosses else 0.0)
    if not values.size:
        ax.set_yticks([])
    for row, (where, colour) in enumerate(crosses):
        height = np.full(len(where), 0.98 - 0.03 * row)
        ax.plot(where, height, "x", color=colour, markersize=5, transform=ax.get_xaxis_transform(), label="_failed")


def cross() -> Any:
    """What explains crosses in a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker="x", markersize=5, color="0.35", label="failed")


def best_label(table: Table, lane: int, columns: Sequence[Column] | None = None) -> str:
    """What a legend says of the best lane."""
    return textwrap.fill(plain(f"best: {table.setting(lane, columns)}"), 50)


def legend(ax: Any, handles: Sequence[Any], *, title: str | None = None, below: bool, ncols: int = 2) -> None:
    """A legend, or none if there is nothing in it; `below`: under the name of the x axis, where it hides nothing, in as many
    columns as the figure has room for."""
    from matplotlib.transforms import ScaledTranslation

    place = {}
    if below:
        ticks = ax.xaxis.get_ticklabels()
        slanted = max((len(tick.get_text()) for tick in ticks if tick.get_rotation()), default=0)
        under = ax.transAxes + ScaledTranslation(0, -(38 + 2.4 * slanted) / 72, ax.figure.dpi_scale_trans)
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": under, "borderaxespad": 0}
        place["ncols"] = min(ncols, len(handles))
    if handles:
        drawn = ax.legend(handles=handles, title=title, title_fontsize="small", **place)
        spec = ax.get_subplotspec()
        room = ax.figure.bbox.width / (spec.get_gridspec().ncols if spec is not None else 1)
        # One that is wider than the figure takes all of the axes' width from them.
        while below and place["ncols"] > 1 and drawn.get_window_extent().width > room:
            place["ncols"] -= 1
            drawn = ax.legend(handles=handles, title=title, title_fontsize="small", **place)


def legend_of_all(axes: Any, handles: Sequence[Any], own: bool) -> None:
    """One legend for several axes: below a figure of jgd's own, else below the last of them."""
    if not own or not handles:
        legend(axes[-1], handles, below=True)
        return
    figure, ncols = axes[0].figure, min(5, len(handles))
    drawn = figure.legend(handles=handles, loc="outside lower center", ncols=ncols)
    while ncols > 1 and drawn.get_window_extent().width > figure.bbox.width:
        ncols -= 1
        drawn.remove()
        drawn = figure.legend(handles=handles, loc="outside lower center", ncols=ncols)
