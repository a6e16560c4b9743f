"""What `jgd.solvers._choice` rests on: each chain of solvers on problems of many shapes, and the one that is chosen.

    python -m benchmarks solvers [--json FILE] [--quick]

Seconds to a decrement of 3e-9 of the objective, in turn, medians; without the proof. Objectives, scored in float64, must agree to
1e-7. "samples": from an eighth of the rows, and an eighth of that, as far as they go. "renewed": a Hessian of all rows, made anew
where progress is slow. "newton": at each step. "gram": lbfgs from the Gram matrix. The last column is what is lost by the choice,
as a share of the fastest.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

import jgd
from benchmarks import _optimum_score
from jgd.solvers import _choice, _solve

# Rows, columns, share of the positives, penalty times rows, how unlike the columns are.
WORKS = [
    (200, 5, 0.5, 1.0, "alike"),
    (2_000, 20, 0.5, 1.0, "alike"),
    (2_000, 200, 0.5, 1.0, "alike"),
    (20_000, 20, 0.5, 1.0, "alike"),
    (20_000, 50, 0.03, 0.01, "alike"),
    (20_000, 200, 0.5, 1.0, "alike"),
    (30_000, 120, 0.25, 1.0, "rare"),
    (200_000, 20, 0.5, 1.0, "alike"),
    (200_000, 50, 0.03, 0.01, "correlated"),
    (200_000, 100, 0.25, 1.0, "rare"),
    (500_000, 40, 0.5, 1.0, "alike"),
]


def made(n: int, d: int, share: float, unlike: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    if unlike == "rare":
        X = (rng.random((n, d), np.float32) < rng.uniform(0.002, 0.3, d)).astype(np.float32)
    if unlike == "correlated":
        X = X @ np.linalg.qr(rng.standard_normal((d, d)))[0].astype(np.float32) * np.logspace(0, -3, d, dtype=np.float32)
        X = np.ascontiguousarray(X @ rng.standard_normal((d, d)).astype(np.float32))
    z = X @ rng.standard_normal(d) * (2 / X.std() / np.sqrt(d))
    threshold = np.quantile(z + rng.logistic(size=n), 1 - share)
    return X, (z + rng.logistic(size=n) > threshold).astype(np.int32)


def chains(n: int, columns: int, rarest: float) -> dict[str, _choice.Choice]:
    chosen = _choice.choose(n, columns, 2, rarest)
    plain = chosen._replace(start="hessian", levels=())
    levels = [m for m in (n // 64, n // 8) if m >= 4 * columns]
    return {
        "chosen": chosen,
        "samples": plain._replace(levels=tuple(levels), always=False),
        "renewed": plain._replace(always=False),
        "newton": plain._replace(always=True),
        "gram": plain._replace(start="gram"),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks solvers", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, the small shapes")
    options = parser.parse_args(arguments)
    report = {}
    for n, d, share, strength, unlike in WORKS[:5] if options.quick else WORKS:
        X, y = made(n, d, share, unlike)
        problem = jgd.logistic_regression(l2=strength / n)
        data = problem.dataset((X, y))
        found, ended = {name: [] for name in chains(n, d + 1, share)}, {}
        for k in range((3 if options.quick else 7) + 1):  # the first compiles
            for name, choice in chains(n, d + 1, share).items():
                began = time.perf_counter()
                solved = _solve.descent(problem, data, 1e-8, False, 200, None, lambda *_, choice=choice: choice)
                if k:
                    found[name].append(time.perf_counter() - began)
                ended[name] = _optimum_score.objective(X, y, solved.params, strength / n)
        ms = {name: 1e3 * statistics.median(seconds) for name, seconds in found.items()}
        lost = ms["chosen"] / min(ms.values()) - 1
        name = f"{n} x {d}, {share:.0%} positives, l2 = {strength:g}/n, {unlike}"
        best = min(ended.values())
        apart = {chain: value / best - 1 for chain, value in ended.items() if value > best * (1 + 1e-7)}
        report[name] = ms | {"lost": lost, "apart": apart}
        if apart:
            print(f"ERROR of the benchmark: {name}: objectives apart by {apart}", flush=True)
        print(f"{name:<55}", "  ".join(f"{k} {v:.1f} ms" for k, v in ms.items()), f"  lost {lost:.0%}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    return 1 if any(work["apart"] for work in report.values()) else 0
