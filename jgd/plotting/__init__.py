"""Pictures of runs, by matplotlib: one style, safe for colour-blind readers; every function takes `ax` and returns it."""

from jgd.plotting._live import live_plot
from jgd.plotting._loss import plot_loss, plot_regimes
from jgd.plotting._rates import plot_learning_rates
from jgd.plotting._style import pyplot as pyplot
from jgd.plotting._style import styled as styled
from jgd.plotting._sweep import plot_sweep

__all__ = ["live_plot", "plot_learning_rates", "plot_loss", "plot_regimes", "plot_sweep"]
