"""The bar of a sweep."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from jgd.experiments._blocks import Block
from jgd.experiments._groups import Group
from jgd.training.stopping import RUNNING


@contextlib.contextmanager
def bar(wanted: bool, found: list[Group]) -> Iterator[Callable[[list[Block]], None] | None]:
    """A function that shows how far the blocks are; None if it is not wanted.

    The bar counts steps of lanes, those that a lane which has ended need not take as taken, so that its time left is true.
    """
    if not wanted:
        yield None
        return
    from tqdm.auto import tqdm

    lanes = sum(len(group.lanes) for group in found)
    with tqdm(total=sum(len(group.lanes) * group.steps for group in found), unit="step", unit_scale=True) as shown:

        def show(blocks: list[Block]) -> None:
            running, done, failed = 0, 0, 0
            for block in blocks:
                count = int(np.sum(block.status == RUNNING))
                running += count
                done += count * block.steps + (block.size - count) * block.group.steps
                failed += block.failed
            shown.update(done - shown.n)
            shown.set_postfix_str(f"{running} running, {lanes - running - failed} ended, {failed} failed", refresh=False)

        yield show
