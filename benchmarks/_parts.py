"""What a full-batch step costs beside what it is made of, all in one process and in turn."""

import statistics
import time

from benchmarks._works import Work

FEWER = 10  # steps of the shorter fit
AT_ONCE = 10  # products in one call

FIT, SHORT, PRODUCTS, READ, FUSED = "fit", "shorter fit", "the two products", "one read of X", "numba's fused pass"


def seconds(work: Work, rounds: int) -> dict[str, list[float]]:
    """Seconds of a whole fit, of one of FEWER steps, of the two products of a step, of reading X, and of numba's gradient."""
    import dataclasses

    import jax
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.contestants import jgd, numba

    X, y = work.data()
    Xt, w = jnp.asarray(np.ascontiguousarray(X.T)), jnp.ones(work.d)
    labels, v = y.astype(np.float32), np.zeros(work.d + 1, np.float32)

    @jax.jit
    def products(w, Xt):
        """Each uses what the one before gave, so that none can be left out."""
        return jax.lax.fori_loop(0, AT_ONCE, lambda _, w: w - 1e-9 / work.n * (Xt @ (w @ Xt)), w)

    read, gradient = jax.jit(jnp.sum), numba.gradient_of(work, numba.kernels(work)[0])
    fit, shorter = (jgd.fit(w, X, y) for w in (work, dataclasses.replace(work, epochs=FEWER)))
    timed = {
        FIT: lambda: fit(0),
        SHORT: lambda: shorter(0),
        PRODUCTS: lambda: products(w, Xt).block_until_ready(),
        READ: lambda: read(Xt).block_until_ready(),
        FUSED: lambda: gradient(X, labels, v),
    }
    found: dict[str, list[float]] = {name: [] for name in timed}
    for k in range(rounds + 1):  # the first compiles
        for name, run in timed.items():
            began = time.perf_counter()
            run()
            if k:
                found[name].append(time.perf_counter() - began)
    found[PRODUCTS] = [s / AT_ONCE for s in found[PRODUCTS]]
    return found


def described(work: Work, found: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median seconds of each part, and how often it reads X, at least.

    A step of jgd's is the difference of its two fits by the difference of their steps; the rest of a fit is what is left: checks,
    copies, labels, the last record.
    """
    middle = {name: statistics.median(values) for name, values in found.items()}
    step = (middle[FIT] - middle[SHORT]) / (work.epochs - FEWER)
    parts = {
        "jgd, a step": (step, 1),
        PRODUCTS: (middle[PRODUCTS], 2),
        READ: (middle[READ], 1),
        FUSED: (middle[FUSED], 1),
        "jgd, a fit without its steps": (middle[FIT] - work.epochs * step, 0),
    }
    return {name: {"seconds": seconds, "passes": passes} for name, (seconds, passes) in parts.items()}
