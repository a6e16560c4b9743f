"""Cross-validation: equal to fits on slices of the data, for every way to split, and to scikit-learn's pipelines."""

import jax
import numpy as np
import pytest
from sklearn import linear_model, metrics, model_selection, pipeline, preprocessing

import jgd
from jgd.experiments._given_folds import as_folds

GROUPS = np.arange(90) // 7
SPLITTERS = {
    "a number": 4,
    "k_fold": jgd.folds.k_fold(4),
    "stratified": jgd.folds.stratified(4),
    "grouped": jgd.folds.grouped(GROUPS, 3),
    "repeated": jgd.folds.repeated(3, times=2),
    "leave_one_out": jgd.folds.leave_one_out(),
    "time_ordered": jgd.folds.time_ordered(3),
    "scikit-learn": model_selection.ShuffleSplit(3, test_size=0.3, random_state=0),
    "pairs": [(np.r_[0:50, 3, 3], np.r_[60:80]), (np.arange(90) % 4 != 0, np.arange(90) % 4 == 0)],
}
L2 = [1e-2, 1.0]


def rows(kind, n=90, d=4):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * [1, 3, 0.2, 1] + [0, 5, -1, 0]
    z = X @ [1.0, 0.3, -2.0, 0.0] - 2 + rng.normal(size=n)
    return X, {"linear": z, "binary": np.where(z > 0, "yes", "no"), "softmax": np.digitize(z, [-1, 1])}[kind]


def problem(kind, l2):
    if kind == "linear":
        return jgd.linear_regression(l2=l2)
    return jgd.logistic_regression(l2=l2, classes=2 if kind == "binary" else 3)


def theirs(kind, n, l2):
    """scikit-learn's estimator of the same problem on n rows."""
    if kind == "linear":
        return linear_model.Ridge(alpha=n * l2 / 2)
    return linear_model.LogisticRegression(C=1 / (n * l2), tol=1e-12, max_iter=10_000, solver="newton-cg")


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("kind", ["linear", "binary", "softmax"])
def test_each_fold_is_scikit_learns_fit_on_its_rows(kind, splitter):
    if kind == "softmax" and splitter == "leave_one_out":
        splitter = "stratified"  # ninety fits of what two are enough for
    if kind == "linear" and splitter == "stratified":
        splitter = "k_fold"  # there is nothing to stratify by
    X, y = rows(kind)
    with jax.enable_x64(True):
        made = jgd.cross_validate(problem(kind, jgd.over(L2)), (X, y), folds=SPLITTERS[splitter], key=1)
        labels = None if kind == "linear" else np.unique(y, return_inverse=True)[1]
        folds = as_folds(SPLITTERS[splitter], 90, labels, 1)
        assert made.test_loss.shape == made.objective.shape == (len(folds), 2)
        for fold in [0, len(folds) - 1]:
            train, test = folds.train(fold), folds.tests[fold]
            for i, l2 in enumerate(L2):
                fit = theirs(kind, len(train), l2).fit(X[train], y[train])
                params = jax.tree.map(lambda leaf, at=(fold, i): leaf[at], made.params)
                weights = np.asarray(params.weights)
                np.testing.assert_allclose(weights.T.reshape(fit.coef_.shape), fit.coef_, atol=1e-6)
                if kind == "linear":
                    loss = np.mean((fit.predict(X[test]) - y[test]) ** 2)
                else:
                    loss = metrics.log_loss(y[test], fit.predict_proba(X[test]), labels=fit.classes_)
                np.testing.assert_allclose(made.test_loss[fold, i], loss, rtol=1e-6)
                mine = problem(kind, l2)
                sliced = jgd.Dataset(X[train], y[train] if labels is None else labels[train])
                np.testing.assert_allclose(made.objective[fold, i], mine.objective(params, mine.dataset(sliced)), rtol=1e-9)


# Each trains some fold on 60 rows and tests it on 30, so that all run the same program.
OF_SIXTY = {
    "a number": 3,
    "k_fold": jgd.folds.k_fold(3),
    "stratified": jgd.folds.stratified(3),
    "grouped": jgd.folds.grouped(np.arange(90) // 30),
    "repeated": jgd.folds.repeated(3, times=2),
    "time_ordered": jgd.folds.time_ordered(2, test_size=30),
    "scikit-learn": model_selection.ShuffleSplit(2, test_size=30, random_state=0),
    "pairs": [(np.r_[0:58, 3, 3], np.r_[60:90])],
}


@pytest.mark.parametrize("batch_size", ["full", 1, 8])
def test_with_an_optimizer_each_lane_takes_the_steps_of_a_fit_on_its_rows(batch_size):
    X, y = rows("binary")
    labels = np.unique(y, return_inverse=True)[1]
    tx = lambda rate: jgd.sgd(rate, momentum=0.5)
    with jax.enable_x64(True):
        for splitter in OF_SIXTY.values():
            options = dict(batch_size=batch_size, epochs=3, key=5)
            rates = jgd.over([0.01, 0.1], name="lr")
            made = jgd.cross_validate(problem("binary", 1e-2), (X, y), tx(rates), folds=splitter, metrics=["accuracy"], **options)
            folds = as_folds(splitter, 90, labels, 5)
            train, test = folds.train(len(folds) - 1), folds.tests[-1]
            alone = jgd.fit(problem("binary", 1e-2), (X[train], y[train]), tx(0.1), **options)
            np.testing.assert_allclose(made.params.weights[-1, 1], alone.params.weights, rtol=1e-12)
            np.testing.assert_allclose(made.objective[-1, 1], alone.objective, rtol=1e-12)
            predicted = alone.predict(X[test])
            np.testing.assert_allclose(made.scores("accuracy")[-1, 1], np.mean(predicted == y[test]))
            if made.folds.is_partition:
                assert (made.predictions({"lr": 0.1})[test] == predicted).all()


@pytest.mark.parametrize("kind", ["linear", "binary"])
@pytest.mark.parametrize("splitter", ["k_fold", "leave_one_out"])
def test_standardised_folds_are_scikit_learns_pipeline(kind, splitter):
    """One column is constant where one fold is trained on, and not where it is tested."""
    X, y = rows(kind)
    X[:, 3] = np.arange(90) == 3
    with jax.enable_x64(True):
        made = jgd.cross_validate(problem(kind, 0.1), (X, y), folds=SPLITTERS[splitter], standardize=True)
        folds = as_folds(SPLITTERS[splitter], 90, None, 0)
        for fold in {0, 3, int(np.argmax([3 in test for test in folds.tests]))}:
            train, test = folds.train(fold), folds.tests[fold]
            fit = pipeline.make_pipeline(preprocessing.StandardScaler(), theirs(kind, len(train), 0.1)).fit(X[train], y[train])
            predicted = fit.decision_function(X[test]) if kind == "binary" else fit.predict(X[test])
            mine = X[test] @ made.params.weights[fold, 0] + made.params.bias[fold, 0]
            np.testing.assert_allclose(mine, predicted, rtol=1e-6, atol=1e-6)
            params = jgd.LinearParams(fit[1].coef_.ravel(), fit[1].intercept_.ravel()[0])
            least = problem(kind, 0.1).objective(params, problem(kind, 0.1).dataset((fit[0].transform(X[train]), y[train])))
            np.testing.assert_allclose(made.objective[fold, 0], least, rtol=1e-8)
        whole = pipeline.make_pipeline(preprocessing.StandardScaler(), theirs(kind, 90, 0.1)).fit(X, y)
        np.testing.assert_allclose(made.refit().params.weights, (whole[1].coef_ / whole[0].scale_).ravel(), atol=1e-6)


BOTH = jgd.over([False, True])


@pytest.mark.parametrize(
    ("tx", "folds"),
    [
        (None, SPLITTERS["k_fold"]),
        (None, SPLITTERS["leave_one_out"]),
        (jgd.gd(jgd.over([0.01, 0.1], name="lr")), OF_SIXTY["k_fold"]),
    ],
    ids=["solved", "left out", "run"],
)
def test_standardising_is_crossed_with_settings(tx, folds):
    """Each setting is what it is in a cross-validation of its own, bit for bit."""
    made_with = lambda standardize: jgd.cross_validate(
        problem("linear", jgd.over([0.1])), rows("linear"), tx, folds=folds, metrics=["mae"], standardize=standardize,
        **({} if tx is None else {"epochs": 3}),
    )  # fmt: skip
    with jax.enable_x64(True):
        made, apart = made_with(BOTH), [made_with(False), made_with(True)]
        assert made.names == (*apart[0].names, "standardize")
        of_parts = [setting | {"standardize": value} for setting in apart[0].settings for value in (False, True)]
        assert made.settings == of_parts
        for i, alone in enumerate(apart):
            for name in ("loss", "test_loss", "mae"):
                np.testing.assert_array_equal(made.scores(name)[:, i::2], alone.scores(name))
            jax.tree.map(lambda a, b, i=i: np.testing.assert_array_equal(a[:, i::2], b), made.params, alone.params)
            np.testing.assert_array_equal(made.status[:, i::2], alone.status)
            assert alone._models.how.partition(" of ")[2] in made.summary()
            one, its = made.settings[-2 + i], alone.settings[-1]
            np.testing.assert_array_equal(made.predictions(one), alone.predictions(its))
            np.testing.assert_array_equal(made.refit(one).params.weights, alone.refit(its).params.weights)
        better = int(np.argmin([part.test_loss.mean(axis=0).min() for part in apart]))
        assert made.best() == apart[better].best() | {"standardize": bool(better)}
        assert made.to_frame()["standardize"].tolist() == [False, True] * (len(made) // 2)


def test_standardising_goes_hand_in_hand_with_what_has_its_name():
    """Only what has an intercept is standardised."""
    free = jgd.over([True, False], name="free")
    with jax.enable_x64(True):
        made = jgd.cross_validate(jgd.linear_regression(l2=0.1, fit_intercept=free), rows("linear"), folds=4, standardize=free)
        for i, value in enumerate((True, False)):
            one = jgd.linear_regression(l2=0.1, fit_intercept=value)
            alone = jgd.cross_validate(one, rows("linear"), folds=4, standardize=value)
            np.testing.assert_array_equal(made.test_loss[:, i], alone.test_loss[:, 0])
    assert made.names == ("free",)


def test_standardised_runs_are_runs_on_standardised_slices():
    X, y = rows("linear")
    options = dict(batch_size=8, epochs=3)
    with jax.enable_x64(True):
        made = jgd.cross_validate(
            problem("linear", 0.1), (X, y), jgd.sgd(0.01), folds=jgd.folds.k_fold(3), standardize=True, **options
        )
        for fold in range(3):
            train, test = made.folds.train(fold), made.folds.tests[fold]
            scaler = preprocessing.StandardScaler().fit(X[train])
            alone = jgd.fit(problem("linear", 0.1), (scaler.transform(X[train]), y[train]), jgd.sgd(0.01), **options)
            mine = X[test] @ made.params.weights[fold, 0] + made.params.bias[fold, 0]
            np.testing.assert_allclose(mine, alone.predict(scaler.transform(X[test])), rtol=1e-10)
            np.testing.assert_allclose(made.predictions()[test], mine, rtol=1e-10)
        scaler = preprocessing.StandardScaler().fit(X)
        alone = jgd.fit(problem("linear", 0.1), (scaler.transform(X), y), jgd.sgd(0.01), **options)
        np.testing.assert_allclose(made.refit().predict(X), alone.predict(scaler.transform(X)), rtol=1e-10)


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_weights_of_rows_count_in_training_and_testing(kind):
    X, y = rows(kind)
    weight = np.random.default_rng(1).integers(0, 4, 90)
    again = np.repeat(np.arange(90), weight)
    with jax.enable_x64(True):
        folds = as_folds(4, 90, None, 0)
        pairs = [
            (np.flatnonzero(np.isin(again, folds.train(f))), np.flatnonzero(np.isin(again, folds.tests[f]))) for f in range(4)
        ]
        names = ["mse", "r2", "mae"] if kind == "linear" else ["accuracy"]
        weighted = jgd.cross_validate(problem(kind, 0.1), (X, y, weight), folds=jgd.folds.k_fold(4), metrics=names)
        repeated = jgd.cross_validate(problem(kind, 0.1), (X[again], y[again]), folds=pairs, metrics=names)
        for name in ("loss", "test_loss", *names):
            np.testing.assert_allclose(weighted.scores(name), repeated.scores(name), rtol=1e-9)


def test_scores_of_unequal_folds_are_scikit_learns(x64):
    """Also of a metric that takes no weights, for which nothing can be padded."""
    X, y = rows("linear")

    def worst(target, prediction):
        return abs(target - prediction).max()

    worst.higher_is_better = False
    splitter = model_selection.GroupKFold(3)
    pairs = list(splitter.split(X, y, np.digitize(np.arange(90), [10, 45])))
    made = jgd.cross_validate(problem("linear", jgd.over(L2)), (X, y), folds=pairs, metrics=["mse", "mae", "r2", worst])
    assert made.test_loss.dtype == (np.float64 if x64 else np.float32)
    for i, l2 in enumerate(L2):
        for fold, (train, test) in enumerate(pairs):
            predicted = theirs("linear", len(train), l2).fit(X[train], y[train]).predict(X[test])
            by_name = {
                "mse": metrics.mean_squared_error,
                "mae": metrics.mean_absolute_error,
                "r2": metrics.r2_score,
                "worst": metrics.max_error,
            }
            for name, score in by_name.items():
                np.testing.assert_allclose(made.scores(name)[fold, i], score(y[test], predicted), rtol=1e-9 if x64 else 1e-4)
    assert made.best("r2") == L2_OF[int(np.argmax(made.scores("r2").mean(axis=0)))]


L2_OF = [{"l2": value} for value in L2]


@pytest.mark.parametrize("splitter", ["stratified", "leave_one_out"])
def test_predictions_of_rows_left_out_are_scikit_learns(splitter):
    X, y = rows("binary")
    with jax.enable_x64(True):
        made = jgd.cross_validate(problem("binary", jgd.over(L2)), (X, y), folds=SPLITTERS[splitter])
        pairs = [(made.folds.train(f), made.folds.tests[f]) for f in range(len(made.folds))]
        n = len(pairs[0][0])
        for method, mine in (
            ("predict", made.predictions({"l2": 1.0})),
            ("predict_proba", made.predictions({"l2": 1.0}, probabilities=True)),
        ):
            expected = model_selection.cross_val_predict(theirs("binary", n, 1.0), X, y, cv=pairs, method=method)
            if method == "predict":
                assert (mine == expected).all()
            else:  # the number of training rows, and so C, differs by one row between folds
                np.testing.assert_allclose(mine, expected, rtol=0.05 if splitter == "stratified" else 1e-6)


def test_the_best_and_the_simplest_as_good_by_hand():
    X, y = rows("linear")
    values = np.logspace(-4, 1, 12).tolist()
    made = jgd.cross_validate(problem("linear", jgd.over(values)), (X, y), folds=10)
    mean, error = made.test_loss.mean(axis=0), made.test_loss.std(axis=0, ddof=1) / np.sqrt(10)
    best = np.argmin(mean)
    assert made.best() == {"l2": values[best]}
    assert made.one_standard_error() == {"l2": max(v for v, m in zip(values, mean, strict=True) if m <= mean[best] + error[best])}
    assert made.one_standard_error(largest=False) == {
        "l2": min(v for v, m in zip(values, mean, strict=True) if m <= mean[best] + error[best])
    }
    table = made.spread()
    np.testing.assert_allclose(table["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(table["error"], error, rtol=1e-5)
    frame = made.to_frame()
    assert list(frame.columns) == ["fold", "l2", "status", "steps", "loss", "test_loss"]
    np.testing.assert_array_equal(frame["test_loss"].to_numpy().reshape(10, 12), made.test_loss)
    np.testing.assert_allclose(made.refit().params.weights, theirs("linear", 90, values[best]).fit(X, y).coef_, rtol=1e-4)
    summary = made.summary()
    assert "CrossValidation(10 folds x 12 settings of l2: 120 converged)" in summary
    assert f"best test loss: {mean[best]:.6g} +- {error[best]:.2g} (l2={values[best]:.4g})" in summary
    assert "within one standard error, the largest l2: " in summary


def test_settings_of_another_structure_and_of_runs_are_crossed():
    X, y = rows("linear")
    both = jgd.linear_regression(l2=jgd.over([0.1, 0.0]), fit_intercept=jgd.over([True, False]))
    made = jgd.cross_validate(both, (X, y), folds=3)
    assert made.settings == [dict(l2=l2, fit_intercept=f) for l2 in (0.1, 0.0) for f in (True, False)]
    train = made.folds.train(1)
    for i, setting in enumerate(made.settings):
        alone = jgd.cross_validate(jgd.linear_regression(**setting), (X, y), folds=3)
        np.testing.assert_allclose(made.test_loss[:, i], alone.test_loss[:, 0], rtol=1e-6)
    with pytest.raises(ValueError, match="the settings' parameters differ in structure"):
        _ = made.params
    problem = jgd.linear_regression(l2=jgd.over([0.1, 0.0]))
    run = jgd.cross_validate(problem, (X, y), jgd.sgd(0.01), folds=3, batch_size=8, epochs=2, key=jgd.over(range(2)))
    assert run.names == ("l2", "key")
    assert run.test_loss.shape == (3, 4)
    assert run.settings[1] == dict(l2=0.1, key=1)
    alone = jgd.fit(jgd.linear_regression(l2=0.1), (X[train], y[train]), jgd.sgd(0.01), batch_size=8, epochs=2, key=1)
    np.testing.assert_allclose(run.params.weights[1, 1], alone.params.weights, rtol=1e-4)
    assert run.refit(run.settings[1]).steps == 24


def test_any_problem_is_run():
    X, y = rows("linear")
    mean = jgd.Problem("huber", init=0.0, predict=lambda params, X: params + 0 * X[:, 0])
    made = jgd.cross_validate(mean, (X, y), jgd.gd(0.3), folds=3, steps=100, metrics=["mae"])
    for fold, test in enumerate(made.folds.tests):
        np.testing.assert_allclose(made.scores("mae")[fold, 0], np.abs(y[test] - made.params[fold, 0]).mean(), rtol=1e-5)
    assert made.predictions().shape == (90,)


def test_a_failed_fold_is_no_candidate():
    X, y = rows("linear")
    tx = jgd.gd(jgd.over([1e-3, 1e3], name="lr"))
    made = jgd.cross_validate(jgd.linear_regression(), (X, y), tx, folds=3, epochs=50)
    assert set(made.status[:, 1]) <= {"diverged", "nonfinite"}
    assert made.best() == {"lr": 1e-3}
    with pytest.raises(ValueError, match="no setting ended well on every fold"):
        jgd.cross_validate(jgd.linear_regression(), (X, y), jgd.gd(1e3), folds=3, epochs=50).best()


def cv(*arguments, kind="linear", of=None, **options):
    return jgd.cross_validate(problem(kind, 0.1) if of is None else of, rows(kind), *arguments, **options)


NINE = np.arange(90) < 9
ONLY_YES = np.flatnonzero(rows("binary")[1] == "yes")
HUBER = jgd.Problem("huber", 0.0, lambda p, X: p * X[:, 0])
WEIGHTED = (*rows("linear"), NINE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cv(folds=91), "91 folds need at least 91 rows, found 90"),
        (lambda: cv(folds=jgd.folds.stratified(5)), "stratified folds need classes"),
        (lambda: cv(epochs=3), "epochs= is of a run, but without an optimizer"),
        (lambda: cv(jgd.gd(0.1), epochs=3, validation=0.2), "cross_validate takes no validation=: each fold is validated"),
        (lambda: cv(jgd.gd(0.1), epoch=3), "cross_validate takes no epoch=; did you mean 'epochs'"),
        (lambda: cv(jgd.gd(0.1), epochs=3, stop=jgd.stopping.patience(3)), "would end each run by the rows that are to judge it"),
        (lambda: cv(standardize="yes"), "standardize must be True or False, found 'yes'"),
        (lambda: jgd.cross_validate(problem("linear", 0.1), jgd.over([1])), "cross_validate runs one setting, but data holds"),
        (lambda: cv(of=HUBER), "found Problem: give an optimizer"),
        (lambda: cv(standardize=jgd.over([True, 3])), "standardize must be True or False, found 3"),
        (lambda: cv(jgd.gd(0.1), of=HUBER, epochs=1, standardize=BOTH), "standardize is of linear models"),
        (lambda: cv(jgd.gd(0.1), of=HUBER, epochs=1, standardize=True), "standardize is of linear models"),
        (lambda: cv(of=jgd.linear_regression(fit_intercept=False), standardize=True), "standardize centres columns"),
        (lambda: cv(of=jgd.linear_regression), "problem must be a jgd.Problem, found function"),
        (lambda: cv(kind="binary", folds=[(ONLY_YES, [0])]), "no row of class 'no' is left for fold 0"),
        (
            lambda: jgd.cross_validate(problem("linear", 0), WEIGHTED, folds=jgd.folds.k_fold(9, shuffle=False)),
            "every row that fold 0 is trained on has the weight 0",
        ),
        (lambda: cv(folds=jgd.folds.time_ordered(3)).predictions(), "these folds do not test every row exactly once"),
        (lambda: cv().predictions({"l2": 3.0}), "is none of the settings that were tried"),
        (lambda: cv().one_standard_error(), "there is one setting, and so none simpler: cross some by jgd.over"),
        (lambda: cv(of=problem("linear", jgd.over(L2))).refit(0.01), r"a setting is a dict, one of .settings .*, found 0.01"),
        (
            lambda: cv(folds=jgd.folds.leave_one_out(), metrics=["r2"]).best("r2"),
            "no setting has a finite mean r2: .* r2 of one row",
        ),
        (lambda: cv(folds=model_selection.GroupKFold(3)), r"GroupKFold.* needs the group of each row: give jgd.folds.grouped"),
        (lambda: cv(tol=0), "tol must be a number above 0, .* found 0"),
        (lambda: cv(kind="binary", tol="small"), "tol must be a number above 0, .* found 'small'"),
    ],
)
def test_messages(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_what_a_splitter_yields_may_be_given_once():
    splitter = model_selection.KFold(3)
    assert jgd.over([1, 2])  # arguments are looked at for an `over` once there is one
    lazily = cv(folds=splitter.split(rows("linear")[0]))
    np.testing.assert_array_equal(lazily.test_loss, cv(folds=splitter).test_loss)


def test_scores_that_are_infinite_have_a_mean_and_no_spread():
    row = cv(folds=jgd.folds.leave_one_out(), metrics=["r2"]).spread("r2").iloc[0]
    assert row["mean"] == -np.inf
    assert np.isnan(row["std"])


@pytest.mark.parametrize("tx", [None, jgd.gd(0.2)])
def test_a_standardised_refit_is_judged_as_it_was_fitted(tx):
    X, y = rows("linear")
    made = jgd.cross_validate(
        problem("linear", 0.1), (1e3 * X, y), tx, standardize=True, **({} if tx is None else {"epochs": 200})
    )
    result = made.refit()
    assert result.diagnose().causes == (), result.diagnose()
    assert "None" not in str(result.diagnose())
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    exact = jgd.solve(problem("linear", 0.1), (Z, y))
    proof = result.certificate()
    np.testing.assert_allclose(proof.objective, exact.objective, rtol=1e-5)
    assert proof.lower_bound <= exact.certificate().objective
    assert proof.gap <= 1e-6 * proof.objective


def test_unknown_scores_are_named():
    with pytest.raises(KeyError, match="'accuracy' was not recorded; known: loss, test_loss"):
        cv().scores("accuracy")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_rows_left_out_are_scored_as_by_fits_without_them(weighted, intercept):
    """To the digits of float64, though the data are float32, with two outputs, metrics, and one penalty of zero."""
    X, y = rows("linear")
    X, y = X.astype(np.float32), np.stack([y, np.sin(y)], axis=1).astype(np.float32)
    weight = np.where(np.arange(90) % 2, 0.5, 1.5) if weighted else None
    made = jgd.cross_validate(
        jgd.linear_regression(l2=jgd.over([0.0, 0.125]), fit_intercept=intercept),
        (X, y) if weight is None else (X, y, weight), folds=jgd.folds.leave_one_out(), metrics=["mae"],
    )  # fmt: skip
    wide, weight = X.astype(np.float64), np.ones(90) if weight is None else weight
    for i, l2 in enumerate([0.0, 0.125]):
        for out in (0, 41):
            kept = np.arange(90) != out
            fit = linear_model.Ridge(alpha=l2 / 2 * weight[kept].sum(), fit_intercept=intercept, solver="svd")
            error = fit.fit(wide[kept], y[kept].astype(np.float64), weight[kept]).predict(wide[[out]])[0] - y[out]
            loss = np.average(np.sum((fit.predict(wide[kept]) - y[kept]) ** 2, axis=1), weights=weight[kept])
            np.testing.assert_allclose(made.test_loss[out, i], np.sum(error**2), rtol=1e-9)
            np.testing.assert_allclose(made.objective[out, i], loss + l2 / 2 * np.sum(fit.coef_**2), rtol=1e-9)
            np.testing.assert_allclose(made.scores("mae")[out, i], np.abs(error).mean(), rtol=1e-5)


def test_a_row_that_alone_has_a_column_is_left_out_by_a_fit():
    """Without a penalty its leverage is 1: no score follows from the fit of all rows."""
    X, y = rows("linear")
    X[:, 3] = np.arange(90) == 5
    with jax.enable_x64(True):
        made = jgd.cross_validate(problem("linear", jgd.over([0.0, 0.1])), (X, y), folds=jgd.folds.leave_one_out())
        kept = np.arange(90) != 5
        fit = linear_model.LinearRegression().fit(X[kept, :3], y[kept])
        np.testing.assert_allclose(made.test_loss[5, 0], (fit.predict(X[[5], :3])[0] - y[5]) ** 2, rtol=1e-9)
