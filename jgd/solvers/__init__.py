"""Solvers: to the optimum, of one problem or of many on the same rows at once."""

from jgd.solvers._lanes import solve_lanes
from jgd.solvers._lanes_result import LaneSolutions
from jgd.solvers._least_squares import least_squares, least_squares_lanes
from jgd.solvers._leave_one_out import leave_one_out_lanes, left_out
from jgd.solvers._solve import solve

__all__ = ["LaneSolutions", "least_squares", "least_squares_lanes", "leave_one_out_lanes", "left_out", "solve", "solve_lanes"]
