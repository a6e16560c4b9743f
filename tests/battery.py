"""`python -m tests.battery`: the battery over every transformation and schedule, on two processes.

Further arguments go to pytest.
"""

import sys

import pytest

if __name__ == "__main__":
    # All tests of one transformation in one process, where they share compiled programs.
    files = ["tests/test_battery.py", "tests/test_sweep.py"]
    sys.exit(pytest.main([*files, "--zoo", "-n", "2", "--dist", "loadgroup", *sys.argv[1:]]))
