"""The one place where the arguments of a run are checked."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import as_key, check_count, is_concrete, key_words, nearest, shown
from jgd._errors import Answering
from jgd._expression import pack
from jgd._factory import RANDOM
from jgd._over import refuse_over
from jgd.data import Dataset, batch_rows, steps_per_epoch
from jgd.data._dataset import as_dataset
from jgd.data._place import LARGE
from jgd.models import Problem
from jgd.models._problem import encode
from jgd.training._metrics import NAMED, named_metrics
from jgd.training._plan import Inputs, Plan, plan_of
from jgd.training._rates import learning_rates
from jgd.training._record import named_leaves, reported
from jgd.training._start import check_like, check_loss, check_state
from jgd.training._step import SPLIT, State, training_step
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
        _check_gap(problem, stop)
    key = key_words(key)
    make = Dataset._for_now if clock else Dataset  # `fit` waits for its program; `train` does not
    data, validation = _data(problem, data, validation, key, facts.encode, make)
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
    _check_names(plan, stop, best, problem, tx, data, validated, clock)
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


def _data(
    problem: Problem, data: Any, validation: Any, key, number: Callable | None, make: Callable[..., Dataset]
) -> tuple[Dataset | None, Dataset | None]:
    if data is None:
        if problem.functions.encode is not None:
            raise TypeError(f"{problem.name} needs data: give (X, y), (X, y, sample_weight) or a jgd.Dataset.")
        if validation is not None:
            raise TypeError("validation= needs data to validate on, and this run has none.")
        return None, None
    data = encode(problem, as_dataset(data, make), None, number)
    if validation is None:
        return data, None
    if isinstance(validation, (int, float, np.floating)) and not isinstance(validation, bool):
        return split(data, float(validation), key)
    if not isinstance(validation, (tuple, Dataset)):
        raise TypeError(f"validation must be a share, (X, y) or a jgd.Dataset, found {shown(validation)}.")
    return data, _validation(problem, as_dataset(validation), data, number)


def _validation(problem: Problem, held: Dataset, data: Dataset, number: Callable | None) -> Dataset:
    """Validation data that goes with the training data: the same columns, classes and outputs."""
    if held.X.shape[1:] != data.X.shape[1:]:
        raise ValueError(f"validation data has {_columns(held.X)}, the training data {_columns(data.X)}.")
    if held.columns and data.columns and held.columns != data.columns:
        raise ValueError(f"the columns differ: validation data has {held.columns}, the training data {data.columns}.")
    if (held.y is None) != (data.y is None):
        raise ValueError("validation and training data must both have targets, or neither.")
    held = encode(problem, held, data, number)
    if held.y is not None and held.y.shape[1:] != data.y.shape[1:]:
        raise ValueError(f"validation targets have shape {held.y.shape}, the training targets {data.y.shape}.")
    return held


def _columns(X: Any) -> str:
    return f"{X.shape[1]} columns" if X.ndim == 2 else f"rows of shape {X.shape[1:]}"


def split(data: Dataset, share: float, key) -> tuple[Dataset, Dataset]:
    """A share of the rows, drawn by the key, held out for validation."""
    n = len(data)
    held = round(share * n) if 0 < share < 1 else None
    if held is None or not 0 < held < n:
        raise ValueError(f"validation must be a share between 0 and 1 that leaves rows on both sides, found {share:g} of {n}.")
    held_out, rest = _split_rows(as_key(key), n, held)
    parts = data.take(rest), data.take(held_out)
    if data.sample_weight is None:
        return parts
    if any(is_concrete(part.sample_weight) and not part.sample_weight.any() for part in parts):
        raise ValueError("all weight fell on one side of the validation split: use another key or share.")
    return tuple(part._with(sample_weight=part.sample_weight / part.sample_weight.mean()) for part in parts)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _split_rows(key, n: int, held: int) -> tuple[jax.Array, jax.Array]:
    """The rows that are held out, and the others."""
    order = batch_rows(jax.random.fold_in(key, SPLIT), 0, 1, n, n)[0]
    return jnp.sort(order[:held]), jnp.sort(order[held:])


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


def _check_names(
    plan: Plan, stop: Any, best: str | None, problem: Problem, tx, data: Dataset | None, validation: bool, clock: bool
) -> None:
    """The names that rules and `best` refer to must be among those recorded."""
    recorded = ["step", "loss", "grad_norm"] + [name for name, _ in plan.metrics]
    recorded += list(learning_rates(tx, 0))
    if validation:
        recorded += ["validation_loss"] + [f"validation_{name}" for name, _ in plan.metrics]
    if best is not None and not isinstance(best, str):
        raise TypeError(f"best must be the name of a recorded quantity, found {shown(best)}.")
    recorded += ["gap"] if stop is not None and "gap" in stop.functions.needs else []
    wanted = {best} | set(stop.functions.needs if stop is not None else ())
    if wanted - {None, "seconds", *recorded}:
        recorded += _other_names(plan, problem, tx, data)
    for name in wanted & {prefix + metric for metric, _ in plan.metrics for prefix in ("", "validation_")}:
        function = dict(plan.metrics)[name.removeprefix("validation_")]
        if not hasattr(function, "higher_is_better"):
            raise ValueError(
                f"which way is {name} better? Say it: {getattr(function, '__name__', 'f')}.higher_is_better = True (or False)."
            )
    if best is not None and best not in recorded[1:]:
        metric = best.removeprefix("validation_").removeprefix("val_")
        hint = nearest(best, recorded[1:])
        if metric in NAMED:
            hint = f"add metrics=[{metric!r}]."
        elif best.startswith("val"):
            hint = "did you mean 'validation_loss'?" if "validation_loss" in recorded else "add validation=."
        raise ValueError(f"best={best!r} is not recorded; {hint}")
    if stop is None:
        return
    for name in stop.functions.needs:
        if name == "seconds" and not clock:
            raise ValueError("the rule stopping.seconds reads the host's clock, which compiled code has not: use fit.")
        if name != "seconds" and name not in recorded:
            advice = "give validation=." if name.startswith("validation") else nearest(name, recorded)
            raise ValueError(f"{stop!r} looks at {name!r}, which this run does not record; {advice}")


def _check_gap(problem: Problem, stop: StoppingRule) -> None:
    """A rule finds the gap by itself where a penalty bounds the curvature from below."""
    if problem.name not in ("linear_regression", "logistic_regression"):
        advice = f"of {problem.name} give it strong_convexity=, which no curvature of the objective is below"
    elif not is_concrete(problem.l2) or np.any(np.asarray(problem.l2)):
        return
    elif problem.name == "linear_regression":
        advice = "without one give it strong_convexity=jgd.strong_convexity(problem, data), or the problem an l2 above 0"
    else:
        advice = "without one no such bound is known, so give the problem an l2 above 0"
    raise ValueError(f"{stop!r} finds the gap of linear and logistic regression with a penalty; {advice}.")


def _other_names(plan: Plan, problem: Problem, tx: GradientTransformation, data: Dataset | None) -> list[str]:
    """What only the parameters and the optimizer's state can tell: norms by array, and the state's reports."""
    key = jax.random.key(0)
    state = jax.eval_shape(lambda: training_step(problem, tx)[0](problem.init(key, data), key))
    arrays = [name for name, _ in named_leaves(state.params)] if plan.norms else []
    reports = list(jax.eval_shape(lambda: reported(tx.init(problem.init(key, data)))))
    return [f"{what}_norm/{name}" for what in ("grad", "update") for name in arrays] + reports


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
