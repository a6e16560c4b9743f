"""The works of a sweep: many settings of one fit, and the objectives by which all who do them are judged."""

import dataclasses
import functools

import numpy as np

from benchmarks._works import CHUNK, Params, Work

CANCER = "breast_cancer"


@dataclasses.dataclass(frozen=True)
class SweepWork(Work):
    """A fit to be done with each of many learning rates, from zero; `learning_rate` is that of none.

    Attributes:
      low, high, lanes: the rates, so many, from the lowest to the highest by equal factors.
      rows: whose the data are: made as for any work, or scikit-learn's breast_cancer, each column standardised.
    """

    low: float = 0.0
    high: float = 0.0
    lanes: int = 0
    rows: str = "made"

    def rates(self, count: int | None = None) -> np.ndarray:
        """The learning rates; another number of them, over the same range, if given."""
        return np.geomspace(self.low, self.high, count or self.lanes)

    def at(self, rate) -> Work:
        """The fit with this rate, or with what stands for rates."""
        return dataclasses.replace(self, learning_rate=rate)

    def one_row(self, rate: float) -> float:
        """The rate with which one row a step goes as far in an epoch."""
        return rate * self.steps / (self.n * self.epochs)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        if self.rows != CANCER:
            return super().data()
        from sklearn.datasets import load_breast_cancer

        X, y = load_breast_cancer(return_X_y=True)
        return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32), y.astype(np.int64)

    def objective(self, X: np.ndarray, y: np.ndarray, params: Params) -> tuple[float, float, float]:
        """The lowest, the middle and the highest mean loss over all rows of any lane, in float64."""
        weights, bias = (np.asarray(p, np.float64) for p in params)
        weights, total = np.atleast_2d(weights).T, 0.0
        for rows in (slice(i, i + CHUNK) for i in range(0, self.n, CHUNK)):
            total += self._losses(X[rows].astype(np.float64) @ weights + bias, y[rows, None]).sum(axis=0)
        losses = total / self.n
        return float(losses.min()), float(np.median(losses)), float(losses.max())


JGD = ("jgd", "jgd, record at the end")
FIRST = (*JGD, "jgd, 125 rates x 8 keys", "optax, vmap, own orders", "optax, vmap, one order", "torch.func, own orders",
         "torch.func, own orders, one thread", "torch.func, one order", "torch.func, one order, one thread",
         "scikit-learn, loop")  # fmt: skip
SECOND = (*JGD, "optax, vmap, one order", "torch.func, one order, one thread", "scikit-learn, loop", "scikit-learn, joblib",
          "scikit-learn, joblib, threads")  # fmt: skip


def works(quick: bool = False) -> list[SweepWork]:
    """What others do too; for a quick look without Adam."""
    make = functools.partial(SweepWork, learning_rate=np.nan)
    cancer = functools.partial(make, model="logistic", n=569, d=30, batch_size=1, epochs=50, rows=CANCER, lanes=100, field=SECOND)
    says = "100 learning rates, logistic, breast_cancer 569 x 30, one row a step, 50 epochs"
    every = [
        make("b1", "1,000 learning rates, linear, 1,000 x 5, batch 32, 20 epochs, sgd", "linear", 1000, 5, 32, 20, "sgd",
             low=1e-4, high=1e-1, lanes=1000, field=FIRST),
        cancer("b2_sgd", f"{says}, sgd", rule="sgd", low=1e-4, high=1e-2),
        cancer("b2_adam", f"{says}, adam", rule="adam", low=1e-5, high=1e-3),
    ]  # fmt: skip
    return [work for work in every if not quick or work.rule == "sgd"]


def wide(model: str, epochs: int) -> SweepWork:
    """So many lanes that their products are matrix products."""
    says = f"4,096 lanes, {model}, 10,000 x 100, batch 256, {epochs} epochs, adam"
    return SweepWork(f"b6_{model}", says, model, 10_000, 100, 256, epochs, "adam", np.nan, low=1e-4, high=1e-2, lanes=4096)


def of_lanes(lanes: int) -> SweepWork:
    """A small fit, once or many times."""
    says = "linear, 1,000 x 20, batch 32, 5 epochs, adam"
    return SweepWork("b7", says, "linear", 1000, 20, 32, 5, "adam", np.nan, low=1e-4, high=1e-2, lanes=lanes)


def large() -> SweepWork:
    """More lanes than fit the memory they are given."""
    says = "10,000 lanes, linear, 20,000 x 50, batch 256, 1 epoch, adam"
    return SweepWork("memory", says, "linear", 20_000, 50, 256, 1, "adam", np.nan, low=1e-4, high=1e-2, lanes=10_000)
