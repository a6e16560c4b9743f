"""The loss curve of a run, redrawn while it runs."""

import inspect
import io
import sys
import time
from typing import Any

import numpy as np

from jgd._checks import nearest
from jgd.plotting._loss import plot_loss
from jgd.plotting._style import pyplot, styled
from jgd.training import Result
from jgd.training._history import History

# A curve is drawn through at most so many records; between two drawings passes at least so many times what one takes.
RECORDS, SHARE = 2000, 20
OPTIONS = tuple(inspect.signature(plot_loss).parameters)[2:]


class LivePlot:
    """A callback of `jgd.fit`; made by `live_plot`."""

    paced = True  # called by the clock, whatever the records

    def __init__(self, ax: Any, every: float, options: dict[str, Any]):
        self._given, self._every, self._options = ax, every, options
        self._ax, self._handle = ax, None
        self._next: float | None = None
        self._in_notebook = ax is None and _in_notebook()
        if ax is None and not self._in_notebook and not _has_windows():
            raise RuntimeError(
                "live_plot draws in a notebook or in a window, and here is neither (matplotlib's backend is "
                f"{pyplot().get_backend()}): use fit(progress=True), draw result.plot() at the end, or give ax=."
            )

    def __call__(self, result: Result) -> None:
        if self._next is None:  # a curve needs more than its first point
            self._next = time.perf_counter() + self._every
        elif time.perf_counter() >= self._next:
            self._draw(result)

    def finish(self, result: Result) -> None:
        """Draws the whole run; the next one gets a picture of its own."""
        self._draw(result)
        self._ax, self._handle, self._next = self._given, None, None

    def _draw(self, result: Result) -> None:
        began = time.perf_counter()
        with styled(self._given is None):
            if self._ax is None:
                self._ax = self._axes()
            self._ax.clear()
        plot_loss(_thinned(result), ax=self._ax, **self._options)
        self._show()
        now = time.perf_counter()
        self._next = now + max(self._every, SHARE * (now - began))

    def _axes(self) -> Any:
        if not self._in_notebook:
            return pyplot().subplots(figsize=(6, 4), layout="constrained")[1]
        from matplotlib.figure import Figure  # one that no notebook shows by itself once more

        return Figure(figsize=(6, 4), layout="constrained").add_subplot()

    def _show(self) -> None:
        if self._given is not None:
            self._ax.figure.canvas.draw_idle()
        elif self._in_notebook:
            self._update()
        else:
            pyplot().show(block=False)
            self._ax.figure.canvas.draw_idle()
            self._ax.figure.canvas.flush_events()

    def _update(self) -> None:
        from IPython.display import Image, display

        png = io.BytesIO()
        self._ax.figure.savefig(png, format="png", dpi=100)
        image = Image(data=png.getvalue(), alt="loss curve")
        if self._handle is None:
            self._handle = display(image, display_id=True)
        else:
            self._handle.update(image)


def live_plot(ax: Any = None, *, every: float = 0.5, **options: Any) -> LivePlot:
    """A callback for `jgd.fit(callbacks=[...])` that redraws the run's loss curve while it runs.

    In a notebook the picture is one output of the cell, and stays as it was drawn last. In a script it is a window, where
    matplotlib's backend has windows. With `ax` it is drawn there, and shown by whoever made that.

    Args:
      ax: the matplotlib axes to draw on.
      every: seconds between two drawings, at least; more where a drawing takes long, so that it stays below a twentieth of
        the run.
      **options: those of `jgd.plotting.plot_loss`.

    Raises:
      TypeError: for an option that `plot_loss` does not have.
      ValueError: if `every` is not above 0.
      RuntimeError: where there is neither a notebook nor a window, and no `ax`.

    >>> import jgd, matplotlib
    >>> matplotlib.use("agg")
    >>> import matplotlib.pyplot as plt
    >>> _, ax = plt.subplots()
    >>> X, y = jgd.data.make_line(100)
    >>> result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.1), epochs=50, callbacks=[jgd.live_plot(ax)])
    >>> len(ax.lines[0].get_xdata())
    51
    """
    if isinstance(every, bool) or not isinstance(every, (int, float)) or not every > 0:
        raise ValueError(f"every is the seconds between two drawings, a number above 0, found {every!r}.")
    for name in options:
        if name not in OPTIONS:
            raise TypeError(f"live_plot has no argument {name!r}; {nearest(name, ('every', *OPTIONS))}")
    return LivePlot(ax, float(every), options)


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def _has_windows() -> bool:
    """Whether matplotlib's backend opens windows: by the toolkit before "agg" or "cairo", if there is one."""
    name = pyplot().get_backend().lower()
    return name.startswith(("tk", "qt", "gtk", "wx", "macosx", "webagg", "nbagg", "notebook", "widget", "ipympl"))


def _thinned(result: Result) -> Result:
    """The result with some of its records, evenly picked, where there are many."""
    history = result.history
    if len(history) <= RECORDS:
        return result
    some = np.unique(np.linspace(0, len(history) - 1, RECORDS).round().astype(int))
    arrays = {name: np.asarray(history[name])[some] for name in history.names}
    thin = Result(result.state, History(arrays), result.status_code, result.steps, result.best)
    thin.notes = result.notes
    return thin
