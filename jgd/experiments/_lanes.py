"""The lanes of one structure after a sweep, and the values of settings as people see them."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._leaves import is_number
from jgd.data import Dataset
from jgd.data._dataset import ByFeature
from jgd.experiments._ended import Ended
from jgd.experiments._groups import Group, Order
from jgd.training import Result
from jgd.training._decide import Best
from jgd.training._plan import Plan
from jgd.training._result import History, HostNotes
from jgd.training._step import State
from jgd.training._table import blank


@dataclasses.dataclass(frozen=True)
class Lanes:
    """What the lanes of one structure came to.

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
    def of(cls, group: Group, ended: Ended) -> "Lanes":
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
        )  # fmt: skip
        return result

    def to_file(self) -> "Lanes":
        """Without rows of data, and in what a file can hold."""
        orders = [Order(None, without_rows(order.data), None) for order in self.orders]
        return dataclasses.replace(self, orders=orders, ended=jax.tree.map(_packed_key, self.ended))

    def from_file(self) -> "Lanes":
        return dataclasses.replace(self, ended=jax.tree.map(_key, self.ended, is_leaf=lambda leaf: isinstance(leaf, _PackedKey)))


class _PackedKey(NamedTuple):
    """A JAX key, or an array of them, as a file can hold it."""

    words: np.ndarray
    kind: str


def _packed_key(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return _PackedKey(np.asarray(jax.random.key_data(leaf)), str(jax.random.key_impl(leaf)))
    return np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf


def _key(leaf: Any) -> Any:
    return jax.random.wrap_key_data(leaf.words, impl=leaf.kind) if isinstance(leaf, _PackedKey) else leaf


def without_rows(value: Any) -> Any:
    """Data as what is known of them besides their rows; anything else as it is."""
    if isinstance(value, Dataset):
        X = value.X.by_feature.T if isinstance(value.X, ByFeature) else value.X
        return value._with(X=np.asarray(X[:1]), y=None if value.y is None else np.asarray(value.y[:1]), sample_weight=None)
    return value


def labels(values: Sequence[Any]) -> list[Any]:
    """Values as a table shows them: numbers, flags and text as they are, anything else as its text, told apart by numbers."""
    plain = lambda v: v is None or isinstance(v, (bool, str, np.bool_)) or _is_number(v)
    texts = {i: repr(v) for i, v in enumerate(values) if not plain(v)}
    same = len(set(texts.values())) < len(texts)
    texts = {i: f"{i}: {text}" if same else text for i, text in texts.items()}
    return [texts.get(i, v.item() if hasattr(v, "item") else v) for i, v in enumerate(values)]


def matches(name: str, values: Sequence[Any], wanted: Any) -> list[bool]:
    """Which of the values a condition of `where` means.

    Raises:
      ValueError: if none.
    """
    if callable(wanted) and not any(_same(value, wanted) for value in values):
        return [bool(wanted(value)) for value in values]
    is_list = isinstance(wanted, (list, tuple, set, range, np.ndarray)) and not hasattr(wanted, "init")
    found = np.zeros(len(values), bool)
    numbers = np.array([value if _is_number(value) else np.nan for value in values], float)
    for one in wanted if is_list else [wanted]:
        if _is_number(one):
            hits = np.isclose(numbers, one, rtol=1e-6, atol=0)
        else:
            hits = np.array([_same(value, one) for value in values])
        if not hits.any():
            shown = labels(values)
            if _is_number(one) and np.isfinite(numbers).any():
                shown = sorted(filter(_is_number, shown), key=lambda v: abs(v - one))[:3]
            raise ValueError(f"{name} was not swept over {one!r}; near it are {', '.join(f'{v!r}' for v in shown[:5])}.")
        found |= hits
    return found.tolist()


def _is_number(value: Any) -> bool:
    return is_number(value) and np.ndim(value) == 0


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, str) and not isinstance(a, str):
        return repr(a) == b
    return a is b or type(a) is type(b) and not hasattr(a, "shape") and bool(a == b)


def described(values: Sequence[Any]) -> str:
    """The values of an axis in a few words."""
    shown = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in labels(values)]
    if len(values) <= 6:
        return ", ".join(shown)
    if all(map(_is_number, values)):
        return f"{len(values)} values from {min(values):.4g} to {max(values):.4g}"
    return f"{len(values)} values, {shown[0]}, ..., {shown[-1]}"
