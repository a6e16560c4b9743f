"""Progress: right counts in terminals, notebooks and logs, whatever ends a run, and hardly any cost; curves drawn live."""

import itertools
import os
import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

import jgd
from jgd import _meter
from jgd.plotting import _live
from jgd.training import _driver

X, Y = jgd.data.make_linear(64, key=0)
PROBLEM = jgd.linear_regression()


def run(tx=None, **options):
    given = dict(batch_size=8, epochs=20, progress=True) | options
    return jgd.fit(PROBLEM, (X, Y), jgd.sgd(0.05) if tx is None else tx, **given)


class Log:
    """What was written to standard error, which is a file."""

    def __init__(self, capsys):
        self.capsys, self.text = capsys, ""

    def getvalue(self):
        self.text += self.capsys.readouterr().err
        return self.text


@pytest.fixture
def log(capsys):
    return Log(capsys)


@pytest.fixture
def often(monkeypatch):
    """Each look is drawn, and each record is looked at."""
    for name, value in (("REDRAW", 0.0), ("FIRST", 0.0)):
        monkeypatch.setattr(_meter, name, value)
    monkeypatch.setattr(_meter.Terminal, "rest", 0.0)
    monkeypatch.setattr(_driver, "GLANCE", 0.0)


class Terminal:
    """A pseudo-terminal in the place of standard error, so many columns wide."""

    def __init__(self, monkeypatch, columns):
        self.end, there = os.openpty()
        self.stream = os.fdopen(there, "w", buffering=1)
        monkeypatch.setattr(sys, "stderr", self.stream)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")

    def read(self):
        self.stream.close()
        text = b""
        while True:
            try:
                part = os.read(self.end, 65536)
            except OSError:  # the other end is closed, and all is read
                break
            if not part:
                break
            text += part
        os.close(self.end)
        return text.decode()


def control_codes(text):
    return [c for c in text if ord(c) < 32 and c != "\n"]


def test_a_log_gets_whole_lines_without_control_codes(log):
    result = run()
    lines = log.getvalue().splitlines()
    assert control_codes(log.getvalue()) == []
    assert len(lines) == 1  # it took no time
    assert lines[0].startswith("160/160 steps (epoch 20 of 20), max_steps after ")
    assert f"loss {result.objective:.4g}, |grad| {result.history.grad_norm[-1]:.4g}, lr 0.05" in lines[0]
    assert re.search(r", [\d.]+[kMG]? steps/s, [\d.]+[kMG]? rows/s$", lines[0])


@pytest.mark.usefixtures("often")
def test_lines_count_up_and_say_the_time_left(log):
    result = run(validation=0.25, epochs=10, tx=jgd.sgd(jgd.schedules.linear(0.1, 0.0, 60)))
    lines = log.getvalue().splitlines()
    counts = [int(re.match(r"(\d+)/60 steps", line)[1]) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] == result.steps == 60
    assert len(lines) > 5
    assert all(" left, loss " in line for line in lines[1:-1])
    assert all(re.search(r"validation [\d.e-]+, \|grad\| [\d.e-]+, lr [\d.e-]+", line) for line in lines)
    rates = [float(re.search(r"lr ([\d.e-]+)", line)[1]) for line in lines]
    assert rates == sorted(rates, reverse=True)


def test_early_stopping_is_counted_and_said(log):
    result = run(stop=jgd.stopping.target(0.05))
    assert 0 < result.steps < 160
    assert log.getvalue().startswith(f"{result.steps}/160 steps (epoch {result.steps / 8:.4g} of 20), converged after ")


@pytest.mark.usefixtures("often")
def test_with_a_rule_the_time_left_is_a_bound(log):
    run(stop=jgd.stopping.target(1e-9))
    assert ", at most " in log.getvalue()


def test_an_interruption_is_counted_and_said(log):
    def interrupt(result):
        if result.steps >= 24:
            raise KeyboardInterrupt

    result = run(callbacks=[interrupt])
    assert result.steps == 24
    assert log.getvalue().splitlines()[-1].startswith("24/160 steps (epoch 3 of 20), interrupted after ")


def test_what_ends_a_run_badly_is_said(log):
    result = run(jgd.sgd(50.0))
    assert re.match(rf"{result.steps}/160 steps .*, {result.status} after ", log.getvalue())


def test_a_run_that_goes_on_counts_its_own_steps(log):
    first = run(progress=False)
    run(state=first.state, epochs=5)
    assert log.getvalue().startswith("40/40 steps (epoch 5 of 5)")


def test_a_function_without_data_has_no_epochs_and_rows(log):
    jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.1), steps=50, progress=True)
    assert log.getvalue().startswith("50/50 steps, max_steps after ")
    assert "rows/s" not in log.getvalue()


def test_an_error_leaves_no_half_line(log):
    def fail(result):
        raise RuntimeError("of the callback")

    with pytest.raises(RuntimeError, match="of the callback"):
        run(callbacks=[fail])
    assert log.getvalue().endswith("\n")


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("columns", [160, 70, 40])
def test_a_terminal_draws_one_line_over_itself(monkeypatch, columns):
    terminal = Terminal(monkeypatch, columns)
    result = run(stop=jgd.stopping.target(0.05))
    text = terminal.read()
    assert set(control_codes(text)) == {"\r"}
    assert text.count("\n") == 1
    drawn = text.replace("\r\n", "").split("\r")
    assert all(len(line) < columns for line in drawn)
    assert drawn[1].strip().endswith("compiling")
    assert f"{result.steps}/160 steps" in drawn[-1]
    assert ("[####...." in drawn[-1]) == (columns >= 120)
    assert ("converged after" in drawn[-1]) == (columns >= 70)
    assert ("rows/s" in drawn[-1]) == (columns >= 140)
    # What was longer before is wiped out.
    assert all(len(after) >= len(before.rstrip()) for before, after in itertools.pairwise(drawn[1:]))


def test_a_dumb_terminal_is_a_log(monkeypatch):
    terminal = Terminal(monkeypatch, 80)
    monkeypatch.setenv("TERM", "dumb")
    run()
    assert "\r" not in terminal.read().replace("\r\n", "\n")


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_looking_costs_few_calls_and_drawing_is_rare(monkeypatch, log):
    """Chunks double until one takes as long as a glance, so that a run has about the logarithm of its records many."""
    monkeypatch.setattr(_driver, "GLANCE", 1e9)
    calls, real = [], _driver._chunk
    monkeypatch.setattr(_driver, "_chunk", lambda *a: calls.append(1) or real(*a))
    drawn, write = [], _meter.Log.write
    monkeypatch.setattr(_meter.Log, "write", lambda self, *a: drawn.append(1) or write(self, *a))
    run(epochs=1000)
    assert len(calls) == 10  # 1 + 2 + ... + 512 = 1023 records
    assert len(drawn) == 1


def test_shown_or_not_the_numbers_are_the_same(log):
    shown, plain = run(), run(progress=False)
    for a, b in zip(shown.history.arrays.values(), plain.history.arrays.values(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(shown.params.weights, plain.params.weights)


# --- many runs --------------------------------------------------------------------------------------------------------


def rates(*values):
    return jgd.sgd(jgd.over(list(values), name="lr"))


def test_a_sweep_counts_what_its_lanes_need_not_take(log):
    sweep = jgd.sweep(PROBLEM, (X, Y), rates(0.01, 0.05, 50.0), batch_size=8, epochs=20, key=jgd.over(range(2)), progress=True)
    (line,) = log.getvalue().splitlines()
    assert line.startswith("960/960 steps of lanes, done after ")
    assert "0 running, 4 ended, 2 failed" in line
    least = np.nanmin(sweep.objective[sweep.status == "max_steps"])
    assert f"least loss {least:.4g}" in line
    assert control_codes(log.getvalue()) == []


def test_a_watched_sweep_is_one_program_and_a_small_one():
    """What lanes remember at the start is made by itself, so that the calls that follow are one program."""
    from jgd.training._lanes import begin_lanes, run_lanes

    jgd.sweep(PROBLEM, (X, Y), rates(0.01, 0.02, 0.03), batch_size=16, epochs=30)
    before = run_lanes._cache_size(), begin_lanes._cache_size()
    jgd.sweep(PROBLEM, (X, Y), jgd.adam(jgd.over([0.01, 0.05])), batch_size=16, epochs=30, progress=True)
    assert (run_lanes._cache_size() - before[0], begin_lanes._cache_size() - before[1]) == (1, 1)


def test_folds_are_parts_of_one_line(log):
    jgd.cross_validate(PROBLEM, (X, Y), rates(0.01, 0.05), folds=3, batch_size=8, epochs=10, progress=True)
    lines = log.getvalue().splitlines()
    assert lines[-1].startswith("fold 3 of 3: ")
    assert ", done after " in lines[-1]
    assert all(", done after " not in line for line in lines[:-1])


@pytest.mark.parametrize("replicates", [64, 67])
def test_a_bootstrap_counts_its_fits(log, monkeypatch, replicates):
    monkeypatch.setattr(_meter, "FIRST", 0.0)
    ridge = jgd.linear_regression(l2=jgd.over([0.0, 1.0]))
    shown = jgd.bootstrap(ridge, (X, Y), replicates=replicates, progress=True)
    lines = log.getvalue().splitlines()
    assert [int(re.match(rf"(\d+)/{2 * replicates} fits, ", line)[1]) for line in lines][-1] == 2 * replicates
    assert len(lines) > 10
    assert ", done after " in lines[-1]
    plain = jgd.bootstrap(ridge, (X, Y), replicates=replicates)
    np.testing.assert_allclose(shown.params.weights, plain.params.weights, rtol=1e-5, atol=1e-6)


# --- live curves ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_a_live_plot_shows_the_whole_run_in_the_end(ax):
    result = run(progress=False, callbacks=[jgd.live_plot(ax)])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), result.history.loss)
    assert (ax.get_xlabel(), ax.get_ylabel(), len(ax.lines)) == ("epoch", "loss", 1)


def test_it_draws_seldom_and_does_not_shorten_chunks(monkeypatch, ax):
    monkeypatch.setattr(_driver, "GLANCE", 1e9)
    calls, real = [], _driver._chunk
    monkeypatch.setattr(_driver, "_chunk", lambda *a: calls.append(1) or real(*a))
    drawn, draw = [], _live.LivePlot._draw
    monkeypatch.setattr(_live.LivePlot, "_draw", lambda self, result: drawn.append(len(result.history)) or draw(self, result))
    run(progress=False, epochs=1000, callbacks=[jgd.live_plot(ax, every=1e9)])
    assert len(calls) == 10
    assert drawn == [1001]


def test_beside_a_callback_of_each_record_it_is_called_as_often():
    seen, drawn = [], []

    def paced(result):
        drawn.append(result.steps)

    paced.paced = True
    run(progress=False, epochs=5, callbacks=[paced, lambda result: seen.append(result.steps)])
    assert drawn == seen == [8, 16, 24, 32, 40]


def test_an_interrupted_run_is_drawn_to_where_it_came(ax):
    def interrupt(result):
        if result.steps >= 24:
            raise KeyboardInterrupt

    run(progress=False, callbacks=[jgd.live_plot(ax, every=1e9), interrupt])
    assert len(ax.lines[0].get_xdata()) == 3


def test_of_many_records_some_are_drawn(ax):
    result = run(progress=False, epochs=5000, callbacks=[jgd.live_plot(ax, x="step")])
    x, y = ax.lines[0].get_data()
    assert len(x) == _live.RECORDS
    assert (x[0], x[-1]) == (0, 40_000)
    np.testing.assert_array_equal(y, np.asarray(result.history.loss)[np.searchsorted(result.history.step, x)])


def test_one_plot_serves_run_after_run(ax):
    plot = jgd.live_plot(ax)
    for epochs in (3, 6):
        run(progress=False, epochs=epochs, callbacks=[plot])
        assert len(ax.lines[0].get_xdata()) == epochs + 1


def test_where_nothing_can_be_drawn_it_refuses_at_once():
    with pytest.raises(RuntimeError, match=r"neither \(matplotlib's backend is agg\): use fit\(progress=True\).*or give ax="):
        jgd.live_plot()


def test_options_are_checked_before_anything_runs(ax):
    with pytest.raises(TypeError, match=r"live_plot has no argument 'smoth'; did you mean 'smooth'\?"):
        jgd.live_plot(ax, smoth=3)
    run(progress=False, epochs=5, callbacks=[jgd.live_plot(ax, x="step", log=False)])
    assert (ax.get_xlabel(), ax.get_yscale()) == ("step", "linear")


@pytest.mark.parametrize("every", [0, -1, "often", True])
def test_every_is_refused(every, ax):
    with pytest.raises(ValueError, match=f"every is the seconds between two drawings, a number above 0, found {every!r}"):
        jgd.live_plot(ax, every=every)
