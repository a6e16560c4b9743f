"""Every test runs with implicit rank promotion an error, and, where it asks for `x64`, once in each precision."""

import os

os.environ.setdefault("MPLBACKEND", "agg")

import chex
import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_addoption(parser):
    parser.addoption("--zoo", action="store_true", help="the battery over every transformation, not only the core's dozen")


@pytest.fixture(params=[False, True], ids=["float32", "float64"])
def x64(request):
    """Runs the test in float32 and in float64; the value says which."""
    with jax.enable_x64(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def fresh_trace_counts():
    """chex counts traces by where a function is written, and so across tests."""
    chex.clear_trace_counter()


def pytest_collection_modifyitems(items):
    """Bit-for-bit tests are about the CPU; elsewhere they are left out, and said so."""
    if jax.default_backend() != "cpu":
        for item in items:
            if item.get_closest_marker("cpu"):
                item.add_marker(pytest.mark.skip(reason="bit for bit, on the CPU only"))
