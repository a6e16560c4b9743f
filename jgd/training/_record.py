"""What is recorded of a run: the scalars of one record."""

from typing import Any

import jax
import jax.numpy as jnp

from jgd.certificates._traced import gap
from jgd.models._functions import pinned
from jgd.training._metrics import RESERVED, call_metric
from jgd.training._plan import Inputs, Plan, on_batch, step_rows
from jgd.training._rates import learning_rates
from jgd.training._step import State, direction, norm, step_key
from jgd.transformation import asked


def sign_of(name: str, metrics: tuple) -> float:
    """+1 if lower is better, -1 if higher is."""
    function = dict(metrics).get(name.removeprefix("validation_"))
    return -1.0 if getattr(function, "higher_is_better", False) else 1.0


def evaluate(plan: Plan, inputs: Inputs, state: State, known: Any = None, validation_loss: Any = None) -> dict[str, jax.Array]:
    """The scalars of one record; all belong to the parameters as they are now.

    Args:
      known: the exact objective and its gradient, where they are known.
      validation_loss: likewise.
    """
    problem, params = inputs.problem, state.params
    key = step_key(state) if plan.batch_loss else None  # without a key a loss evaluates: no dropout

    by_rows = plan.batch_loss and "row_grads" in asked(inputs.tx)  # each row has a key of its own then
    pin = pinned(problem, params)

    def measure(data):
        if plan.norms or by_rows:
            to = direction(problem, inputs.tx, state, data, key, known)
            return to.value, to.grads, to.updates
        if known is not None:
            return *known, None
        objective = lambda params: problem.objective(pin(params), data, key=key, state=state.model_state)
        return *jax.value_and_grad(objective)(params), None

    if plan.batch_loss and plan.batch_size is not None:
        loss, grads, updates = on_batch(plan, inputs, state.step, step_rows(plan, inputs.key, state.step, 1)[0], measure)
    else:
        loss, grads, updates = measure(inputs.data)
    record = {"step": state.step, "loss": loss, "grad_norm": norm(grads)}
    record |= {name: jnp.asarray(rate, loss.dtype) for name, rate in learning_rates(inputs.tx, state.step).items()}
    if plan.norms:
        record |= {f"grad_norm/{name}": norm(leaf) for name, leaf in named_leaves(grads)}
        record |= {f"update_norm/{name}": norm(leaf) for name, leaf in named_leaves(updates)}
    record |= reported(state.opt_state)
    if inputs.stop is not None and "gap" in inputs.stop.functions.needs:
        record["gap"] = gap(problem, params, inputs.data)
    for prefix, part in (("", inputs.data), ("validation_", inputs.validation)):
        if part is None:
            continue
        if prefix:
            exact = validation_loss is None
            record["validation_loss"] = problem.mean_loss(params, part, state=state.model_state) if exact else validation_loss
        if plan.metrics:
            prediction = problem.predict(params, part.X, state=state.model_state)
            for name, metric in plan.metrics:
                score = call_metric(metric, part.y, prediction, part.sample_weight)
                if jnp.shape(score) != ():
                    raise TypeError(f"the metric {name} must return a scalar, found shape {jnp.shape(score)}.")
                record[prefix + name] = jnp.asarray(score, loss.dtype)
    return record


def named_leaves(tree: Any) -> list[tuple[str, Any]]:
    """Every array of the parameters, by its path: `dense/kernel`."""
    name = lambda path: jax.tree_util.keystr(path, simple=True, separator="/") or "params"
    return [(name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


def reported(opt_state: Any) -> dict[str, jax.Array]:
    """The scalars that parts of an optimizer's state have to tell: those of its parts that have a method `report`."""
    tells = lambda part: hasattr(part, "report")
    record: dict[str, jax.Array] = {}
    for part in jax.tree.leaves(opt_state, is_leaf=tells):
        for name, value in part.report().items() if tells(part) else ():
            if jnp.shape(value) != () or name in record or name in RESERVED:
                what = f"has shape {jnp.shape(value)}" if jnp.shape(value) else "is recorded already"
                raise ValueError(
                    f"{type(part).__name__}.report tells {name!r}, which {what}: scalars, each with a name of its own."
                )
            record[name] = jnp.asarray(value)
    return record
