"""What was measured, as data for JSON, and as tables for a terminal or in markdown."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks._measure import Entry, Outcome

# jgd as it is, and in the forms that contestants of the same form are compared with.
BASES = ("jgd", "jgd, CPU option", "jgd, program")


@dataclasses.dataclass
class Table:
    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = dataclasses.field(default_factory=list)


def described(outcome: Outcome, bases: Sequence[str] = BASES) -> dict[str, Any]:
    """A work's outcome as plain data."""
    work = outcome.work
    return {
        "name": work.name, "says": work.says, "steps": work.steps, "rows_seen": work.n * work.epochs,
        "objective_at_start": outcome.start, "objective_tolerance": work.tolerance * outcome.scale,
        "entries": [_entry(outcome, entry, bases) for entry in outcome.entries], "left_out": outcome.left_out,
    }  # fmt: skip


def _entry(outcome: Outcome, entry: Entry, names: Sequence[str]) -> dict[str, Any]:
    bases = [base for name in names if (base := outcome.named(name))]
    return {
        "name": entry.name, "first": entry.first, "compile": entry.compile, "steady": entry.steady,
        "fastest": min(entry.seconds), "slowest": max(entry.seconds), "runs": len(entry.seconds),
        "objective": entry.objective, "peak_mib": entry.peak,
        "ratio_to": {
            base.name: entry.steady / base.steady if outcome.same(entry, base) else None for base in bases
        },
    }  # fmt: skip


def tables(report: dict[str, Any]) -> list[Table]:
    """Everything that the report holds."""
    made = [_work_table(work) for work in report["works"]]
    if first := report.get("first_call"):
        made.append(_first_call_table(first))
    if rows := report.get("overhead"):
        header = ["links of the chain", *(name for name in rows[0] if name != "links"), "fit less program"]
        times = lambda row: [row[name] for name in header[1:-1]] + [row["built before"] - row["program"]]
        cells = [[str(row["links"]), *map(seconds, times(row))] for row in rows]
        made.append(Table("overhead: a warm jgd.fit of a2", header, cells))
    return made


def _work_table(work: dict[str, Any]) -> Table:
    one_row = work["steps"] == work["rows_seen"]
    bases = [entry["name"] for entry in work["entries"] if entry["name"] in BASES]
    header = ["", "compile", "steady", *(["a row"] if one_row else []), *(f"/ {base}" for base in bases), "objective", "peak MiB"]
    rows = []
    for entry in work["entries"]:
        row = [seconds(entry["steady"] / work["rows_seen"])] if one_row else []
        ratios = [ratio(entry["ratio_to"][base]) for base in bases]
        cells = [entry["name"], compilation(entry), seconds(entry["steady"]), *row, *ratios]
        rows.append([*cells, f"{entry['objective']:.6g}", f"{entry['peak_mib']:.0f}"])
    notes = [f"left out: {text}" for text in grouped(work["left_out"])]
    notes += [f"{name}: {seconds(part['seconds'])}" for name, part in work.get("parts", {}).items()]
    return Table(f"{work['name']}: {work['says']}", header, rows, notes)


def _first_call_table(first: dict[str, Any]) -> Table:
    by_name = {row["name"]: row["seconds"] for row in first["rows"]}
    bases = [base for base in ("jgd", "jgd, warm cache") if base in by_name]
    rows = [[name, f"{s:.2f} s", *(ratio(s / by_name[base]) for base in bases)] for name, s in by_name.items()]
    notes = [f"left out: {text}" for text in grouped(first["left_out"])]
    title = "first_call: whole processes, from their start to the first result of a2 and their end"
    return Table(title, ["", "wall", *(f"/ {base}" for base in bases)], rows, notes)


def machine_lines(report: dict[str, Any]) -> list[str]:
    m, read = report["machine"], report.get("read_gb_per_second")
    versions = ", ".join(f"{name} {version}" for name, version in m["libraries"].items())
    return [
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, last cache {m['cache_mib']:.0f} MiB"
        + (f", reads {read:.1f} GB/s" if read else "")
        + f"; load {m['load']:.2f} before, {report['load_after']:.2f} after; {m['date']}",
        f"Python {m['python']}, jgd at {m['jgd']}, {versions}" + ("; a quick look" if report["quick"] else ""),
    ]


def text(report: dict[str, Any]) -> str:
    return "\n\n".join(["\n".join(machine_lines(report)), *(as_text(table) for table in tables(report))])


def as_text(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    lines = []
    for row in [table.header, *table.rows]:
        cells = [cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells))
    return "\n".join([table.title, *lines, *(f"  {note}" for note in table.notes)])


def markdown(report: dict[str, Any], explanation: str, made: Sequence[Table] | None = None) -> str:
    parts = ["# Measured beside other libraries", explanation.strip(), *machine_lines(report)]
    for table in tables(report) if made is None else made:
        line = lambda cells: f"| {' | '.join(cells)} |"
        rule = "|---|" + "---:|" * (len(table.header) - 1)
        body = [line(table.header), rule, *map(line, table.rows)]
        parts += [f"## {table.title}", "\n".join(body), *(f"- {note}" for note in table.notes)]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def compilation(entry: dict[str, Any]) -> str:
    if entry["compile"] is None:
        return "one run"
    return f"{entry['compile']:.2f} s" if entry["first"] > entry["slowest"] else "~0"


def compiled(first: float, *later: float) -> str:
    """The first run less the median of later ones, if it took longer than any of them."""
    return f"{first - statistics.median(later):.2f} s" if first > max(later) else "~0"


def grouped(left_out: dict[str, str]) -> list[str]:
    """Who was left out, by reason."""
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(name)
    return [f"{'; '.join(names)} ({reason})" for reason, names in reasons.items()]


def seconds(value: float) -> str:
    """Three digits and a unit."""
    unit, scale = next((u, s) for u, s in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)) if value >= s or s == 1e-9)
    return f"{digits(value / scale)} {unit}"


def ratio(value: float | None) -> str:
    return "other objective" if value is None else digits(value)


def digits(value: float) -> str:
    """Three digits, none of them in an exponent."""
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
