"""What was measured of solvers, as data, as tables and as a picture."""

from pathlib import Path
from typing import Any

from benchmarks import _optimum_fresh, _report
from benchmarks._optimum_measure import Climb, Outcome
from benchmarks._report import Table, ratio, seconds

JGD = "jgd"
# Times as fast as the best of those whose names begin so, to this accuracy; 1.0 and "warm cache" for what is compiled too.
WANTED = (
    ("c1", "", 1e-8, 2), ("c1", "scikit-learn newton-cholesky", 1e-8, 6),
    ("c2", "", 1e-8, 4), ("c3", "", 1e-6, 5), ("c3", "", 1e-8, 5), ("c3b", "", 1e-6, 1),
    ("c3b_standardised", "", 1e-6, 1), ("c6", "", 1.0, 3),
    ("b3", "LogisticRegressionCV", 1e-6, 12), ("b3", "optax lbfgs, vmap", 1e-6, 50),
    ("b4", "joblib", 1e-6, 20), ("b5", "GridSearchCV(Ridge)", 1e-6, 5), ("b5_left_out", "RidgeCV", 1e-6, 1),
)  # fmt: skip
WANTED_WARM = (("b3", "LogisticRegressionCV", 1),)


def described(outcome: Outcome) -> dict[str, Any]:
    """A work's outcome as plain data."""
    work = outcome.work
    return {
        "name": work.name, "says": work.says, "rows": work.n, "columns": work.d, "rows_are": work.rows_are,
        "error": work.error, "targets": work.targets, "left_out": outcome.left_out,
        "entries": [_entry(climb, work.targets) for climb in outcome.climbs],
    }  # fmt: skip


def _entry(climb: Climb, targets: tuple[float, ...]) -> dict[str, Any]:
    start = climb.rungs[0]
    best = [climb.reaching(target) for target in targets]
    return {
        "name": climb.name, "import": climb.importing, "ended": climb.ended, "peak_mib": climb.peak,
        "compile": start.first - start.steady if start.seconds != [start.first] else None,
        "to": [rung and {"seconds": rung.steady, "setting": rung.setting, "runs": len(rung.seconds)} for rung in best],
        "rungs": [
            {"setting": rung.setting, "error": rung.error, "first": rung.first, "steady": rung.steady}
            for rung in sorted(climb.rungs, key=lambda rung: rung.steady)
        ],
    }  # fmt: skip


def tables(report: dict[str, Any]) -> list[Table]:
    """Everything that the report holds; first what was wanted."""
    made = [targets(report)]
    for work in report["works"]:
        made.append(work_table(work))
        if "fresh" in work:
            made.append(_optimum_fresh.table(work, work["fresh"]))
    return [table for table in made if table.rows]


def work_table(work: dict[str, Any]) -> Table:
    """The fastest to the last target first, then by how close they came."""
    ours = _named(work, JGD)
    header = [""]
    for target in work["targets"]:
        header += [f"to {target:g}", "/ jgd"]
    rows = []
    for entry in sorted(work["entries"], key=_rank):
        cells = [entry["name"]]
        for k, reached in enumerate(entry["to"]):
            base = ours["to"][k] if ours else None
            cells += [seconds(reached["seconds"]) if reached else "-"]
            cells += [ratio(reached["seconds"] / base["seconds"]) if reached and base else ""]
        lowest = min(rung["error"] for rung in entry["rungs"])
        compiling = "one run" if entry["compile"] is None else f"{entry['compile']:.2f} s" if entry["compile"] > 0.05 else "~0"
        rows.append([*cells, compiling, f"{lowest:.1e}", f"{entry['peak_mib']:.0f}"])
    notes = [f"{work['rows']:,} x {work['columns']}, {work['rows_are']}; the error is the {work['error']}"]
    notes += [f"{entry['name']}: {entry['ended']}" for entry in work["entries"] if entry["ended"]]
    notes += [f"left out: {text}" for text in _report.grouped(work["left_out"])]
    return Table(f"{work['name']}: {work['says']}", [*header, "compile", "lowest error", "peak MiB"], rows, notes)


def _rank(entry: dict[str, Any]) -> list[float]:
    return [reached["seconds"] if reached else float("inf") for reached in reversed(entry["to"])]


def _named(work: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((entry for entry in work["entries"] if entry["name"] == name), None)


def targets(report: dict[str, Any]) -> Table:
    """What was wanted, and what was reached; a "no" where it was not."""
    rows, works = [], {work["name"]: work for work in report["works"]}
    for name, other, target, wanted in WANTED:
        if name in works:
            what = f"{name}: times as fast as {f'the best {other}' if other else 'every peer'}, to {target:g}"
            rows.append([what, f"{wanted}x", *_faster(works[name], other, works[name]["targets"].index(target), wanted)])
    for name, other, wanted in WANTED_WARM:
        if name in works and (found := _warm(works[name], other)):
            value, who = found
            text = f"{_report.digits(value)}x" if value >= wanted else f"no: {_report.digits(value)}x"
            rows.append([f"{name}: the first run, warm cache, against {other}", f"{wanted}x", text, who])
    return Table("what was wanted, and what was reached", ["", "wanted", "reached", "the best of them"], rows)


def _faster(work: dict[str, Any], other: str, k: int, wanted: float) -> list[str]:
    peers = [
        entry
        for entry in work["entries"]
        if not entry["name"].startswith(JGD) and entry["name"].startswith(other) and entry["to"][k]
    ]
    ours = _named(work, JGD)
    if ours is None or ours["to"][k] is None:
        return ["no: jgd did not get there", ""]
    if not peers:
        return ["none of them got there", ""]
    best = min(peers, key=lambda entry: entry["to"][k]["seconds"])
    value = best["to"][k]["seconds"] / ours["to"][k]["seconds"]
    return [f"{'' if value >= wanted else 'no: '}{_report.digits(value)}x", best["name"]]


def _warm(work: dict[str, Any], other: str) -> tuple[float, str] | None:
    rows = work.get("fresh", ())
    ours = next((row for row in rows if row["name"] == JGD and row["case"] == _optimum_fresh.WARM), None)
    peers = [row for row in rows if row["name"].startswith(other)]
    if ours is None or not peers:
        return None
    best = min(peers, key=lambda row: row["first"])
    return best["first"] / ours["first"], best["name"]


COLOURS = {
    "jgd": "black", "scikit-learn": "C0", "glum": "C2", "statsmodels": "C5", "scipy": "C1", "skglm": "C4", "optax": "C3",
    "optimistix": "C6",
}  # fmt: skip
STYLES = ("-", "--", "-.", ":")
MARKS = "osD^v<>Phx*+d"


def picture(report: dict[str, Any], path: Path) -> None:
    """For each work of one fit, the error against seconds, both by factors: a colour for each library, a mark for each solver."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    works = [work for work in report["works"] if len(work["targets"]) > 2]
    figure, grid = pyplot.subplots(len(works), 1, figsize=(10, 5.2 * len(works)), layout="constrained", squeeze=False)
    for axes, work in zip(grid[:, 0], works, strict=True):
        seen: dict[str, int] = {}
        least = work["targets"][-1] / 30  # what is nearer stands on the edge
        for entry in work["entries"]:
            library = entry["name"].split()[0].split(",")[0]
            k = seen[library] = seen.get(library, -1) + 1
            points = _frontier(entry["rungs"])
            axes.loglog(
                [point["steady"] for point in points], [max(point["error"], least) for point in points],
                color=COLOURS.get(library, "0.5"), linestyle=STYLES[k % len(STYLES)], marker=MARKS[k % len(MARKS)],
                markersize=4, linewidth=3 if library == JGD else 1.2, label=entry["name"], zorder=3 if library == JGD else 2,
                clip_on=False,
            )  # fmt: skip
        for target in work["targets"]:
            axes.axhline(target, color="0.85", linewidth=1, zorder=1)
        axes.set(title=work["says"], xlabel="seconds", ylabel=work["error"])
        axes.set_ylim(bottom=least, top=3)
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _frontier(rungs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rungs by time, those that are more accurate than all before."""
    kept: list[dict[str, Any]] = []
    for rung in rungs:
        if not kept or rung["error"] < kept[-1]["error"]:
            kept.append(rung)
    return kept
