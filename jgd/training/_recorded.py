"""Whether a run records what its rule and `best` look at."""

from typing import Any

import jax
import numpy as np

from jgd._checks import is_concrete, nearest, shown
from jgd.data import Dataset
from jgd.models import Problem
from jgd.models._standardized import inside
from jgd.training._metrics import NAMED
from jgd.training._plan import Plan
from jgd.training._rates import learning_rates
from jgd.training._record import named_leaves, reported
from jgd.training._step import training_step
from jgd.training.stopping import StoppingRule
from jgd.transformation import GradientTransformation


def check_recorded(
    plan: Plan, stop: Any, best: str | None, problem: Problem, tx, data: Dataset | None, validation: bool, clock: bool
) -> None:
    """The names that rules and `best` refer to must be among those recorded."""
    recorded = ["step", "loss", "grad_norm"] + [name for name, _ in plan.metrics]
    recorded += list(learning_rates(tx, 0))
    if validation:
        recorded += ["validation_loss"] + [f"validation_{name}" for name, _ in plan.metrics]
    if best is not None and not isinstance(best, str):
        raise TypeError(f"best must be the name of a recorded quantity, found {shown(best)}.")
    recorded += ["gap"] if stop is not None and "gap" in stop.functions.needs else []
    wanted = {best} | set(stop.functions.needs if stop is not None else ())
    if wanted - {None, "seconds", *recorded}:
        recorded += _other_names(plan, problem, tx, data)
    for name in wanted & {prefix + metric for metric, _ in plan.metrics for prefix in ("", "validation_")}:
        function = dict(plan.metrics)[name.removeprefix("validation_")]
        if not hasattr(function, "higher_is_better"):
            raise ValueError(
                f"which way is {name} better? Say it: {getattr(function, '__name__', 'f')}.higher_is_better = True (or False)."
            )
    if best is not None and best not in recorded[1:]:
        metric = best.removeprefix("validation_").removeprefix("val_")
        hint = nearest(best, recorded[1:])
        if metric in NAMED:
            hint = f"add metrics=[{metric!r}]."
        elif best.startswith("val"):
            hint = "did you mean 'validation_loss'?" if "validation_loss" in recorded else "add validation=."
        raise ValueError(f"best={best!r} is not recorded; {hint}")
    if stop is None:
        return
    for name in stop.functions.needs:
        if name == "seconds" and not clock:
            raise ValueError("the rule stopping.seconds reads the host's clock, which compiled code has not: use fit.")
        if name != "seconds" and name not in recorded:
            advice = "give validation=." if name.startswith("validation") else nearest(name, recorded)
            raise ValueError(f"{stop!r} looks at {name!r}, which this run does not record; {advice}")


def _other_names(plan: Plan, problem: Problem, tx: GradientTransformation, data: Dataset | None) -> list[str]:
    """What only the parameters and the optimizer's state can tell: norms by array, and the state's reports."""
    key = jax.random.key(0)
    state = jax.eval_shape(lambda: training_step(problem, tx)[0](problem.init(key, data), key))
    arrays = [name for name, _ in named_leaves(state.params)] if plan.norms else []
    reports = list(jax.eval_shape(lambda: reported(tx.init(problem.init(key, data)))))
    return [f"{what}_norm/{name}" for what in ("grad", "update") for name in arrays] + reports


def check_gap(problem: Problem, stop: StoppingRule) -> None:
    """A rule finds the gap by itself where a penalty bounds the curvature from below."""
    plain = inside(problem)
    if plain.name not in ("linear_regression", "logistic_regression"):
        advice = f"of {problem.name} give it strong_convexity=, which no curvature of the objective is below"
    elif not is_concrete(plain.l2) or np.any(np.asarray(plain.l2)):
        return
    elif plain.name == "linear_regression":
        advice = "without one give it strong_convexity=jgd.strong_convexity(problem, data), or the problem an l2 above 0"
    else:
        advice = "without one no such bound is known, so give the problem an l2 above 0"
    raise ValueError(f"{stop!r} finds the gap of linear and logistic regression with a penalty; {advice}.")
