"""The picture that `result.plot()` draws."""

from typing import Any

from jgd._checks import nearest
from jgd.plotting._decrement import has_decrement, plot_decrement
from jgd.plotting._diagnosis import plot_diagnosis
from jgd.plotting._fit import has_fit, plot_fit
from jgd.plotting._loss import plot_loss
from jgd.plotting._run import plot_run
from jgd.plotting._weights import plot_weights


def plot_result(result: Any, ax: Any, kind: str | None, **options: Any) -> Any:
    """See `jgd.Result.plot`."""
    draw = {
        "loss": lambda: plot_loss(result, ax, **options),
        "decrement": lambda: plot_decrement(result, ax, **options),
        "run": lambda: plot_run(result, ax, **options),
        "fit": lambda: plot_fit(result, ax=ax, **options),
        "weights": lambda: plot_weights(result, ax, **options),
        "diagnosis": lambda: plot_diagnosis(result, ax, **options),
    }
    if kind is None:
        kind = "loss"
        if not options and len(result.history) == 1 and has_fit(result):
            kind = "fit"
        elif not options and has_decrement(result):
            kind = "decrement"
    if kind not in draw:
        raise ValueError(f"kind must be one of {', '.join(map(repr, draw))}, found {kind!r}; {nearest(str(kind), draw)}")
    return draw[kind]()
