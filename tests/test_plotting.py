"""Pictures: what is drawn, where, and under which name."""

import jax
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


def test_validation_of_several_runs_is_named_once(line):
    fit = lambda tx: jgd.fit(jgd.linear_regression(), line[0], tx, epochs=5, validation=0.25)
    ax = plotting.plot_loss([fit(jgd.gd(0.1)), fit(jgd.gd(0.2))])
    assert [curve.get_linestyle() for curve in ax.lines] == ["-", "--", "-", "--", "--"]
    assert labels(ax) == ["gd(0.1)", "gd(0.2)", "validation"]


def test_a_legend_below_leaves_the_axes_their_width(runs):
    run = runs["full-batch"]["rate 0.05"]
    ax = plotting.plot_loss({f"{i}: chain(clip_by_global_norm(1.0), sgd(0.1, momentum=0.9))": run for i in range(6)})
    ax.figure.canvas.draw()
    assert ax.get_position().width > 0.8
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= ax.figure.bbox.width
    short = plotting.plot_loss({str(i): run for i in range(6)})
    short.figure.canvas.draw()
    assert short.get_legend().get_window_extent().height < legend.height


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
    assert [curve.get_marker() for curve in ax.lines] == ["o", "x"]
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
        (lambda run: plotting.plot_loss(run, x="time"), "x must be 'epoch', 'step' or 'seconds', found 'time'"),
        (lambda run: plotting.plot_loss({}), "nothing to draw: give at least one result"),
        (lambda run: plotting.plot_loss(run, excess=True), "excess=True draws losses above optimum="),
        (lambda run: plotting.plot_regimes({}), "nothing to draw: give at least one regime"),
        (lambda run: plotting.plot_regimes({"a": run, "b": run}, plt.subplots()[1]), "2 regimes to draw, but 1 axes"),
    ],
)
def test_bad_arguments(draw, message, runs):
    with pytest.raises(ValueError, match=message):
        draw(runs["full-batch"]["rate 0.05"])


LRS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]


@pytest.fixture(scope="module")
def linear():
    return jgd.data.make_linear(60)


@pytest.fixture(scope="module")
def swept(linear):
    """Rates up to where every lane diverges, by two momenta and three keys."""
    tx = jgd.sgd(jgd.over(LRS, name="lr"), momentum=jgd.over([0.0, 0.9]))
    key = jgd.over(range(3))
    return jgd.sweep(jgd.linear_regression(), linear, tx, batch_size=15, epochs=6, key=key, validation=0.25)


@pytest.fixture(scope="module")
def grid():
    """A rate by a start's weight by a momentum, without keys; the objective is a parabola."""
    problem = jgd.Problem(lambda w: 0.1 + (w - 2.0) ** 2, jgd.over(np.linspace(0.0, 1.0, 4).tolist(), name="start"))
    tx = jgd.sgd(jgd.over(LRS, name="lr"), momentum=jgd.over([0.0, 0.3, 0.6], name="m"))
    return jgd.sweep(problem, None, tx, steps=20)


@pytest.fixture(scope="module")
def parabolas():
    """Ten thousand rates, of which the largest diverge."""
    tx = jgd.gd(jgd.over(np.linspace(0.01, 1.4, 10_000).tolist(), name="lr"))
    return jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, tx, steps=30)


@pytest.fixture(scope="module")
def drawn(linear):
    """Two hundred settings at random."""
    draws = jgd.sample(200, lr=jgd.log_uniform(1e-3, 5.0), momentum=jgd.uniform(0.0, 0.9))
    return jgd.sweep(jgd.linear_regression(), linear, jgd.sgd(draws.lr, momentum=draws.momentum), epochs=10)


def ended_well(sweep):
    """The frame's rows of lanes that did."""
    frame = sweep.to_frame()
    return frame[~frame["status"].isin(["diverged", "nonfinite"])]


def failed_crosses(ax):
    """Crosses at the top edge, one array of x for each row of them."""
    marks = [line for line in ax.lines if line.get_label() == "_failed"]
    for line in marks:
        height = ax.transAxes.inverted().transform(line.get_transform().transform(line.get_xydata()))[:, 1]
        assert line.get_marker() == "x"
        assert (0.85 < height).all()
        assert (height < 1).all()
    return [line.get_xdata() for line in marks]


def curves(ax):
    return [line for line in ax.lines if not line.get_label().startswith("_failed")]


def test_curve(swept):
    """A line for each momentum: means over keys of the lanes that ended well, with a band; the others are crosses at the top."""
    ax = swept.plot("lr")
    assert (ax.get_xlabel(), ax.get_xscale(), ax.get_yscale()) == ("lr", "log", "log")
    assert ax.get_ylabel() == "validation_loss: mean ± std over key"
    assert (ax.get_legend().get_title().get_text(), labels(ax)) == ("momentum", ["0", "0.9", "failed"])
    frame, good = swept.to_frame(), ended_well(swept)
    assert 0 < len(good) < len(frame)
    for momentum, line, band in zip([0.0, 0.9], curves(ax), ax.collections, strict=True):
        of_it = good[good["momentum"] == momentum].groupby("lr")["validation_loss"]
        mean, std, low, high = of_it.mean().reindex(LRS), of_it.std(), of_it.min(), of_it.max()
        np.testing.assert_allclose(line.get_xdata(), LRS)
        np.testing.assert_allclose(line.get_ydata(), mean, rtol=1e-6)
        corners = band.get_paths()[0].vertices
        for lr in of_it.groups:
            here = corners[np.isclose(corners[:, 0], lr), 1]
            wanted = max(mean[lr] - std[lr], low[lr]), min(mean[lr] + std[lr], high[lr])
            np.testing.assert_allclose([here.min(), here.max()], wanted, rtol=1e-5)
    bad = frame[~frame.index.isin(good.index)]
    for (_, rows), crosses in zip(bad.groupby("momentum"), failed_crosses(ax), strict=True):
        np.testing.assert_allclose(crosses, sorted(set(rows["lr"])))
    assert all(line.get_ydata()[np.isfinite(line.get_ydata())].max() < ax.get_ylim()[1] for line in curves(ax))


def test_kind_by_what_was_swept(swept, linear):
    """Of these lanes, not of the whole sweep: what has one value there was not swept."""
    frame_of = lambda ax: (ax.get_xlabel(), ax.get_ylabel())
    assert frame_of(swept.plot()) == ("lr", "momentum")
    assert frame_of(swept.plot("momentum", "lr")) == ("momentum", "lr")
    assert frame_of(swept.plot(y="lr")) == ("momentum", "lr")
    assert frame_of(swept.plot("lr", metric="loss")) == ("lr", "loss: mean ± std over key")
    assert frame_of(swept.where(momentum=0.9).plot()) == ("lr", "validation_loss: mean ± std over key")
    assert frame_of(swept.where(momentum=0.9, key=1).plot()) == ("lr", "validation_loss")
    assert frame_of(swept.where(momentum=0.9, lr=0.01).plot()) == ("epoch", "validation_loss")
    assert frame_of(swept[:1].plot()) == ("epoch", "validation_loss")
    assert frame_of(swept.plot(kind="fan", metric="grad_norm")) == ("epoch", "grad_norm")
    _, mine = plt.subplots()
    assert swept.plot("lr", ax=mine) is mine


def test_map(swept):
    """Means over keys as colours, logarithmic; cells all of whose lanes failed are hatched, and some of whose did are marked."""
    ax = swept.plot("lr", "momentum")
    mesh, hatched = ax.collections
    good = ended_well(swept)
    table = good.pivot_table(values="validation_loss", index="momentum", columns="lr", aggfunc="mean").reindex(columns=LRS)
    np.testing.assert_allclose(mesh.get_array().filled(np.nan), table, rtol=1e-6)
    assert len(hatched.get_paths()) == table.isna().to_numpy().sum() > 0
    assert hatched.get_hatch()
    assert type(mesh.norm).__name__ == "LogNorm"
    bar = ax.figure.axes[-1]
    assert bar.get_ylabel() == "validation_loss: mean over key"
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert ticks == ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "0.9"]
    count = good.groupby(["momentum", "lr"]).size().unstack().reindex(columns=LRS)
    whole = table.where(count == 3)
    momentum, lr = whole.stack().idxmin()
    (star,) = [line for line in ax.lines if line.get_marker() == "*"]
    at = star.get_xdata()[0], star.get_ydata()[0]
    column, row = LRS.index(lr), [0.0, 0.9].index(momentum)
    across, up = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
    assert across[column] < at[0] < across[column + 1]
    assert up[row] < at[1] < up[row + 1]
    assert labels(ax)[-1] == f"best: {whole.min().min():.3g}"


def test_map_where_some_lanes_of_a_cell_failed(linear):
    """The cell is the mean of the others, and marked."""
    tx = jgd.sgd(jgd.over([0.1, 0.3, 0.5, 0.7], name="lr"), momentum=jgd.over([0.0, 0.5]))
    sweep = jgd.sweep(jgd.linear_regression(), linear, tx, batch_size=6, epochs=6, key=jgd.over(range(6)))
    count = ended_well(sweep).groupby(["lr", "momentum"]).size()
    ax = sweep.plot("lr", "momentum")
    (marks,) = [line for line in ax.lines if line.get_label() == "some lanes failed"]
    assert 0 < (count < 6).sum() < len(count)
    np.testing.assert_allclose(marks.get_xdata(), count[count < 6].index.get_level_values("lr"))
    assert labels(ax)[:2] == ["failed", "some lanes failed"]


def test_the_best_is_not_a_mean_of_survivors():
    """From a far start a large rate diverges, and from a near one it is fastest: its mean is of the near starts alone."""
    problem = jgd.Problem(lambda w: w**4, lambda key: jax.random.normal(key))
    tx = jgd.sgd(jgd.over([0.05, 0.5], name="lr"), momentum=jgd.over([0.0, 0.01], name="m"))
    sweep = jgd.sweep(problem, None, tx, steps=30, key=jgd.over(range(8)))
    good = ended_well(sweep)
    assert good.groupby("lr")["loss"].mean().idxmin() == 0.5
    assert set(good.groupby("lr").size()) != {16}
    ax = sweep.plot("lr", "m")
    whole = good[good["lr"] == 0.05].groupby("m")["loss"].mean().min()
    assert labels(ax) == ["some lanes failed", f"best: {whole:.3g}"]


def test_map_of_the_best_over_others(grid):
    """Evenly spaced numbers are their own axis; the colour bar says what else was swept, and how it was settled."""
    ax = grid.plot("start", "lr")
    good = ended_well(grid)
    best = good.groupby(["lr", "start"])["loss"].min().unstack().reindex(LRS)
    np.testing.assert_allclose(ax.collections[0].get_array().filled(np.nan), best, rtol=1e-6)
    assert ax.figure.axes[-1].get_ylabel() == "loss: best over m"
    np.testing.assert_allclose(ax.collections[0].get_coordinates()[0, :, 0], (np.arange(5) - 0.5) / 3)
    assert grid.plot("lr", "m").figure.axes[-1].get_ylabel() == "loss: best over start"


def test_map_of_random_settings(drawn):
    """Points; a range that was drawn from evenly is linear though it spans much, one drawn from by order of magnitude is not."""
    ax = drawn.plot()
    good = ended_well(drawn)
    assert (ax.get_xlabel(), ax.get_xscale(), ax.get_ylabel(), ax.get_yscale()) == ("lr", "log", "momentum", "linear")
    (points,) = ax.collections
    order = np.lexsort(points.get_offsets().T)
    wanted = good.sort_values(["momentum", "lr"])
    np.testing.assert_allclose(points.get_offsets()[order], wanted[["lr", "momentum"]])
    np.testing.assert_allclose(points.get_array()[order], wanted["loss"], rtol=1e-6)
    np.testing.assert_allclose(points.get_offsets()[-1], good.loc[good["loss"].idxmin(), ["lr", "momentum"]].astype(float))
    (crosses,) = [line for line in ax.lines if line.get_label() == "failed"]
    assert len(crosses.get_xdata()) == len(drawn) - len(good) > 0
    assert ax.figure.axes[-1].get_ylabel() == "loss"


def test_curve_of_random_settings(drawn):
    """Points too, as no two have a momentum in common; it is their colour."""
    ax = drawn.plot("lr")
    (points,) = ax.collections
    assert len(points.get_offsets()) == len(ended_well(drawn))
    assert ax.figure.axes[-1].get_ylabel() == "momentum"
    assert len(failed_crosses(ax)[0]) == len(drawn) - len(ended_well(drawn))


def test_curves_of_many_lines(grid):
    """A number of more than seven values is a scale of colours; more lines are quantiles, and the best."""
    one = grid.where(start=0.0)
    ax = one.plot("m")
    known = ended_well(one).groupby("lr")["loss"].apply(list)
    lines = [line.get_ydata()[np.isfinite(line.get_ydata())] for line in curves(ax)]
    assert len(lines) == len(LRS) == 8
    for line, lr in zip(lines, LRS, strict=True):
        np.testing.assert_allclose(line, known.get(lr, []), rtol=1e-6)
    assert ax.figure.axes[-1].get_ylabel() == "lr"
    assert labels(ax) == ["failed"]

    ax = grid.plot("lr")
    good = ended_well(grid)
    median, best = curves(ax)
    np.testing.assert_allclose(median.get_ydata(), good.groupby("lr")["loss"].median().reindex(LRS), rtol=1e-6)
    row = good.loc[good["loss"].idxmin()]
    mine = good[(good["start"] == row["start"]) & (good["m"] == row["m"])].set_index("lr")["loss"].reindex(LRS)
    np.testing.assert_allclose(best.get_ydata(), mine, rtol=1e-6)
    assert best.get_label() == f"best: start={row['start']:.4g}, m={row['m']:.4g}"
    assert labels(ax) == ["median of 12 settings", "25 to 75 %", "5 to 95 %", best.get_label(), "failed"]


def test_curve_of_zipped_numbers():
    """What goes hand in hand with x is no other line."""
    problem = jgd.Problem(lambda w: (w - 2.0) ** 2, jgd.over([0.0, 1.0, 1.5], name="both"))
    ax = jgd.sweep(problem, None, jgd.gd(jgd.over([0.1, 0.03, 0.01], name="both")), steps=5).plot()
    assert len(ax.lines) == 1
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.01, 0.02, 0.04], "linear"),
        ([0.03, 0.1, 0.3], "log"),
        (np.geomspace(0.01, 0.5, 9).tolist(), "log"),
        (np.linspace(0.01, 0.5, 9).tolist(), "linear"),
        ([0.0, 0.001, 0.01, 0.1], "symlog"),
        ([0.0, 0.3, 0.6], "linear"),
    ],
)
def test_axis_of_a_number(values, scale):
    sweep = jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, jgd.gd(jgd.over(values, name="lr")), steps=5)
    ax = sweep.plot()
    assert ax.get_xscale() == scale
    np.testing.assert_allclose(ax.lines[0].get_xdata(), values)
    if len(values) <= 8:
        assert [text.get_text() for text in ax.get_xticklabels()] == [f"{value:g}" for value in values]


def test_batch_sizes(linear):
    """Sizes and "full" stand in a row. Of lanes with more and fewer steps, learning curves are side by side by epoch."""
    sizes = jgd.over([20, 1, "full"])
    sweep = jgd.sweep(jgd.linear_regression(), linear, jgd.sgd(0.02), batch_size=sizes, epochs=4, key=jgd.over(range(2)))
    ax = sweep.plot()
    assert (ax.get_xlabel(), [text.get_text() for text in ax.get_xticklabels()]) == ("batch_size", ["1", "20", "full"])
    means = sweep.to_frame().groupby("batch_size")["loss"].mean()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [means[1], means[20], means["full"]], rtol=1e-6)
    ax = sweep.plot(kind="fan")
    assert all(line.get_xdata().tolist() == [0, 1, 2, 3, 4] for line in ax.lines)
    assert (ax.get_legend().get_title().get_text(), labels(ax)) == ("batch_size", ["1", "20", "full"])
    assert len({line.get_color() for line in ax.lines}) == 3


def test_optimizers(linear):
    """What has no order is points with bars, not lines, settings side by side."""
    tx = jgd.over([jgd.gd(0.05), jgd.sgd(0.05, momentum=0.5)], name="$tx$")
    settings = {"batch_size": jgd.over([10, 30]), "key": jgd.over(range(2)), "epochs": 3}
    sweep = jgd.sweep(jgd.linear_regression(), linear, tx, **settings)
    ax = sweep.plot("$tx$")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["gd(0.05)", "sgd(0.05, momentum=0.5)"]
    assert {line.get_linestyle() for line in ax.lines} == {"None"}
    assert not set(ax.lines[0].get_xdata()) & set(ax.lines[1].get_xdata())
    assert len(ax.collections) == 2
    ax.figure.canvas.draw()


def test_fan(swept):
    """Each lane's curve; those that failed leave at the top, where they are marked, and do not squeeze the others."""
    some = swept.where(key=0, momentum=0.0)
    ax = some.plot(kind="fan")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "validation_loss", "log")
    frame, failed = some.to_frame(history=True), np.isin(some.status, ("diverged", "nonfinite"))
    for lane, line in zip(some.to_frame()["lane"], curves(ax), strict=True):
        mine, shown = frame[frame["lane"] == lane], np.isfinite(line.get_ydata())
        finite = np.isfinite(mine["validation_loss"])
        np.testing.assert_allclose(line.get_xdata()[shown], mine["epoch"][finite])
        np.testing.assert_array_equal(line.get_ydata()[shown], mine["validation_loss"][finite])
    last = frame.groupby("lane")["epoch"].max().to_numpy()
    np.testing.assert_allclose(failed_crosses(ax)[0], last[failed])
    assert labels(ax) == [f"best: lr={some.best().setting['lr']:.4g}", "failed"]
    assert ax.figure.axes[-1].get_ylabel() == "lr"
    good = frame[frame["lane"].isin(some.to_frame()["lane"][~failed])]["validation_loss"]
    low, high = ax.get_ylim()
    assert low < good.min() < good.max() < high < 10 * good.max()
    assert frame["validation_loss"].max() > 10 * high


def test_fan_of_ten_thousand_lanes(parabolas):
    """Quantiles of those that ended well and the best: as few things are drawn as for a hundred."""
    assert len(parabolas) == 10_000
    ax = parabolas.plot(kind="fan")
    few = parabolas[::100].plot(kind="fan")
    assert len(ax.get_children()) == len(few.get_children()) < 20
    failed = np.isin(parabolas.status, ("diverged", "nonfinite"))
    best = parabolas.best_lane()
    loss = np.asarray(parabolas.history.loss)
    median, best_line, *_ = ax.lines
    np.testing.assert_allclose(median.get_ydata(), np.median(loss[~failed], axis=0), rtol=1e-5)
    corners = {0.25: ax.collections[0], 0.05: ax.collections[1]}
    for share, band in corners.items():
        at_end = band.get_paths()[0].vertices
        at_end = at_end[at_end[:, 0] == 30, 1]
        np.testing.assert_allclose([at_end.min(), at_end.max()], np.quantile(loss[~failed, -1], [share, 1 - share]), rtol=1e-5)
    np.testing.assert_array_equal(best_line.get_ydata(), loss[best])
    best_label, count = f"best: lr={parabolas[best].setting['lr']:.4g}", failed.sum()
    named = [f"median of {10_000 - count:,} lanes", "25 to 75 %", "5 to 95 %", best_label, f"not shown: {count:,} failed"]
    assert labels(ax) == named
    assert 1000 < count < 5000
    for kind in ("curve", "fan"):
        assert len(parabolas.plot(kind=kind).get_children()) < 20


def test_a_band_of_lanes_of_different_length(linear):
    """Each counts as it was last recorded, be it that it had converged, or is recorded less often."""
    tx = jgd.gd(jgd.over(np.geomspace(0.01, 0.3, 20).tolist(), name="lr"))
    stop = jgd.stopping.relative_change(1e-2)
    sweep = jgd.sweep(jgd.linear_regression(), linear, tx, batch_size=jgd.over([20, "full"]), epochs=20, stop=stop)
    assert len(set(sweep.steps)) > 5
    table = sweep.to_frame(history=True).pivot_table(index="epoch", columns="lane", values="loss").ffill()
    median = sweep.plot(kind="fan").lines[0]
    np.testing.assert_allclose(median.get_xdata(), table.index)
    np.testing.assert_allclose(median.get_ydata(), table.median(axis=1), rtol=1e-5)
    often = jgd.sweep(jgd.linear_regression(), linear, tx, batch_size=6, record=jgd.over([5, "epoch"]), epochs=6)
    shared = often.plot(kind="fan").lines[0].get_xdata().tolist()
    assert shared == [0, 1, 2, 3, 4, 5, 6]


def test_higher_is_better():
    data = jgd.data.make_classes(60)
    rates = jgd.over([0.0, 0.01, 0.1, 1.0], name="lr")
    sweep = jgd.sweep(
        jgd.logistic_regression(l2=jgd.over([0.0, 0.1, 0.5])), data, jgd.gd(rates), metrics=["accuracy"], epochs=5, key=0
    )
    frame = sweep.to_frame()
    ax = sweep.plot("lr", "l2", metric="accuracy")
    assert labels(ax) == [f"best: {frame['accuracy'].max():.3g}"]
    (star,) = [line for line in ax.lines if line.get_marker() == "*"]
    assert star.get_xdata()[0] > 0  # of the rows, the first
    assert frame["accuracy"].min() < frame["accuracy"].max()
    assert sweep.plot(kind="fan", metric="accuracy").get_yscale() == "linear"


def test_losses_far_above_the_start_leave_at_the_top():
    """A lane that only just did not diverge squeezes nothing."""
    sweep = jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 3.0), None, jgd.gd(jgd.over([0.1, 0.3, 1.05])), steps=20)
    assert sweep.objective[-1] > 20
    assert set(sweep.status) == {"max_steps"}
    for kind in ("curve", "fan"):
        assert 1 < sweep.plot(kind=kind).get_ylim()[1] < 16


def test_no_lane_ended_well():
    sweep = jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 3.0), None, jgd.gd(jgd.over([2.0, 3.0, 1e30])), steps=40)
    assert failed_crosses(sweep.plot())[0].tolist() == [2.0, 3.0, 1e30]
    assert len(failed_crosses(sweep.plot(kind="fan"))[0]) == 3
    many = jgd.sweep(
        jgd.Problem(lambda w: (w - 2.0) ** 2, jgd.over([3.0, 4.0], name="w")), None, jgd.gd(jgd.over(range(2, 30))), steps=40
    )
    for kind, label in {"map": "failed", "fan": "not shown: 56 failed", "curve": "failed"}.items():
        ax = many.plot(kind=kind)
        assert labels(ax)[-1] == label
        ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"x": "lrr"}, KeyError, "'lrr' was not swept; did you mean 'lr'"),
        ({"x": "lr", "y": "moment"}, KeyError, "'moment' was not swept; did you mean 'momentum'"),
        ({"kind": "heat"}, ValueError, "kind must be 'curve', 'map' or 'fan', found 'heat'"),
        ({"metric": "val_loss"}, KeyError, "'val_loss' was not recorded; did you mean"),
        ({"y": "lr", "kind": "curve"}, ValueError, "a curve has no y: leave out y='lr', or draw a map"),
        ({"x": "lr", "y": "lr"}, ValueError, "a map needs two swept quantities of more than one value"),
    ],
)
def test_bad_arguments_of_a_sweep(options, error, message, swept):
    with pytest.raises(error, match=message):
        swept.plot(**options)


def test_too_little_for_a_picture(swept):
    with pytest.raises(ValueError, match="a map needs two swept quantities of more than one value, found 1"):
        swept.where(momentum=0.0, key=0).plot(kind="map")
    with pytest.raises(ValueError, match="a curve needs a swept quantity of more than one value, found 0"):
        swept[:1].plot(kind="curve")
    with pytest.raises(ValueError, match="nothing to draw: the sweep has no lanes"):
        swept[:0].plot()


def test_the_style_is_undone_and_nothing_else_is():
    """A notebook's first figure turns the interactive mode on; later figures need it."""
    grid = plt.rcParams["axes.grid"]
    with plotting.styled():
        assert plt.rcParams["axes.grid"]
        plt.ion()
    assert plt.isinteractive()
    plt.ioff()
    assert plt.rcParams["axes.grid"] == grid
