"""What a solver asks of the rows: predictions, gradients and Hessians of many lanes at once.

Lanes are folds x settings, (F, L): a fold is a row of weights, and the rows are stored once. Parameters theta have the shape
(F, L, k, D), k being the number of logits and D that of the columns, with the intercept's last, or (1, L, k, D) where all folds
have the same. Small things are float64 on the host. Passes over the rows run in the type of X, or, where `wide`, in float64 from
X as it is stored; sums over rows are float64 from one block of rows on.

On a CPU the rows are parted among its cores, each with a thread that runs the same program: XLA puts its products on all
cores, but not what stands between them, and a program over blocks that stay in one core's cache reads X once, not twice. That
takes half of the time.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._threads import at_once, by_parts, cores
from jgd.data._place import aligned, lent
from jgd.solvers import _passes
from jgd.solvers._passes import Form

# Multiplications, or numbers to be copied, that are worth a thread; of one lane so many times more, which XLA puts on all cores
# well as long as X stays in their common cache.
WORTH, ALONE = 2**20, 8


@dataclasses.dataclass(frozen=True)
class Point:
    """Lanes at their parameters.

    Attributes:
      theta: the parameters.
      gradient: of the mean loss, shape (F, L, k, D), float64.
      loss: the mean loss, shape (F, L), where it costs little beside these: of parameters that all folds have; else None.
      z: of one lane, the predictions, on the device, part by part; else nothing.
    """

    theta: np.ndarray
    gradient: np.ndarray
    loss: np.ndarray | None
    z: list[Any]


class Counts(NamedTuple):
    """How much each row counts in each of F folds.

    Attributes:
      values: shape (F, n), on the device.
      sums: of each fold, (F,), which sums over rows are divided by, to be means.
    """

    values: jax.Array
    sums: np.ndarray

    @classmethod
    def of(cls, weights: np.ndarray, sums: np.ndarray, dtype: Any) -> "Counts":
        """Of weights (F, n) on the host: integers as they are, others as shares of their sums, in the data's type."""
        if weights.dtype.kind in "ui":
            return cls(lent(weights), sums)
        shares = aligned(weights.shape, dtype)  # which JAX takes as it is
        np.divide(weights, sums[:, None], out=shares, casting="same_kind")
        return cls(jax.device_put(shares), np.ones(len(sums)))

    def take(self, picked: np.ndarray) -> "Counts":
        """Those of some rows, of one fold."""
        values = np.asarray(self.values)[:, picked]
        return Counts.of(values, values.sum(axis=1, dtype=np.float64), values.dtype)


class Rows:
    """Rows of a classifier, on the device.

    Args:
      X: shape (n, d), floating.
      y: class numbers, shape (n,).
      counts: how much each row counts in each fold; None for one fold of equal rows.
      classes: 2 for one logit, else as many logits as classes.
      free: whether there is an intercept.
      wide: whether passes are in float64.
    """

    def __init__(self, X: Any, y: Any, counts: Counts | None, classes: int, free: bool, wide: bool = False):
        self.X, self.y, self.counts, self.classes, self.free, self.wide = X, y, counts, classes, free, wide
        self.k, self.columns = 1 if classes == 2 else classes, X.shape[1] + free
        devices = X.devices()
        self.device = next(iter(devices)) if len(devices) == 1 else None

    def __len__(self) -> int:
        return self.X.shape[0]

    @property
    def folds(self) -> int:
        return 1 if self.counts is None else len(self.counts.sums)

    @property
    def is_narrow(self) -> bool:
        """Whether wide passes would say more."""
        return not self.wide and self.X.dtype != jnp.float64

    def replace(self, **changes: Any) -> "Rows":
        new = object.__new__(Rows)
        new.__dict__.update(self.__dict__, **changes)
        return new

    def evaluate(self, theta: np.ndarray) -> Point:
        """The gradient of the mean loss at theta, and what comes with it."""
        lanes = self._lanes(theta)
        work = self.columns // ALONE if lanes == 1 and not self.wide else lanes * self.columns
        (gradient, loss), z = self._over_parts(_passes.evaluate, work, theta)
        return Point(theta, self._mean(gradient), None if loss is None else self._mean(loss), z)

    def mean_loss(self, point: Point) -> np.ndarray:
        """Shape (F, L)."""
        if point.loss is not None:
            return point.loss
        return self._mean(self._over_parts(_passes.loss, self._lanes(point.theta) * self.columns, point.theta)[0])

    def slope(self, start: Point, end: Point, t: np.ndarray) -> np.ndarray:
        """The mean loss's derivative by t where the parameters are start + t (end - start), shape (F, L)."""
        if start.z[0] is None:  # two products, as many as for the predictions at both ends
            ray = end.theta - start.theta
            return np.einsum("flkd,flkd->fl", self.evaluate(start.theta + t[:, :, None, None] * ray).gradient, ray)
        along = [b - a for a, b in zip(start.z, end.z, strict=True)]
        return self._mean(self._over_parts(_passes.slope, 0, start.z, along, t)[0])

    def hessians(self, theta: np.ndarray) -> np.ndarray:
        """The mean loss's second derivatives by the parameters of each lane of one fold, (L, k D, k D), at (1, L, k, D)."""
        some = [theta] if self.k == 1 else [theta[:, [lane]] for lane in range(theta.shape[1])]
        of = lambda theta: self._over_parts(_passes.hessians, theta.shape[1] * (self.k * self.columns) ** 2, theta)[0]
        found = self._mean(np.concatenate([of(theta) for theta in some]))
        return found if self._holds(found) else self.replace(wide=True).hessians(theta)

    def gram(self) -> np.ndarray:
        """The mean over the rows of one fold of [x, 1]' [x, 1], shape (D, D)."""
        found = self._mean(self._over_parts(_passes.gram, self.columns**2)[0])
        return found if self._holds(found) else self.replace(wide=True).gram()

    def sample(self, m: int, alike: bool = True) -> "Rows":
        """m rows of one fold, drawn at random, always the same: one of each m-th part of them.

        If they are not `alike`, a row is drawn the more often, and counts the less, the larger it is: it has half of its chances
        by its weight, and half by its mean share of the columns' sums of squares.
        """
        places = np.arange(m) + np.random.default_rng(0).random(m)
        if alike:
            picked = np.minimum((places * (len(self) / m)).astype(np.int64), len(self) - 1)
            counts = None if self.counts is None else self.counts.take(picked)
            return self.replace(X=_taken(self.X, picked), y=_taken(self.y, picked), counts=counts)
        chances, weights = self._chances()
        ends = np.cumsum(chances)
        picked = np.minimum(np.searchsorted(ends, places * (ends[-1] / m)), len(self) - 1)
        weights = (weights[picked] / chances[picked])[None]
        counts = Counts.of(weights, weights.sum(axis=1), self.X.dtype)
        return self.replace(X=_taken(self.X, picked), y=_taken(self.y, picked), counts=counts)

    def _chances(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each row, twice its chance to be drawn, and what it counts, (n,)."""
        squares = self._over_parts(_passes.squares, self.columns)[0]
        used = (squares > float(jnp.finfo(self.X.dtype).tiny)) & np.isfinite(squares)
        scales = np.where(used, 1 / np.where(used, squares, 1), 0) / max(used.sum(), 1)
        parts, n = self._over_parts(_passes.sizes, self.columns, scales)[1], len(self)
        reach = [max(0, i * len(part) - (n - len(part))) for i, part in enumerate(parts)]  # rows of the part before
        sizes = np.concatenate([np.asarray(part)[first:] for part, first in zip(parts, reach, strict=True)])
        weights = np.ones(n) if self.counts is None else np.asarray(self.counts.values[0], np.float64)
        return weights * (sizes + 1 / weights.sum()), weights

    def _holds(self, squares: np.ndarray) -> bool:
        """Whether the data's type holds them, or float64 does no better: that of few rows may be larger than it holds."""
        return not self.is_narrow or bool(np.isfinite(squares).all())

    def _mean(self, sums: np.ndarray) -> np.ndarray:
        """Of sums over rows, their first axis one of folds, or of lanes of one fold."""
        of_folds = np.array([len(self)]) if self.counts is None else self.counts.sums
        return sums / of_folds.reshape(-1, *[1] * (sums.ndim - 1))

    def _lanes(self, theta: np.ndarray) -> int:
        return max(self.folds, len(theta)) * theta.shape[1] * self.k

    def _over_parts(self, run: Callable[..., tuple[Any, Any]], work: int, *arguments: Any) -> tuple[Any, list[Any]]:
        """The sums over parts of what a pass adds up, on the host; and what it leaves for each row, part by part.

        Args:
          run: the pass.
          work: about how many multiplications a row takes, which says how many parts there are.
          arguments: a list holds one of each part, of as many as there are.
        """
        n = len(self)
        by_cores = self.device is not None and self.device.platform == "cpu"
        parts = [len(argument) for argument in arguments if isinstance(argument, list)]
        count = parts[0] if parts else max(1, min(cores(), n, n * work // WORTH)) if by_cores else 1
        form = Form(self.classes, self.free, self.wide, -(-n // count))
        counts = None if self.counts is None else self.counts.values

        def of_part(part: int) -> tuple[Any, Any]:
            mine = [one[part] if isinstance(one, list) else one for one in arguments]
            first = part * form.length
            with jax.enable_x64(True), jax.default_device(self.device):  # contexts are a thread's own
                sums, rows = run(self.X, self.y, counts, *mine, min(first, n - form.length), first, form=form)
                return jax.tree.map(np.asarray, sums), rows

        if count == 1:
            sums, rows = of_part(0)
            return sums, [rows]
        shapes = [argument.shape for argument in arguments if isinstance(argument, np.ndarray)]
        new = _is_new((run, form, self.X.shape, self.X.dtype, self.folds, counts is None or counts.dtype, *shapes))
        sums, rows = zip(*([of_part(part) for part in range(count)] if new else at_once(of_part, count)), strict=True)
        return jax.tree.map(lambda *parts: sum(parts), *sums), list(rows)


_seen: set[Any] = set()


def _is_new(key: Any) -> bool:
    """Whether it was not asked for before: of a new program each thread would compile one of its own."""
    new = key not in _seen
    _seen.add(key)
    return new


def _taken(values: jax.Array, picked: np.ndarray) -> jax.Array:
    if next(iter(values.devices())).platform != "cpu":
        return values[picked]
    memory = aligned((len(picked), *values.shape[1:]), values.dtype)  # which JAX takes as it is
    host, least = np.asarray(values), WORTH * len(picked) // max(memory.size, 1)
    by_parts(lambda some: np.take(host, picked[some], axis=0, out=memory[some], mode="clip"), len(picked), least)
    return jax.device_put(memory)
