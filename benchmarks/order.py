"""What `jgd.data._order` rests on: the time to order n rows, and whether the order can be told from a uniform one.

    python -m benchmarks order [--json FILE] [--quick]

Uniformity, over many epochs of one key, as standard scores (about 0, and within 3 or so, where nothing is wrong):
"places" counts every row at every place; "distance" where the second of two neighbouring places lies from the first; "row" and
"column" how often the images of neighbours share a row or a column of the network's grid.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data import _order, batch_rows

SIZES = (100, 256, 1000, 997, 10_000, 9_973, 200_000, 1_000_000)


def seconds(run, rounds: int) -> float:
    found = []
    for k in range(rounds + 1):  # the first compiles
        began = time.perf_counter()
        jax.block_until_ready(run(jax.random.key(k)))
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def times(n: int, rounds: int) -> dict[str, float]:
    """Nanoseconds a row of jgd's order and of a sort of random words, a few epochs in one program."""
    epochs = max(1, 100_000 // n)
    orders = {
        "jgd": lambda key, e: batch_rows(key, e * n, n, n, 1)[:, 0],
        "permutation": lambda key, e: jax.random.permutation(jax.random.fold_in(key, e), n),
    }
    total = lambda order: jax.jit(lambda key: jax.lax.fori_loop(0, epochs, lambda e, c: c + jnp.sum(order(key, e) % 7), 0))
    return {name: 1e9 * seconds(total(order), rounds) / (epochs * n) for name, order in orders.items()}


def scores(n: int, epochs: int) -> dict[str, float]:
    """How far the order is from uniform, in standard deviations."""
    some = jax.jit(jax.vmap(lambda e: batch_rows(jax.random.key(7), e, 1, n, n)[0]))
    order = np.concatenate([np.asarray(some(jnp.arange(k, k + 1000))) for k in range(0, epochs, 1000)])
    counts = np.stack([np.bincount(order[:, place], minlength=n) for place in range(n)])
    found = {"places": _chi_squared(counts, epochs / n, (n - 1) ** 2)}
    rows, columns = _order._grid(n)
    for name, lag in (("neighbours", 1), ("a grid row apart", columns)):
        apart = np.bincount((order[:, lag] - order[:, 0]) % n, minlength=n)[1:]
        found[f"distance, {name}"] = _chi_squared(apart, epochs / (n - 1), n - 2)
        if rows * columns == n:
            for what, image, others in (("row", order // columns, columns - 1), ("column", order % columns, rows - 1)):
                shared = (image[:, lag:] == image[:, :-lag]).sum(axis=1)
                expected = others / (n - 1) * (n - lag)
                found[f"{what}, {name}"] = (shared.mean() - expected) / (shared.std() / np.sqrt(epochs))
    return {name: float(score) for name, score in found.items()}


def _chi_squared(counts: np.ndarray, expected: float, freedom: int) -> float:
    return (((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks order", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and epochs, the small sizes")
    options = parser.parse_args(arguments)
    report: dict[str, dict] = {"ns a row": {}, "scores": {}}
    for n in SIZES[:6] if options.quick else SIZES:
        report["ns a row"][n] = found = times(n, 3 if options.quick else 9)
        ratio = found["permutation"] / found["jgd"]
        print(
            f"{n:>9} rows: jgd {found['jgd']:.1f} ns a row, permutation {found['permutation']:.1f}, ratio {ratio:.0f}", flush=True
        )
    for n in (100, 256, 300, 1000):
        report["scores"][n] = found = scores(n, 5_000 if options.quick else 20_000)
        print(f"{n:>9} rows: {', '.join(f'{name} {score:+.1f}' for name, score in found.items())}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    return 0
