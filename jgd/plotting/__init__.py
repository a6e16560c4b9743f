"""Pictures of runs, by matplotlib: one style, safe for colour-blind readers; every function takes `ax` and returns it."""

from jgd.plotting._loss import plot_loss, plot_regimes
from jgd.plotting._rates import plot_learning_rates
from jgd.plotting._run import plot_run
from jgd.plotting._style import pyplot as pyplot
from jgd.plotting._style import styled as styled
from jgd.plotting._sweep import plot_sweep

__all__ = ["plot_learning_rates", "plot_loss", "plot_regimes", "plot_run", "plot_sweep"]
