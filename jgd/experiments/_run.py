"""Runs the blocks of a sweep: on all cores, to the end, by rungs if asked."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd.data._by_feature import ready
from jgd.experiments._blocks import Block
from jgd.experiments._ended import Ended, ended
from jgd.experiments._groups import Group, Order
from jgd.experiments._layout import cores, fitting, layout
from jgd.training._driver import record_count
from jgd.training._record import sign_of
from jgd.training.stopping import RUNNING

# What JAX keeps for each thread: a program is to be the one that the caller's would be.
OF_THREAD = ("enable_x64", "default_device", "default_matmul_precision", "numpy_rank_promotion", "numpy_dtype_promotion",
             "default_prng_impl", "threefry_partitionable", "debug_nans", "debug_infs", "disable_jit")  # fmt: skip


def _settings() -> dict[str, Any]:
    found = {name: getattr(jax.config, f"jax_{name}") for name in OF_THREAD}
    return {name: getattr(value, "value", value) for name, value in found.items()}


@contextlib.contextmanager
def _with(wanted: dict[str, Any]) -> Iterator[None]:
    """This thread with the settings of another."""
    with contextlib.ExitStack() as stack:
        for name, value in _settings().items():
            if value != wanted[name]:
                stack.enter_context(getattr(jax, name)(wanted[name]))
        yield


class Outcome(NamedTuple):
    """What came of all groups.

    Attributes:
      ended: of each group.
      computed: how many steps of lanes were computed, fillers and lanes that had ended included.
      compile_seconds: spent compiling.
      interrupted: whether the user ended it.
    """

    ended: list[Ended]
    computed: int
    compile_seconds: float
    interrupted: bool


class Halving(NamedTuple):
    """How lanes are cut.

    Attributes:
      factor: at each rung the best 1 / factor of the settings go on.
      metric: the recorded quantity that says which are the best.
      setting: for each lane of the sweep the number of its setting: lanes that differ in their key alone share one.
    """

    factor: int
    metric: str
    setting: np.ndarray


def run(found: list[Group], memory: float | None, halving: Halving | None, show: Callable[[list[Block]], None] | None) -> Outcome:
    """Runs all lanes."""
    datasets: dict[Any, Any] = {}
    placing = threading.Lock()

    def placed(order: Order, group: Group) -> tuple:
        few = group.condensed
        name = (id(order.data), id(order.validation), group.plan.by_feature, id(order.data) in few, id(order.validation) in few)
        with placing:
            if name in datasets:
                return datasets[name]
            put = lambda part, by_feature: None if part is None else ready(few.get(id(part), part), by_feature)
            whole = [put(part, group.plan.by_feature) for part in order[1:]]
            with_rows = id(order.data) in few and group.plan.batch_size is not None
            datasets[name] = (*whole, ready(order.data, False) if with_rows else None)
        return datasets[name]

    at_once, blocks, compiling = cores(), {}, 0.0
    for i, group in enumerate(found):
        of_group = lambda order, group=group: placed(order, group)
        width, workers, spent = fitting(group, of_group, memory, cores())
        compiling += spent
        at_once = min(at_once, workers)
        blocks[i] = [Block(group, table, of_group) for table in layout(group, width, workers)]
    every = [block for of_group in blocks.values() for block in of_group]
    rungs = [np.full(len(group.lanes), -1) for group in found]
    interrupted = threading.Event()
    pool = _pool(at_once)
    watched = show is not None or any(group.is_long for group in found)
    for k, share in enumerate(_shares(found, halving)):
        _advance(pool, every, share, interrupted, watched, show)
        if share < 1 and not interrupted.is_set():
            _cut(pool, found, blocks, halving, k, rungs)
    ended_lanes = [ended(group, blocks[i], rungs[i]) for i, group in enumerate(found)]
    compiling += sum(block.compile_seconds for block in every)
    return Outcome(ended_lanes, sum(block.computed for block in every), compiling, interrupted.is_set())


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, "jgd sweep")


def _advance(
    pool: ThreadPoolExecutor, blocks: list[Block], share: float, interrupted: threading.Event, watched: bool, show: Any
) -> None:
    """Runs all blocks up to a share of their runs."""
    settings = _settings()

    def go(block: Block) -> None:
        with _with(settings):
            advance(block)

    def advance(block: Block) -> None:
        until = block.last if share >= 1 else max(1, round(share * (block.last - 1)))
        while block.running and block.records < until and not interrupted.is_set():
            block.advance(until, watched, interrupted.is_set)
        if share >= 1 or not block.running:
            block.finish()

    waiting = {pool.submit(go, block) for block in blocks}
    try:
        while waiting:
            done, waiting = wait(waiting, timeout=0.1)
            if show is not None:
                show(blocks)
            for future in done:
                future.result()
    except KeyboardInterrupt:
        interrupted.set()
        if not watched:  # a call runs to its end, and there is nothing before
            raise
        wait(waiting)
        for block in blocks:
            block.finish()
        if show is not None:
            show(blocks)
    except BaseException:
        interrupted.set()  # the others need not go on
        wait(waiting)
        raise


def _shares(found: list[Group], halving: Halving | None) -> list[float]:
    """The shares of the runs at which lanes are cut, and 1."""
    if halving is None:
        return [1.0]
    intervals = min(record_count(group.steps, group.plan.every) - 1 for group in found)
    settings, rungs = len(np.unique(halving.setting)), 0
    while halving.factor ** (rungs + 1) <= min(settings, intervals):
        rungs += 1
    return [halving.factor ** (k - rungs) for k in range(rungs + 1)]


def _cut(pool, found: list[Group], blocks: dict[int, list[Block]], halving: Halving, rung: int, rungs: list[np.ndarray]) -> None:
    """Ends all lanes but those of the best settings."""
    every = [(i, block) for i, of_group in blocks.items() for block in of_group if block.running]
    settings = _settings()

    def close(pair: tuple[int, Block]):
        with _with(settings):
            return pair[1].close()

    closed = list(pool.map(close, every))
    scores = np.full(len(halving.setting), np.inf)
    going = np.zeros(len(halving.setting), bool)
    sign = sign_of(halving.metric, found[0].plan.metrics)
    for i, of_group in blocks.items():
        for block in of_group:
            ids, score = block.ended(halving.metric)
            scores[found[i].lanes[ids]] = sign * score
    for (i, block), (record, _) in zip(every, closed, strict=True):
        at = (block.table >= 0) & (block.status == RUNNING)
        lanes = found[i].lanes[block.table[at]]
        scores[lanes], going[lanes] = sign * record[halving.metric][0][at], True
    if not going.any():
        return
    # A setting is as good as its lanes' mean; one of them that failed makes it the worst.
    scores = np.where(np.isfinite(scores), scores, np.inf)
    settings = np.unique(halving.setting[going])
    means = (np.bincount(halving.setting, scores) / np.bincount(halving.setting))[settings]
    total = len(np.unique(halving.setting))
    keep = settings[np.argsort(means, kind="stable")[: max(1, total // halving.factor ** (rung + 1))]]
    for (i, block), (record, carry) in zip(every, closed, strict=True):
        ids = found[i].lanes[np.maximum(block.table, 0)]
        which = (block.table >= 0) & (block.status == RUNNING) & ~np.isin(halving.setting[ids], keep)
        if which.any():
            rungs[i][block.table[which]] = rung
            block.cut(which, record, carry)
            if not block.running:
                block.finish()
