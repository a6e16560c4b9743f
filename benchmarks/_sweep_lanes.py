"""What a sweep costs with more and more lanes: seconds, and whether ever more than in proportion."""

import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import _report
from benchmarks._sweep_works import of_lanes

COUNTS = tuple(2**k for k in range(13))
QUICK = (1, 64, 4096)
SHORT, OFTEN = 0.05, 4  # a sweep of fewer seconds is run so many times a turn


def seconds(counts: tuple[int, ...], rounds: int) -> dict[int, list[float]]:
    """Seconds of each sweep, in turn; the first, which compiles, included."""
    from benchmarks.contestants import jgd

    fits = {lanes: jgd.lanes(work := of_lanes(lanes), *work.data()) for lanes in counts}
    found: dict[int, list[float]] = {lanes: [] for lanes in counts}
    for k in range(rounds + 1):
        for lanes in counts if k % 2 else counts[::-1]:
            for _ in range(OFTEN if k and found[lanes][-1] < SHORT else 1):
                began = time.perf_counter()
                fits[lanes](k)
                found[lanes].append(time.perf_counter() - began)
    return found


def described(found: dict[int, list[float]]) -> dict[str, Any]:
    """Of each number of lanes the seconds of a sweep, its quartiles, and where a lane costs more than it did with fewer.

    "worse": how much more a lane costs than where it was cheapest with fewer lanes, if the quartiles of the two do not overlap.
    """
    rows: list[dict[str, Any]] = []
    for lanes, (first, *later) in found.items():
        low, _, high = quantiles(later, n=4, method="inclusive")
        row = {"lanes": lanes, "all": [first, *later], "seconds": median(later), "low": low, "high": high, "worse": None}
        if rows:
            cheapest = min(rows, key=lambda other: other["seconds"] / other["lanes"])
            apart = low / lanes > cheapest["high"] / cheapest["lanes"]
            rise = row["seconds"] / lanes / (cheapest["seconds"] / cheapest["lanes"])
            row["worse"] = {"than": cheapest["lanes"], "rise": rise} if apart else None
        rows.append(row)
    return {"name": "b7", "says": of_lanes(1).says, "rows": rows}


def verdict(described: dict[str, Any]) -> str:
    worse = [row for row in described["rows"] if row["worse"]]
    if not worse:
        return "never worse than linear: no lane costs more, beyond the quartiles, than where fewer lanes were the cheapest"
    cases = [f"{row['lanes']:,} lanes {row['worse']['rise']:.2f} of {row['worse']['than']:,}" for row in worse]
    return f"worse than linear beyond the quartiles, cost of a lane as a multiple of the cheapest before: {', '.join(cases)}"


def table(described: dict[str, Any]) -> _report.Table:
    rows, one = [], described["rows"][0]["seconds"]
    for row in described["rows"]:
        s, lanes = row["seconds"], row["lanes"]
        spread = f"{_report.seconds(row['low'])} to {_report.seconds(row['high'])}"
        shares = [f"{s / one:,.1f}", f"{s / one / lanes:.4f}"]
        rows.append(
            [f"{lanes:,}", _report.compiled(*row["all"]), _report.seconds(s), spread, _report.seconds(s / lanes), *shares]
        )
    header = ["lanes", "compile", "sweep", "quartiles", "a lane", "/ one lane", "/ linear"]
    notes = [verdict(described)]
    return _report.Table(f"b7: {described['says']}, by the number of lanes", header, rows, notes)


def picture(described: dict[str, Any], path: Path) -> None:
    """Seconds of a sweep against lanes, both by factors, with the line of what costs in proportion."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lanes, middle, low, high = ([row[name] for row in described["rows"]] for name in ("lanes", "seconds", "low", "high"))
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    axes.loglog(lanes, [middle[0] * k for k in lanes], "--", color="0.6", label="linear, from one lane")
    axes.loglog(lanes, [middle[-1] * k / lanes[-1] for k in lanes], ":", color="0.6", label=f"linear, to {lanes[-1]:,} lanes")
    axes.fill_between(lanes, low, high, alpha=0.3, linewidth=0)
    axes.loglog(lanes, middle, "o-", markersize=4, label="jgd.sweep, median and quartiles")
    axes.set(xlabel="lanes", ylabel="seconds of a sweep", title=described["says"])
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0.5 * min(low), top=3 * max(high))
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
