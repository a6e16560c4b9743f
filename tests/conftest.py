"""Every test runs with implicit rank promotion an error, and, where it asks for `x64`, once in each precision.

Most of the time of most tests is the compiler's, so it is told not to try hard: what a program computes is the same.
`tests/test_speed.py` and the benchmarks look at what it makes otherwise.
"""

import os
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import chex
import jax
import pytest

from tests.thorough import BATTERY, THOROUGH, is_brief, is_thorough

jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_addoption(parser):
    parser.addoption("--zoo", action="store_true", help="the battery over every transformation, not only the core's dozen")
    parser.addoption("--thorough", action="store_true", help="only the tests of tests/thorough.py")
    parser.addoption("--executed", metavar="FOLDER", help="where tests/notebooks keeps executed notebooks, which the site shows")
    parser.addoption("--brief", action="store_true", help="without these; so is a run that names no test or file")


def pytest_configure(config):
    """A run of all tests leaves the longest to `python -m tests.thorough`, and compiles faster; processes of xdist are told."""
    if config.args_source is config.ArgsSource.TESTPATHS:
        config.option.brief = True
    if config.option.brief and version("jaxlib").startswith("0.10."):  # XLA ends a process at a flag it does not know
        # Half of the time of compiling a small program goes into an MLIR pipeline for each fusion; XLA's older emitter has none.
        # All other runs, of the longest tests, the battery and the notebooks too, have the emitter that users have.
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")


@pytest.fixture(params=[False, True], ids=["float32", "float64"])
def x64(request):
    """Runs the test in float32 and in float64; the value says which."""
    with jax.enable_x64(request.param):
        yield request.param


compilations = 0


def _count(event, seconds, **_):
    global compilations
    compilations += event == "/jax/core/compile/backend_compile_duration"


jax.monitoring.register_event_duration_secs_listener(_count)


@pytest.fixture(autouse=True)
def few_programs():
    """A compiled program maps up to hundreds of pieces of memory, of which Linux allows a process 65,530: XLA crashes beyond."""
    global compilations
    yield
    if compilations > 20:
        compilations = 0
        maps = Path("/proc/self/maps")
        if not maps.exists() or maps.read_bytes().count(b"\n") > 45_000:
            jax.clear_caches()


@pytest.fixture(autouse=True)
def fresh_trace_counts():
    """chex counts traces by where a function is written, and so across tests."""
    chex.clear_trace_counter()


def pytest_collection_modifyitems(config, items):
    """Bit-for-bit tests are about the CPU; elsewhere they are left out, and said so."""
    if config.option.thorough or config.option.brief:
        wanted = is_thorough if config.option.thorough else is_brief
        chosen = [item for item in items if wanted(item.nodeid)]
        config.hook.pytest_deselected(items=[item for item in items if not wanted(item.nodeid)])
        files = {item.nodeid.partition("::")[0] for item in items}
        left_out = THOROUGH if config.option.thorough else THOROUGH + BATTERY
        known = [name for name in left_out if name.partition("::")[0] in files]
        unknown = [name for name in known if not any(item.nodeid.startswith(name) for item in items)]
        if unknown and not any("::" in arg for arg in config.args):
            raise pytest.UsageError(f"no test begins with {', '.join(unknown)}: mend tests/thorough.py.")
        items[:] = chosen
    if jax.default_backend() != "cpu":
        for item in items:
            if item.get_closest_marker("cpu"):
                item.add_marker(pytest.mark.skip(reason="bit for bit, on the CPU only"))
