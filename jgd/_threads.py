"""Work on several cores at once, by threads: NumPy and XLA let go of Python's lock while they compute."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST = 8


def cores() -> int:
    """How many threads are worth it here."""
    return min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def at_once(function: Callable[[int], Any], count: int) -> list[Any]:
    """What it makes of 0..count-1, the first by this thread and the others by others, which must not ask for more themselves."""
    others = [_threads().submit(function, i) for i in range(1, count)]
    return [function(0), *(other.result() for other in others)]


def by_parts(function: Callable[[slice], Any], n: int, least: int) -> list[Any]:
    """What it makes of the parts of 0..n-1, one for each core, of so many at least, in their order."""
    count = max(1, min(cores(), n // max(least, 1)))
    edges = [n * i // count for i in range(count + 1)]
    return at_once(lambda i: function(slice(edges[i], edges[i + 1])), count)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "jgd")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # which has none of its parent's threads
