"""Diagnoses: each cause is found where it was made, with right numbers, and nowhere else.

The numbers are held against NumPy's, and remedies are followed. Hundreds of problems more are `python -m benchmarks diagnoses`.
"""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import jgd
from benchmarks import diagnoses
from benchmarks._causes import MAKERS
from jgd.diagnosis import CAUSES, _thresholds

LINEAR, LOGISTIC = jgd.linear_regression(), jgd.logistic_regression()


def rows(n=200, d=3, noise=0.3, key=0):
    rng = np.random.default_rng(key)
    X = rng.normal(size=(n, d))
    return X, X @ np.arange(1.0, d + 1) + 0.5 + noise * rng.normal(size=n)


def classes(n=300, d=3, key=0):
    rng = np.random.default_rng(key)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] - X[:, 1] + rng.logistic(size=n) > 0).astype(int)


def largest(X, curvature=2.0):
    A = np.column_stack([X, np.ones(len(X))])
    return curvature * np.linalg.eigvalsh(A.T @ A / len(A))[-1]


def said(finding, message, remedy):
    assert re.search(message, finding.message), finding.message
    assert re.search(remedy, finding.remedy), finding.remedy


# One problem of each cause from the benchmark's makers: the cause comes first, and nothing is found that is not there.
OWN_TESTS = ("healthy", "vanishing_gradients", "unmoved_parameters", "log_of_zero")
ONE = {cause: makers[0] for cause, makers in MAKERS.items() if cause not in OWN_TESTS}
HEALTHY = (
    "healthy_gd", "healthy_heavy_ball_above_two_over_l", "healthy_newton", "healthy_softmax", "healthy_bowl", "healthy_rule",
    "healthy_heavy_tails", "healthy_outputs",
)  # fmt: skip


@pytest.mark.parametrize("cause", ONE)
def test_a_cause_is_found_first_and_no_other(cause):
    made = ONE[cause](101)
    diagnosis = made.result.diagnose()
    assert diagnosis.causes[0] == cause, diagnosis
    assert set(diagnosis.causes) <= {cause} | made.also, diagnosis


@pytest.mark.parametrize("maker", [maker for maker in MAKERS["healthy"] if maker.__name__ in HEALTHY], ids=lambda m: m.__name__)
def test_nothing_is_found_where_all_is_well(maker):
    diagnosis = maker(101).result.diagnose()
    assert not diagnosis, diagnosis
    assert re.match("nothing found: ", str(diagnosis))


def test_every_cause_has_its_problems():
    assert {*MAKERS} == {"healthy", *CAUSES}
    assert {maker.__name__ for maker in MAKERS["healthy"]} >= set(HEALTHY)


def test_a_learning_rate_beyond_the_threshold(x64):
    X, y = rows()
    L = largest(X)
    for tx, limit in (
        (jgd.gd(2.1 / L), 2 / L),
        (jgd.sgd(4.2 / L, momentum=0.9), 3.8 / L),
        (jgd.sgd(3.0 / L, momentum=0.9, nesterov=True), 3.8 / 2.8 / L),
    ):
        (finding,) = jgd.fit(LINEAR, (X, y), tx, epochs=300).diagnose()
        assert finding.cause == "learning_rate_too_large"
        assert finding.certain
        np.testing.assert_allclose(finding.numbers["threshold"], limit, rtol=1e-5)
        said(finding, rf"learning_rate [\d.]+ exceeds 2.*/.*L.* = {limit:.3g}", "use .*, which is stable")
        safe = tx.replace(learning_rate=finding.numbers["safe"])
        assert jgd.fit(LINEAR, (X, y), safe, epochs=400).diagnose().causes == ()
    below = jgd.sgd(3.0 / L, momentum=0.9)  # beyond gd's threshold, not beyond heavy ball's
    assert jgd.fit(LINEAR, (X, y), below, epochs=600).diagnose().causes == ()


def test_a_learning_rate_at_the_threshold():
    """The error along the steepest direction, here the intercept, is as large after any number of steps."""
    X, y = jgd.data.make_line(100, slope=-5.0, noise=0.4)
    result = jgd.fit(LINEAR, (X, y), jgd.gd(1.0), epochs=200)  # 2/L of columns in [-1, 1] and an intercept
    (finding,) = result.diagnose()
    assert finding.cause == "learning_rate_too_large"
    assert finding.certain
    said(finding, r"learning_rate 1 (is near|exceeds) 2/L = 1 ", "use 0.5, which is stable")
    assert result.objective > 5 * jgd.solve(LINEAR, (X, y)).objective
    assert jgd.fit(LINEAR, (X, y), jgd.gd(finding.numbers["safe"]), epochs=200).diagnose().causes == ()


def test_a_learning_rate_beyond_that_of_batches():
    X, y = rows()
    rate = 4 / largest(X)
    (finding,) = jgd.fit(LINEAR, (X, y), jgd.sgd(rate), batch_size=4, epochs=10).diagnose()
    assert finding.cause == "learning_rate_too_large"
    assert finding.certain
    np.testing.assert_allclose(finding.numbers["threshold"], 2 / jgd.smoothness(LINEAR, (X, y), batch_size=4), rtol=1e-6)
    said(finding, r"exceeds 2/L_b = .* in batches of 4\.", "stable")


@pytest.mark.parametrize(
    ("tx", "size"),
    [(jgd.newton(), 1), (jgd.lbfgs(), 16), (jgd.chain(jgd.scale_by_lbfgs(), jgd.scale(-0.1)), 16)],
    ids=["newton", "lbfgs", "optax_lbfgs"],
)
@pytest.mark.parametrize("problem", [LINEAR, jgd.logistic_regression(l2=1e-2)], ids=["linear", "logistic"])
def test_second_order_steps_from_batches(problem, tx, size):
    data = rows() if problem is LINEAR else classes()
    result = jgd.fit(problem, data, tx, batch_size=size, epochs=20)
    (finding,) = result.diagnose()
    assert finding.cause == "curvature_of_batches"
    assert not finding.certain
    assert finding.numbers["batch_size"] == size
    assert finding.numbers["parameters"] == 4
    said(finding, rf"takes curvature and step size from a batch of {size} rows? alone", "batch_size='full' .or jgd.solve")
    assert ("(and 4 parameters)" in finding.message) == (size == 1)
    if np.isfinite(finding.numbers["gap"]):
        np.testing.assert_allclose(finding.numbers["gap"], result.objective - jgd.solve(problem, data).objective, rtol=0.01)
    full = jgd.fit(problem, data, tx, steps=len(data[1]))
    assert "curvature_of_batches" not in full.diagnose()


def test_second_order_steps_from_batches_of_a_network():
    """Where no optimum is known the loss has to go to and fro, or up."""
    X, y = rows(n=100)

    def loss(params, batch):
        return (jnp.tanh(batch.X @ params["in"]) @ params["out"] - batch.y) ** 2

    start = {"in": 0.1 * np.random.default_rng(0).normal(size=(3, 4)), "out": np.ones(4)}
    problem = jgd.Problem(loss, start)
    found = lambda tx, size: jgd.fit(problem, (X, y), tx, batch_size=size, epochs=30).diagnose().causes
    assert "curvature_of_batches" in found(jgd.lbfgs(), 4)
    assert "curvature_of_batches" not in found(jgd.lbfgs(), "full") + found(jgd.adam(0.01), 4)


def test_second_order_steps_from_batches_that_are_large_enough():
    X, y = jgd.data.make_linear(1000, noise=0.5)
    result = jgd.fit(LINEAR, (X, y), jgd.lbfgs(), batch_size=256, epochs=20)
    assert result.diagnose().causes == ()


def test_columns_that_make_l_large_are_named():
    X, y = rows()
    frame = pd.DataFrame(X * [1, 100, 1], columns=["age", "Income", "height"])
    first, second = jgd.fit(LINEAR, (frame, y), jgd.gd(0.1), epochs=50).diagnose()
    assert (first.cause, second.cause) == ("learning_rate_too_large", "badly_scaled_columns")
    said(first, "Column 'Income' makes L large", "standardise")
    assert first.numbers["columns"] == second.numbers["columns"] == ["Income"]


def test_scales_that_make_descent_slow_and_how_slow():
    X, y = rows(noise=0.0)
    X = X * [1, 40, 1]
    result = jgd.fit(LINEAR, (X, y), jgd.gd(1 / largest(X)), epochs=100)
    first, second = result.diagnose(tolerance=1e-4)
    assert (first.cause, second.cause) == ("badly_scaled_columns", "too_few_steps")
    assert first.certain
    said(first, "column 1 of size 4.* differs from the others: gradient descent at 1/L needs .* steps", "standardise the columns")
    # So many steps do it, and a tenth fewer do not.
    A, steps = np.column_stack([X, np.ones(len(X))]), int(np.ceil(first.numbers["steps"]))
    theta, gaps = np.zeros(4), []
    for _ in range(steps):
        theta = theta - 1 / largest(X) * 2 * A.T @ (A @ theta - y) / len(A)
        gaps.append(np.mean((A @ theta - y) ** 2))
    assert gaps[-1] < 1.01e-4 < gaps[steps * 9 // 10]


def test_far_from_zero_is_badly_scaled():
    X, y = rows()
    first = jgd.fit(LINEAR, (X + [0, 0, 50], y), jgd.gd(1e-4), epochs=50).diagnose()[0]
    assert first.cause == "badly_scaled_columns"
    said(first, r"column 2 .* differs from the others \(it is far from zero\)", "subtract the mean")
    first = jgd.fit(LINEAR, (X + 3000, y), jgd.gd(1e-8), epochs=50).diagnose()[0]
    said(first, r"columns .* differ from an intercept's 1 \(they are far from zero\)", "subtract the mean")


def test_scales_do_not_matter_to_newton():
    X, y = classes()
    assert jgd.fit(jgd.logistic_regression(l2=1e-4), (X * [1, 1000, 1e-3], y), jgd.newton(), steps=15).diagnose().causes == ()


def test_the_direction_separates_every_row(x64):
    X, y = map(np.asarray, jgd.data.make_separable(150, 3, key=2))
    (finding,) = found = jgd.fit(LOGISTIC, (X, y), jgd.gd(1.0), epochs=20).diagnose()
    assert finding.cause == "separable_classes"
    assert finding.certain
    assert finding.numbers["complete"]
    assert "no optimum" in found.outcome
    said(finding, "^separable: a direction of columns .* tells every row's class without error", r"give a penalty, .*l2=")
    V = finding.numbers["direction"]
    assert ((2 * y - 1) * (np.column_stack([X, np.ones(150)]) @ V[:, 0]) > 0).all()
    assert jgd.fit(jgd.logistic_regression(l2=1e-2), (X, y), jgd.gd(1.0), epochs=600).diagnose().causes == ()


def test_quasi_separation_by_a_rare_column():
    X, y = classes(4000)
    flag = np.zeros(4000)
    flag[np.flatnonzero(y == 1)[[7, 900]]] = 1.0  # few rows of the linear program have it
    names = ["a", "b", "c", "flag"]
    data = jgd.Dataset(np.column_stack([X, flag]), y, columns=names)
    (finding,) = jgd.fit(LOGISTIC, data, jgd.gd(1.0), epochs=50).diagnose()
    assert finding.cause == "separable_classes"
    assert finding.certain
    assert not finding.numbers["complete"]
    assert finding.numbers["columns"] == ["flag"]
    assert finding.numbers["share"] == 2 / 4000
    said(finding, "^quasi-separable: .*'flag' tells the class of 2 of 4,000 rows, and no other row's", "leave out")
    data = jgd.Dataset(np.column_stack([X, flag]), np.where(np.arange(4000) == np.flatnonzero(flag)[0], 0, y))
    assert jgd.fit(LOGISTIC, data, jgd.newton(), steps=30).diagnose().causes == ()


def test_classes_without_a_row_are_named():
    X, _ = classes(60)
    message = jgd.solve(jgd.logistic_regression(classes=4), (X, np.arange(60) % 3)).message
    assert re.search("quasi-separable: a direction of columns .* tells that no row is of class 3 without error", message), message


def test_an_optimum_whose_equations_are_dear_is_not_looked_for(monkeypatch):
    """Of few rows and many columns: 100 rows of 2,001 took minutes."""
    monkeypatch.setattr(_thresholds, "NEWTON", 9 * 4**3)
    monkeypatch.setattr("jgd.diagnosis._linear._by_newton", lambda model: pytest.fail("it was looked for"))
    X, y = classes(60)
    assert "optimum" in jgd.fit(jgd.logistic_regression(l2=1e-3), (X[:12], y[:12]), jgd.gd(0.1), epochs=5).diagnose().outcome


def test_collinear_and_constant_columns_are_named(x64):
    X, y = rows()
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(sum=X[:, 0] - 2 * X[:, 2] + 3, one=4.0)
    findings = jgd.fit(LINEAR, (frame, y), jgd.gd(0.01), epochs=3000).diagnose()
    assert set(findings.causes) == {"collinear_columns", "constant_columns"}
    by = {finding.cause: finding for finding in findings}
    said(by["constant_columns"], "column 'one' is constant", "leave it out")
    said(by["collinear_columns"], "column 'sum' is a sum of columns 'a', 'c' and the intercept", "leave column 'sum' out")
    without = jgd.linear_regression(fit_intercept=False)
    assert "constant_columns" not in jgd.fit(without, (frame, y), jgd.gd(0.01), epochs=50).diagnose()


def test_no_distance_from_the_optimum_is_not_called_a_bound():
    X, y = classes(400)
    solved = jgd.solve(jgd.logistic_regression(), (np.column_stack([X, 0.3 * X[:, 0]]), y))
    diagnosis = solved.diagnose()
    assert diagnosis.causes == ("collinear_columns",)
    assert not diagnosis.outcome.startswith("converged to within 0 ")


def test_the_noise_of_a_constant_rate_and_the_schedule_that_ends_it():
    X, y = rows(noise=1.0)
    rate = jgd.safe_learning_rate(LINEAR, (X, y), 4)
    (finding,) = jgd.fit(LINEAR, (X, y), jgd.sgd(rate), batch_size=4, epochs=60).diagnose()
    assert finding.cause == "noise_floor"
    assert finding.certain
    said(finding, "no longer falls, .* above the optimum: .* noise of batches of 4", r"jgd.schedules.cosine\(.*, 3000\)")
    with jax.enable_x64(True):
        A = np.column_stack([X, np.ones(200)])
        result = jgd.fit(LINEAR, (X, y), jgd.sgd(rate), batch_size=4, epochs=60)
        theta = np.append(result.params.weights, result.params.bias)
        best = np.linalg.lstsq(A, y, rcond=None)[0]
        gap = np.mean((A @ theta - y) ** 2) - np.mean((A @ best - y) ** 2)
        np.testing.assert_allclose(result.diagnose()[0].numbers["gap"], gap, rtol=1e-8)
    falling = jgd.sgd(jgd.schedules.cosine(rate, 3000))
    assert jgd.fit(LINEAR, (X, y), falling, batch_size=4, epochs=60).diagnose().causes == ()


def test_as_many_steps_more_as_it_says(x64):
    X, y = rows()
    result = jgd.fit(LINEAR, (X, y), jgd.gd(0.02), epochs=60)
    (finding,) = result.diagnose()
    assert finding.cause == "too_few_steps"
    assert finding.certain
    said(finding, r"by its Hessian it needs about \d+ steps more", r"raise the learning rate from 0.02 to .* by fit\(..., state=")
    more = finding.numbers["more_steps"]
    for share, enough in ((0.97, False), (1.03, True)):
        on = jgd.fit(LINEAR, (X, y), jgd.gd(0.02), steps=int(share * more), state=result.state)
        assert (on.certificate().gap <= finding.numbers["tolerance"]) == enough


def test_few_records_have_the_rate_of_the_whole_run():
    X, y = rows()
    tx = jgd.chain(jgd.gd(0.02), jgd.clip(1e3))  # of which no Hessian's law is known
    result = jgd.fit(LINEAR, (X, y), tx, epochs=5)
    (finding,) = result.diagnose()
    said(finding, r"at the rate of the whole run it needs about \d+ steps more", r"take about \d+ steps more, by fit")
    best = result.objective - finding.numbers["gap"]
    share = (result.objective - best) / (float(result.history.loss[0]) - best)  # of the gap, that five steps leave
    more = 5 * np.log(finding.numbers["tolerance"] / finding.numbers["gap"]) / np.log(share)
    np.testing.assert_allclose(finding.numbers["more_steps"], more, rtol=1e-3)
    assert not jgd.fit(LINEAR, (X, y), tx, steps=int(2 * more), state=result.state).diagnose()


def test_a_rule_that_ends_a_run_too_early():
    stop = jgd.stopping.relative_change(0.1)
    (finding,) = jgd.fit(LINEAR, rows(), jgd.gd(0.02), epochs=500, stop=stop).diagnose()
    assert finding.cause == "too_few_steps"
    said(finding, r"stopping.relative_change\(0.1\) ended it: tighten it", "raise")


def test_steps_without_an_optimum_to_compare_with():
    slow = jgd.minimize(lambda w: jnp.sum((w - 3.0) ** 2), jnp.zeros(2), jgd.gd(0.01), steps=60)
    (finding,) = slow.diagnose()
    assert finding.cause == "too_few_steps"
    assert not finding.certain
    assert abs(finding.numbers["gap"] / slow.objective - 1) < 0.2  # the loss is on course to 0
    said(finding, "still falling, on course for", "take about")


def test_float32_cannot_go_further_and_float64_can():
    X, y = rows(noise=0.01)
    (finding,) = jgd.fit(LINEAR, (X, y + 3e6), jgd.gd(0.3), epochs=300).diagnose()
    assert finding.cause == "float32_floor"
    assert finding.certain
    said(finding, "no longer moves .* above the optimum, at float32's resolution", "jax_enable_x64")
    with jax.enable_x64(True):
        assert jgd.fit(LINEAR, (X, y + 3e6), jgd.gd(0.3), epochs=300).diagnose().causes == ()


def test_a_rule_beyond_float32():
    (finding,) = jgd.fit(LINEAR, rows(), jgd.gd(0.3), epochs=600, stop=jgd.stopping.gradient_norm(1e-13)).diagnose()
    assert finding.cause == "float32_floor"


def test_parameters_that_do_not_move_are_named():
    start = {"a": jnp.ones(2), "b": jnp.ones(2)}
    used = lambda w: jnp.sum((w["a"] - 3.0) ** 2) + jnp.sum((w["b"] - 2.0) ** 2)
    unused = lambda w: jnp.sum((w["a"] - 3.0) ** 2) + 0.0 * jnp.sum(w["b"])
    frozen, masked = {"a": False, "b": True}, jgd.chain(jgd.gd(0.3), jgd.freeze({"a": False, "b": True}))
    for problem, tx, message in (
        (jgd.Problem(used, start, frozen=frozen), jgd.gd(0.3), "^b is frozen by the problem"),
        (jgd.Problem(used, start), masked, "the chain chain.*freeze.* makes no update of b"),
        (jgd.Problem(unused, start), jgd.gd(0.3), "the gradient of b is exactly 0 at the start and at the end"),
    ):
        (finding,) = jgd.fit(problem, None, tx, steps=60).diagnose()
        assert finding.cause == "unmoved_parameters"
        assert finding.certain
        assert finding.numbers["parameters"] == ["b"]
        said(finding, message, "if that is not meant|look at whether")
    assert jgd.fit(jgd.Problem(used, start), None, jgd.gd(0.3), steps=60).diagnose().causes == ()


def test_a_model_that_is_held_is_not_asked_for_more_steps():
    held = jgd.chain(jgd.gd(0.3), jgd.freeze(jgd.LinearParams(True, False)))
    (finding,) = jgd.fit(LINEAR, rows(), held, epochs=60).diagnose()
    assert finding.cause == "unmoved_parameters"
    said(finding, "makes no update of weights", "masks and labels")


def probability(params, X):
    return jax.nn.sigmoid(X @ params["w"])


def cross_entropy(params, batch):
    p = probability(params, batch.X)
    return -(batch.y * jnp.log(p) + (1 - batch.y) * jnp.log(1 - p))


def test_log_of_zero_names_the_rows():
    X, y = classes(100)
    X[[3, 40]] *= 1e4
    problem = jgd.Problem(cross_entropy, init={"w": jnp.zeros(3)}, predict=probability)
    (finding,) = jgd.fit(problem, (X, y.astype(float)), jgd.gd(1e-3), epochs=50).diagnose()
    assert finding.cause == "log_of_zero"
    assert finding.certain
    assert set(finding.numbers["rows"]) <= {3, 40}
    assert finding.numbers["rows"]
    said(finding, "of 100 rows .* the prediction is exactly [01]", "logits")
    stable = jgd.Problem("logistic", init={"w": jnp.zeros(3)}, predict=lambda params, X: X @ params["w"])
    assert "log_of_zero" not in jgd.fit(stable, (X, y), jgd.gd(0.1), epochs=50).diagnose()


def test_an_infinite_loss_by_a_rate_is_no_log_of_zero():
    found = jgd.minimize(lambda w: jnp.sum(w**2), jnp.ones(2), jgd.gd(1e25), steps=9).diagnose()
    assert found.causes == ("learning_rate_too_large",)
    assert not found[0].certain
    said(
        found[0], "the loss grew with learning_rate 1e.25 of gd.*the largest curvature is 2, and steps beyond 1 overshoot", "0.5"
    )


def test_the_layers_where_gradients_vanish():
    finding = MAKERS["vanishing_gradients"][0](102).result.diagnose()[0]
    assert finding.cause == "vanishing_gradients"
    assert not finding.certain
    assert "layer0/w" in finding.numbers["layers"]
    said(
        finding,
        r"gradient of layer0/w.* vanishes \(that of .* is \d\.\de-\d+ of the largest, that of layer\d+/[wb]\)",
        "initializer",
    )


def test_residuals_tell_what_is_missing():
    X, y = rows(500)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    (finding,) = jgd.fit(LINEAR, (frame, y + X[:, 1] * X[:, 2]), jgd.gd(0.1), epochs=300).diagnose()
    assert finding.cause == "model_too_simple"
    assert not finding.certain
    assert finding.numbers["features"][0] == "b * c"
    assert finding.numbers["share"] > 0.8  # of the variance, 1 of 1.09 is the product's
    said(finding, r"structure: b \* c.* in rows held out", r"add such columns \(b \* c first\)")


def test_overfitting_has_the_step_it_began_at():
    X, y = rows(60, 30)[0], np.random.default_rng(1).normal(size=60)  # there is nothing to learn
    result = jgd.fit(LINEAR, (X, y), jgd.gd(0.05), epochs=500, validation=0.3)
    finding = result.diagnose()[0]
    assert finding.cause == "overfitting"
    assert finding.numbers["step"] == result.history.step[np.argmin(result.history.validation_loss)] == result.best.step
    said(finding, r"least, .* \(it was kept: result.best\) and rose to", "patience")


def test_a_diagnosis_is_a_sequence_of_findings_in_order():
    X, y = rows()
    diagnosis = jgd.fit(LINEAR, (X * [1, 100, 1], y), jgd.gd(0.1), epochs=50).diagnose()
    assert [finding.cause for finding in diagnosis] == list(diagnosis.causes)
    assert len(diagnosis) == 2
    assert diagnosis[-1] is diagnosis.findings[1]
    assert diagnosis[:1] == diagnosis.findings[:1]
    assert "badly_scaled_columns" in diagnosis
    assert diagnosis[0] in diagnosis
    assert "noise_floor" not in diagnosis
    assert repr(diagnosis) == "Diagnosis(learning_rate_too_large, badly_scaled_columns)"
    assert re.match(
        r"(diverged|nonfinite) at step \d+\n1\. learning_rate_too_large \(certain\): .*\n  Remedy: .*\n2\. ", str(diagnosis)
    )
    assert all(len(str(finding).splitlines()) == 2 for finding in diagnosis)
    weights = [finding.weight for finding in diagnosis]
    assert weights == sorted(weights, reverse=True)


def test_a_finding_has_a_known_cause():
    with pytest.raises(ValueError, match=r"cause must be one of log_of_zero, .*, found 'bad luck'"):
        jgd.Finding("bad luck", True, "", "")


def test_a_lane_of_a_sweep():
    rates = jgd.over([0.01, 0.3, 5.0])
    sweep = jgd.sweep(LINEAR, rows(), jgd.gd(rates), epochs=60)
    assert [lane.diagnose().causes for lane in sweep] == [("too_few_steps",), (), ("learning_rate_too_large",)]


def test_few_records_tell_noise_from_a_trend():
    X, y = rows(400, 4, noise=1.0)
    made = [jgd.fit(LINEAR, (X, 10 * y), jgd.sgd(0.1), batch_size=1, epochs=10, key=key) for key in range(12)]
    first = [result.diagnose().causes[0] for result in made]
    assert first.count("noise_floor") >= 10, first  # three records would tell half of them to take more steps
    slow = jgd.fit(LINEAR, (X, y), jgd.sgd(0.001), batch_size=8, epochs=10)
    assert slow.diagnose().causes == ("too_few_steps",)


def test_a_noisy_loss_about_its_start_did_not_grow():
    X, y = rows(400, 4)
    depth, width = 8, 16

    def init(key):
        sizes = list(itertools.pairwise([4, *[width] * depth, 1]))
        keys = jax.random.split(key, depth + 1)
        layer = lambda key, size: {"w": 0.1 * jax.random.normal(key, size), "b": jnp.zeros((1, size[1]))}
        return [layer(*each) for each in zip(keys, sizes, strict=True)]

    def loss(params, batch):
        h = batch.X
        for layer in params[:-1]:
            h = jax.nn.sigmoid(h @ layer["w"] + layer["b"])
        return ((h @ params[-1]["w"] + params[-1]["b"])[:, 0] - batch.y) ** 2

    for key in range(2):
        result = jgd.fit(jgd.Problem(loss, init=init), (X, y), jgd.sgd(0.1), batch_size=32, epochs=10, key=key)
        causes = result.diagnose().causes
        assert causes[0] == "vanishing_gradients"
        assert "learning_rate_too_large" not in causes


def test_a_solver_is_no_descent():
    X, y = classes()
    problem, data = jgd.logistic_regression(l2=1e-6), (X * [1e4, 1.0, 1e-3], y)
    early = jgd.solve(problem, data, steps=1)
    assert early.status == "max_steps"
    diagnosis = early.diagnose(tolerance=1e-9)
    assert diagnosis.causes == ("too_few_steps",), diagnosis
    assert "newton" not in diagnosis[0].remedy
    assert "state=" not in diagnosis[0].remedy
    assert jgd.solve(problem, data).diagnose().remarks == ()


def test_averaging_leaves_the_threshold_known():
    chain = jgd.chain(jgd.gd(5.0), jgd.average_iterates())
    (finding,) = jgd.fit(LINEAR, rows(), chain, epochs=50).diagnose()
    assert finding.cause == "learning_rate_too_large"
    assert finding.certain
    said(finding, "exceeds 2/L", "jgd.safe_learning_rate")


def test_what_never_moves_needs_no_more_steps():
    still = jgd.chain(jgd.gd(0.1), jgd.set_to_zero())
    assert jgd.fit(LINEAR, rows(), still, epochs=20).diagnose().causes == ("unmoved_parameters",)


def test_out_of_compiled_code_it_needs_to_be_told():
    X, y = rows()
    train = lambda rate: jgd.train(LINEAR, (X, y), jgd.gd(rate), epochs=50)
    result = jax.jit(train)(5.0)
    with pytest.raises(TypeError, match=r"does not know its problem: result.diagnose\(problem=\.\.\., data=\.\.\., tx="):
        result.diagnose()
    told = result.diagnose(problem=LINEAR, data=(X, y), tx="gd(5.0)")
    assert told[0].cause == "learning_rate_too_large"
    assert told[0].certain
    untold = result.diagnose(problem=LINEAR)
    assert untold.causes == ("learning_rate_too_large",)
    assert not untold[0].certain
    assert "(the chain is not known" in str(untold)
    assert "(the data are not known" in str(untold)
    with pytest.raises(TypeError, match=r"diagnose\(\) is of one result: pick one"):
        jax.vmap(train)(jnp.array([0.1, 5.0])).diagnose()
    with pytest.raises(ValueError, match="tolerance must be above 0, found 0"):
        jgd.fit(LINEAR, (X, y), jgd.gd(0.1), epochs=5).diagnose(tolerance=0)


def test_many_rows_are_looked_at_in_part_and_that_is_said(monkeypatch):
    X, y = rows(20_000)
    monkeypatch.setattr(_thresholds, "PRODUCTS", 1e5)
    monkeypatch.setattr(_thresholds, "NEWTON", 1.0)
    diagnosis = jgd.fit(LINEAR, (X, y), jgd.gd(2.5), epochs=30).diagnose()
    assert diagnosis.causes == ("learning_rate_too_large",)
    assert re.search(r"columns were looked at in [\d,]+ of 20,000 rows", str(diagnosis))


def test_every_threshold_has_a_reason():
    import ast
    from pathlib import Path

    source = Path(_thresholds.__file__).read_text()
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            assert lines[node.lineno - 2].startswith("#"), lines[node.lineno - 1]


def test_the_benchmark_counts_misses(capsys):
    assert diagnoses.main(["--seeds", "1", "--only", "constant_columns"]) == 0
    assert "1 problems: the cause first in 1, found at all in 1; something else besides in 0" in capsys.readouterr().out
    wrong = diagnoses.Seen("healthy", "healthy_gd", 3, ("noise_floor",), (), 0.1)
    text = diagnoses.report([wrong])
    assert "the cause first in 0" in text
    assert "healthy_gd(3), made to have healthy: found noise_floor" in text
