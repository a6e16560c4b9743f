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
    what = f"a direction of {named(which, model.columns)}" if which else "the intercept alone"
    n, absent = len(model.rows), np.flatnonzero(np.bincount(model.family.labels, minlength=V.shape[1]) == 0)
    how = "every row's class" if complete else f"the class of {round(apart * n):,} of {n:,} rows, and no other row's,"
    if not apart and len(absent):
        how = f"that no row is of class {', '.join(str(case.data.classes[c]) for c in absent)}"
    yield Finding(
        "separable_classes", bool(worst >= -1e-12 or complete),
        f"{'' if complete else 'quasi-'}separable: {what} tells {how} without error{along}"
        ", so that without a penalty the weights along it grow for ever and there is no optimum.",
        f"give a penalty, jgd.logistic_regression(l2={1 / len(model.rows):.2g}), or leave out what gives the class away.",
        {"complete": complete, "direction": V, "margin": worst, "share": apart, "columns": case.columns(which)}, 0.95,
    )  # fmt: skip
