"""Transformations of jgd's own, where optax has none, or one that cannot be traced or is not what its name says."""

from jgd.transforms._averaging import average_iterates, averaged_params
from jgd.transforms._lbfgs import lbfgs
from jgd.transforms._nadam import scale_by_nadam
from jgd.transforms._newton import newton
from jgd.transforms._plateau import reduce_on_plateau
from jgd.transforms._precision import dynamic_loss_scaling

__all__ = [
    "average_iterates",
    "averaged_params",
    "dynamic_loss_scaling",
    "lbfgs",
    "newton",
    "reduce_on_plateau",
    "scale_by_nadam",
]
