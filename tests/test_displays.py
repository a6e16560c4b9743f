"""Displays: both forms say the same, are well formed, escaped and small whatever they show, and never raise."""

import io
import re
import sys
from html.parser import HTMLParser

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import jgd
from jgd._display import Facts, Shown, Table, View, blocks
from jgd._display import _style as style
from jgd._display._sparkline import curve
from jgd.training._history import History
from jgd.training._notes import HostNotes
from jgd.training._result import Result
from tests.displays import everything, page

LIMIT = 200_000


class Checked(HTMLParser):
    """What is written in a page; tags must be closed in order, and nothing may run."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.tags, self.labels = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag not in ("script", "iframe", "object", "link", "img", "foreignobject"), tag
        assert not [name for name, _ in attributes if name.startswith("on") or name in ("href", "src")], attributes
        self.tags.append(tag)
        if tag == "svg":
            given = dict(attributes)
            assert given["role"] == "img"
            self.labels.append(given["aria-label"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def words(value):
    return " ".join(Checked(value._repr_html_()).words)


@pytest.fixture(scope="module")
def shown():
    return everything()


def test_each_is_well_formed_small_and_says_what_its_text_says(shown):
    for name, value in shown.items():
        html = value._repr_html_()
        assert html is not None, name
        assert html.count("<svg") == len(Checked(html).labels) == html.count("</title>"), name
        assert len(html.encode()) < LIMIT, name
        said = words(value)
        for number in re.findall(r"\d+\.\d{3,}", value._view().text()):
            assert number in said or f"{float(number):.4g}" in said or number in html, (name, number)


def test_the_page_of_all_of_them(shown):
    text = page(shown)
    assert len(text.encode()) < 2 * LIMIT
    for name, value in shown.items():
        assert f"<h2>{name}</h2>" in text or "'" in name, name
        assert type(value).__name__ in text


def test_what_each_kind_tells(shown):
    told = {
        "a fit with validation": ["max_steps", "validation loss dashed", "mini-batches of 32 rows", "160 (20 epochs)"],
        "a classifier with metrics": ["accuracy 0.9", "l2=0.001"],
        "certified": ["converged", "above the optimum"],
        "diverged": ["diverged", "Lower the learning rate"],
        "a batch": ["2 max_steps", "1 diverged", "of a batch of 3"],
        "a chain": ["gradient", "clip_by_global_norm", "max_norm", "learning_rate: 0 to 0 in 1,100 steps, at most 0.1", "update"],
        "a batch of optimizers": ["0.0001 to 1, 5 values"],
        "wrappers": ["lookahead", "sync_period", "clip", "adam"],
        "parts": ["weights:", "bias:", "over 0.1 to 0.2, 2 values (lr)"],
        "optax inside": ["theirs:", "optax"],
        "a schedule": ["warmup_cosine", "at most 0.1"],
        "linear regression": ["minimises mean of |prediction - target|^2 + l2/2 |weights|^2"],
        "softmax": ["-log(probability of the class)"],
        "a regression's data": ["column <0> & more", "worth 225 equal rows"],
        "a classifier's data": ["b<c", "33.3%"],
        "images": ["10 rows of 8 x 8 x 3"],
        "a sweep": ["18 max_steps", "6 diverged", "of 24 lanes of lr, momentum, key in 1 program", "the best lanes"],
        "of which all failed": ["No lane ended well"],
        "cross-validation": ["of 5 folds x 4 settings of l2", "standard error", "solved to their optima"],
        "a path": ["of 30 penalties, 5 folds", "within one standard error"],
        "paths": ["of 2 paths of standardize x 30 penalties", "60 converged", "mean test loss with standardize=", "best l2"],
        "bootstrap": ["of 500 replicates", "weights[4]", "bias"],
        "jackknife": ["of 300 rows left out"],
        "a certificate": ["proved", "above the optimum"],
        "no certificate": ["no bound"],
        "a diagnosis": ["learning rate too large", "certain"],
        "nothing to diagnose": ["nothing found"],
    }
    for name, expected in told.items():
        said = words(shown[name])
        for one in expected:
            assert one in said, (name, one, said)


def test_the_text_of_a_result():
    result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.5), steps=2)
    lines = str(result).splitlines()
    assert lines[0] == "Result: max_steps at step 2"
    assert lines[1] == "  all steps were taken; the loss was 0 and 9 at the start."
    assert lines[2] == "  loss  █▁▁  9 to 0"
    assert "  optimizer      gd(0.5)" in lines
    assert "  parameters     params 2" in lines
    assert repr(result) == "Result(max_steps at step 2: all steps were taken; the loss was 0 and 9 at the start.)"


def test_counts_are_shown_whole():
    X, y = jgd.data.make_classes(12_345, 2, key=0)
    assert "rows 12,345" in str(jgd.solve(jgd.logistic_regression(l2=0.1), (X, y), certify=False))


def test_the_text_of_a_dataset_and_of_a_certificate():
    data = jgd.Dataset([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]], [1.0, 2.0, 3.0], columns=["height", "one"])
    assert str(data).splitlines() == [
        "Dataset: 3 rows x 2 columns, float32",
        "  X  24 bytes, float32",
        "  y  from 1 to 3, mean 2",
        "  column  mean  deviation  least  greatest  values",
        "  height     3       2.16      1         6  █▁█▁▁▁▁▁▁▁▁█",
        "  one        5          0      5         5  ▁",
    ]
    proof = jgd.certificate(jgd.linear_regression(), ([[0.0], [1.0], [2.0]], [0.0, 1.0, 1.0]), jgd.LinearParams([0.5], 0.0))
    assert str(proof).splitlines()[:4] == [
        "Certificate: proved",
        "  objective      0.0833333333333",
        "  at most        0.0278 above the optimum, 0.33 of the objective",
        "  by             exact",
    ]


def test_a_result_shows_a_certificate_once_it_is_known():
    X, y = jgd.data.make_line(20)
    result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.3), epochs=5)
    assert "certificate" not in str(result)
    proof = result.certificate()
    assert f"certificate    at most {proof.gap:.3g} above the optimum ({proof.method})" in str(result)


def test_a_chains_text_is_code_one_link_a_line_with_remarks():
    rate = jgd.schedules.linear(0.1, 0.0, 100)
    tx = jgd.chain(jgd.clip_by_global_norm(1.0), jgd.adam(rate))
    assert str(tx).splitlines() == [
        "chain(",
        "    clip_by_global_norm(1.0),",
        "    adam(schedules.linear(0.1, 0.0, 100.0)),  # learning_rate █▇▇▇▆▆▅▅▄▄▃▃▂▂▁▁ 0.1 to 0 in 110 steps",
        ")",
    ]
    assert str(jgd.chain(jgd.clip(1.0), jgd.sgd(0.1))) == "chain(clip(1.0), sgd(0.1))"
    batch = jgd.stack([jgd.sgd(0.1), jgd.sgd(0.3)])
    assert str(batch) == "sgd(float32[2])  # learning_rate 0.1 to 0.3, 2 values"


@pytest.mark.parametrize(
    "tx",
    [
        jgd.adam(0.1),
        jgd.chain(jgd.clip(1.0), jgd.sgd(jgd.schedules.cosine(0.1, 10))),
        jgd.named_chain(("clip", jgd.clip(1.0)), ("a name that is # long", jgd.adam(jgd.schedules.constant(0.1)))),
        jgd.chain(*[jgd.clip(float(k)) for k in range(1, 30)]),
        jgd.chain(*[jgd.clip(float(k)) for k in range(1, 90)]),
    ],
    ids=lambda tx: tx.name,
)
def test_text_parses_as_the_repr_does(tx):
    assert jgd.parse(str(tx)) == tx == jgd.parse(repr(tx))


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_it_can_be_printed_whatever_the_encoding(monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, newline="\n"))
    print(jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.5), steps=2))
    print(jgd.sgd(jgd.schedules.linear(0.1, 0.0, 100)))
    sys.stdout.flush()
    text = written.getvalue().decode(encoding)
    assert ("loss  █▁▁  9 to 0" if encoding == "utf-8" else "loss  #__  9 to 0") in text
    assert ("█▇▇▇▆▆" if encoding == "utf-8" else "#***++") in text


def test_input_is_escaped():
    bad = "<script>alert(1)</script>\"'&"
    data = jgd.logistic_regression().dataset(([[0.0], [1.0]], [bad, "b"]))
    named = jgd.Dataset([[0.0], [1.0]], columns=[bad])
    chain = jgd.named_chain((bad, jgd.sgd(0.1)))
    for value in (data, named, chain):
        assert "<script" not in value._repr_html_()
        assert bad in "".join(Checked(value._repr_html_()).words)


def big_result(records):
    rng = np.random.default_rng(0)
    loss = np.exp(-np.linspace(0, 5, records)) * (1 + 0.1 * rng.standard_normal(records))
    history = History({"step": np.arange(records), "loss": loss.astype(np.float32), "validation_loss": loss * 2})
    small = jgd.minimize(lambda w: w**2, 1.0, jgd.gd(0.1), steps=1)
    result = Result(small.state, history, np.int32(1), records, None)
    result.notes = HostNotes(tx=jgd.gd(0.1))
    return result


def test_size_does_not_grow_with_what_is_shown():
    result = big_result(1_000_000)
    assert len(result._repr_html_()) < 1.3 * len(big_result(2_000)._repr_html_()) < 20_000
    assert max(map(len, str(result).splitlines())) < 110
    links = [jgd.adam(jgd.schedules.cosine(0.1 * k, 100)) for k in range(1, 51)]
    assert len(jgd.chain(*links)._repr_html_()) < LIMIT
    assert "340 more links" in words(jgd.chain(*[jgd.clip(1.0)] * 400))
    wide = jgd.Dataset(np.zeros((3, 5000)), columns=["long" * 100 + str(i) for i in range(5000)])
    assert "the first 10 of 5,000 columns" in words(wide)
    assert len(wide._repr_html_()) < LIMIT
    many = jgd.logistic_regression(classes=1000).dataset((np.zeros((2000, 1)), np.arange(2000) % 1000))
    assert "the 10 largest of 1,000 classes" in words(many)
    deep = big_result(10)
    deep.state = deep.state._replace(params={f"layer{i}": np.zeros(2) for i in range(500)})
    assert "494 more arrays" in words(deep)
    assert "1,000 numbers in all" in words(deep)


def test_a_sweep_of_ten_thousand_lanes():
    rates = jgd.gd(jgd.over(np.linspace(0.01, 0.9, 10_000).tolist(), name="rate"))
    sweep = jgd.sweep(jgd.Problem(lambda w: (w - 2.0) ** 2, 5.0), None, rates, steps=3)
    assert len(sweep._repr_html_()) < 15_000
    assert "10,000 values from 0.01 to 0.9" in words(sweep)
    lane, rate, status, loss = re.search(r"^  lane .*\n(.*)$", str(sweep), re.M)[1].split()
    assert (int(lane), status, float(loss)) == (sweep.best_lane(), "max_steps", 0.0)
    assert abs(float(rate) - 0.5) < 0.01  # a step of 1/2 ends at the optimum


def test_what_is_drawn_is_bounded_and_gaps_are_gaps():
    assert blocks(np.array([0.0, 1.0, np.nan, np.inf, 0.5])) == "▁█✕✕▅"
    assert blocks(np.full(5, np.nan)) == "✕✕✕✕✕"
    assert blocks(np.zeros(0)) == ""
    assert blocks(np.full(3, 2.0)) == "▁▁▁"
    assert len(blocks(np.arange(1000.0))) == 40
    assert curve({"loss": np.full(3, np.nan)}, "none") == ""
    assert 'class="end"' in curve({"loss": np.array([1.0, 2.0, np.inf])}, "up")
    spike = np.zeros(100_000)
    spike[54_321] = 7.0
    drawn = curve({"loss": spike}, "spike", log=False)
    points = [tuple(map(float, p.split())) for p in re.findall(r"[ML]([\d.e+-]+ [\d.e+-]+)", drawn)]
    assert min(points, key=lambda p: p[1]) == pytest.approx((240 * 0.54321, 0.0), rel=1e-3)
    assert all(0 <= x <= 240 and 0 <= y <= 40 for x, y in points)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [style.LIGHT, style.DARK], ids=["light", "dark"])
def test_contrasts_are_those_of_the_accessibility_guidelines(colours):
    """WCAG 2: 4.5 for text, 3 for what is drawn."""
    for back in ("bg", "box"):
        assert contrast(colours["fg"], colours[back]) > 7
        assert contrast(colours["soft"], colours[back]) > 4.5
        for name in ("good", "warn", "bad", "note", "curve", "other"):
            (tone,) = re.findall(rf"--{name}:(#\w{{6}})", style.CSS)
            assert contrast(tone, colours[back]) > 3, name


def seen(value):
    """Both forms and the repr, none of which may raise."""
    return value._repr_html_(), str(value), repr(value)


def test_nothing_raises_inside_compiled_code():
    X, y = jgd.data.make_line(20)
    said = []

    def run(rate):
        tx = jgd.chain(jgd.clip(1.0), jgd.sgd(rate), jgd.scale(jgd.schedules.constant(rate)))
        result = jgd.train(jgd.linear_regression(l2=rate), (X, y), jgd.sgd(rate), epochs=2)
        said.extend([seen(tx), seen(result), seen(jgd.Dataset(X * rate, y)), seen(jgd.linear_regression(l2=rate))])
        return result

    result = jax.jit(run)(0.1)
    jax.vmap(run)(jnp.array([0.1, 0.2]))
    shapes = jax.eval_shape(run, 0.1)
    assert len(said) >= 8
    assert said[1][1:] == ("Result:\n  Result(traced)", "Result(traced)")
    assert "traced" in said[0][0]
    assert seen(shapes)[2] == "Result(of shape ())"
    assert seen(result)[0] is not None  # out of compiled code, its numbers are there


def test_nothing_raises_where_arrays_were_deleted():
    X, y = jgd.data.make_line(20)
    result = jgd.fit(jgd.linear_regression(), (X, y), jgd.sgd(0.1), epochs=2)
    data, tx = jgd.Dataset(jnp.asarray(X), y), jgd.stack([jgd.sgd(0.1), jgd.sgd(0.2)])
    for leaf in jax.tree.leaves((result.state, data.X, tx)):
        if isinstance(leaf, jax.Array):
            leaf.delete()
    assert seen(result)[2] == "Result(its arrays were deleted)"
    assert "deleted" in seen(tx)[0]
    assert "20 rows x 1 columns" in seen(data)[0]


def test_a_view_that_fails_falls_back_to_the_repr():
    class Broken(Shown):
        def _view(self):
            return View("x", pieces=[Facts([("a", 1 / 0)])])

        def __repr__(self):
            return "Broken()"

    assert (Broken()._repr_html_(), str(Broken())) == (None, "Broken()")


def test_one_that_is_too_large_says_so():
    rows = [("x" * 300, "y" * 300)] * 1000
    html = View("Wide", pieces=[Table(("a", "b"), rows)]).html()
    assert len(html) < LIMIT
    assert "too large to be drawn" in " ".join(Checked(html).words)


def test_in_ipython_a_display_has_both_forms(shown):
    formatter = DisplayFormatter()
    formatter.ipython_display_formatter.enabled = False
    bundle, _ = formatter.format(shown["a chain"])
    assert set(bundle) >= {"text/html", "text/plain"}
    assert bundle["text/plain"].startswith("chain(")


def test_batches_and_float64(x64):
    X, y = jgd.data.make_line(20)
    result = jgd.fit(jgd.linear_regression(), (np.asarray(X, float), np.asarray(y, float)), jgd.sgd(0.1), epochs=3)
    name = "float64" if x64 else "float32"
    assert name in words(jgd.Dataset(np.asarray(X, float), y))
    assert f"{result.objective:.4g}" in words(result)
