"""How far a run is, in one line: redrawn in terminals and notebooks, written now and then to what is neither, such as a log."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

# Seconds between two drawings; in a log the first line comes after so many, and each gap is so many times the one before.
REDRAW, FIRST, GROWTH, LONGEST = 0.2, 2.0, 1.5, 60.0
BAR = 20


def duration(seconds: float) -> str:
    """Minutes and seconds, or hours too; of a few seconds two digits.

    >>> duration(0.0123), duration(75), duration(4000)
    ('0.012 s', '1:15', '1:06:40')
    """
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(min(seconds, 1e9)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def compact(value: float) -> str:
    """A number in three digits, thousands as k, M, G.

    >>> compact(12), compact(3456), compact(2.5e6)
    ('12', '3.46k', '2.5M')
    """
    for unit in ("", "k", "M", "G"):
        if value < 999.5 or unit == "G":
            break
        value /= 1000
    return f"{value:.3g}{unit}"


class Place(Protocol):
    """Where lines go: `write` draws one now, and `rest` is the time until the next is wanted."""

    rest: float
    starts_at_once: bool

    def write(self, share: float, parts: Sequence[str]) -> None: ...

    def close(self) -> None: ...


class Terminal:
    """One line, drawn over itself by a carriage return; what the width has no room for is left out, from the end."""

    rest, starts_at_once = REDRAW, True

    def __init__(self, stream: Any):
        self.stream, self.drawn = stream, 0

    def write(self, share: float, parts: Sequence[str]) -> None:
        room, parts = shutil.get_terminal_size((100, 24)).columns - 1, list(parts)
        full = round(BAR * share)
        line = f"[{'#' * full}{'.' * (BAR - full)}] "
        line = ", ".join(parts) if room < 60 else line + ", ".join(parts)
        while len(line) > room and len(parts) > 1:
            parts.pop()
            line = (line[: BAR + 3] if line.startswith("[") else "") + ", ".join(parts)
        line = line[:room]
        self.stream.write("\r" + line.ljust(self.drawn))
        self.stream.flush()
        self.drawn = len(line)

    def close(self) -> None:
        if self.drawn:
            self.stream.write("\n")
            self.stream.flush()


class Notebook:
    """One output of the cell, updated; it stays as it was drawn last."""

    rest, starts_at_once = REDRAW, True

    def __init__(self):
        self.handle: Any = None

    def write(self, share: float, parts: Sequence[str]) -> None:
        from IPython.display import display

        text = ", ".join(parts)
        bar = f'<progress value="{share:.4f}" max="1" aria-label="progress" style="width:12em;vertical-align:middle"></progress>'
        shown = {"text/html": f"<div>{bar} {escape(text)}</div>", "text/plain": text}
        if self.handle is None:
            self.handle = display(shown, raw=True, display_id=True)
        else:
            self.handle.update(shown, raw=True)

    def close(self) -> None:
        pass


class Log:
    """Whole lines without control codes, ever rarer: after 2 seconds, 3 more, ..., at last each minute; and one at the end."""

    starts_at_once = False

    def __init__(self, stream: Any):
        self.stream, self.rest = stream, FIRST

    def write(self, share: float, parts: Sequence[str]) -> None:
        self.stream.write(", ".join(parts) + "\n")
        self.stream.flush()
        self.rest = min(LONGEST, self.rest * GROWTH)

    def close(self) -> None:
        pass


def place() -> Place:
    """Where this process shows its progress: a notebook's cell, a terminal's line, or standard error as a log."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):
        return Notebook()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return Terminal(sys.stderr)
    return Log(sys.stderr)


class Meter:
    """Draws how far something is, not more often than can be read.

    Attributes:
      due: whether the time has come to draw again; where not, nothing need be made for it.
    """

    def __init__(self, what: str = "compiling"):
        self.place = place()
        self.began = self.last = time.perf_counter()
        self.looked = False
        if self.place.starts_at_once:
            self.place.write(0.0, [what])

    @property
    def due(self) -> bool:
        if not self.place.starts_at_once and not self.looked:  # what came before, such as compiling, is no line of a log
            self.looked, self.last = True, time.perf_counter()
        return time.perf_counter() - self.last >= self.place.rest

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self.began

    def draw(self, share: float, parts: Sequence[str]) -> None:
        """Draws at once.

        Args:
          share: of all that is to be done, 0 to 1.
          parts: what is said of it, the most important first.
        """
        self.last = time.perf_counter()
        self.place.write(min(1.0, max(0.0, share)), [part for part in parts if part])

    def close(self) -> None:
        self.place.close()
