"""Lanes by structure: what can run as one program, as arrays."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import key_words
from jgd._expression import pack
from jgd._over import Over
from jgd.data import Dataset
from jgd.data._dataset import as_dataset
from jgd.experiments._settings import Settings
from jgd.models import Problem
from jgd.training._data import split
from jgd.training._driver import is_long, record_count
from jgd.training._plan import Plan
from jgd.training._prepare import Run, once, prepare
from jgd.training._start import check_start
from jgd.training.stopping import StoppingRule
from jgd.transformation import GradientTransformation, as_transformation, asked

# Looks at all rows, for each of their columns, that it takes to pay for making fewer rows of them; and rows at a time, at most,
# for which a lane of jgd's own models makes something on a CPU (see `_whole`).
COST, AT_ONCE = 20, 1024


class Order(NamedTuple):
    """A key and the data it orders."""

    key: Any
    data: Dataset | None
    validation: Dataset | None


class Group:
    """Lanes of one structure.

    Attributes:
      plan, structure, steps: the static part of all their runs.
      lanes_last: whether lanes stand last in their arrays; see `Form`.
      lanes: their numbers in the sweep.
      numbers: shape (lanes, numbers).
      others: for each other leaf one array, lanes first.
      order: which order each lane has.
      orders: those there are.
      params: where to start, lanes first; or None.
    """

    def __init__(self, plan: Plan, structure: Any, steps: int, lanes_last: bool, parts: list["_Part"]):
        self.plan, self.structure, self.steps, self.lanes_last = plan, structure, steps, lanes_last
        self.lanes = np.concatenate([part.lanes for part in parts])
        self.numbers = np.concatenate([part.numbers for part in parts])
        repeated = lambda leaf, part: np.repeat(np.asarray(leaf)[None], len(part.lanes), axis=0)
        joined = lambda leaves: np.concatenate([repeated(leaf, part) for leaf, part in zip(leaves, parts, strict=True)])
        self.others = [joined(leaves) for leaves in zip(*(part.others for part in parts), strict=True)]
        starts = [part.run.params for part in parts]
        self.params = None if starts[0] is None else jax.tree.map(lambda *leaves: joined(leaves), *starts)
        known: dict[tuple, int] = {}
        self.orders: list[Order] = []
        order = []
        for part in parts:
            numbers = []
            for one in part.orders:
                name = (_id_of_key(one.key), id(one.data), id(one.validation))
                if name not in known:
                    known[name] = len(self.orders)
                    self.orders.append(one)
                numbers.append(known[name])
            order.append(np.array(numbers)[part.order])
        self.order = np.concatenate(order)
        self._first = parts[0].run.inputs

    @property
    def is_long(self) -> bool:
        """Whether its lanes may take long enough, one beside the other, to be interrupted."""
        return is_long(self.plan, self._first, self.steps, len(self.lanes))

    @property
    def own_data(self) -> bool:
        """Whether its orders have different data."""
        return len({(id(order.data), id(order.validation)) for order in self.orders}) > 1

    @functools.cached_property
    def start(self) -> Any:
        """Shapes and dtypes of a lane's parameters."""
        if self.params is not None:
            return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), self.params)
        problem, data = self._first.problem, self._first.data
        known = (self.structure, _kind_of(data)) if problem._is_plain else None
        return once(known, lambda: jax.eval_shape(lambda key: problem.init(key, data), jax.random.key(0)))

    @functools.cached_property
    def data_bytes(self) -> int:
        """Of the data, as the programs keep them."""
        rows = {id(order.data): order.data for order in self.orders if order.data is not None}
        looked_at = {id(part): part for order in self.orders for part in order[1:] if part is not None}
        kept = [self.condensed.get(name, part) for name, part in looked_at.items()]
        if self.plan.batch_size is not None and (self.plan.by_feature or self.condensed):
            kept += rows.values()
        return sum(leaf.nbytes for part in kept for leaf in jax.tree.leaves(part))

    @functools.cached_property
    def condensed(self) -> dict[int, Dataset]:
        """By the id of data that all lanes look at, fewer rows that say the same: where it pays and nothing asks for the rows."""
        looks = len(self.lanes) * (record_count(self.steps, self.plan.every) + (self.plan.batch_size is None) * self.steps)
        condense, found = self._first.problem.functions.condense, {}
        if condense is None or self.plan.metrics or "row_grads" in asked(self._first.tx):
            return found
        if looks <= COST * self._first.data.X.shape[1]:
            return found
        for parts in zip(*(order[1:] for order in self.orders), strict=True):
            some = {id(part): (part, condense(part)) for part in {id(part): part for part in parts}.values() if part is not None}
            if all(few is not part for part, few in some.values()):  # those of all orders have one shape
                found |= {name: few for name, (_, few) in some.items()}
        return found

    @property
    def rows(self) -> int:
        """For how many rows something is made at once, for each lane."""
        if self.lanes_last and not self.plan.metrics and jax.default_backend() == "cpu":
            return (self.plan.batch_size or 0) + AT_ONCE
        return sum(len(part) for part in self.orders[0][1:] if part is not None)

    @property
    def rough_bytes(self) -> float:
        """About what a lane takes at most: a few numbers for each row that a record looks at, and for each parameter."""
        width = max([leaf.shape[-1] if len(leaf.shape) > 1 else 1 for leaf in jax.tree.leaves(self.start)])
        size = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(self.start))
        return 8.0 * (6 * self.rows * width + 16 * size + 4096)

    @property
    def work_of_step(self) -> float:
        """About how many multiplications a step of a lane takes: two products of its rows and its parameters."""
        rows = (self.plan.rows or 1) if self.plan.batch_size is None else self.plan.batch_size
        return 2.0 * rows * sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(self.start))


class _Part(NamedTuple):
    """Lanes that share all but numbers and keys, with the run of the first of them."""

    run: Run
    lanes: np.ndarray
    numbers: np.ndarray
    others: list[Any]
    order: np.ndarray
    orders: list[Order]


def groups(settings: Settings, budget: Callable[[], float]) -> list[Group]:
    """All lanes, by what can be one program; checks every argument of each.

    Args:
      budget: how many bytes the sweep may take.

    Raises:
      TypeError, ValueError: as `prepare`, and for splits of the data that leave no room for the programs.
    """
    members, made = settings.alike([i for i, axis in enumerate(settings.axes) if axis.is_structure]), _Made(budget)
    by_kind = np.split(np.argsort(members, kind="stable"), np.cumsum(np.bincount(members))[:-1])
    found: dict[Any, list[_Part]] = {}
    numbers = _checked_together(settings)
    for lanes in by_kind:
        if numbers:
            _check_together(settings, lanes, numbers)
        part = _part(settings, lanes, made)
        run = part.run
        shapes = map(_kind_of, (part.others, run.inputs.data, run.inputs.validation, run.params))
        kind = (run.plan, run.packed[2], run.steps, *shapes)
        found.setdefault(kind, []).append(part)
    return [
        Group(plan, structure, steps, parts[0].run.inputs.problem.functions.encode is not None, parts)
        for (plan, structure, steps, *_), parts in found.items()
    ]


def _part(settings: Settings, lanes: np.ndarray, made: "_Made") -> _Part:
    index = settings.index[lanes]
    free = {id(p.over) for axis in settings.axes for p in axis.places if p.is_number and not axis.is_structure}
    marked = settings.resolved(index[0], lambda over, value: over if id(over) in free else value)
    first = settings.resolved(index[0])
    problem, (keys, order) = first["problem"], _keys(settings, index, first)
    whole, given = made.encoded(problem, first["data"]), made.checked(first["validation"])
    share = isinstance(given, (int, float, np.floating)) and not isinstance(given, bool) and whole is not None
    splits = made.splits(whole, float(given), keys) if share else [(whole, given)] * len(keys)
    orders = [Order(key, *parts) for key, parts in zip(keys, splits, strict=True)]
    run = made.prepared({**first, **orders[order[0]]._asdict()})
    if not share:
        held = made.once(("held", id(given), id(whole)), (given, whole), lambda: run.inputs.validation)
        orders = [one._replace(validation=held) for one in orders]
    numbers = np.repeat(run.packed[0][None], len(lanes), axis=0)
    column = 0
    for name in ("problem", "tx", "stop"):
        values = (as_transformation(side["tx"]) if name == "tx" else side[name] for side in (marked, first))
        for mark, leaf in zip(*map(jax.tree.leaves, values), strict=True):
            if isinstance(mark, Over):
                with np.errstate(over="ignore"):
                    numbers[:, column] = mark.numbers[index[:, settings.axis_of(mark)]]
            column += type(leaf) is float
    return _Part(run, lanes, numbers, run.packed[1], order, orders)


def _keys(settings: Settings, index: np.ndarray, first: dict[str, Any]) -> tuple[list[Any], np.ndarray]:
    """The keys there are, as words where they can be, and which of them each lane has."""
    over = settings.arguments["key"]
    if not isinstance(over, Over):
        return [key_words(first["key"])], np.zeros(len(index), int)
    some, order = np.unique(index[:, settings.axis_of(over)], return_inverse=True)
    return [key_words(over.values[i]) for i in some], order.ravel()


def _id_of_key(key: Any) -> Any:
    return key.tobytes() if isinstance(key, np.ndarray) else id(key)


def _kind_of(tree: Any) -> Any:
    leaves, kind = jax.tree.flatten(tree)
    return kind, *((np.shape(leaf), getattr(leaf, "dtype", type(leaf))) for leaf in leaves)


class _Made:
    """What is made once, whatever number of lanes use it: data sets checked, encoded and split; runs checked."""

    def __init__(self, budget: Callable[[], float]):
        self._known: dict[Any, Any] = {}
        self._budget, self._split_bytes = budget, 0

    def prepared(self, arguments: dict[str, Any]) -> Run:
        """The run of these arguments. One that differs from another in numbers alone needs no more checks than they had."""
        of_run = {name: arguments[name] for name in ("problem", "tx", "stop")}
        kinds = (Problem, GradientTransformation, StoppingRule | None)
        if not all(map(isinstance, of_run.values(), kinds)):
            return prepare(**arguments, state=None, clock=False)
        packed, params = pack(*of_run.values()), arguments["params"]
        shapes = {"data", "validation", "params"}
        static = [id(value) for name, value in arguments.items() if name not in {*of_run, *shapes, "key"}]
        like = (packed[2], *static, *(_kind_of(tree) for tree in (packed[1], *map(arguments.get, sorted(shapes)))))
        run = self._known.get(like)
        if run is None:
            run = self._known[like] = prepare(**arguments, state=None, clock=False)
        elif params is not None:
            check_start(params, "params")
        return run._replace(packed=packed, params=params)

    def once(self, key: Any, held: Any, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = (make(), held)  # what is held keeps its id
        return self._known[key][0]

    def checked(self, data: Any) -> Any:
        parts = tuple(map(id, data)) if isinstance(data, tuple) else None
        return data if parts is None else self.once(("checked", parts), data, lambda: as_dataset(data))

    def encoded(self, problem: Any, data: Any) -> Any:
        checked = self.checked(data)
        if not (isinstance(problem, Problem) and isinstance(checked, Dataset)):
            return checked
        return self.once(("encoded", id(checked), pack(problem)[2]), checked, lambda: problem.dataset(checked))

    def splits(self, data: Dataset, share: float, keys: list[Any]) -> list[tuple[Dataset, Dataset]]:
        """For each key the rows to train on and those held out, each a copy of the data: refused where they would fill memory."""
        names = [("split", id(data), share, _id_of_key(key)) for key in keys]
        new = len(set(names) - self._known.keys())
        self._split_bytes += new * sum(leaf.nbytes for leaf in jax.tree.leaves(data))
        budget = self._budget() if new and len(keys) > 1 else np.inf
        if self._split_bytes > budget / 2:
            raise ValueError(
                f"validation={share:g} splits the data anew for each of {len(keys):,} keys, which takes "
                f"{self._split_bytes / 1e6:,.1f} MB, more than half of the {budget / 1e6:,.1f} MB that the sweep may take: give "
                "validation=(X, y), which all keys share, fewer keys, or a larger memory=."
            )
        one = lambda name, key: self.once(name, (data, key), lambda: split(data, share, key))
        return [one(name, key) for name, key in zip(names, keys, strict=True)]


def _checked_together(settings: Settings) -> dict[int, Over]:
    """The numbers of expressions that check their arguments together, by id.

    What `lift` checks, by a partial function, are structures.
    """
    checks = lambda place: inspect.isfunction(place.owner._factory.check)
    places = [place for axis in settings.axes for place in axis.places if place.is_number and checks(place)]
    return {id(place.over): place.over for place in places}


def _check_together(settings: Settings, lanes: np.ndarray, numbers: dict[int, Over]) -> None:
    """Has expressions check all numbers of these lanes, of one structure, at once."""
    index = settings.index[lanes]
    of_lanes = {key: over.numbers[index[:, settings.axis_of(over)]] for key, over in numbers.items()}
    settings.resolved(index[0], lambda over, value: of_lanes.get(id(over), value))
