"""A run and what can be known of it, each thing computed when it is first asked for."""

import functools
import math
from typing import Any

import jax
import numpy as np

from jgd.certificates import Certificate, certificate
from jgd.certificates._learning_rate import stable
from jgd.data import Dataset
from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._chain import Chain, chain_of
from jgd.diagnosis._curve import Curve
from jgd.diagnosis._layers import Layers
from jgd.diagnosis._linear import LinearModel
from jgd.diagnosis._separation import direction
from jgd.models import Problem
from jgd.models._signature import takes_data
from jgd.models._standardized import inside
from jgd.transformation import GradientTransformation


class Case:
    """What the diagnoses look at.

    Attributes:
      result: the run.
      problem, tx, data, batch_size: what it was of; None where that is not known, or there is none.
      wanted: the gap that counts as converged, if the user gave one.
      remarks: what could not be looked at, or only in part.
      held: the arrays that the problem or the chain holds where they are, as far as that was looked at; with any, a run ends
        above the optimum, however long it is.
    """

    def __init__(
        self, result: Any, problem: Problem, tx: GradientTransformation | None, data: Dataset | None, batch_size: Any,
        wanted: float | None,
    ):  # fmt: skip
        self.result, self.problem, self.tx, self.data, self.batch_size = result, problem, tx, data, batch_size
        self.wanted, self.remarks, self.held = wanted, [], []
        self.params = jax.tree.map(np.asarray, result.params)
        self.dtype = np.result_type(*[leaf.dtype for leaf in jax.tree.leaves(self.params)])
        if not np.issubdtype(self.dtype, np.floating):
            self.dtype = np.dtype(np.float32)  # bfloat16, which NumPy does not know: at least as coarse
        self.failed = result.status in ("diverged", "nonfinite")

    @functools.cached_property
    def chain(self) -> Chain:
        return chain_of(self.tx, self.result.history)

    @property
    def solved(self) -> bool:
        """Whether no chain ran, but a solver of jgd's."""
        return self.tx is None and bool(self.result.notes.explained)

    @functools.cached_property
    def curve(self) -> Curve:
        history = self.result.history
        return Curve(np.asarray(history.step), np.asarray(history.loss))

    @property
    def lacks_data(self) -> bool:
        """Whether the loss needs data that are not known: then it cannot be evaluated."""
        loss = self.problem.arguments.get("loss")
        takes = self.problem.functions.encode is not None or isinstance(loss, str) or loss is not None and takes_data(loss)
        return self.data is None and takes

    @property
    def full_batch(self) -> bool:
        rows = None if self.data is None else len(self.data)
        return rows is None or self.batch_size in (None, "full", rows)

    @property
    def squares(self) -> bool:
        return inside(self.problem).name == "linear_regression"

    @property
    def is_linear(self) -> bool:
        return inside(self.problem).name in ("linear_regression", "logistic_regression") and self.data is not None

    @functools.cached_property
    def linear(self) -> LinearModel | None:
        """The model, where it is a linear or logistic regression."""
        return LinearModel(self.problem, self.data, self.params) if self.is_linear else None

    @functools.cached_property
    def layers(self) -> Layers:
        return Layers(self.problem, self.data, self.params, self.model_state)

    @property
    def model_state(self) -> Any:
        """What the loss is evaluated with; None if it has no state."""
        return self.result.model_state if "state" in self.problem.functions.asks else None

    @functools.cached_property
    def certificate(self) -> Certificate:
        return certificate(self.problem, self.data, self.params, state=self.model_state)

    @functools.cached_property
    def exact_losses(self) -> bool:
        """Whether the recorded losses are the objective, and not those of batches."""
        if self.full_batch or not len(self.curve.losses):
            return True
        last = self.curve.losses[-1]
        return bool(abs(last - self.certificate.objective) <= 1e-3 * abs(last))

    @functools.cached_property
    def safe(self) -> float | None:
        """The learning rate known to be stable, where one is known; `jgd.safe_learning_rate`, from the moments at hand."""
        chain = self.chain
        if self.linear is None or not chain.plain or chain.momentum >= 1 or self.linear.rows.columns > 2000:
            return None
        largest = self.linear.largest(None if self.full_batch else self.batch_size)
        return stable(chain.momentum, chain.nesterov, self.squares, largest, self.full_batch)

    @property
    def start(self) -> float:
        """The loss at the start."""
        return float(self.curve.losses[0]) if len(self.curve.losses) else math.nan

    @property
    def rose(self) -> bool:
        """Whether the run ended higher than it started, or failed."""
        if self.failed:
            return True
        if len(self.curve.losses) < 2:
            return False
        tail = self.curve.tail if self.curve.known else self.curve.losses[-1:]
        end = float(np.median(tail))
        if not self.full_batch and end < 2 * self.start and end - self.start <= limits.ROSE * np.median(np.abs(tail - end)):
            return False  # it moves about the start
        return end > self.start * (1 + 1e-3) + np.finfo(self.dtype).eps * abs(self.start)

    @functools.cached_property
    def gap(self) -> float:
        """How far above the optimum the run ended: from the optimum, or by the certificate; inf if neither is known."""
        if self.linear is None or self.failed:
            return math.inf
        bound = self.certificate.gap
        if bound <= self.tolerance_of(self.certificate.objective - min(bound, self.certificate.objective)):
            return bound
        if self.direction is not None:
            return math.inf  # there is no optimum
        best = self.linear.optimum
        return min(bound, best.gap) if best is not None else bound

    @functools.cached_property
    def direction(self) -> tuple[np.ndarray, float, float] | None:
        """A direction that separates classes without a penalty; see `_separation.direction`. None by a finite certificate."""
        model = self.linear
        if model is None or model.squares or model.penalised or not self.failed and math.isfinite(self.certificate.gap):
            return None
        found = direction(model)
        if found is None:
            self.remarks.append("whether a direction separates the classes was not found out: too many columns, or too slow")
        return None if found is None or found[0] is None else found

    @property
    def tolerance(self) -> float:
        """The gap that counts as converged; NaN where no optimum is known."""
        if self.linear is None:
            return math.nan
        best = None if self.direction is not None else self.linear.optimum
        return self.tolerance_of(best.objective if best is not None else max(self.certificate.lower_bound, 0.0))

    def tolerance_of(self, lowest: float) -> float:
        if self.wanted is not None:
            return self.wanted
        p, n = self.linear.point.theta.size, len(self.linear.rows)
        random = lowest * min(1.0, p / n) if self.squares else p / (2 * n) if p < n else 0.0
        # The way from the best constant prediction, where the start is further: no target need be near 0.
        return max(limits.STATISTICAL * random, limits.FALLEN * max(min(self.start, self.linear.of_constant) - lowest, 0.0))

    @functools.cached_property
    def converged(self) -> bool:
        """Whether there is nothing left to gain that matters."""
        if self.failed:
            return False
        if self.linear is None or not math.isfinite(self.gap):
            return False
        # Where batches keep a run moving its last parameters may be near by chance: so its tail must be, on average.
        usual = self.curve.tail.mean() - self.curve.losses[-1] if not self.full_batch and self.curve.moves() else 0.0
        return self.gap + max(usual, 0.0) <= self.tolerance

    def columns(self, which: Any) -> list[Any]:
        """Columns by name, or by number."""
        names = None if self.data is None else self.data.columns
        return [names[j] if names else int(j) for j in which]
