"""What a wide sweep reaches of the speed of a matrix product, all in one process and in turn."""

import dataclasses
import time
from statistics import median
from typing import Any

from benchmarks import _report
from benchmarks._sweep_works import SweepWork, wide

END, DEFAULT, SHORT = "jgd, record at the end", "jgd, records by default", "jgd, half the epochs"
COUNTED = "the same, with the products of its records counted"
STEP, PRODUCTS, SQUARE = "jgd, the steps alone", "the two products of a step", "a product of 2,048 x 2,048"
AT_ONCE, FEW, SIDE = 8, 3, 2048


def seconds(work: SweepWork, rounds: int) -> dict[str, list[float]]:
    """Seconds of each run, the first, which compiles, included."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.contestants import jgd

    X, y = work.data()
    fits = {
        END: jgd.lanes(work, X, y, record=work.steps),
        SHORT: jgd.lanes(half := _half(work), X, y, record=half.steps),
        DEFAULT: jgd.lanes(work, X, y),
    }
    rows, W, square = jnp.asarray(X[: work.batch_size]), jnp.ones((work.d, work.lanes)), jnp.ones((SIDE, SIDE))
    product = lambda a, b: jnp.matmul(a, b, precision="highest")

    # Each uses what the one before gave, so that none can be left out.
    @jax.jit
    def of_step(W, X, Xt):
        return jax.lax.fori_loop(0, AT_ONCE, lambda _, W: W - 1e-6 * product(Xt, product(X, W)), W)

    @jax.jit
    def of_square(A):
        return jax.lax.fori_loop(0, FEW, lambda _, B: 1e-3 * product(A, B), A)

    transposed = jnp.asarray(np.ascontiguousarray(X[: work.batch_size].T))
    timed = {name: (lambda fit=fit: fit(0)) for name, fit in fits.items()}
    timed[PRODUCTS] = lambda: of_step(W, rows, transposed).block_until_ready()
    timed[SQUARE] = lambda: of_square(square).block_until_ready()
    found: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds + 1):
        for name, run in timed.items():
            began = time.perf_counter()
            run()
            found[name].append(time.perf_counter() - began)
    return found


def _half(work: SweepWork) -> SweepWork:
    return dataclasses.replace(work, epochs=work.epochs // 2)


def described(work: SweepWork, found: dict[str, list[float]]) -> dict[str, Any]:
    """Seconds and GFLOP/s of each, counting a step's two products alone: four operations for each row, column and lane; once
    more counting those of the records too, which look at all rows, or, for least squares, at d + 2 rows made of them.

    The steps alone are the difference of two runs that record as often, so that neither the records nor what is done once for a
    sweep are in their time.
    """
    flops = lambda work: 4.0 * work.n * work.epochs * work.d * work.lanes
    middle = {name: median(values[1:]) for name, values in found.items()}
    counted = {
        END: flops(work), DEFAULT: flops(work), SHORT: flops(_half(work)),
        PRODUCTS: AT_ONCE * 4.0 * work.batch_size * work.d * work.lanes, SQUARE: FEW * 2.0 * SIDE**3,
    }  # fmt: skip
    middle[STEP], counted[STEP] = middle[END] - middle[SHORT], flops(work) - flops(_half(work))
    rows = work.d + 2 if work.model == "linear" else work.n
    middle[COUNTED] = middle[DEFAULT]
    counted[COUNTED] = flops(work) + 4.0 * rows * (work.epochs + 1) * work.d * work.lanes
    names = (END, DEFAULT, COUNTED, STEP, PRODUCTS, SQUARE)
    return {
        "name": work.name, "says": work.says, "steps": work.steps,
        "rows": [
            {
                "name": name, "all": found.get(name), "seconds": middle[name],
                "gflops": counted[name] / middle[name] / 1e9 if middle[name] > 0 else None,
            }
            for name in names
        ],
    }  # fmt: skip


def share(described: dict[str, Any], name: str, of: str) -> float | None:
    """The speed of one as a share of the other's."""
    by_name = {row["name"]: row["gflops"] for row in described["rows"]}
    return None if by_name[name] is None else by_name[name] / by_name[of]


def table(described: dict[str, Any]) -> _report.Table:
    header = ["", "compile", "seconds", "GFLOP/s", "/ its products", "/ square"]
    rows = []
    for row in described["rows"]:
        compiled = "" if row["all"] is None else _report.compiled(*row["all"])
        shares = [share(described, row["name"], of) for of in (PRODUCTS, SQUARE)]
        numbers = ["unknown" if value is None else _report.digits(value) for value in (row["gflops"], *shares)]
        rows.append([row["name"], compiled, _report.seconds(max(row["seconds"], 0.0)), *numbers])
    return _report.Table(f"{described['name']}: {described['says']}", header, rows)


def impossible(described: dict[str, Any]) -> list[str]:
    """Runs that would have multiplied faster than the matrix products did: an error of the benchmark."""
    by_name = {row["name"]: row["gflops"] for row in described["rows"]}
    limit = max(by_name[PRODUCTS], by_name[SQUARE])
    return [
        f"{described['name']}, {name}: {by_name[name]:.0f} GFLOP/s implied, {limit:.0f} measured."
        for name in (END, COUNTED)
        if by_name[name] > limit
    ]


def works(quick: bool) -> list[SweepWork]:
    return [wide(model, 2 if quick else 8) for model in (("linear",) if quick else ("linear", "logistic"))]
