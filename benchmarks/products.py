"""What `jgd.models._products` rests on: a step's two products, z = X w and g = X' r, in each form and at each shape.

    python -m benchmarks products [--json FILE] [--quick]

One model: X by rows as a matrix product ("product") and as a sum that merges with what is around it ("sum"), and X by features
("by feature"). Many models at once: both forms under vmap. "rows kept": what the compiler makes of X' R for a matrix R when it
sees that the result is transposed, beside the form that jgd keeps from it.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

SHAPES = [(1, 20), (32, 5), (32, 20), (32, 50), (128, 20), (128, 50), (256, 5), (256, 50), (1000, 5), (10_000, 20), (200_000, 50)]
MODELS = 1000


def loop(z: Callable, g: Callable, steps: int) -> Callable:
    """Many gradient steps in one program, each of which needs the one before."""
    step = lambda X, w: w - 1e-6 * g(X, jnp.tanh(z(X, w)))
    return jax.jit(lambda X, w: jax.lax.fori_loop(0, steps, lambda _, w: step(X, w), w))


def medians(timed: dict[str, tuple[Callable, tuple]], rounds: int) -> dict[str, float]:
    """Median seconds of each, in turn."""
    found: dict[str, list[float]] = {name: [] for name in timed}
    for k in range(rounds + 1):  # the first compiles
        for name, (run, arguments) in timed.items():
            began = time.perf_counter()
            jax.block_until_ready(run(*arguments))
            if k:
                found[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def row(b: int, d: int, rounds: int) -> dict[str, float]:
    """Microseconds of a step with b rows of d columns."""
    X = jnp.asarray(np.random.default_rng(0).normal(size=(b, d)).astype(np.float32))
    steps = max(10, min(5000, 2_000_000 // (b * d)))
    product = lambda X, w: X @ w, lambda X, r: r @ X
    total = lambda X, w: jnp.sum(X * w[None], axis=1), lambda X, r: jnp.sum(X * r[:, None], axis=0)
    by_feature = lambda Xt, w: w @ Xt, lambda Xt, r: Xt @ r
    timed = {
        "product": (loop(*product, steps), (X, jnp.zeros(d))),
        "sum": (loop(*total, steps), (X, jnp.zeros(d))),
        "by feature": (loop(*by_feature, steps), (jnp.array(X.T), jnp.zeros(d))),
    }
    found = {name: seconds / steps for name, seconds in medians(timed, rounds).items()}
    if b * d <= 640:
        few = max(1, steps // 500)
        many = lambda form: jax.vmap(loop(*form, few), (None, 0))
        lanes = {
            f"{name}, {MODELS} models": (many(form), (X, jnp.zeros((MODELS, d))))
            for name, form in {"product": product, "sum": total}.items()
        }
        found |= {name: seconds / few for name, seconds in medians(lanes, rounds).items()}
    return {name: 1e6 * seconds for name, seconds in found.items()}


def kept(rounds: int) -> dict[str, float]:
    """Microseconds of X' R, for X of 60,000 x 784 and R of 10 columns."""
    X = jnp.asarray(np.random.default_rng(0).normal(size=(60_000, 784)).astype(np.float32))
    R = jnp.ones((60_000, 10))
    timed = {
        "X.T @ R": (jax.jit(lambda X, R: X.T @ R), (X, R)),
        "(R.T @ X).T": (jax.jit(lambda X, R: (R.T @ X).T), (X, R)),
        "rows kept": (jax.jit(lambda X, R: jax.lax.optimization_barrier(R.T @ X).T), (X, R)),
    }
    return {name: 1e6 * seconds for name, seconds in medians(timed, rounds).items()}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks products", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, the small shapes")
    options = parser.parse_args(arguments)
    rounds = 3 if options.quick else 9
    report = {}
    for b, d in SHAPES[:8] if options.quick else SHAPES:
        report[f"{b} x {d}"] = row(b, d, rounds)
        print(f"{b:>7} x {d:<4}", "  ".join(f"{name} {us:.2f} us" for name, us in report[f"{b} x {d}"].items()), flush=True)
    if not options.quick:
        report["60000 x 784, 10 classes"] = kept(rounds)
        print("60000 x 784, R of 10 columns:", "  ".join(f"{k} {us:.0f} us" for k, us in kept(rounds).items()))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    return 0
