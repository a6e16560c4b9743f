"""Pictures of experiments, and learning curves: what is drawn beside what it is computed from otherwise."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import jgd
from jgd import plotting
from jgd.experiments import RegularizationPaths
from jgd.experiments._settings import Settings


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rows():
    """Two of ten columns matter."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 10))
    return X, 2 * X[:, 0] - X[:, 1] + rng.normal(size=60)


@pytest.fixture(scope="module")
def path(rows):
    return jgd.regularization_path(jgd.linear_regression(), rows, np.logspace(-3, 2, 12), folds=5)


L2 = np.logspace(-4, 1, 8).tolist()


@pytest.fixture(scope="module")
def ridge(rows):
    return jgd.cross_validate(jgd.linear_regression(l2=jgd.over(L2)), rows, metrics=["mae", "r2"])


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def marked(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker and len(line.get_xdata()) == 1]


def test_coefficients(path):
    """Seven in colours, those that are largest without a penalty; the others grey; the penalties that were chosen."""
    ax = path.plot()
    assert (ax.get_xlabel(), ax.get_xscale(), ax.get_ylabel()) == ("l2", "log", "weight")
    weights, order = np.asarray(path.params.weights, float), np.argsort(path.l2)
    named = {line.get_label(): line for line in ax.lines if line.get_label().startswith("weights")}
    largest = np.sort(np.argsort(-np.abs(weights[-1]))[:7])
    assert list(named) == [f"weights[{i}]" for i in largest]
    for i in largest:
        np.testing.assert_array_equal(named[f"weights[{i}]"].get_ydata(), weights[order, i])
        np.testing.assert_allclose(named[f"weights[{i}]"].get_xdata(), np.sort(path.l2))
    assert len({line.get_color() for line in named.values()}) == len({line.get_marker() for line in named.values()}) == 7
    assert sum(len(line.get_xdata()) == 12 for line in ax.lines) == 10
    assert labels(ax)[7:] == ["3 others", f"best: {path.best():.2g}", f"one standard error: {path.one_standard_error():.2g}"]
    best = next(line for line in ax.lines if line.get_label().startswith("best"))
    assert set(best.get_xdata()) == {path.best()}


def test_coefficients_of_named_columns_and_no_penalty(rows):
    data = jgd.Dataset(rows[0][:, :2], rows[1], columns=["age", "dose"])
    path = jgd.regularization_path(jgd.linear_regression(), data, [0.0, 0.01, 0.1, 1.0, 10.0])
    _, mine = plt.subplots()
    ax = plotting.plot_coefficients(path, mine)
    assert ax is mine
    assert labels(ax) == ["age", "dose"]
    assert ax.get_xscale() == "symlog"
    with pytest.raises(ValueError, match="a path of one penalty is no line: give several"):
        plotting.plot_coefficients(jgd.regularization_path(jgd.linear_regression(), data, [0.1]))


@pytest.fixture(scope="module")
def paths(rows):
    both = jgd.over([False, True])
    return jgd.regularization_path(jgd.linear_regression(), rows, np.logspace(-3, 2, 12), folds=5, standardize=both)


def test_paths_have_a_panel_each(paths):
    """The same colour for the same weight, one axis of weights, and what the folds say in titles and as lines."""
    axes = paths.plot()
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [ax.get_ylabel() for ax in axes] == ["weight", ""]
    losses = [path.cross_validation.test_loss.mean(axis=0).min() for path in paths]
    best = ["best of all: " if loss == min(losses) else "" for loss in losses]
    for i, (ax, path) in enumerate(zip(axes, paths, strict=True)):
        said = f"{best[i]}test loss {losses[i]:.4g} at l2={path.best():.2g}"
        assert ax.get_title() == f"standardize={bool(i)}\n{said}"
        assert (ax.get_xlabel(), ax.get_xscale()) == ("l2", "log")
        upright = {line.get_linestyle(): line.get_xdata()[0] for line in ax.lines if set(line.get_ydata()) == {0, 1}}
        assert upright == {"--": path.best(), ":": path.one_standard_error()}
        assert sum(len(line.get_xdata()) == 12 for line in ax.lines) == 10
        for line in ax.lines:
            if line.get_label().startswith("weights"):
                wanted = path.params.weights[np.argsort(path.l2), int(line.get_label()[8:-1])]
                np.testing.assert_array_equal(line.get_ydata(), np.asarray(wanted, float))
    colours = [{line.get_label(): line.get_color() for line in ax.lines if line.get_label().startswith("weights")} for ax in axes]
    assert colours[0] == colours[1]
    largest = np.sort(np.argsort(-np.abs([path.params.weights[-1] for path in paths]).max(axis=0))[:7])
    (legend,) = axes[0].figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [*(f"weights[{i}]" for i in largest), "3 others", "best", "one standard error"]
    assert legend.get_window_extent().width <= axes[0].figure.bbox.width


def test_paths_on_given_axes_and_without_folds(rows):
    """A legend below the last of them; columns of one name have a line each."""
    data = jgd.Dataset(rows[0][:, :2], np.where(rows[1] > 0, "yes", "no"), columns=["age", "age"])
    models = [jgd.logistic_regression(), jgd.logistic_regression(fit_intercept=False)]
    paths = jgd.regularization_path(jgd.over(models, name="model"), data, [0.01, 0.1, 1.0])
    _, mine = plt.subplots(1, 2)
    axes = plotting.plot_paths(paths, mine)
    assert axes[0] is mine[0]
    assert [ax.get_title() for ax in axes] == ["model=logistic_regression()", "model=logistic_regression(fit_intercept=False)"]
    assert not axes[0].figure.legends
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [ax.get_ylabel() for ax in axes] == ["weight", "weight"]
    assert labels(axes[1]) == ["age", "age"]
    assert len({line.get_color() for line in axes[1].lines if line.get_label() == "age"}) == 2
    with pytest.raises(ValueError, match="there are 2 settings to draw, but 1 axes"):
        paths.plot(mine[:1])


def test_paths_in_rows(paths):
    """Three panels a row; names of the axes at the edges only."""
    five = RegularizationPaths(
        Settings({"problem": jgd.over(range(5), name="k")}), np.arange(5), [paths[k % 2] for k in range(5)]
    )
    axes = five.plot()
    assert [ax.get_xlabel() for ax in axes] == ["", "", "l2", "l2", "l2"]
    assert [ax.get_ylabel() for ax in axes] == ["weight", "", "", "weight", ""]
    assert sum("best of all" in ax.get_title() for ax in axes) == 1
    assert axes[0].get_title().startswith("k=0\n")
    ten = RegularizationPaths(Settings({"problem": jgd.over(range(10), name="k")}), np.arange(10), [paths[0]] * 10)
    with pytest.raises(ValueError, match=r"plot_paths has 9 panels, found 10 settings: give some, such as paths\[:9\]"):
        ten.plot()


def test_scores(ridge):
    ax = ridge.plot()
    assert (ax.get_xlabel(), ax.get_xscale()) == ("l2", "log")
    assert ax.get_ylabel() == "test_loss: mean ± error of 5 folds"
    (mean,) = [line for line in ax.lines if line.get_label() == "mean"]
    wanted, error = ridge.test_loss.mean(axis=0), ridge.test_loss.std(axis=0, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(mean.get_ydata(), wanted)
    np.testing.assert_allclose(mean.get_xdata(), L2)
    corners = ax.collections[0].get_paths()[0].vertices
    for k, l2 in enumerate(L2):
        here = corners[np.isclose(corners[:, 0], l2), 1]
        np.testing.assert_allclose([here.min(), here.max()], [wanted[k] - error[k], wanted[k] + error[k]])
    assert sum(line.get_label() == "_fold" or line.get_label().startswith("_child") for line in ax.lines) == 5
    (star,), (diamond,) = marked(ax, "*"), marked(ax, "D")
    k = int(np.argmin(wanted))
    assert (star.get_xdata()[0], star.get_ydata()[0]) == pytest.approx((L2[k], wanted[k]))
    simple = max(l2 for l2, score in zip(L2, wanted, strict=True) if score <= wanted[k] + error[k])
    assert diamond.get_xdata()[0] == pytest.approx(simple)
    assert labels(ax)[0] == f"best: {wanted[k]:.3g} at l2={L2[k]:.4g}"
    assert labels(ax)[1].startswith("within one standard error: ")
    assert labels(ax)[1].endswith(f" at l2={simple:.4g}")
    limit = next(line for line in ax.lines if line.get_label() == "_limit")
    assert limit.get_ydata()[0] == pytest.approx(wanted[k] + error[k])


def test_scores_of_which_more_is_better(ridge):
    ax = ridge.plot(metric="r2")
    (star,) = marked(ax, "*")
    means = ridge.scores("r2").mean(axis=0)
    assert star.get_ydata()[0] == pytest.approx(means.max())
    limit = next(line for line in ax.lines if line.get_label() == "_limit")
    assert limit.get_ydata()[0] < means.max()


def test_scores_of_several_quantities(rows):
    """A line for each setting of the others; what is no number stands in a row; one setting by itself."""
    tx = jgd.sgd(jgd.over([1e-3, 1e-2, 1e-1], name="lr"), momentum=jgd.over([0.0, 0.5], name="m"))
    cv = jgd.cross_validate(jgd.linear_regression(), rows, tx, epochs=3, folds=3)
    ax = cv.plot()
    assert ax.get_xlabel() == "lr"
    assert labels(ax)[:2] == ["m=0", "m=0.5"]
    best = cv.best()
    assert labels(ax)[2].endswith(f" at lr={best['lr']:.4g}, m={best['m']:.4g}")
    for i, line in enumerate(line for line in ax.lines if line.get_label().startswith("m=")):
        np.testing.assert_allclose(line.get_ydata(), cv.test_loss.mean(axis=0)[i::2])
    assert cv.plot(x="m").get_xlabel() == "m"
    chains = jgd.over([jgd.gd(0.1), jgd.adam(0.1)], name="chain")
    ax = jgd.cross_validate(jgd.linear_regression(), rows, chains, epochs=3, folds=3).plot()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["gd(0.1)", "adam(0.1)"]
    ax = jgd.cross_validate(jgd.linear_regression(), rows).plot()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["all folds"]
    assert not marked(ax, "*")
    with pytest.raises(KeyError, match="'lrr' was not crossed with the folds; did you mean 'lr'"):
        cv.plot(x="lrr")
    with pytest.raises(KeyError, match="'acc' was not recorded"):
        cv.plot(metric="acc")
    many = jgd.linear_regression(l2=jgd.over(L2), fit_intercept=jgd.over([True, False]))
    with pytest.raises(ValueError, match="plot_scores tells 7 lines apart, found 8 settings of l2: cross fewer"):
        jgd.cross_validate(many, rows).plot(x="fit_intercept")


def test_scores_that_no_setting_has(rows):
    one_row = jgd.cross_validate(jgd.linear_regression(), rows, folds=jgd.folds.leave_one_out(), metrics=["r2"])
    with pytest.raises(ValueError, match="no setting has a finite mean r2: it is not defined on the test rows of some fold"):
        one_row.plot(metric="r2")
    assert one_row.plot().get_ylabel() == "test_loss: mean ± error of 60 folds"


def test_intervals(rows):
    replicates = jgd.bootstrap(jgd.linear_regression(), rows, replicates=200)
    ax = replicates.plot(level=0.9)
    low, high = replicates.interval(0.9)
    (bars,) = ax.collections
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends[:-1], np.c_[low.weights, high.weights])
    np.testing.assert_allclose(ends[-1], [low.bias, high.bias])
    assert [text.get_text() for text in ax.get_yticklabels()] == [*(f"weights[{i}]" for i in range(10)), "bias"]
    assert ax.get_xlabel() == "parameter, with its 90 % interval"
    _, sure, unsure = ax.lines
    away = (low.weights > 0) | (high.weights < 0)
    assert {0, 1} <= set(np.flatnonzero(away))
    np.testing.assert_allclose(sure.get_xdata()[: away.sum()], replicates.estimate.weights[away], rtol=1e-6)
    assert len(unsure.get_xdata()) == 11 - len(sure.get_xdata()) > 0
    assert unsure.get_markerfacecolor() == "white"


def test_intervals_of_settings(rows):
    replicates = jgd.bootstrap(jgd.linear_regression(l2=jgd.over([0.1, 1.0])), rows, replicates=50)
    ax = replicates.plot()
    assert labels(ax) == ["l2=0.1", "l2=1"]
    low, _ = replicates.interval()
    for i, bars in enumerate(ax.collections):
        np.testing.assert_allclose(bars.get_segments()[3][0, 0], low.weights[i, 3])
    with pytest.raises(ValueError, match="plot_intervals tells 7 settings apart, found 8: resample for fewer"):
        jgd.bootstrap(jgd.linear_regression(l2=jgd.over(L2)), rows, replicates=5).plot()


def test_intervals_of_the_jackknife(rows):
    """Student's, about the estimate; of no other method."""
    left_out = jgd.jackknife(jgd.linear_regression(), rows)
    (bars,) = left_out.plot(level=0.9).collections
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends[:-1].mean(axis=1), left_out.estimate.weights, rtol=1e-4, atol=1e-6)
    half = stats.t(59).ppf(0.95) * left_out.standard_error().weights
    np.testing.assert_allclose((ends[:-1, 1] - ends[:-1, 0]) / 2, half, rtol=1e-5)
    with pytest.raises(TypeError, match="interval has no argument 'method'"):
        left_out.plot(method="bca")
    with pytest.raises(ValueError, match="level must be a number between 0 and 1, found 90"):
        left_out.interval(90)


# Learning curves


def test_learning_curve_is_that_of_fits_on_the_slices(rows, x64):
    """Each score is that of NumPy's least squares on some rows, and on rows that are not among them."""
    X, y = (array.astype(np.float64 if x64 else np.float32) for array in rows)
    curve = jgd.learning_curve(jgd.linear_regression(), (X, y), sizes=[15, 48], repeats=3, key=1, metrics=["mae"])
    assert curve.sizes.tolist() == [15, 48]
    assert curve.scores().shape == curve.scores("mae", trained=True).shape == (2, 3)
    from jgd.experiments._learning_curve import _orders

    A = np.c_[X, np.ones(60)].astype(float)
    for repeat, order in enumerate(_orders(60, 3, 1, None)):
        assert sorted(order) == list(range(60))
        for k, size in enumerate((15, 48)):
            train, test = order[12 : 12 + size], order[:12]
            off = A @ np.linalg.lstsq(A[train], y[train].astype(float), rcond=None)[0] - y
            np.testing.assert_allclose(curve.scores()[k, repeat], np.mean(off[test] ** 2), rtol=1e-3)
            np.testing.assert_allclose(curve.scores(trained=True)[k, repeat], np.mean(off[train] ** 2), rtol=1e-3)
            np.testing.assert_allclose(curve.scores("mae")[k, repeat], np.mean(abs(off[test])), rtol=1e-3)


def test_learning_curve_of_runs_and_of_classes():
    """A run of any optimizer is that of fit on the slice; classes keep their shares in every slice."""
    X, y = jgd.data.make_classes(100, 3, key=0)
    y = np.where(np.arange(100) < 10, "rare", "usual")
    problem, tx = jgd.logistic_regression(), jgd.sgd(0.1)
    curve = jgd.learning_curve(problem, (X, y), tx, sizes=[0.25, 1.0], repeats=2, epochs=2, batch_size=5, key=3)
    assert curve.sizes.tolist() == [20, 80]
    from jgd.experiments._learning_curve import _orders

    labels_ = (y == "usual").astype(int)
    for repeat, order in enumerate(_orders(100, 2, 3, labels_)):
        assert all(1 <= np.sum(y[order[s : s + 20]] == "rare") <= 3 for s in range(80))
        alone = jgd.fit(problem, (X[order[20:40]], y[order[20:40]]), tx, epochs=2, batch_size=5, key=3)
        test = problem.dataset((X[order[:20]], labels_[order[:20]]))
        np.testing.assert_allclose(curve.scores()[0, repeat], problem.mean_loss(alone.params, test), rtol=1e-4)


def test_picture_and_table_of_a_learning_curve(rows):
    curve = jgd.learning_curve(jgd.linear_regression(), rows, sizes=[12, 24, 48], repeats=4)
    assert repr(curve) == "LearningCurve(12 to 48 rows, 3 sizes x 4 repeats)"
    frame = curve.to_frame()
    assert list(frame.columns) == ["rows", "repeat", "loss", "train_loss"]
    np.testing.assert_allclose(frame.groupby("rows")["loss"].mean(), curve.scores().mean(axis=1))
    ax = curve.plot()
    left_out, trained = ax.lines
    np.testing.assert_allclose(left_out.get_ydata(), curve.scores().mean(axis=1))
    np.testing.assert_allclose(trained.get_ydata(), curve.scores(trained=True).mean(axis=1))
    assert [text.get_text() for text in ax.get_xticklabels()] == ["12", "24", "48"]
    assert (left_out.get_linestyle(), trained.get_linestyle()) == ("-", "--")
    with pytest.raises(KeyError, match="'mea' was not asked for"):
        curve.plot(metric="mea")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sizes": [0.5, 1.5]}, ValueError, "shares, above 0 and at most 1"),
        ({"sizes": [10, 50]}, ValueError, "between 1 and the 48 rows that are not left out, found 10 to 50"),
        ({"sizes": "all"}, TypeError, "sizes must be a list of numbers of rows, or of shares, found 'all'"),
        ({"validation": 1.0}, ValueError, "validation must be a share between 0 and 1 .* found 1.0 of 60 rows"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1, found 0"),
        ({"problem": 3}, TypeError, r"problem must be a jgd\.Problem, found 3"),
        ({"problem": jgd.linear_regression(l2=jgd.over([0.1, 1.0]))}, TypeError, "learning_curve"),
        ({"standardize": jgd.over([False, True])}, TypeError, r"but standardize holds .*, or cross them by jgd.cross_validate"),
    ],
)
def test_bad_arguments_of_a_learning_curve(options, error, message, rows):
    arguments = {"problem": jgd.linear_regression()} | options
    with pytest.raises(error, match=message):
        jgd.learning_curve(arguments.pop("problem"), rows, **arguments)
