"""What `result.diagnose()` says of problems made to have one cause each, and of healthy ones: a confusion table.

    python -m benchmarks diagnoses [FILE ...] [--seeds N] [--only CAUSE] [--json FILE] [--markdown FILE]

Rows are the causes problems were made to have, columns the causes found first; beside them how often the cause was found at all,
and how many findings there were that a problem does not have by its making. Misses are listed. FILEs (CSV with a header, the
target's column given as FILE:COLUMN; or svmlight) are fitted in a few ways and their diagnoses printed.
"""

import argparse
import collections
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jgd
from benchmarks._causes import MAKERS
from jgd.diagnosis import CAUSES

NOTHING = "nothing"
# How many times as many healthy problems there are as of each cause.
HEALTHY = 3


class Seen(NamedTuple):
    """What was found of one problem.

    Attributes:
      cause: the one it was made to have.
      maker, seed: how it was made.
      found: the causes found, the first first.
      also: others that it has by its making.
      seconds: of the diagnosis alone.
    """

    cause: str
    maker: str
    seed: int
    found: tuple[str, ...]
    also: tuple[str, ...]
    seconds: float

    @property
    def first(self) -> str:
        return self.found[0] if self.found else NOTHING

    @property
    def is_right(self) -> bool:
        return self.first == (NOTHING if self.cause == "healthy" else self.cause)

    @property
    def wrong(self) -> list[str]:
        """What was found that it does not have."""
        return [cause for cause in self.found if cause != self.cause and cause not in self.also]


def table(seen: list[Seen]) -> list[str]:
    """Cause made x cause found first."""
    short = {cause: str(i) for i, cause in enumerate(CAUSES, 1)} | {NOTHING: "-"}
    causes, firsts = list(dict.fromkeys(s.cause for s in seen)), [*CAUSES, NOTHING]
    width = max(map(len, causes)) + 4
    head = "made to have".ljust(width) + "".join(short[f].rjust(4) for f in firsts) + "  problems  found  besides"
    lines = [head]
    for cause in causes:
        of = [s for s in seen if s.cause == cause]
        counts = collections.Counter(s.first for s in of)
        found = sum(cause in s.found or cause == "healthy" and not s.found for s in of)
        number = f"{short.get(cause, '')}".rjust(2)
        cells = "".join((str(counts[f]) if counts[f] else ".").rjust(4) for f in firsts)
        lines.append(f"{number} {cause}".ljust(width) + cells + f"{len(of):10}{found:7}{sum(len(s.wrong) for s in of):9}")
    return lines


def report(seen: list[Seen]) -> str:
    right, wrong = sum(s.is_right for s in seen), sum(bool(s.wrong) for s in seen)
    found = sum(s.cause in s.found or s.cause == "healthy" and not s.found for s in seen)
    times = sorted(s.seconds for s in seen)
    lines = [
        *table(seen), "",
        f"{len(seen)} problems: the cause first in {right}, found at all in {found}; something else besides in {wrong}",
        f"a diagnosis took {times[len(times) // 2]:.2f} s (median), {times[-1]:.2f} s at most", "",
    ]  # fmt: skip
    misses = [s for s in seen if not s.is_right or s.wrong]
    lines += ["misses:" if misses else "no misses"]
    lines += [f"  {s.maker}({s.seed}), made to have {s.cause}: found {', '.join(s.found) or NOTHING}" for s in misses]
    return "\n".join(lines)


def measured(seeds: int, first: int, only: str | None) -> list[Seen]:
    seen = []
    for cause, makers in MAKERS.items():
        some = [maker for maker in makers if only in (None, cause, maker.__name__)]
        # As many problems of each cause, however many makers it has; healthy ones are where causes are found that are not there.
        for i in range(len(some) and seeds * (HEALTHY if cause == "healthy" else 1)):
            maker, seed = some[i % len(some)], first + i
            made = maker(seed)
            began = time.perf_counter()
            diagnosis = made.result.diagnose()
            seconds = time.perf_counter() - began
            seen.append(Seen(cause, maker.__name__, seed, diagnosis.causes, tuple(sorted(made.also)), seconds))
            print(f"{maker.__name__}({seed}): {diagnosis!r} {seconds:.2f} s", flush=True)
    return seen


def read(file: str) -> tuple[Any, np.ndarray]:
    """Numbers of a CSV file's columns and the target, rows with missing values left out; or an svmlight file, dense."""
    path, _, target = file.partition(":")
    if not target:
        from sklearn.datasets import load_svmlight_file

        X, y = load_svmlight_file(path)
        return X.toarray().astype(np.float32), y
    import pandas as pd

    frame = pd.read_csv(path).select_dtypes("number").dropna()
    if target not in frame:
        raise SystemExit(f"{path} has no column of numbers called {target!r}, only {', '.join(frame.columns)}.")
    return frame.drop(columns=target), frame[target].to_numpy()


def of_file(file: str) -> None:
    """The diagnoses of a few usual runs."""
    X, y = read(file)
    two = len(np.unique(y)) == 2
    problem, values = (jgd.logistic_regression() if two else jgd.linear_regression()), np.asarray(X, np.float64)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if not two:
        y = (y - y.mean()) / y.std()
    standard = jgd.Dataset(scaled.astype(np.float32), y, columns=getattr(X, "columns", None))
    safe = jgd.safe_learning_rate(problem, standard)
    small = jgd.safe_learning_rate(problem, standard, 32) if len(y) > 32 else safe
    runs = {
        "as they are, gd(0.1)": ((X, y), jgd.gd(0.1), {"epochs": 100}),
        "as they are, a safe rate": ((X, y), jgd.gd(jgd.safe_learning_rate(problem, (X, y))), {"epochs": 200}),
        "standardised, a safe rate": (standard, jgd.gd(safe), {"epochs": 200}),
        "standardised, batches of 32": (standard, jgd.sgd(small), {"epochs": 10, "batch_size": min(32, len(y))}),
        "standardised, newton": (standard, jgd.newton(), {"steps": 15}),
    }
    print(f"\n## {Path(file.partition(':')[0]).name}: {values.shape[0]} x {values.shape[1]}")
    for name, (data, tx, options) in runs.items():
        result = jgd.fit(problem, data, tx, **options)
        began = time.perf_counter()
        diagnosis = result.diagnose()
        print(f"\n{name} ({time.perf_counter() - began:.1f} s):\n{diagnosis}", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks diagnoses", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="FILE.csv:TARGET, or an svmlight file")
    parser.add_argument("--seeds", type=int, default=16, help="problems of each cause")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", metavar="NAME", help="one cause, or one maker of problems")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.files:
        for file in options.files:
            of_file(file)
        return 0
    seen = measured(options.seeds, options.first, options.only)
    text = report(seen)
    print("\n" + text)
    if options.json:
        options.json.write_text(json.dumps([s._asdict() for s in seen], indent=1))
    if options.markdown:
        options.markdown.write_text(f"```text\n{text}\n```\n")
    return 0
