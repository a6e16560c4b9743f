"""A run down the curve of a function of one number, still and moving."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jgd._errors import public
from jgd.models import Problem
from jgd.plotting._animate import animation, clock
from jgd.plotting._loss import named
from jgd.plotting._marks import legend
from jgd.plotting._style import COLOURS, INK, MARKERS, PAPER, drawing, plain
from jgd.plotting._ways import Landscape, Way, check_count_of, extent, longest

INSTEAD = "draw two by plot_contours, and more by plot_loss"


@public
def plot_function(
    f: Callable[[Any], Any] | Problem, results: Any, ax: Any = None, *, points: int = 60, range: tuple[float, float] | None = None
) -> Any:
    """The curve of a function of one number, and where on it runs were: the ball's positions, from pale to dark.

    Args:
      f: the function, or a `jgd.Problem` without data.
      results: a `jgd.Result`, a list of them, or a mapping from labels to them; each is run again, see `Result.trajectory`.
      ax: the matplotlib axes to draw on; new ones if not given.
      points: at how many steps the runs are looked at, at most.
      range: what the axis of the parameter shows; where the runs were, as far as they do not diverge, if not given.

    Returns:
      The axes.

    Raises:
      TypeError, ValueError: if f is no function, the results are not of one parameter, or range is no pair.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> f = lambda w: (w - 2.0) ** 2
    >>> ax = jgd.plotting.plot_function(f, jgd.minimize(f, 5.0, jgd.gd(0.1), steps=20))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('params', 'loss')
    """
    results, scene, ways = _ways(f, results, points)
    with drawing(ax) as ax:
        _curve(ax, scene, ways, range)
        handles = []
        for i, (name, way) in enumerate(zip(results, ways, strict=True)):
            colour = COLOURS[(i + 1) % len(COLOURS)]
            pale = np.linspace(0.25, 1.0, len(way.epoch))
            ax.scatter(way.at[:, 0], way.loss, c=colour, alpha=pale, s=28, marker=_marker(i), linewidth=0, zorder=3)
            ax.plot(way.at[:1, 0], way.loss[:1], "o", markersize=9, markerfacecolor=PAPER, markeredgecolor=INK, zorder=2.5)
            handles += ax.plot([], [], _marker(i), color=colour, label=plain(name), linestyle="none")
        legend(ax, handles if len(handles) > 1 else [], below=len(handles) > 2)
    return ax


@public
def animate_function(
    f: Callable[[Any], Any] | Problem, results: Any, ax: Any = None, *, frames: int = 60, interval: float = 80.0,
    range: tuple[float, float] | None = None,
) -> Any:  # fmt: skip
    """The ball rolling down the curve of a function of one number: `plot_function` as it comes about.

    Args:
      f, results, ax, range: as in `plot_function`.
      frames: how many pictures at most; the steps between them are left out.
      interval: milliseconds from picture to picture.

    Returns:
      A `matplotlib.animation.FuncAnimation`, which a notebook shows with buttons; `to_jshtml()` and `save(path)` write it.

    Raises:
      TypeError, ValueError: as `plot_function`.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> f = lambda w: (w - 2.0) ** 2
    >>> "Once" in jgd.plotting.animate_function(f, jgd.minimize(f, 5.0, jgd.gd(0.1), steps=3)).to_jshtml()
    True
    """
    results, scene, ways = _ways(f, results, frames)
    own = ax is None
    with drawing(ax) as ax:
        _curve(ax, scene, ways, range)
        style = lambda i: {"color": COLOURS[(i + 1) % len(COLOURS)], "linestyle": "none", "marker": _marker(i)}
        trails = [ax.plot([], [], markersize=4, alpha=0.35, zorder=3, **style(i))[0] for i, _ in enumerate(ways)]
        edge = {"markersize": 11, "markeredgecolor": PAPER, "zorder": 4}
        balls = [ax.plot([], [], label=plain(name), **edge, **style(i))[0] for i, name in enumerate(results)]
        legend(ax, balls if len(balls) > 1 else [], below=len(balls) > 2)
        says = clock(results)
        title = ax.set_title(says(0))

    def show(epoch: float) -> list[Any]:
        for trail, ball, way in zip(trails, balls, ways, strict=True):
            seen = way.until(epoch)
            trail.set_data(way.at[:seen, 0], way.loss[:seen])
            ball.set_data(way.at[seen - 1 : seen, 0], way.loss[seen - 1 : seen])
        title.set_text(says(epoch))
        return [*trails, *balls, title]

    return animation(ax.figure, show, longest(ways, frames), interval, own)


def _marker(i: int) -> str:
    return MARKERS[i % len(MARKERS)]


def _ways(f: Any, results: Any, points: int) -> tuple[dict[str, Any], Landscape, list[Way]]:
    if not (isinstance(f, Problem) or callable(f)):
        raise TypeError(f"f must be a function of one number, or a jgd.Problem without data, found {f!r}.")
    results = named(results)
    params = check_count_of(results, 1, "plot_function", INSTEAD)
    scene = Landscape(f.objective if isinstance(f, Problem) else f, params, None)
    return results, scene, [scene.way(result, points) for result in results.values()]


def _curve(ax: Any, scene: Landscape, ways: list[Way], range: Any) -> None:
    if range is not None and np.shape(range) != (2,):
        raise ValueError(f"range must be (low, high), found {range!r}.")
    low, high = range if range is not None else extent(ways, 0)
    at = np.linspace(low, high, 400)
    loss = scene.of(at[:, None])
    ax.plot(at, np.where(np.isfinite(loss), loss, np.nan), color=COLOURS[0], zorder=2)
    ax.set_xlim(low, high)
    bottom, top = loss[np.isfinite(loss)].min(), max(way.loss[way.near].max() for way in ways)
    height = (top - bottom) or 1.0
    ax.set_ylim(bottom - 0.08 * height, top + 0.2 * height)
    ax.set_xlabel(plain(scene.names[0]))
    ax.set_ylabel("loss")
