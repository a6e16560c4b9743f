"""What all pictures have in common: one style, safe for colour-blind readers, and axes that fit what is on them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# What tells lines apart where there are no colours.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": "small",
    "lines.linewidth": 1.6,
}
# A figure of jgd's own brings white paper and black ink along, so that it is legible in a dark notebook too.
INK, PAPER, RULE = "black", "white", "#b0b0b0"
PAPER_STYLE = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "patch.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), "inherit"),
    **dict.fromkeys(("figure.facecolor", "figure.edgecolor", "axes.facecolor"), PAPER),
    "savefig.facecolor": "auto",
    "legend.labelcolor": "None",
    "grid.color": RULE,
}


@contextlib.contextmanager
def styled(own: bool = True) -> Iterator[None]:
    """matplotlib in jgd's style, and only that: `rc_context` would also undo what a notebook's first figure turns on.

    Args:
      own: whether the figure is jgd's own; on axes of a user's the colours of paper and ink are the user's.
    """
    from matplotlib import rcParams

    style = STYLE | PAPER_STYLE if own else STYLE
    before = {name: rcParams[name] for name in style}
    rcParams.update(style)
    try:
        yield
    finally:
        rcParams.update(before)


@contextlib.contextmanager
def drawing(ax: Any, size: tuple[float, float] = (6, 4)) -> Iterator[Any]:
    """The axes to draw on, in jgd's style: those given, or new ones."""
    own = ax is None
    with styled(own):
        if own:
            _, ax = pyplot().subplots(figsize=size, layout="constrained")
        yield ax
        if own:
            ink_ticks(ax.figure)


def ink_ticks(figure: Any) -> None:
    """Ticks are made when they are first drawn, perhaps in a style that is not ours: so they are told now."""
    for ax in figure.axes:
        ax.tick_params(which="both", colors=INK, grid_color=RULE, grid_alpha=STYLE["grid.alpha"])


def grid_of(count: int, columns: int, panel: tuple[float, float], margin: tuple[float, float], **shared: bool) -> np.ndarray:
    """So many new axes, in rows of `columns`; `panel` and `margin` are widths and heights, `shared` is sharex and sharey."""
    rows = -(-count // columns)
    size = margin[0] + panel[0] * columns, margin[1] + panel[1] * rows
    figure, grid = pyplot().subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, **shared)
    for ax in grid.ravel()[count:]:
        figure.delaxes(ax)
    return grid.ravel()[:count]


def several_axes(axes: Any, count: int, what: str) -> np.ndarray:
    """The axes given, as a row.

    Raises:
      ValueError: if there are more or fewer than `count`, of what there is to draw.
    """
    axes = np.ravel(np.asarray(axes, dtype=object))
    if len(axes) != count:
        raise ValueError(f"there are {count} {what} to draw, but {len(axes)} axes.")
    return axes


def pyplot() -> Any:
    """matplotlib's pyplot, imported when first used."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("pictures need matplotlib: pip install 'jgd[plot]'.") from None
    return plt


def plain(text: str) -> str:
    """A label as matplotlib shows it unchanged: not read as a formula, not hidden from the legend for an underscore."""
    text = text.replace("$", r"\$")
    return " " + text if text.startswith("_") else text


def spans(values: np.ndarray, factor: float = 5.0) -> bool:
    """Whether an axis of these values is logarithmic: they are positive, and differ by more than a factor."""
    return values.size > 0 and bool(values.min() > 0 and values.max() > factor * values.min())


def fit_axis(axes: Any, values: np.ndarray, room: float = 0.0) -> None:
    """One y axis for all of `axes`, logarithmic where the values span much, with a share of its height left free at the top."""
    if not values.size or values.max() == values.min():
        return
    low, high = float(values.min()), float(values.max())
    if spans(values):
        more = (high / low) ** (room / (1 - room))
        for ax in axes:
            ax.set_yscale("log")
            ax.set_ylim(low / 1.5, high * 1.5 * more)
    else:
        more = (high - low) * room / (1 - room)
        for ax in axes:
            ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) + more)
