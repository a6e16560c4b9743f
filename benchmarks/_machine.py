"""The machine and what is installed on it, and how fast it reads memory."""

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

LIBRARIES = ("jax", "jaxlib", "optax", "torch", "keras", "tensorflow", "tensorflow-cpu", "scikit-learn", "joblib", "numba",
             "numpy", "scipy", "glum", "statsmodels", "skglm", "optimistix")  # fmt: skip
READ = 400_000_000  # bytes


def machine() -> dict[str, Any]:
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory = next((int(line.split()[1]) / 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0.0)
    versions = {name: version for name in LIBRARIES if (version := _version(name))}
    return {
        "cpu": model, "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory, 1), "cache_mib": last_cache() / 2**20,
        "python": platform.python_version(), "libraries": versions, "jgd": _commit(), "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def last_cache() -> int:
    """Bytes of the last level of cache, which a second pass need not read from memory again."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max((int(size.read_text().strip().removesuffix("K")) * 1024 for size in sizes), default=0)


def read_seconds() -> float:
    """Seconds of the fastest of some reads of READ bytes, by XLA's and by numba's loops, on all cores."""
    import jax
    import jax.numpy as jnp
    import numba
    import numpy as np

    @numba.njit(parallel=True, fastmath=True)
    def total(x):
        value = np.float32(0)
        for i in numba.prange(x.size):
            value += x[i]
        return value

    x = np.ones(READ // 4, np.float32)
    on_device, compiled = jnp.asarray(x), jax.jit(jnp.sum)
    reads = (lambda: total(x), lambda: compiled(on_device).block_until_ready())
    seconds = []
    for _ in range(10):
        for read in reads:
            began = time.perf_counter()
            read()
            seconds.append(time.perf_counter() - began)
    return min(seconds)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
