"""From nothing to the first result of a2: whole processes, from their start to their end, in turn."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks._worker import environment
from benchmarks.contestants import CONTESTANTS

CODE = """
from benchmarks import _seat
from benchmarks._works import works
_seat.sit("{module}", "{function}", next(work for work in works() if work.name == "a2"))
_seat.first()
"""
TAKE_PART = ("jgd", "optax, scan", "torch, DataLoader", "Keras on JAX", "Keras on torch", "Keras on TensorFlow", "NumPy")


def jgd_cache(folder: str) -> dict[str, str]:
    return {"JGD_COMPILATION_CACHE": folder}


def jax_cache(folder: str) -> dict[str, str]:
    """What has JAX keep its programs there, however small."""
    return {
        "JAX_COMPILATION_CACHE_DIR": folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }  # fmt: skip


def first_call(rounds: int, quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of each process, and who was left out. With a warm cache: JAX's persistent one, which a run before has filled."""
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        warm = {"jgd": jgd_cache(ours), "optax, scan": jax_cache(theirs)}
        takers = [c for c in CONTESTANTS if c.name in TAKE_PART]
        left_out = {c.name: reason for c in takers if (reason := c.absence(quick))}
        cases = [(c.name, c, c.env) for c in takers if c.name not in left_out]
        cases += [(f"{c.name}, warm cache", c, warm[c.name]) for _, c, _ in cases if c.name in warm]
        found: dict[str, list[float]] = {name: [] for name, _, _ in cases}
        for k in range(rounds + 1):  # the first fills the caches, of files too
            say(f"first_call: round {k} of {rounds}")
            for name, contestant, env in cases:
                if name in left_out:
                    continue
                began = time.perf_counter()
                code = CODE.format(module=contestant.module, function=contestant.function)
                done = subprocess.run([sys.executable, "-c", code], env=environment(env), capture_output=True, text=True)
                if done.returncode:
                    left_out[name] = f"FAILED: {done.stderr.strip().splitlines()[-1]}"
                elif k:
                    found[name].append(time.perf_counter() - began)
    rows = [{"name": name, "seconds": median(s), "all": s} for name, s in found.items() if name not in left_out]
    return {"rows": rows, "left_out": left_out}
