"""Time to the optimum beside other solvers: one fit (c1 to c6), many at once (b3, b4), and paths of ridge regression (b5).

Each solver is run with a knob (a tolerance, a number of epochs or steps) from coarse to fine; what it ends with is scored by
us, in float64, against an optimum that Newton's method found in float64. "to 1e-6" is the median of the fastest setting
whose error is no larger; settings lie a factor of ten in tolerance apart, and near each target one more is tried in between.
The error is the relative suboptimality, (f - f*) / f*, of the mean loss and l2/2 |w|^2, the intercept free; elsewhere as the
table says. First each climbs its settings, alone; then the eight fastest to each target are run again in turn, round by
round. A run that takes longer than a minute is given up, and said.

jgd goes from NumPy arrays to the parameters. A peer has its data in the form it likes best (float32, float64, sparse where
most of X is zero, by columns or by rows) before the time begins. "compile" is the first run of all less the median of later
ones, imports not counted. "in a fresh process" is the first run of a process and what it imports, with an empty compilation
cache and with one that an earlier process has filled.

statsmodels has its penalty from its penalised likelihoods, skglm from an l1 and l2 penalty without the former, and
liblinear, which penalises the intercept, has it as a hundredth of a column of hundreds.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _machine, _optimum_fresh, _optimum_report, _report
from benchmarks._optimum_measure import measure, optimum_missed
from benchmarks._optimum_solvers import SOLVERS
from benchmarks._optimum_works import OptimumWork, works
from benchmarks._worker import WorkerFailed
from benchmarks.single_run import chosen, failed, say, show

FRESH = ("c6", "b3")
BOUND = 60.0


def run(wanted: list[OptimumWork], options: argparse.Namespace) -> dict[str, Any]:
    """Measures, prints each table as soon as it is known, and returns everything."""
    errors: list[str] = []
    quick, pythons = options.quick, dict(options.python)
    report: dict[str, Any] = {"machine": _machine.machine(), "quick": quick, "works": [], "errors": errors}
    for work in wanted:
        say(f"{work.name}: data and optimum")
        work = work.prepare(options.cache, options.data)
        solvers = [solver for solver in SOLVERS if solver.takes_part(work, quick) and _named(solver.name, options.solver)]
        outcome = measure(work, solvers, 1 if quick else 5, 0.2 if quick else 2.0, options.bound, pythons, say)
        described = _optimum_report.described(outcome)
        if work.name in FRESH:
            try:
                described["fresh"] = _optimum_fresh.fresh(outcome, 1 if quick else 3, pythons, say)
            except WorkerFailed as failure:
                errors.append(f"{work.name} in a fresh process FAILED: {failure}")
        errors += failed(work.name, described) + optimum_missed(outcome)
        errors += [f"{work.name}, {e['name']}: {e['ended']}" for e in described["entries"] if e["ended"].startswith("FAILED")]
        report["works"].append(described)
        for table in _optimum_report.tables({"works": [described]})[1:]:
            show(table)
    report["load_after"] = os.getloadavg()[0]
    return report


def _named(name: str, only: list[str] | None) -> bool:
    return not only or any(name.startswith(one) for one in only)


def interpreter(text: str) -> tuple[str, str]:
    library, _, python = text.partition("=")
    if not library or not Path(python).exists():
        raise argparse.ArgumentTypeError(f"expected LIBRARY=PATH of an interpreter, found {text!r}.")
    return library, python


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks optimum", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables, as for benchmarks/RESULTS.md")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the curves of c1 to c3b as a picture")
    parser.add_argument("--only", action="append", metavar="NAME", help="c1, c3 (not c3b), b5 (all of it), ...; repeatable")
    parser.add_argument("--solver", action="append", metavar="NAME", help="who takes part, by the first words; repeatable")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where a9a and california_housing.csv are; else stand-ins")
    parser.add_argument(
        "--cache", type=Path, metavar="FOLDER", default=Path(tempfile.gettempdir()) / "jgd-optimum",
        help="where data and optima are kept from run to run (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--python", type=interpreter, action="append", default=[], metavar="LIBRARY=PATH",
        help="the interpreter of a library (sklearn, glum, skglm, ...) that has an environment of its own; repeatable",
    )  # fmt: skip
    parser.add_argument("--bound", type=float, default=BOUND, metavar="SECONDS", help="of a run, at most (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a round, fewer rows and fewer solvers: a minute or two")
    options = parser.parse_args(arguments)
    every = works(options.quick)
    names = chosen(parser, options.only, [work.name for work in every])
    if options.picture and not any(work.name in names and len(work.targets) > 2 for work in every):
        parser.error("--picture is of c1 to c3b: add one of them to --only.")
    report = run([work for work in every if work.name in names], options)
    show(_optimum_report.targets(report))
    print("\n".join(_report.machine_lines(report)))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    if options.markdown:
        options.markdown.write_text(_report.markdown(report, __doc__, _optimum_report.tables(report)))
    if options.picture:
        _optimum_report.picture(report, options.picture)
    for error in report["errors"]:
        print(f"ERROR of the benchmark: {error}", file=sys.stderr)
    return 1 if report["errors"] else 0
