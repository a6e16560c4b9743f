"""The first sweep of a process: b1, with an empty compilation cache and with the one that left behind."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks import _report
from benchmarks._worker import environment

CODE = """
from benchmarks import _seat
from benchmarks._sweep_works import works
_seat.sit("jgd", "lanes", next(work for work in works() if work.name == "b1"))
print(_seat.first()[0])
"""
CASES = ("empty cache", "warm cache")


def first_call(rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Seconds of whole processes, and of the sweep in them, in turn.

    Raises:
      RuntimeError: if one fails.
    """
    wall: dict[str, list[float]] = {case: [] for case in CASES}
    call: dict[str, list[float]] = {case: [] for case in CASES}
    for k in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for case in CASES:
                say(f"cold: {case}, round {k + 1} of {rounds}")
                env, began = environment({"JGD_COMPILATION_CACHE": cache}), time.perf_counter()
                done = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(done.stderr.strip().splitlines()[-1])
                wall[case].append(time.perf_counter() - began)
                call[case].append(float(done.stdout))
    return [{"name": case, "wall": median(wall[case]), "call": median(call[case]), "all": wall[case]} for case in CASES]


def table(rows: list[dict[str, Any]]) -> _report.Table:
    cells = [[row["name"], f"{row['wall']:.2f} s", f"{row['call']:.2f} s"] for row in rows]
    title = "cold: b1 by jgd in a fresh process"
    return _report.Table(title, ["", "from start to end of the process", "the sweep alone"], cells)
