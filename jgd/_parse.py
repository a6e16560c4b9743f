"""The inverse of printing: an expression from the text that spells it."""

import ast
from typing import Any

from jgd import _checks
from jgd._errors import public
from jgd._expression import Expression
from jgd._factory import REGISTRY, Factory


@public
def parse(text: str) -> Any:
    """The expression that `text` spells; the inverse of `repr` for everything whose `is_code` is true.

    A parser, never `eval`: calls of jgd's (and lifted) factories with numbers, strings, None, True, False, lists, tuples,
    dicts and further calls; nothing else has a meaning.

    Raises:
      ValueError: where the text is not of that form, naming the place.

    >>> import jgd
    >>> jgd.parse("chain(clip_by_global_norm(1.0), adam(0.01))")
    chain(clip_by_global_norm(1.0), adam(0.01))
    """
    if not isinstance(text, str):
        raise TypeError(f"parse reads a string, found {type(text).__name__}.")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"cannot read {text[:200]!r}: {error.msg} at column {error.offset}.") from None
    except (RecursionError, MemoryError):
        raise ValueError("cannot read an expression nested this deeply.") from None
    except ValueError as error:
        raise ValueError(f"cannot read {text[:200]!r}: {error}.") from None
    try:
        value = _evaluate(node, text)
    except RecursionError:
        raise ValueError("cannot read an expression nested this deeply.") from None
    if not isinstance(value, Expression):
        raise ValueError(f"cannot read {text!r}: expected a call such as 'adam(0.01)'.")
    return value


def _evaluate(node: ast.expr, text: str) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return node.value
        case ast.Name(id="inf" | "nan"):
            return float(node.id)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _evaluate(operand, text)
            if isinstance(value, (int, float)):
                return -value
        case ast.Tuple(elts=elements):
            return tuple(_evaluate(e, text) for e in elements)
        case ast.List(elts=elements):
            return [_evaluate(e, text) for e in elements]
        case ast.Dict(keys=keys, values=values) if all(isinstance(k, ast.Constant) for k in keys):
            return {_evaluate(k, text): _evaluate(v, text) for k, v in zip(keys, values, strict=True)}
        case ast.Call(func=function, args=args, keywords=keywords):
            named = {k.arg: _evaluate(k.value, text) for k in keywords if k.arg is not None}
            if len(named) == len(keywords):
                return _lookup(function, text).make(*[_evaluate(a, text) for a in args], **named)
        case ast.Name() | ast.Attribute(value=ast.Name()):
            name = _lookup(node, text).name
            raise ValueError(f"cannot read {text!r}: {name} is a factory; call it, as in '{name}(...)'.")
    raise ValueError(f"cannot read {text!r}: {ast.unparse(node)!r} has no meaning here.")


def _lookup(node: ast.expr, text: str) -> Factory:
    name = ast.unparse(node).removeprefix("jgd.")
    if name not in REGISTRY:
        raise ValueError(f"cannot read {text!r}: unknown name {name!r}; {_checks.nearest(name, REGISTRY)}")
    return REGISTRY[name]
