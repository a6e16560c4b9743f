"""What there is to see of sweeps, cross-validations, paths and bootstraps."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jgd._display import Bars, Curve, Facts, Note, Table, View, number
from jgd.experiments._resampled import named_parameters
from jgd.experiments._values import described
from jgd.training._view import counted_tones

# So many of the best lanes or settings are listed, and so many parameters; histograms have so many bars;
# an axis of more values than so many is looked at as an array.
BEST, PARAMETERS, BARS, MANY = 5, 12, 12, 100


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _values(setting: dict[str, Any], names: Sequence[str]) -> list[str]:
    return [described([setting[name]]) for name in names]


def _axis(settings: Any, name: str) -> str:
    """The values of an axis; as `described` has it, and at once where they are many numbers."""
    over = settings.columns[name][1]
    numbers = over.numbers if len(over.values) > MANY else None
    if numbers is None:
        return described(over.values)
    return f"{len(numbers):,} values from {number(numbers.min())} to {number(numbers.max())}"


def sweep_view(sweep: Any) -> View:
    """How the lanes ended, what was best, and what it cost."""
    settings, facts, metric = sweep._settings, sweep._facts, sweep._metric(None)
    pieces: list[Any] = [Facts([(name, _axis(settings, name)) for name in sweep.names])]
    ranks = np.where(sweep._fine() & (sweep.rung < 0), sweep._sign(metric) * sweep.scores(metric), np.inf)
    order = np.argsort(ranks, kind="stable")[: np.isfinite(ranks).sum()]
    if len(order):
        best, scores, status = sweep[int(order[0])], sweep.scores(metric), sweep.status
        name = _words(metric)
        if len(best.history) > 1 and metric in best.history:
            pieces.append(Curve({f"{name} of the best": best.history[metric]}))
        if len(order) > 2:
            pieces.append(Curve({f"last {name} of all, the best first": sweep._sign(metric) * ranks[order]}))
        rows = [
            (f"{sweep._lanes[i]}", *_values(settings.setting(sweep._lanes[i]), sweep.names), status[i], f"{scores[i]:.6g}")
            for i in order[:BEST]
        ]
        caption = "the best lanes" if len(order) > BEST else "lanes that ended well, the best first"
        pieces.append(Table(("lane", *sweep.names, "status", name), [tuple(map(str, row)) for row in rows], caption))
    elif len(sweep):
        pieces.append(Note("No lane ended well: lower the learning rates."))
    cost = (
        f"{facts['taken']:,} steps of lanes in {sweep.run_seconds:.3g} s, and {sweep.compile_seconds:.3g} s of compilation; "
        f"{sweep.wasted:.1%} of the computed steps were wasted."
    )
    pieces.append(Note(cost))
    cut = int((sweep.rung >= 0).sum())
    tones = [*counted_tones(sweep.status), *([(f"{cut:,} cut", "note")] if cut else [])]
    tones += [("interrupted", "warn")] if facts["interrupted"] else []
    return View("Sweep", tones, pieces, f"of {_of_lanes(sweep)}")


def _of_lanes(sweep: Any) -> str:
    plural = lambda count, what: f"{count:,} {what}{'' if count == 1 else 's'}"
    of = f" of {', '.join(sweep.names)}" if sweep.names else ""
    return f"{plural(len(sweep), 'lane')}{of} in {plural(sweep.programs, 'program')}"


def cross_validation_view(found: Any) -> View:
    """The best settings with the error of their mean over the folds."""
    means, folds = found._means(None), len(found.folds)
    ranks = np.where(np.isfinite(means), means, np.inf)
    order = np.argsort(ranks, kind="stable")[: np.isfinite(ranks).sum()]
    pieces: list[Any] = [Facts([(name, _axis(found._settings, name)) for name in found.names])]
    if len(order):
        error = np.std(found.test_loss, axis=0, ddof=1) / np.sqrt(folds) if folds > 1 else np.full(len(means), np.nan)
        rows = [(*_values(found._setting(i), found.names), f"{means[i]:.6g}", f"{error[i]:.2g}") for i in order[:BEST]]
        numbers = found._settings.columns[found.names[0]][1].numbers if len(found.names) == 1 else None
        if numbers is not None and len(numbers) > 2 and len(order) > 2:
            by_value = [i for i in np.argsort(numbers, kind="stable") if np.isfinite(means[i])]
            remark = f", {found.names[0]} from {number(numbers.min())} to {number(numbers.max())}"
            pieces.append(Curve({"mean test loss": means[by_value]}, remark=remark))
        caption = f"the best of {len(means):,} settings" if len(means) > BEST else ""
        header = (*found.names, "mean test loss", "standard error")
        pieces.append(Table(header, [tuple(map(str, row)) for row in rows], caption))
    else:
        pieces.append(Note("No setting ended well on every fold."))
    pieces.append(Note(found._models.how))
    of = f" x {len(means):,} settings of {', '.join(found.names)}" if found.names else ""
    return View("CrossValidation", counted_tones(found.status.ravel()), pieces, f"of {folds:,} folds{of}")


def path_view(path: Any) -> View:
    """The curve over penalties, and which are chosen."""
    remark = f", l2 from {number(path.l2[0])} to {number(path.l2[-1])}"
    head = f"of {len(path):,} penalties"
    if path.cross_validation is None:
        drawn, facts = Curve({"objective": path.objective}, remark=remark), []
    else:
        means = path.cross_validation._means(None)
        drawn, head = Curve({"mean test loss": means}, remark=remark), f"{head}, {len(path.cross_validation.folds)} folds"
        facts = []
        if np.isfinite(means).any():
            facts = [("best l2", number(path.best())), ("within one standard error", number(path.one_standard_error()))]
    return View("RegularizationPath", counted_tones(path.status), [*([drawn] if len(path) > 1 else []), Facts(facts)], head)


def paths_view(paths: Any) -> View:
    """How the paths of all settings ended, and with folds what is best along each, and the curve of the best."""
    pieces: list[Any] = [Facts([(name, _axis(paths._settings, name)) for name in paths.names])]
    header: tuple[str, ...] = (*paths.names, "ended")
    rows, least, curve = [], np.inf, {}
    for said, path in zip(paths._said(), paths, strict=True):
        row = [*map(str, said.values()), ", ".join(text for text, _ in counted_tones(path.status))]
        if path.cross_validation is not None:
            means = path.cross_validation._means(None)
            found = means[np.isfinite(means)]
            row += [number(path.best()), f"{found.min():.6g}"] if found.size else ["none", ""]
            if found.size and found.min() < least:
                setting = ", ".join(f"{name}={value}" for name, value in said.items())
                least, curve = found.min(), {f"mean test loss with {setting}": means}
        rows.append(tuple(row))
    if curve and len(paths.l2) > 1:
        pieces.append(Curve(curve, remark=f", l2 from {number(paths.l2[0])} to {number(paths.l2[-1])}"))
    if paths[0].cross_validation is not None:
        header += ("best l2", "mean test loss")
    tones = counted_tones(np.concatenate([path.status for path in paths]))
    return View("RegularizationPaths", tones, [*pieces, Table(header, rows)], f"of {paths._of()}")


def resampled_view(sets: Any) -> View:
    """Each parameter with its standard error, and where the resampled ones lie."""
    head = f"of {len(sets):,} {sets._what}"
    if sets.names:
        head += f" x {len(sets.settings):,} settings of {', '.join(sets.names)}"
        settings = [(name, _axis(sets._settings, name)) for name in sets.names]
        return View(type(sets).__name__, _tones(sets), [Facts(settings), Note("to_frame() has a row for each parameter.")], head)
    named = named_parameters(sets.estimate, sets._data)
    fine = np.asarray(sets.status) == "converged"
    params, estimate = jax.tree.leaves(sets.params), jax.tree.leaves(sets.estimate)
    errors, rows = jax.tree.leaves(sets._error()), []
    for name, part, place in named[:PARAMETERS]:
        error, values = errors[part][place], np.asarray(params[part][(slice(None), *place)], np.float64)[fine]
        if not len(values):
            continue
        low, high = values.min(), values.max()
        counts = np.histogram(values, BARS, (low, high))[0] if high > low else np.array([len(values)])
        drawn = Bars(counts, f"histogram of {name}")
        rows.append((name, number(estimate[part][place]), number(error), number(low), number(high), drawn))
    more = f"the first {len(rows)} of {len(named):,} parameters" if len(named) > len(rows) else ""
    table = Table(("parameter", "estimate", "standard error", "least", "greatest", "values"), rows, more)
    return View(type(sets).__name__, _tones(sets), [table] if rows else [], head)


def _tones(sets: Any) -> list[tuple[str, str]]:
    return counted_tones(np.asarray(sets.status).ravel())
