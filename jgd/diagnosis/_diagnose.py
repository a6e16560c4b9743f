"""Which of the causes are there, and which of them only follow from others."""

import math
from typing import Any

import numpy as np

from jgd.diagnosis import _columns, _fit, _gradients, _losses, _progress, _rates, _separation
from jgd.diagnosis._case import Case
from jgd.diagnosis._finding import Diagnosis, Finding

# Every family of causes, from the first to the last; a cause that was found explains those named with it.
FAMILIES = (
    _losses.log_of_zero, _gradients.unmoved, _gradients.through_layers, _rates.too_large, _separation.separable,
    _columns.badly_scaled, _columns.constant, _columns.collinear, _progress.float32_floor, _rates.noise_floor, _fit.overfitting,
    _progress.too_few_steps, _fit.model_too_simple,
)  # fmt: skip
EXPLAINS = {
    "log_of_zero": {"learning_rate_too_large", "exploding_gradients"},
    "exploding_gradients": {"learning_rate_too_large"},
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
        for family in FAMILIES:
            explained = set().union(*(EXPLAINS.get(finding.cause, set()) for finding in findings))
            findings += [finding for finding in family(case) if finding.cause not in explained]
        if tx is None:
            case.remarks.append("the chain is not known: learning rates were read from the history alone")
        if data is None and problem.functions.encode is not None:
            case.remarks.append("the data are not known: columns, classes and the optimum were not looked at")
        if case.linear is not None and case.linear.moments.rows < len(case.linear.rows):
            case.remarks.append(f"columns were looked at in {case.linear.moments.rows:,} of {len(case.linear.rows):,} rows")
        return Diagnosis(findings, _outcome(case, bool(findings)), case.remarks)


def _outcome(case: Case, found: bool) -> str:
    """How near the optimum the run came."""
    result = case.result
    if case.failed:
        return f"{result.status} at step {int(np.asarray(result.state.step))}"
    if case.linear is not None and math.isfinite(case.gap):
        how = "converged to within" if case.converged else "ended at most"
        return f"{how} {case.gap:.2g} {'of' if case.converged else 'above'} the optimum"
    if result.status == "converged":
        return f"converged: {result.notes.ended_by or repr(result.notes.stop)}"
    if case.linear is not None:
        return f"how far from an optimum the run is was not found: {case.certificate.reason}"
    change = case.curve.fall if case.curve.known else math.nan
    return f"{result.status}; the loss moved by {change:.2g} in the last third, and no optimum is known to compare with"
