"""Pictures: what is drawn, where, and under which name."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import jgd
from jgd import plotting


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def line():
    """y = 2x + 1 with noise: data, and the smallest objective."""
    X, y = (np.asarray(a, float) for a in jgd.data.make_line(40, noise=0.1))
    A = np.c_[X, np.ones(len(X))]
    return (X, y), float(np.linalg.lstsq(A, y, rcond=None)[1][0] / len(y))


@pytest.fixture(scope="module")
def runs(line):
    """By regime, each with a run at two rates; three epochs of 1, 4 and 40 steps."""
    fit = lambda rate, b: jgd.fit(jgd.linear_regression(), line[0], jgd.gd(rate), batch_size=b, epochs=3)
    sizes = {"full-batch": "full", "mini-batch": 10, "stochastic": 1}
    return {name: {f"rate {rate}": fit(rate, b) for rate in (0.05, 0.02)} for name, b in sizes.items()}


@pytest.fixture(scope="module")
def bad():
    """One run that diverges, and one that is not finite after its first step."""
    run = lambda rate: jgd.minimize(lambda w: w**2, 1.0, jgd.gd(rate), steps=40)
    return {"diverged": run(1.5), "nonfinite": run(1e30)}


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_one_run(runs):
    run = runs["mini-batch"]["rate 0.05"]
    ax = run.plot()
    (curve,) = ax.lines
    assert (ax.get_xlabel(), ax.get_ylabel(), curve.get_label()) == ("epoch", "loss", "gd(0.05)")
    assert ax.get_legend() is None
    np.testing.assert_allclose(curve.get_xdata(), [0, 1, 2, 3])
    np.testing.assert_array_equal(curve.get_ydata(), np.asarray(run.history.loss, float))
    ax = plotting.plot_loss(run, x="step", label="mine")
    assert (ax.get_xlabel(), ax.lines[0].get_label()) == ("step", "mine")
    assert ax.lines[0].get_xdata().tolist() == [0, 4, 8, 12]


def test_several_runs(runs, line):
    _, mine = plt.subplots()
    ax = plotting.plot_loss(runs["full-batch"], mine, optimum=line[1])
    assert ax is mine
    assert labels(ax) == ["rate 0.05", "rate 0.02", "exact optimum"]
    assert len({curve.get_color() for curve in ax.lines}) == 3
    assert ax.lines[2].get_ydata() == [line[1], line[1]]


@pytest.mark.parametrize(("start", "scale"), [(1.0, "linear"), (10.0, "log")])
def test_scale(start, scale):
    """Losses from 1 + start^2 / 4 down to 1: logarithmic where they span more than a factor of 5."""
    run = jgd.minimize(lambda w: 1 + w**2 / 4, start, jgd.gd(0.5), steps=30)
    assert plotting.plot_loss(run).get_yscale() == scale
    assert plotting.plot_loss(run, log=scale == "linear").get_yscale() != scale
    below_zero = jgd.minimize(lambda w: w**2 - 1, 10.0, jgd.gd(0.1), steps=30)
    assert plotting.plot_loss(below_zero).get_yscale() == "linear"


def test_validation(line):
    run = jgd.fit(jgd.linear_regression(), line[0], jgd.gd(0.1), epochs=5, validation=0.25)
    ax = plotting.plot_loss(run)
    loss, validation = ax.lines
    assert (loss.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert loss.get_color() == validation.get_color()
    assert labels(ax) == ["gd(0.1)", "gd(0.1), validation"]
    np.testing.assert_array_equal(validation.get_ydata(), np.asarray(run.history.validation_loss, float))


def test_excess(runs, line):
    """How far above the optimum, on a logarithmic axis, and nothing where it is reached."""
    run = runs["full-batch"]["rate 0.05"]
    ax = plotting.plot_loss(run, optimum=line[1], excess=True)
    assert (ax.get_ylabel(), len(ax.lines)) == ("loss above optimum", 1)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.asarray(run.history.loss, float) - line[1], rtol=1e-6)
    reached = jgd.minimize(lambda w: 1 + w**2, 3.0, jgd.gd(0.5), steps=2)
    drawn = plotting.plot_loss(reached, optimum=1.0, excess=True).lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [9.0, np.nan, np.nan])


def test_bad_runs(bad):
    """They are named, and drawn as far as they are finite: a single point by a cross."""
    ax = plotting.plot_loss(bad)
    assert labels(ax) == ["diverged (diverged)", "nonfinite (nonfinite)"]
    assert [curve.get_marker() for curve in ax.lines] == ["None", "x"]
    assert np.isfinite(ax.lines[1].get_ydata()).sum() == 1
    ax.figure.canvas.draw()


def test_regimes(runs, line):
    axes = plotting.plot_regimes(runs, optimum=line[1], title="a line")
    assert [ax.get_title() for ax in axes] == list(runs)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "", ""]
    assert {ax.get_xlabel() for ax in axes} == {"epoch"}
    assert len({(ax.get_yscale(), *ax.get_ylim()) for ax in axes}) == 1
    assert axes[0].figure.get_suptitle() == "a line"
    low, high = axes[0].get_ylim()
    for ax, results in zip(axes, runs.values(), strict=True):
        assert labels(ax) == [*results, "exact optimum"]
        for curve in ax.lines:
            assert all(low < loss < high for loss in curve.get_ydata())
    assert axes[0].get_yscale() == "log"


def test_regimes_on_given_axes(runs):
    """One result a panel, in steps, on axes of the reader's own."""
    figure, mine = plt.subplots(3, 1)
    axes = plotting.plot_regimes({k: v["rate 0.05"] for k, v in runs.items()}, mine, x="step", title="given")
    assert axes.tolist() == mine.tolist()
    assert figure.get_suptitle() == "given"
    assert [ax.lines[0].get_xdata()[-1] for ax in axes] == [3, 12, 120]
    assert {ax.get_xlabel() for ax in axes} == {"step"}


def test_diverged_run_leaves_at_the_top(bad):
    """It does not squeeze the others."""
    good = jgd.minimize(lambda w: w**2, 1.0, jgd.gd(0.1), steps=3)
    axes = plotting.plot_regimes({"good": good, "bad": bad})
    assert axes[0].get_ylim()[1] < 2
    assert bad["diverged"].history.loss[-1] > 1e4


def test_validation_fits_in(line):
    """A validation loss above the training loss is within the common axis."""
    X, y = line[0]
    run = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.1), epochs=5, validation=(X, y + 10))
    (ax,) = plotting.plot_regimes({"one": run})
    assert ax.get_ylim()[1] > max(run.history.validation_loss)


def test_names_are_shown_as_they_are(runs):
    """No formula is made of a dollar sign, and no underscore hides a label."""
    few = {name: runs["full-batch"]["rate 0.05"] for name in ("_private", r"$\frac$ a_1 $", "cost in $")}
    (ax,) = plotting.plot_regimes({"$x_1$ and $\\": few}, title="$\\oops$")
    assert [text.strip().replace(r"\$", "$") for text in labels(ax)] == list(few)
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda run: plotting.plot_loss(run, x="time"), "x must be 'epoch' or 'step', found 'time'"),
        (lambda run: plotting.plot_loss({}), "nothing to draw: give at least one result"),
        (lambda run: plotting.plot_loss(run, excess=True), "excess=True draws losses above optimum="),
        (lambda run: plotting.plot_regimes({}), "nothing to draw: give at least one regime"),
        (lambda run: plotting.plot_regimes({"a": run, "b": run}, plt.subplots()[1]), "2 regimes to draw, but 1 axes"),
    ],
)
def test_bad_arguments(draw, message, runs):
    with pytest.raises(ValueError, match=message):
        draw(runs["full-batch"]["rate 0.05"])


def test_the_style_is_undone_and_nothing_else_is():
    """A notebook's first figure turns the interactive mode on; later figures need it."""
    grid = plt.rcParams["axes.grid"]
    with plotting.styled():
        assert plt.rcParams["axes.grid"]
        plt.ion()
    assert plt.isinteractive()
    plt.ioff()
    assert plt.rcParams["axes.grid"] == grid
