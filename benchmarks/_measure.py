"""A work measured side by side: contestants in turn, round by round, each in its own process while the others wait."""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks import _seat
from benchmarks._worker import Worker, WorkerFailed, WorkerSlow
from benchmarks._works import Work
from benchmarks.contestants import CONTESTANTS, TOO_LONG, Contestant

SLOW = 20.0  # seconds: what takes longer runs once, and what it compiles is then in its time
AT_ONCE = 20  # runs of one turn, at most
PAUSE = 0.05  # seconds for which the threads of the one before (OpenBLAS's) may go on spinning


@dataclasses.dataclass
class Entry:
    """What was measured of a contestant.

    Attributes:
      first: seconds of the first run, compilation included.
      seconds: of each later run; for one that is too slow to be run again, of the first.
      objective: where the first run ended, scored by the work; several numbers where it says so.
      peak: MiB.
    """

    name: str
    worker: Worker
    first: float = 0.0
    objective: float | tuple[float, ...] = 0.0
    seconds: list[float] = dataclasses.field(default_factory=list)
    peak: float = 0.0

    @property
    def steady(self) -> float:
        return statistics.median(self.seconds)

    @property
    def compile(self) -> float | None:
        """None where there was but one run."""
        return None if self.seconds == [self.first] else self.first - self.steady

    def begin(self, work: Work, X, y) -> None:
        """The first run, judged; and a second one, so that later ones can be planned."""
        self.first, params = self.worker.call(_seat.first, timeout=TOO_LONG)
        self.objective = work.objective(X, y, params)
        self.seconds = [self.first] if self.first > SLOW else self.worker.call(_seat.repeat, 1, 0)

    def turn(self, seed: int, share: float, budget: float) -> None:
        """As many runs as fit its share of the time; none where the budget is spent."""
        spent = sum(self.seconds) + self.steady > budget and len(self.seconds) > 1
        if self.compile is not None and not spent:
            time.sleep(PAUSE)
            self.seconds += self.worker.call(_seat.repeat, max(1, min(AT_ONCE, int(share / self.steady))), seed)

    def end(self) -> None:
        self.peak = self.worker.call(_seat.peak)


@dataclasses.dataclass
class Outcome:
    """A work's entries, and who was left out, and why."""

    work: Work
    start: float | tuple[float, ...]
    entries: list[Entry]
    left_out: dict[str, str]

    @property
    def scale(self) -> float:
        """The way from the start to the best objective reached."""
        start = float(np.max(self.start))
        return start - min((float(np.min(entry.objective)) for entry in self.entries), default=start)

    def named(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)

    def same(self, one: Entry, other: Entry) -> bool:
        """Whether both reached the same objective, or objectives, within the work's tolerance."""
        apart = np.abs(np.subtract(one.objective, other.objective))
        return bool(np.all(apart <= self.work.tolerance * self.scale))


def measure(
    work: Work, rounds: int, budget: float, quick: bool, say: Callable[[str], None],
    contestants: Sequence[Contestant] = CONTESTANTS,
) -> Outcome:  # fmt: skip
    """Times each contestant for at most about `budget` seconds, in turns spread over so many rounds."""
    refusals = {contestant.name: contestant.refusal(work, quick) for contestant in contestants}
    left_out = {name: reason for name, reason in refusals.items() if reason}

    def each(entries: Iterable[Entry], does: str, stage: Callable[[Entry], None]) -> None:
        for entry in entries:
            if entry.name in left_out:
                continue
            say(f"{work.name}: {entry.name}, {does}")
            try:
                stage(entry)
            except WorkerSlow as failure:
                left_out[entry.name] = str(failure)
            except WorkerFailed as failure:
                left_out[entry.name] = f"FAILED: {failure}"

    with contextlib.ExitStack() as stack:
        entries = []
        for contestant in contestants:
            if contestant.name not in left_out:
                worker = stack.enter_context(Worker(contestant.env))
                worker.start(_seat.sit, contestant.module, contestant.function, work)
                entries.append(Entry(contestant.name, worker))
        X, y = work.data()
        start = work.objective(X, y, work.start())
        each(entries, "import", lambda entry: entry.worker.result())
        each(entries, "first run", lambda entry: entry.begin(work, X, y))
        for k in range(rounds):
            order = entries if k % 2 else entries[::-1]
            each(order, f"round {k + 1} of {rounds}", lambda entry, k=k: entry.turn(AT_ONCE * k + 1, budget / rounds, budget))
        each(entries, "memory", Entry.end)
    return Outcome(work, start, [entry for entry in entries if entry.name not in left_out], left_out)
