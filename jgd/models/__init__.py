"""Problems: what is minimised, and how its parameters predict."""

from jgd.models._gram import gram
from jgd.models._linear import LinearParams, linear_regression, logistic_regression
from jgd.models._precision import mixed_precision
from jgd.models._problem import Problem

__all__ = ["LinearParams", "Problem", "gram", "linear_regression", "logistic_regression", "mixed_precision"]
