"""`python -m tests.battery`: the battery over every transformation and schedule, on two processes.

Further arguments go to pytest.
"""

import sys

import pytest

if __name__ == "__main__":
    # All tests of one transformation in one process, where they share compiled programs.
    sys.exit(pytest.main(["tests/test_battery.py", "--zoo", "-n", "2", "--dist", "loadgroup", *sys.argv[1:]]))
