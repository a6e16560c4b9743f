"""Many settings at once beside the same settings elsewhere: works b1 and b2, and what a sweep costs by itself.

jgd goes from NumPy arrays to the parameters of all lanes by `jgd.sweep`, with the exact objective of every lane recorded each
epoch, as it does by default; "record at the end": at the start and at the end alone. A peer is given its data in the form it
likes best before the time begins, and records nothing. jgd's lanes have one key, and with it one order of the rows; "own orders"
is a permutation for each lane. scikit-learn's SGD sees one row a step: where the work asks for more, its rate is such that an
epoch goes as far. "one thread" is an option for torch, whose threads wait for each other in each step, long if another process
has their core. Peak memory is without that of the processes that joblib starts.

Objectives are scored in float64: the lowest, the middle and the highest of the lanes. All three must be the same, within a
hundredth of the way from the start to the best, where a ratio stands. "compile" is the first run less the median of later ones.

b6: 4,096 lanes beside the matrix products they are made of. b7: seconds by the number of lanes. cold: the first sweep of a
process, with an empty and with a warm compilation cache. memory: what more lanes than fit take of their budget.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import _machine, _report, _sweep_first_call, _sweep_lanes, _sweep_memory, _sweep_products, _sweep_report
from benchmarks._measure import measure
from benchmarks._sweep_works import CANCER, JGD, SweepWork, works
from benchmarks.contestants import SWEEPERS
from benchmarks.single_run import chosen, failed, in_worker, say, show


def beside_others(work: SweepWork, rounds: int, quick: bool, errors: list[str]) -> dict[str, Any]:
    outcome = measure(work, rounds, 1.0 if quick else 4.0, quick, say, SWEEPERS)
    described = _report.described(outcome, JGD) | {"lanes": work.lanes}
    errors += failed(work.name, described)
    return described


def run(wanted: set[str], quick: bool) -> dict[str, Any]:
    """Measures, prints each table as soon as it is known, and returns everything."""
    errors: list[str] = []
    report: dict[str, Any] = {"machine": _machine.machine(), "quick": quick, "works": [], "b6": [], "errors": errors}
    rounds = 2 if quick else 7

    def part(name: str, table: Callable[[Any], _report.Table], found: Any) -> None:
        if found:
            report[name] = found
            show(table(found))

    for work in works(quick):
        if work.name in wanted and work.rows == CANCER and find_spec("sklearn") is None:
            print(f"{work.name} is left out: scikit-learn, whose data it needs, is not installed.\n")
        elif work.name in wanted:
            report["works"].append(beside_others(work, rounds, quick, errors))
            show(_sweep_report.work_table(report["works"][-1]))
    for work in _sweep_products.works(quick):
        if work.name in wanted:
            say(f"{work.name}: beside its products")
            if found := in_worker(errors, _sweep_products.seconds, work, 1 if quick else rounds):
                report["b6"].append(described := _sweep_products.described(work, found))
                errors += _sweep_products.impossible(described)
                show(_sweep_products.table(described))
    if "b7" in wanted:
        say("b7: by the number of lanes")
        found = in_worker(errors, _sweep_lanes.seconds, _sweep_lanes.QUICK if quick else _sweep_lanes.COUNTS, 2 if quick else 9)
        part("b7", _sweep_lanes.table, found and _sweep_lanes.described(found))
    if "cold" in wanted:
        part("cold", _sweep_first_call.table, cold(1 if quick else 5, errors))
    if "memory" in wanted:
        say("memory: more lanes than fit")
        part("memory", _sweep_memory.table, in_worker(errors, _sweep_memory.measured, 1 if quick else 2))
    report["load_after"] = os.getloadavg()[0]
    return report


def cold(rounds: int, errors: list[str]) -> list[dict[str, Any]] | None:
    try:
        return _sweep_first_call.first_call(rounds, say)
    except RuntimeError as failure:
        errors.append(f"cold FAILED: {failure}")
        return None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks sweep", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables, as for benchmarks/RESULTS.md")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write b7 as a picture")
    parser.add_argument("--only", action="append", metavar="NAME", help="b1, b2 (all of it), b2_adam, b7, cold, ...; repeatable")
    parser.add_argument("--quick", action="store_true", help="two rounds, fewer works and contestants: about a minute and a half")
    options = parser.parse_args(arguments)
    names = [work.name for work in [*works(options.quick), *_sweep_products.works(options.quick)]] + ["b7", "cold", "memory"]
    wanted = chosen(parser, options.only, names)
    if options.picture and "b7" not in wanted:
        parser.error("--picture is of b7: add it to --only.")
    report = run(wanted, options.quick)
    if (table := _sweep_report.targets(report)).rows:
        show(table)
    print("\n".join(_report.machine_lines(report)))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    if options.markdown:
        options.markdown.write_text(_report.markdown(report, __doc__, _sweep_report.tables(report)))
    if options.picture and "b7" in report:
        _sweep_lanes.picture(report["b7"], options.picture)
    for error in report["errors"]:
        print(f"ERROR of the benchmark: {error}", file=sys.stderr)
    return 1 if report["errors"] else 0
