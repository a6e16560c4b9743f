"""Pictures that move."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jgd.plotting._style import pyplot

# Of each picture: with 60 of them an animation stays small enough for a notebook.
DPI = 80


def animation(figure: Any, show: Callable[[float], list[Any]], epochs: np.ndarray, interval: float, own: bool) -> Any:
    """A `FuncAnimation` of `show(epoch)`, which notebooks display by themselves."""
    from matplotlib.animation import FuncAnimation

    class Animation(FuncAnimation):
        def _repr_html_(self) -> str:
            return self.to_jshtml(default_mode="once")

    if own:
        figure.set_dpi(DPI)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # the places stay as they are now; to find them for each picture takes most of its time
        pyplot().close(figure)  # else a notebook would show it a second time, as it stands
    return Animation(figure, show, frames=epochs.tolist(), interval=interval, blit=False)


def clock(results: dict[str, Any]) -> Callable[[float], str]:
    """What a picture says of when it is: in epochs where a run has batches, else in steps."""
    batches = any((result.steps_per_epoch or 1) > 1 for result in results.values())
    return lambda epoch: f"epoch {epoch:.3g}" if batches else f"step {round(epoch):,}"
