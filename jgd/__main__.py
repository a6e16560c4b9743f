"""`python -m jgd`: linear and logistic regression by full-batch, mini-batch and stochastic descent, on real data.

Without a file it fits scikit-learn's diabetes and breast_cancer data; with one, the user's own, and saves the best model, which
`python -m jgd predict MODEL FILE` applies to another file. Being a process of its own, it has XLA fold small training loops into
one kernel (`jgd.configure(small_loops=True)`); the environment variable JGD_SMALL_LOOPS=0 leaves XLA as it is.
"""

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jgd import _arguments, _predict, configure, linear_regression, logistic_regression, plotting, schedules, solve
from jgd.data import Dataset, read, steps_per_epoch
from jgd.models import Problem
from jgd.optimizers import adam, gd, sgd
from jgd.training import Result, fit
from jgd.training._metrics import accuracy, r2
from jgd.transformation import GradientTransformation

HELD_OUT = 0.2  # of the rows
FAILED = ("diverged", "nonfinite")


class Work(NamedTuple):
    """A table, by its name, and the problem that is to be solved on it."""

    name: str
    data: Dataset
    problem: Problem


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
    work: Work, runs: Sequence[tuple[int | str, GradientTransformation]], epochs: int, best: float, key: int, bar: Any
) -> list[Outcome]:
    """Every run, each a batch size and a chain; those that fail say so in their status and stop nothing."""
    outcomes = []
    for batch_size, tx in runs:
        regime = regime_name(batch_size)
        bar.set_description(f"{work.name}: {regime}")
        result = fit(work.problem, work.data, tx, batch_size=batch_size, epochs=epochs, key=key)
        if result.notes.ended_by:
            raise KeyboardInterrupt
        gap = result.certificate().objective - best
        score = _score(work.problem, result, work.data.held_out)
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
    words = list(sys.argv[1:] if argv is None else argv)
    is_predict = words[:1] == ["predict"]
    parser = _arguments.predict_parser(_predict.__doc__) if is_predict else _arguments.parser(__doc__)
    arguments = parser.parse_args(words[1:] if is_predict else words)
    try:
        return (_predict.predict if is_predict else _run)(arguments) or 0
    except (ValueError, TypeError, ImportError) as error:
        print(f"jgd: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jgd: interrupted.", file=sys.stderr)
        return 130


def _batch_sizes(asked: Sequence[int | str] | None, work: Work) -> list[int | str]:
    """Those asked for, or full-batch, mini-batches and single rows; a batch of all rows is the full one."""
    n = len(work.data)
    sizes = asked or ["full", min(32, max(1, n // 4)), 1]
    for size in sizes:
        if size != "full" and size > n:
            raise ValueError(f"--batch-size {size} is more than the {n} training rows of {work.name}.")
    return list(dict.fromkeys("full" if size == n else size for size in sizes))


def _work(arguments: argparse.Namespace) -> list[Work]:
    linear = linear_regression(l2=arguments.l2 or 0.0)
    logistic = lambda classes=2: logistic_regression(l2=1e-3 if arguments.l2 is None else arguments.l2, classes=classes)
    if arguments.file is None:
        if arguments.target or arguments.model or arguments.drop:
            raise ValueError(f"--target, --model and --drop go with a file; {_arguments.EXAMPLE}")
        known = lambda name, **options: known_table(name, seed=arguments.seed, **options)
        return [Work("diabetes", known("diabetes"), linear), Work("breast_cancer", known("breast_cancer"), logistic())]
    options = {
        name: getattr(arguments, name) for name in ("sample_weight", "drop", "seed", "missing", "rare", "decimal", "columns")
    }
    classes = None if arguments.model is None else arguments.model == "logistic"
    data = read(arguments.file, arguments.target, classes=classes, held_out=HELD_OUT, **options)
    problem = logistic(len(np.unique(data.y))) if data.encoder.target.is_class else linear
    return [Work(Path(arguments.file).name, data, problem)]


def known_table(name: str, *, seed: int = 0) -> Dataset:
    """One of scikit-learn's data sets: diabetes or breast_cancer."""
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError("the demonstration needs scikit-learn's data sets: pip install 'jgd[data]'.") from None
    load = {"diabetes": datasets.load_diabetes, "breast_cancer": datasets.load_breast_cancer}[name]
    bunch = load()
    table = dict(zip(bunch.feature_names, bunch.data.T, strict=True)) | {"target": bunch.target}
    return read(table, "target", classes=name == "breast_cancer", held_out=HELD_OUT, seed=seed)


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
    asked = arguments.batch_size and [_arguments.batch_size(text) for text in arguments.batch_size]
    chains = [_arguments.chain(text) for text in dict.fromkeys(arguments.optimizer)]
    planned = []
    for work in _work(arguments):
        make = lambda b, work=work: chains or default_chains(work.problem, work.data, b, arguments.epochs)
        planned.append((work, [(b, tx) for b in _batch_sizes(asked, work) for tx in make(b)]))
    out = _arguments.directory(arguments.out)
    panels = []
    for work, runs in planned:
        print("\n".join([f"{work.name}: {work.problem!r}", *(f"  {note}" for note in work.data.notes)]), flush=True)
        best = _best(work.problem, work.data)
        none = "no optimum found: the classes may be separable; try --l2"
        print(f"  exact optimum: {best:.8f}\n" if math.isfinite(best) else f"  {none}\n", flush=True)
        # No bar where nobody sees it move.
        with tqdm(total=len(runs), leave=False, unit="fit", disable=None) as bar:
            outcomes = run_table(work, runs, arguments.epochs, best, arguments.seed, bar)
        print(table_text(outcomes, "R2" if work.problem.name == "linear_regression" else "accuracy"))
        for o in outcomes:
            if o.result.status in FAILED:
                print(f"  {o.regime}, {o.tx!r}: {o.result.message}")
        print(flush=True)
        panels.append((f"{work.name}: {work.problem!r}", outcomes, best))
    path = out / "loss-curves.png"
    picture(panels, path)
    saved = [] if arguments.file is None else [_saved(outcomes, out / "model.npz")]
    print(f"Loss curves: {path.resolve()}", *saved, sep="\n")
    return 0


def _saved(outcomes: Sequence[Outcome], path: Path) -> str:
    """Writes the run of the smallest objective, and says so."""
    good = [o for o in outcomes if o.result.status not in FAILED and math.isfinite(o.result.objective)]
    if not good:
        return "No model saved: every run failed."
    best = min(good, key=lambda o: o.result.objective)
    best.result.save(path)
    return f"Best model ({best.regime}, {best.tx!r}): {path.resolve()}\n  to use it: python -m jgd predict {path} FILE"


def _best(problem: Problem, data: Dataset) -> float:
    """The smallest objective; NaN where there is none, as for separable classes."""
    found = solve(problem, data, tol=1e-10).certificate()
    return found.objective if math.isfinite(found.gap) else math.nan


def _process() -> int:
    """The command line, in a process of its own, where nothing has been computed yet."""
    if os.environ.get("JGD_SMALL_LOOPS") != "0":
        with contextlib.suppress(ValueError):  # XLA's flags are in a file, and stay as they are
            configure(small_loops=True)
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


if __name__ == "__main__":
    sys.exit(_process())
