"""Expressions drawn: boxes with their hyperparameters, arrows between the links of a chain; and their code, laid out."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd import _checks
from jgd._display import Code, Curve, View, blocks, cell_html, is_readable, number, on_host
from jgd._expression import Expression
from jgd._leaves import Static, equal, given, is_number
from jgd._over import Over
from jgd._print import code_of

# More links than so many are counted, not drawn; lines of code are at most so long; a schedule is looked at at so many steps.
MOST, WIDTH, POINTS = 60, 88, 441


class Box(NamedTuple):
    """An expression.

    Attributes:
      name: its factory's; `label` is what the link is called where links have names.
      rows: its numbers, flags and functions: name, value, and whether that is the default.
      curves: its schedules.
      flows: the transformations inside it.
    """

    name: str
    rows: Sequence[tuple[str, Any, bool]] = ()
    curves: Sequence[Curve] = ()
    flows: Sequence["Flow"] = ()
    label: str = ""

    def html(self) -> str:
        label = f'<span class="soft">{escape(self.label)}: </span>' if self.label else ""
        mark = lambda default: ' class="default"' if default else ""
        rows = "".join(
            f'<tr{mark(default)}><th scope="row">{escape(name)}</th><td>{cell_html(value)}</td></tr>'
            for name, value, default in self.rows
        )
        table = f"<table>{rows}</table>" if rows else ""
        inside = "".join(piece.html() for piece in [*self.curves, *self.flows])
        return f'<div class="box">{label}<b>{escape(self.name)}</b>{table}{inside}</div>'

    def text(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value}' for name, value, _ in self.rows)})"


class Flow(NamedTuple):
    """Boxes from left to right, an arrow between each and the next; without arrows where they stand side by side."""

    boxes: Sequence[Box]
    more: int = 0
    start: str = ""
    end: str = ""

    def html(self) -> str:
        soft = lambda words: [f'<li><span class="soft">{escape(words)}</span></li>'] if words else []
        more = soft(f"{self.more:,} more links" if self.more else "")
        links = [f"<li>{box.html()}</li>" for box in self.boxes]
        return f"<ol>{''.join([*soft(self.start), *links, *more, *soft(self.end)])}</ol>"

    def text(self) -> str:
        return " -> ".join(box.text() for box in self.boxes)


def view_of(expression: Expression, title: str, remarks: Sequence[Any] = ()) -> View:
    """A display of an expression that is no transformation: its box, and what else there is to say."""
    own = schedule_curve("value", expression) if _is_schedule(expression) else None
    remarks = remarks if own is None else [own, *remarks]
    return View(title, pieces=[Flow([box_of(expression)]), *remarks])


def chain_view(tx: Any) -> View:
    """A transformation as its links, from the gradient to the update."""
    flow = _flow(tx)._replace(start="gradient", end="update")
    count = len(tx.links)
    head = f"{count} links" if count > 1 else ""
    return View("GradientTransformation", pieces=[flow], head=head)


def _flow(value: Any, label: str = "") -> Flow:
    links = _links(value)
    if links is None:
        return Flow([_box(value, label)])
    return Flow([_box(link, name) for name, link in links[:MOST]], max(0, len(links) - MOST))


def _links(value: Any) -> list[tuple[str, Any]] | None:
    """The links of a chain with their names; None for anything else."""
    if not isinstance(value, Expression) or value.name not in ("chain", "named_chain"):
        return None
    named = value.name == "named_chain"
    return [(link[0], link[1]) if named else ("", link) for link in value._argument("links")]


def _box(value: Any, label: str = "") -> Box:
    if isinstance(value, Expression):
        return box_of(value, label)
    return Box(code_of(Static(value))[0].strip("<>"), label=label)


def box_of(expression: Expression, label: str = "") -> Box:
    """Its name, its hyperparameters (flags and functions only where they are no defaults), its schedules, and what is inside."""
    rows, curves, flows = [], [], []
    for name, value in expression._values.items():
        default = expression._factory.arguments.defaults.get(name)
        is_default = default is not None and (value is default or equal(value, default))
        shown = given(value)
        parts = _transformations(name, shown)
        if parts:
            flows += [_flow(part, part_label) for part_label, part in parts]
            continue
        if shown is None or is_default and isinstance(value, Static):
            continue
        if _is_schedule(shown):
            drawn = schedule_curve(name, shown)
            curves += [] if drawn is None else [drawn]
        rows.append((name, described(value), is_default))
    return Box(expression.name, rows, curves, flows, label)


def _transformations(name: str, value: Any) -> list[tuple[str, Any]]:
    """The transformations that an argument holds, each with what it is called."""
    if _is_link(value):
        return [("", value)]
    if isinstance(value, Mapping):
        parts = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = [part if isinstance(part, tuple) and len(part) == 2 else (f"{name}[{i}]", part) for i, part in enumerate(value)]
        parts = [(str(key), part) for key, part in pairs]
    else:
        return []
    return parts if parts and all(_is_link(part) for _, part in parts) else []


def _is_schedule(value: Any) -> bool:
    return isinstance(value, Expression) and value.name.startswith("schedules.")


def _is_link(value: Any) -> bool:
    return hasattr(value, "init") and hasattr(value, "update") and not isinstance(value, type)


def described(value: Any) -> Any:
    """A hyperparameter in a few words: a number, a range of a batch's numbers, code."""
    shown = given(value)
    if isinstance(shown, Over):
        numbers = shown.numbers
        words = f"{len(shown.values)} values" if numbers is None else _range(numbers)
        return f"over {words}" + (f" ({shown.name})" if shown.name else "")
    if is_number(shown):
        if not is_readable(shown):
            return "traced" if not _checks.is_concrete(shown) else "deleted"
        numbers = on_host(shown).ravel()
        return f"{numbers[0]:.7g}" if np.ndim(shown) == 0 else _range(numbers)
    return Code(code_of(value)[0])


def _range(numbers: np.ndarray) -> str:
    if not numbers.size:
        return "no values"
    low, high = numbers.min(), numbers.max()
    count = f"{numbers.size:,} value{'s' if numbers.size > 1 else ''}"
    return number(low) if low == high else f"{number(low)} to {number(high)}, {count}"


@jax.jit
def _at(schedule: Any, counts: Any) -> Any:
    return jax.vmap(schedule)(counts)


def schedule_curve(name: str, schedule: Any) -> Curve | None:
    """A schedule's values, from the first step to a little beyond the last of which its arguments speak; None of a batch."""
    leaves = jax.tree.leaves(schedule)
    if not all(is_number(leaf) and np.ndim(leaf) == 0 and is_readable(leaf) for leaf in leaves):
        return None
    if any(map(callable, schedule._held())):  # the user's own, which may do anything
        return None
    last = max(10, round(1.1 * (_extent(schedule) or 1000)))
    numbers = [float(on_host(leaf)) for leaf in leaves]
    plain = jax.tree.unflatten(jax.tree.structure(schedule), numbers)
    values = np.asarray(_at(plain, np.linspace(0, last, POINTS).round().astype(np.float32)))
    most = values.max()
    peak = f", at most {most:.3g}" if most > 1.001 * max(values[0], values[-1]) else ""
    return Curve({name: values}, log=False, remark=f" in {last:,} steps{peak}")


def _extent(schedule: Expression) -> float:
    """About how many steps a schedule takes, by what its arguments say; 0 if none says anything."""
    said = []
    for name, value in schedule._values.items():
        if any(word in name for word in ("steps", "boundaries", "begin")):
            said += [float(on_host(leaf)) for leaf in jax.tree.leaves(value)]
    # A boundary is a step, and the steps of a decay after a warm-up are counted from the start; lengths add up.
    own = max(said, default=0.0) if {"boundaries", "decay_steps"} & schedule._values.keys() else sum(said)
    own *= 5 if "decay_rate" in schedule._values or "inverse" in schedule.name else 1  # these go on for ever
    extent = own + max((_extent(part) for part in schedule._parts()), default=0.0)
    return extent if np.isfinite(extent) and extent < 1e9 else 0.0


def laid_out(expression: Expression) -> str:
    """The code that makes it, a chain that is long or has something to remark one link a line; remarks are comments.

    It is code as the `repr` is, and is parsed as that is.
    """
    links, code = _links(expression), repr(expression)
    if links is None:
        return _with_remarks(code, expression)
    if len(code) <= WIDTH and not any(_remarks(link) for _, link in links):
        return code
    lines = []
    for name, link in links[:MOST]:
        text = code_of(link if isinstance(link, Expression) else Static(link))[0]
        text = f"({name!r}, {text})" if expression.name == "named_chain" else text
        lines.append("    " + _with_remarks(f"{text},", link))
    if len(links) > MOST:
        return code
    return "\n".join([f"{expression.name}(", *lines, ")"])


def _with_remarks(code: str, value: Any) -> str:
    remarks = _remarks(value)
    return f"{code}  # {'; '.join(remarks)}" if remarks else code


def _remarks(value: Any) -> list[str]:
    """What the code of a link does not show: how its schedules go, and the range of a batch's numbers."""
    if not isinstance(value, Expression):
        return []
    found = []
    for part in [value, *value._parts()]:
        for name, kept in part._values.items():
            shown = given(kept)
            if _is_schedule(shown):
                drawn = schedule_curve(name, shown)
                if drawn is not None:
                    curve = drawn.curves[name]
                    found.append(f"{name} {blocks(curve, 16, log=False)} {number(curve[0])} to {number(curve[-1])}{drawn.remark}")
            elif is_number(shown) and np.ndim(shown) and is_readable(shown) and name not in part._factory.arrays:
                numbers = on_host(shown).ravel()
                found += [f"{name} {_range(numbers)}"] if np.ptp(numbers) > 0 else []
    return list(dict.fromkeys(found))
