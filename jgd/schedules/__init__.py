"""Schedules: pytrees that are called with a step count, and whose every number is a leaf."""

from typing import TYPE_CHECKING

from jgd._names import unknown_names
from jgd.schedules._cycles import cosine_restarts, cyclic, join, one_cycle_cosine, one_cycle_linear
from jgd.schedules._decay import (
    constant,
    cosine,
    exponential_decay,
    inverse_sqrt,
    inverse_time,
    linear,
    piecewise_constant,
    polynomial,
    step_decay,
)
from jgd.schedules._schedule import Schedule, schedule
from jgd.schedules._warmup import warmup_constant, warmup_cosine, warmup_exponential, warmup_linear

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic",
    "exponential_decay",
    "inverse_sqrt",
    "inverse_time",
    "join",
    "linear",
    "one_cycle_cosine",
    "one_cycle_linear",
    "piecewise_constant",
    "polynomial",
    "schedule",
    "step_decay",
    "warmup_constant",
    "warmup_cosine",
    "warmup_exponential",
    "warmup_linear",
]

if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.schedules")
