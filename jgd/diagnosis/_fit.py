"""What a fit says about the model: it learns the rows by heart, or cannot say what they do."""

import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._case import Case
from jgd.diagnosis._finding import Finding

# Of so many columns all pairs are tried; of more, those of the ones with the largest effects.
PAIRS = 12


def overfitting(case: Case) -> Iterator[Finding]:
    """A validation loss whose minimum lies well before the end."""
    history = case.result.history
    if "validation_loss" not in history or case.failed:
        return
    values, losses = np.asarray(history["validation_loss"], np.float64), np.asarray(history.loss, np.float64)
    steps = np.asarray(history.step)
    if len(values) < limits.MIN_RECORDS or not np.isfinite(values).all():
        return
    least = int(np.argmin(values))
    tail = values[-max(limits.MIN_RECORDS // 2, len(values) // 10) :]
    if least >= len(values) - len(tail) or losses[-1] > losses[least]:
        return
    # How far a record is from the mean of its neighbours, as a standard deviation.
    noise = float(np.sqrt(np.mean(np.diff(values[least:], 2) ** 2) / 6)) if len(values) - least > 3 else 0.0
    rise = float(tail.mean() - values[least])
    if not rise > max(limits.RISE * abs(values[least]), limits.NOISE * noise):
        return
    kept = " (it was kept: result.best)" if case.result.best is not None else ""
    yield Finding(
        "overfitting", True,
        f"the validation loss was least, {values[least]:.4g}, at step {steps[least]}{kept} and rose to {tail.mean():.4g}, while "
        f"the training loss fell from {losses[least]:.4g} to {losses[-1]:.4g}.",
        "stop there (stop=jgd.stopping.patience(10), result.best), give a penalty (l2, jgd.adamw), a smaller model or more rows.",
        {"step": int(steps[least]), "least": float(values[least]), "end": float(tail.mean()), "noise": noise}, 0.7,
    )  # fmt: skip


def model_too_simple(case: Case) -> Iterator[Finding]:
    """Residuals that squares, products and ranks of columns explain in rows held out."""
    found = _residuals(case)
    if found is None:
        return
    X, residual, left = found
    n, half = len(X), len(X) // 2
    fresh = np.random.default_rng(0).permutation(n)
    train, test = fresh[:half], fresh[half:]
    features, names = _features(X, residual, train)
    if features is None:
        return
    share, error, best = _explained(features, residual, train, test)
    if share < max(limits.STRUCTURE, limits.CERTAINTY * error):
        return
    which = [_said(names[j], case) for j in best]
    yield Finding(
        "model_too_simple", False,
        f"{left} have structure: {', '.join(which)} and the like explain {share:.0%} of their variance in rows held out, so the "
        "model cannot represent the target.",
        f"add such columns ({which[0]} first), or use a model that bends (a network in jgd.Problem).",
        {"share": share, "error": error, "features": which, "rows": n}, 0.6,
    )  # fmt: skip


def _residuals(case: Case) -> tuple[np.ndarray, np.ndarray, str] | None:
    """Rows (some, evenly spaced), what the model leaves of them, and what that is called."""
    if case.failed or case.data is None:
        return None
    n = len(case.data)
    rows = np.arange(n) if n <= limits.RESIDUAL_ROWS else np.linspace(0, n - 1, limits.RESIDUAL_ROWS).astype(int)
    model = case.linear
    if model is not None:
        if model.softmax or model.rows.kept is not None:
            return None
        # At the optimum, where it is known: what is left there is not for want of steps.
        point = (
            model.optimum.point
            if case.direction is None and model.optimum is not None
            else model.point
            if case.converged
            else None
        )
        if point is None:
            return None
        slopes = -model.family.slopes(point.z)[rows]
        name = "the residuals" if model.squares else "the residuals y - p"
        return (model.rows.X[rows].astype(np.float64), slopes[:, 0], name) if slopes.shape[1] == 1 else None
    y, X = case.data.y, case.data.X
    if case.problem.functions.predict is None or y is None or y.ndim != 1 or np.asarray(y).dtype.kind != "f" or X.ndim != 2:
        return None
    if (
        not case.curve.known
        or case.curve.falling()
        and case.curve.remaining() > limits.REMAINING * (case.start - case.curve.losses[-1])
    ):
        return None
    some, state = case.data.take(jnp.asarray(rows)), case.model_state
    predicted = np.asarray(case.problem.predict(jax.tree.map(jnp.asarray, case.result.params), some.X, state=state), np.float64)
    if predicted.shape != (len(rows),):
        return None
    return np.asarray(some.X, np.float64), np.asarray(some.y, np.float64) - predicted, "the residuals"


def _features(X: np.ndarray, residual: np.ndarray, train: np.ndarray) -> tuple[np.ndarray | None, list[tuple]]:
    """Squares, products and centred ranks' squares of standardised columns, less what the columns themselves explain."""
    spread = X[train].std(axis=0)
    used = np.flatnonzero(spread > limits.CONSTANT * np.abs(X[train]).max(axis=0))
    used = used[:100]
    if not len(used) or len(train) < 30 or residual[train].std() == 0:
        return None, []
    Z = np.clip((X[:, used] - X[train][:, used].mean(axis=0)) / spread[used], -4, 4)  # a few far rows must not decide
    r = residual - residual[train].mean()
    squares = [(Z[:, i] ** 2, ("square", used[i])) for i in range(len(used)) if len(np.unique(X[train, used[i]])) > 2]
    ranks = [(_rank(X[:, j]) ** 2, ("rank", j)) for _, (_, j) in squares]
    effect = [abs(np.corrcoef(np.abs(Z[train, i]), np.abs(r[train]))[0, 1]) if np.ptp(np.abs(Z[train, i])) > 0 else 0
              for i in range(len(used))]  # fmt: skip
    some = np.argsort(-np.array(effect))[:PAIRS]
    products = [(Z[:, i] * Z[:, j], ("product", used[i], used[j])) for i, j in itertools.combinations(sorted(some), 2)]
    made = squares + ranks + products
    most = max(1, len(train) // 10)  # ten rows a feature
    if len(made) > most:
        strength = [abs(np.mean((f[train] - f[train].mean()) * r[train])) / (f[train].std() + 1e-12) for f, _ in made]
        made = [made[i] for i in np.argsort(-np.array(strength))[:most]]
    if not made:
        return None, []
    F = np.column_stack([f for f, _ in made])
    linear = np.column_stack([np.ones(len(Z)), Z])
    known = linear[train]
    F = F - linear @ np.linalg.lstsq(known.T @ known, known.T @ F[train], rcond=1e-10)[0]
    return F, [name for _, name in made]


def _rank(x: np.ndarray) -> np.ndarray:
    """Ranks from -1 to 1, ties at the place of the first."""
    order = np.sort(x)
    return 2 * np.searchsorted(order, x) / max(len(x) - 1, 1) - 1


def _explained(F: np.ndarray, residual: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple[float, float, np.ndarray]:
    """The share of the residuals' variance that a ridge fit on half of the rows explains in the others; its error; the best."""
    spread = F[train].std(axis=0)
    scale = np.where(spread > 1e-9, spread, np.inf)
    A, r = (F - F[train].mean(axis=0)) / scale, residual - residual[train].mean()
    gram = A[train].T @ A[train] / len(train) + 0.01 * np.eye(A.shape[1])
    weights = np.linalg.solve(gram, A[train].T @ r[train] / len(train))
    predicted = A[test] @ weights
    variance, size = np.mean(r[test] ** 2), np.mean(predicted**2)
    if variance == 0 or size == 0:
        return 0.0, 1.0, np.zeros(0, int)
    share = 1 - np.mean((r[test] - predicted) ** 2) / variance
    # By chance a prediction and residuals have a correlation of about 1 / sqrt(rows).
    error = np.sqrt(size / variance / len(test))
    effect = np.abs(A[test].T @ r[test]) / len(test)
    return float(share), float(error), np.argsort(-effect)[:3]


def _said(name: tuple, case: Case) -> str:
    kind, *columns = name
    text = [str(c) if case.data.columns else f"column {c}" for c in case.columns(columns)]
    return f"{text[0]} * {text[1]}" if kind == "product" else f"{text[0]}^2" if kind == "square" else f"rank({text[0]})^2"
