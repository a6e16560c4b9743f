"""Where the lanes of many folds begin, and the inverse Hessians that they share."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jgd.solvers._choice import LARGEST, choose
from jgd.solvers._descend import descend
from jgd.solvers._inverse import Inverse, inverse, of_gram
from jgd.solvers._rows import Counts, Point, Rows
from jgd.solvers._samples import LEFT
from jgd.solvers._single import shares_of, start_of

# Common starts are found up to this share of their objective, since folds differ by more.
NEAR = 1e-5
# Hessians of all penalties have so many entries at most; one is made of so many rows that it costs less than so many evaluations.
HESSIANS, EVALUATIONS = 2**24, 10


class Common:
    """All folds together: their optima, one for each penalty, roughly, and of a sample of the rows if those are many.

    Attributes:
      theta: the optima, (1, L, k, D).
      inverse: an inverse Hessian for each penalty.
    """

    def __init__(
        self, rows: Rows, y: np.ndarray, pooled: np.ndarray, penalty: np.ndarray, squares: np.ndarray, theta: Any, folds: int
    ):
        """Finds them.

        Args:
          rows, y: without weights, and the class numbers on the host.
          pooled: what each row counts in all folds together, (n,).
          penalty: of all folds, (F, L, k D).
          squares: the columns' mean squares, about.
          theta: where to start, (1, 1, k, D); None for zeros.
          folds: how many there are.
        """
        self._penalty, self._squares, k, D = penalty.mean(axis=0, keepdims=True), squares, rows.k, rows.columns
        of_classes, rarest, used = shares_of(y, pooled, rows.classes)
        self._rows = rows.replace(counts=Counts.of(pooled[None], pooled[None].sum(axis=1), rows.X.dtype))
        L, theta = penalty.shape[1], start_of(rows, of_classes) if theta is None else theta
        self.theta, self._better = np.broadcast_to(theta, (1, L, k, D)), _in_turn()
        levels = choose(len(rows), D, rows.classes, rarest, used).levels
        some = self._rows.sample(levels[-1]) if levels else self._rows
        dear = k * D > LARGEST or L * (k * D) ** 2 > HESSIANS or len(some) * k * D > EVALUATIONS * len(rows) * folds
        if dear or folds == 1 and not levels:
            self.inverse = self._of_gram(self._rows)
            return
        tolerance = max(NEAR, LEFT * k * D / (2 * len(some)) if levels else 0.0)
        near = lambda decrement, objective, g: decrement <= tolerance * objective
        at = descend(some, self._penalty, self.theta, self._of_gram(some), near, columns=squares, steps=30)
        self.theta, self.inverse = at.theta, self._of_hessians(at.rows, at.theta)
        of_all = lambda point: self._of_hessians(self._rows, np.mean(point.theta, axis=0, keepdims=True))
        self._better = _in_turn(*[of_all] * bool(levels), lambda point: self._of_gram(self._rows))

    def better(self, rows: Rows, point: Point) -> Inverse | None:
        """For folds that make no progress: of the Hessians of all rows; then of the Gram matrix, which are no less than any."""
        better = self._better(rows, point)
        self.inverse = better or self.inverse
        return better

    def cautious(self, settings: np.ndarray) -> Callable[[Rows, Point], Inverse | None]:
        """What makes, once, those of the Gram matrix for some settings."""
        return _in_turn(lambda point: self._of_gram(self._rows).of(settings))

    def _of_gram(self, rows: Rows) -> Inverse:
        D, bound = rows.columns, 0.25 if rows.classes == 2 else 0.5
        gram = rows.gram() if D <= LARGEST else self._squares
        return of_gram(gram, bound, self._penalty[0, :, :D], rows.is_narrow)

    def _of_hessians(self, rows: Rows, theta: np.ndarray) -> Inverse:
        diagonal = self._penalty[0, :, :, None] * np.eye(self._penalty.shape[2])
        return inverse(rows.hessians(theta) + diagonal, rows.is_narrow)


def _in_turn(*makers: Callable[[Point], Inverse]) -> Callable[[Rows, Point], Inverse | None]:
    """What makes each of these once, and then none."""
    left = list(makers)
    return lambda rows, point: left.pop(0)(point) if left else None
