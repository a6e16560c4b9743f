"""The progress of a sweep, or of several that are parts of one thing."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from jgd._meter import Meter, compact, duration
from jgd.experiments._blocks import Block
from jgd.experiments._groups import Group
from jgd.training.stopping import RUNNING


class Part(NamedTuple):
    """A sweep that is one of several: a fold of a cross-validation.

    Attributes:
      meter: that of all.
      name: what such a part is called.
      number: which it is, from 0, of `count`.
    """

    meter: Meter
    name: str
    number: int
    count: int


@contextlib.contextmanager
def meter(wanted: bool | Part, found: list[Group]) -> Iterator[Callable[[list[Block]], None] | None]:
    """A function that shows how far the blocks are, when that is due; what it was shown last is drawn at the end.

    Steps of lanes are counted, those that a lane which has ended need not take as taken, so that the time left is true.
    """
    if not wanted:
        yield None
        return
    part = wanted if isinstance(wanted, Part) else None
    drawn = Meter() if part is None else part.meter
    known: list[list[Block]] = []
    clock = _Clock(drawn)
    total = sum(len(group.lanes) * group.steps for group in found)
    lanes = sum(len(group.lanes) for group in found)

    def draw(blocks: list[Block], over: bool) -> None:
        done = sum(_done(block) for block in blocks)
        share = done / max(1, total)
        running = sum(int(np.sum(block.status == RUNNING)) for block in blocks)
        failed = sum(block.failed for block in blocks)
        lanes_said = f"{running} running, {lanes - running - failed} ended, {failed} failed"
        of_part = "" if part is None else f"{part.name} {part.number + 1} of {part.count}: "
        whole = share if part is None else (part.number + share) / part.count
        finished = over and (part is None or running or part.number + 1 == part.count)
        speed = clock.speed(done)
        if finished:
            ending = f"{'interrupted' if running else 'done'} after {duration(drawn.seconds)}"
        else:
            ending = f"at most {duration(clock.left(whole))} left" if speed else ""
        rate = f"{compact(speed)} steps/s" if speed else ""
        drawn.draw(whole, [f"{of_part}{done:,}/{total:,} steps of lanes", ending, lanes_said, _best(blocks), rate])

    def show(blocks: list[Block]) -> None:
        known[:] = [blocks]
        clock.look(sum(_done(block) for block in blocks), 0.0 if part is None else part.number / part.count)
        if drawn.due and clock.start is not None:
            draw(blocks, False)

    try:
        yield show
    finally:
        last = part is None or part.number + 1 == part.count
        for blocks in known:
            if last or any(block.running for block in blocks):
                draw(blocks, True)
        if part is None:
            drawn.close()


class _Clock:
    """Speed and time left, from when the first call of a program had come back: compilation is over then."""

    def __init__(self, drawn: Meter):
        self.drawn, self.start = drawn, None

    def look(self, done: int, share: float) -> None:
        if self.start is None and done:
            self.start = (self.drawn.seconds, done, share)

    def speed(self, done: int) -> float:
        if self.start is None or done == self.start[1]:
            return 0.0
        return (done - self.start[1]) / (self.drawn.seconds - self.start[0])

    def left(self, share: float) -> float:
        passed, made = self.drawn.seconds - self.start[0], share - self.start[2]
        return passed * (1 - share) / made if made > 0 else 0.0


def _done(block: Block) -> int:
    running = int(np.sum(block.status == RUNNING))
    return running * block.steps + (block.size - running) * block.group.steps


def _best(blocks: list[Block]) -> str:
    """The least of what the lanes last recorded of the loss."""
    last: list[Any] = []
    for block in blocks:
        written = block.written[-1] if block.written else None
        if written is not None and len(written.records["loss"]):
            last.append(written.records["loss"][-1][written.table >= 0])
    values = np.concatenate(last) if last else np.zeros(0)
    values = values[np.isfinite(values)]
    return f"least loss {values.min():.4g}" if values.size else ""
