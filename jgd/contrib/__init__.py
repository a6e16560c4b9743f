"""Optax's contributed transformations, lifted: `jgd.contrib.muon` prints as `contrib.muon(...)`, and `jgd.parse` reads it.

What some of them need beside the gradient, jgd's step gives: the loss's value (`momo`), the objective (`sophia`), a
gradient elsewhere (`sam`), the gradients of the rows (`dpsgd` and the clipping per example). In a loop of your own they are
extra arguments of `update`.
"""

from typing import TYPE_CHECKING

from jgd._names import unknown_names
from jgd.contrib._adaptive import (
    acprop,
    ademamix,
    adopt,
    madgrad,
    scale_by_acprop,
    scale_by_ademamix,
    scale_by_adopt,
    scale_by_madgrad,
    scale_by_simplified_ademamix,
    simplified_ademamix,
)
from jgd.contrib._matrix import galore, muon, scale_by_galore, scale_by_muon
from jgd.contrib._private import differentially_private_aggregate, dpsgd
from jgd.contrib._rate_free import cocob, dadapt_adamw, dog, dowg, mechanize, momo, momo_adam, prodigy, scale_by_cocob
from jgd.contrib._rows import per_example_global_norm_clip, per_example_layer_norm_clip
from jgd.contrib._schedule_free import schedule_free, schedule_free_adamw, schedule_free_eval_params, schedule_free_sgd
from jgd.contrib._second_order import hutchinson_estimator_diag_hessian, sophia
from jgd.contrib._wrappers import normalize, sam, split_real_and_imaginary
from jgd.transforms import reduce_on_plateau

__all__ = [
    "acprop",
    "ademamix",
    "adopt",
    "cocob",
    "dadapt_adamw",
    "differentially_private_aggregate",
    "dog",
    "dowg",
    "dpsgd",
    "galore",
    "hutchinson_estimator_diag_hessian",
    "madgrad",
    "mechanize",
    "momo",
    "momo_adam",
    "muon",
    "normalize",
    "per_example_global_norm_clip",
    "per_example_layer_norm_clip",
    "prodigy",
    "reduce_on_plateau",
    "sam",
    "scale_by_acprop",
    "scale_by_ademamix",
    "scale_by_adopt",
    "scale_by_cocob",
    "scale_by_galore",
    "scale_by_madgrad",
    "scale_by_muon",
    "scale_by_simplified_ademamix",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
    "simplified_ademamix",
    "sophia",
    "split_real_and_imaginary",
]

if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.contrib")
