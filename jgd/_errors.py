"""Errors as users meet them: tracebacks that end in their line, notes that say where it was, hints for unknown names."""

import dis
import functools
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import jax
import jaxlib
import numpy as np
import optax

from jgd._checks import nearest, shown
from jgd._names import ADVICE, meant

F = TypeVar("F", bound=Callable)

OURS = os.path.dirname(__file__) + os.sep
# Between two lines of a user these only pass calls on; what they raise is about the user's line that called them.
UNDERNEATH = (OURS, *(os.path.dirname(m.__file__) + os.sep for m in (jax, jaxlib, np, optax)), functools.__file__)

RAISE = dis.opmap["RAISE_VARARGS"]


def public(function: F) -> F:
    """A function that users call: what it raises ends in their line, and an argument it does not have is answered with a hint.

    Between the call and a line of the user's own (a loss, a metric, a callback) no frame of jgd or JAX is shown, and none
    after that line; nor after the call, where jgd refuses an argument. A bug of jgd's own is shown whole.
    `jax.config.update("jax_traceback_filtering", "off")` shows all of every traceback, JAX's too.

    >>> from jgd._errors import public
    >>> public(lambda *, epochs: epochs)(num_epochs=3)
    Traceback (most recent call last):
    ...
    TypeError: <lambda> has no argument 'num_epochs': did you mean 'epochs'?
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if type(error) is TypeError and error.__traceback__.tb_next is None:  # the call itself did not fit
                error.args = (_misfit(function, args, kwargs) or str(error),)
                error._of_jgd = True
            shorten(error)
            raise

    return call  # type: ignore[return-value]


def shorten(error: Exception) -> None:
    """Takes from an exception's traceback the frames that are not the user's; a bare `raise` then adds none."""
    if jax.config.jax_traceback_filtering == "off":
        return
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    users = [frame for frame in frames if not frame.tb_frame.f_code.co_filename.startswith(UNDERNEATH)]
    meant_so = getattr(error, "_of_jgd", False) or _was_raised(frames[-1])
    if _is_ours(frames[-1]) and not meant_so or not users and not meant_so:
        return  # a bug of jgd's, or of what is underneath it: all of it is shown
    if not users:
        error._of_jgd = True  # for a public function around this one
    short = None
    for frame in reversed(users):
        short = types.TracebackType(short, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    error.__traceback__ = short
    cause = error.__cause__
    if cause is not None and cause.__traceback__ is not None and not _leaves(cause.__traceback__):
        error.__cause__ = None  # JAX's own explanation to itself
        error.__suppress_context__ = True


def _is_ours(frame: types.TracebackType) -> bool:
    return frame.tb_frame.f_code.co_filename.startswith(OURS)


def _was_raised(frame: types.TracebackType) -> bool:
    """Whether jgd itself refused something, by a `raise`."""
    return _is_ours(frame) and frame.tb_frame.f_code.co_code[frame.tb_lasti] == RAISE


def _leaves(trace: types.TracebackType | None) -> bool:
    """Whether a traceback leads out of jgd and what is underneath it."""
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(UNDERNEATH):
            return True
        trace = trace.tb_next
    return False


def _misfit(function: Callable, args: tuple, kwargs: dict[str, Any]) -> str | None:
    """Why a function cannot be called so; None if it can."""
    signature = inspect.signature(function)
    name = function.__qualname__.removesuffix(".__new__").removesuffix(".__init__").rpartition("<locals>.")[2]
    more = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())  # they are somebody else's to know
    named = [p for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    known = [p.name for p in named if p.name not in ("self", "cls")]
    for word in kwargs:
        if word not in known and (not more or {*meant(word)} & {*known} - {*kwargs}):
            return f"{name} has no argument {word!r}: {argument_hint(word, known)}"
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        arrays = sum(hasattr(value, "shape") or isinstance(value, list) for value in args)
        advice = " Rows and targets are one argument, data=(X, y)." if "data" in known and arrays > 1 else ""
        return f"{name}: {error}; its arguments are {', '.join(known)}.{advice}"
    return None


def argument_hint(word: str, known: Iterable[str]) -> str:
    """What a message about an argument that a function does not have ends with."""
    known = list(known)
    if not known:
        return "it takes none by name."
    here = [name for name in meant(word) if name in known]
    if not here:
        for name in (word, *meant(word)):
            if name in ADVICE:
                return f"{ADVICE[name]}."
    return nearest(word, known)


class during:
    """Around a call of a user's function: what it raises gets a note that says which call it was, and what helps.

    `traced` is said instead where a number was needed and it had only its shape.

    >>> from jgd._errors import during
    >>> try:
    ...     with during("the loss f(params)", params=1.0):
    ...         raise ValueError("no")
    ... except ValueError as error:
    ...     print(*error.__notes__)
    jgd: this was the loss f(params), with params float32[].
    """

    def __init__(self, what: str | Callable[[], str], traced: str = "", **values: Any):
        self.what, self.traced, self.values = what, traced, values

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> None:
        if not isinstance(error, Exception):
            return
        last = trace
        while last.tb_next is not None:
            last = last.tb_next
        if last is trace or not _is_ours(last):  # the call did not fit, or what is underneath refused it: no bug of jgd's
            error._of_jgd = True
        if any(note.startswith("jgd: ") for note in getattr(error, "__notes__", ())):
            return
        what = self.what if isinstance(self.what, str) else self.what()
        given = ", ".join(f"{name} {described(value)}" for name, value in self.values.items() if value is not None)
        error.add_note(f"jgd: this was {what}{f', with {given}' if given else ''}.")
        if self.traced and (isinstance(error, jax.errors.ConcretizationTypeError) or "integer scalar arrays" in str(error)):
            error.add_note(f"jgd: {self.traced}")
            return
        for kinds, remedy in REMEDIES:
            if isinstance(error, kinds):
                error.add_note(f"jgd: {remedy}")
                return


REMEDIES = [
    (
        jax.errors.TracerBoolConversionError,
        "a run is compiled, and `if`, `while`, `and`, `not`, `min`, `max` of Python need a number where it has only its shape: "
        "choose by jnp.where(condition, a, b), combine by & and |, loop by jax.lax.while_loop.",
    ),
    (
        jax.errors.TracerArrayConversionError,
        "a run is compiled, and NumPy needs numbers where it has only their shapes: use jax.numpy, as in jnp.sin for np.sin.",
    ),
    (
        jax.errors.TracerIntegerConversionError,
        "a run is compiled, and an index of a list or a range must be known by then: index an array, jnp.asarray(values)[i].",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "how many rows a mask picks must be known when a run is compiled: keep them all, as in jnp.where(mask, value, 0.0).",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "a run is compiled, and float(), int(), .item() and the module math need a number where it has only its shape: keep the "
        "array, and use jax.numpy, as in jnp.sin for math.sin; jax.debug.print prints it.",
    ),
    (
        jax.errors.UnexpectedTracerError,
        "a value of an earlier call was kept in a global, an attribute or a list: return it instead, or carry it as a state.",
    ),
]


def described(tree: Any) -> str:
    """The types and shapes of a tree's leaves."""
    kind = lambda leaf: getattr(leaf, "dtype", None) or np.result_type(leaf)
    try:
        shapes = jax.tree.map(lambda leaf: f"{jax.dtypes.canonicalize_dtype(kind(leaf)).name}{list(np.shape(leaf))}", tree)
    except (TypeError, ValueError):  # not of numbers: a message about something else must not fail for that
        return shown(tree)
    return str(shapes).replace("'", "")


class Answering:
    """A class whose instances answer an unknown attribute with a hint; `_elsewhere` says what other libraries' names are here."""

    _elsewhere: ClassVar[dict[str, str]] = {}

    if not TYPE_CHECKING:  # to a type checker an unknown name stays an error

        def __getattr__(self, name: str) -> Any:
            made = inspect.getattr_static(type(self), name, None)
            if isinstance(made, property):
                return made.__get__(self)  # it raised an AttributeError of its own, and does so again
            raise AttributeError(Later(lambda: unknown_attribute(self, name)), name=name)


def unknown_attribute(value: Any, name: str, known: Iterable[str] = (), called: str = "") -> str:
    """The message for an attribute that an object does not have."""
    kind = type(value)
    has = f"{called or kind.__name__} has no attribute {name!r}"
    if name.startswith("_"):
        return f"{has}."
    elsewhere = getattr(kind, "_elsewhere", {})
    if name in elsewhere:
        return f"{has}: here it is {elsewhere[name]}."
    known = {*known, *dir(kind), *getattr(value, "__dict__", ())} - {"count", "index"}  # of a tuple, and no help
    return f"{has}: {nearest(name, [word for word in known if not word.startswith('_')])}"


class Later:
    """A message that is made when it is read: most unknown attributes are asked for by `hasattr`."""

    def __init__(self, make: Callable[[], str]):
        self.make = make

    def __str__(self) -> str:
        return self.make()

    __repr__ = __str__

    def __reduce__(self):
        return str, (str(self),)


def users_level() -> int:
    """How far above its caller the user's own line is, as `warnings.warn` counts."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OURS):
        frame, level = frame.f_back, level + 1
    return level
