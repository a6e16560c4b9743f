"""Pictures of runs, by matplotlib: one style, safe for colour-blind readers; every function takes `ax` and returns it."""

from typing import TYPE_CHECKING

from jgd._names import unknown_names
from jgd.plotting._coefficients import plot_coefficients, plot_intervals, plot_paths
from jgd.plotting._contours import animate_contours, plot_contours
from jgd.plotting._decrement import plot_decrement
from jgd.plotting._diagnosis import plot_diagnosis
from jgd.plotting._fit import plot_fit
from jgd.plotting._function import animate_function, plot_function
from jgd.plotting._live import live_plot
from jgd.plotting._loss import plot_loss, plot_regimes
from jgd.plotting._rates import plot_learning_rates
from jgd.plotting._result import plot_result as plot_result
from jgd.plotting._run import plot_run
from jgd.plotting._scores import plot_learning_curve, plot_scores
from jgd.plotting._style import pyplot as pyplot
from jgd.plotting._style import styled as styled
from jgd.plotting._sweep import plot_sweep
from jgd.plotting._weights import plot_weights

__all__ = [
    "animate_contours",
    "animate_function",
    "live_plot",
    "plot_coefficients",
    "plot_contours",
    "plot_decrement",
    "plot_diagnosis",
    "plot_fit",
    "plot_function",
    "plot_intervals",
    "plot_learning_curve",
    "plot_learning_rates",
    "plot_loss",
    "plot_paths",
    "plot_regimes",
    "plot_run",
    "plot_scores",
    "plot_sweep",
    "plot_weights",
]

if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.plotting")
