"""What a model says beside the data it was fitted to: a line, or regions of classes."""

from typing import Any

import numpy as np

from jgd._errors import public
from jgd.data import Dataset
from jgd.data._dataset import as_dataset
from jgd.models._problem import encode
from jgd.plotting._loss import named
from jgd.plotting._marks import legend
from jgd.plotting._style import COLOURS, DASHES, INK, MARKERS, PAPER, drawing, plain

# So many rows are drawn; of more, as many by chance.
ROWS = 2000
GRID = 200
# Of the colours those that differ most in lightness first, as areas have no other mark.
CLASSES = tuple(COLOURS[i] for i in (0, 4, 2, 3, 1, 5, 6))
INSTEAD = "fit one or two columns for a picture, or compare predictions with targets by plain matplotlib"


@public
def plot_fit(result: Any, data: Any = None, ax: Any = None) -> Any:
    """The data with what was fitted to it.

    Of one column: the rows and the predicted line (or curve); for classes the probability of the second, rows at 0 and 1. Of two
    columns and classes: each class in its colour, the stronger the more probable it is, the decision
    boundaries where two are equally so. Of more than 2,000 rows as many are drawn, by chance.

    Args:
      result: a `jgd.Result` of a problem that predicts.
      data: the rows to draw; those of the fit if not given.
      ax: the matplotlib axes to draw on; new ones if not given.

    Returns:
      The axes.

    Raises:
      TypeError: if the result does not know its problem, or has no rows.
      ValueError: for other numbers of columns.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> result = jgd.fit(jgd.linear_regression(), jgd.data.make_line(50, noise=0.1), jgd.gd(0.3), epochs=50)
    >>> ax = jgd.plotting.plot_fit(result)
    >>> ax.get_xlabel(), len(ax.lines)
    ('x', 1)
    """
    ((_, result),) = named({"": result}).items()
    problem = result._problem("predict")
    problem._required("predict")
    rows = _rows(result, problem, data)
    two = rows.X.shape[1] == 2
    if not _can_be_drawn(rows):
        what = f"{rows.X.shape[1]} columns" + (" and numbers to predict" if two else "")
        raise ValueError(f"plot_fit draws one column, or two of a classifier, found {what}: {INSTEAD}.")
    with drawing(ax, (6, 4.5) if two else (6, 4)) as ax:
        (_regions if two else _line)(ax, result, rows)
        names = rows.columns or (("x[0]", "x[1]") if two else ("x",))
        ax.set_xlabel(plain(names[0]))
        if two:
            ax.set_ylabel(plain(names[1]))
    return ax


def has_fit(result: Any) -> bool:
    """Whether `plot_fit` can draw it."""
    data, problem = result.notes.data, result.notes.problem
    drawable = problem is not None and problem.functions.predict is not None and data is not None and data.y is not None
    return drawable and _can_be_drawn(data)


def _can_be_drawn(rows: Dataset) -> bool:
    return rows.X.ndim == 2 and (rows.X.shape[1] == 1 or rows.X.shape[1] == 2 and _has_classes(rows))


def _rows(result: Any, problem: Any, data: Any) -> Dataset:
    known = result.notes.data
    if data is None and known is None:
        raise TypeError("the result has no rows to draw: give data=(X, y).")
    data = known if data is None else encode(problem, as_dataset(data), known, problem.functions.encode)
    if data.y is None:
        raise TypeError("there are no targets to draw: give data=(X, y).")
    keep = np.arange(len(data))
    if len(data) > ROWS:
        keep = np.sort(np.random.default_rng(0).choice(len(data), ROWS, replace=False))
    return data._with(X=np.asarray(data.X)[keep], y=np.asarray(data.y)[keep], sample_weight=None)


def _has_classes(rows: Dataset) -> bool:
    return rows.classes is not None or rows.y.ndim == 1 and np.issubdtype(rows.y.dtype, np.integer)


def _range(values: np.ndarray, room: float = 0.06) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    more = room * (high - low) or 1.0
    return low - more, high + more


def _line(ax: Any, result: Any, rows: Dataset) -> None:
    """Rows, and the prediction along the column; one for each output."""
    x, problem = rows.X[:, 0], result._problem("predict")
    at = np.linspace(*_range(x, 0.02), 400, dtype=x.dtype)
    if rows.classes is not None and problem.functions.probabilities is not None:
        _probability(ax, problem, result.params, at, x, rows)
        return
    predicted = np.asarray(problem.predict(result.params, at[:, None], state=result.model_state))
    outputs = predicted.reshape(len(at), -1)
    for i, (y, line) in enumerate(zip(rows.y.reshape(len(x), -1).T, outputs.T, strict=True)):
        colours, name = np.take(COLOURS, [2 * i, 2 * i + 1], mode="wrap"), f" {i}" if outputs.shape[1] > 1 else ""
        look = {"alpha": _faint(len(x)), "marker": MARKERS[i % len(MARKERS)], "s": 16, "linewidth": 0}
        ax.scatter(x, y, color=colours[0], label=f"data{name}", **look)
        ax.plot(at, line, DASHES[i % len(DASHES)], color=colours[1], linewidth=2.0, label=f"fit{name}", zorder=3)
    ax.set_ylabel("y")
    legend(ax, ax.get_legend_handles_labels()[0], below=False)


def _probability(ax: Any, problem: Any, params: Any, at: np.ndarray, x: np.ndarray, rows: Dataset) -> None:
    """The probability of each class but the first along the column."""
    p, handles = np.asarray(problem.probabilities(params, at[:, None])), []
    classes = range(1, 2) if p.shape[1] == 2 else range(p.shape[1])
    for k in range(p.shape[1]):
        mine = rows.y == k
        height = np.full(mine.sum(), float(k) if p.shape[1] == 2 else -0.06 - 0.03 * k)
        label = plain(str(rows.classes[k]))
        style = {"color": CLASSES[k % len(CLASSES)], "marker": MARKERS[k % len(MARKERS)]}
        handles.append(ax.scatter(x[mine], height, alpha=_faint(len(x)), s=18, linewidth=0, label=label, **style))
    for k in classes:
        colour = INK if p.shape[1] == 2 else CLASSES[k % len(CLASSES)]
        label = plain(f"probability of {rows.classes[k]}")
        handles += ax.plot(at, p[:, k], DASHES[(k - classes.start) % len(DASHES)], color=colour, label=label, zorder=3)
    ax.set_ylabel("probability")
    legend(ax, handles, below=True, ncols=3)


def _regions(ax: Any, result: Any, rows: Dataset) -> None:
    """Colours of the classes by their probabilities, the boundaries, and the rows."""
    from matplotlib.colors import to_rgb

    across, up = (np.linspace(*_range(column), GRID, dtype=rows.X.dtype) for column in rows.X.T)
    grid = np.stack([part.ravel() for part in np.meshgrid(across, up)], axis=1)
    p = _shares(result, grid, rows)
    colours = np.array([to_rgb(CLASSES[k % len(CLASSES)]) for k in range(p.shape[1])])
    sure = np.clip((p - 1 / p.shape[1]) / (1 - 1 / p.shape[1]), 0, 1)
    shade = 1 - 0.55 * sure @ (1 - colours)
    square = (len(up), len(across))
    box = (across[0], across[-1], up[0], up[-1])
    ax.imshow(shade.reshape(*square, 3), extent=box, origin="lower", aspect="auto", zorder=0, interpolation="bilinear")
    ax.grid(False)
    for k in range(1 if p.shape[1] == 2 else 0, p.shape[1]):
        ahead = p[:, k] - np.delete(p, k, axis=1).max(axis=1)
        if ahead.min() < 0 < ahead.max():
            ax.contour(across, up, ahead.reshape(square), [0.0], colors=INK, linewidths=1.2, zorder=2)
    names, handles = rows.classes or tuple(range(p.shape[1])), []
    for k in range(p.shape[1]):
        mine = rows.X[rows.y == k]
        style = {
            "s": 22,
            "marker": MARKERS[k % len(MARKERS)],
            "edgecolor": PAPER,
            "linewidth": 0.6,
            "alpha": max(0.5, _faint(len(rows))),
        }
        handles.append(ax.scatter(*mine.T, color=CLASSES[k % len(CLASSES)], label=plain(str(names[k])), zorder=3, **style))
    legend(ax, handles, below=True, ncols=4)


def _shares(result: Any, grid: np.ndarray, rows: Dataset) -> np.ndarray:
    """How probable each class is at the points of the grid; where only labels are predicted, all or nothing."""
    problem = result._problem("predict")
    if problem.functions.probabilities is not None:
        return np.asarray(problem.probabilities(result.params, grid), float)
    labels = np.asarray(problem.predict(result.params, grid, state=result.model_state)).astype(int)
    return np.eye(int(max(labels.max(), rows.y.max())) + 1)[labels]


def _faint(count: int) -> float:
    """How opaque each of so many marks is."""
    return float(np.clip(30 / np.sqrt(max(count, 1)), 0.25, 0.8))
