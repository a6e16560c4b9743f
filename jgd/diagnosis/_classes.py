"""Classes that a direction separates."""

from collections.abc import Iterator

import numpy as np

from jgd.diagnosis._case import Case
from jgd.diagnosis._chain import named
from jgd.diagnosis._finding import Finding
from jgd.diagnosis._separation import ZERO


def separable(case: Case) -> Iterator[Finding]:
    """Separable or quasi-separable classes, with the direction."""
    model, found = case.linear, case.direction
    if found is None:
        return
    V, worst, apart = found
    complete = worst > ZERO
    size = np.abs(V[: model.width]).max(axis=1)
    which = [int(j) for j in np.argsort(-size) if size[j] > 1e-3 * max(size.max(), 1e-300)]
    first = ", ".join(
        f"{V[j, 0]:.3g} x {case.columns([j])[0]!r}" if case.data.columns else f"{V[j, 0]:.3g} x column {j}" for j in which[:3]
    )
    along = f" (the direction: {first}{' ...' if len(which) > 3 else ''})" if V.shape[1] == 1 and which else ""
    how = "every row's class" if complete else f"the class of {apart:.1%} of the rows, and no other row's,"
    yield Finding(
        "separable_classes", bool(worst >= -1e-12 or complete),
        f"{'' if complete else 'quasi-'}separable: a direction of {named(which, model.columns)} tells {how} without error{along}"
        ", so that without a penalty the weights along it grow for ever and there is no optimum.",
        f"give a penalty, jgd.logistic_regression(l2={1 / len(model.rows):.2g}), or leave out what gives the class away.",
        {"complete": complete, "direction": V, "margin": worst, "share": apart, "columns": case.columns(which)}, 0.95,
    )  # fmt: skip
