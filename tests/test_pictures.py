"""Pictures of single runs: where what is drawn stands, beside what it is computed from otherwise."""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import jgd
from jgd import plotting
from jgd.plotting._smooth import is_noisy, moving_average
from jgd.training import History


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def line():
    return jgd.data.make_line(40, noise=0.3)


@pytest.fixture(scope="module")
def run(line):
    """Thirty epochs of four steps."""
    return jgd.fit(jgd.linear_regression(), line, jgd.gd(0.1), batch_size=10, epochs=30, key=5)


@pytest.fixture(scope="module")
def parabola():
    return jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.1), steps=20)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def lines_of(ax, gid):
    return [line for line in ax.lines if line.get_label() == gid]


# The parameters on the way


def test_the_way_of_gradient_descent_is_its_recursion(x64):
    """w <- w - r X'(Xw - y) 2 / n, in NumPy."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    dtype = np.float64 if x64 else np.float32
    problem = jgd.linear_regression(fit_intercept=False)
    result = jgd.fit(problem, (X.astype(dtype), y.astype(dtype)), jgd.gd(0.1), epochs=25)
    way = result.trajectory(points=6)
    assert way.step.tolist() == [0, 5, 10, 15, 20, 25]
    w = np.zeros(3)
    for step in range(26):
        if step % 5 == 0:
            np.testing.assert_allclose(way.params.weights[step // 5], w, rtol=1e-12 if x64 else 1e-4, atol=1e-6)
        w = w - 0.1 * 2 / 30 * X.T @ (X @ w - y)
    assert way.params.weights.dtype == dtype


def test_the_way_of_batches_is_that_of_shorter_runs(run, line):
    way = run.trajectory(points=5)
    assert way.step.tolist() == [0, 30, 60, 90, 120]
    for k, step in enumerate(way.step[1:], 1):
        short = jgd.fit(jgd.linear_regression(), line, jgd.gd(0.1), batch_size=10, steps=int(step), key=5)
        np.testing.assert_array_equal(way.params.weights[k], short.params.weights)
    assert len(run.trajectory(points=1000).step) == 121


def test_the_way_from_where_a_run_started(line):
    """Parameters of one's own; a state to go on from; a random start; a lane of a sweep; a run that failed."""
    problem, tx = jgd.linear_regression(), jgd.adam(0.1)
    mine = jgd.LinearParams(jnp.array([3.0]), jnp.array(-1.0))
    first = jgd.fit(problem, line, tx, epochs=3, params=mine)
    assert first.trajectory().params.weights[0] == 3.0
    on = jgd.fit(problem, line, tx, epochs=3, state=first.state)
    way = on.trajectory()
    assert way.step.tolist() == [3, 4, 5, 6]
    np.testing.assert_array_equal(way.params.weights[0], first.params.weights)
    np.testing.assert_array_equal(way.params.weights[-1], on.params.weights)
    random = jgd.Problem(lambda w: w**2, init=jgd.initializers.normal(()))
    lane = jgd.sweep(random, None, jgd.gd(jgd.over([0.1, 0.2])), steps=4, key=jgd.over([7, 8]))[3]
    alone = jgd.fit(random, None, jgd.gd(0.2), steps=4, key=8)
    np.testing.assert_allclose(lane.trajectory().params, alone.trajectory().params, rtol=1e-6)
    assert alone.trajectory().params[-1] == alone.params
    bad = jgd.minimize(lambda w: w**2, 1.0, jgd.gd(1.5), steps=40)
    assert bad.trajectory().params.tolist() == [(-2.0) ** k for k in range(bad.steps + 1)]


def test_results_without_a_way(line):
    solved = jgd.solve(jgd.linear_regression(), line)
    with pytest.raises(TypeError, match=r"this result does not know how it was run: give one of jgd\.fit"):
        solved.trajectory()
    with pytest.raises(ValueError, match="points must be at least 2, found 1"):
        jgd.minimize(lambda w: w**2, 1.0, jgd.gd(0.1), steps=4).trajectory(1)


# Loss curves


def test_which_curves_are_noisy():
    rng, t = np.random.default_rng(2), np.linspace(0, 1, 200)
    noise = rng.normal(size=200)
    assert is_noisy(np.exp(-5 * t) + 0.1 * noise, log=False)
    assert is_noisy(np.exp(-5 * t + 0.3 * noise), log=True)
    assert not is_noisy(np.exp(-5 * t), log=True)
    assert not is_noisy(np.exp(-5 * t) + 1e-4 * noise, log=False)
    assert not is_noisy(noise[:40], log=False)


@pytest.mark.parametrize("log", [False, True])
def test_moving_average(log):
    """Record by record, in a loop; a zero has no logarithm."""
    values = np.array([np.nan, 100.0, 1.0, 2.0, np.nan, 0.0, 4.0, 8.0, 1.0, 2.0, np.inf, np.nan])
    expected = np.full(12, np.nan)
    usable = [i for i in range(12) if np.isfinite(values[i]) and (values[i] > 0 or not log)]
    for i in usable:
        half = min(2, i - usable[0], usable[-1] - i)
        around = [values[j] for j in usable if abs(j - i) <= half]
        expected[i] = np.prod(around) ** (1 / len(around)) if log else np.mean(around)
    np.testing.assert_allclose(moving_average(values, 5, log), expected)
    assert np.isnan(moving_average(np.full(3, np.nan), 5, log)).all()


def test_a_smoothed_curve_begins_where_the_raw_one_does(line):
    """Across a steep first fall as well, and on a logarithmic axis it stays between what is around."""
    X, y = line
    noisy = jgd.fit(jgd.linear_regression(), (X, y + 30), jgd.gd(0.1), batch_size=1, epochs=80)
    optimum = jgd.solve(jgd.linear_regression(), (X, y + 30)).objective
    for options in ({"log": True}, {"log": False}, {"excess": True, "optimum": optimum}):
        ax = plotting.plot_loss(noisy, smooth=True, **options)
        raw, smooth = (np.asarray(curve.get_ydata(), float) for curve in ax.lines)
        np.testing.assert_allclose(smooth[[0, -1]], raw[[0, -1]], rtol=1e-12)
        assert np.argmax(smooth) == 0
    np.testing.assert_allclose(smooth[20], np.exp(np.mean(np.log(raw[18:23]))))
    norm = plotting.plot_run(noisy, smooth=True)[-1]
    assert norm.get_yscale() == "log"
    np.testing.assert_allclose(norm.lines[1].get_ydata()[[0, -1]], norm.lines[0].get_ydata()[[0, -1]], rtol=1e-12)


def test_a_noisy_curve_is_smoothed_over_the_raw_one(line):
    noisy = jgd.fit(jgd.linear_regression(), line, jgd.gd(0.05), batch_size=1, epochs=5, record="step")
    loss = np.asarray(noisy.history.loss, float)
    ax = plotting.plot_loss(noisy)
    raw, smooth = ax.lines
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(raw.get_ydata(), loss)
    np.testing.assert_allclose(smooth.get_ydata(), moving_average(loss, 11, log=True))
    assert raw.get_alpha() < 0.5
    assert smooth.get_label() == "gd(0.05)"
    assert len(plotting.plot_loss(noisy, smooth=False).lines) == 1
    np.testing.assert_allclose(plotting.plot_loss(noisy, smooth=5).lines[1].get_ydata(), moving_average(loss, 5, log=True))


def test_regimes_are_smoothed_as_they_are_seen(line):
    """On the logarithmic axis they share the noise at the end hides the course; on a linear one it would not show."""
    X, y = line
    noisy = jgd.fit(jgd.linear_regression(), (X, y + 30), jgd.gd(0.05), batch_size=1, epochs=5, record="step")
    assert len(noisy.history) > 100
    (ax,) = plotting.plot_regimes({"stochastic": noisy})
    assert ax.get_yscale() == "log"
    assert [curve.get_label() for curve in ax.lines] == ["_raw", "gd(0.05)"]
    (ax,) = plotting.plot_regimes({"stochastic": noisy}, smooth=False)
    assert len(ax.lines) == 1


def test_seconds(run):
    ax = plotting.plot_loss(run, x="seconds")
    at = ax.lines[0].get_xdata()
    assert ax.get_xlabel() == "seconds"
    np.testing.assert_allclose(at, np.linspace(0, run.run_seconds, 31))


def test_a_list_of_results_is_named_by_chains(parabola):
    other = jgd.minimize(lambda w: w**2, 5.0, jgd.sgd(0.1, momentum=0.5), steps=20)
    ax = plotting.plot_loss([parabola, other, parabola])
    assert labels(ax) == ["gd(0.1)", "sgd(0.1, momentum=0.5)", "gd(0.1), 2"]
    assert len({curve.get_marker() for curve in ax.lines}) == 3
    many = plotting.plot_loss({str(i): parabola for i in range(8)})
    assert len({(curve.get_color(), curve.get_marker()) for curve in many.lines}) == 8


def test_run(line):
    tx = jgd.adam(jgd.schedules.warmup_cosine(0.1, 8, 40))
    result = jgd.fit(jgd.linear_regression(), line, tx, batch_size=10, epochs=10, validation=0.25)
    axes = plotting.plot_run(result)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "learning rate", "gradient norm"]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "epoch"]
    assert labels(axes[0]) == ["training", "validation"]
    for ax, name in zip(axes, ("loss", "learning_rate", "grad_norm"), strict=True):
        np.testing.assert_allclose(ax.lines[0].get_xdata(), np.arange(11))
        np.testing.assert_allclose(ax.lines[0].get_ydata(), np.asarray(result.history[name], float))
    heights = [ax.get_position().height for ax in axes]
    assert heights[0] > 2 * heights[1]
    assert result.plot(kind="run")[0].get_ylabel() == "loss"
    with pytest.raises(ValueError, match="3 panels to draw, but 2 axes"):
        plotting.plot_run(result, plt.subplots(2)[1])


def test_a_run_whose_groups_have_rates_of_their_own():
    tx = jgd.partition({"a": jgd.gd(0.1), "b": jgd.gd(0.2)}, {"u": "a", "v": "b"})
    result = jgd.minimize(lambda p: p["u"] ** 2 + p["v"] ** 2, {"u": 1.0, "v": 1.0}, tx, steps=5)
    assert labels(plotting.plot_run(result)[1]) == ["a", "b"]


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda run: plotting.plot_loss(3), TypeError, "results must be a jgd.Result, a list of them, or a mapping"),
        (lambda run: plotting.plot_loss([run, 3]), TypeError, "takes results of jgd.fit, found 3"),
        (lambda run: plotting.plot_loss(run, smooth="a lot"), ValueError, "smooth must be a number of records, True or False"),
        (lambda run: plotting.plot_loss(run, optimum=run), TypeError, "optimum must be a loss, found a result: give its"),
        (lambda run: plotting.plot_regimes([run]), TypeError, "regimes must be a mapping from titles to results"),
        (
            lambda run: plotting.plot_contours(run.notes.problem, run.notes.data, run, ranges=(0, 1)),
            ValueError,
            r"ranges must be \(\(left, right\), \(low, high\)\), found \(0, 1\)",
        ),
        (
            lambda run: plotting.plot_function(abs, jgd.minimize(lambda w: w**2, 1.0, jgd.gd(0.1), steps=2), range=3),
            ValueError,
            r"range must be \(low, high\), found 3",
        ),
        (
            lambda run: run.plot(kind="los"),
            ValueError,
            "kind must be one of 'loss', 'decrement', .* found 'los'; did you mean 'loss'",
        ),
        (lambda run: plotting.plot_contours(len, None, run), TypeError, "problem must be a jgd.Problem, found"),
        (lambda run: plotting.plot_function(3, run), TypeError, "f must be a function of one number"),
        (lambda run: plotting.plot_function(abs, run), ValueError, "draws runs of one parameter, found 2 of gd"),
        (lambda run: plotting.plot_weights(run, activations=3), TypeError, "activations must be a function"),
        (lambda run: plotting.plot_weights(run, plt.subplots()[1]), ValueError, "2 arrays to draw, but 1 axes"),
        (lambda run: plotting.plot_coefficients(run), TypeError, "draws what jgd.regularization_path returns"),
        (lambda run: plotting.plot_scores(run), TypeError, "draws what jgd.cross_validate returns"),
        (lambda run: plotting.plot_sweep(run), TypeError, "draws what jgd.sweep returns"),
        (lambda run: plotting.plot_loss(run, logy=True), TypeError, "plot_loss has no argument 'logy': did you mean 'log'"),
        (lambda run: plotting.plot_intervals(run), TypeError, "draws what jgd.bootstrap or jgd.jackknife returns"),
        (lambda run: plotting.plot_learning_curve(run), TypeError, "draws what jgd.learning_curve returns"),
    ],
)
def test_bad_arguments(draw, error, message, run):
    with pytest.raises(error, match=message):
        draw(run)


def test_what_has_no_seconds():
    result = jgd.train(jgd.Problem(lambda w: w**2, 1.0), None, jgd.gd(0.1), steps=3)
    with pytest.raises(ValueError, match=r"how long gd.* took is not known, only that of runs of jgd\.fit"):
        plotting.plot_loss(result, x="seconds")


def test_a_batch_of_results():
    rates = jgd.stack([jgd.gd(0.1), jgd.gd(0.2)])
    results = jax.vmap(lambda tx: jgd.train(jgd.Problem(lambda w: w**2, 1.0), None, tx, steps=3))(rates)
    with pytest.raises(TypeError, match="a picture takes one result at a time"):
        plotting.plot_loss(results)


# Paper and ink


def test_a_figure_of_its_own_is_legible_in_a_dark_notebook(run):
    """Black on white, ticks among it that are made only when the figure is drawn; on the reader's axes, the reader's."""
    with plt.style.context("dark_background"):
        axes = plotting.plot_run(run)
        ax = axes[-1]
        ax.figure.canvas.draw()
        inks = [ax.xaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels(), axes[0].xaxis.label]
        assert {to_rgba(text.get_color()) for text in inks} == {to_rgba("black")}
        assert {to_rgba(line.get_markeredgecolor()) for line in ax.xaxis.get_ticklines()} == {to_rgba("black")}
        assert {ax.get_facecolor(), ax.figure.get_facecolor()} == {to_rgba("white")}
        _, mine = plt.subplots()
        plotting.plot_loss({"a": run, "b": run}, mine)
        mine.figure.canvas.draw()
        assert to_rgba(mine.get_facecolor()) == to_rgba("black")
        texts = [*mine.get_xticklabels(), *mine.get_legend().get_texts(), mine.xaxis.label]
        assert {to_rgba(text.get_color()) for text in texts} == {to_rgba("white")}


# Contours, and a function of one number


def test_contours(run, line):
    """The way; the level lines of the squared error, whose value along each is one; the range, within which both ends lie."""
    ax = plotting.plot_contours(jgd.linear_regression(), line, run)
    (way,) = lines_of(ax, "gd(0.1)")
    found = run.trajectory()
    np.testing.assert_array_equal(way.get_xdata(), found.params.weights[:, 0])
    np.testing.assert_array_equal(way.get_ydata(), found.params.bias)
    assert (ax.get_xlabel(), ax.get_ylabel(), labels(ax)) == ("weights[0]", "bias", ["start", "end"])
    X, y = (np.asarray(a, float) for a in line)
    loss = lambda w, b: np.mean((X[:, :1] @ w[None] + b - y[:, None]) ** 2, axis=0)
    _, level_lines = ax.collections
    bottom = loss(found.params.weights[:, 0], found.params.bias).min()
    drawn = 0
    for level, path in zip(level_lines.levels, level_lines.get_paths(), strict=True):
        if len(path.vertices) > 50 and level > 0.05:
            np.testing.assert_allclose(loss(*path.vertices.T) - bottom, level, rtol=0.02, atol=0.005)
            drawn += 1
    assert drawn > 3
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < 0 < run.params.weights[0] < right
    assert low < 0 < run.params.bias < high


def test_contours_of_a_function_and_of_columns_with_names():
    f = lambda w: w[0] ** 2 + 10 * w[1] ** 2
    runs = {name: jgd.minimize(f, [3.0, 1.0], jgd.gd(rate), steps=40) for name, rate in (("good", 0.04), ("bad", 0.3))}
    assert runs["bad"].status == "diverged"
    _, mine = plt.subplots()
    ax = plotting.plot_contours(jgd.Problem(f, [3.0, 1.0]), None, runs, mine)
    assert ax is mine
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("params[0]", "params[1]")
    assert labels(ax) == ["good", "bad", "start", "end"]
    assert max(abs(np.array(ax.get_ylim()))) < 5
    assert len({line.get_marker() for name in runs for line in lines_of(ax, name)}) == 2
    data = jgd.Dataset(np.random.default_rng(0).normal(size=(20, 2)), np.arange(20.0), columns=["age", "dose"])
    problem = jgd.linear_regression(fit_intercept=False)
    ax = plotting.plot_contours(problem, data, jgd.fit(problem, data, jgd.gd(0.1), epochs=5), ranges=((-1, 2), (-3, 4)))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "dose")
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 2), (-3, 4))
    three = jgd.minimize(lambda w: jnp.sum(jnp.stack(w) ** 2), [1.0, 2.0, 3.0], jgd.gd(0.1), steps=3)
    with pytest.raises(
        ValueError, match=r"plot_contours draws runs of 2 parameters, found 3 of gd.*a linear model of one column"
    ):
        plotting.plot_contours(problem, None, three)


def test_contours_of_many_rows_are_those_of_all(monkeypatch):
    """Least squares on the rows they can be reduced to; a classifier on some."""
    X, y = jgd.data.make_line(20_000, noise=0.3)
    run = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.1), epochs=3)
    _, level_lines = plotting.plot_contours(jgd.linear_regression(), (X, y), run).collections
    X, y = np.asarray(X, float), np.asarray(y, float)
    at = np.concatenate([path.vertices[:3] for path in level_lines.get_paths() if len(path.vertices) > 50])
    levels = np.repeat([v for v, p in zip(level_lines.levels, level_lines.get_paths(), strict=True) if len(p.vertices) > 50], 3)
    loss = np.array([np.mean((X[:, 0] * w + b - y) ** 2) for w, b in at])
    spread = (loss - levels) - np.median(loss - levels)
    assert np.abs(spread / loss).max() < 0.03


def test_contours_that_move(run, line):
    """Each frame shows the ways up to its epoch, whatever the number of steps in it."""
    full = jgd.fit(jgd.linear_regression(), line, jgd.gd(0.1), epochs=30)
    made = plotting.animate_contours(jgd.linear_regression(), line, {"batches": run, "full": full}, frames=4)
    assert list(made._iter_gen()) == pytest.approx([0, 10, 20, 30], abs=0.3)
    assert len(plt.get_fignums()) == 0
    made._func(10.0)
    ax = made._fig.axes[0]
    ways = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert [len(way.get_xdata()) for way in ways] == [41, 11]
    np.testing.assert_array_equal(ways[1].get_xdata(), full.trajectory().params.weights[:11, 0])
    assert ax.get_title() == "epoch 10"
    assert labels(ax) == ["batches", "full"]
    page = made._repr_html_()
    assert page.count("data:image/png") == 4


def test_function(parabola):
    f = lambda w: (w - 2.0) ** 2
    ax = plotting.plot_function(f, {"a": parabola, "b": parabola}, points=11)
    curve = ax.lines[0]
    np.testing.assert_allclose(curve.get_ydata(), f(curve.get_xdata()), atol=1e-5)
    balls = np.asarray(ax.collections[0].get_offsets())
    assert len(balls) == 11
    np.testing.assert_allclose(balls[:, 0], 2 + 3 * 0.8 ** np.arange(0, 21, 2), rtol=1e-5)
    np.testing.assert_allclose(balls[:, 1], f(balls[:, 0]), atol=1e-5)
    pale = ax.collections[0].get_facecolors()[:, 3]
    assert (np.diff(pale) > 0).all()
    assert labels(ax) == ["a", "b"]
    assert ax.get_xlim()[0] < 2 < 5 < ax.get_xlim()[1]
    assert plotting.plot_function(jgd.Problem(f, 5.0), parabola, range=(0, 9)).get_xlim() == (0, 9)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, jnp.bfloat16])
def test_function_of_any_precision(dtype):
    with jax.enable_x64(True):
        f = lambda w: (w - 2.0) ** 2
        result = jgd.minimize(f, jnp.asarray(5.0, dtype), jgd.gd(0.1), steps=3)
        assert result.params.dtype == dtype
        ax = plotting.plot_function(f, result)
    x, y = np.asarray(ax.collections[0].get_offsets()).T
    np.testing.assert_allclose(x, 2 + 3 * 0.8 ** np.arange(4), rtol=0.02 if dtype == jnp.bfloat16 else 1e-6)
    np.testing.assert_allclose(y, f(x), rtol=0.02 if dtype == jnp.bfloat16 else 1e-5)


def test_function_that_moves(parabola):
    made = plotting.animate_function(lambda w: (w - 2.0) ** 2, parabola, frames=3)
    assert list(made._iter_gen()) == [0, 10, 20]
    made._func(20.0)
    ball = made._fig.axes[0].lines[-1]
    assert ball.get_xdata() == pytest.approx([parabola.params.item()])
    assert made._fig.axes[0].get_title() == "step 20"
    assert made.to_jshtml().count("data:image/png") == 3


# What was fitted


def test_fit_of_a_line(run, line):
    ax = plotting.plot_fit(run)
    np.testing.assert_array_equal(ax.collections[0].get_offsets()[:, 1], line[1])
    (fitted,) = ax.lines
    w, b = run.params.weights.item(), run.params.bias.item()
    np.testing.assert_allclose(fitted.get_ydata(), w * fitted.get_xdata() + b, rtol=1e-5)
    assert (ax.get_xlabel(), ax.get_ylabel(), labels(ax)) == ("x", "y", ["data", "fit"])
    other = (np.zeros((3, 1)), np.ones(3))
    assert len(plotting.plot_fit(run, other).collections[0].get_offsets()) == 3
    assert len(run.plot(kind="fit").lines) == 1


@pytest.mark.parametrize("classes", [2, 3])
def test_fit_of_regions(classes):
    """On a boundary two classes are equally probable, and more than the others; each region has its class's colour."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [3, 0], [1, 3]])[np.arange(150) % classes]
    X, y = rng.normal(size=(150, 2)) + centres, np.array(["ant", "bee", "cat"])[np.arange(150) % classes]
    result = jgd.solve(jgd.logistic_regression(classes=classes, l2=1e-2), (X, y))
    ax = plotting.plot_fit(result)
    assert labels(ax) == ["ant", "bee", "cat"][:classes]
    boundaries = [c for c in ax.collections if hasattr(c, "levels")]
    assert len(boundaries) == (1 if classes == 2 else 3)
    for boundary in boundaries:
        at = np.concatenate([path.vertices for path in boundary.get_paths()])
        p = np.sort(np.asarray(result.probabilities(at)), axis=1)
        np.testing.assert_allclose(p[:, -1], p[:, -2], atol=0.02)
    (image,) = ax.images
    shade = image.get_array()
    low, high = np.array(image.get_extent()).reshape(2, 2).T
    for k, centre in enumerate(np.array([[-1, -1], [4.5, 0], [1, 4.5]])[:classes]):
        i, j = ((centre - low) / (high - low) * (len(shade) - 1)).round().astype(int)
        colour = np.array(to_rgba(plotting._fit.CLASSES[k])[:3])
        if 0 <= i < len(shade) and 0 <= j < len(shade):
            np.testing.assert_allclose(shade[j, i], 1 - 0.55 * (1 - colour), atol=0.06)
    scattered = [c for c in ax.collections if not hasattr(c, "levels")]
    assert [len(c.get_offsets()) for c in scattered] == [150 // classes] * classes


def test_fit_of_a_probability():
    X, y = np.linspace(-2, 2, 40)[:, None], np.arange(40) > 17
    result = jgd.solve(jgd.logistic_regression(l2=1e-2), (X, y))
    ax = result.plot(kind="fit")
    assert labels(ax) == ["False", "True", "probability of True"]
    (curve,) = ax.lines
    z = result.params.weights.item() * curve.get_xdata() + result.params.bias.item()
    np.testing.assert_allclose(curve.get_ydata(), 1 / (1 + np.exp(-z)), rtol=1e-4)
    three = jgd.solve(jgd.logistic_regression(classes=3, l2=1e-2), (X, np.arange(40) // 14))
    ax = plotting.plot_fit(three)
    np.testing.assert_allclose(sum(line.get_ydata() for line in ax.lines), 1, rtol=1e-5)
    assert len({line.get_linestyle() for line in ax.lines}) == 3


def test_fit_of_labels_that_a_network_predicts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    logits = lambda params, X: X @ params
    problem = jgd.Problem(
        lambda params, batch: jgd.losses.softmax(logits(params, batch.X), batch.y),
        init=jnp.zeros((2, 2)),
        predict=lambda params, X: logits(params, X).argmax(-1),
    )
    ax = plotting.plot_fit(jgd.fit(problem, (X, y), jgd.gd(1.0), epochs=50))
    assert len(ax.collections) == 3
    assert np.abs(np.concatenate([p.vertices for p in ax.collections[0].get_paths()])[:, 0]).max() < 0.5


def test_no_fit_to_draw(run, parabola):
    X, y = jgd.data.make_linear(50)
    wide = jgd.solve(jgd.linear_regression(), (X, y))
    with pytest.raises(ValueError, match="one column, or two of a classifier, found 5 columns: fit one or two columns"):
        plotting.plot_fit(wide)
    with pytest.raises(ValueError, match="found 2 columns and numbers to predict"):
        plotting.plot_fit(jgd.solve(jgd.linear_regression(), (X[:, :2], y)))
    with pytest.raises(TypeError, match="has no predict"):
        plotting.plot_fit(parabola)
    assert wide.plot().get_ylabel() == "loss"
    assert jgd.solve(jgd.linear_regression(), (X[:, :1], y)).plot().get_ylabel() == "y"


# Steps of a solver


def test_steps_of_a_solver_are_steps_and_their_decrement_is_drawn(run, parabola):
    X, y = jgd.data.make_classes(200, 2, key=0)
    result = jgd.solve(jgd.logistic_regression(l2=1e-3), (X, y))
    ax = result.plot()
    assert (ax.get_xlabel(), ax.get_xscale(), ax.get_yscale(), ax.get_legend()) == ("step", "linear", "log", None)
    step, decrement = ax.lines[0].get_data()
    assert step.tolist() == list(range(result.steps + 1))
    above = result.history.loss - result.objective
    np.testing.assert_allclose(decrement[-4:-2], above[-4:-2], rtol=0.1)  # where it is small, and rounding is not yet as large
    assert result.plot(kind="loss").get_xlabel() == "step"
    assert result.steps_per_epoch is None
    assert "epoch" not in result.to_frame()
    assert "epoch" not in str(result)
    assert plotting.plot_loss([run, jgd.solve(run.notes.problem, run.notes.data)]).get_xlabel() == "epoch"  # as of a full batch
    result.history = History(result.history.arrays | {"rows": np.where(step < 2, 50, 200)})
    ax = result.plot(kind="decrement")
    assert labels(ax) == ["on 200 rows", "on 50 rows"]
    assert [line.get_xdata().tolist() for line in ax.lines[1:]] == [step[2:].tolist(), [0, 1]]
    assert ax.lines[2].get_markerfacecolor() == "white"
    with pytest.raises(ValueError, match="plot_decrement draws the steps of a solver, found a result without: plot_loss"):
        parabola.plot(kind="decrement")
    with pytest.raises(TypeError, match="a picture of runs takes results"):
        plotting.plot_decrement(3)


# What was found to be wrong


def test_diagnosis_of_a_rate_too_large():
    X, y = jgd.data.make_linear(200, key=0)
    result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(1.5), epochs=50)
    found = result.diagnose()
    assert found.causes[0] == "learning_rate_too_large"
    for ax in (plotting.plot_diagnosis(result), found.plot(), result.plot(kind="diagnosis")):
        (mark,) = lines_of(ax, "_finding 1")
        rose = np.flatnonzero(np.diff(np.asarray(result.history.loss)) > 0)[0] + 1
        assert set(mark.get_xdata()) == {rose}
        assert [text.get_text() for text in ax.texts] == ["1"]
        said = labels(ax)[0].replace("\n", " ")
        assert said.startswith("learning rate too large (certain): learning_rate 1.5 exceeds 2/L")
        assert ax.get_title().startswith("diverged")


def test_diagnosis_of_overfitting_and_of_nothing(line):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 30)), rng.normal(size=60)
    result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.05), epochs=400, validation=0.4)
    found = result.diagnose()
    assert "overfitting" in found
    ax = plotting.plot_diagnosis(result, diagnosis=found)
    number = found.causes.index("overfitting") + 1
    (mark,) = lines_of(ax, f"_finding {number}")
    assert mark.get_xdata()[0] == np.argmin(result.history.validation_loss)
    assert labels(ax)[:2] == ["training", "validation"]
    good = jgd.fit(jgd.linear_regression(), line, jgd.gd(0.3), epochs=200)
    ax = plotting.plot_diagnosis(good)
    assert not ax.texts
    assert ax.get_legend() is None
    assert ax.get_title().startswith("converged to within")


def test_diagnosis_of_noise(line):
    result = jgd.fit(jgd.linear_regression(), line, jgd.sgd(0.3), epochs=40, batch_size=1)
    ax = plotting.plot_diagnosis(result)
    assert "noise floor" in labels(ax)[0]
    loss, at = np.asarray(result.history.loss), int(lines_of(ax, "_finding 1")[0].get_xdata()[0])
    assert loss[at] <= loss[-13:].max() < loss[:at].min(initial=np.inf)
    assert not lines_of(ax, "_raw")
    for ax in (plotting.plot_diagnosis(result, smooth=5), result.plot(kind="diagnosis", smooth=5)):
        np.testing.assert_array_equal(lines_of(ax, "_raw")[0].get_ydata(), loss)


# Weights


def test_weights_of_few_and_of_many():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 40)).astype(np.float32), rng.normal(size=50).astype(np.float32)
    result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.05), epochs=20)
    weights, bias = plotting.plot_weights(result)
    assert [ax.get_title() for ax in (weights, bias)] == ["weights", "bias"]
    way = result.trajectory(60)
    _, quarter, median, *_ = weights.lines
    np.testing.assert_allclose(median.get_ydata(), np.median(way.params.weights, axis=1), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(quarter.get_ydata(), np.quantile(way.params.weights, 0.25, axis=1), rtol=1e-5, atol=1e-8)
    assert weights.collections[0].get_array().shape == (60, 21)
    (only,) = bias.lines
    np.testing.assert_allclose(only.get_ydata(), way.params.bias)
    assert {ax.get_xlabel() for ax in (weights, bias)} == {"step"}


def test_weights_by_column_and_by_epoch(line):
    data = jgd.Dataset(np.c_[line[0], line[0] ** 2], line[1], columns=["x", "square"])
    result = jgd.fit(jgd.linear_regression(), data, jgd.gd(0.1), epochs=5, batch_size=10)
    axes = result.plot(kind="weights")
    assert labels(axes[0]) == ["x", "square"]
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), result.trajectory(60).params.weights[:, 1])
    assert axes[0].lines[0].get_xdata()[-1] == 5
    assert axes[0].get_xlabel() == "epoch"


def test_activations(run, line):
    X = jnp.asarray(line[0])
    axes = plotting.plot_weights(run, activations=lambda params: {"prediction": X @ params.weights + params.bias})
    assert [ax.get_title() for ax in axes] == ["prediction"]
    median = axes[0].lines[2]
    final = np.median(np.asarray(run.predict(line[0])))
    assert median.get_ydata()[-1] == pytest.approx(final, rel=1e-5)
    (alone,) = plotting.plot_weights(run, activations=lambda params: params.bias)
    assert alone.get_title() == "activations"
