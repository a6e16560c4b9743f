"""What was measured of sweeps, as tables, beside what was wanted."""

from typing import Any

from benchmarks import _report, _sweep_first_call, _sweep_lanes, _sweep_memory, _sweep_products
from benchmarks._report import Table, ratio, seconds
from benchmarks._sweep_works import JGD

KEYS = "jgd, 125 rates x 8 keys"
# How many times as fast as others, by the first words of their names, that is as the fastest of them; None: nothing was wanted.
WANTED = (
    ("b1", "scikit-learn", 100),
    ("b1", "torch.func", 20),
    ("b1", "optax, vmap, own orders", 10),
    ("b1", "optax, vmap, one order", None),
    ("b2_sgd", "scikit-learn, joblib", 10),
)


def tables(report: dict[str, Any]) -> list[Table]:
    """Everything that the report holds; first what was wanted."""
    made = [targets(report)]
    made += [work_table(work) for work in report["works"]]
    made += [_sweep_products.table(work) for work in report["b6"]]
    for name, part in (("b7", _sweep_lanes), ("cold", _sweep_first_call), ("memory", _sweep_memory)):
        if name in report:
            made.append(part.table(report[name]))
    return [table for table in made if table.rows]


def work_table(work: dict[str, Any]) -> Table:
    bases = [entry["name"] for entry in work["entries"] if entry["name"] in JGD]
    heads = [f"/ {base}" for base in bases]
    header = ["", "compile", "steady", "a lane", *heads, "lowest objective", "middle", "highest", "peak MiB"]
    rows = []
    for entry in work["entries"]:
        ratios = [ratio(entry["ratio_to"][base]) for base in bases]
        scores = [f"{score:.6g}" for score in entry["objective"]]
        times = [_report.compilation(entry), seconds(entry["steady"]), seconds(entry["steady"] / work["lanes"])]
        rows.append([entry["name"], *times, *ratios, *scores, f"{entry['peak_mib']:.0f}"])
    notes = [f"left out: {text}" for text in _report.grouped(work["left_out"])]
    return Table(f"{work['name']}: {work['says']}", header, rows, notes)


def targets(report: dict[str, Any]) -> Table:
    """What was wanted, and what was reached; a "no" where it was not."""
    rows, works = [], {work["name"]: work for work in report["works"]}
    for name, other, wanted in WANTED:
        if name in works and any(entry["name"].startswith(other) for entry in works[name]["entries"]):
            reached = [_faster(works[name], other, base, wanted) for base in JGD]
            rows.append([f"{name}: times as fast as {other}", f"{wanted}x" if wanted else "", *reached])
    if "b1" in works and (keys := _named(works["b1"], KEYS)):
        rows.append(["b1: a lane of 125 rates x 8 keys / one of 1,000 rates", "at most 2", *_at_most(keys, 2)])
    for work in report["b6"]:
        share = lambda row, work=work: _least(_sweep_products.share(work, row, _sweep_products.PRODUCTS), 0.5)
        whole = [share(_sweep_products.DEFAULT), share(_sweep_products.END)]
        rows.append([f"{work['name']}: speed of a sweep / of the products of its steps", "0.5", *whole])
        rows.append(
            [f"{work['name']}: the same, with the products of its records counted", "0.5", share(_sweep_products.COUNTED), ""]
        )
        rows.append([f"{work['name']}: speed of its steps alone / of their products", "0.5", "", share(_sweep_products.STEP)])
    if "b7" in report:
        rows.append(["b7", "never worse than linear", _sweep_lanes.verdict(report["b7"]).split(":")[0], ""])
    for row in report.get("memory", ()):
        share = row["taken"] / _sweep_memory.BUDGET
        rows.append([f"memory: {row['name']} / budget", "at most 1", _judged(f"{share:.2f}", share <= 1), ""])
    return Table("what was wanted, and what was reached", ["", "wanted", *JGD], rows)


def _named(work: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((entry for entry in work["entries"] if entry["name"] == name), None)


def _judged(text: str, good: bool) -> str:
    return text if good else f"no: {text}"


def _faster(work: dict[str, Any], other: str, base: str, wanted: float | None) -> str:
    ratios = [entry["ratio_to"].get(base) for entry in work["entries"] if entry["name"].startswith(other)]
    known = [value for value in ratios if value is not None]
    if not known:
        return "unknown"
    return _judged(f"{_report.digits(min(known))}x", wanted is None or min(known) >= wanted)


def _at_most(entry: dict[str, Any], wanted: float) -> list[str]:
    """Beside jgd alone, which records as it does."""
    value = entry["ratio_to"].get(JGD[0])
    return ["unknown" if value is None else _judged(ratio(value), value <= wanted), ""]


def _least(value: float | None, wanted: float) -> str:
    return "unknown" if value is None else _judged(f"{value:.2f}", value >= wanted)
