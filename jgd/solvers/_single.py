"""One classifier to its optimum: a chain of solvers, from few rows to all of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jgd.models import LinearParams
from jgd.solvers._centred import Columns
from jgd.solvers._choice import Choice
from jgd.solvers._descend import Descent, Record, Start, descend
from jgd.solvers._inverse import Inverse, inverse, of_gram
from jgd.solvers._rows import Point, Rows
from jgd.solvers._samples import on_samples

# How many steps more are taken where they make a proof cheap; all there are where there is no other, without a Hessian.
POLISH = 5
# Without a penalty, an objective that fell to this share of its start is that of classes that can be told apart.
VANISHED = 1e-8


class Path(NamedTuple):
    """How a solver went.

    Attributes:
      descent: the last one, on all rows.
      records: of all its steps, those on samples of the rows first.
      hessians: how many were made, of all rows and of samples.
      alike: see `Sampled`.
    """

    descent: Descent
    records: list[Record]
    hessians: int
    alike: bool = True


def solve_one(
    rows: Rows, penalty: np.ndarray, theta: np.ndarray, choice: Choice, squares: np.ndarray, done: Callable[..., np.ndarray],
    steps: int, start: Start | None = None, polish: Callable[..., bool] | None = None,
) -> Path:  # fmt: skip
    """Minimises one lane's objective from theta, (1, 1, k, D), as `choice` says.

    Args:
      penalty: of each parameter, shape (k D,).
      squares: the columns' mean squares, about, shape (D,).
      done, steps, start, polish: see `descend`.
    """
    penalty, D = penalty[None, None, :], theta.shape[3]

    def renew(rows: Rows, point: Point) -> Inverse:
        return inverse(rows.hessians(point.theta) + np.diag(penalty[0, 0]), rows.is_narrow)

    common = {"columns": squares, "steps": steps, "start": start}
    finely = {"polish": polish, "polish_steps": POLISH if choice.start == "hessian" else steps}
    if choice.start != "hessian":
        gram = rows.gram() if choice.start == "gram" else squares
        P = of_gram(gram, choice.bound, penalty[0, :, :D], rows.is_narrow)
        return _whole(descend(rows, penalty, theta, P, done, **common, **finely), [], 0)
    options = {"renew": renew, "always": choice.always, **common, **finely}
    if not choice.levels:
        return _whole(descend(rows, penalty, theta, None, done, **options), [], 0)
    some = on_samples(rows, penalty, theta, choice.levels, renew, done, common)
    last = some.descents[-1]
    at = descend(rows, penalty, last.theta, some.inverse, done, point=some.point, **options)
    made = sum(level.hessians for level in some.descents) + (some.inverse is not last.inverse)
    return _whole(at, [record for level in some.descents for record in level.records[:-1]], made)._replace(alike=some.alike)


def _whole(at: Descent, records: list[Record], hessians: int) -> Path:
    return Path(at, records + at.records, hessians + at.hessians)


def shares_of(y: np.ndarray, weights: np.ndarray | None, classes: int) -> tuple[np.ndarray, float, float]:
    """Of the weight, that of each class; of the rows, that of the rarest class and of all: of unequal weights so many equal ones
    as would make a mean as exact.
    """
    if weights is None:
        ones = np.count_nonzero(y)
        shares = (np.array([len(y) - ones, ones]) if classes == 2 else np.bincount(y, minlength=classes)) / len(y)
        return shares, float(shares.min()), 1.0
    sums, squares = np.bincount(y, weights, classes), np.bincount(y, np.square(weights), classes)
    rows = np.square(sums) / np.where(squares > 0, squares, 1)
    return sums / sums.sum(), float(rows.min()) / len(y), float(sums.sum() ** 2 / squares.sum()) / len(y)


def start_of(rows: Rows, shares: np.ndarray) -> np.ndarray:
    """Zeros, and the intercept at its best for classes of these shares of the weight; (1, 1, k, D)."""
    theta = np.zeros((1, 1, rows.k, rows.columns))
    if rows.free:
        logs = np.log(np.maximum(shares, 1e-12))
        theta[0, 0, :, -1] = logs[1] - logs[0] if rows.k == 1 else logs - logs.mean()
    return theta


def theta_of(params: LinearParams, columns: Columns) -> np.ndarray:
    """(1, 1, k, D), for the columns as they are."""
    weights = np.asarray(params.weights, np.float64)
    weights = weights.reshape(len(weights), -1).T
    theta = weights if columns.unit is None else weights * columns.unit
    if params.bias is not None:
        bias = np.asarray(params.bias, np.float64).reshape(-1, 1)
        theta = np.concatenate([theta, bias if columns.mean is None else bias + weights @ columns.mean[:, None]], axis=1)
    return theta[None, None]


def params_of(theta: np.ndarray, columns: Columns, dtype: Any, classes: int, free: bool) -> LinearParams:
    """The parameters of (..., k, D), for columns as they were, in the data's type; infinite if that does not hold them.

    Of all softmax parameters with these probabilities they are those of mean zero over the classes, which an l2 wants too.
    """
    if classes > 2:
        theta = theta - theta.mean(axis=-2, keepdims=True)
    weights, bias = (theta[..., :-1], theta[..., -1]) if free else (theta, None)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = (weights if columns.unit is None else weights / columns.unit).astype(dtype)
        if columns.mean is not None:
            bias = bias - weights.astype(np.float64) @ columns.mean
        one = classes == 2
        shaped = weights[..., 0, :] if one else np.swapaxes(weights, -1, -2)
        return LinearParams(shaped, bias if bias is None else (bias[..., 0] if one else bias).astype(dtype))
