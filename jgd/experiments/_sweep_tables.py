"""Tables of a sweep: its lanes, its records, what scores came to over keys, and all of it in a few lines."""

from typing import Any

import numpy as np

from jgd.experiments._values import described


def lanes_frame(sweep: Any):
    """A row for each lane."""
    import pandas as pd

    columns = _columns(sweep) | {"status": sweep.status, "steps": sweep.steps}
    columns |= {"rung": sweep.rung} if (sweep.rung >= 0).any() else {}
    return pd.DataFrame(columns | {_named(sweep, name): sweep.scores(name) for name in sweep._measured})


def records_frame(sweep: Any):
    """A row for each record of each lane."""
    import pandas as pd

    curves = sweep.history
    lane, at = np.nonzero(np.asarray(curves.step) >= 0)
    columns = {name: pd.Series(values).iloc[lane].to_numpy() for name, values in _columns(sweep).items()}
    step = np.asarray(curves.step)[lane, at]
    columns |= {"step": step, "epoch": step / sweep.steps_per_epoch[lane]}
    return pd.DataFrame(columns | {_named(sweep, name): np.asarray(curves[name])[lane, at] for name in sweep._recorded})


def _columns(sweep: Any) -> dict[str, Any]:
    return {"lane": sweep._lanes} | {name: sweep._column(name) for name in sweep.names}


def _named(sweep: Any, name: str) -> str:
    """The column of what was recorded, told apart from the setting of that name."""
    return f"{name} (recorded)" if name in sweep.names else name


def spread(sweep: Any, metric: str | None, over: str):
    """A row for each setting of the others, with what `metric` came to over `over`."""
    import pandas as pd

    settings = sweep._settings
    settings.check_column(over)
    metric = sweep._metric(metric)
    others = [name for name in sweep.names if settings.columns[name][0] != settings.columns[over][0]]
    members = settings.alike([settings.columns[name][0] for name in others])[sweep._lanes]
    fine, scores, rows, columns = sweep._fine(), sweep.scores(metric), [], {name: sweep._column(name) for name in others}
    order = np.argsort(members, kind="stable")
    for at in np.split(order, np.flatnonzero(np.diff(members[order])) + 1):
        good = scores[at[fine[at]]]
        std = np.std(good, ddof=1) if len(good) > 1 else np.nan
        row = {name: columns[name][at[0]] for name in others}
        mean = np.mean(good) if len(good) else np.nan
        row |= dict(lanes=len(at), failed=len(at) - len(good), mean=mean, std=std, error=std / np.sqrt(max(1, len(good))))
        rows.append(row)
    return pd.DataFrame(rows)


def one_standard_error(sweep: Any, prefer: str, metric: str | None, over: str, largest: bool) -> dict[str, Any]:
    """The setting with the largest `prefer`, or the smallest, of those within one standard error of the best."""
    sweep._settings.check_column(prefer)
    sign, frame = sweep._sign(sweep._metric(metric)), spread(sweep, metric, over)
    frame = frame[(frame["failed"] == 0) & np.isfinite(frame["mean"])]
    if not len(frame):
        raise ValueError(f"every setting has a lane that did not end well: {sweep!r}.")
    least = frame.loc[(sign * frame["mean"]).idxmin()]
    error = 0.0 if np.isnan(least["error"]) else least["error"]
    good = frame[sign * frame["mean"] <= sign * least["mean"] + error]
    row = good.loc[good[prefer].idxmax() if largest else good[prefer].idxmin()]
    return {name: row[name] for name in frame.columns[: -len(("lanes", "failed", "mean", "std", "error"))]}


def summary(sweep: Any) -> str:
    """What was run, how it ended, what was best, and what it cost."""
    lines, settings, facts = [repr(sweep)], sweep._settings, sweep._facts
    for name in sweep.names:
        axis, over = settings.columns[name]
        structure = " (sets a structure)" if settings.axes[axis].is_structure and sweep.programs > 1 else ""
        lines.append(f"  {name}: {described(over.values)}{structure}")
    if sweep._fine().any():
        metric, lane = sweep._metric(None), sweep.best_lane()
        setting = ", ".join(f"{name}={described([value])}" for name, value in sweep[lane].setting.items())
        lines.append(f"best {metric}: {sweep.scores(metric)[lane]:.6g} (lane {sweep._lanes[lane]}: {setting})")
    lines.append(
        f"{facts['taken']:,} steps of lanes in {sweep.run_seconds:.3g} s, and {sweep.compile_seconds:.3g} s of compilation; "
        f"{sweep.wasted:.1%} of the computed steps were wasted"
    )
    return "\n".join(lines + ["the sweep was interrupted"] * facts["interrupted"])
