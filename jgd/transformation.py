"""Gradient transformations as data: one class, one `lift`."""

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, ParamSpec

import optax

from jgd._boxes import chain_view
from jgd._errors import public, shown
from jgd._expression import Expression, stack
from jgd._factory import factory, origin
from jgd._over import Over
from jgd._pair import asked, init, is_pair, lenient, update
from jgd._parse import parse

__all__ = ["GradientTransformation", "as_transformation", "chain", "lift", "named_chain", "parse", "stack"]

P = ParamSpec("P")


class GradientTransformation(Expression, optax.GradientTransformationExtraArgs):
    """An optimizer, or a part of one, as data; also optax's own type.

    A pure pair `init(params) -> state`, `update(updates, state, params, **extra) -> (updates, state)`, and at the same time
    a pytree whose leaves are its hyperparameters: pass it to a jitted function and another learning rate compiles nothing;
    `vmap` over a `jgd.stack` of them; differentiate through them. It prints as the code that makes it.

    Made by jgd's factories (`jgd.adam`, ...), by `jgd.chain`, or by `jgd.lift` from any optax-style factory.

    >>> import jgd, jax, optax
    >>> tx = jgd.chain(jgd.clip_by_global_norm(1.0), jgd.adam(1e-2))
    >>> tx
    chain(clip_by_global_norm(1.0), adam(0.01))
    >>> isinstance(tx, optax.GradientTransformationExtraArgs)
    True
    >>> jax.tree.leaves(tx)
    [1.0, 0.01, 0.9, 0.999, 1e-08, 0.0]
    >>> tx.links[1].replace(learning_rate=0.1)
    adam(0.1)
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        "lr": "learning_rate",
        "minimize": "jgd.minimize(f, x0, tx, steps=...)",
        "step": "jgd.fit(problem, data, tx, ...), or `init` and `update` in a loop of your own",
        "fit": "jgd.fit(problem, data, tx, ...)",
        "zero_grad": "nothing to do: gradients are values, not stored anywhere",
        "apply_gradients": "jgd.apply_gradients(tx, grads, params)",
        "apply_updates": "optax.apply_updates(params, updates)",
        "param_groups": "jgd.partition({name: tx, ...}, labels)",
        "state_dict": "the state that `update` returns, a pytree",
    }

    @classmethod
    def _unflatten(cls, layout, children):
        self = tuple.__new__(cls, (functools.partial(init, layout, children), functools.partial(update, layout, children)))
        kept = self.__dict__
        kept["_layout"], kept["_children"] = layout, children
        return self

    def __new__(cls, *args, **kwargs) -> NoReturn:
        raise TypeError("make a GradientTransformation with a factory such as jgd.adam(0.01), or jgd.lift a factory.")

    @property
    def links(self) -> tuple:
        """The links of a chain; anything else is its own only link."""
        return (self,) if self._values.get("links") is None else tuple(self._argument("links"))

    def _view(self):
        return chain_view(self)

    def to_optax(self) -> optax.GradientTransformationExtraArgs:
        """A plain optax pair of closures, for hosts that insist on one; its hyperparameters are fixed."""
        return optax.GradientTransformationExtraArgs(self.init, self.update)

    # A namedtuple's own would make an object without its expression; these make what they can make honestly.
    def _replace(self, **changes):
        return self.to_optax()._replace(**changes)

    @classmethod
    def _make(cls, iterable):
        return optax.GradientTransformationExtraArgs(*iterable)


@public
def lift(
    function: Callable[P, Any],
    *,
    name: str | None = None,
    static: Sequence[str] = (),
    arrays: Sequence[str] = (),
    doc: str | None = None,
) -> Callable[P, GradientTransformation]:
    """A factory of optax transformations, made into a factory of transformations that are data.

    Numbers, arrays of numbers, schedules and other transformations among the arguments become leaves and subtrees;
    everything else is static structure. Works as a decorator for transformations of your own. A state that has a method
    `report() -> {name: scalar}` puts these scalars into the history of a run.

    Args:
      function: returns an optax transformation (or anything with `init` and `update`).
      name: what it is called in print and for `jgd.parse`; the function's own name if not given.
      static: names of whole-number arguments that set a structure and so cannot be traced.
      arrays: names of arguments that are arrays, such as a matrix, rather than hyperparameters; they keep their type.
      doc: a docstring; the function's own if not given.

    Raises:
      ValueError: if the name belongs to another factory already, or a static name is not an argument.

    >>> import jgd, optax
    >>> polyak = jgd.lift(optax.polyak_sgd, name="polyak")
    >>> polyak(max_learning_rate=0.5)
    polyak(max_learning_rate=0.5)
    >>> @jgd.lift
    ... def sign_descent(learning_rate):
    ...     import jax.numpy as jnp
    ...     update = lambda g, w: -learning_rate * jnp.sign(g)
    ...     return optax.stateless_with_tree_map(update)
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, sign_descent(0.5), steps=6).params.item()
    2.0
    """
    if isinstance(function, optax.GradientTransformation):
        raise TypeError(
            "lift takes a factory (optax.adam), found a transformation (optax.adam(...)); "
            "a transformation goes into a chain as it is: jgd.chain(that)."
        )
    if not callable(function):
        raise TypeError(f"lift takes a factory, found {shown(function)}.")
    if hasattr(function, "factory"):
        return function
    inner = functools.cache(functools.partial(_inner, function))
    return factory(
        function,
        GradientTransformation,
        name=name,
        static=static,
        arrays=arrays,
        doc=doc,
        check=functools.partial(_check_inner, inner),
    )


def _inner(function: Callable) -> list[tuple[str, bool]]:
    """The arguments that are transformations by the function's annotations, and whether they are mappings of such."""
    pairs = (optax.GradientTransformation, optax.GradientTransformationExtraArgs)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        several = typing.get_origin(parameter.annotation) is Mapping
        one = typing.get_args(parameter.annotation)[1] if several else parameter.annotation
        if one in pairs and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            found.append((name, several))
    return found


def _check_inner(inner: Callable[[], list[tuple[str, bool]]], made: GradientTransformation) -> None:
    """Refuse what is no transformation where the function's annotations say that one belongs."""
    for name, several in inner():
        value = made._argument(name)
        if several and not isinstance(value, (Mapping, Over)):
            raise TypeError(f"{made.name}: {name} must be a dict of transformations, found {shown(value)}.")
        if several and isinstance(value, Over):
            continue
        parts = {f"{name}[{key!r}]": part for key, part in value.items()} if several else {name: value}
        for where, part in parts.items():
            if isinstance(part, str):
                raise TypeError(f"{made.name}: {where} is a string: give jgd.parse({part!r}).")
            if not (is_pair(part) or isinstance(part, Over)):
                as_transformation(part, f"{made.name}: {where}")
    _refuse_rows(made)


def _refuse_rows(made: GradientTransformation) -> None:
    """An accumulator hands on the rows of its last batch only."""
    if made.name == "MultiSteps" and "row_grads" in asked(made):
        raise TypeError("MultiSteps accumulates means: put the link that works on rows before it, chain(that, MultiSteps(...)).")


def as_transformation(value: Any, where: str = "tx") -> GradientTransformation:
    """The one check of an optimizer: a transformation, an optax transformation, or a string that spells one.

    Raises:
      TypeError, ValueError: saying what was found and what to do.
    """
    if isinstance(value, str):
        value = parse(value)
    if isinstance(value, GradientTransformation):
        return value
    if is_pair(value):
        return chain(value)
    if isinstance(value, Expression):
        raise TypeError(f"{where} is not an optimizer: expected one such as jgd.adam(0.01), found {shown(value)}.")
    if hasattr(value, "factory"):
        raise TypeError(f"{where} is the factory {value.__name__}, not an optimizer: call it, as in {value.__name__}(...).")
    if callable(value) and not isinstance(value, type):
        raise TypeError(
            f"{where} is the function {origin(value)}, not an optimizer: call it if it is a factory, as in jgd.adam(0.01)."
        )
    raise TypeError(f"{where} is not an optimizer: expected one such as jgd.adam(0.01), found {shown(value)}.")


def _check_links(name: str, links: Sequence[Any]) -> None:
    if not links:
        raise ValueError(f"{name} needs at least one link, found none.")
    for i, link in enumerate(links):
        for one in link.values if isinstance(link, Over) else [link]:  # text in an over is read when a sweep puts it here
            if not is_pair(one):
                as_transformation(one, f"link {i} of {name}")


def _chain(*links: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    return optax.chain(*map(lenient, links))


def _named_chain(*links: tuple[str, optax.GradientTransformation]) -> optax.GradientTransformationExtraArgs:
    return optax.named_chain(*((name, lenient(link)) for name, link in links))


_chain_factory = lift(_chain, name="chain")
_named_chain_factory = lift(_named_chain, name="named_chain")


@public
def chain(*links: Any) -> GradientTransformation:
    """Transformations applied in order: `u <- link_k(... link_1(g))`.

    Args:
      *links: jgd's or optax's transformations, at least one.

    Raises:
      TypeError: if a link is not a transformation (a factory that was not called, say).
      ValueError: if there is none.

    >>> import jgd, optax
    >>> jgd.chain(jgd.clip(1.0), jgd.sgd(0.1)).links[0]
    clip(1.0)
    >>> jgd.chain(jgd.clip(1.0), optax.sgd(0.1)).is_code
    False

    Source: `optax.chain`.
    """
    links = [parse(link) if isinstance(link, str) else link for link in links]
    _check_links("chain", links)
    return _chain_factory(*links)


@public
def named_chain(*links: tuple[str, Any]) -> GradientTransformation:
    """A chain whose states are found by name: `state["adam"]`.

    Args:
      *links: pairs of a name and a transformation.

    Raises:
      TypeError, ValueError: if a link is not such a pair, or two names are the same.

    >>> import jgd
    >>> tx = jgd.named_chain(("clip", jgd.clip(1.0)), ("adam", jgd.adam(0.1)))
    >>> sorted(tx.init(0.0))
    ['adam', 'clip']

    Source: `optax.named_chain`.
    """
    for i, link in enumerate(links):
        if not (isinstance(link, tuple) and len(link) == 2 and isinstance(link[0], str)):
            raise TypeError(f"link {i} of named_chain must be a pair (name, transformation), found {shown(link)}.")
    names = [name for name, _ in links]
    if len(set(names)) < len(names):
        raise ValueError(f"named_chain needs distinct names, found {names}.")
    links = [(name, parse(link) if isinstance(link, str) else link) for name, link in links]
    _check_links("named_chain", [link for _, link in links])
    return _named_chain_factory(*links)


chain.factory, named_chain.factory = _chain_factory.factory, _named_chain_factory.factory
chain.factory.make, named_chain.factory.make = chain, named_chain
