"""How a run ended, in a sentence, with what to do about it; and how many did, of several."""

from typing import Any

import numpy as np


def counted(statuses: np.ndarray) -> str:
    """How many ended in each way, as in `5 converged, 1 stalled`."""
    names, counts = np.unique(statuses, return_counts=True)
    return ", ".join(f"{count} {name}" for count, name in zip(counts, names, strict=True))


def told(result: Any) -> str:
    """The status of one result and its step, what happened to the loss, and what helps."""
    notes, at = result.notes, f"{result.status} at step {int(result.state.step)}"
    if notes.explained:
        return f"{at}: {notes.explained}"
    losses = np.asarray(result.history.loss)
    losses = losses[np.isfinite(losses)]
    # One that overflowed before the first record has no loss to name.
    last = f"the loss was {losses[-1]:.4g}" if len(losses) else "no finite loss was recorded"
    start = f" and {losses[0]:.4g} at the start" if len(losses) > 1 else ""
    rose = len(losses) > 1 and losses[-1] > losses[0]
    lower = "Lower the learning rate (by 10, to begin with)"
    # A function without data has none to standardise, and `jgd.read` has done it.
    columns = notes.data is not None and notes.data.encoder is None
    by = notes.ended_by or (f"{notes.stop!r} was met" if notes.stop is not None else "its rule was met")
    text = {
        "running": f"still running, {last}{start}.",
        "converged": f"{by}; {last}{start}.",
        "max_steps": f"{notes.ended_by or 'all steps were taken'}; {last}{start}."
        + (" The loss rose: try a smaller learning rate." if rose else ""),
        "stalled": f"the parameters no longer move, but the rule is not met; {last}. Loosen the rule's tolerance, "
        "enable float64, or check that the learning rate is not zero.",
        "diverged": f"the loss grew without bound: {last}{start}. {lower}, "
        f"{'standardise the columns, ' * columns}or put jgd.clip_by_global_norm(1.0) first in the chain; "
        "result.diagnose() looks for the cause.",
        "nonfinite": f"the parameters or the loss became NaN or infinite; before that {last}{start}; the last finite "
        f"parameters are kept. {lower}{', or standardise the columns' * columns}; result.diagnose() looks for the cause.",
    }[result.status]
    return f"{at}: {text}"
