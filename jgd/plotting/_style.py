"""What all pictures have in common: one style, safe for colour-blind readers, and axes that fit what is on them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": "small",
    "lines.linewidth": 1.6,
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """matplotlib in jgd's style, and only that: `rc_context` would also undo what a notebook's first figure turns on."""
    from matplotlib import rcParams

    before = {name: rcParams[name] for name in STYLE}
    rcParams.update(STYLE)
    try:
        yield
    finally:
        rcParams.update(before)


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
