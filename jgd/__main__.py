"""`python -m jgd`: linear and logistic regression by full-batch, mini-batch and stochastic descent, on real data.

Without a file it fits scikit-learn's diabetes and breast_cancer data; with one, the user's own.
"""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jgd import _optimum, _tables, linear_regression, logistic_regression, parse, plotting, schedules
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


def regime_name(batch_size: int | str, n: int) -> str:
    """The regime that a batch size makes."""
    if batch_size in ("full", n):
        return "full-batch"
    return "stochastic, 1 row" if batch_size == 1 else f"mini-batch, {batch_size} rows"


def default_chains(problem: Problem, data: Dataset, batch_size: int | str, epochs: int) -> list[GradientTransformation]:
    """Three chains for a regime, with the step size that its smoothness allows.

    For rows x with an intercept's 1 and curvature c (2 for squared error, 1/4 for logistic, 1/2 for softmax), gradients of
    batches of b rows have L_b = c (lambda_max(E xx') (b - 1) / b + R / b) with R = E|x|^4 / E|x|^2. The rate is 1 / L_b for
    the full batch, and a quarter of that for others, whose noise it has to keep down; a constant rate leaves a floor of
    noise there, so two of their chains let it fall to zero.
    """
    X = np.c_[np.asarray(data.X, np.float64), np.ones(len(data))]
    norms = (X**2).sum(axis=1)
    curvature = 2.0 if problem.name == "linear_regression" else 0.25 if problem.classes == 2 else 0.5
    b = len(data) if batch_size == "full" else batch_size
    smoothness = np.linalg.eigvalsh(X.T @ X / len(X))[-1] * (b - 1) / b + (norms**2).mean() / norms.mean() / b
    rate = _round((1.0 if batch_size == "full" else 0.25) / (curvature * smoothness))
    if batch_size == "full":
        return [gd(rate), sgd(rate, momentum=0.9, nesterov=True), adam(0.1)]
    steps = epochs * steps_per_epoch(len(data), b)
    return [
        sgd(rate),
        sgd(schedules.cosine(rate, steps)),
        adam(schedules.cosine(_round(min(0.1, 0.1 * math.sqrt(b / len(data)))), steps)),
    ]


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def run_table(
    table: _tables.Table, problem: Problem, chains: Sequence[GradientTransformation] | None, batch_sizes: Sequence[int | str],
    epochs: int, best: float, key: int, bar: Any,
) -> list[Outcome]:  # fmt: skip
    """Every chain in every regime; those that fail say so in their status and stop nothing."""
    outcomes = []
    for batch_size in batch_sizes:
        regime = regime_name(batch_size, len(table.train))
        for tx in chains or default_chains(problem, table.train, batch_size, epochs):
            bar.set_description(f"{table.name}: {regime}")
            result = fit(problem, table.train, tx, batch_size=batch_size, epochs=epochs, key=key)
            gap = _optimum.exact_objective(problem, result.params, result.notes.data) - best
            score = _score(problem, result, table.held_out)
            outcomes.append(Outcome(regime, tx, result, result.steps / result.notes.steps_per_epoch, gap, score))
            bar.update()
    return outcomes


def _score(problem: Problem, result: Result, held_out: Dataset) -> float:
    prediction = np.asarray(result.predict(held_out.X))
    metric = r2 if problem.name == "linear_regression" else accuracy
    return float(metric(np.asarray(held_out.y), prediction))


HEADINGS = ("regime", "chain", "epochs", "steps", "objective", "above optimum", "held-out", "status", "compile s", "run s")


def table_text(outcomes: Sequence[Outcome], score: str) -> str:
    """The outcomes as aligned columns."""
    rows = [HEADINGS[:6] + (f"held-out {score}",) + HEADINGS[7:]]
    for o in outcomes:
        gap = f"{max(o.gap, 0.0):.1e}" if math.isfinite(o.gap) else "-"
        rows.append(
            (
                o.regime, repr(o.tx), f"{o.epochs:g}", str(o.result.steps), f"{o.result.objective:.5f}", gap, f"{o.score:.4f}",
                o.result.status, f"{o.result.compile_seconds:.2f}", f"{o.result.run_seconds:.3f}",
            )
        )  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = (0, 1, 7)
    lines = [
        "  ".join(cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def picture(panels: Sequence[tuple[str, list[Outcome], float]], path: Path) -> None:
    """One row of panels per table, one panel per regime."""
    plt = plotting.pyplot()
    columns = max(len({o.regime for o in outcomes}) for _, outcomes, _ in panels)
    figure = plt.figure(figsize=(4.6 * columns, 3.9 * len(panels)), layout="constrained")
    for part, (title, outcomes, best) in zip(np.atleast_1d(figure.subfigures(len(panels), 1)), panels, strict=True):
        part.suptitle(title)
        regimes: dict[str, dict[str, Result]] = {}
        for o in outcomes:
            regimes.setdefault(o.regime, {})[repr(o.tx)] = o.result
        with plt.rc_context(plotting.STYLE):
            axes = part.subplots(1, len(regimes), sharey=True, squeeze=False)[0]
        plotting.plot_regimes(regimes, axes, optimum=best if math.isfinite(best) else None)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except (ValueError, TypeError, ImportError) as error:
        print(f"jgd: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m jgd", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", nargs="?", help="a CSV file; without one: scikit-learn's diabetes and breast_cancer")
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument("--model", choices=("linear", "logistic"), help="the kind of regression")
    parser.add_argument("--optimizer", nargs="+", metavar="CHAIN", help='chains as code, such as "chain(clip(1.0), adam(0.01))"')
    parser.add_argument(
        "--batch-size", nargs="+", metavar="B", default=["full", "32", "1"], help='"full", 1, or a number of rows'
    )
    parser.add_argument("--epochs", type=int, default=100, help="passes over the data (100)")
    parser.add_argument("--l2", type=float, help="strength of the penalty (0 for linear, 0.001 for logistic)")
    parser.add_argument("--drop", nargs="+", metavar="COLUMN", default=[], help="columns to leave out")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the order of the rows (0)")
    parser.add_argument("--out", default="jgd-out", help="directory of the picture (jgd-out)")
    return parser


def _batch_size(text: str) -> int | str:
    if text == "full":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--batch-size takes 'full' or whole numbers of at least 1, found {text!r}.")
    return int(text)


def _directory(path: str) -> Path:
    """The directory, made and found writable before anything is computed."""
    out = Path(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not os.access(out, os.W_OK):
            raise PermissionError(13, "permission denied")
        probe = out / ".jgd-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f"cannot write to --out {path}: {error.strerror}; give another directory.") from None
    return out


def _tables_of(arguments: argparse.Namespace) -> list[tuple[_tables.Table, Problem]]:
    if arguments.file is None:
        if arguments.target or arguments.model or arguments.drop:
            raise ValueError("--target, --model and --drop go with a file: python -m jgd FILE.csv --target COLUMN --model linear")
        l2 = arguments.l2
        return [
            (_tables.known_table("diabetes"), linear_regression(l2=l2 or 0.0)),
            (_tables.known_table("breast_cancer"), logistic_regression(l2=1e-3 if l2 is None else l2)),
        ]
    frame = _tables.read_csv(arguments.file)
    for option in ("target", "model"):
        if getattr(arguments, option) is None:
            found = f"its columns are {', '.join(map(str, frame.columns[:12]))}" if option == "target" else "linear or logistic"
            raise ValueError(f"--{option} is missing: {found}.")
    table = _tables.prepare_table(
        Path(arguments.file).name, frame, arguments.target, arguments.model, drop=arguments.drop, key=arguments.seed
    )
    if arguments.model == "linear":
        return [(table, linear_regression(l2=arguments.l2 or 0.0))]
    classes = max(2, len(np.unique(np.concatenate([np.asarray(table.train.y), np.asarray(table.held_out.y)]))))
    return [(table, logistic_regression(l2=1e-3 if arguments.l2 is None else arguments.l2, classes=classes))]


def _run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    batch_sizes = list(dict.fromkeys(_batch_size(text) for text in arguments.batch_size))
    chains = [parse(text) for text in arguments.optimizer] if arguments.optimizer else None
    if arguments.epochs < 1:
        raise ValueError(f"--epochs must be at least 1, found {arguments.epochs}.")
    work = _tables_of(arguments)
    for table, _ in work:
        too_large = [b for b in batch_sizes if b != "full" and b > len(table.train)]
        if too_large:
            raise ValueError(f"--batch-size {too_large[0]} is more than the {len(table.train)} training rows of {table.name}.")
    out = _directory(arguments.out)
    panels = []
    for table, problem in work:
        print(f"\n{table.name}: {problem!r}")
        for note in table.notes:
            print(f"  {note}")
        best = _best(problem, table.train)
        with tqdm(total=len(batch_sizes) * (len(chains) if chains else 3), leave=False, unit="fit") as bar:
            outcomes = run_table(table, problem, chains, batch_sizes, arguments.epochs, best, arguments.seed, bar)
        score = "R2" if problem.name == "linear_regression" else "accuracy"
        print(
            f"  exact optimum: {best:.8f}"
            if math.isfinite(best)
            else "  no finite optimum found: the classes may be separable; try --l2"
        )
        print("\n" + table_text(outcomes, score))
        for o in outcomes:
            if o.result.status in ("diverged", "nonfinite", "stalled"):
                print(f"  {o.regime}, {o.tx!r}: {o.result.message}")
        panels.append((f"{table.name}: {problem!r}", outcomes, best))
    path = out / "loss-curves.png"
    picture(panels, path)
    print(f"\nLoss curves: {path.resolve()}")
    return 0


def _best(problem: Problem, data: Dataset) -> float:
    encoded, _ = problem.functions.encode(data.y, None)
    return _optimum.optimum(problem, data._with(y=encoded))


if __name__ == "__main__":
    sys.exit(main())
