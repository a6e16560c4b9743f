"""Second-order steps that are taken from batches."""

import math
from collections.abc import Iterator

import jax
import numpy as np

from jgd.diagnosis._case import Case
from jgd.diagnosis._finding import Finding
from jgd.diagnosis._rates import noisy


def of_batches(case: Case) -> Iterator[Finding]:
    """Steps by the curvature of a few rows, which go far along directions in which only those few rows are flat."""
    if case.full_batch or not case.chain.second_order or case.converged or not _went_wrong(case):
        return
    size, parameters = int(case.batch_size), sum(np.size(leaf) for leaf in jax.tree.leaves(case.params))
    few = f" (and {parameters} parameters)" if size < parameters else ""
    known = case.linear is not None and math.isfinite(case.gap)
    if case.failed:
        said = f"the run was {case.result.status}" if case.result.status == "nonfinite" else f"the run {case.result.status}"
    else:
        said = f"the run ended {case.gap:.3g} above the optimum" if known else "the loss does not settle"
    yield Finding(
        "curvature_of_batches", False,
        f"{case.chain.text} takes curvature and step size from a batch of {size} row{'s' * (size > 1)} alone{few}, which are not "
        f"those of all rows: {said}.",
        f"give it all rows, by batch_size='full'{' (or jgd.solve, for the optimum)' * case.is_linear}; for batches take a chain "
        "that is made for them, such as jgd.adam(0.01).",
        {"batch_size": size, "parameters": parameters, "gap": case.gap if known else math.nan}, 1.0,
    )  # fmt: skip


def _went_wrong(case: Case) -> bool:
    if case.rose:
        return True
    if not case.curve.known or case.curve.falling():
        return False
    return math.isfinite(case.gap) if case.linear is not None else noisy(case)
