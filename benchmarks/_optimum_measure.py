"""How long each takes to each accuracy: up a ladder of settings, and then the settings that got there, in turn."""

import contextlib
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import _seat
from benchmarks._measure import PAUSE, SLOW
from benchmarks._optimum_solvers import Solver
from benchmarks._optimum_works import OptimumWork
from benchmarks._worker import Worker, WorkerFailed, WorkerSlow

AGAIN = 8  # so many, the fastest to a target, are run again
FLOOR = 3  # settings in a row that bring nothing, after which no finer one will
BELOW = 1e-9  # an error that is this far below zero says that the optimum was none


@dataclasses.dataclass
class Rung:
    """A setting, the error it ends with, and seconds: of the first run, and of later ones; of the first, if it is too slow."""

    setting: float
    error: float
    first: float
    seconds: list[float]

    @property
    def steady(self) -> float:
        return statistics.median(self.seconds)


@dataclasses.dataclass
class Climb:
    """What was measured of a solver: its rungs from the coarsest on, and why there are no more."""

    solver: Solver
    worker: Worker
    rungs: list[Rung] = dataclasses.field(default_factory=list)
    importing: float = 0.0
    ended: str = ""
    peak: float = 0.0

    @property
    def name(self) -> str:
        return self.solver.name

    def reaching(self, target: float) -> Rung | None:
        """The fastest that is accurate enough."""
        return min((rung for rung in self.rungs if rung.error <= target), key=lambda rung: rung.steady, default=None)

    def step(self, setting: float, judge: Callable, bound: float) -> Rung:
        first, found = self.worker.call(_seat.first, setting, timeout=bound)
        seconds = [first] if first > SLOW else self.worker.call(_seat.repeat, 1, setting, 0, timeout=bound)
        rung = Rung(setting, judge(found), first, seconds)
        self.rungs.append(rung)
        return rung

    def up(self, work: OptimumWork, judge: Callable, bound: float) -> None:
        """To the finest target, or as far as it goes; and for each target a setting between the last two."""
        lowest, idle = float("inf"), 0
        for setting in self.solver.ladder:
            error = self.step(setting, judge, bound).error
            idle = idle + 1 if not error < 0.9 * lowest else 0
            lowest = min(error, lowest)
            if error <= work.targets[-1]:
                break
            if idle == FLOOR:
                self.ended = f"no closer than {lowest:.1e}"
                break
        else:
            self.ended = f"at the end of its settings, {self.solver.ladder[-1]:g}, {lowest:.1e}"
        for target in work.targets:
            if between := self._between(target):
                self.step(between, judge, bound)

    def _between(self, target: float) -> float | None:
        """The geometric mean of the first setting that reaches the target and the one before; None if there is no such."""
        rungs = sorted(self.rungs, key=lambda rung: rung.setting, reverse=self.solver.ladder[0] > self.solver.ladder[-1])
        found = next((k for k, rung in enumerate(rungs) if rung.error <= target), 0)
        if not found:
            return None
        low, high = rungs[found - 1].setting, rungs[found].setting
        middle = (low * high) ** 0.5
        if self.solver.ladder[-1] > 1:  # steps
            middle = float(round(middle))
        return None if middle in (low, high) else middle

    def again(self, target: float, share: float) -> None:
        """As many runs of what reaches the target as fit its share of the time, and one at least."""
        rung = self.reaching(target)
        if rung is not None and rung.seconds != [rung.first]:
            time.sleep(PAUSE)
            rung.seconds += self.worker.call(_seat.repeat, max(1, min(20, int(share / rung.steady))), rung.setting, 0)


@dataclasses.dataclass
class Outcome:
    """A work's climbs, and who was left out, and why."""

    work: OptimumWork
    climbs: list[Climb]
    left_out: dict[str, str]


def measure(
    work: OptimumWork, solvers: Sequence[Solver], rounds: int, budget: float, bound: float, pythons: dict[str, str],
    say: Callable[[str], None],
) -> Outcome:  # fmt: skip
    """First each climbs, alone; then, round by round in turn, what reached the targets is run again.

    Args:
      budget: seconds for each target of each, about, in the rounds together.
      bound: seconds that a run may take at most.
      pythons: the interpreters of libraries that have one of their own.
    """
    left_out = {solver.name: reason for solver in solvers if (reason := solver.missing(pythons))}
    judge, climbs = work.judge(), []
    with contextlib.ExitStack() as stack:
        for solver in solvers:
            if solver.name not in left_out:
                say(f"{work.name}: {solver.name}")
                worker = stack.enter_context(Worker(solver.env, pythons.get(solver.library) or sys.executable))
                climb = Climb(solver, worker)
                if reason := _climbed(climb, work, judge, bound):
                    left_out[solver.name] = reason
                else:
                    climbs.append(climb)
                _end_the_slow(climbs, work.targets)
        for k in range(rounds):
            for climb in climbs if k % 2 else climbs[::-1]:
                for target in work.targets if climb.worker.alive else ():
                    say(f"{work.name}: {climb.name} to {target:g}, round {k + 1} of {rounds}")
                    try:
                        climb.again(target, budget / rounds)
                    except WorkerFailed as failure:
                        climb.ended = f"FAILED when run again: {failure}"
                        climb.worker.end()
                        break
    return Outcome(work, climbs, left_out)


def _end_the_slow(climbs: list[Climb], targets: Sequence[float]) -> None:
    """Lets go of what holds memory and will not be run again."""
    ahead = []
    for target in targets:
        there = [climb for climb in climbs if climb.reaching(target)]
        ahead += sorted(there, key=lambda climb, target=target: climb.reaching(target).steady)[:AGAIN]
    for climb in climbs:
        if climb not in ahead:
            climb.worker.end()


def _climbed(climb: Climb, work: OptimumWork, judge: Callable, bound: float) -> str | None:
    """Why it is to be left out; None if it got anywhere."""
    solver = climb.solver
    try:
        climb.importing = climb.worker.call(_seat.sit, solver.module, solver.function, work, solver.settings)
        climb.up(work, judge, bound)
        climb.peak = climb.worker.call(_seat.peak)
    except WorkerSlow:
        climb.ended = f"not done after {bound:.0f} s"
        return None if climb.rungs else climb.ended
    except WorkerFailed as failure:
        climb.ended = f"FAILED: {failure}"
        return None if climb.rungs else climb.ended
    return None


def optimum_missed(outcome: Outcome) -> list[str]:
    """Whoever got below the optimum: an error of the benchmark."""
    lowest = {climb.name: min(rung.error for rung in climb.rungs) for climb in outcome.climbs}
    return [f"{outcome.work.name}, {name}: an error of {error:.1e}." for name, error in lowest.items() if error < -BELOW]
