"""Scores of rows left out: of settings by cross-validation, and against the amount of data."""

import textwrap
from typing import Any

import numpy as np

from jgd import _checks
from jgd._checks import nearest
from jgd._errors import public
from jgd.experiments import CrossValidation, LearningCurve
from jgd.experiments._values import labels
from jgd.plotting._marks import NAMED, fit, legend
from jgd.plotting._scales import placed, show_axis
from jgd.plotting._style import COLOURS, INK, MARKERS, PAPER, drawing, plain
from jgd.plotting._table import Column, alike

# Training losses are drawn down to this share of the lowest of rows left out.
FLOOR = 1e-3


@public
def plot_scores(scores: CrossValidation, ax: Any = None, *, metric: str | None = None, x: str | None = None) -> Any:
    """Mean scores over the folds, with a band of one standard error; each fold's are faint.

    The best setting is a star; of one swept number, the simplest within one standard error of it (the largest) is a diamond, and
    a dotted line shows how far that reaches. Settings that failed on a fold have no mean.

    Args:
      scores: what `jgd.cross_validate` returned.
      ax: the matplotlib axes to draw on; new ones if not given.
      metric: a name of `scores.scores(metric)`; the test loss if not given.
      x: the swept quantity on the x axis; the first number, or the first, if not given. Settings of the others are lines.

    Returns:
      The axes.

    Raises:
      TypeError: for something else.
      KeyError: if x was not crossed, or the metric not recorded.
      ValueError: for more lines than can be told apart, or if no setting has a mean.

    >>> import jgd, matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> ridge = jgd.linear_regression(l2=jgd.over(np.logspace(-4, 1, 12).tolist()))
    >>> ax = jgd.cross_validate(ridge, jgd.data.make_linear(60)).plot()
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('l2', 'test_loss: mean ± error of 5 folds')
    """
    if not isinstance(scores, CrossValidation):
        raise TypeError(f"plot_scores draws what jgd.cross_validate returns, found {_checks.shown(scores)}.")
    if x is not None and x not in scores.names:
        raise KeyError(f"{x!r} was not crossed with the folds; {nearest(x, scores.names)}")
    metric = scores._metric(metric)
    columns = {name: Column.of(name, _values(scores, name)) for name in scores.names}
    numbers = [name for name, column in columns.items() if column.ordered and len(column.shown) > 1]
    x = x or next(iter([*numbers, *columns]), None)
    others = [column for name, column in columns.items() if name != x and len(column.shown) > 1]
    line = alike(others, np.arange(scores._count))
    if line.max() >= NAMED:
        names = ", ".join(column.name for column in others)
        raise ValueError(f"plot_scores tells {NAMED} lines apart, found {line.max() + 1} settings of {names}: cross fewer.")
    column = columns[x] if x else Column.of("", ["all folds"] * scores._count)
    return _draw(scores, metric, column, others, line, ax)


def _draw(scores: CrossValidation, metric: str, x: Column, others: list[Column], line: np.ndarray, ax: Any) -> Any:
    best = scores._best(metric)  # it says why there is none
    values, means, folds = np.asarray(scores.scores(metric), float), scores._means(metric), len(scores.folds)
    error = values.std(axis=0, ddof=1) / np.sqrt(folds) if folds > 1 else np.zeros(len(means))
    where, scale = placed(x)
    handles: list[Any] = []
    with drawing(ax) as ax:
        for i in range(int(line.max()) + 1):
            mine = np.flatnonzero(line == i)
            mine = mine[np.argsort(where[x.code[mine]], kind="stable")]
            at, name = where[x.code[mine]], ", ".join(f"{other.name}={other.text(other.code[mine[0]])}" for other in others)
            look = {"color": COLOURS[i], "marker": MARKERS[i], "markersize": 4}
            if folds <= 50:
                as_line = x.ordered and len(at) > 1
                faint = {"linewidth": 0.6, "alpha": 0.25} if as_line else {"linestyle": "none", "marker": "_", "alpha": 0.6}
                ax.plot(at, values[:, mine].T, color=COLOURS[i], label="_fold", **faint)
            handles += ax.plot(at, means[mine], label=plain(name or "mean"), linestyle="-" if x.ordered else "none", **look)
            if x.ordered and len(at) > 1:
                low, high = means[mine] - error[mine], means[mine] + error[mine]
                ax.fill_between(at, low, high, color=COLOURS[i], alpha=0.2, linewidth=0)
            else:
                ax.vlines(at, means[mine] - error[mine], means[mine] + error[mine], color=COLOURS[i], linewidth=2)
        handles = handles if others else []
        if len(means) > 1:
            handles += _chosen(ax, scores, metric, x, others, where, means, error, best)
        known = np.concatenate([means - error, means + error])
        near = values[:, np.isfinite(means)].ravel()
        known = known[np.isfinite(known)]
        # Single folds may lie far off; the picture is that of the means.
        fit(ax, np.concatenate([known, near[(near < known.max() + np.ptp(known)) & (near > known.min() - np.ptp(known))]]), [])
        show_axis(ax, "x", x, where, scale)
        ax.set_ylabel(plain(f"{metric}: mean ± error of {folds} folds" if folds > 1 else metric))
        legend(ax, handles, below=True, ncols=3)
    return ax


def _chosen(
    ax: Any, scores: CrossValidation, metric: str, x: Column, others: list[Column], where: np.ndarray, means: np.ndarray,
    error: np.ndarray, best: int,
) -> list[Any]:  # fmt: skip
    """Marks of the best setting, and of the simplest that is as good."""
    sign = scores._sign(metric)
    style = {"markerfacecolor": PAPER, "markeredgecolor": INK, "linestyle": "none", "zorder": 5}
    at = lambda lane: ", ".join(f"{column.name}={column.text(column.code[lane])}" for column in (x, *others))
    chosen = lambda lane, what: textwrap.fill(plain(f"{what}: {means[lane]:.3g} at {at(lane)}"), 50)
    handles = ax.plot(where[x.code[best]], means[best], marker="*", markersize=13, label=chosen(best, "best"), **style)
    if len(scores.names) == 1 and x.numbers is not None and len(x.shown) > 1 and len(scores.folds) > 1:
        simple = scores._find(scores.one_standard_error(metric=metric))
        label = chosen(simple, "within one standard error")
        handles += ax.plot(where[x.code[simple]], means[simple], marker="D", markersize=7, label=label, **style)
        ax.axhline(means[best] + sign * error[best], color="0.4", linestyle=":", linewidth=1.2, zorder=1, label="_limit")
    return handles


def _values(scores: CrossValidation, name: str) -> list[Any]:
    """The value of each setting, as a table shows it; settings are the lanes of the first fold."""
    axis, over = scores._settings.columns[name]
    shown = labels(over.values)
    return [shown[i] for i in scores._settings.index[: scores._count, axis]]


@public
def plot_learning_curve(curve: LearningCurve, ax: Any = None, *, metric: str | None = None) -> Any:
    """Scores against the number of rows trained on: of the rows left out, and of those trained on; mean and one deviation.

    Args:
      curve: what `jgd.learning_curve` returned.
      ax: the matplotlib axes to draw on; new ones if not given.
      metric: the name of a metric that was asked for; the loss if not given.

    Returns:
      The axes.

    Raises:
      TypeError, KeyError: for something else, or a metric that was not asked for.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> curve = jgd.learning_curve(jgd.linear_regression(), jgd.data.make_linear(100), sizes=[10, 20, 40, 80])
    >>> ax = jgd.plotting.plot_learning_curve(curve)
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('rows trained on', ['rows left out', 'rows trained on'])
    """
    if not isinstance(curve, LearningCurve):
        raise TypeError(f"plot_learning_curve draws what jgd.learning_curve returns, found {_checks.shown(curve)}.")
    name = "loss" if metric is None else metric
    parts = {"rows left out": curve.scores(name), "rows trained on": curve.scores(name, trained=True)}
    handles: list[Any] = []
    with drawing(ax) as ax:
        shown = []
        for i, (label, values) in enumerate(parts.items()):
            mean, std = values.mean(axis=1), values.std(axis=1, ddof=1) if values.shape[1] > 1 else np.zeros(len(values))
            # Within their range: no loss is below zero.
            low, high = np.maximum(mean - std, values.min(axis=1)), np.minimum(mean + std, values.max(axis=1))
            style = {"color": COLOURS[i], "linestyle": "-" if i == 0 else "--", "marker": MARKERS[i], "markersize": 4.5}
            handles += ax.plot(curve.sizes, mean, label=label, **style)
            ax.fill_between(curve.sizes, low, high, color=COLOURS[i], alpha=0.18, linewidth=0)
            shown += [low, high]
        column = Column.of("rows trained on", [int(size) for size in curve.sizes])
        show_axis(ax, "x", column, column.numbers, column.scale)
        # A model of as many parameters as rows fits these to rounding, which is not what the picture is about.
        floor = FLOOR * min(abs(parts["rows left out"].mean(axis=1)))
        fit(ax, np.maximum(np.concatenate(shown), floor) if name == "loss" else np.concatenate(shown), [])
        ax.set_ylabel(plain(name))
        legend(ax, handles, below=False)
    return ax
