"""An extension of griffe, which reads sources: what only running code knows, and the sections of this project's docstrings."""

import inspect
from typing import Any

import griffe

from docs._site import docstrings, reference


class Live(griffe.Extension):
    """What `lift` and its like make become functions, with their docstrings and signatures; docstrings become sections."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        for name, value in reference.public().items():
            module, _, last = name.removeprefix("jgd.").rpartition(".")
            inside = pkg[module] if module else pkg
            inside = inside.final_target if inside.is_alias else inside
            old = inside.members.get(last)  # griffe passes over several names that are assigned at once
            old = old.final_target if old is not None and old.is_alias else old
            if old is None:
                inside.set_member(last, _function(last, inside, value))
            elif hasattr(value, "factory") or old.is_attribute:
                old.parent.set_member(old.name, _function(old.name, old.parent, value))
        for found in _inside(pkg):
            if found.docstring:
                parts = docstrings.sections(found.docstring.value)
                found.docstring.__dict__["parsed"] = [_section(part) for part in parts]


def _function(name: str, parent: griffe.Module, value: Any) -> griffe.Function:
    """A factory as it is called."""
    parameters = [
        griffe.Parameter(
            parameter.name,
            kind=griffe.ParameterKind(parameter.kind.description),
            default=None if parameter.default is inspect.Parameter.empty else _spelled(parameter.default),
        )
        for parameter in inspect.signature(value).parameters.values()
    ]
    docstring = griffe.Docstring(inspect.getdoc(value))
    return griffe.Function(name, parameters=griffe.Parameters(*parameters), docstring=docstring, parent=parent)


def _spelled(value: Any) -> str:
    """A default as code."""
    return getattr(value, "__name__", None) or repr(value)


def _inside(found: griffe.Object) -> list[griffe.Object]:
    parts = [part for part in found.members.values() if not part.is_alias]
    return [found, *(inner for part in parts for inner in _inside(part))]


def _section(part: docstrings.Section) -> griffe.DocstringSection:
    if part.kind == "":
        return griffe.DocstringSectionText(part.text)
    if part.kind == "Returns":
        return griffe.DocstringSectionText(f"**Returns:** {part.text}")  # their types stand in the text
    if part.kind == "Raises":
        items = [griffe.DocstringRaise(annotation=name, description=text) for name, text in part.items]
        return griffe.DocstringSectionRaises(items)
    if part.kind == "Attributes":
        items = [griffe.DocstringAttribute(name=name, description=text) for name, text in part.items]
        return griffe.DocstringSectionAttributes(items)
    items = [griffe.DocstringParameter(name=name, description=text) for name, text in part.items]
    return griffe.DocstringSectionParameters(items)
