"""What makes a run fast and can be counted: compilations, kernels, copies, bytes. Seconds are for benchmarks."""

import re

import jax
import numpy as np
import pytest

import jgd
from jgd.training._fit import compiled

rng = np.random.default_rng(0)
compilations: list[float] = []


def listen(event, seconds, **_):
    if event == "/jax/core/compile/backend_compile_duration":
        compilations.append(seconds)


jax.monitoring.register_event_duration_secs_listener(listen)


@pytest.fixture(autouse=True, scope="module")
def compiled_as_for_users():
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def rows(n, d, classes=None):
    X = rng.normal(size=(n, d)).astype(np.float32)
    return X, X.sum(axis=1) if classes is None else rng.integers(classes, size=n)


A1 = (jgd.linear_regression(), rows(100, 1), jgd.gd(0.3)), {"epochs": 200}
A2 = (jgd.linear_regression(), rows(1000, 5), jgd.sgd(0.05)), {"batch_size": 32, "epochs": 20}
ONE_ROW = {"batch_size": 1, "epochs": 10}
A3 = {
    "sgd": ((jgd.logistic_regression(), rows(10_000, 20, 2), jgd.sgd(0.01)), ONE_ROW),
    "momentum": ((jgd.logistic_regression(), rows(10_000, 20, 2), jgd.sgd(0.01, momentum=0.9)), ONE_ROW),
    "adam": ((jgd.logistic_regression(), rows(10_000, 20, 2), jgd.adam(0.01)), ONE_ROW),
}
WORKS = {"a1": A1, "a2": A2, **{f"a3 {name}": work for name, work in A3.items()}}

# Kernels (and copies, which are kernels too) in the body of the loop over steps, by jaxlib 0.10.2 on the CPU. A change that
# makes one smaller lowers the number here; one that makes it larger says in its commit what it bought.
KERNELS = {"a1": 17, "a2": 8, "a3 sgd": 6, "a3 momentum": 8, "a3 adam": 13}


def program(work):
    arguments, options = work
    return compiled(*arguments, **options)[0]


def bodies(text, holding=("",)):
    """The instructions that run, of the body of each loop that holds an array of one of these types."""
    names = set(re.findall(r"body=%([\w.\-]+)", text))
    free = ("parameter", "get-tuple-element", "tuple", "constant", "bitcast", "after-all")
    found = []
    for name in names:
        body = text.split(f"\n%{name} (", 1)[1].split("\n}", 1)[0]
        if not any(array in body for array in holding):
            continue
        lines = body.splitlines()[1:]
        matches = [(re.match(r"\s*(?:ROOT )?%[\w.\-]+ = .*? ([a-z][a-z\-]*)\(", line), line) for line in lines]
        found.append([(m[1], line) for m, line in matches if m and m[1] not in free])
    return found


def step_loop(work):
    """Of the loops that hold the data the one that holds no other."""
    n, d = work[0][1][0].shape
    found = bodies(program(work).as_text(), (f"f32[{n},{d}]", f"f32[{d},{n}]"))
    return min((body for body in found if "while" not in [operation for operation, _ in body]), key=len)


@pytest.mark.cpu
@pytest.mark.parametrize("name", WORKS)
def test_the_loop_over_steps_has_no_more_kernels_than_it_had(name):
    kernels = [operation for operation, _ in step_loop(WORKS[name])]
    assert len(kernels) <= KERNELS[name], f"{name}: {len(kernels)} kernels, {sorted(kernels)}"


@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("n", [256, 1000])
def test_no_run_sorts_its_rows(n, batch_size):
    text = program(((jgd.linear_regression(), rows(n, 3), jgd.sgd(0.1)), {"batch_size": batch_size, "epochs": 2})).as_text()
    assert " sort(" not in text
    assert " while(" in text


@pytest.mark.parametrize("batch_size", ["full", 1, 256])
def test_no_loop_copies_or_transposes_the_data(batch_size):
    n, d = 5003, 37
    work = (jgd.logistic_regression(), rows(n, d, 2), jgd.adam(0.1)), {"batch_size": batch_size, "epochs": 3}
    text = program(work).as_text()
    moved = [
        line
        for body in bodies(text)
        for operation, line in body
        if operation in ("copy", "transpose") and re.search(rf"= f32\[({n},{d}|{d},{n})\]", line)
    ]
    assert re.search(rf"f32\[({n},{d}|{d},{n})\]", text)
    assert not moved


@pytest.mark.parametrize("batch_size", [1, 256, "full"])  # a large X is transposed before the program gets it
def test_the_program_holds_the_data_once(batch_size):
    n, d = 20_000, 50
    work = (jgd.logistic_regression(), rows(n, d, 2), jgd.sgd(0.1)), {"batch_size": batch_size, "epochs": 3}
    memory, X = program(work).memory_analysis(), 4 * n * d
    held = memory.argument_size_in_bytes + memory.temp_size_in_bytes + memory.output_size_in_bytes
    assert X <= held < 1.5 * X


def test_fits_that_differ_in_numbers_are_one_compilation():
    X, y = rows(431, 3)

    def fit(k):
        tx = jgd.chain(jgd.clip(1.0 + k), jgd.adam(0.1 / (k + 1), b1=0.5))
        return jgd.fit(jgd.linear_regression(l2=0.1 * k), (X + k, y), tx, batch_size=32, epochs=3 + k, key=k)

    before = len(compilations)
    first = fit(0)
    assert first.compile_seconds > 0
    assert len(compilations) == before + 1
    for k in range(1, 4):
        assert fit(k).compile_seconds == 0.0
    assert len(compilations) == before + 1


def test_time_to_compile_and_time_to_run_are_told_apart():
    result = jgd.fit(jgd.linear_regression(), rows(433, 3), jgd.sgd(0.1), epochs=3)
    assert result.compile_seconds > 0 < result.run_seconds
