"""Columns that are badly scaled, constant, or sums of others."""

from collections.abc import Iterator

import numpy as np

from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._case import Case
from jgd.diagnosis._chain import named
from jgd.diagnosis._finding import Finding
from jgd.diagnosis._linear import LinearModel


def badly_scaled(case: Case) -> Iterator[Finding]:
    """Columns whose scale makes L large, and so every other direction slow."""
    model = case.linear
    if model is None or case.converged or case.chain.second_order:
        return
    odd = odd_columns(model)
    if not len(odd):
        return
    wanted = case.tolerance
    steps = model.slower(wanted) if wanted > 0 else None
    m = model.moments
    units = _units(model)
    spread = float(units.max() / units.min()) if units.min() > 0 else float("inf")
    if steps is None:  # no Hessian: by the columns alone
        if spread < limits.SLOWER**2:
            return
        said, numbers = "", {}
    else:
        if steps.raw < limits.SLOWER * steps.standardised:
            return
        numbers = {"steps": steps.raw, "steps_standardised": steps.standardised}
        said = (
            f": gradient descent at 1/L needs {_count(steps.raw)} steps to come within {wanted:.2g} of the optimum, "
            f"{_count(steps.standardised)} with standardised columns"
        )
    far = [j for j in odd if abs(m.mean[j]) > limits.ODD * m.spread[j]]
    sizes = ", ".join(f"{m.size[j]:.3g}" for j in odd[:5])
    off = f" (far from zero: {named(far, model.columns)})" if far else ""
    if len(far) == len(odd):
        off = " (it is far from zero)" if len(odd) == 1 else " (they are far from zero)"
    others = "the others" if len(odd) + len(model.constant) < model.width else "an intercept's 1"
    yield Finding(
        "badly_scaled_columns", steps is not None and case.chain.plain and (case.squares or not case.failed),
        f"{named(odd, model.columns)} of size {sizes} differ{'s' * (len(odd) == 1)} from {others}{off}{said}.",
        "standardise the columns (subtract the mean, divide by the standard deviation) before the fit.",
        numbers | {"columns": case.columns(odd), "sizes": [float(m.size[j]) for j in odd], "spread": spread},
        0.5 if case.failed or case.rose else 0.9,
    )  # fmt: skip


def _units(model: LinearModel) -> np.ndarray:
    """Root mean squares of the columns that vary, and of an intercept."""
    size = np.delete(model.moments.size, model.constant)
    return np.append(size, 1.0) if model.rows.fit_intercept or not len(size) else size


def odd_columns(model: LinearModel) -> np.ndarray:
    """The columns whose size is far from the middle one's (an intercept's is 1), or that are far from zero; the oddest first."""
    m = model.moments
    units = _units(model)
    middle = float(np.exp(np.median(np.log(units[units > 0])))) if (units > 0).any() else 1.0
    if model.rows.fit_intercept and len(units) <= 3:  # too few for a middle
        middle = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.abs(np.log(np.where(m.size > 0, m.size, middle) / middle))
        if model.rows.fit_intercept:
            away = np.maximum(away, np.log(np.maximum(np.abs(m.mean) / np.where(m.spread > 0, m.spread, np.inf), 1.0)))
    away[model.constant] = 0.0
    order = np.argsort(-away)
    return order[away[order] > np.log(limits.ODD)]


def constant(case: Case) -> Iterator[Finding]:
    """Columns that say nothing."""
    if case.linear is None or not len(case.linear.constant):
        return
    which, one = case.linear.constant, len(case.linear.constant) == 1
    zero = case.linear.moments.size[which] == 0
    if not case.linear.rows.fit_intercept and not zero.all():
        if not zero.any():
            return  # such a column is the intercept
        which, one = which[zero], int(zero.sum()) == 1
        zero = zero[zero]
    why = "weight never moves" if zero.all() else "weight and the intercept do the same, and only their sum is determined"
    yield Finding(
        "constant_columns", True,
        f"{named(which, case.data.columns)} {'is' if one else 'are'} {'zero' if zero.all() else 'constant'}: "
        f"{'its' if one else 'their'} {why}.",
        f"leave {'it' if one else 'them'} out.", {"columns": case.columns(which)}, 0.3,
    )  # fmt: skip


def collinear(case: Case) -> Iterator[Finding]:
    """Columns that are sums of others, exactly or nearly."""
    model = case.linear
    if model is None or model.width > 1000:
        if model is not None:
            case.remarks.append(f"of {model.width} columns it was not looked at whether they are sums of others: at most 1000")
        return
    left, n, d = np.setdiff1d(np.arange(model.width), model.constant), len(model.rows), model.width
    if len(left) < 2:
        return
    if n <= d:
        yield Finding(
            "collinear_columns", True, f"{d} columns, but {n} rows: some column is always a sum of others.",
            f"leave columns out{'' if model.penalised else ', add rows, or give a penalty (l2)'}.",
            {"rows": n, "columns": d}, 0.3,
        )  # fmt: skip
        return
    sums, members = _sums(model, left)
    if len(sums):
        one = len(sums) == 1
        because = "the penalty (l2) chooses among their weights" if model.penalised else "their weights are not determined"
        yield Finding(
            "collinear_columns", True,
            f"{named(sums, model.columns)} {'is a sum' if one else 'are sums'} of {named(members, model.columns)}"
            f"{' and the intercept' * model.rows.fit_intercept}, to rounding: {because}.",
            f"leave {named(sums, model.columns)} out, or give a penalty (l2)." if not model.penalised else
            f"leave {named(sums, model.columns)} out to have weights that mean something.",
            {"columns": case.columns(sums), "of": case.columns(members)}, 0.3,
        )  # fmt: skip
        return
    if case.converged or case.chain.second_order or not case.tolerance > 0:
        return
    steps = model.slower(case.tolerance)
    if steps is None or steps.standardised < limits.NEAR_STEPS:
        return
    correlation = correlations(model, left)
    inflation = np.diag(np.linalg.pinv(correlation, hermitian=True))
    near = left[np.argsort(-inflation)][: int((inflation > limits.VIF).sum())]
    if len(near):
        worst = float(inflation.max())
        yield Finding(
            "collinear_columns", False,
            f"{named(near, model.columns)} {'is' if len(near) == 1 else 'are'} nearly sums of others (all but 1/{worst:.3g} of "
            f"the variance): even standardised, gradient descent needs {_count(steps.standardised)} steps.",
            "leave some out, give a penalty (l2), or use jgd.newton().",
            {"columns": case.columns(near), "variance_inflation": worst, "steps": steps.standardised}, 0.8,
        )  # fmt: skip


def correlations(model: LinearModel, left: np.ndarray) -> np.ndarray:
    """Of these columns, about their means where there is an intercept."""
    m = model.moments
    about, scale = (m.covariance, m.spread) if model.rows.fit_intercept else (m.second, m.size)
    return about[np.ix_(left, left)] / np.outer(scale[left], scale[left])


def _sums(model: LinearModel, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of which nothing is left beside those before them, and those they are sums of."""
    correlation = correlations(model, left)
    factor, sums, kept = np.zeros((0, len(left))), [], []
    rest = correlation.copy()
    # Cholesky's method, column by column: what is left of a column's variance beside those kept.
    for j in range(len(left)):
        own = rest[j, j]
        if own <= limits.NEARLY:
            sums.append(j)
            continue
        row = rest[j] / np.sqrt(own)
        factor, rest = np.concatenate([factor, row[None]]), rest - np.outer(row, row)
        kept.append(j)
    sums, members, exact = np.array(sums, int), set(), []
    for j in sums:
        weights = np.linalg.lstsq(correlation[np.ix_(kept, kept)], correlation[kept, j], rcond=None)[0]
        # Of squares little is known below their rounding, and so of the rest; the rows themselves decide.
        if _rest(model, left[kept], left[j], weights) <= limits.EXACT:
            exact.append(j)
            members |= {kept[i] for i in np.flatnonzero(np.abs(weights) > 1e-4)}
    return left[exact], left[sorted(members)]


def _rest(model: LinearModel, kept: np.ndarray, column: int, weights: np.ndarray) -> float:
    """The root mean square of what is left of a standardised column beside a sum of others."""
    m, total, count = model.moments, 0.0, 0.0
    centre = m.mean if model.rows.fit_intercept else np.zeros_like(m.mean)
    scale = m.spread if model.rows.fit_intercept else m.size
    for block, share in model.blocks():
        rest = (block[:, column] - centre[column]) / scale[column]
        rest = rest - (block[:, kept] - centre[kept]) / scale[kept] @ weights
        total, count = total + share @ rest**2, count + share.sum()
    return float(np.sqrt(total / count))


def _count(steps: float) -> str:
    return f"{steps:,.0f}" if steps < 1e6 else f"{steps:.1e}"
