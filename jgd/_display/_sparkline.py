"""Curves and histograms as a word: an inline SVG, or a line of block characters."""

from collections.abc import Mapping
from html import escape

import numpy as np

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT, BINS = 240, 40, 120


def number(value: float) -> str:
    """A number in four digits; of a count all of them."""
    return f"{value:,}" if isinstance(value, np.integer) else f"{float(value):.4g}"


def is_log(values: np.ndarray) -> bool:
    """Whether a curve is drawn on a logarithmic scale, by the rule of `jgd.plotting`: positive, and over a factor of 5."""
    good = values[np.isfinite(values)]
    return good.size > 0 and bool(good.min() > 0 and good.max() > 5 * good.min())


def _scaled(values: np.ndarray, log: bool) -> np.ndarray:
    """In float64, NaN where there is nothing to draw."""
    values = np.where(np.isfinite(values), values, np.nan)
    return np.log10(values) if log else values


def _edges(count: int, bins: int) -> np.ndarray:
    return np.linspace(0, count, min(count, bins) + 1).astype(int)[:-1]


def blocks(values: np.ndarray, width: int = 40, log: bool | None = None) -> str:
    """A line of at most `width` block characters, each the mean of its share of the values; ✕ where none is finite.

    >>> blocks(np.arange(8.0), log=False)
    '▁▂▃▄▅▆▇█'
    """
    values = np.asarray(values, np.float64).ravel()
    if not values.size:
        return ""
    heights = _scaled(values, is_log(values) if log is None else log)
    starts, fine = _edges(len(heights), width), np.isfinite(heights)
    count = np.add.reduceat(fine, starts)
    means = np.add.reduceat(np.where(fine, heights, 0.0), starts) / np.maximum(count, 1)
    if not fine.any():
        return "✕" * len(means)
    low, high = means[count > 0].min(), means[count > 0].max()
    place = np.zeros(len(means)) if high == low else (means - low) / (high - low) * (len(BLOCKS) - 1)
    return "".join(BLOCKS[round(p)] if c else "✕" for p, c in zip(place, count, strict=True))


def _path(heights: np.ndarray, low: float, high: float, extent: int) -> str:
    """Each bin's least and greatest value, in the order in which they come, as the commands of a path; broken at gaps."""
    starts = _edges(len(heights), BINS)
    span, commands, pen = (high - low) or 1.0, [], "M"
    ends = [*starts[1:], len(heights)]
    for start, end in zip(starts, ends, strict=True):
        part = heights[start:end]
        fine = np.flatnonzero(np.isfinite(part))
        if not len(fine):
            pen = "M"
            continue
        for i in sorted({int(fine[np.argmin(part[fine])]), int(fine[np.argmax(part[fine])])}):
            x = WIDTH * (start + i) / max(1, extent - 1)
            y = HEIGHT * (1 - (part[i] - low) / span) if high > low else HEIGHT / 2
            commands.append(f"{pen}{x:.4g} {y:.4g}")
            pen = "L"
    if len(commands) == 1:  # a point alone is drawn as a dash
        commands.append("h2")
    return "".join(commands)


def curve(curves: Mapping[str, np.ndarray], title: str, log: bool | None = None) -> str:
    """Curves on common axes as an SVG of a few kB whatever their length; a cross at the end of one that ends without a number."""
    drawn = [np.asarray(values, np.float64).ravel() for values in curves.values()]
    together = np.concatenate(drawn) if drawn else np.zeros(0)
    if not np.isfinite(together).any():
        return ""
    log = is_log(together) if log is None else log
    scaled = [_scaled(values, log) for values in drawn]
    fine = np.concatenate(scaled)
    fine = fine[np.isfinite(fine)]
    low, high, extent = fine.min(), fine.max(), max(map(len, scaled))
    paths = [f'<path d="{_path(heights, low, high, extent)}"/>' for heights in scaled]
    if not np.isfinite(drawn[0][-1]):
        x = WIDTH * (len(drawn[0]) - 1) / max(1, extent - 1)
        paths.append(f'<line class="end" x1="{x - 4:.4g}" x2="{x + 4:.4g}" y1="0" y2="8"/>')
        paths.append(f'<line class="end" x1="{x - 4:.4g}" x2="{x + 4:.4g}" y1="8" y2="0"/>')
    ground = f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT + 3}" y2="{HEIGHT + 3}"/>'
    return _svg(title, ground + "".join(paths), WIDTH, HEIGHT + 6)


def bars(heights: np.ndarray, title: str, width: int = 72, height: int = 16) -> str:
    """A histogram as an SVG."""
    heights = np.asarray(heights, np.float64)
    if not heights.size or not heights.max() > 0:
        return ""
    step = width / len(heights)
    drawn = [(i, height * h / heights.max()) for i, h in enumerate(heights) if h > 0]
    rects = [f'<rect x="{i * step:.4g}" y="{height - h:.4g}" width="{step * 0.86:.4g}" height="{h:.4g}"/>' for i, h in drawn]
    return _svg(title, "".join(rects), width, height)


def _svg(title: str, inside: str, width: int, height: int) -> str:
    label = escape(title)
    return (
        f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<title>{label}</title>{inside}</svg>"
    )
