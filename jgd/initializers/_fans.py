"""Initializers whose scale comes from the fans of each array: Xavier, He, LeCun."""

from jax.nn import initializers as jax_initializers

from jgd.initializers._initializer import arrays, initializer

MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")

DISTRIBUTIONS = ("truncated_normal", "normal", "uniform")


def _scaled(key, shapes, variance, mode, distribution, dtype):
    return arrays(jax_initializers.variance_scaling(variance, mode, distribution), key, shapes, dtype, least=2)


@initializer
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


@initializer
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


@initializer
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


@initializer
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


@initializer
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


@initializer
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


@initializer
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
