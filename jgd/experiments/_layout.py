"""How lanes are laid out in tables: by order, for all cores, within a budget of memory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jgd.experiments._blocks import Block
from jgd.experiments._groups import Group, Order

# On a CPU: lanes of a block at most, as more gain nothing; the fewest for which another core is worth it; as many of one order as
# are a block of their own; and rows x lanes that a record should look at, for what it makes of them to stay near the core.
MOST, FEWEST, ALONE, ENTRIES = 512, 48, 100, 1_300_000
# Entries of tables for each lane, at most: rows of different lengths are filled up.
FILLERS = 1.25
# Of the memory that is free, what a sweep takes if it is not told; of what it may take, what it plans with; and of that, what
# compiling takes (half at most, where it may take little). A loss of the user's was seen to take 1.6 times what XLA says.
SHARE, MARGIN, COMPILING, MORE = 0.5, 0.9, 70e6, 2.0
# Bytes that any machine has, so that nobody need look.
LITTLE = 2**27


def cores() -> int:
    """How many blocks run at once. On a CPU one for each core: one alone seldom fills two."""
    if jax.default_backend() != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int:
    """Bytes that are free where the programs run."""
    stats = jax.devices()[0].memory_stats() if jax.default_backend() != "cpu" else None
    if stats:
        return stats["bytes_limit"] - stats["bytes_in_use"]
    known = Path("/proc/meminfo")
    for line in known.read_text().splitlines() if known.exists() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def layout(group: Group, width: int, workers: int) -> list[np.ndarray]:
    """The lanes of a group in tables of orders x lanes, all of one shape and of at most `width` entries.

    An order's lanes stand in one row or, where they are too many or many more than those of others, in several. On a CPU long
    rows are a table each: several in one gain nothing.
    """
    of_order = np.split(np.argsort(group.order, kind="stable"), np.cumsum(np.bincount(group.order))[:-1])
    shares = max(1, min(workers, len(group.lanes) // FEWEST))
    width = min(width, -(-len(group.lanes) // shares))
    counts, how_many = np.unique(list(map(len, of_order)), return_counts=True)

    def filled(longest: int) -> int:
        """Entries of the tables, if rows of up to so many lanes are as even as they can be."""
        rows = -(-counts // longest)
        return np.max(-(-counts // rows)) * np.sum(how_many * rows)

    longest = max(size for size in {1, *np.minimum(counts, width)} if filled(size) <= FILLERS * len(group.lanes))
    of_order = [part for lanes in of_order for part in np.array_split(lanes, -(-len(lanes) // longest))]
    longest = max(map(len, of_order))
    # Random bits of keys that are no words (those of JAX's other generators) depend on the keys beside them.
    are_words = all(isinstance(order.key, np.ndarray) for order in group.orders)
    alone = longest >= ALONE and jax.default_backend() == "cpu" or not are_words
    tables = -(-len(of_order) // (1 if alone else max(1, width // longest)))
    height = -(-len(of_order) // tables)
    made = np.full((tables, height, longest), -1)
    for i, lanes in enumerate(of_order):
        made[i // height, i % height, : len(lanes)] = lanes
    return [table for table in made if (table >= 0).any()]


def fitting(group: Group, placed: Callable[[Order], Any], memory: float | None, workers: int) -> tuple[int, int, float]:
    """How many lanes a block may have, and how many blocks may run at once, to stay within so many bytes; and the seconds that
    compiling took.

    Where they might not be enough (and where they are asked for, and nobody knows what the loss does), two programs are compiled
    and asked what memory they take.

    Raises:
      ValueError: if the budget is too small for one lane.
    """
    lanes = len(group.lanes)
    most = min(MOST, max(FEWEST, ENTRIES // max(1, group.rows))) if jax.default_backend() == "cpu" else lanes
    width = min(most, lanes)
    shared = group.data_bytes
    rough = shared + group.rough_bytes * width * workers
    if memory is None and rough < LITTLE:
        return width, workers, 0.0
    budget, is_known = free_memory() * SHARE if memory is None else memory, group.lanes_last or memory is None
    if is_known and rough < budget / 4:
        return width, workers, 0.0
    few, many = min(16, width), min(32, width)
    blocks = {size: Block(group, np.arange(size)[None], placed) for size in {few, many}}
    taken = {size: block.memory() - shared for size, block in blocks.items()}
    spent = sum(block.compile_seconds for block in blocks.values())
    each = max(1.0, (taken[many] - taken[few]) / (many - few) if many > few else taken[few] / few)
    each *= 1.0 if group.lanes_last else MORE
    fixed, room = max(0.0, taken[few] - each * few), budget * MARGIN - min(COMPILING, budget * MARGIN / 2)
    for at_once in range(workers, 0, -1):
        fits = int(((room - shared) / at_once - fixed) / each)
        if fits >= (min(width, FEWEST) if at_once > 1 else 1):
            return min(width, fits), at_once, spent
    need = 2 * (fixed + each + shared) / MARGIN
    several = len({id(order.data) for order in group.orders})
    copies = f"{several:,} data sets (a validation share makes one for each key)" if several > 1 else "the data"
    raise ValueError(
        f"memory={budget / 1e6:,.1f} MB are too few for one lane, which takes about {need / 1e6:,.1f} MB, {shared / 1e6:,.1f} of "
        f"them for {copies}: give more."
    )
