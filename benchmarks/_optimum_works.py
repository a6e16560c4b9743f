"""The works of `optimum`: problems to be solved, by what error all who solve them are judged, and how small it must become."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks import _optimum_data, _optimum_score

RELATIVE = "relative suboptimality"


@dataclasses.dataclass(frozen=True)
class OptimumWork:
    """A problem, or many at once, to be solved to several accuracies; l2/2 |w|^2 is added to a mean, the intercept is free.

    Attributes:
      kind: one fit; fits of penalties x folds; replicates of a bootstrap; ridge paths by folds, or with each row left out.
      rows: which data.
      l2: the penalty, or the penalties.
      error: what is measured of a solution.
      targets: how small that has to become.
      sparse: whether most of X is zero.
      folds, replicates: of the kinds that have them; fold k is the k-th block of rows.
      at: the folder where `prepare` has put the data and the optimum.
      rows_are: what `prepare` found.
    """

    name: str
    says: str
    kind: Literal["fit", "folds", "bootstrap", "ridge", "left out"]
    rows: Literal["a9a", "plain", "duplicates", "hard", "hard_standardised", "correlated", "housing"]
    n: int
    d: int
    l2: float | tuple[float, ...]
    error: str = RELATIVE
    targets: tuple[float, ...] = (1e-4, 1e-6, 1e-8)
    sparse: bool = False
    folds: int = 0
    replicates: int = 0
    at: str = ""
    rows_are: str = ""

    @property
    def penalties(self) -> np.ndarray:
        return np.atleast_1d(np.asarray(self.l2, np.float64))

    @property
    def fold(self) -> np.ndarray:
        """Of each row, the fold that holds it out."""
        return np.arange(self.n) * self.folds // self.n

    @property
    def trained(self) -> np.ndarray:
        """Rows of each fold's training part, (folds, n)."""
        return self.fold != np.arange(self.folds)[:, None]

    def counts(self) -> np.ndarray:
        """How often each replicate has each row, (replicates, n)."""
        rng = np.random.default_rng(11)
        return np.stack([np.bincount(rng.integers(0, self.n, self.n), minlength=self.n) for _ in range(self.replicates)])

    def prepare(self, folder: Path, given: Path | None) -> "OptimumWork":
        """The same work with its data, and the optimum where one is needed, in a folder of its own."""
        maker = getattr(_optimum_data, self.rows)
        made = maker(given, self.n, self.d) if self.rows in ("a9a", "housing") else (maker(self.n, self.d), "made")
        (X, y), rows_are = made
        work = dataclasses.replace(self, n=len(y), d=X.shape[1], rows_are=rows_are)
        if work.rows == "a9a" and self.l2 == 1 / self.n:
            work = dataclasses.replace(work, l2=1 / len(y))
        place = folder / f"{work.name}-{len(y)}x{X.shape[1]}-{_digest(X, y)}"
        place.mkdir(parents=True, exist_ok=True)
        if not (place / "optimum.json").exists():
            np.save(place / "X.npy", X)
            np.save(place / "y.npy", y)
            best = _optimum_score.optimum(X, y, float(work.l2))[0] if work.kind == "fit" else None
            (place / "optimum.json").write_text(json.dumps(best))
        return dataclasses.replace(work, at=str(place))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        return np.load(f"{self.at}/X.npy", mmap_mode="r"), np.load(f"{self.at}/y.npy")

    def judge(self) -> Callable[[Any], float]:
        """What gives the error of a solution: (weights, bias), or the errors of a path."""
        X, y = self.data()
        if self.kind == "fit":
            best = json.loads(Path(f"{self.at}/optimum.json").read_text())
            unit = best if self.error == RELATIVE else self.d / (2 * self.n)
            return lambda params: (_optimum_score.objective(X, y, params, float(self.l2)) - best) / unit
        if self.kind == "folds":
            l2 = np.repeat(self.penalties, self.folds)
            counts = np.tile(self.trained, (len(self.penalties), 1))
            return lambda params: _optimum_score.largest_gradient(X, y, _lanes(params), l2, counts)
        if self.kind == "bootstrap":
            l2 = np.repeat(self.penalties, self.replicates)
            return lambda found: _optimum_score.largest_gradient(X, y, _lanes(found[:2]), l2, found[2])
        if self.kind == "ridge":
            right = _optimum_score.ridge_errors(X, y, self.penalties, self.fold)
        else:
            right = _optimum_score.left_out_errors(X, y, self.penalties)
        return lambda found: float(np.max(np.abs(found - right) / right))


def _lanes(params: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = params
    return weights.reshape(-1, weights.shape[-1]), bias.reshape(-1)


def _digest(X: np.ndarray, y: np.ndarray) -> str:
    return hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest()[:12]


def works(quick: bool = False) -> list[OptimumWork]:
    """All works; for a quick look with fewer rows, penalties and replicates."""
    rows = lambda n: n // 20 if quick else n
    million, half, hard = rows(1_000_000), rows(500_000), rows(490_000)
    small = 4_000 if quick else 20_000
    replicates = 50 if quick else 1000
    a9a = functools.partial(OptimumWork, kind="fit", rows="a9a", n=32_561, d=123, l2=1 / 32_561, sparse=True)
    housing = functools.partial(
        OptimumWork, rows="housing", n=20_640, d=13, l2=tuple(np.geomspace(1e-6, 1e2, 20 if quick else 100)),
        error="relative error of the scores", targets=(1e-4, 1e-6),
    )  # fmt: skip
    gradient = {"error": "largest entry of a gradient", "targets": (1e-4, 1e-6)}
    penalties = tuple(np.geomspace(1e-6, 1, 4 if quick else 10))
    return [
        a9a("c1", "a9a, logistic, l2 = 1/n"),
        OptimumWork("c2", f"logistic, {million:,} x 100, l2 = 1/n", "fit", "plain", million, 100, 1 / million),
        OptimumWork("c3", f"logistic, {half:,} x 40, of which 10 are copies, l2 = 1/n", "fit", "duplicates", half, 40, 1 / half),
        OptimumWork("c3b", f"logistic, {hard:,} x 40, badly scaled, quasi-separable, nearly singular, l2 = 1/n", "fit", "hard",
                    hard, 40, 1 / hard),
        OptimumWork("c3b_standardised", f"the same {hard:,} x 40, standardised, l2 = 1/n", "fit", "hard_standardised", hard, 40,
                    1 / hard),
        a9a("c6", "a9a, to statistical accuracy: a gap below d / 2n", error="suboptimality times 2n / d", targets=(1.0,)),
        OptimumWork("b3", f"{len(penalties)} penalties x 5 folds, logistic, {small:,} x 50", "folds", "correlated", small, 50,
                    penalties, folds=5, **gradient),
        OptimumWork("b4", f"{replicates:,} bootstrap replicates, logistic, 5,000 x 20, l2 = 1/n", "bootstrap", "correlated",
                    5_000, 20, 1 / 5_000, replicates=replicates, **gradient),
        housing("b5", "ridge, california_housing, penalties x 10 folds", "ridge", folds=10),
        housing("b5_left_out", "ridge, california_housing, penalties, each row left out", "left out"),
    ]  # fmt: skip
