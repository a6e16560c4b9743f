"""Experiments: many runs in one program."""

from jgd.experiments import folds
from jgd.experiments._bootstrap import bootstrap, jackknife
from jgd.experiments._cross_validate import cross_validate
from jgd.experiments._cross_validation import CrossValidation
from jgd.experiments._draws import Distribution, Draws, halton, log_uniform, sample, uniform
from jgd.experiments._ensemble import Ensemble, Spread, ensemble
from jgd.experiments._finder import LearningRates, find_learning_rate
from jgd.experiments._learning_curve import LearningCurve, learning_curve
from jgd.experiments._path import RegularizationPath, regularization_path
from jgd.experiments._paths import RegularizationPaths
from jgd.experiments._resampled import Bootstrap, Jackknife
from jgd.experiments._sweep import sweep
from jgd.experiments._sweep_result import Sweep

__all__ = [
    "Bootstrap",
    "CrossValidation",
    "Distribution",
    "Draws",
    "Ensemble",
    "Jackknife",
    "LearningCurve",
    "LearningRates",
    "RegularizationPath",
    "RegularizationPaths",
    "Spread",
    "Sweep",
    "bootstrap",
    "cross_validate",
    "ensemble",
    "find_learning_rate",
    "folds",
    "halton",
    "jackknife",
    "learning_curve",
    "log_uniform",
    "regularization_path",
    "sample",
    "sweep",
    "uniform",
]
