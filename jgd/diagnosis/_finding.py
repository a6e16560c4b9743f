"""What a diagnosis says: findings, the cause first."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jgd._display import Note, Shown, Table, View

# Every cause there is a diagnosis of.
CAUSES = (
    "log_of_zero", "learning_rate_too_large", "exploding_gradients", "vanishing_gradients", "unmoved_parameters",
    "curvature_of_batches", "separable_classes", "badly_scaled_columns", "collinear_columns", "constant_columns",
    "float32_floor", "noise_floor", "too_few_steps", "overfitting", "model_too_simple",
)  # fmt: skip
# What a likely cause counts beside a certain one.
LIKELY = 0.7


@dataclasses.dataclass(frozen=True)
class Finding:
    """A cause of what a run did, with numbers and the remedy.

    Attributes:
      cause: one of `jgd.diagnosis.CAUSES`.
      certain: whether it is known, by a proof or exactly from the numbers; else it is likely.
      message: what was found.
      remedy: what to do.
      numbers: what the message says, by name.
      explains: about how much of the trouble it accounts for, 0 to 1.

    >>> import jgd
    >>> finding = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.0), steps=9).diagnose()[0]
    >>> print(finding)
    unmoved_parameters (certain): the learning rate is 0 throughout, so no parameter moves.
      Remedy: give a learning rate above 0, or check the schedule.
    """

    cause: str
    certain: bool
    message: str
    remedy: str
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    explains: float = 0.5

    def __post_init__(self):
        if self.cause not in CAUSES:
            raise ValueError(f"cause must be one of {', '.join(CAUSES)}, found {self.cause!r}.")

    @property
    def weight(self) -> float:
        """What findings are ordered by."""
        return self.explains * (1 if self.certain else LIKELY)

    def __str__(self) -> str:
        return f"{self.cause} ({'certain' if self.certain else 'likely'}): {self.message}\n  Remedy: {self.remedy}"


class Diagnosis(Shown, Sequence):
    """The findings about a run, the cause first; made by `result.diagnose()`.

    Attributes:
      findings: a tuple of `Finding`; empty where nothing is wrong.
      outcome: how near the optimum the run came, in a sentence.
      remarks: what could not be looked at, or only in part.

    >>> import jgd
    >>> X, y = jgd.data.make_line(100)
    >>> jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.3), epochs=100).diagnose().causes
    ()
    >>> jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(1.5), epochs=100).diagnose().causes
    ('learning_rate_too_large',)
    """

    def __init__(self, findings: Sequence[Finding], outcome: str, remarks: Sequence[str] = (), result: Any = None):
        self.findings = tuple(sorted(findings, key=lambda finding: -finding.weight))
        self.outcome, self.remarks, self._result = outcome, tuple(remarks), result

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(finding.cause for finding in self.findings)

    def plot(self, ax: Any = None) -> Any:
        """The run's loss curve with the findings on it; see `jgd.plotting.plot_diagnosis`."""
        from jgd import plotting

        return plotting.plot_diagnosis(self._result, ax, diagnosis=self)

    def __getitem__(self, index: Any) -> Any:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __contains__(self, wanted: object) -> bool:
        return wanted in self.findings or wanted in self.causes

    def __str__(self) -> str:
        head = f"nothing found: {self.outcome}" if not self else self.outcome
        found = [f"{i}. {finding}" for i, finding in enumerate(self, 1)]
        return "\n".join([head, *found, *(f"({remark})" for remark in self.remarks)])

    def _view(self) -> View:
        tone = (f"{len(self)} found", "warn") if self else ("nothing found", "good")
        sure = lambda finding: "certain" if finding.certain else "likely"
        rows = [(finding.cause.replace("_", " "), sure(finding), finding.message, finding.remedy) for finding in self]
        found = [Table(("cause", "how sure", "what was found", "remedy"), rows)] if self else []
        return View("Diagnosis", [tone], [Note(self.outcome), *found, *map(Note, self.remarks)])

    def __repr__(self) -> str:
        if not self:
            return f"Diagnosis(nothing found: {self.outcome})"
        sure = [finding.cause if finding.certain else f"{finding.cause}?" for finding in self]
        return f"Diagnosis({', '.join(sure)})"
