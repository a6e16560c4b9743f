"""Initial parameters as data: made with the shapes they are for, called with a key.

    >>> import jgd
    >>> init = jgd.initializers.he_normal({"w1": (2, 16), "b1": (16,), "w2": (16, 1), "b2": (1,)})
    >>> init(0)["w1"].shape
    (2, 16)

An initializer goes into a problem as its `init`; one made anew with the same arguments is the same, and compiles nothing. The
distributions are those of `jax.nn.initializers`, whose convention of fans they share: the last axis of an array is its output,
the one before its input, and any before those are a receptive field, which counts into both.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import initializers as jax_initializers

from jgd import _checks
from jgd._expression import Expression
from jgd._factory import REGISTRY, factory
from jgd._over import Over

__all__ = [
    "Initializer",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
DISTRIBUTIONS = ("truncated_normal", "normal", "uniform")


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


def _initializer(function: Callable[..., Any]) -> Callable[..., Initializer]:
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


def _arrays(init: Callable[..., jax.Array], key: jax.Array, shapes: Any, dtype: Any, *, least: int = 0) -> Any:
    """`init(key, shape, dtype)` for each shape, zeros for those of fewer than `least` dimensions.

    A single shape takes the key itself; the i-th of several takes the key with i folded in.
    """
    leaves, tree = jax.tree.flatten(shapes, is_leaf=_is_shape)
    keys = [key] if _is_shape(shapes) else [jax.random.fold_in(key, i) for i in range(len(leaves))]
    dtype = jnp.result_type(float) if dtype is None else dtype
    of = lambda k, shape: init(k, shape, dtype) if len(shape) >= least else jnp.zeros(shape, dtype)
    return jax.tree.unflatten(tree, [of(k, shape) for k, shape in zip(keys, leaves, strict=True)])


def _scaled(key, shapes, variance, mode, distribution, dtype):
    return _arrays(jax_initializers.variance_scaling(variance, mode, distribution), key, shapes, dtype, least=2)


@_initializer
def xavier_uniform(key, shapes, gain=1.0, dtype=None):
    """Xavier (Glorot) uniform: w ~ U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)). For tanh and sigmoid layers.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      gain: multiplies every number; may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.xavier_uniform({"w": (2, 16), "b": (16,)})(0)["b"].shape
    (16,)

    Source: Glorot and Bengio (2010); `jax.nn.initializers.xavier_uniform`, `torch.nn.init.xavier_uniform_`.
    """
    return _scaled(key, shapes, gain**2, "fan_avg", "uniform", dtype)


@_initializer
def xavier_normal(key, shapes, gain=1.0, dtype=None):
    """Xavier (Glorot) normal: standard deviation gain sqrt(2 / (fan_in + fan_out)), cut off at two of an underlying normal.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      gain: multiplies every number; may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.xavier_normal((2, 16))(0).shape
    (2, 16)

    Source: Glorot and Bengio (2010); `jax.nn.initializers.xavier_normal`. `torch.nn.init.xavier_normal_` has the same variance
    and no cut.
    """
    return _scaled(key, shapes, gain**2, "fan_avg", "truncated_normal", dtype)


@_initializer
def he_uniform(key, shapes, gain=1.0, dtype=None):
    """He (Kaiming) uniform: w ~ U(-a, a) with a = gain sqrt(6 / fan_in). For layers before a ReLU.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      gain: multiplies every number; may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.he_uniform((6, 16))(0).max().item() < 1.0
    True

    Source: He et al., Delving deep into rectifiers (2015); `jax.nn.initializers.he_uniform`, `torch.nn.init.kaiming_uniform_`.
    """
    return _scaled(key, shapes, 2 * gain**2, "fan_in", "uniform", dtype)


@_initializer
def he_normal(key, shapes, gain=1.0, dtype=None):
    """He (Kaiming) normal: standard deviation gain sqrt(2 / fan_in), cut off at two of an underlying normal. Before a ReLU.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      gain: multiplies every number; may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.he_normal([(2, 16), (16,)], gain=0.5)
    initializers.he_normal([(2, 16), (16,)], gain=0.5)

    Source: He et al., Delving deep into rectifiers (2015); `jax.nn.initializers.he_normal`. `torch.nn.init.kaiming_normal_` has
    the same variance and no cut.
    """
    return _scaled(key, shapes, 2 * gain**2, "fan_in", "truncated_normal", dtype)


@_initializer
def lecun_uniform(key, shapes, gain=1.0, dtype=None):
    """LeCun uniform: w ~ U(-a, a) with a = gain sqrt(3 / fan_in). Keeps the variance of what goes through a linear layer.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      gain: multiplies every number; may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.lecun_uniform((3, 16))(0).max().item() < 1.0
    True

    Source: LeCun et al., Efficient backprop (1998); `jax.nn.initializers.lecun_uniform`.
    """
    return _scaled(key, shapes, gain**2, "fan_in", "uniform", dtype)


@_initializer
def lecun_normal(key, shapes, gain=1.0, dtype=None):
    """LeCun normal: standard deviation gain sqrt(1 / fan_in), cut off at two of an underlying normal. Before a SELU.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      gain: multiplies every number; may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.lecun_normal((3, 16))(0).shape
    (3, 16)

    Source: LeCun et al., Efficient backprop (1998); `jax.nn.initializers.lecun_normal`, flax's default.
    """
    return _scaled(key, shapes, gain**2, "fan_in", "truncated_normal", dtype)


@_initializer
def variance_scaling(key, shapes, scale=1.0, mode="fan_in", distribution="truncated_normal", dtype=None):
    """The family of those above: variance scale / fan.

    PyTorch's default for the weights of a linear layer, U(-a, a) with a = 1 / sqrt(fan_in), is
    `variance_scaling(shapes, 1 / 3, distribution="uniform")`.

    Args:
      shapes: see `Initializer`; arrays of fewer than two dimensions (biases) start at zero.
      scale: at least 0; may be traced.
      mode: which fan: "fan_in", "fan_out", "fan_avg" (their mean) or "fan_geo_avg" (their geometric mean).
      distribution: "truncated_normal" (cut off at two standard deviations of an underlying normal), "normal" or "uniform".
      dtype: see `Initializer`.

    Raises:
      ValueError: when called, for what is no mode or distribution.

    >>> import jgd
    >>> jgd.initializers.variance_scaling((4, 16), 1 / 3, distribution="uniform")(0).max().item() < 0.5
    True

    Source: `jax.nn.initializers.variance_scaling`.
    """
    for argument, value, known in (("mode", mode, MODES), ("distribution", distribution, DISTRIBUTIONS)):
        if value not in known:
            raise ValueError(f"initializers.variance_scaling: {argument} must be one of {', '.join(known)}, found {value!r}.")
    return _scaled(key, shapes, scale, mode, distribution, dtype)


@_initializer
def orthogonal(key, shapes, scale=1.0, dtype=None):
    """Orthogonal: a random matrix whose columns (rows, if there are more columns) are orthogonal, each of length scale.

    Args:
      shapes: see `Initializer`; the last axis is that of the columns. Arrays of fewer than two dimensions start at zero.
      scale: may be traced.
      dtype: see `Initializer`.

    >>> import jgd, jax.numpy as jnp
    >>> w = jgd.initializers.orthogonal((16, 4))(0)
    >>> bool(jnp.allclose(w.T @ w, jnp.eye(4), atol=1e-5))
    True

    Source: Saxe et al., Exact solutions to the nonlinear dynamics of learning (2013); `jax.nn.initializers.orthogonal`.
    """

    def init(key, shape, dtype):
        """Half precision has no QR decomposition."""
        return jax_initializers.orthogonal(scale)(key, shape, jnp.promote_types(dtype, jnp.float32)).astype(dtype)

    return _arrays(init, key, shapes, dtype, least=2)


@_initializer
def normal(key, shapes, stddev=0.01, dtype=None):
    """Normal of mean 0 and standard deviation stddev, in every array, biases too.

    Args:
      shapes: see `Initializer`.
      stddev: may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.normal((3,), stddev=0.1)(0).shape
    (3,)

    Source: `jax.nn.initializers.normal`.
    """
    return _arrays(jax_initializers.normal(stddev), key, shapes, dtype)


@_initializer
def truncated_normal(key, shapes, stddev=0.01, lower=-2.0, upper=2.0, dtype=None):
    """stddev times a standard normal that stays between lower and upper, in every array, biases too.

    Args:
      shapes: see `Initializer`.
      stddev: before the cut: at (-2, 2), what is left has 0.8796 of it. May be traced.
      lower: in units of stddev.
      upper: in units of stddev.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.truncated_normal((100,), stddev=0.1)(0).max().item() < 0.2
    True

    Source: `jax.nn.initializers.truncated_normal`.
    """
    return _arrays(jax_initializers.truncated_normal(stddev, lower=lower, upper=upper), key, shapes, dtype)


@_initializer
def uniform(key, shapes, scale=0.01, dtype=None):
    """Uniform between 0 and scale, in every array, biases too; for one around 0, see `variance_scaling`.

    Args:
      shapes: see `Initializer`.
      scale: may be traced, and negative.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.uniform((100,), scale=0.1)(0).min().item() >= 0
    True

    Source: `jax.nn.initializers.uniform`.
    """
    return _arrays(jax_initializers.uniform(scale), key, shapes, dtype)


@_initializer
def constant(key, shapes, value, dtype=None):
    """The same number everywhere.

    Args:
      shapes: see `Initializer`.
      value: may be traced.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.constant((2,), 0.5)(0).tolist()
    [0.5, 0.5]

    Source: `jax.nn.initializers.constant`.
    """
    return _arrays(jax_initializers.constant(value), key, shapes, dtype)


@_initializer
def zeros(key, shapes, dtype=None):
    """Zeros; right for a linear model, but a network with hidden layers does not learn from there.

    Args:
      shapes: see `Initializer`.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.zeros({"weights": (2,), "bias": ()})(0)["weights"].tolist()
    [0.0, 0.0]

    Source: `jax.nn.initializers.zeros`.
    """
    return _arrays(jax_initializers.zeros, key, shapes, dtype)


@_initializer
def ones(key, shapes, dtype=None):
    """Ones.

    Args:
      shapes: see `Initializer`.
      dtype: see `Initializer`.

    >>> import jgd
    >>> jgd.initializers.ones((2,))(0).tolist()
    [1.0, 1.0]

    Source: `jax.nn.initializers.ones`.
    """
    return _arrays(jax_initializers.ones, key, shapes, dtype)


# One thing with two names in the field; each prints under the first.
glorot_uniform, glorot_normal = xavier_uniform, xavier_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal
for _name in ("glorot_uniform", "glorot_normal", "kaiming_uniform", "kaiming_normal"):
    REGISTRY[f"initializers.{_name}"] = globals()[_name].factory
