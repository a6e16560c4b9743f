"""Which of the causes are there, and which of them only follow from others."""

import math
from typing import Any

import numpy as np

from jgd.diagnosis import _classes, _columns, _curvature, _fit, _gradients, _losses, _progress, _rates
from jgd.diagnosis._case import Case
from jgd.diagnosis._finding import Diagnosis, Finding

# Every family of causes, with those that it finds, from the first to the last.
FAMILIES = {
    _losses.log_of_zero: {"log_of_zero"},
    _gradients.unmoved: {"unmoved_parameters"},
    _gradients.through_layers: {"vanishing_gradients", "exploding_gradients"},
    _curvature.of_batches: {"curvature_of_batches"},
    _rates.too_large: {"learning_rate_too_large"},
    _classes.separable: {"separable_classes"},
    _columns.badly_scaled: {"badly_scaled_columns"},
    _columns.constant: {"constant_columns"},
    _columns.collinear: {"collinear_columns"},
    _progress.float32_floor: {"float32_floor"},
    _rates.noise_floor: {"noise_floor"},
    _fit.overfitting: {"overfitting"},
    _progress.too_few_steps: {"too_few_steps"},
    _fit.model_too_simple: {"model_too_simple"},
}
# What follows from a cause, and is not named beside it.
EXPLAINS = {
    "log_of_zero": {"learning_rate_too_large", "exploding_gradients", "curvature_of_batches"},
    "exploding_gradients": {"learning_rate_too_large"},
    "vanishing_gradients": {"model_too_simple"},
    "unmoved_parameters": {"model_too_simple"},
    "curvature_of_batches": {"learning_rate_too_large", "noise_floor", "too_few_steps", "model_too_simple"},
    "learning_rate_too_large": {"float32_floor", "noise_floor", "too_few_steps", "model_too_simple", "overfitting"},
    "separable_classes": {"float32_floor", "noise_floor", "too_few_steps", "badly_scaled_columns", "model_too_simple"},
    "float32_floor": {"too_few_steps", "noise_floor"},
    "noise_floor": {"too_few_steps"},
    "overfitting": {"too_few_steps"},
}


def diagnose(
    result: Any, problem: Any, tx: Any, data: Any, batch_size: Any, tolerance: float | None = None
) -> Diagnosis:  # fmt: skip
    """The causes at hand; see `jgd.Result.diagnose`."""
    case = Case(result, problem, tx, data, batch_size, tolerance)
    findings: list[Finding] = []
    with np.errstate(all="ignore"):  # of runs that failed many numbers are not finite
        for family, causes in FAMILIES.items():
            explained = set().union(*(EXPLAINS.get(finding.cause, set()) for finding in findings))
            if causes - explained:
                findings += [finding for finding in family(case) if finding.cause not in explained]
        if tx is None and not case.solved:
            case.remarks.append("the chain is not known: learning rates were read from the history alone")
        if case.lacks_data:
            case.remarks.append("the data are not known: columns, classes, gradients and the optimum were not looked at")
        if case.linear is not None and case.linear.moments.rows < len(case.linear.rows):
            case.remarks.append(f"columns were looked at in {case.linear.moments.rows:,} of {len(case.linear.rows):,} rows")
        return Diagnosis(findings, _outcome(case, bool(findings)), case.remarks, result)


def _outcome(case: Case, found: bool) -> str:
    """How near the optimum the run came."""
    result = case.result
    if case.failed:
        return f"{result.status} at step {int(np.asarray(result.state.step))}"
    if case.linear is not None and math.isfinite(case.gap):
        if case.gap == 0 and case.converged:  # as objectives are compared, and they are the same
            return "converged to the optimum, as far as rounding tells"
        how = "converged to within" if case.converged else "ended at most"
        return f"{how} {case.gap:.2g} {'of' if case.converged else 'above'} the optimum"
    if result.status == "converged":
        return f"converged: {result.notes.explained or result.notes.ended_by or repr(result.notes.stop)}"
    if case.direction is not None:
        return f"{result.status}; without a penalty there is no optimum to be near to"
    if case.linear is not None:
        return f"how far from an optimum the run is was not found: {case.certificate.reason}"
    change = case.curve.fall if case.curve.known else math.nan
    return f"{result.status}; the loss moved by {change:.2g} in the last third, and no optimum is known to compare with"
