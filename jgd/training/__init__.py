"""Training: one step, one loop, three regimes."""

from jgd.training import stopping
from jgd.training._fit import fit, train
from jgd.training._functions import apply_gradients, compute_gradients, minimize
from jgd.training._history import History
from jgd.training._loop import Best
from jgd.training._predictor import Predictor, load
from jgd.training._result import FitError, Result
from jgd.training._step import Info, State, training_step

__all__ = [
    "Best",
    "FitError",
    "History",
    "Info",
    "Predictor",
    "Result",
    "State",
    "apply_gradients",
    "compute_gradients",
    "fit",
    "load",
    "minimize",
    "stopping",
    "train",
    "training_step",
]
