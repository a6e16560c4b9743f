"""What a sweep tries: the `over`s among its arguments, their axes, and the arguments of each lane."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import nearest
from jgd._expression import Expression
from jgd._factory import Factory
from jgd._leaves import Static, Whole, given, is_whole
from jgd._over import Over

# Columns of a sweep's frame that are not settings.
RESERVED = ("lane", "status", "steps", "step", "epoch", "rung")


class Place(NamedTuple):
    """Where an `over` stands.

    Attributes:
      over: the mark.
      argument: the argument of the sweep it is in.
      name: the argument it stands for.
      owner: the expression that has this argument; None for an argument of the sweep itself.
    """

    over: Over
    argument: str
    name: str
    owner: Expression | None

    @property
    def where(self) -> str:
        return self.name if self.owner is None else f"{self.owner.name}.{self.name}"

    @property
    def is_number(self) -> bool:
        """Whether what stands here is a number of the program, so that another one is another lane of the same."""
        return self.owner is not None and any(leaf is self.over for leaf in jax.tree.leaves(self.owner._values[self.name]))


class Axis(NamedTuple):
    """Places whose values go hand in hand.

    Attributes:
      places: at least one.
      size: how many values each has.
      is_structure: whether another value may be another program.
    """

    places: list[Place]
    size: int
    is_structure: bool


class Settings:
    """The settings of a sweep: one for each combination of values, the first axis slowest.

    Attributes:
      arguments: those of the sweep, by name, some with `over`s in them.
      axes: what is crossed.
      columns: names of swept quantities, each with its axis and its `over`.
    """

    def __init__(self, arguments: dict[str, Any]):
        self.arguments = arguments
        places = [place for name, value in arguments.items() for place in _places(value, name, name, None)]
        for place in places:
            for value in place.over.values if place.over.numbers is None else ():
                if any(True for _ in _places(value, place.argument, place.name, None)):
                    raise TypeError(f"{place.over!r} at {place.where} holds an over: an over takes values, not further overs.")
        together: dict[Any, list[Place]] = {}
        for place in places:
            together.setdefault(id(place.over) if place.over.zipped is None else place.over.zipped, []).append(place)
        self.axes = [_axis(group) for group in together.values()]
        self.columns = _columns(self.axes)
        self._axis_of = {id(place.over): i for i, axis in enumerate(self.axes) for place in axis.places}

    def __len__(self) -> int:
        return int(np.prod([axis.size for axis in self.axes], dtype=object))

    @functools.cached_property
    def index(self) -> np.ndarray:
        """Which value of each axis each lane has, shape (lanes, axes)."""
        sizes = [axis.size for axis in self.axes]
        return np.stack(np.unravel_index(np.arange(len(self)), sizes), axis=1) if sizes else np.zeros((1, 0), int)

    def setting(self, lane: int) -> dict[str, Any]:
        """The values of a lane, by name."""
        return {name: over.values[self.index[lane, axis]] for name, (axis, over) in self.columns.items()}

    def alike(self, axes: list[int]) -> np.ndarray:
        """A number for each lane, the same for those with the same values on these axes; smaller for those that come first."""
        number = np.zeros(len(self), int)
        for axis in sorted(axes):
            number = number * self.axes[axis].size + self.index[:, axis]
        return np.unique(number, return_inverse=True)[1].ravel()

    def axis_of(self, over: Over) -> int:
        return self._axis_of[id(over)]

    def resolved(self, index: np.ndarray, chosen: Callable[[Over, Any], Any] = lambda over, value: value) -> dict[str, Any]:
        """The arguments of a lane; what stands for an `over` is `chosen(over, value)`, the value being the lane's."""
        value_of = lambda over: over.values[index[self.axis_of(over)]]
        choose = lambda part: chosen(part, value_of(part)) if isinstance(part, Over) else part
        return {name: replaced(value, choose) for name, value in self.arguments.items()}

    def check_column(self, name: str) -> None:
        if name not in self.columns:
            raise KeyError(f"{name!r} was not swept; {nearest(name, self.columns)}")


def _places(value: Any, argument: str, name: str, owner: Expression | None) -> Iterator[Place]:
    """The `over`s in a value, in the order of arguments."""
    if isinstance(value, Over):
        yield Place(value, argument, name, owner)
    elif isinstance(value, Static):
        yield from _places(value.value, argument, name, owner)
    elif isinstance(value, Expression):
        for inner, kept in value._values.items():
            yield from _places(kept, argument, inner, value)
    elif not isinstance(value, (Whole, type)):
        for leaf in jax.tree.leaves(value, is_leaf=lambda v: isinstance(v, Over) or is_whole(v)):
            if leaf is not value:
                yield from _places(leaf, argument, name, owner)


def replaced(value: Any, choose: Callable[[Any], Any]) -> Any:
    """The value with `choose(part)` in place of each of its parts for which that is another; else the value itself.

    Parts are what `over`s, expressions and other leaves there are, the largest first.
    """
    new = choose(value)
    if new is not value:
        return new
    if isinstance(value, Static):
        new = replaced(value.value, choose)
        return value if new is value.value else new
    if isinstance(value, Expression):
        values = {name: replaced(kept, choose) for name, kept in value._values.items()}
        same = all(values[name] is kept for name, kept in value._values.items())
        return value if same else _made(value._factory, values)
    if isinstance(value, (Whole, type)):
        return value
    leaves, tree = jax.tree.flatten(value, is_leaf=lambda v: isinstance(v, Over) or is_whole(v))
    if len(leaves) == 1 and leaves[0] is value:
        return value
    parts = [replaced(leaf, choose) for leaf in leaves]
    return value if all(a is b for a, b in zip(parts, leaves, strict=True)) else jax.tree.unflatten(tree, parts)


def _made(factory: Factory, values: dict[str, Any]) -> Any:
    """The expression of these values, checked and read as those of a call are: text in a chain spells a link."""
    several = lambda name: factory.signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
    values = {name: tuple(map(given, value)) if several(name) else given(value) for name, value in values.items()}
    bound = inspect.BoundArguments(factory.signature, values)
    return factory.make(*bound.args, **bound.kwargs)


def _axis(places: list[Place]) -> Axis:
    first = places[0]
    for place in places[1:]:
        if len(place.over.values) != len(first.over.values):
            raise ValueError(
                f"{first.over.name!r} is zipped, but has {len(first.over.values)} values at {first.where} and "
                f"{len(place.over.values)} at {place.where}: give as many, or another name, which crosses them."
            )
        if isinstance(first.over.zipped, str) and _kind(place) != _kind(first):
            raise TypeError(
                f"the name {first.over.name!r} is used for two kinds of thing, {_kind(first)} at {first.where} and "
                f"{_kind(place)} at {place.where}: give each its own name; to zip them, sweep over whole expressions, as in "
                "over([sgd(0.1), adam(0.01)])."
            )
    movable = lambda place: place.is_number or place.owner is None and place.argument == "key"
    return Axis(places, len(first.over.values), not all(map(movable, places)))


def _kind(place: Place) -> str:
    is_number = lambda v: isinstance(v, (int, float, np.integer, np.floating)) and not isinstance(v, bool)
    numbers = all(is_number(value) or value == "full" for value in map(_plain, place.over.values))
    return "numbers" if numbers else type(place.over.values[0]).__name__


def _plain(value: Any) -> Any:
    """Something that can be compared with text."""
    return value if isinstance(value, (int, float, str, np.integer, np.floating)) else None


def _columns(axes: list[Axis]) -> dict[str, tuple[int, Over]]:
    """Names for what is swept: those given; else the argument's, where needed with what it belongs to before it."""
    places = {id(place.over): (i, place) for i, axis in reversed([*enumerate(axes)]) for place in reversed(axis.places)}
    names: dict[str, Over] = {}
    for _, place in reversed(places.values()):
        name, over = place.over.name, place.over
        if name in RESERVED:
            raise ValueError(f"the name {name!r} is taken in the frame of a sweep: give another at {place.where}.")
        if name is not None and (name not in names or not _same_values(names[name], over)):
            names[name if name not in names else f"{name} ({place.where})"] = over
    unnamed = [place for _, place in reversed(places.values()) if place.over.name is None]
    short = [place.name for place in unnamed]
    for place in unnamed:
        plain = short.count(place.name) == 1 and place.name not in (*names, *RESERVED)
        name, count = place.name if plain else place.where, 2
        while name in (*names, *RESERVED):
            name, count = f"{place.where} {count}" if place.owner else f"{place.where} (given)", count + 1
        names[name] = place.over
    found = {id(over): name for name, over in names.items()}
    return {found[key]: (i, place.over) for key, (i, place) in reversed(places.items()) if key in found}


def _same_values(a: Over, b: Over) -> bool:
    if a is b or a.values is b.values:
        return True
    return a.numbers is not None and b.numbers is not None and np.array_equal(a.numbers, b.numbers)
