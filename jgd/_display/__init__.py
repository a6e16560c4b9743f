"""Displays: what notebooks show as HTML and `print` as text, made of the same pieces."""

from jgd._display._pieces import Bars, Code, Curve, Facts, Note, Table, View, cell_html
from jgd._display._shown import Shown, is_readable, on_host
from jgd._display._sparkline import blocks, number

__all__ = [
    "Bars",
    "Code",
    "Curve",
    "Facts",
    "Note",
    "Shown",
    "Table",
    "View",
    "blocks",
    "cell_html",
    "is_readable",
    "number",
    "on_host",
]
