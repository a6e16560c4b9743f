"""`python -m tests.battery`: the battery over every transformation and schedule, on two processes.

Further arguments go to pytest.
"""

import sys

import pytest

# What --zoo makes more of; the other tests of sweeps are those of every test run.
OF_SWEEPS = (
    "test_a_lane_is_the_single_fit",
    "test_every_float_of_the_core_is_swept_by_one_program",
    "test_every_knob_of_a_schedule_is_swept_by_one_program",
)

if __name__ == "__main__":
    # All tests of one transformation in one process, where they share compiled programs.
    of_sweeps = [f"tests/test_sweep.py::{name}" for name in OF_SWEEPS]
    sys.exit(pytest.main(["tests/test_battery.py", *of_sweeps, "--zoo", "-n", "2", "--dist", "loadgroup", *sys.argv[1:]]))
