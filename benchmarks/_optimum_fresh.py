"""The first solution of a fresh process: what it imports and compiles counted, with an empty and with a warm cache."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from benchmarks import _seat
from benchmarks._optimum_measure import Climb, Outcome
from benchmarks._report import Table, ratio, seconds
from benchmarks._worker import Worker

COLD, WARM = "cold", "warm cache"


def fresh(outcome: Outcome, rounds: int, pythons: dict[str, str], say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Seconds of import and of the first run to the last target, of those who reach it, in turn."""
    takers = [climb for climb in outcome.climbs if climb.reaching(outcome.work.targets[-1])]
    with contextlib.ExitStack() as stack:
        cases = []
        for climb in takers:
            cases.append((climb, COLD, None))
            if climb.solver.cache("") is not None:
                cases.append((climb, WARM, stack.enter_context(tempfile.TemporaryDirectory())))
        found: dict[int, list[tuple[float, float]]] = {k: [] for k in range(len(cases))}
        for turn in range(rounds + 1):  # the first fills the caches, of files too
            for k, (climb, case, folder) in enumerate(cases):
                say(f"{outcome.work.name}: {climb.name}, {case}, round {turn} of {rounds}")
                seconds = _once(climb, outcome, folder, pythons)
                if turn:
                    found[k].append(seconds)
    rows = zip(cases, found.values(), strict=True)
    return [
        {"name": climb.name, "case": case, "import": median(s[0] for s in all_), "first": median(s[1] for s in all_), "all": all_}
        for (climb, case, _), all_ in rows
    ]


def _once(climb: Climb, outcome: Outcome, folder: str | None, pythons: dict[str, str]) -> tuple[float, float]:
    solver, rung = climb.solver, climb.reaching(outcome.work.targets[-1])
    env = solver.env | ((solver.cache(folder) or {}) if folder else {})
    with Worker(env, pythons.get(solver.library, sys.executable)) as worker:
        importing = worker.call(_seat.sit, solver.module, solver.function, outcome.work, solver.settings)
        return importing, worker.call(_seat.first, rung.setting)[0]


def table(work: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Table:
    ours = [row for row in rows if row["name"] == "jgd"]
    heads = [f"first run / jgd, {row['case']}" for row in ours]
    cells = [
        [f"{row['name']}, {row['case']}", seconds(row["import"]), seconds(row["first"]),
         seconds(row["import"] + row["first"]), *(ratio(row["first"] / base["first"]) for base in ours)]
        for row in rows
    ]  # fmt: skip
    title = f"{work['name']} in a fresh process, to {work['targets'][-1]:g}"
    return Table(title, ["", "import", "first run", "both", *heads], cells)
