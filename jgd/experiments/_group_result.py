"""What the lanes of one structure came to."""

import dataclasses
from typing import Any

import jax
import numpy as np

from jgd.experiments._ended import Ended
from jgd.experiments._groups import Group, Order
from jgd.training import Result
from jgd.training._decide import Best
from jgd.training._history import History
from jgd.training._notes import HostNotes
from jgd.training._plan import Plan
from jgd.training._step import State
from jgd.training._table import blank


@dataclasses.dataclass(frozen=True)
class GroupResult:
    """A group's lanes after a sweep.

    Attributes:
      lanes: their numbers in the sweep.
      plan: that of each.
      most_steps: how many steps they had at most.
      order: which order each had.
      orders: those there were.
      ended: how they ended.
    """

    lanes: np.ndarray
    plan: Plan
    most_steps: int
    order: np.ndarray
    orders: list[Order]
    ended: Ended

    @classmethod
    def of(cls, group: Group, ended: Ended) -> "GroupResult":
        return cls(group.lanes, group.plan, group.steps, group.order, group.orders, ended)

    def record_steps(self, width: int, places: Any = slice(None)) -> np.ndarray:
        """The step of each record; -1 where there is none."""
        at = np.arange(width)
        return np.where(at < self.ended.records[places, None], np.minimum(at * self.plan.every, self.most_steps), -1)

    def recorded(self, name: str, width: int) -> np.ndarray:
        known = self.ended.history.get(name)
        whole = np.full((len(self.lanes), width), blank(np.float32 if known is None else known.dtype))
        if known is not None:
            whole[:, : known.shape[1]] = known
        return whole

    @property
    def measured(self) -> list[str]:
        """What there are scores of."""
        return [*self.ended.history, *([] if self.plan.best is None else [f"best_{self.plan.best}"])]

    def scores(self, metric: str) -> np.ndarray:
        """The last record of each lane; the best one, where it was kept, as `best_...`."""
        if metric == f"best_{self.plan.best}" and self.ended.best is not None:
            return self.ended.best.score
        known = self.ended.history.get(metric)
        if known is None or not self.ended.records.any():
            return np.full(len(self.lanes), np.nan)
        return np.take_along_axis(known, self.ended.records[:, None] - 1, axis=1)[:, 0]

    def result(self, place: int, setting: dict[str, Any], arguments: dict[str, Any], ended_by: str) -> Result:
        """One lane, as a fit would have returned it."""
        if self.ended.records[place] == 0:
            raise ValueError(f"lane {self.lanes[place]} never started: the sweep was interrupted.")
        ended, pick = self.ended, lambda tree: jax.tree.map(lambda leaf: leaf[place], tree)
        state, order = pick(ended.state), self.orders[self.order[place]]
        state = State(*state)._replace(key=ended.keys[self.order[place]])
        count = ended.records[place]
        history = {name: values[place, :count] for name, values in ended.history.items()}
        history["step"] = self.record_steps(count, [place])[0].astype(np.int32)
        best = None if ended.best is None else Best(*pick(ended.best))
        result = Result(state, History(history), ended.status[place], ended.steps[place], best)
        result.notes = HostNotes(
            problem=arguments["problem"], tx=arguments["tx"], data=order.data, stop=arguments["stop"],
            batch_size=arguments["batch_size"], steps_per_epoch=self.plan.steps_per_epoch, setting=setting, ended_by=ended_by,
            start=(arguments["key"], self.plan.shuffle, arguments["params"], None),
        )  # fmt: skip
        return result
