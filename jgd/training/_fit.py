"""`train`, the pure run, and `fit`, the same program driven in chunks from the host."""

import functools
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import check_count, is_concrete
from jgd.models import Problem
from jgd.training._loop import Carry, Inputs, Plan, begin, run_scan, run_while
from jgd.training._prepare import Run, check_first_loss, check_start, prepare
from jgd.training._result import History, HostNotes, Result
from jgd.training._step import INIT, State, training_step
from jgd.training.stopping import MAX_STEPS, RUNNING, StoppingRule
from jgd.transformation import GradientTransformation, chain

# Between two looks at the clock a fit that shows progress (or watches the time) runs for about so many seconds.
GLANCE = 0.2


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
    state = run.state if run.state is not None else _first_state(run.inputs, run.params)
    carry, records = _whole(_Whole(run.plan, run.steps, stop is None), run.inputs, state)
    return _result(run, batch_size, carry, records, state.step)


class _Whole(NamedTuple):
    """The static part of a run in one piece."""

    plan: Plan
    steps: int
    fixed_length: bool


@functools.partial(jax.jit, static_argnums=0)
@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _whole(whole: _Whole, inputs: Inputs, state: State) -> tuple[Carry, dict]:
    """The loop that `fit` drives, in one piece; its derivative is that of the scan it is equal to."""
    capacity = _records(whole.steps, whole.plan.every)
    carry = begin(whole.plan, inputs, state)
    return run_while(whole.plan, inputs, carry, state.step + whole.steps, capacity, capacity)


@_whole.__wrapped__.defjvp
def _(whole, primals, tangents):
    if not whole.fixed_length:
        raise TypeError(
            "a run that a stopping rule may end cannot be differentiated: its number of steps depends on its numbers. "
            "Give stop=None and a fixed number of steps, or freeze the result with jax.lax.stop_gradient."
        )
    scan = lambda inputs, state: run_scan(whole.plan, inputs, begin(whole.plan, inputs, state), whole.steps)
    return jax.jvp(scan, primals, tangents)


def _first_state(inputs: Inputs, params: Any) -> State:
    """The state before the first step, of a chain that keeps the shape of its state."""
    if params is None:
        params = inputs.problem.init(jax.random.fold_in(inputs.key, INIT), inputs.data)
    init, _ = training_step(inputs.problem, inputs.tx)
    state = init(params, inputs.key)
    _check_link(inputs, state)
    return state


def _check_link(inputs: Inputs, state: State) -> None:
    """Refuse a transformation whose state changes its structure or dtypes from step to step, naming the link."""
    batch = None if inputs.data is None else inputs.data.take(jnp.arange(1))

    def unstable(tx) -> bool:
        before = state._replace(opt_state=tx.init(state.params))
        after = jax.eval_shape(lambda s: training_step(inputs.problem, tx)[1](s, batch)[0], before)
        kinds = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)
        return kinds(after.opt_state) != kinds(before.opt_state)

    if not unstable(inputs.tx):
        return
    for i, link in enumerate(inputs.tx.links):
        if unstable(chain(link)):
            shown = repr(chain(link))[len("chain(") : -1]
            raise TypeError(
                f"link {i} of the chain, {shown}, changes the structure or dtype of its state after a step; a compiled "
                "loop needs it to stay the same."
            )
    raise TypeError(f"{inputs.tx!r} changes the structure or dtype of its state after a step; a compiled loop cannot.")


def _records(steps: int, every: int) -> int:
    return -(-steps // every) + 1


def _result(run: Run, batch_size: Any, carry: Carry, records: dict, start, **notes) -> Result:
    result = Result(carry.state, History(records), carry.status, carry.state.step - start, carry.best)
    inputs = run.inputs
    result.notes = HostNotes(
        problem=inputs.problem, tx=inputs.tx, data=inputs.data, stop=inputs.stop, batch_size=batch_size,
        steps_per_epoch=run.plan.steps_per_epoch, **notes,
    )  # fmt: skip
    return result


# What has been traced since the process began, and hence compiled; a fit that adds nothing here compiled nothing.
_traces = itertools.count()
_traced = 0


def _count_trace() -> None:
    global _traced
    _traced = next(_traces) + 1


@functools.partial(jax.jit, static_argnums=(0, 1))
def _begin(plan: Plan, capacity: int, inputs: Inputs, params: Any, state: State | None) -> tuple[Carry, jax.Array]:
    _count_trace()
    state = state if state is not None else _first_state(inputs, params)
    few = None if inputs.data is None else inputs.data.take(jnp.arange(min(plan.rows, 256)))
    return begin(plan, inputs, state), inputs.problem.objective(state.params, few, state=state.model_state)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _chunk(plan: Plan, capacity: int, inputs: Inputs, carry: Carry, limit, until, seconds):
    _count_trace()
    return run_while(plan, inputs, carry, limit, until, capacity, seconds)


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
      data: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`; None for a problem without data.
      tx: the optimizer, such as `jgd.adam(1e-2)`; any optax transformation; or text for `jgd.parse`.
      batch_size: rows of a step: "full" (full-batch), 1 (stochastic), or b (mini-batch, the last of an epoch may be short).
      epochs: passes over the data, at most.
      steps: updates, at most.
      key: a seed or a JAX key; the same key gives the same numbers.
      shuffle: True (a new order each epoch), False (the data's order), or "replacement".
      validation: data to watch, or the share of rows to hold out for it.
      metrics: names (accuracy, mse, mae, r2) or functions f(target, prediction, sample_weight), recorded with the loss.
      stop: a rule, or several joined by `|` and `&`; see `jgd.stopping`.
      record: "epoch" (the exact objective and gradient norm on all data, each epoch), k (the same, every k steps), or
        "step" (each step's batch loss).
      best: a recorded quantity; the parameters of its best record are kept. With `validation`: its loss.
      norms: record the length of the gradient and of the update for each array of the parameters too, as
        `history["grad_norm/weights"]` and `history["update_norm/weights"]`.
      params: where to start; the problem's own initial parameters if not given.
      state: a `result.state` to go on from; the data order goes on with it.
      progress: show a bar (tqdm).
      callbacks: functions of a `Result` of the run so far, called between chunks; one that returns True ends the run.
      chunk: how many records a chunk has; by the clock if not given.

    Returns:
      A `Result`. The history holds a record at the start, after every epoch (or as `record` says), and at the end.

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
    if any(not is_concrete(leaf) for leaf in jax.tree.leaves((run.inputs, run.params, run.state))):
        raise TypeError("fit looks at numbers while it runs, and so cannot be traced by jit, vmap or grad: use jgd.train there.")
    if chunk is not None:
        check_count("chunk", chunk)
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks must be a list of functions of a Result, found {callbacks!r}.")
    watched = progress or bool(callbacks) or stop is not None and "seconds" in stop.functions.needs
    driver = _Driver(run, batch_size)
    with _bar(progress, run.steps) as show:
        driver.start()
        try:
            while driver.status == RUNNING:
                driver.advance(chunk or (1 if callbacks else None), watched)
                show(driver)
                if callbacks and driver.status == RUNNING:
                    snapshot = driver.result()
                    if any([_says_true(callback(snapshot)) for callback in callbacks]):
                        driver.end("a callback ended the run")
        except KeyboardInterrupt:
            driver.end("the run was interrupted")
    return driver.result()


def _says_true(answer: Any) -> bool:
    """Whether a callback answered True: Python's, NumPy's or JAX's; any other answer (a bar, a count) means nothing."""
    return (
        isinstance(answer, (bool, np.bool_, np.ndarray, jax.Array)) and np.asarray(answer).dtype == bool and np.all(answer).item()
    )


class _Driver:
    """Runs the compiled program chunk by chunk, and remembers what it wrote."""

    def __init__(self, run: Run, batch_size: Any):
        self.run, self.batch_size = run, batch_size
        self.records: list[dict[str, np.ndarray]] = []
        self.count, self.status, self.ended_by = 0, RUNNING, ""
        self.compile_seconds = self.run_seconds = 0.0
        self.per_call = 1
        # A power of two, so that a few more epochs are the same program.
        self.capacity = 1 << max(6, min(14, (_records(run.steps, run.plan.every) - 1).bit_length()))

    def start(self) -> None:
        run, traced, began = self.run, _traced, time.perf_counter()
        self.carry, loss = _begin(run.plan, self.capacity, run.inputs, run.params, run.state)
        loss, self.first_step = jax.device_get((loss, self.carry.state.step))
        if not np.isfinite(loss):
            check_start(jax.device_get(self.carry.state.params))
        check_first_loss(float(loss))
        self.limit = np.int32(self.first_step + run.steps)
        if _traced > traced:  # a new program: compile the loop too, by a call that does nothing, to tell the times apart
            jax.block_until_ready(self._call(0, 0.0))
            self.compile_seconds = time.perf_counter() - began
        self.began = time.perf_counter()

    def _call(self, count: int, seconds: float) -> tuple[Carry, dict]:
        run, until = self.run, np.int32(self.count + count)
        return _chunk(run.plan, self.capacity, run.inputs, self.carry, self.limit, until, np.float32(seconds))

    def advance(self, chunk: int | None, watched: bool) -> None:
        """One call of the program: `chunk` records, or what fits between two glances at the clock, or all."""
        count = min(chunk or (self.per_call if watched else self.capacity), self.capacity)
        before = time.perf_counter()
        self.carry, records = self._call(count, before - self.began)
        count, status, records = jax.device_get((self.carry.records, self.carry.status, records))
        written, self.status = int(count) - self.count, int(status)
        self.records.append({name: values[:written] for name, values in records.items()})
        self.count += written
        spent = time.perf_counter() - before
        self.run_seconds += spent
        if spent < GLANCE / 2:
            self.per_call *= 2
        elif spent > GLANCE * 2:
            self.per_call = max(1, self.per_call // 2)

    def end(self, reason: str) -> None:
        self.status, self.ended_by = MAX_STEPS, reason

    def result(self) -> Result:
        names = self.records[0] if self.records else {}
        records = {name: np.concatenate([r[name] for r in self.records]) for name in names}
        result = _result(
            self.run, self.batch_size, self.carry, records, self.first_step,
            ended_by=self.ended_by, compile_seconds=self.compile_seconds, run_seconds=self.run_seconds,
        )  # fmt: skip
        result.status_code = np.int32(self.status)
        return result


class _bar:
    """A progress bar in steps, or nothing."""

    def __init__(self, wanted: bool, total: int):
        self.bar = None
        if wanted:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, unit="step", unit_scale=True, leave=True)

    def __enter__(self) -> Callable[[_Driver], None]:
        return self._show if self.bar is not None else lambda driver: None

    def _show(self, driver: _Driver) -> None:
        self.bar.update(int(driver.carry.state.step) - driver.first_step - self.bar.n)
        if driver.records and len(driver.records[-1]["loss"]):
            self.bar.set_postfix(loss=f"{driver.records[-1]['loss'][-1]:.4g}", refresh=False)

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
