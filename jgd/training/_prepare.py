"""The one place where the arguments of a run are checked."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import as_key, check_count, is_concrete, key_words, nearest, shown
from jgd._errors import Answering
from jgd._expression import pack
from jgd._kept import RANDOM
from jgd._over import refuse_over
from jgd.data import Dataset, steps_per_epoch
from jgd.data._place import LARGE
from jgd.models import Problem
from jgd.training._data import rows_of_run
from jgd.training._metrics import named_metrics
from jgd.training._plan import Inputs, Plan, plan_of
from jgd.training._recorded import check_gap, check_recorded
from jgd.training._start import check_like, check_loss, check_state
from jgd.training._step import State
from jgd.training.stopping import StoppingRule
from jgd.transformation import GradientTransformation, as_transformation, asked


class Run(NamedTuple):
    """A run whose arguments have been checked.

    Attributes:
      plan: its static part.
      inputs: its traced part.
      packed: its problem, optimizer and rule, as `pack` gives them.
      steps: how many steps at most.
      params: where to start, None for the problem's own.
      state: a state to go on from, or None.
    """

    plan: Plan
    inputs: Inputs
    packed: tuple[Any, list[Any], Any]
    steps: int
    params: Any
    state: State | None


def prepare(
    problem: Problem, data: Any, tx: Any, *, batch_size: int | str, epochs: int | None, steps: int | None, key: Any,
    shuffle: bool | str, validation: Any, metrics: Sequence[str | Callable], stop: StoppingRule | None,
    record: int | str, best: str | None, norms: bool, params: Any, state: State | None, clock: bool,
) -> Run:  # fmt: skip
    """Checks every argument of a run, and encodes the data; raises before anything is compiled."""
    refuse_over(
        "fit", problem=problem, tx=tx, data=data, batch_size=batch_size, epochs=epochs, steps=steps, key=key, shuffle=shuffle,
        validation=validation, metrics=metrics, stop=stop, record=record, best=best, params=params,
    )  # fmt: skip
    if not isinstance(problem, Problem):
        found = shown(problem) if hasattr(problem, "ndim") else f"{type(problem).__name__} {_short(problem)}"
        if hasattr(problem, "factory"):
            advice = f"call it, as in {problem.__name__}()"
        elif callable(problem) and not isinstance(problem, type):
            advice = "give a loss to jgd.Problem(loss=f, init=x0)"
        else:
            advice = "such as jgd.linear_regression()"
        raise TypeError(f"problem must be a jgd.Problem, found {found}; {advice}.")
    if tx is None:
        raise TypeError("an optimizer is missing: give one, such as jgd.adam(1e-2).")
    if isinstance(tx, list | tuple) and tx and all(isinstance(each, str) or hasattr(each, "update") for each in tx):
        raise TypeError(
            f"tx must be one optimizer, found {len(tx)}: jgd.sweep(problem, data, jgd.over([...])) runs each, jgd.chain(...) "
            "makes one of links."
        )
    if not isinstance(tx, GradientTransformation) and (hasattr(tx, "ndim") or isinstance(tx, list)):
        raise TypeError(f"tx is not an optimizer, but {shown(tx)}: rows and targets go together, as fit(problem, (X, y), tx).")
    tx = as_transformation(tx)
    if hasattr(stop, "factory"):
        raise TypeError(f"stop is the factory {stop.__name__}: call it, as in {stop.__name__}(...).")
    if not isinstance(stop, StoppingRule | None):
        raise TypeError(f"stop must be a rule such as jgd.stopping.gradient_norm(1e-6), found {shown(stop)}.")
    for name, given in (("params", params), ("state", state)):
        if isinstance(given, Answering) and hasattr(given, "history"):
            raise TypeError(f"{name} is a {type(given).__name__}: give result.{name}.")
    packed = pack(problem, tx, stop)
    _, others, structure = packed
    if others:
        _check_numbers(problem, tx, stop)
    # What holds something of the user's, such as a function, is looked at each time: it may change, and be kept alive by nobody.
    plain = all(part is None or part._is_plain for part in (problem, tx, stop))
    known = structure if plain and all(map(is_concrete, others)) else None
    facts = once(known, lambda: _facts(problem, tx))
    if stop is not None and "gap" in stop.functions.needs:
        check_gap(problem, stop)
    key = key_words(key)
    make = Dataset._for_now if clock else Dataset  # `fit` waits for its program; `train` does not
    data, validation = rows_of_run(problem, data, validation, key, facts.encode, make)
    arrays, kinds = jax.tree.flatten((data, validation))
    shapes = kinds, *((array.shape, array.dtype) for array in arrays)
    metrics = tuple(metrics) if isinstance(metrics, list) else metrics
    static = batch_size, epochs, steps, shuffle, record, best, norms, clock, validation is not None
    plain = isinstance(metrics, tuple) and all(isinstance(metric, str) for metric in metrics)
    given = (known, shapes, static, tuple(map(type, static)), metrics) if known and plain else None
    plan, total = once(given, lambda: _planned(problem, tx, stop, data, facts, *static, metrics))
    if facts.encode is None:
        check_loss(problem, data, params, as_key(key))
    if params is not None and state is not None:
        raise ValueError("give params= (a new start) or state= (going on), not both.")
    if params is not None:
        check_like("params", params, jax.eval_shape(problem.init, as_key(key), data))
    if state is not None:
        check_state(state, problem, data, tx, as_key(key))
    return Run(plan, Inputs(problem, tx, data, validation, stop, key), packed, total, params, state)


def _short(value: Any) -> str:
    return getattr(value, "__name__", None) or shown(value)


def _planned(
    problem: Problem, tx: GradientTransformation, stop: StoppingRule | None, data: Dataset | None, facts: "_Facts",
    batch_size: Any, epochs: Any, steps: Any, shuffle: Any, record: Any, best: Any, norms: Any, clock: bool, validated: bool,
    metrics: Any,
) -> tuple[Plan, int]:  # fmt: skip
    """The static part of a run, and how many steps it has at most; of the arrays only their shapes are looked at."""
    n = None if data is None else len(data)
    size = _batch_size(batch_size, n, validated)
    if shuffle not in (True, False, "replacement"):
        raise ValueError(f"shuffle must be True, False or 'replacement', found {shown(shuffle)}.")
    per_epoch = 1 if size is None else steps_per_epoch(n, size)
    total = _steps(epochs, steps, per_epoch)
    every, batch_loss = _cadence(record, per_epoch)
    metrics = named_metrics(metrics)
    if metrics and (data is None or not facts.predicts):
        raise ValueError("metrics need data and a problem that predicts (Problem(..., predict=f)).")
    if best is None and validated:
        best = "validation_loss"
    # jgd's own models multiply X as a whole, except where a link looks at its rows. Beside batches a small X is kept both ways.
    whole = facts.encode is not None and "row_grads" not in facts.asked and (size is None or data.X.nbytes < LARGE)
    # The order of batches depends on nothing else, so that what it does not depend on changes no program.
    order = True if size is None else shuffle
    plan = plan_of(n, size, order, every, batch_loss and size is not None, metrics, best, bool(norms), whole)
    check_recorded(plan, stop, best, problem, tx, data, validated, clock)
    return plan, total


class _Facts(NamedTuple):
    """What a run asks of a problem and an optimizer that no number of theirs changes."""

    encode: Callable | None
    predicts: bool
    asked: frozenset[str]


def _facts(problem: Problem, tx: GradientTransformation) -> _Facts:
    functions = problem.functions
    return _Facts(functions.encode, functions.predict is not None, frozenset(asked(tx)))


_found: dict[Any, Any] = {}


def once(key: Any, compute: Callable[[], Any]) -> Any:
    """What `compute` returns; known from the last time where the key is the same, and not None, and has a hash."""
    try:
        known = None if key is None else _found.get(key)
    except TypeError:
        return compute()
    if known is not None:
        return known
    made = compute()
    if key is not None:
        if len(_found) >= 1024:
            _found.clear()
        _found[key] = made
    return made


def _batch_size(batch_size: Any, n: int | None, split: bool) -> int | None:
    if batch_size == "full":
        return None
    if isinstance(batch_size, str):
        hint = "; did you mean 'full'?" if batch_size.lower() in ("all", "batch") or batch_size.lower().startswith("f") else "."
        hint = "; did you mean 1?" if batch_size.lower() in ("stochastic", "sgd", "one") else hint
        raise ValueError(f"batch_size must be 'full' or a whole number, found {shown(batch_size)}{hint}")
    if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool):
        raise TypeError(f"batch_size must be 'full' or a whole number, found {shown(batch_size)}.")
    size = check_count("batch_size", batch_size)
    if n is None:
        raise ValueError(f"batch_size={size} needs data, and this run has none.")
    if size > n:
        held = " left after the validation rows were held out" if split else ""
        raise ValueError(f"batch_size={size} is more than the {n} rows{held}; use 'full' for all of them.")
    return size


def _steps(epochs: int | None, steps: int | None, per_epoch: int) -> int:
    if epochs is None and steps is None:
        raise ValueError("how long? Give epochs= (passes over the data) or steps= (updates), or both: the first to be reached.")
    limits = [check_count("steps", steps)] if steps is not None else []
    limits += [check_count("epochs", epochs) * per_epoch] if epochs is not None else []
    total = min(limits)
    if total >= 2**31:
        raise ValueError(f"{total} steps are more than the counter holds (2^31 - 1).")
    return total


def _cadence(record: int | str, per_epoch: int) -> tuple[int, bool]:
    if record == "epoch":
        return per_epoch, False
    if record == "step":
        return 1, True
    if isinstance(record, str):
        hint = nearest(record, ("epoch", "step"))
        raise ValueError(f"record must be 'epoch', 'step' or a number of steps, found {shown(record)}; {hint}")
    if not isinstance(record, (int, np.integer, float)):
        advice = " What is recorded beside the loss: metrics=, norms=, validation=." if isinstance(record, (list, tuple)) else ""
        raise TypeError(f"record must be 'epoch', 'step' or a number of steps, found {shown(record)}.{advice}")
    return check_count("record", record), False


def _check_numbers(*parts: Any) -> None:
    """One run has one value for each hyperparameter; a batch of them is for vmap."""
    for part in parts:
        for path, leaf in jax.tree_util.tree_leaves_with_path(part):
            inside = {getattr(key, "name", None) for key in path}
            if np.ndim(leaf) and not inside & {"init", "state", "preconditioner", "deviation", *RANDOM}:
                name = jax.tree_util.keystr(path[-1:]).lstrip(".")
                raise TypeError(
                    f"fit runs one setting, but {name} holds values of shape {np.shape(leaf)}: give one, or vmap jgd.train."
                )
