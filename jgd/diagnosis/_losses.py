"""Losses that are infinite or NaN at finite parameters: log(0), and its like."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data import Dataset
from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._case import Case
from jgd.diagnosis._finding import Finding
from jgd.models._functions import loss_values

# Beyond this size parameters overflow by themselves, in float32.
HUGE = 1e6


def log_of_zero(case: Case) -> Iterator[Finding]:
    """Rows whose loss, or whose loss's gradient, is not finite at the last finite parameters."""
    if case.result.status != "nonfinite" or case.is_linear or case.lacks_data:
        return
    values, of_gradient = _by_row(case)
    bad = np.flatnonzero(~np.isfinite(values))
    sizes = [float(np.abs(leaf.astype(np.float32)).max(initial=0.0)) for leaf in jax.tree.leaves(case.params)]
    huge = max(sizes, default=0.0) > HUGE
    if not len(bad):
        return
    exact = _exact_probabilities(case, bad)
    if exact is None and huge:
        return
    n, step = len(values), int(np.asarray(case.result.state.step))
    which = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    what = "the gradient of the loss" if of_gradient else "the loss"
    of_rows = "" if case.data is None else f" of {len(bad)} of {n} rows ({'row' if len(bad) == 1 else 'rows'} {which})"
    if exact is not None:
        zeros, ones = exact
        which_ones = " or ".join(text for text, is_there in (("0", zeros), ("1", ones)) if is_there)
        said = f": there the prediction is exactly {which_ones}, and log(0) is infinite"
    else:
        said = "; a log or a division of 0, a root at 0, or the derivative of a branch not taken"
    yield Finding(
        "log_of_zero", exact is not None,
        f"{what}{of_rows} is not finite at the last finite parameters (step {step}){said}.",
        "write the loss on logits instead of probabilities (jgd.losses.logistic, jgd.losses.softmax), or keep the argument of "
        "log away from 0.",
        {"rows": bad[:100].tolist(), "count": len(bad), "step": step}, 1.0,
    )  # fmt: skip


def _by_row(case: Case) -> tuple[np.ndarray, bool]:
    """The loss of each row, or where all of those are finite the length of its gradient."""
    problem, params = case.problem, jax.tree.map(jnp.asarray, case.result.params)
    functions, state = problem.functions, case.model_state
    value = lambda params, data: loss_values(functions, params, data, None, state)[0]
    if case.data is None:
        loss, slope = jax.value_and_grad(lambda p: value(p, None))(params)
        values = np.atleast_1d(np.asarray(loss, np.float64))
        return (values, False) if not np.isfinite(values).all() else (_lengths(slope)[None], True)
    data, n = case.data, len(case.data)
    per_row = jax.eval_shape(lambda: value(params, _some_rows(data, jnp.arange(1)))).ndim == 1
    size = 4096
    if per_row:
        evaluate = jax.jit(value)
        parts = [evaluate(params, _some_rows(data, jnp.arange(s, min(s + size, n)))) for s in range(0, n, size)]
        values = np.concatenate([np.asarray(part, np.float64) for part in parts])
        if not np.isfinite(values).all():
            return values, False
    rows = np.arange(n) if n <= limits.RESIDUAL_ROWS else np.linspace(0, n - 1, limits.RESIDUAL_ROWS).astype(int)
    if len(rows) < n:
        case.remarks.append(f"gradients of single rows were looked at in {len(rows):,} of {n:,} rows")
    one = jax.vmap(jax.value_and_grad(lambda p, row: jnp.mean(value(p, jax.tree.map(lambda a: a[None], row)))), in_axes=(None, 0))
    found = [jax.jit(one)(params, _some_rows(data, jnp.asarray(rows[s : s + size]))) for s in range(0, len(rows), size)]
    losses = np.concatenate([np.asarray(loss, np.float64) for loss, _ in found])
    slopes = np.concatenate([np.asarray(jax.vmap(_lengths)(slope), np.float64) for _, slope in found])
    out = np.zeros(n)
    out[rows] = losses if not np.isfinite(losses).all() else slopes
    return out, bool(np.isfinite(losses).all())


def _some_rows(data: Dataset, rows: jax.Array) -> Dataset:
    taken = data.take(rows)
    return taken._with(sample_weight=None)


def _lengths(tree) -> jax.Array:
    return sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree))


def _exact_probabilities(case: Case, bad: np.ndarray) -> tuple[bool, bool] | None:
    """Whether predictions of the bad rows are exactly 0, exactly 1; None where there are none, or they are no probabilities."""
    if case.data is None or case.problem.functions.predict is None:
        return None
    X = case.data.X[np.asarray(bad[:4096])] if isinstance(case.data.X, np.ndarray) else case.data.take(jnp.asarray(bad[:4096])).X
    state = case.model_state
    predicted = np.asarray(case.problem.predict(jax.tree.map(jnp.asarray, case.result.params), X, state=state), np.float64)
    if predicted.size == 0 or not ((predicted >= 0) & (predicted <= 1)).all():
        return None
    zeros, ones = predicted == 0, predicted == 1
    per_row = (zeros | ones).reshape(len(predicted), -1).any(axis=1)
    return (bool(zeros.any()), bool(ones.any())) if per_row.all() else None
