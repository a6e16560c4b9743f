"""A linear model with a penalty of its own for each column: that of columns divided by their deviations, told as given."""

import jax
import jax.numpy as jnp
import numpy as np

from jgd._factory import factory
from jgd.models._problem import Problem


def _standardized(problem, deviation):
    functions = problem.functions
    return functions._replace(
        penalty=lambda params: functions.penalty(params._replace(weights=_scaled(params.weights, deviation)))
    )


def _scaled(weights: jax.Array, by: jax.Array) -> jax.Array:
    return weights * jnp.asarray(by, weights.dtype).reshape(-1, *[1] * (weights.ndim - 1))


# l2/2 sum_j (deviation_j w_j)^2 in the place of l2/2 |w|^2; a problem of its own to everything that does not look inside.
standardized = factory(_standardized, Problem, name="standardized", arrays=("deviation",))


def inside(problem: Problem) -> Problem:
    """The problem whose loss it is."""
    return problem.problem if problem.name == "standardized" else problem


def penalty_of(problem: Problem, width: int) -> np.ndarray:
    """p_j in the penalty sum_j p_j w_j^2 / 2 of a linear model of so many columns, in float64."""
    l2 = float(inside(problem).l2)
    return np.full(width, l2) if inside(problem) is problem else l2 * np.asarray(problem.deviation, np.float64) ** 2
