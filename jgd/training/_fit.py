"""`train`, the pure run, and `fit`, the same program driven in chunks from the host."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import check_count, is_concrete, shown
from jgd._errors import during, public
from jgd.models import Problem
from jgd.training._decide import Carry, Memory, begin
from jgd.training._driver import Driver, is_long, make_result, record_count
from jgd.training._loop import columns, run_scan, run_while, written
from jgd.training._plan import Inputs, Plan, stored
from jgd.training._prepare import prepare
from jgd.training._progress import meter
from jgd.training._result import Result
from jgd.training._start import first_state
from jgd.training._step import State
from jgd.training.stopping import RUNNING, StoppingRule
from jgd.transformation import GradientTransformation


@public
def train(
    problem: Problem, data: Any = None, tx: GradientTransformation | None = None, *, batch_size: int | str = "full",
    epochs: int | None = None, steps: int | None = None, key: Any = 0, shuffle: bool | str = True, validation: Any = None,
    metrics: Sequence[str | Callable] = (), stop: StoppingRule | None = None, record: int | str = "epoch",
    best: str | None = None, norms: bool = False, params: Any = None, state: State | None = None,
) -> Result:  # fmt: skip
    """A whole training run as a pure function, for use inside `jit`, `vmap` and `grad`.

    The arguments are those of `jgd.fit`. Without `stop` the run can be differentiated (it is then a scan), through
    hyperparameters, penalties and initial parameters; with `stop`, `grad` is refused. Labels that are traced must be class
    numbers already, 0..k-1; any other has the loss NaN.

    Raises:
      TypeError, ValueError: for bad arguments, before anything is compiled.

    >>> import jgd, jax
    >>> X, y = jgd.data.make_line(50, noise=0.1)
    >>> loss = lambda tx: jgd.train(jgd.linear_regression(), (X, y), tx, epochs=10).objective
    >>> rates = jgd.stack([jgd.gd(0.1), jgd.gd(0.2)])
    >>> jax.vmap(lambda tx: jgd.train(jgd.linear_regression(), (X, y), tx, epochs=10).steps)(rates).tolist()
    [10, 10]
    """
    run = prepare(
        problem, data, tx, batch_size=batch_size, epochs=epochs, steps=steps, key=key, shuffle=shuffle,
        validation=validation, metrics=metrics, stop=stop, record=record, best=best, norms=norms, params=params, state=state,
        clock=False,
    )  # fmt: skip
    inputs = stored(run.plan, run.inputs)
    state = run.state if run.state is not None else first_state(inputs, run.params)
    whole = _Whole(run.plan, run.steps, stop is None)
    # The derivative of a `custom_jvp` does not see what functions close over; that of a plain scan does.
    run_it = _scan if whole.fixed_length and _captures_tracers(inputs) else _whole
    carry, records = run_it(whole, inputs, state)
    return make_result(run, batch_size, carry.state, records, carry.status, carry.state.step - state.step, carry.best)


class _Whole(NamedTuple):
    """The static part of a run in one piece."""

    plan: Plan
    steps: int
    fixed_length: bool


@functools.partial(jax.jit, static_argnums=0)
@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _whole(whole: _Whole, inputs: Inputs, state: State) -> tuple[Carry, dict]:
    """The loop that `fit` drives, in one piece; its derivative is that of the scan it is equal to."""
    capacity = record_count(whole.steps, whole.plan.every)
    limit = state.step + whole.steps
    memory, table = run_while(whole.plan, inputs, Memory.of(begin(whole.plan, inputs, state)), limit, capacity, capacity)
    carry = memory.carry
    return carry, written(columns(whole.plan, table, state.step, limit), carry.records, capacity)


@_whole.__wrapped__.defjvp
def _(whole, primals, tangents):
    if not whole.fixed_length:
        raise TypeError(
            "a run that a stopping rule may end cannot be differentiated: its number of steps depends on its numbers. "
            "Give stop=None and a fixed number of steps, or freeze the result with jax.lax.stop_gradient."
        )
    return jax.jvp(functools.partial(_scan, whole), primals, tangents)


def _scan(whole: _Whole, inputs: Inputs, state: State) -> tuple[Carry, dict]:
    return run_scan(whole.plan, inputs, begin(whole.plan, inputs, state), whole.steps)


def _captures_tracers(inputs: Inputs) -> bool:
    """Whether a function among the static parts, such as a loss, closes over a number that is being traced."""
    held = [value for part in (inputs.problem, inputs.tx) for value in part._held()]
    seen: set[int] = set()

    def captures(value) -> bool:
        if isinstance(value, jax.core.Tracer):
            return True
        if id(value) in seen:
            return False
        seen.add(id(value))
        return any(map(captures, _held_by(value)))

    return any(map(captures, held))


def _held_by(value: Any) -> list[Any]:
    """What a function or a container holds: the contents of its closure, its defaults, its object, its arguments, its parts."""
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if inspect.ismethod(value):
        return [value.__func__, value.__self__]
    if inspect.isfunction(value):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        return [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    leaves = jax.tree.leaves(value)
    if len(leaves) != 1 or leaves[0] is not value:
        return leaves
    if hasattr(value, "__wrapped__"):  # a jitted function
        return [value.__wrapped__]
    return list(vars(value).values()) if callable(value) and hasattr(value, "__dict__") and not isinstance(value, type) else []


def _is_filled(cell) -> bool:
    """A cell of a name that is assigned later, or never, has no contents."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


@public
def fit(
    problem: Problem, data: Any = None, tx: GradientTransformation | None = None, *, batch_size: int | str = "full",
    epochs: int | None = None, steps: int | None = None, key: Any = 0, shuffle: bool | str = True, validation: Any = None,
    metrics: Sequence[str | Callable] = (), stop: StoppingRule | None = None, record: int | str = "epoch",
    best: str | None = None, norms: bool = False, params: Any = None, state: State | None = None, progress: bool = False,
    callbacks: Sequence[Callable[[Result], Any]] = (), chunk: int | None = None,
) -> Result:  # fmt: skip
    """Minimises a problem's objective by one of the three regimes of gradient descent.

    The whole run is one compiled program, driven in chunks where somebody looks on. Another fit that differs only in
    numbers (learning rate, penalty, key, tolerance, other data of the same shape, more epochs) compiles nothing.

    Args:
      problem: what to minimise, such as `jgd.linear_regression()`.
      data: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`, as `jgd.read` makes of a file; None for a problem without data.
      tx: the optimizer, such as `jgd.adam(1e-2)`; any optax transformation; or text for `jgd.parse`.
      batch_size: rows of a step: "full" (full-batch), 1 (stochastic), or b (mini-batch, the last of an epoch may be short).
      epochs: passes over the data, at most.
      steps: updates, at most.
      key: a seed or a JAX key; the same key gives the same numbers.
      shuffle: True (a new order each epoch), False (the data's order), or "replacement".
      validation: data to watch, or the share of rows to hold out for it.
      metrics: names (accuracy, mse, mae, r2) or functions f(target, prediction, sample_weight), recorded with the loss; a
        function that `best` or a rule looks at has an attribute `higher_is_better`.
      stop: a rule, or several joined by `|` and `&`; see `jgd.stopping`.
      record: "epoch" (the exact objective and gradient norm on all data, each epoch), k (the same, every k steps), or
        "step" (each step's batch loss).
      best: a recorded quantity; the parameters of its best record are kept. With `validation`: its loss.
      norms: record the length of the gradient and of the update for each array of the parameters too, as
        `history["grad_norm/weights"]` and `history["update_norm/weights"]`.
      params: where to start; the problem's own initial parameters if not given.
      state: a `result.state` to go on from; the data order goes on with it.
      progress: say how far the run is, with loss, gradient norm, learning rate, speed and time left: a line that is redrawn in
        terminals and notebooks, and plain lines now and then in a log.
      callbacks: functions of a `Result` of the run so far, called between chunks; one that returns True ends the run. One with
        an attribute `paced` that is true, such as `jgd.live_plot()`, is called a few times a second rather than at each record; a
        method `finish` is given the whole run at its end.
      chunk: how many records a chunk has; by the clock if not given.

    Returns:
      A `Result`. The history holds a record at the start, after every epoch (or as `record` says), and at the end. An
      interruption (Ctrl-C) ends the run, and what there is by then is returned; only a run of a few seconds that nobody
      looks at is one call that goes to its end first, and then raises KeyboardInterrupt.

    Raises:
      TypeError, ValueError: for bad arguments or data, before anything is compiled.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(1000)
    >>> result = jgd.fit(jgd.linear_regression(), (X, y), jgd.sgd(0.05, momentum=0.9), batch_size=32, epochs=20)
    >>> result.params.weights.round(1).tolist()
    [1.0, -2.0, 3.0, 0.5, -1.0]
    """
    run = prepare(
        problem, data, tx, batch_size=batch_size, epochs=epochs, steps=steps, key=key, shuffle=shuffle,
        validation=validation, metrics=metrics, stop=stop, record=record, best=best, norms=norms, params=params, state=state,
        clock=True,
    )  # fmt: skip
    if not all(map(is_concrete, jax.tree.leaves((run.packed[1], run.inputs[2:4], run.inputs.key, run.params, run.state)))):
        raise TypeError("fit looks at numbers while it runs, and so cannot be traced by jit, vmap or grad: use jgd.train there.")
    if chunk is not None:
        check_count("chunk", chunk)
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks must be a list of functions of a Result, found {shown(callbacks)}.")
    watched = progress or bool(callbacks) or chunk is not None or stop is not None and "seconds" in stop.functions.needs
    watched = watched or is_long(run.plan, run.inputs, run.steps)
    one_by_one = None if all(getattr(callback, "paced", False) for callback in callbacks) else 1
    with meter(progress) as show:
        driver = Driver(run, batch_size, watched)
        try:
            while driver.status == RUNNING:
                driver.advance(chunk or one_by_one)
                show(driver)
                if callbacks and driver.status == RUNNING:
                    snapshot = driver.result()
                    if any([_says_true(_told(callback, snapshot)) for callback in callbacks]):
                        driver.end("a callback ended the run")
        except KeyboardInterrupt:
            if driver.start.memory is None:  # nothing has come back yet
                raise
            if driver.status == RUNNING:
                driver.end("the run was interrupted")
    result = driver.result()
    for callback in callbacks:
        if hasattr(callback, "finish"):
            _told(callback.finish, result)
    return result


def compiled(*arguments: Any, **options: Any) -> tuple[Any, tuple[Any, ...]]:
    """The program that `fit` runs when it is given these arguments, and its own: for tests and benchmarks."""
    bound = inspect.signature(fit).bind(*arguments, **options)
    bound.apply_defaults()
    of_run = {name: v for name, v in bound.arguments.items() if name not in ("progress", "callbacks", "chunk")}
    return Driver(prepare(**of_run, clock=True), bound.arguments["batch_size"], False).compiled()


def _told(callback: Callable[[Result], Any], snapshot: Result) -> Any:
    with during(f"a callback, called as {getattr(callback, '__name__', type(callback).__name__)}(result)"):
        return callback(snapshot)


def _says_true(answer: Any) -> bool:
    """Whether a callback answered True: Python's, NumPy's or JAX's; any other answer (a bar, a count) means nothing."""
    return (
        isinstance(answer, (bool, np.bool_, np.ndarray, jax.Array)) and np.asarray(answer).dtype == bool and np.all(answer).item()
    )
