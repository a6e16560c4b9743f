"""`python -m jgd`: linear and logistic regression by full-batch, mini-batch and stochastic descent, on real data.

Without a file it fits scikit-learn's diabetes and breast_cancer data; with one, the user's own. Being a process of its own, it
has XLA fold small training loops into one kernel (`jgd.configure(small_loops=True)`); the environment variable JGD_SMALL_LOOPS=0
leaves XLA as it is.
"""

import argparse
import contextlib
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jgd import _tables, configure, linear_regression, logistic_regression, parse, plotting, schedules, solve
from jgd.data import Dataset, steps_per_epoch
from jgd.models import Problem
from jgd.optimizers import adam, gd, sgd
from jgd.training import Result, fit
from jgd.training._metrics import accuracy, r2
from jgd.transformation import GradientTransformation

EXAMPLE = 'example: python -m jgd houses.csv --target price --model linear --optimizer "adam(0.01)" --batch-size full 1 32'


class Outcome(NamedTuple):
    """One run of one table."""

    regime: str
    tx: GradientTransformation
    result: Result
    epochs: float
    gap: float
    score: float


def regime_name(batch_size: int | str) -> str:
    """The regime that a batch size makes."""
    if batch_size == "full":
        return "full-batch"
    return "stochastic, 1 row" if batch_size == 1 else f"mini-batch, {batch_size} rows"


def default_chains(problem: Problem, data: Dataset, batch_size: int | str, epochs: int) -> list[GradientTransformation]:
    """Three chains for a regime, with the step size that its smoothness allows.

    For n rows x with an intercept's 1 and curvature c (2 for squared error, 1/4 for logistic, 1/2 for softmax), the
    objective has smoothness L = c lambda_max(mean xx'), its roughest row M = c max |x|^2, and batches of b rows drawn
    without replacement the expected smoothness n (b - 1) / (b (n - 1)) L + (n - b) / (b (n - 1)) M (Gower and others,
    "SGD: General Analysis and Improved Rates", 2019). The rate is 1 over that for the full batch and half of it for others.
    A constant rate leaves a floor of noise there, so two of their chains let it fall to zero.
    """
    X = np.c_[np.asarray(data.X, np.float64), np.ones(len(data))]
    n, b = len(data), len(data) if batch_size == "full" else batch_size
    curvature = 2.0 if problem.name == "linear_regression" else 0.25 if problem.classes == 2 else 0.5
    smooth, rough = np.linalg.eigvalsh(X.T @ X / n)[-1], (X**2).sum(axis=1).max()
    rate = 1 / (curvature * (n * (b - 1) * smooth + (n - b) * rough) / (b * (n - 1)))
    if batch_size == "full":
        return [gd(_round(rate)), sgd(_round(rate), momentum=0.9, nesterov=True), adam(0.1)]
    rate, steps = _round(rate / 2), epochs * steps_per_epoch(n, b)
    return [
        sgd(rate),
        sgd(schedules.cosine(rate, steps)),
        adam(schedules.cosine(_round(0.1 * math.sqrt(b / n)), steps)),
    ]


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def run_table(
    table: _tables.Table, problem: Problem, runs: Sequence[tuple[int | str, GradientTransformation]], epochs: int,
    best: float, key: int, bar: Any,
) -> list[Outcome]:  # fmt: skip
    """Every run, each a batch size and a chain; those that fail say so in their status and stop nothing."""
    outcomes = []
    for batch_size, tx in runs:
        regime = regime_name(batch_size)
        bar.set_description(f"{table.name}: {regime}")
        result = fit(problem, table.train, tx, batch_size=batch_size, epochs=epochs, key=key)
        if result.notes.ended_by:
            raise KeyboardInterrupt
        gap = result.certificate().objective - best
        score = _score(problem, result, table.held_out)
        outcomes.append(Outcome(regime, tx, result, result.steps / result.notes.steps_per_epoch, gap, score))
        bar.update()
    return outcomes


def _score(problem: Problem, result: Result, held_out: Dataset) -> float:
    prediction, target = np.asarray(result.predict(held_out.X)), np.asarray(held_out.y)
    if problem.name != "linear_regression":
        return float(accuracy(target, prediction))
    # A diverged run's are too large to be squared in float32, and may be infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return float(r2(target.astype(np.float64), prediction.astype(np.float64)))


def table_text(outcomes: Sequence[Outcome], score: str) -> str:
    """The outcomes as aligned columns."""
    columns = {
        "regime": [o.regime for o in outcomes],
        "chain": [repr(o.tx) for o in outcomes],
        "epochs": [f"{o.epochs:g}" for o in outcomes],
        "steps": [str(o.result.steps) for o in outcomes],
        "objective": [_number(o.result.objective, 5) for o in outcomes],
        "above optimum": [f"{max(o.gap, 0.0):.1e}" if math.isfinite(o.gap) else "-" for o in outcomes],
        f"held-out {score}": [_number(o.score, 4) for o in outcomes],
        "status": [o.result.status for o in outcomes],
        "compile s": [f"{o.result.compile_seconds:.2f}" for o in outcomes],
        "run s": [f"{o.result.run_seconds:.3f}" for o in outcomes],
    }
    aligned = []
    for heading, cells in columns.items():
        width = max(map(len, [heading, *cells]))
        side = "<" if heading in ("regime", "chain", "status") else ">"
        aligned.append([f"{cell:{side}{width}}" for cell in [heading, "-" * width, *cells]])
    return "\n".join("  ".join(row).rstrip() for row in zip(*aligned, strict=True))


def _number(value: float, places: int) -> str:
    return f"{value:.{places}f}" if abs(value) < 1e4 else f"{value:.3e}"


def picture(panels: Sequence[tuple[str, list[Outcome], float]], path: Path) -> None:
    """For each table a row of loss curves, a panel per regime; below it, where there is an optimum, the same above that."""
    from matplotlib.figure import Figure

    heights = [2 if math.isfinite(best) else 1 for _, _, best in panels]
    width = max(len({o.regime for o in outcomes}) for _, outcomes, _ in panels)
    figure = Figure(figsize=(4.6 * max(width, 2), 3.2 * sum(heights) + 1.2 * len(panels)), layout="constrained")
    parts = figure.subfigures(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, height, (title, outcomes, best) in zip(parts, heights, panels, strict=True):
        regimes: dict[str, dict[str, Result]] = {}
        for o in outcomes:
            regimes.setdefault(o.regime, {})[repr(o.tx)] = o.result
        with plotting.styled():
            rows = part.subplots(height, len(regimes), sharex="col", sharey="row", squeeze=False)
            optimum = best if height == 2 else None
            plotting.plot_regimes(regimes, rows[0], optimum=optimum, title=title)
            if height == 2:
                plotting.plot_regimes(regimes, rows[1], optimum=optimum, excess=True)
            for column in rows.T:
                for ax in column[1:]:
                    ax.set_title("")
                for ax in column[:-1]:
                    ax.set_xlabel("")
                    ax.get_legend().remove()
                # Below the panels, where no curve can be under it.
                column[-1].legend(*column[0].get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, -0.2))
    figure.savefig(path, dpi=120)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except (ValueError, TypeError, ImportError) as error:
        print(f"jgd: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jgd: interrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m jgd", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", nargs="?", help="a CSV file; without one: scikit-learn's diabetes and breast_cancer")
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument("--model", choices=("linear", "logistic"), help="the kind of regression")
    parser.add_argument(
        "--optimizer", nargs="+", metavar="CHAIN", default=[], help='chains as code, such as "chain(clip(1.0), adam(0.01))"'
    )
    parser.add_argument("--batch-size", nargs="+", metavar="B", help="full, or numbers of rows (full, 32 and 1)")
    parser.add_argument("--epochs", type=int, default=100, help="passes over the data (100)")
    parser.add_argument("--l2", type=float, help="strength of the penalty (0 for linear, 0.001 for logistic)")
    parser.add_argument("--drop", nargs="+", metavar="COLUMN", default=[], help="columns to leave out")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the order of the rows (0)")
    parser.add_argument("--out", default="jgd-out", help="directory of the picture (jgd-out)")
    return parser


def _chain(text: str) -> GradientTransformation:
    tx = parse(text)
    if not isinstance(tx, GradientTransformation):
        raise ValueError(f"--optimizer {text!r} is not an optimizer: expected one such as 'adam(0.01)'.")
    return tx


def _batch_size(text: str) -> int | str:
    if text == "full":
        return text
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ValueError(f"--batch-size takes 'full' or whole numbers of at least 1, found {text!r}.")
    return int(text)


def _batch_sizes(asked: Sequence[int | str] | None, table: _tables.Table) -> list[int | str]:
    """Those asked for, or full-batch, mini-batches and single rows; a batch of all rows is the full one."""
    n = len(table.train)
    sizes = asked or ["full", min(32, max(1, n // 4)), 1]
    for size in sizes:
        if size != "full" and size > n:
            raise ValueError(f"--batch-size {size} is more than the {n} training rows of {table.name}.")
    return list(dict.fromkeys("full" if size == n else size for size in sizes))


def _directory(path: str) -> Path:
    """The directory, made and found writable before anything is computed."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Path(path)
    except FileExistsError:
        raise ValueError(f"--out {path} is a file: give a directory.") from None
    except OSError as error:
        raise ValueError(f"cannot write to --out {path} ({error.strerror}): give another directory.") from None


def _tables_of(arguments: argparse.Namespace) -> list[tuple[_tables.Table, Problem]]:
    linear = linear_regression(l2=arguments.l2 or 0.0)
    logistic = lambda classes=2: logistic_regression(l2=1e-3 if arguments.l2 is None else arguments.l2, classes=classes)
    if arguments.file is None:
        if arguments.target or arguments.model or arguments.drop:
            raise ValueError(f"--target, --model and --drop go with a file; {EXAMPLE}")
        known = lambda name: _tables.known_table(name, seed=arguments.seed)
        return [(known("diabetes"), linear), (known("breast_cancer"), logistic())]
    frame = _tables.read_csv(arguments.file)
    if arguments.target is None:
        more = ", ..." if len(frame.columns) > 12 else ""
        raise ValueError(f"--target is missing: which of the columns {', '.join(frame.columns[:12])}{more}?")
    if arguments.model is None:
        raise ValueError("--model is missing: linear for a number, logistic for classes.")
    name, options = Path(arguments.file).name, {"drop": arguments.drop, "seed": arguments.seed}
    table = _tables.prepare_table(name, frame, arguments.target, arguments.model, **options)
    return [(table, linear if arguments.model == "linear" else logistic(len(np.unique(table.train.y))))]


def _run(arguments: argparse.Namespace) -> int:
    try:
        from tqdm import tqdm
    except ImportError:
        raise ImportError("progress bars need tqdm: pip install 'jgd[plot]'.") from None
    plotting.pyplot()
    if arguments.epochs < 1:
        raise ValueError(f"--epochs must be at least 1, found {arguments.epochs}.")
    if not 0 <= arguments.seed < 2**32:
        raise ValueError(f"--seed must be at least 0 and below 2^32, found {arguments.seed}.")
    asked = arguments.batch_size and [_batch_size(text) for text in arguments.batch_size]
    chains = [_chain(text) for text in dict.fromkeys(arguments.optimizer)]
    work = []
    for table, problem in _tables_of(arguments):
        make = lambda b, table=table, problem=problem: chains or default_chains(problem, table.train, b, arguments.epochs)
        work.append((table, problem, [(b, tx) for b in _batch_sizes(asked, table) for tx in make(b)]))
    out = _directory(arguments.out)
    panels = []
    for table, problem, runs in work:
        print("\n".join([f"{table.name}: {problem!r}", *(f"  {note}" for note in table.notes)]), flush=True)
        best = _best(problem, table.train)
        none = "no optimum found: the classes may be separable; try --l2"
        print(f"  exact optimum: {best:.8f}\n" if math.isfinite(best) else f"  {none}\n", flush=True)
        # No bar where nobody sees it move.
        with tqdm(total=len(runs), leave=False, unit="fit", disable=None) as bar:
            outcomes = run_table(table, problem, runs, arguments.epochs, best, arguments.seed, bar)
        print(table_text(outcomes, "R2" if problem.name == "linear_regression" else "accuracy"))
        for o in outcomes:
            if o.result.status in ("diverged", "nonfinite"):
                print(f"  {o.regime}, {o.tx!r}: {o.result.message}")
        print(flush=True)
        panels.append((f"{table.name}: {problem!r}", outcomes, best))
    path = out / "loss-curves.png"
    picture(panels, path)
    print(f"Loss curves: {path.resolve()}")
    return 0


def _best(problem: Problem, data: Dataset) -> float:
    """The smallest objective; NaN where there is none, as for separable classes."""
    found = solve(problem, data, tol=1e-10).certificate()
    return found.objective if math.isfinite(found.gap) else math.nan


def _process() -> int:
    """The command line, in a process of its own, where nothing has been computed yet."""
    if os.environ.get("JGD_SMALL_LOOPS") != "0":
        with contextlib.suppress(ValueError):  # XLA's flags are in a file, and stay as they are
            configure(small_loops=True)
    return main()


if __name__ == "__main__":
    sys.exit(_process())
