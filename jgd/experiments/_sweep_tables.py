"""Tables of a sweep: its lanes, its records, what scores came to over keys, and all of it in a few lines."""

from typing import Any

import numpy as np

from jgd._checks import nearest
from jgd.experiments._values import described

STATISTICS = ("lanes", "failed", "mean", "std", "error")


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


def _over(sweep: Any, metric: str, over: str) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    """For each setting of what does not go with `over` its lanes, by their places, and what the metric came to among them."""
    members = sweep._settings.alike([sweep._settings.columns[name][0] for name in _others(sweep, over)])[sweep._lanes]
    fine, scores = sweep._fine(), sweep.scores(metric)
    order = np.argsort(members, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(members[order])) + 1) if len(order) else []
    return places, [_statistics(scores[at[fine[at]]], len(at)) for at in places]


def _statistics(good: np.ndarray, lanes: int) -> dict[str, Any]:
    mean = np.mean(good) if len(good) else np.nan
    std = np.std(good, ddof=1) if len(good) > 1 and np.isfinite(good).all() else np.nan
    of = (lanes, lanes - len(good), mean, std, std / np.sqrt(max(1, len(good))))
    return dict(zip(STATISTICS, of, strict=True))


def _others(sweep: Any, over: str) -> list[str]:
    """What was swept and does not go with `over`."""
    sweep._settings.check_column(over)
    columns = sweep._settings.columns
    return [name for name in sweep.names if columns[name][0] != columns[over][0]]


def spread(sweep: Any, metric: str | None, over: str):
    """A row for each setting of the others, with what `metric` came to over `over`."""
    import pandas as pd

    others = _others(sweep, over)
    places, found = _over(sweep, sweep._metric(metric), over)
    shown = {name: sweep._column(name) for name in others}
    rows = [{name: shown[name][at[0]] for name in others} | of for at, of in zip(places, found, strict=True)]
    return pd.DataFrame(rows, columns=[*others, *STATISTICS])


def one_standard_error(sweep: Any, prefer: str, metric: str | None, over: str, largest: bool) -> dict[str, Any]:
    """The setting with the largest `prefer`, or the smallest, of those within one standard error of the best."""
    others = _others(sweep, over)
    sweep._settings.check_column(prefer)
    if prefer not in others:
        raise KeyError(f"{prefer!r} goes with {over!r}, over which scores are averaged; {nearest(prefer, others)}")
    if sweep._settings.columns[prefer][1].numbers is None:
        raise TypeError(f"prefer= names a swept number, as what is simpler is larger or smaller; {prefer!r} is none.")
    metric = sweep._metric(metric)
    sign, (places, found) = sweep._sign(metric), _over(sweep, metric, over)
    good = [(at[0], of) for at, of in zip(places, found, strict=True) if not of["failed"] and np.isfinite(of["mean"])]
    if not good:
        raise ValueError(
            f"{'every setting has a lane that did not end well' if len(sweep) else 'no lane was selected'}: {sweep!r}."
        )
    good.sort(key=lambda pair: sign * pair[1]["mean"])
    least = good[0][1]
    limit = sign * least["mean"] + (0.0 if np.isnan(least["error"]) else least["error"])
    settings = [sweep._settings.setting(sweep._lanes[lane]) for lane, of in good if sign * of["mean"] <= limit]
    chosen = (max if largest else min)(settings, key=lambda setting: setting[prefer])
    return {name: chosen[name] for name in others}


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
