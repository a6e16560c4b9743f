"""A call that makes parameters, kept as data, and the shapes it makes them of."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd import _checks
from jgd._expression import Expression
from jgd._factory import factory
from jgd._over import Over


class Initializer(Expression):
    """Initial parameters as a function of a key: `params = initializer(key)`.

    A pytree whose leaves are its numbers (gains, standard deviations); the shapes are structure. It prints as the code that
    makes it, and goes wherever a problem takes an `init`. Made by the factories of this module, which all take

      shapes: a tuple of whole numbers, the shape of one array; or a dict, list, tuple or NamedTuple of such, of any depth (then
        each array has a key of its own, so that no two hold the same numbers).
      dtype: of the arrays; JAX's default float if not given.

    and raise TypeError or ValueError for what is no shape.

    >>> import jgd
    >>> init = jgd.initializers.xavier_uniform({"w": (3, 1), "b": (1,)})
    >>> init
    initializers.xavier_uniform({'b': (1,), 'w': (3, 1)})
    >>> jgd.parse(repr(init)) == init
    True
    >>> net = lambda params, X: (X @ params["w"])[:, 0] + params["b"]
    >>> loss = lambda params, batch: jgd.losses.squared_error(net(params, batch.X), batch.y)
    >>> result = jgd.fit(jgd.Problem(loss, init=init), jgd.data.make_linear(100, [1.0, 2.0, 3.0]), jgd.sgd(0.1), epochs=20)
    >>> sorted(result.params)
    ['b', 'w']
    """

    def __new__(cls, *args, **kwargs):
        raise TypeError("make an Initializer with a factory such as jgd.initializers.he_normal({'w': (2, 16), 'b': (16,)}).")

    def __call__(self, key: Any) -> Any:
        """The parameters that a key (or a seed) gives."""
        return self._call(_checks.as_key(key))

    def replace(self, **changes):
        if "shapes" in changes:
            changes["shapes"] = _checked(self.name, changes["shapes"])
        return super().replace(**changes)


def initializer(function: Callable[..., Any]) -> Callable[..., Initializer]:
    """A function `f(key, shapes, *numbers) -> params`, made into a factory of initializers that checks the shapes."""
    make = factory(function, Initializer, name=f"initializers.{function.__name__}", drop_first=True, static=("shapes",))

    def call(*args, **kwargs):
        if args:
            args = (_checked(make.factory.name, args[0]), *args[1:])
        elif "shapes" in kwargs:
            kwargs["shapes"] = _checked(make.factory.name, kwargs["shapes"])
        return make(*args, **kwargs)

    call.__dict__.update(make.__dict__)
    call.__name__, call.__qualname__, call.__module__, call.__doc__ = (
        make.__name__,
        make.__qualname__,
        make.__module__,
        make.__doc__,
    )
    call.factory.make = call
    return call


def _is_shape(value: Any) -> bool:
    """A tuple of nothing but numbers; any other tuple, and a NamedTuple, is a container of shapes."""
    return type(value) is tuple and all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in value)


def _checked(name: str, shapes: Any) -> Any:
    """The shapes, their numbers Python's own; whatever is no shape is refused."""
    if isinstance(shapes, Over):
        return shapes

    def check(path, shape):
        if not _is_shape(shape) or any(n < 1 for n in shape):
            where = f" at {jax.tree_util.keystr(path)}" if path else ""
            raise ValueError(
                f"{name}: a shape is a tuple of whole numbers of at least 1, such as (2, 16) or (16,); found {shape!r}{where}."
            )
        return tuple(int(n) for n in shape)

    if not isinstance(shapes, (dict, list, tuple)):
        raise TypeError(f"{name}: shapes must be a tuple such as (2, 16), or a dict, list or tuple of such; found {shapes!r}.")
    return jax.tree_util.tree_map_with_path(check, shapes, is_leaf=_is_shape)


def arrays(init: Callable[..., jax.Array], key: jax.Array, shapes: Any, dtype: Any, *, least: int = 0) -> Any:
    """`init(key, shape, dtype)` for each shape, zeros for those of fewer than `least` dimensions.

    A single shape takes the key itself; the i-th of several takes the key with i folded in.
    """
    leaves, tree = jax.tree.flatten(shapes, is_leaf=_is_shape)
    keys = [key] if _is_shape(shapes) else [jax.random.fold_in(key, i) for i in range(len(leaves))]
    dtype = jnp.result_type(float) if dtype is None else dtype
    of = lambda k, shape: init(k, shape, dtype) if len(shape) >= least else jnp.zeros(shape, dtype)
    return jax.tree.unflatten(tree, [of(k, shape) for k, shape in zip(keys, leaves, strict=True)])
