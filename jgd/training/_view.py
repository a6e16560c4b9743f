"""What there is to see of a result."""

from typing import Any

import jax
import numpy as np

from jgd._display import Code, Curve, Facts, Note, View, is_readable, number
from jgd.training._record import named_leaves
from jgd.training.stopping import STATUSES

TONES = {"converged": "good", "stalled": "warn", "diverged": "bad", "nonfinite": "bad"}
# So many arrays of parameters are named; up to so many numbers of one are written out.
ARRAYS, NUMBERS, METRICS = 6, 8, 8
SHOWN_ELSEWHERE = ("step", "loss", "validation_loss", "grad_norm", "learning_rate")


def counted_tones(statuses: Any) -> list[tuple[str, str]]:
    """How many ended in each way, the most first."""
    names, counts = np.unique(np.asarray(statuses), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(f"{counts[i]:,} {names[i]}", TONES.get(str(names[i]), "note")) for i in order]


def result_view(result: Any) -> View:
    """A single result; or how many results of a batch ended in which way."""
    if not is_readable((result.status_code, result.history, result.state.params)):
        return View("Result", pieces=[Note(repr(result))])
    return _single(result) if np.ndim(result.status_code) == 0 else _batch(result)


def _single(result: Any) -> View:
    history, notes = result.history, result.notes
    known = np.asarray(history.step) >= 0
    last = lambda name: np.asarray(history[name])[known][-1]
    names = [name for name in history.names if name not in SHOWN_ELSEWHERE and "/" not in name]
    rows = [
        ("problem", None if notes.problem is None else Code(repr(notes.problem))),
        ("optimizer", None if notes.tx is None else Code(repr(notes.tx))),
        ("setting", ", ".join(f"{name}={value}" for name, value in result.setting.items())),
        ("data", _data(notes)),
        ("steps", _steps(result)),
        ("objective", number(result.objective)),
        ("validation loss", number(last("validation_loss")) if "validation_loss" in history else None),
        ("best", None if result.best is None else f"{number(result.best.score)} at step {int(result.best.step):,}"),
        ("gradient norm", number(last("grad_norm")) if "grad_norm" in history else None),
        ("learning rate", number(last("learning_rate")) if "learning_rate" in history else None),
        ("at the end", ", ".join(f"{name} {number(last(name))}" for name in names[:METRICS])),
        ("certificate", _certified(notes.proof)),
        ("parameters", _parameters(result.params)),
        ("seconds", _seconds(notes)),
    ]
    curves = {name.replace("_", " "): np.asarray(history[name])[known] for name in ("loss", "validation_loss") if name in history}
    drawn = [Curve(curves)] if known.sum() > 1 else []
    _, _, said = result.message.partition(": ")
    head = f"at step {int(result.state.step):,}"
    tone = (result.status, TONES.get(result.status, "note"))
    return View("Result", [tone], [Note(said), *drawn, Facts([row for row in rows if row[1]])], head)


def _batch(result: Any) -> View:
    codes = np.asarray(result.status_code)
    objective, shape = np.asarray(result.objective, np.float64), "x".join(map(str, codes.shape))
    fine = objective[np.isfinite(objective)]
    rows = [("objective", f"{number(fine.min())} to {number(fine.max())}")] if fine.size else []
    one = Note("Pick one with jax.tree.map(lambda a: a[i], results).")
    return View("Result", counted_tones(np.asarray(STATUSES)[codes].ravel()), [Facts(rows), one], f"of a batch of {shape}")


def _data(notes: Any) -> str:
    if notes.data is None:
        return ""
    regime = {"full": "full-batch", 1: "one row a step"}.get(notes.batch_size, f"mini-batches of {notes.batch_size} rows")
    shape = notes.data.X.shape
    columns = f"{shape[1]:,} columns" if len(shape) == 2 else "x".join(map(str, shape[1:]))
    return f"{shape[0]:,} rows of {columns}, {regime}"


def _steps(result: Any) -> str:
    per_epoch = result.steps_per_epoch
    epochs = f" ({number(result.steps / per_epoch)} epochs)" if per_epoch and result.notes.data is not None else ""
    return f"{result.steps:,}{epochs}"


def _certified(proof: Any) -> str:
    """What is proved, where it is known already: a display proves nothing."""
    if proof is None:
        return ""
    return f"no bound: {proof.reason}" if proof.reason else f"at most {proof.gap:.3g} above the optimum ({proof.method})"


def _parameters(params: Any) -> str:
    leaves = named_leaves(params)
    total = sum(int(np.size(leaf)) for _, leaf in leaves)
    if total <= NUMBERS:
        said = [f"{name} {_numbers(leaf)}" for name, leaf in leaves]
    else:
        shape = lambda leaf: list(np.shape(leaf)) if np.ndim(leaf) else _numbers(leaf)
        said = [f"{name} {shape(leaf)}" for name, leaf in leaves[:ARRAYS]]
        said += [f"{len(leaves) - ARRAYS:,} more arrays"] if len(leaves) > ARRAYS else []
        said += [f"{total:,} numbers in all"]
    return ", ".join(said)


def _numbers(leaf: Any) -> str:
    values = np.asarray(jax.device_get(leaf)).astype(np.float64)
    shown = ", ".join(map(number, values.ravel()))
    return shown if values.ndim == 0 else f"[{shown}]"


def _seconds(notes: Any) -> str:
    if notes.run_seconds is None:
        return ""
    compiled = f", and {notes.compile_seconds:.3g} of compilation" if notes.compile_seconds else ""
    return f"{notes.run_seconds:.3g}{compiled}"
