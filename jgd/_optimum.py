"""The exact optimum of a convex problem, in float64, by a trust-region Newton method: what runs are measured against."""

from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from jgd.data import Dataset
from jgd.models import Problem


def in_float64(data: Dataset) -> Dataset:
    """The same rows as float64; to be called with float64 enabled."""
    double = lambda a: a.astype(jnp.float64) if jnp.issubdtype(a.dtype, jnp.floating) else a
    return jax.tree.map(lambda a: double(jnp.asarray(a)), data)


@jax.jit
def _objective(problem: Problem, params: Any, data: Dataset) -> jax.Array:
    return problem.objective(params, data)


def exact_objective(problem: Problem, params: Any, data: Dataset) -> float:
    """The objective, evaluated in float64."""
    with jax.enable_x64(True):
        params = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), params)
        return float(_objective(problem, params, in_float64(data)))


def optimum(problem: Problem, data: Dataset, *, tolerance: float = 1e-9) -> float:
    """The smallest objective, to about the square of `tolerance`.

    Returns:
      The objective; NaN where the method did not get the gradient below `tolerance` (separable classes without penalty).
    """
    with jax.enable_x64(True):
        data = in_float64(data)
        start, unravel = jax.flatten_util.ravel_pytree(
            jax.tree.map(lambda p: p.astype(jnp.float64), problem.init(jax.random.key(0), data))
        )
        value = lambda flat, problem, data: problem.objective(unravel(flat), data)
        derivatives = [jax.jit(f) for f in (value, jax.grad(value), jax.hessian(value))]
        f, gradient, hessian = (lambda w, d=d: np.asarray(d(w, problem, data)) for d in derivatives)
        small = start.size <= 400
        found = scipy.optimize.minimize(
            f, np.asarray(start), jac=gradient, hess=hessian if small else None,
            method="trust-exact" if small else "L-BFGS-B",
            options={"gtol": tolerance, "maxiter": 500} | ({} if small else {"ftol": 0.0, "maxfun": 5000}),
        )  # fmt: skip
        return float(found.fun) if np.linalg.norm(gradient(found.x)) <= max(100 * tolerance, 1e-7) else float("nan")
