"""What a contestant does in its process: takes its seat, does the work, says how long it took and how much memory it held."""

import importlib
import time
from pathlib import Path
from typing import Any

_seat: dict[str, Any] = {}


def sit(module: str, function: str, work) -> None:
    """Imports the library and makes the data; nothing of the work is done."""
    data = work.data()
    _seat["run"] = getattr(importlib.import_module(f"benchmarks.contestants.{module}"), function)(work, *data)


def first() -> tuple[float, Any]:
    """Seconds of the first run, compilation included, and its parameters."""
    began = time.perf_counter()
    params = _seat["run"](0)
    return time.perf_counter() - began, params


def repeat(count: int, seed: int) -> list[float]:
    """Seconds of each of so many runs."""
    seconds, run, clock = [], _seat["run"], time.perf_counter
    for i in range(count):
        began = clock()
        run(seed + i)
        seconds.append(clock() - began)
    return seconds


def peak() -> float:
    """MiB of memory held at most since the process began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
