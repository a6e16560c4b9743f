"""What a contestant does in its process: takes its seat, does the work, says how long it took and how much memory it held."""

import importlib
import time
from pathlib import Path
from typing import Any

_seat: dict[str, Any] = {}


def sit(module: str, function: str, work, settings: dict[str, Any] | None = None) -> float:
    """Imports the library, which takes the seconds returned, and makes the data; nothing of the work is done."""
    data, began = work.data(), time.perf_counter()
    make = getattr(importlib.import_module(f"benchmarks.contestants.{module}"), function)
    seconds = time.perf_counter() - began
    _seat["run"] = make(work, *data, **(settings or {}))
    return seconds


def first(setting: float = 0) -> tuple[float, Any]:
    """Seconds of the first run, compilation included, and its parameters."""
    began = time.perf_counter()
    params = _seat["run"](setting)
    return time.perf_counter() - began, params


def repeat(count: int, setting: float, step: float = 1) -> list[float]:
    """Seconds of each of so many runs; the first has this seed or setting, each later one so much more."""
    seconds, run, clock = [], _seat["run"], time.perf_counter
    for i in range(count):
        began = clock()
        run(setting + step * i)
        seconds.append(clock() - began)
    return seconds


def peak() -> float:
    """MiB of memory held at most since the process began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
