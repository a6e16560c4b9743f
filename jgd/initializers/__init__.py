"""Initial parameters as data: made with the shapes they are for, called with a key.

    >>> import jgd
    >>> init = jgd.initializers.he_normal({"w1": (2, 16), "b1": (16,), "w2": (16, 1), "b2": (1,)})
    >>> init(0)["w1"].shape
    (2, 16)

An initializer goes into a problem as its `init`; one made anew with the same arguments is the same, and compiles nothing. The
distributions are those of `jax.nn.initializers`, whose convention of fans they share: the last axis of an array is its output,
the one before its input, and any before those are a receptive field, which counts into both.
"""

from typing import TYPE_CHECKING

from jgd._factory import REGISTRY
from jgd._names import unknown_names
from jgd.initializers._fans import (
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)
from jgd.initializers._initializer import Initializer
from jgd.initializers._plain import constant, normal, ones, orthogonal, truncated_normal, uniform, zeros

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

# One thing with two names in the field; each prints under the first.
glorot_uniform, glorot_normal = xavier_uniform, xavier_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal
for _name in ("glorot_uniform", "glorot_normal", "kaiming_uniform", "kaiming_normal"):
    REGISTRY[f"initializers.{_name}"] = globals()[_name].factory

if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.initializers")
