"""What a sweep says of itself: tables, the best, spreads, files; and what it refuses."""

import pickle
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest

import jgd
from jgd._factory import factory
from jgd.experiments._settings import Settings
from jgd.experiments._values import labels
from jgd.training._lanes import run_lanes

RATES, KEYS = [0.003, 0.03, 0.3, 30.0], [0, 1, 2]
X, Y = jgd.data.make_linear(48, weights=(1.0, -2.0), noise=0.5, key=1)


def swept(**options):
    tx = jgd.sgd(jgd.over(RATES, name="lr"), momentum=jgd.over([0.0, 0.5]))
    given = dict(batch_size=8, epochs=6, key=jgd.over(KEYS)) | options
    return jgd.sweep(jgd.linear_regression(), (X, Y), tx, **given)


@pytest.fixture(scope="module")
def sweep():
    return swept()


def test_its_table_has_a_row_for_each_lane(sweep):
    frame = sweep.to_frame()
    assert list(frame.columns) == ["lane", "lr", "momentum", "key", "status", "steps", "loss", "grad_norm", "learning_rate"]
    assert frame[["lr", "momentum", "key"]].values.tolist() == [[r, m, k] for r in RATES for m in (0.0, 0.5) for k in KEYS]
    for row in frame.itertuples():
        single = jgd.fit(jgd.linear_regression(), (X, Y), jgd.sgd(row.lr, row.momentum), batch_size=8, epochs=6, key=row.key)
        assert (row.status, row.steps) == (single.status, single.steps)
        assert row.loss == pytest.approx(single.objective, rel=1e-4)


def test_its_long_table_has_a_row_for_each_record(sweep):
    frame = sweep.to_frame(history=True)
    parts = [lane.to_frame().assign(lane=i) for i, lane in enumerate(sweep)]
    alone = pd.concat(parts, ignore_index=True)
    assert len(frame) == sum(len(lane.history) for lane in sweep)
    pd.testing.assert_frame_equal(
        frame[["lane", "step", "epoch", "loss"]], alone[["lane", "step", "epoch", "loss"]], check_dtype=False
    )


def test_a_setting_and_a_record_of_one_name():
    schedule = jgd.schedules.exponential_decay(jgd.over([0.1, 0.2], name="learning_rate"), 1, 0.5)
    for history in (False, True):
        frame = jgd.sweep(jgd.linear_regression(), (X, Y), jgd.gd(schedule), epochs=2).to_frame(history)
        assert sorted(set(frame["learning_rate"])) == [0.1, 0.2]
        assert frame["learning_rate (recorded)"].iloc[-1] == pytest.approx(0.05)


def test_the_best_is_the_least_of_those_that_ended_well(sweep):
    frame = sweep.to_frame()
    fine = frame[frame.status == "max_steps"]
    assert sweep.best_lane() == fine.loss.idxmin()
    best = sweep.best()
    assert best.setting == {
        "lr": fine.loc[fine.loss.idxmin(), "lr"],
        "momentum": 0.5 * (best.setting["momentum"] > 0),
        "key": best.setting["key"],
    }
    assert sweep.best("grad_norm").objective == frame.loc[fine.grad_norm.idxmin(), "loss"]
    assert best.predict(X).shape == (48,)
    assert repr(best.notes.tx).startswith("sgd(0.")


def test_scores_that_are_better_higher():
    labels = np.where(Y > 0.5, "yes", "no")
    sweep = jgd.sweep(
        jgd.logistic_regression(), (X, labels), jgd.gd(jgd.over([1e-6, 0.5])), epochs=20, validation=0.25, metrics=["accuracy"],
        key=jgd.over([0, 1, 2]),
    )  # fmt: skip
    for metric in ("accuracy", "validation_accuracy"):
        assert sweep.best_lane(metric) == np.argmax(sweep.scores(metric))
        assert sweep.best_lane(metric) != np.argmin(sweep.scores(metric))
    assert sweep.best_lane() == np.argmin(sweep.scores("validation_loss"))
    assert set(sweep.best().predict(X)) <= {"yes", "no"}
    single = jgd.fit(jgd.logistic_regression(), (X, labels), jgd.gd(0.5), epochs=20, validation=0.25, metrics=["accuracy"], key=2)
    assert sweep[5].history["validation_accuracy"].tolist() == np.asarray(single.history["validation_accuracy"]).tolist()


def test_spreads_are_those_of_the_table(sweep):
    spread, frame = sweep.spread(), sweep.to_frame()
    for row in spread.itertuples():
        lanes = frame[(frame.lr == row.lr) & (frame.momentum == row.momentum)]
        good = lanes[lanes.status == "max_steps"].loss
        assert (row.lanes, row.failed) == (3, 3 - len(good))
        if len(good) > 1:
            values = [good.mean(), good.std(), good.sem()]
            np.testing.assert_allclose([row.mean, row.std, row.error], values, rtol=1e-4, atol=1e-7)
    assert spread.failed.sum() == (sweep.status != "max_steps").sum() > 0
    other = sweep.spread(over="momentum", metric="grad_norm")
    assert list(other.columns) == ["lr", "key", "lanes", "failed", "mean", "std", "error"]


def test_the_one_standard_error_rule(sweep):
    spread = sweep.spread()
    spread = spread[spread.failed == 0]
    best = spread.loc[spread["mean"].idxmin()]
    good = spread[spread["mean"] <= best["mean"] + best["error"]]
    assert sweep.one_standard_error("lr")["lr"] == good.lr.max()
    assert sweep.one_standard_error("lr", largest=False)["lr"] == good.lr.min()


def test_the_one_standard_error_rule_gives_what_was_given():
    """Two optimizers of one structure, and rates in NumPy's numbers: the setting can be run again."""
    links, rates = [jgd.gd(0.01), jgd.gd(0.02)], [np.float64(1e-3), np.float64(1e-2)]
    sweep = own(problem=jgd.linear_regression(jgd.over(rates, "l2")), tx=jgd.over(links), key=jgd.over([0, 1]), batch_size=8)
    setting = sweep.one_standard_error("l2")
    assert list(setting) == ["l2", "tx"]
    assert setting["l2"] in rates
    assert setting["tx"] in links
    assert len(sweep.where(**setting)) == 2
    with pytest.raises(KeyError, match="'l3' was not swept; did you mean 'l2'"):
        sweep.one_standard_error("l3")
    with pytest.raises(KeyError, match="'key' goes with 'key', over which scores are averaged; known: l2, tx"):
        sweep.one_standard_error("key")
    with pytest.raises(TypeError, match=r"prefer= names a swept number, .*'tx' is none"):
        sweep.one_standard_error("tx")


@pytest.mark.parametrize(
    "select", [lambda s: s.where(lr=lambda lr: lr > 99), lambda s: s[[]], lambda s: s[5:5], lambda s: s[np.zeros(24, bool)]]
)
def test_nothing_selected(sweep, select):
    none = select(sweep)
    assert repr(none) == "Sweep(0 lanes of lr, momentum, key in 1 program: none selected)"
    assert none.summary().splitlines()[:2] == [repr(none), "  lr: 0.003, 0.03, 0.3, 30"]
    assert none.params.weights.shape == (0, 2)
    assert none.history.loss.shape == (0, 7)
    assert list(none.spread().columns) == list(sweep.spread().columns)
    assert list(none.to_frame().columns) == list(sweep.to_frame().columns)
    assert len(none.spread()) == len(none.to_frame()) == len(none.to_frame(history=True)) == 0
    with pytest.raises(ValueError, match=r"no lane was selected: Sweep\(0 lanes"):
        none.best()
    with pytest.raises(ValueError, match="no lane was selected"):
        none.one_standard_error("lr")
    with pytest.raises(ValueError, match="there is nothing to draw: the sweep has no lanes"):
        none.plot()


def test_where_and_indices(sweep):
    some = sweep.where(lr=0.03, key=[0, 2])
    assert [lane.setting["key"] for lane in some] == [0, 2, 0, 2]
    assert len(sweep.where(lr=np.float32(0.03))) == 6
    assert len(sweep.where(lr=lambda lr: lr < 0.1)) == 12
    assert sweep[::2].to_frame().lane.tolist() == list(range(0, 24, 2))
    assert sweep[sweep.status == "max_steps"].status.tolist() == ["max_steps"] * (sweep.status == "max_steps").sum()
    assert sweep[-1].setting == sweep[23].setting
    assert some.params.weights.shape == (4, 2)
    np.testing.assert_array_equal(some[1].params.weights, some.params.weights[1])
    assert "2 lanes" in repr(some.where(momentum=0.5))


def test_it_says_what_was_run(sweep):
    text = sweep.summary()
    assert text.splitlines()[0] == repr(sweep)
    assert "  lr: 0.003, 0.03, 0.3, 30" in text
    assert re.search(r"best loss: 0\.\d+ \(lane \d+: lr=", text)
    assert f"{sweep.steps.sum():,} steps of lanes" in text
    assert f"{sweep.wasted:.1%} of the computed steps were wasted" in text


def test_numbers_in_arrays_of_no_axis_are_numbers():
    rates = [jnp.float32(0.25), np.array(0.5), np.float32(0.125), jnp.bfloat16(1.0)]
    sweep = jgd.sweep(jgd.linear_regression(), (X, Y), jgd.gd(jgd.over(rates)), epochs=2)
    assert sweep.programs == 1
    assert sweep.to_frame()["learning_rate"].tolist() == [0.25, 0.5, 0.125, 1.0]
    assert sweep.where(learning_rate=0.5)[0].params.weights.tolist() == sweep[1].params.weights.tolist()
    assert "  learning_rate: 0.25, 0.5, 0.125, 1\n" in sweep.summary()


def test_structure_is_said():
    sweep = jgd.sweep(
        jgd.linear_regression(), (X, Y), jgd.over([jgd.gd(0.1), jgd.adam(0.1)]), batch_size=jgd.over([1, 16, "full"]), epochs=2
    )
    assert (sweep.programs, len(sweep)) == (6, 6)
    assert sweep.to_frame().tx.tolist() == ["gd(0.1)"] * 3 + ["adam(0.1)"] * 3
    assert "  batch_size: 1, 16, full (sets a structure)" in sweep.summary()
    assert sweep.where(batch_size="full", tx="adam(0.1)")[0].steps == 2
    # Epochs differ in their steps; the table says both.
    assert sweep.to_frame(history=True).groupby("lane").epoch.max().tolist() == [2.0] * 6


def test_precisions_problems_and_flags():
    low = jgd.mixed_precision(jgd.linear_regression(l2=jgd.over([0.0, 0.1])), jgd.over(["bfloat16", "float16"]))
    sweep = jgd.sweep(low, (X, Y), jgd.sgd(0.1, 0.9, nesterov=jgd.over([False, True])), epochs=3)
    assert (len(sweep), sweep.programs, sweep.names) == (8, 4, ("l2", "dtype", "nesterov"))
    single = jgd.fit(
        jgd.mixed_precision(jgd.linear_regression(l2=0.1), "bfloat16"), (X, Y), jgd.sgd(0.1, 0.9, nesterov=True), epochs=3
    )
    lane = sweep.where(l2=0.1, dtype="bfloat16", nesterov=True)[0]
    np.testing.assert_allclose(lane.params.weights, single.params.weights, rtol=1e-2)
    delta = lambda d: jgd.Problem(lambda w, batch: jgd.losses.huber(batch.X @ w, batch.y, d), jnp.zeros(2))
    several = jgd.sweep(jgd.over([delta(0.5), delta(2.0)], name="delta"), (X, Y), jgd.gd(0.1), epochs=3)
    assert several.programs == 2
    single = jgd.fit(delta(2.0), (X, Y), jgd.gd(0.1), epochs=3)
    np.testing.assert_allclose(several[1].params, single.params, rtol=1e-5)


@pytest.mark.parametrize("chain", [lambda link: jgd.chain(jgd.clip(1.0), link), lambda link: jgd.named_chain(("it", link))])
def test_text_in_a_chain_spells_a_link(chain):
    settings = Settings({"tx": chain(jgd.over(["gd(0.1)", "adam(0.2)"], name="link"))})
    assert [settings.setting(lane) for lane in (0, 1)] == [{"link": "gd(0.1)"}, {"link": "adam(0.2)"}]
    assert [settings.resolved(index)["tx"] for index in settings.index] == [chain(jgd.gd(0.1)), chain(jgd.adam(0.2))]


def test_losses_are_swept():
    problem = lambda loss: jgd.Problem(loss, jnp.zeros(2), lambda w, X: X @ w)
    own_loss = lambda w, batch: jnp.abs(batch.X @ w - batch.y)
    values = ["huber", own_loss, "squared_error"]
    sweep = jgd.sweep(problem(jgd.over(values)), (X, Y), jgd.gd(0.1), epochs=2)
    assert (sweep.names, sweep.programs) == (("loss",), 3)
    for lane, loss in zip(sweep, values, strict=True):
        np.testing.assert_allclose(lane.params, jgd.fit(problem(loss), (X, Y), jgd.gd(0.1), epochs=2).params, rtol=1e-5)


def test_zipped_values_go_hand_in_hand():
    tx = jgd.gd(jgd.over([0.1, 0.2, 0.3], name="size"))
    sweep = jgd.sweep(jgd.linear_regression(), (X, Y), tx, batch_size=jgd.over([8, 16, 24], name="size"), epochs=1)
    assert [tuple(lane.setting.values()) for lane in sweep] == [(0.1, 8), (0.2, 16), (0.3, 24)]
    assert sweep.names == ("size", "size (batch_size)")
    rates = jgd.over([0.1, 0.2], name="lr")
    one = jgd.sweep(jgd.linear_regression(l2=rates), (X, Y), jgd.gd(rates), epochs=1)
    assert (one.names, len(one)) == (("lr",), 2)


def test_names_that_would_be_the_same_are_told_apart():
    tx = jgd.chain(jgd.sgd(jgd.over([0.1, 0.2])), jgd.add_decayed_weights(jgd.over([0.0, 0.1])), jgd.gd(jgd.over([1.0])))
    sweep = jgd.sweep(jgd.linear_regression(), (X, Y), tx, epochs=1)
    assert sweep.names == ("sgd.learning_rate", "weight_decay", "gd.learning_rate")
    sweep = jgd.sweep(jgd.linear_regression(), (X, Y), jgd.gd(0.1), steps=jgd.over([2, 5]))
    assert sweep.to_frame()[["steps (given)", "steps"]].values.tolist() == [[2, 2], [5, 5]]


def test_draws():
    draws = jgd.sample(50, lr=jgd.log_uniform(1e-3, 0.1), l2=jgd.uniform(0.0, 1.0), batch_size=[8, 16], key=3)
    sweep = jgd.sweep(jgd.linear_regression(l2=draws.l2), (X, Y), jgd.gd(draws["lr"]), batch_size=draws.batch_size, epochs=2)
    assert (len(sweep), sweep.programs) == (50, 2)
    frame = sweep.to_frame()
    assert frame.lr.between(1e-3, 0.1).all()
    assert frame.l2.between(0, 1).all()
    assert set(frame.batch_size) == {8, 16}
    again = jgd.sample(80, lr=jgd.log_uniform(1e-3, 0.1), l2=jgd.uniform(0.0, 1.0), batch_size=[8, 16], key=3)
    assert again.lr.values[:50] == draws.lr.values
    assert jgd.sample(50, lr=jgd.log_uniform(1e-3, 0.1), key=4).lr.values != draws.lr.values


def test_draws_named_as_methods_of_a_mapping():
    draws = jgd.sample(4, items=jgd.uniform(0.0, 1.0), get=[8, 16], lr=jgd.uniform(0.0, 1.0))
    assert list(draws.items()) == [(name, draws[name]) for name in ("items", "get", "lr")]
    assert set(draws["get"].values) <= {8, 16}
    assert draws["lr"] is draws.lr
    with pytest.raises(AttributeError, match="nothing called 'lrr' was drawn, only items, get, lr"):
        _ = draws.lrr


@pytest.mark.parametrize("draw", [jgd.sample, jgd.halton])
def test_draws_fill_their_range(draw):
    values = np.log10(draw(400, lr=jgd.log_uniform(1e-4, 1.0)).lr.values)
    counts = np.histogram(values, bins=8, range=(-4, 0))[0]
    assert counts.sum() == 400
    assert (np.abs(counts - 50) <= (4 if draw is jgd.halton else 30)).all()


def test_it_comes_back_from_a_file(sweep, tmp_path):
    sweep.save(tmp_path / "sweep")
    back = jgd.Sweep.load(tmp_path / "sweep")
    pd.testing.assert_frame_equal(back.to_frame(history=True), sweep.to_frame(history=True))
    assert repr(back) == repr(sweep)
    assert back.summary() == sweep.summary()
    np.testing.assert_array_equal(back.best().predict(X), sweep.best().predict(X))
    assert (tmp_path / "sweep").stat().st_size < 100_000
    noisy = jgd.sweep(jgd.linear_regression(), (X, Y), jgd.noisy_sgd(jgd.over([0.1, 0.2]), key=1), epochs=2)
    noisy.save(tmp_path / "noisy")
    state = jgd.Sweep.load(tmp_path / "noisy")[1].state
    assert jgd.fit(jgd.linear_regression(), (X, Y), jgd.noisy_sgd(0.2, key=1), epochs=1, state=state).steps == 1
    by_lambda = jgd.sweep(jgd.Problem(lambda w: w**2, 1.0), None, jgd.gd(jgd.over([0.1])), steps=2)
    with pytest.raises(TypeError, match=r"cannot be saved .*give functions that a module defines, not lambdas"):
        by_lambda.save(tmp_path / "lambda")
    assert not (tmp_path / "lambda").exists()


XS, BOTH = [np.asarray(X), np.asarray(2 * X)], [(X, Y), (2 * X, Y)]
HELD = [jgd.Dataset(X[:9], sign * Y[:9]) for sign in (1, -1)]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (dict(data=(jgd.over(XS), Y)), {"data": ["0: float32[48,2]", "1: float32[48,2]"]}),
        (dict(data=jgd.over(BOTH, "which")), {"which": ["0: (float32[48,2], float32[48])", "1: (float32[48,2], float32[48])"]}),
        (
            dict(
                data=jgd.over([jgd.Dataset(*one) for one in BOTH], "which"),
                validation=jgd.over(HELD, "which"),
            ),
            {"which (validation)": ["0: Dataset(9 rows x 2 columns, float32)", "1: Dataset(9 rows x 2 columns, float32)"]},
        ),
    ],
    ids=["in a tuple", "pairs", "zipped"],
)
def test_swept_data_are_named_and_no_rows_are_written(options, shown, tmp_path):
    sweep = own(tx=jgd.gd(0.1), **options)
    frame = sweep.to_frame()
    assert {name: frame[name].tolist() for name in shown} == shown
    sweep.save(tmp_path / "sweep")
    back = jgd.Sweep.load(tmp_path / "sweep")
    pd.testing.assert_frame_equal(back.to_frame(), frame)
    np.testing.assert_array_equal(back[1].params.weights, sweep[1].params.weights)
    written = (tmp_path / "sweep").read_bytes()
    assert not any(np.asarray(part[10:15]).tobytes() in written for part in (X, 2 * X, Y))
    assert len(sweep.where(**sweep[1].setting)) == len(back.where(**{name: texts[1] for name, texts in shown.items()})) == 1


def test_labels_of_what_is_no_number():
    class Point(NamedTuple):
        at: object
        far: object
        one: object

    point = Point(np.zeros(3), [*range(20)], jnp.float32(0.5))
    values = [None, np.True_, jnp.asarray(False), "text", point, jgd.gd(0.1), [1, 2], jax.random.key(0)]
    wanted = [None, True, False, "text", "Point(at=float64[3], far=list of 20, one=0.5)", "gd(0.1)", "[1, 2]", "key<fry>[]"]
    assert labels(values) == wanted


def test_one_lane_and_no_over():
    sweep = jgd.sweep(jgd.linear_regression(), (X, Y), jgd.gd(0.1), epochs=3)
    assert (len(sweep), sweep.names, sweep[0].setting) == (1, (), {})
    assert repr(sweep) == "Sweep(1 lane in 1 program: 1 max_steps)"
    np.testing.assert_allclose(
        sweep[0].params.weights, jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(0.1), epochs=3).params.weights
    )


def test_parameters_of_several_shapes():
    problems = [jgd.Problem(lambda w: jnp.sum(w**2), jnp.ones(n)) for n in (2, 3)]
    sweep = jgd.sweep(jgd.over(problems), None, jgd.gd(0.1), steps=2)
    with pytest.raises(ValueError, match="the lanes' parameters differ in shape: take one lane"):
        _ = sweep.params
    assert sweep[[1]].params.shape == (1, 3)


def test_progress_counts_lanes(capsys):
    swept(progress=True, epochs=200, batch_size=1)
    shown = re.findall(r"(\d+) running, (\d+) ended, (\d+) failed", capsys.readouterr().err)
    assert all(sum(map(int, counts)) == 24 for counts in shown)
    final = swept(epochs=200, batch_size=1)
    failed = int(np.isin(final.status, ("diverged", "nonfinite")).sum())
    assert tuple(map(int, shown[-1])) == (0, 24 - failed, failed)


def test_watched_or_not_the_numbers_are_the_same():
    for a, b in zip(*(jax.tree.leaves(list(swept(progress=p))) for p in (False, True)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_interruption_keeps_what_there_is(monkeypatch):
    """Of five programs two run at a time; the user loses patience at the second glance."""
    from jgd.experiments import _run

    real, calls = _run.wait, []

    def wait(waiting, timeout=None):
        calls.append(timeout)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(waiting, timeout=timeout)

    monkeypatch.setattr(_run, "wait", wait)
    monkeypatch.setattr(_run, "cores", lambda: 2)
    kinds = [jgd.gd, jgd.adam, jgd.rmsprop, jgd.lion, jgd.sign_sgd]
    chains = [kind(rate) for kind in kinds for rate in (1e-6, 1e-5)]
    sweep = jgd.sweep(jgd.linear_regression(), (X, Y), jgd.over(chains), batch_size=1, epochs=1_000_000, progress=True)
    assert set(sweep.status) == {"max_steps"}
    assert (sweep.steps < 48_000_000).all()
    assert (sweep.steps[:4] > 0).all()
    assert (sweep.steps[4:] == 0).all()
    assert "the sweep was interrupted" in sweep.summary()
    assert "the sweep was interrupted" in sweep[0].message
    assert len(sweep.to_frame()) == 10
    assert np.isnan(sweep.objective[4:]).all()
    with pytest.raises(ValueError, match="lane 9 never started: the sweep was interrupted"):
        sweep[9]
    assert sweep.best_lane() < 4


def test_finding_a_learning_rate():
    found = jgd.find_learning_rate(jgd.linear_regression(), (X, Y), jgd.gd(1.0), low=1e-4, high=100.0, batch_size="full", keys=1)
    largest = (
        2 / np.linalg.eigvalsh(2 * np.cov(np.c_[X, np.ones(48)].T, bias=True) + 2 * np.outer(*[np.r_[X.mean(0), 1]] * 2)).max()
    )
    # Far above 2 / L the loss has grown again; the steepest fall is below it.
    assert found.suggestion < largest < 10 * found.largest
    assert found.suggestion < found.largest < 3 * largest
    one = jgd.fit(jgd.linear_regression(), (X, Y), jgd.gd(jgd.schedules.exponential_decay(1e-4, 99, 1e6)), steps=100, record=1)
    count = int(np.nanargmin(found.loss[0]))  # beyond it rounding is blown up
    np.testing.assert_allclose(found.loss[0][:count], one.history.loss[:count], rtol=1e-4)
    assert found.to_frame().columns.tolist() == ["learning_rate", "mean", "loss_0"]


def test_the_finder_takes_any_key_and_few_rows():
    find = lambda data, key: jgd.find_learning_rate(jgd.linear_regression(), data, jgd.sgd(0.1), keys=2, key=key)
    few = (X[:10], Y[:10])
    by_hand = jgd.fit(jgd.linear_regression(), few, jgd.sgd(jgd.schedules.exponential_decay(1e-5, 99, 1e6)), steps=30, record=1)
    for loss in find(few, 0).loss:
        np.testing.assert_allclose(loss[:30], by_hand.history.loss[:30], rtol=1e-5)
    assert len({tuple(loss[:5]) for key in (7, np.int64(8), jax.random.key(7)) for loss in find((X, Y), key).loss}) == 5
    no_data = jgd.find_learning_rate(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, jgd.gd(0.1))
    assert 0.5 < no_data.largest < 2.5  # one step of 0.5 is the whole way, and 1 is the largest that does not grow


def finding(**options):
    given = dict(problem=jgd.linear_regression(), data=(X, Y), tx=jgd.sgd(0.1)) | options
    return jgd.find_learning_rate(**given)


def own(**options):
    given = dict(problem=jgd.linear_regression(), data=(X, Y), tx=jgd.gd(jgd.over([0.1, 0.2])), epochs=2) | options
    return jgd.sweep(**given)


REFUSED = [
    ("over nothing", lambda: jgd.over([]), ValueError, "over needs at least one value, found none"),
    ("over text", lambda: jgd.over("abc"), TypeError, "over takes a list of values, found 'abc'"),
    ("name is no text", lambda: jgd.over([1], name=3), TypeError, "the name of an over is text, found 3"),
    ("over times a number", lambda: 0.1 * jgd.over([1, 2]), TypeError,
     r"over\(\[1, 2\]\) is no number to calculate with: calculate its values, as in over"),
    ("over plus an array", lambda: np.ones(2) + jgd.over([1, 2]), TypeError, "is no number to calculate with"),
    ("lengths", lambda: own(tx=jgd.gd(jgd.over([0.1, 0.2], "a")), batch_size=jgd.over([1, 2, 3], "a")), ValueError,
     r"'a' is zipped, but has 2 values at gd.learning_rate and 3 at batch_size: give as many, or another name, which crosses"),
    ("two kinds", lambda: own(problem=jgd.linear_regression(jgd.over([1, 2], "a")), tx=jgd.over([jgd.gd(1), jgd.adam(1)], "a")),
     TypeError, "the name 'a' is used for two kinds of thing, numbers at linear_regression.l2 and GradientTransformation at tx"),
    ("taken name", lambda: own(tx=jgd.gd(jgd.over([0.1], "status"))), ValueError, "the name 'status' is taken"),
    ("out of range", lambda: own(tx=jgd.gd(jgd.over([0.1, -0.2]))), ValueError, "learning_rate must be at least 0.*found -0.2"),
    ("nan", lambda: own(tx=jgd.gd(jgd.over([0.1, np.nan]))), ValueError, "learning_rate is NaN"),
    ("beyond float64", lambda: own(tx=jgd.gd(jgd.over([0.1, 10**400]))), ValueError,
     "values must be finite numbers, found one of 1329 bits"),
    ("a count beyond float64", lambda: own(batch_size=jgd.over([8, 10**5000])), ValueError, "found one of 16610 bits"),
    ("rows of numbers", lambda: own(tx=jgd.gd(jgd.over(np.ones((2, 3))))), TypeError,
     r"gd: learning_rate takes an over of single numbers, found values of shape \(3,\): give a flat list"),
    ("bad structure", lambda: own(batch_size=jgd.over([8, 1000])), ValueError, "batch_size"),
    ("bad optimizer", lambda: own(tx=jgd.over([jgd.gd(0.1), 3])), TypeError, "tx is not an optimizer"),
    ("bad text in a chain", lambda: own(tx=jgd.chain(jgd.over(["gd(0.1)", "adm(0.1)"]))), ValueError,
     "unknown name 'adm'; did you mean 'adam'"),
    ("bad loss", lambda: own(problem=jgd.Problem(jgd.over([3, "huber"]), jnp.zeros(2), jnp.dot)), TypeError,
     "loss must be a function .* found 3"),
    ("bad loss by name", lambda: own(problem=jgd.Problem(jgd.over(["hubr", "huber"]), jnp.zeros(2), jnp.dot)), ValueError,
     "unknown loss 'hubr'; did you mean 'huber'"),
    ("bad predict", lambda: own(problem=jgd.Problem("huber", jnp.zeros(2), jgd.over([3, jnp.dot]))), TypeError,
     "predict must be a function predict"),
    ("bad key", lambda: own(key=jgd.over([0, 0.5])), TypeError, "key must be a whole number"),
    ("many programs", lambda: own(batch_size=jgd.over(range(1, 49)), tx=jgd.over([jgd.gd(1), jgd.adam(1)])), ValueError,
     "these are 96 programs, as each value of tx, batch_size may be another: .*confirm=True"),
    ("many lanes", lambda: own(tx=jgd.adam(jgd.over(range(1, 1002)), jgd.over(np.linspace(0, 0.9, 1000)))), ValueError,
     "these are 1,001,000 lanes: .*confirm=True"),
    ("memory", lambda: own(memory=-1), ValueError, "memory must be a number of bytes"),
    ("copies for keys", lambda: own(validation=0.25, key=jgd.over(range(500)), memory=5e5), ValueError,
     r"validation=0.25 splits the data anew for each of 500 keys, which takes 0.3 MB, more than half of the 0.5 MB .*"
     r"give validation=\(X, y\), which all keys share, fewer keys"),
    ("memory is a flag", lambda: own(memory=True), ValueError, "memory must be a number of bytes, .*found True"),
    ("memory over", lambda: own(memory=jgd.over([1e9, 2e9])), TypeError, "memory says how all lanes are run.*found over"),
    ("halving over", lambda: own(halving=jgd.over([2, 3])), TypeError, "halving says how all lanes.*one value, found over"),
    ("confirm over", lambda: own(confirm=jgd.over([True])), TypeError, "confirm says how all lanes are run"),
    ("progress over", lambda: own(progress=jgd.over([True])), TypeError, "progress says how all lanes are run"),
    ("confirm is text", lambda: own(confirm="no"), TypeError, "confirm must be True or False, found 'no'"),
    ("halving", lambda: own(halving=1), ValueError, "halving must be at least 2, found 1"),
    ("seconds", lambda: own(stop=jgd.stopping.seconds(3)), ValueError, "reads the host's clock"),
    ("not in a trace", lambda: jax.jit(lambda r: own(tx=jgd.gd(r)).steps)(0.1), TypeError, "sweep looks at numbers"),
    ("plateau", lambda: own(tx=jgd.chain(jgd.gd(1), jgd.contrib.reduce_on_plateau(jgd.over([0.1, 2.0])))), ValueError,
     "factor must be .*found 2"),
    ("no range", lambda: jgd.sample(3), ValueError, "sample needs at least one range"),
    ("range is a number", lambda: jgd.halton(3, lr=0.1), TypeError, "lr must be a range such as .* or a list, found 0.1"),
    ("log range", lambda: jgd.log_uniform(0, 1), ValueError, "needs finite positive ends"),
    ("order of ends", lambda: jgd.uniform(1, 0), ValueError, "needs finite ends, the lower first"),
    ("finder without a rate", lambda: jgd.find_learning_rate(jgd.linear_regression(), (X, Y), jgd.scale(0.1)), ValueError,
     "replaces the one learning_rate of an optimizer, found none"),
    ("finder over", lambda: finding(tx=jgd.chain(jgd.clip(jgd.over([1, 2])), jgd.gd(1))), TypeError,
     r"tries one setting, but tx holds over\(\[1, 2\]\): call it for each"),
    ("finder over an option", lambda: finding(validation=jgd.over([0.1, 0.2])), TypeError, "one setting, but validation holds"),
    ("finder over keys", lambda: finding(key=jgd.over([1, 2])), TypeError, "one setting, but key holds"),
    ("finder records", lambda: finding(record=1), TypeError, "records every step of a run of steps= steps, and takes no record="),
    ("finder epochs", lambda: finding(epochs=1), TypeError, "takes no epochs="),
    ("finder text", lambda: finding(low="a"), TypeError, "low and high must be numbers, found 'a' and 10.0"),
    ("finder None", lambda: finding(high=None), TypeError, "low and high must be numbers, found 1e-05 and None"),
    ("finder infinite", lambda: finding(high=np.inf), ValueError, "positive and finite"),
    ("finder key", lambda: finding(key=None), TypeError, "key must be a whole number or a JAX key, found None"),
    ("finder without data", lambda: finding(data=None), TypeError, "linear_regression needs data"),
    ("finder range", lambda: jgd.find_learning_rate(jgd.linear_regression(), (X, Y), jgd.gd(1), low=1, high=0.1), ValueError,
     "low and high must be positive"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_before_anything_is_compiled(call, error, message):
    before = run_lanes._cache_size()
    with pytest.raises(error, match=message):
        call()
    assert run_lanes._cache_size() == before


def _refuse_more(made):
    if np.any(np.asarray(made.size) > made.most):
        raise ValueError(f"size is more than most={made.most}.")


def _bounded(size, most):
    return optax.scale(-size)


bounded = factory(_bounded, jgd.GradientTransformation, name="bounded", static=("most",), check=_refuse_more)


def test_arguments_are_checked_together_in_each_structure():
    one = lambda **names: bounded(jgd.over([0.1, 2.0], **names), jgd.over([3, 1], **names))
    with pytest.raises(ValueError, match="size is more than most=1"):
        own(tx=one())
    with pytest.raises(ValueError, match="size is more than most=1"):
        own(tx=one(name="together"))
    assert len(own(tx=bounded(jgd.over([2.0, 0.1], "both"), jgd.over([3, 1], "both")))) == 2


def test_confirmed_and_with_numpys_numbers_it_runs():
    how = dict(confirm=np.True_, memory=np.int64(10**9))
    sweep = own(batch_size=jgd.over(range(1, 3)), tx=jgd.over([jgd.gd(0.1), jgd.adam(0.1)]), **how)
    assert len(sweep) == 4


def test_settings_that_were_not_swept(sweep):
    with pytest.raises(KeyError, match="'learning_rte' was not swept; known: key, lr, momentum"):
        sweep.where(learning_rte=1)
    with pytest.raises(KeyError, match="'momentun' was not swept; did you mean 'momentum'"):
        sweep.where(momentun=1)
    with pytest.raises(ValueError, match=r"lr was not swept over 0\.1; near it are 0\.03, 0\.003, 0\.3"):
        sweep.where(lr=0.1)
    with pytest.raises(KeyError, match="'lss' was not recorded; did you mean 'loss'"):
        sweep.scores("lss")
    with pytest.raises(IndexError, match="there is no lane 24: the 24 lanes"):
        sweep[24]
    failed = sweep.where(lr=30.0)
    with pytest.raises(ValueError, match=r"no lane ended well.*Lower the learning rates"):
        failed.best()


def test_an_over_used_outside_a_sweep_says_so():
    with pytest.raises(TypeError, match=r"over\(\[0.1\]\) stands for many values, which jgd.sweep tries"):
        jgd.adam(jgd.over([0.1])).update(1.0, jgd.adam(0.1).init(1.0), 1.0)
    assert pickle.loads(pickle.dumps(jgd.over([0.1, 0.2], "lr"))).values == (0.1, 0.2)
    assert jgd.adam(jgd.over([0.1])) != jgd.adam(0.1)
    assert isinstance(hash(jgd.adam(jgd.over([0.1]))), int)


def test_an_over_beside_a_rule():
    """In either order, and as `either` and `both` have it; each rule is a structure."""
    rules = jgd.over([jgd.stopping.target(3.0), jgd.stopping.target(1.0)])
    quadratic = jgd.Problem(lambda w: (w - 2.0) ** 2, init=5.0)
    run = lambda stop: jgd.sweep(quadratic, None, jgd.gd(0.1), steps=30, stop=stop).steps.tolist()
    alone = [jgd.fit(quadratic, None, jgd.gd(0.1), steps=30, stop=jgd.stopping.target(level)).steps for level in (3.0, 1.0, 0.1)]
    third = jgd.stopping.target(0.1)
    assert run(third | rules) == run(rules | third) == alone[:2]
    assert run(third & rules) == run(rules & third) == [alone[2]] * 2
