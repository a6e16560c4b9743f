"""What a display is made of. Each piece is data that draws itself twice: as HTML for notebooks, and as plain text."""

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, Protocol

import numpy as np

from jgd._display._sparkline import bars, blocks, curve, is_log, number
from jgd._display._style import CSS

# A cell shows so many characters at most, and so many in plain text; a whole display has so many.
LONG, LONG_TEXT, MOST = 300, 120, 190_000


class Code(str):
    """Text that is code, or a name in it."""


class Bars(NamedTuple):
    """A histogram, small enough for a cell."""

    heights: np.ndarray
    title: str


class Piece(Protocol):
    def html(self) -> str: ...

    def text(self) -> str: ...


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def cell_html(value: Any) -> str:
    if isinstance(value, Bars):
        return bars(value.heights, value.title)
    text = escape(shortened(str(value), LONG))
    return f"<code>{text}</code>" if isinstance(value, Code) else text


def cell_text(value: Any) -> str:
    return blocks(value.heights, log=False) if isinstance(value, Bars) else shortened(" ".join(str(value).split()), LONG_TEXT)


class Facts(NamedTuple):
    """Names with values, one a line."""

    rows: Sequence[tuple[str, Any]]

    def html(self) -> str:
        rows = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{cell_html(value)}</td></tr>' for name, value in self.rows)
        return f"<table>{rows}</table>" if rows else ""

    def text(self) -> str:
        width = max((len(name) for name, _ in self.rows), default=0)
        return "\n".join(f"{name:<{width}}  {cell_text(value)}" for name, value in self.rows)


class Table(NamedTuple):
    """Rows under a header; columns of numbers are set to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""

    def html(self) -> str:
        mark = [' class="number"' if right else "" for right in self._right]
        head = "".join(f'<th scope="col"{m}>{escape(name)}</th>' for name, m in zip(self.header, mark, strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td{m}>{cell_html(value)}</td>" for value, m in zip(row, mark, strict=True)) + "</tr>"
            for row in self.rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def text(self) -> str:
        cells = [list(self.header), *([shortened(cell_text(value), 40) for value in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        line = lambda row: "  ".join(
            f"{cell:>{width}}" if right else f"{cell:<{width}}"
            for cell, width, right in zip(row, widths, self._right, strict=True)
        ).rstrip()
        return "\n".join([*([self.caption] if self.caption else []), *map(line, cells)])

    @property
    def _right(self) -> list[bool]:
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.header)
        is_number = [bool(self.rows) and all(type(v) is str and _is_number(v) for v in column) for column in columns]
        return [False, *is_number[1:]]  # the first says what a row is of


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return text in ("", "-")
    return True


class Curve(NamedTuple):
    """Curves on common axes, the first from where it began to where it ended."""

    curves: Mapping[str, np.ndarray]
    log: bool | None = None
    remark: str = ""

    def html(self) -> str:
        said = self._said
        drawn = curve(self.curves, said, self.log)
        return f"<figure>{drawn}<figcaption>{escape(said)}</figcaption></figure>" if drawn else ""

    def text(self) -> str:
        name, values = next(iter(self.curves.items()))
        said = self._said
        return f"{name}  {blocks(values, log=self.log)}  {said.removeprefix(name + ':').strip()}"

    @property
    def _said(self) -> str:
        """The curve in words; also what is read to those who do not see it."""
        name, values = next(iter(self.curves.items()))
        values = np.asarray(values, np.float64).ravel()
        known = np.concatenate([np.asarray(v, np.float64).ravel() for v in self.curves.values()])
        log = ", log scale" if (is_log(known) if self.log is None else self.log) else ""
        others = "".join(f"; {other} dashed" for other in list(self.curves)[1:])
        return f"{name}: {number(values[0])} to {number(values[-1])}{log}{others}{self.remark}"


class Note(NamedTuple):
    """A sentence or two."""

    words: str

    def html(self) -> str:
        return f"<p>{escape(shortened(self.words, 1000))}</p>"

    def text(self) -> str:
        return textwrap.fill(shortened(self.words, 1000), max(60, min(100, shutil.get_terminal_size((100, 24)).columns - 2)))


class View(NamedTuple):
    """A display.

    Attributes:
      title: what is shown.
      tones: words about how it is, each with one of "good", "note", "warn", "bad".
      pieces: what there is to say of it, from above.
      head: more of the title, in plain letters.
    """

    title: str
    tones: Sequence[tuple[str, str]] = ()
    pieces: Sequence[Any] = ()
    head: str = ""

    def html(self) -> str:
        tones = "".join(f'<span class="tone {tone}">{escape(words)}</span>' for words, tone in self.tones)
        head = f'<span class="soft">{escape(self.head)}</span>' if self.head else ""
        start = f'<style>{CSS}</style><div class="jgd"><header><b>{escape(self.title)}</b>{tones}{head}</header>'
        body = "".join(piece.html() for piece in self.pieces)
        if len(start) + len(body) > MOST:
            body = Note("This is too large to be drawn here; print() it.").html()
        return f"{start}{body}</div>"

    def text(self) -> str:
        first = " ".join(part for part in (f"{self.title}:", ", ".join(words for words, _ in self.tones), self.head) if part)
        rest = [textwrap.indent(piece.text(), "  ") for piece in self.pieces]
        return "\n".join([first, *(part for part in rest if part.strip())])
