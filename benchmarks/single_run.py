"""One fit beside the same fit in other libraries: works a1 to a6, the first call in a fresh process, and the overhead of `fit`.

jgd goes from NumPy arrays to a result by `jgd.fit`, with the making of problem and optimizer in the time and the exact
objective recorded each epoch, as it does by default. A peer is given its data in the form it likes best before the time begins,
and records nothing that its loop need not.

"compile" is the first run less the median of later ones, imports not counted ("~0": within their spread; "one run": it took more
than 20 seconds, compilation included); "/ jgd" is the median of this row divided by jgd's; peak memory is that of the whole
process: import, data and all runs. "CPU option": JGD_SMALL_LOOPS=1, or the same XLA flag. "jgd, program": the jitted
`jgd.train` alone, timed as the scan written by hand is.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import _machine, _parts, _report
from benchmarks._first_call import first_call
from benchmarks._measure import measure
from benchmarks._overhead import overhead
from benchmarks._worker import Worker, WorkerFailed
from benchmarks._works import Work, works

OTHERS = ("first_call", "overhead")


def say(line: str) -> None:
    """Progress, overwritten by the next."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def show(table: _report.Table) -> None:
    say("")
    print(_report.as_text(table), end="\n\n", flush=True)


def in_worker(errors: list[str], function: Callable, *args: Any) -> Any:
    """What the function gives in a process of its own; None, and an error, if it fails."""
    with Worker() as worker:
        try:
            return worker.call(function, *args)
        except WorkerFailed as failure:
            errors.append(f"{function.__module__}.{function.__name__} FAILED: {failure}")
            return None


def run(chosen: list[Work], others: list[str], quick: bool) -> dict[str, Any]:
    """Measures, prints each table as soon as it is known, and returns everything."""
    rounds, budget = (2, 1.0) if quick else (7, 4.0)
    errors: list[str] = []
    report: dict[str, Any] = {"machine": _machine.machine(), "quick": quick, "works": [], "errors": errors}
    reads = [in_worker(errors, _machine.read_seconds)]
    for work in chosen:
        described = _report.described(measure(work, rounds, budget, quick, say))
        errors += failed(work.name, described)
        if work.name == "a5" and (found := in_worker(errors, _parts.seconds, work, rounds)):
            described["parts"] = _parts.described(work, found)
            reads.append(min(found[_parts.READ]) * _machine.READ / fetched(work))
        report["works"].append(described)
        show(_report.tables({"works": [described]})[0])
    if "first_call" in others:
        report["first_call"] = first_call(1 if quick else 5, quick, say)
        errors += failed("first_call", report["first_call"])
        show(_report.tables({"works": [], "first_call": report["first_call"]})[0])
    if "overhead" in others and (rows := in_worker(errors, overhead, 20 if quick else 100)):
        report["overhead"] = rows
        show(_report.tables({"works": [], "overhead": rows})[0])
    reads.append(in_worker(errors, _machine.read_seconds))
    report["read_gb_per_second"] = max(_machine.READ / seconds / 1e9 for seconds in reads if seconds)
    errors += impossible(report, {work.name: work for work in chosen})
    report["load_after"] = os.getloadavg()[0]
    return report


def failed(name: str, described: dict[str, Any]) -> list[str]:
    return [f"{name}, {who}: {why}" for who, why in described["left_out"].items() if why.startswith("FAILED")]


def fetched(work: Work) -> int:
    """Bytes that a pass over the data reads from memory at least: what the last cache cannot hold."""
    return max(0, work.bytes_per_pass - _machine.last_cache())


def impossible(report: dict[str, Any], by_name: dict[str, Work]) -> list[str]:
    """What would have read memory faster than this machine can: an error of the benchmark."""
    limit, found = report["read_gb_per_second"], []
    for described in report["works"]:
        work = by_name[described["name"]]
        runs = [(e["name"], work.epochs, e["fastest"]) for e in described["entries"]]
        parts = [(name, part["passes"], part["seconds"]) for name, part in described.get("parts", {}).items()]
        for name, passes, seconds in runs + parts:
            rate = passes * fetched(work) / seconds / 1e9
            if rate > limit:
                found.append(f"{work.name}, {name}: {rate:.1f} GB/s implied, {limit:.1f} GB/s measured.")
    return found


def chosen(parser: argparse.ArgumentParser, only: list[str] | None, names: list[str]) -> set[str]:
    """The works that `--only` means: a name, or what comes before an underscore of several."""
    means = lambda one, name: f"{name}_".startswith(f"{one}_")
    for one in only or ():
        if not any(means(one, name) for name in names):
            parser.error(f"nothing is called {one}; there are {', '.join(names)}.")
    return {name for name in names if not only or any(means(one, name) for one in only)}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks single_run", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables, as for benchmarks/RESULTS.md")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a2, a3 (all of them), a3_d20, first_call, ...; repeatable"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two rounds, fewer works and contestants, a smaller a5: about two minutes"
    )
    options = parser.parse_args(arguments)
    every = works(options.quick)
    names = [*(work.name for work in every), *OTHERS]
    wanted = chosen(parser, options.only, names)
    report = run([work for work in every if work.name in wanted], [name for name in OTHERS if name in wanted], options.quick)
    print("\n".join(_report.machine_lines(report)))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    if options.markdown:
        options.markdown.write_text(_report.markdown(report, __doc__))
    for error in report["errors"]:
        print(f"ERROR of the benchmark: {error}", file=sys.stderr)
    return 1 if report["errors"] else 0
