"""What was found to be wrong with a run, drawn on its loss curve."""

import textwrap
from typing import Any

import numpy as np

from jgd._errors import public
from jgd.diagnosis import Diagnosis, Finding
from jgd.plotting._loss import _places, named, plot_loss
from jgd.plotting._marks import legend
from jgd.plotting._style import COLOURS, PAPER, drawing, plain

# A rise by less than this share is rounding.
ROSE = 1e-3


@public
def plot_diagnosis(
    result: Any, ax: Any = None, *, diagnosis: Diagnosis | None = None, x: str = "epoch", smooth: int | bool | None = None
) -> Any:
    """The loss curve of a run with what `result.diagnose()` finds: a number where it shows, and the findings below.

    A learning rate too large shows where the loss first rose, or the run failed; noise and float32's floor where the curve first
    reached its last level; overfitting where the validation loss was lowest; too few steps, and a model too simple, at the end.
    What is so from the start to the end, as columns of different scales are, stands below without a place.

    Args:
      result: a `jgd.Result`.
      ax: the matplotlib axes to draw on; new ones if not given.
      diagnosis: what `result.diagnose(...)` returned, if it was asked with arguments of its own.
      x, smooth: as in `plot_loss`.

    Returns:
      The axes.

    Raises:
      TypeError: as `Result.diagnose`, for a result that does not know its problem.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> X, y = jgd.data.make_linear(200, key=0)
    >>> result = jgd.fit(jgd.linear_regression(), (X * 100, y), jgd.gd(0.1), epochs=50)
    >>> ax = jgd.plotting.plot_diagnosis(result)
    >>> ax.get_legend().get_texts()[0].get_text()[:33]
    'learning rate too large (certain)'
    """
    ((_, result),) = named({"": result}).items()
    if diagnosis is None:
        diagnosis = result.diagnose()
    with drawing(ax, (6.4, 4.2 + 0.45 * len(diagnosis))) as ax:
        plot_loss(result, ax, x=x, smooth=smooth, label="training")
        curves = [line for line in ax.lines if not line.get_label().startswith("_")]
        for line in curves[1:]:
            line.set_label("validation")
        _, places = _places({"": result}, x)
        handles = curves if len(curves) > 1 else []
        records = [_where(finding.cause, result) for finding in diagnosis]
        for i, (finding, record) in enumerate(zip(diagnosis, records, strict=True)):
            if record is not None:
                _mark(ax, i, places[""][record], _height(finding, record, result), records[:i].count(record))
            handles.append(_explained(i, finding))
        ax.set_title(textwrap.fill(plain(_sentence(diagnosis.outcome, 120)), 62), fontsize="medium")
        legend(ax, handles, below=True, ncols=1)
    return ax


def _mark(ax: Any, i: int, at: float, height: float, below: int) -> None:
    """A finding's number where it shows, above so many others."""
    ax.axvline(at, color=_colour(i), linestyle=":", linewidth=1.2, zorder=1.5, label=f"_finding {i + 1}")
    circle = {"boxstyle": "circle,pad=0.25", "facecolor": _colour(i), "edgecolor": PAPER}
    ax.annotate(
        str(i + 1), (at, height), xytext=(0, 16 + 18 * below), textcoords="offset points", ha="center", va="center",
        color=PAPER, fontsize="small", fontweight="bold", bbox=circle, annotation_clip=False, zorder=6,
    )  # fmt: skip


def _colour(i: int) -> str:
    return COLOURS[(i + 1) % len(COLOURS)]


def _height(finding: Finding, record: int, result: Any) -> float:
    """The last finite loss up to a record."""
    quantity = "validation_loss" if finding.cause == "overfitting" and "validation_loss" in result.history else "loss"
    loss = np.asarray(result.history[quantity], float)[: record + 1]
    return float(loss[np.isfinite(loss)][-1])


def _explained(i: int, finding: Finding) -> Any:
    """What says below the picture what a number is of."""
    from matplotlib.lines import Line2D

    said = f"{finding.cause.replace('_', ' ')} ({'certain' if finding.certain else 'likely'}): {_sentence(finding.message)}"
    look = {"marker": f"${i + 1}$", "markersize": 8, "color": _colour(i), "linestyle": "none"}
    return Line2D([], [], label=textwrap.fill(plain(said), 72), **look)


def _where(cause: str, result: Any) -> int | None:
    """The record at which a cause shows; None for what is so throughout."""
    loss = np.asarray(result.history.loss, float)
    finite = np.isfinite(loss)
    if not finite.any():
        return None
    last = len(loss) - 1
    if cause in ("learning_rate_too_large", "exploding_gradients", "log_of_zero"):
        rose = np.flatnonzero(~finite[1:] | (loss[1:] > loss[:-1] * (1 + ROSE)) & finite[1:]) + 1
        return int(rose[0]) if len(rose) else last
    if cause in ("noise_floor", "float32_floor"):
        tail = loss[finite][-max(3, finite.sum() // 3) :]
        level = tail.max() if cause == "noise_floor" else np.median(tail) + np.ptp(tail)
        return int(np.flatnonzero(finite & (loss <= level))[0])
    if cause == "overfitting" and "validation_loss" in result.history:
        return int(np.nanargmin(np.asarray(result.history.validation_loss, float)))
    if cause in ("too_few_steps", "model_too_simple", "separable_classes"):
        return last
    return None


def _sentence(text: str, most: int = 170) -> str:
    """The first sentence of a text, short enough for a picture."""
    return textwrap.shorten(text.partition(". ")[0].rstrip("."), most, placeholder=" ...")
