"""Scores of linear regressions where each row is left out in turn, without a fit for each."""

from collections.abc import Sequence

import numpy as np

from jgd.data import Dataset
from jgd.experiments._held_out import Metrics, one_row_scores
from jgd.experiments.folds import Folds
from jgd.models import Problem
from jgd.solvers import left_out
from jgd.training.stopping import CONVERGED


def score_left_out(
    problems: Sequence[Problem], data: Dataset, folds: Folds, metrics: Metrics
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray] | None:
    """Scores, status codes and iterations, (folds, settings); None where they take the fits themselves."""
    same = len({problem.replace(l2=0.0) for problem in problems}) == 1
    if not (same and problems[0].name == "linear_regression" and folds.is_leave_one_out):
        return None
    found = left_out(problems[0], data, np.array([float(problem.l2) for problem in problems]))
    if found is None:
        return None
    out = np.concatenate(folds.tests)
    take = lambda array: array if np.array_equal(out, np.arange(len(data))) else array[out]
    predictions = take(found.prediction).reshape(len(out), len(problems), *data.y.shape[1:])
    scores = {"loss": take(found.objective)} | one_row_scores(problems[0], data, out, predictions, metrics)
    return scores, *np.full((2, len(out), len(problems)), [[[CONVERGED]], [[0]]], np.int32)
