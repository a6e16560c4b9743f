"""Classes that a direction separates, so that the logistic loss has no minimum.

Rows are separable where some V has (V_yi - V_j) [x_i, 1] >= 0 for every row i and every other class j, and not always 0: along
V the loss falls for ever. A linear program finds V: maximise the mean of these margins with |V| <= 1 and all margins at least 0.
Its objective is that of all rows, its conditions those of some; where the V it finds fails on others, the worst are added. So
"not separable" is proved as soon as few rows prove it, and "separable" when all rows agree.

Source: Konis, "Linear programming algorithms for detecting separated data in binary logistic regression models" (2007).
"""

import numpy as np

from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._linear import LinearModel

# Margins of columns scaled to 1 that are this small are those of a program solved to 1e-7.
ZERO = 1e-6
# Of more parameters no program is solved.
LARGEST = 2000


def direction(model: LinearModel) -> tuple[np.ndarray | None, float, float] | None:
    """A direction V, shape (columns, outputs), its smallest margin and the share of rows it tells apart.

    V is None where there is none, and the whole None where that was not found out. Margins are of columns scaled to 1.
    """
    if model.point.theta.size > LARGEST:
        return None
    program = Program(model)
    own = model.point.theta / max(np.abs(model.point.theta).max(), 1e-300)
    if np.isfinite(own).all() and program.margins(own * program.scale[:, None]).min() > ZERO:
        return own, float(program.margins(own * program.scale[:, None]).min()), 1.0
    found = program.single() or program.solved(widest=False)
    if found is None or found[0] is None:
        return None if found is None else (None, 0.0, 0.0)
    wide = program.solved(widest=True)
    V, worst = wide if wide is not None and wide[0] is not None else found
    return V / program.scale[:, None], worst, float(np.mean(program.margins(V) > ZERO))


class Program:
    """The linear program of a model's rows, its columns scaled to 1."""

    def __init__(self, model: LinearModel):
        self.model, self.k, n = model, model.point.z.shape[1], len(model.rows)
        self.scale = np.where(model.rows.largest > 0, model.rows.largest, 1.0)
        self.y = model.family.labels
        gain = sum(_margin_rows(block / self.scale, self.y[where], self.k).sum(axis=0) for where, block in model.rows.blocks())
        self.gain = gain / n
        self.chosen = np.unique(np.linspace(0, n - 1, min(n, limits.PROGRAM_ROWS)).astype(int))

    def margins(self, V: np.ndarray) -> np.ndarray:
        """The smallest of each row."""
        blocks = self.model.rows.blocks()
        return np.concatenate([_margins(block / self.scale @ V, self.y[where], self.k) for where, block in blocks])

    def single(self) -> tuple[np.ndarray, float] | None:
        """The columns each of which tells classes apart by its sign alone, such as flags of one class: easy to read."""
        if self.k > 1:
            return None
        least, most = np.full(len(self.scale), np.inf), np.full(len(self.scale), -np.inf)
        for where, block in self.model.rows.blocks():
            margins = _margin_rows(block / self.scale, self.y[where], 1)
            least, most = np.minimum(least, margins.min(axis=0)), np.maximum(most, margins.max(axis=0))
        V = (1.0 * ((least >= 0) & (most > 0)) - 1.0 * ((most <= 0) & (least < 0)))[:, None]
        return (V, float(self.margins(V).min())) if V.any() else None

    def solved(self, widest: bool) -> tuple[np.ndarray | None, float] | None:
        """The V with the largest mean margin, or with the widest smallest one; and that. None if it was not found in time."""
        from scipy.optimize import linprog

        free = len(self.gain)
        goal = np.append(np.zeros(free), -1.0) if widest else np.append(-self.gain, 0.0)
        bounds = [(-1, 1)] * free + [(0, 1 if widest else 0)]
        for _ in range(limits.ROUNDS):
            A = _margin_rows(_rows(self.model, self.chosen) / self.scale, self.y[self.chosen], self.k)
            A = np.column_stack([-A, np.ones(len(A))])  # margins are at least the last unknown
            limit = {"time_limit": limits.PROGRAM_SECONDS}
            found = linprog(goal, A_ub=A, b_ub=np.zeros(len(A)), bounds=bounds, method="highs", options=limit)
            if found.status != 0:
                return None
            if -found.fun <= ZERO:
                return None, 0.0
            V = np.where(np.abs(found.x) > 1e-7, found.x, 0.0)[:free].reshape(self.k, -1).T
            margins, least = self.margins(V), found.x[-1] - ZERO
            if margins.min() >= least:
                return V, float(margins.min())
            bad = np.argsort(margins)[: limits.PROGRAM_ROWS // 2]
            self.chosen = np.union1d(self.chosen, bad[margins[bad] < least])
        return None


def _rows(model: LinearModel, which: np.ndarray) -> np.ndarray:
    block = model.rows.X[which].astype(np.float64)
    return np.column_stack([block, np.ones(len(block))]) if model.rows.fit_intercept else block


def _margin_rows(block: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """A row for each margin, of the coefficients of V by outputs: the logit's sign, or the class's less each other's."""
    if k == 1:
        return np.where(y == 1, 1.0, -1.0)[:, None] * block
    out = []
    for other in range(k):
        part = np.zeros((len(block), k, block.shape[1]))
        part[np.arange(len(block)), y] = block
        part[:, other] -= block
        out.append(part[y != other].reshape(-1, k * block.shape[1]))
    return np.concatenate(out)


def _margins(z: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The smallest margin of each row."""
    if k == 1:
        return np.where(y == 1, z[:, 0], -z[:, 0])
    own = z[np.arange(len(z)), y]
    others = np.where(np.arange(k) == y[:, None], -np.inf, z).max(axis=1)
    return own - others
