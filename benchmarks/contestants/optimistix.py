"""optimistix: its quasi-Newton methods, in one compiled program."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx

from benchmarks.contestants.optax import penalised


def logistic(work, X, y, solver):
    XT, y = jnp.asarray(np.ascontiguousarray(X.T)), jnp.asarray(y)

    @jax.jit
    def solve(XT, y, tolerance):
        rule = getattr(optx, solver)(rtol=tolerance, atol=tolerance)
        loss = lambda theta, args: penalised(theta, *args, None, work.l2)
        return optx.minimise(loss, rule, jnp.zeros(work.d + 1), (XT, y), max_steps=10_000, throw=False).value

    def run(tolerance):
        theta = np.asarray(solve(XT, y, tolerance))
        return theta[:-1], theta[-1]

    return run
