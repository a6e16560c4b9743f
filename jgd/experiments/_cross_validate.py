"""`cross_validate`: how well settings do on rows they were not trained on."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from jgd._checks import shown
from jgd._errors import argument_hint, public
from jgd._meter import Meter
from jgd._over import Over, held_over, refuse_over
from jgd.data import Dataset
from jgd.experiments._cross_validation import CrossValidation
from jgd.experiments._given_folds import as_folds, check_parts
from jgd.experiments._held_out import Metrics, held_out_scores
from jgd.experiments._joined import joined
from jgd.experiments._left_out import score_left_out
from jgd.experiments._models import RunModels, SolvedModels, Standard, rows_of
from jgd.experiments._progress import Part
from jgd.experiments._settings import Settings
from jgd.experiments._sweep import sweep
from jgd.experiments._weightings import check_solved, check_standardize, encoded, in_order, labels_of
from jgd.experiments.folds import Folds
from jgd.models import Problem
from jgd.training._metrics import named_metrics

# In the order of `sweep`, so that settings come in its order.
OF_A_RUN = ("batch_size", "epochs", "steps", "key", "shuffle", "stop", "record", "norms", "params")
OF_A_SWEEP = ("memory", "progress", "confirm")
OWN = ("folds", "metrics", "standardize", "tol")


@public
def cross_validate(
    problem: Problem, data: Any, tx: Any = None, *, folds: Any = 5, metrics: Sequence[str | Callable] = (),
    standardize: bool = False, key: Any = 0, tol: float | None = None, **options: Any,
) -> CrossValidation:  # fmt: skip
    """Trains on all rows but each fold's, and scores on those; every setting (`jgd.over`) on the same folds.

    Without an optimizer, linear and logistic regression are solved to their optima, all folds and settings at once: a fold is a
    row of weights over the one X. Least squares has a closed form: for all penalties, and for leave-one-out, from one
    factorisation. With an optimizer each fold is a `jgd.sweep` on its training rows, and a lane takes the very steps of a
    `jgd.fit` on them.

    Args:
      problem, data, tx: as in `jgd.fit`; `jgd.over` may stand in the problem and the optimizer.
      folds: how many (shuffled by the key, and stratified for classifiers), one of `jgd.folds`, a splitter of scikit-learn, or
        a list of pairs (train, test) of rows.
      metrics: scores of the test rows, as in `jgd.fit`.
      standardize: for linear models with an intercept: whether columns are centred and divided by their standard deviations over
        each fold's training rows. Nothing is copied for that where problems are solved: it makes l2 a penalty on
        (deviation_j w_j)^2. Parameters are those of the columns as given. `jgd.over([False, True])` crosses it with the settings.
      key: a seed or a JAX key, of the folds' shuffling and of runs.
      tol: what a solver may leave to gain, as a share of the objective; 1e-8 for data in float32, 1e-14 in float64 if None.
      **options: with an optimizer `batch_size`, `epochs`, `steps`, `shuffle`, `stop`, `record`, `norms`, `params`, which may hold
        `jgd.over`, as `key` then may; and `memory`, `progress` and `confirm`, as in `jgd.sweep`.

    Returns:
      A `CrossValidation`.

    Raises:
      TypeError, ValueError: for bad arguments, before anything runs: folds with nothing to train on or to test, training parts
        without one of the classes, more folds than rows or groups.

    >>> import jgd
    >>> X, y = jgd.data.make_linear(200)
    >>> ridge = jgd.linear_regression(l2=jgd.over([1e-4, 1e-2, 1.0]))
    >>> cv = jgd.cross_validate(ridge, (X, y), folds=jgd.folds.leave_one_out(), metrics=["mae"])
    >>> cv.best()["l2"] < 1, cv.scores("mae").shape
    (True, (200, 3))
    >>> cv.refit().params.weights.shape, cv.predictions().shape
    ((5,), (200,))
    >>> tx = jgd.sgd(jgd.over([1e-3, 1e-1], name="lr"))
    >>> jgd.cross_validate(jgd.linear_regression(), (X, y), tx, folds=3, batch_size=20, epochs=10).best()
    {'lr': 0.1}

    Source: Stone, "Cross-validatory choice and assessment of statistical predictions", Journal of the Royal Statistical Society
    B 36 (1974).
    """
    _check_options(tx, options)
    folds = list(folds) if isinstance(folds, Iterator) else folds
    refuse_over("cross_validate", data=data, folds=folds, metrics=metrics)
    metrics = named_metrics(metrics)
    if tx is None:
        check_solved("cross_validate", problem, data)
        refuse_over("cross_validate without an optimizer", key=key)
    options = {"key": key} | options
    arguments = {"problem": problem, "tx": tx} | {name: options[name] for name in OF_A_RUN if name in options}
    alone = Settings(arguments)
    resolved = [alone.resolved(index) for index in alone.index]
    first = resolved[0]["problem"]
    if not isinstance(first, Problem):
        raise TypeError(f"problem must be a jgd.Problem, found {shown(first)}.")
    _check_standardize(standardize, problem, resolved)
    data = encoded(first, data)
    labels = labels_of(data)
    found = as_folds(folds, len(data), labels, key.values[0] if isinstance(key, Over) else key)
    check_parts(found, data.sample_weight, labels, data.classes)
    of_folds = {"fold": Over(tuple(range(len(found))), "fold")} | arguments
    settings = Settings(of_folds)
    if tx is None:
        problems = [setting["problem"] for setting in resolved]
        one = lambda standardize: _solved(settings, problems, data, found, metrics, standardize, tol)
    else:
        one = lambda standardize: _run(settings, resolved, arguments, options, data, found, metrics, standardize)
    if isinstance(standardize, Over):
        crossed = Settings(of_folds | {"standardize": standardize})
        return joined(crossed, standardize, [one(bool(value)) for value in standardize.values])
    return one(bool(standardize))


def _check_options(tx: Any, options: dict[str, Any]) -> None:
    for name in options:
        if name == "validation":
            raise TypeError("cross_validate takes no validation=: each fold is validated on the rows it leaves out.")
        if name not in (*OF_A_RUN, *OF_A_SWEEP):
            raise TypeError(f"cross_validate takes no {name}=; {argument_hint(name, (*OWN, *OF_A_RUN, *OF_A_SWEEP))}")
        if tx is None:
            raise TypeError(
                f"{name}= is of a run, but without an optimizer problems are solved to their optima: leave it out, or give an "
                "optimizer, such as jgd.adam(1e-2)."
            )
    stop = options.get("stop")
    for rule in stop.values if isinstance(stop, Over) else [stop]:
        needs = rule.functions.needs if hasattr(rule, "functions") and held_over(rule) is None else ()
        if any(name.startswith("validation") for name in needs):
            raise ValueError(f"{rule!r} would end each run by the rows that are to judge it: stop by the training loss.")


def _check_standardize(standardize: Any, problem: Any, resolved: Sequence[dict[str, Any]]) -> None:
    if not isinstance(standardize, Over):
        check_standardize(standardize, [setting["problem"] for setting in resolved])
        return
    crossed = Settings({"problem": problem, "standardize": standardize})
    for setting in map(crossed.resolved, crossed.index):
        check_standardize(setting["standardize"], [setting["problem"]])


def _solved(
    settings: Settings,
    problems: Sequence[Problem],
    data: Dataset,
    folds: Folds,
    metrics: Metrics,
    standardize: bool,
    tol: float | None,
) -> CrossValidation:
    """All folds and settings at once. Where each row is left out in turn, its scores take no fit without it."""
    models = SolvedModels(problems, data, folds, standardize, tol)
    if not standardize and (found := score_left_out(problems, data, folds, metrics)) is not None:
        return CrossValidation(settings, folds, models, *found, metrics)
    groups = models.groups
    each = [held_out_scores(problems[g.settings[0]].replace(l2=0.0), data, folds.tests, g.lanes.params, metrics) for g in groups]
    scores = {name: in_order(groups, [found[name] for found in each]) for name in each[0]}
    of = lambda field: in_order(groups, [getattr(group.lanes, field) for group in groups])
    return CrossValidation(settings, folds, models, scores, of("status_code"), of("iterations"), metrics)


def _run(
    settings: Settings, resolved: list[dict[str, Any]], arguments: dict[str, Any], options: dict[str, Any], data: Dataset,
    folds: Folds, metrics: Metrics, standardize: bool,
) -> CrossValidation:  # fmt: skip
    """A sweep for each fold; those of as many rows run the programs of the first."""
    sweeps, standards = [], []
    progress = Meter() if options.get("progress") else None
    for fold, test in enumerate(folds.tests):
        train = rows_of(data, folds.train(fold))
        standard = Standard(train) if standardize else None
        parts = [part if standard is None else standard(part) for part in (train, rows_of(data, test))]
        how = {name: options[name] for name in OF_A_SWEEP if name in options}
        if progress is not None:
            how["progress"] = Part(progress, "fold", fold, len(folds))
        functions = [function for _, function in metrics]
        sweeps.append(sweep(data=parts[0], validation=parts[1], metrics=functions, **arguments, **how))
        standards.append(standard)
    if progress is not None:
        progress.close()
    stacked = lambda of: np.stack([np.asarray(of(each)) for each in sweeps])
    scores = {
        "loss": stacked(lambda each: each.scores("loss")),
        "test_loss": stacked(lambda each: each.scores("validation_loss")),
    }
    scores |= {name: stacked(lambda each, name=name: each.scores(f"validation_{name}")) for name, _ in metrics}
    status, steps = stacked(lambda each: each.status_code), stacked(lambda each: each.steps)
    models = RunModels(sweeps, standards, resolved, data, folds)
    return CrossValidation(settings, folds, models, scores, status, steps, metrics)
