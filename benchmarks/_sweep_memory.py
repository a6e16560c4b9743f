"""What a sweep of more lanes than fit takes of the memory it was given."""

import time
from pathlib import Path
from typing import Any

from benchmarks import _report
from benchmarks._sweep_works import large

BUDGET = 5e8
CALLS = ("first call", "second call")


def measured(calls: int) -> list[dict[str, Any]]:
    """For each of the first calls the bytes resident before it, and the most that were during it."""
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.contestants import jgd

    work = large()
    X, y = work.data()
    run = jgd.lanes(work, X, y, memory=BUDGET)
    np.asarray(jnp.ones(8) + 1)  # JAX itself
    rows = []
    for name in CALLS[:calls]:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held now
        before, began = _bytes("VmRSS"), time.perf_counter()
        run(0)
        rows.append({"name": name, "seconds": time.perf_counter() - began, "before": before, "taken": _bytes("VmHWM") - before})
    return rows


def _bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def table(rows: list[dict[str, Any]]) -> _report.Table:
    mega = lambda value: f"{value / 1e6:,.0f} MB"
    cells = [
        [row["name"], _report.seconds(row["seconds"]), mega(row["before"]), mega(row["taken"]), f"{row['taken'] / BUDGET:.2f}"]
        for row in rows
    ]
    header = ["", "seconds", "held before", "taken at most", "/ budget"]
    notes = ["resident memory of the process: what compiling takes is in that of the first call, which the budget does not mean"]
    return _report.Table(f"memory: {large().says}, memory={BUDGET:g}", header, cells, notes)
