"""The works: data, model, regime and optimizer of a fit, and the objective by which all who do it are judged.

The data are made by NumPy from a fixed seed; a fit starts at zero; the objective is ours, in float64.
"""

import dataclasses
from typing import Literal

import numpy as np

FULL = "full"
MOMENTUM, B1, B2, EPS = 0.9, 0.9, 0.999, 1e-8
CHUNK = 1 << 16

Params = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Work:
    """A fit to be done by each contestant.

    Attributes:
      name: a short one.
      says: the work in a phrase.
      model: of mean squared error (no half), binary log loss, or softmax cross-entropy.
      batch_size: rows of a step; the last batch of an epoch is the mean over its own rows.
      one_row_rate: the learning rate for a library that knows only one row a step, where the work asks for more.
      field: who takes part; None for everybody.
    """

    name: str
    says: str
    model: Literal["linear", "logistic", "softmax"]
    n: int
    d: int
    batch_size: int | Literal["full"]
    epochs: int
    rule: Literal["sgd", "momentum", "adam"]
    learning_rate: float
    one_row_rate: float | None = None
    classes: int = 2
    field: tuple[str, ...] | None = None

    @property
    def full(self) -> bool:
        return self.batch_size == FULL

    @property
    def steps(self) -> int:
        return self.epochs if self.full else self.epochs * -(-self.n // self.batch_size)

    @property
    def tolerance(self) -> float:
        """Objectives count as the same within this share of the way from the start to the best one reached."""
        return 1e-3 if self.full else 1e-2

    @property
    def bytes_per_pass(self) -> int:
        return self.n * self.d * 4

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X, float32; y, float32 for a regression, else class numbers."""
        rng = np.random.default_rng(20)
        if self.d == 1:
            X = np.linspace(-1, 1, self.n, dtype=np.float32)[:, None]
            return X, 2 * X[:, 0] + 1
        X = rng.standard_normal((self.n, self.d), dtype=np.float32)
        shape = (self.d, self.classes) if self.model == "softmax" else (self.d,)
        z = X @ (rng.standard_normal(shape, dtype=np.float32) * np.float32(2 / np.sqrt(self.d))) + np.float32(0.5)
        if self.model == "linear":
            return X, z + np.float32(0.1) * rng.standard_normal(self.n, dtype=np.float32)
        if self.model == "logistic":
            return X, (z + rng.logistic(size=self.n) > 0).astype(np.int64)
        return X, np.argmax(z + rng.gumbel(size=z.shape), axis=1)

    def start(self) -> Params:
        shape = (self.classes,) if self.model == "softmax" else ()
        return np.zeros((self.d, *shape), np.float32), np.zeros(shape, np.float32)

    def objective(self, X: np.ndarray, y: np.ndarray, params: Params) -> float:
        """The mean loss over all rows, in float64."""
        weights, bias = (np.asarray(p, np.float64) for p in params)
        parts = (slice(i, i + CHUNK) for i in range(0, self.n, CHUNK))
        return sum(self._losses(X[rows].astype(np.float64) @ weights + bias, y[rows]).sum() for rows in parts) / self.n

    def _losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        if self.model == "linear":
            return (z - y) ** 2
        if self.model == "logistic":
            return np.logaddexp(0, z) - z * y
        top = z.max(axis=1)
        return np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[np.arange(len(y)), y]


# Who takes part where only the fastest have something to say.
ROWS = ("jgd", "jgd, CPU option", "optax, scan", "optax, scan, CPU option", "numba", "scikit-learn")
ROWS_AND_TORCH = ROWS + ("torch, DataLoader", "torch, tensors", "Keras on JAX", "Keras on torch", "Keras on TensorFlow")


def _one_row(d: int, rule: str, learning_rate: float) -> Work:
    name = f"a3_d{d}" + ("" if rule == "sgd" else f"_{rule}")
    says = f"logistic, one row a step, 10,000 x {d}, 10 epochs, {rule}"
    field = ROWS_AND_TORCH if name == "a3_d20" else ROWS
    return Work(name, says, "logistic", 10_000, d, 1, 10, rule, learning_rate, field=field)


def works(quick: bool = False) -> list[Work]:
    """All works; for a quick look fewer of them, and a5 with a tenth of its rows."""
    # Low enough that the order of the rows moves the objective by far less than the tolerance.
    rates = {5: (2e-3, 5e-4), 20: (1e-3, 5e-4), 50: (6e-4, 25e-5), 200: (7e-4, 2e-4)}
    rules = {d: {"sgd": sgd, "momentum": (1 - MOMENTUM) * sgd, "adam": adam} for d, (sgd, adam) in rates.items()}
    one_row = [_one_row(d, rule, rate) for d in rules for rule, rate in rules[d].items()]
    if quick:
        one_row = [work for work in one_row if work.d == 20]
    n = 100_000 if quick else 1_000_000
    return [
        Work("a1", "y = 2x + 1, 100 points, 200 full-batch steps of gd", "linear", 100, 1, FULL, 200, "sgd", 0.2),
        Work("a2", "linear, 1,000 x 5, batch 32, 20 epochs, sgd", "linear", 1000, 5, 32, 20, "sgd", 0.02, one_row_rate=1e-3),
        *one_row,
        Work("a4", "logistic, 200,000 x 50, batch 256, 5 epochs, adam", "logistic", 200_000, 50, 256, 5, "adam", 3e-3, 3e-4),
        Work("a5", f"logistic, {n:,} x 100, 50 full-batch steps of gd", "logistic", n, 100, FULL, 50, "sgd", 2.0),
        Work("a6", "softmax, 60,000 x 784, 10 classes, batch 128, 3 epochs, sgd", "softmax", 60_000, 784, 128, 3, "sgd",
             2e-2, classes=10),
    ]  # fmt: skip
