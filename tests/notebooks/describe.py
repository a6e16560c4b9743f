"""Put before a notebook's first cell: each figure is shown with its description beside its picture, as `application/json`."""


def _describe(figure):
    """What a reader has of a figure, panel by panel: `Panel` of figures.py, and what would be wrong with it."""
    import numpy as np

    figure.draw_without_rendering()  # only then are ticks and limits known

    def overlapping(axis):
        """Neighbouring tick labels, one drawn over the other."""
        low, high = sorted(axis.get_view_interval())
        labels = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        labels = [label for label in labels if label.get_visible() and label.get_text()]
        boxes = [label.get_window_extent() for label in labels]
        pairs = zip(labels, labels[1:], boxes, boxes[1:], strict=False)
        return [f"{a.get_text()} and {b.get_text()}" for a, b, first, second in pairs if first.overlaps(second)]

    def outside(line, ax):
        """The share of a line's points that the limits leave out."""
        if line.get_transform() != ax.transData:
            return 0.0
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        known = np.isfinite(x) & np.isfinite(y)
        (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        seen = (x >= left) & (x <= right) & (y >= low) & (y <= high)
        return float(np.mean(~seen[known])) if known.any() else 0.0

    def described(ax):
        legend = ax.get_legend()
        panel = {
            "title": ax.get_title() or ax.get_title(loc="left"),
            "x": ax.get_xlabel(),
            "y": ax.get_ylabel(),
            "scales": "".join("L" if scale == "log" else "-" for scale in (ax.get_xscale(), ax.get_yscale())),
            "lines": len(ax.lines),
            "legend": 0 if legend is None else len(legend.get_texts()),
            "limits": [*map(float, ax.get_xlim()), *map(float, ax.get_ylim())],
        }
        return {
            "panel": panel,
            "outside": max((outside(line, ax) for line in ax.lines), default=0.0),
            "overlapping": overlapping(ax.xaxis) + overlapping(ax.yaxis),
            "empty": not (ax.lines or ax.collections or ax.patches or ax.images),
        }

    return {"panels": [described(ax) for ax in figure.axes if ax.axison and ax.get_visible()]}


def _install():
    from matplotlib.figure import Figure

    Figure._repr_json_ = _describe  # a method, as whoever sets matplotlib up clears what was registered for the type


_install()
