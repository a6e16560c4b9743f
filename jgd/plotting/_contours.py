"""The ways of runs over the contours of a loss of two parameters, still and moving."""

from typing import Any

import numpy as np

from jgd._errors import public
from jgd.models import Problem
from jgd.plotting._animate import animation, clock
from jgd.plotting._loss import named
from jgd.plotting._marks import legend
from jgd.plotting._style import COLOURS, INK, MARKERS, PAPER, drawing, plain, pyplot
from jgd.plotting._ways import Landscape, Way, check_count_of, extent, longest, objective

GRID, LEVELS, POINTS = 80, 16, 300
# A way of few points has a mark at each.
FEW = 60
INSTEAD = "take a linear model of one column with intercept, or of two without, or a function of two numbers"


@public
def plot_contours(
    problem: Problem, data: Any, results: Any, ax: Any = None, *, points: int = 200,
    ranges: tuple[tuple[float, float], tuple[float, float]] | None = None,
) -> Any:  # fmt: skip
    """The ways of runs over the contours of the loss, for two parameters: those of a line, or of a function of two numbers.

    Each step is a mark where they are few, and else some. Shades and contours are spaced by the logarithm of the loss above its
    lowest. A loss of more than 5,000 rows is that of as many of them (of least squares: exact).

    Args:
      problem: whose objective is drawn.
      data: as in `jgd.fit`; None for a problem without data.
      results: a `jgd.Result`, a list of them, or a mapping from labels to them; each is run again, see `Result.trajectory`.
      ax: the matplotlib axes to draw on; new ones if not given.
      points: at how many steps the ways are looked at, at most.
      ranges: what the two axes show, ((left, right), (low, high)); the ways, as far as they do not diverge, if not given.

    Returns:
      The axes.

    Raises:
      TypeError, ValueError: if the parameters are not two, what is given are no results of runs, or ranges no two pairs.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> problem, data = jgd.linear_regression(), jgd.data.make_line(50, noise=0.1)
    >>> runs = [jgd.fit(problem, data, tx, epochs=30) for tx in (jgd.gd(0.1), jgd.adam(0.1))]
    >>> ax = jgd.plotting.plot_contours(problem, data, runs)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('weights[0]', 'bias')

    Source: the picture is as old as steepest descent; this form is that of Goh, "Why momentum really works", Distill (2017).
    """
    results, scene, ways = _ways(problem, data, results, points)
    with drawing(ax, (6, 4.8)) as ax:
        _background(ax, scene, ways, ranges)
        handles = [_way(ax, i, name, way) for i, (name, way) in enumerate(zip(results, ways, strict=True))]
        _ends(ax, handles)
    return ax


@public
def animate_contours(
    problem: Problem, data: Any, results: Any, ax: Any = None, *, frames: int = 60, interval: float = 80.0,
    ranges: tuple[tuple[float, float], tuple[float, float]] | None = None,
) -> Any:  # fmt: skip
    """`plot_contours` as it comes about: each run's ball rolls down, and leaves its way behind.

    Args:
      problem, data, results, ax, ranges: as in `plot_contours`.
      frames: how many pictures at most; the steps between them are left out.
      interval: milliseconds from picture to picture.

    Returns:
      A `matplotlib.animation.FuncAnimation`, which a notebook shows with buttons; `to_jshtml()` and `save(path)` write it.

    Raises:
      TypeError, ValueError: as `plot_contours`.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> f = lambda w: w[0] ** 2 + 10 * w[1] ** 2
    >>> run = jgd.minimize(f, [3.0, 1.0], jgd.gd(0.05), steps=3)
    >>> "Once" in jgd.plotting.animate_contours(jgd.Problem(f, [3.0, 1.0]), None, run).to_jshtml()
    True
    """
    results, scene, ways = _ways(problem, data, results, max(frames, POINTS))
    own = ax is None
    with drawing(ax, (6, 4.8)) as ax:
        _background(ax, scene, ways, ranges)
        lines = [_way(ax, i, name, way) for i, (name, way) in enumerate(zip(results, ways, strict=True))]
        edge = {"markersize": 9, "markeredgecolor": PAPER, "markeredgewidth": 0.8, "zorder": 5}
        balls = []
        for i, (name, line) in enumerate(zip(results, lines, strict=True)):
            balls += ax.plot([], [], _marker(i), color=line.get_color(), label=plain(name), **edge)
        legend(ax, balls if len(balls) > 1 else [], below=True, ncols=4)
        says = clock(results)
        title = ax.set_title(says(0.0))

    def show(epoch: float) -> list[Any]:
        for line, ball, way in zip(lines, balls, ways, strict=True):
            seen = way.until(epoch)
            line.set_data(*way.at[:seen].T)
            ball.set_data(*way.at[seen - 1 : seen].T)
        title.set_text(says(epoch))
        return [*lines, *balls, title]

    return animation(ax.figure, show, longest(ways, frames), interval, own)


def _marker(i: int) -> str:
    return MARKERS[i % len(MARKERS)]


def _ways(problem: Problem, data: Any, results: Any, points: int) -> tuple[dict[str, Any], Landscape, list[Way]]:
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {problem!r}: a function f is jgd.Problem(f, init=x0).")
    results = named(results)
    params = check_count_of(results, 2, "plot_contours", INSTEAD)
    function, known = objective(problem, data)
    scene = Landscape(function, params, known)
    return results, scene, [scene.way(result, points) for result in results.values()]


def _background(ax: Any, scene: Landscape, ways: list[Way], ranges: Any) -> None:
    """Shades of grey, light where the loss is low, and contours."""
    from matplotlib.colors import ListedColormap

    if ranges is not None and np.shape(ranges) != (2, 2):
        raise ValueError(f"ranges must be ((left, right), (low, high)), found {ranges!r}.")
    (left, right), (low, high) = ranges if ranges is not None else (extent(ways, 0), extent(ways, 1))
    across, up = np.linspace(left, right, GRID), np.linspace(low, high, GRID)
    points = np.stack([grid.ravel() for grid in np.meshgrid(across, up)], axis=1)
    loss = scene.of(points).reshape(GRID, GRID)
    finite = loss[np.isfinite(loss)]
    above = np.where(np.isfinite(loss), loss, finite.max()) - min(finite.min(), *(np.nanmin(way.loss) for way in ways))
    floor = max(float(np.quantile(above[above > 0], 0.003)), 1e-9 * float(above.max()))
    levels = np.geomspace(floor, float(above.max()), LEVELS)
    greys = ListedColormap(pyplot().get_cmap("Greys")(np.linspace(0.0, 0.5, 256)))
    ax.contourf(across, up, np.log(np.maximum(above, floor)), LEVELS, cmap=greys, zorder=0)
    ax.contour(across, up, above, levels, colors="0.55", linewidths=0.5, zorder=1)
    ax.grid(False)
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    ax.set_xlabel(plain(scene.names[0]))
    ax.set_ylabel(plain(scene.names[1]))


def _way(ax: Any, i: int, name: str, way: Way) -> Any:
    every = 1 if len(way.epoch) <= FEW else len(way.epoch) // 12
    look = {"marker": _marker(i), "markersize": 3.5 if every == 1 else 4.5, "markevery": every, "linewidth": 1.3}
    (line,) = ax.plot(*way.at.T, color=COLOURS[i % len(COLOURS)], label=plain(name), zorder=3, **look)
    return line


def _ends(ax: Any, lines: list[Any]) -> None:
    """Where the runs started and ended; and their names, if they are several."""
    marks = []
    for j, (what, marker, size) in enumerate((("start", "o", 8), ("end", "*", 12))):
        for i, line in enumerate(lines):
            x, y = line.get_data()
            face = PAPER if what == "start" else line.get_color()
            edge = INK if what == "start" else PAPER
            (mark,) = ax.plot(x[-j], y[-j], marker, markersize=size, markerfacecolor=face, markeredgecolor=edge, zorder=4 + j)
            mark.set_label(what if i == 0 else "_")
        marks.append(ax.lines[-len(lines)])
    legend(ax, [*(lines if len(lines) > 1 else []), *marks], below=True, ncols=4)
