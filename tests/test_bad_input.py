"""Bad input gets a message that says what was wrong, what was found and what to do, before anything is compiled."""

import datetime
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest

import jgd
from jgd import _factory
from jgd.training import _driver

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X @ [1.0, -2.0]
LABELS = np.arange(12) % 2
TEXT = ["a", "b"] * 6
ONES = np.ones(12)
DAYS = pd.date_range("2020", periods=12)
FRAME = pd.DataFrame(X, columns=["age", "height"])
LINEAR, LOGISTIC = jgd.linear_regression(), jgd.logistic_regression()
BOWL = jgd.Problem(lambda w: jnp.sum((w - 2.0) ** 2), init=np.zeros(3))


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """What a test lifts is forgotten after it."""
    monkeypatch.setattr(_factory, "REGISTRY", dict(_factory.REGISTRY))


def fit(problem=LINEAR, data=(X, Y), tx=jgd.gd(0.1), **options):
    return jgd.fit(problem, data, tx, **{"steps": 3} | options)


def bowl(**options):
    return fit(BOWL, None, **options)


def of(loss, init=0.0, data=None):
    """A fit of a loss of one's own."""
    return fit(jgd.Problem(loss, init=init), data)


def squares(w, batch):
    return (batch.X @ w - batch.y) ** 2


def put(values, at, value):
    """A copy with one entry changed."""
    values = np.array(values, float)
    values[at] = value
    return values


def plain(x):
    return x


@functools.cache
def fitted(columns=False):
    return fit(data=(FRAME if columns else X, Y))


def batch_of_results():
    return jax.vmap(lambda tx: jgd.train(LINEAR, (X, Y), tx, steps=2))(jgd.stack([jgd.gd(0.1), jgd.gd(0.2)]))


def compiled_result():
    return jax.jit(lambda: jgd.train(LINEAR, (X, Y), jgd.gd(0.1), steps=2))()


def unlike(after):
    """An optax transformation whose state is an int32 zero before its first step, and this afterwards."""
    return optax.GradientTransformation(lambda params: jnp.int32(0), lambda updates, state, params=None: (updates, after))


def returning(answer):
    """An optax transformation whose update returns this of the gradient and the state."""
    return optax.GradientTransformation(lambda params: (), lambda updates, state, params=None: answer(updates, state))


def of_init(init):
    return of(lambda w: jnp.sum(w**2), init)


GROWING = optax.GradientTransformation(lambda params: (), lambda updates, state, params=None: (updates, (*state, 1.0)))
LOSS = type("Loss", (), {"__name__": "loss", "__call__": lambda self, target, prediction: 0.0})()
KEY = "key must be a whole number or a JAX key, found"


@functools.cache
def state_of_adam():
    return fit(tx=jgd.adam(0.1)).state


def table(**groups):
    """Runs a test for each (name, call, error, message) of each group."""
    cases = [pytest.param(*case, id=f"{group}: {name}") for group, cases in groups.items() for name, *case in cases]
    return pytest.mark.parametrize(("call", "error", "message"), cases)


def refused(call, error, message):
    """Raises as it should, in words that can be read: no pages of numbers, no addresses."""
    with pytest.raises(error, match=message) as caught:
        call()
    text = str(caught.value)
    assert len(text) < 700
    assert not re.search(r"\b0x[0-9a-f]{6}", text)


DATA = [
    ("no rows", lambda: fit(data=(X[:0], Y[:0])), ValueError,
     r"X is empty: found shape \(0, 2\); it needs at least one row"),
    ("no columns", lambda: fit(data=(X[:, :0], Y)), ValueError,
     r"X is empty: found shape \(12, 0\); .*at least one .*column"),
    ("empty frame", lambda: fit(data=(pd.DataFrame(), [])), ValueError, r"X is empty: found shape \(0, 0\)"),
    ("X of one dimension", lambda: fit(data=(X[:, 0], Y)), ValueError,
     r"2 dimensions.*found shape \(12,\); X\.reshape\(-1, 1\)"),
    ("X a column of a frame", lambda: fit(data=(FRAME["age"], Y)), ValueError, r"found shape \(12,\); X\.reshape\(-1, 1\)"),
    ("X of three dimensions", lambda: fit(data=(X[:, None], Y)), ValueError,
     r"linear_regression needs X of 2 dimensions.*found shape \(12, 1, 2\); flatten each row"),
    ("lengths", lambda: fit(data=(X, Y[:5])), ValueError, "X and y differ in length: X has 12 rows, y has 5"),
    ("y a number", lambda: fit(data=(X, 3.0)), ValueError, r"y must have 1 dimension .*found shape \(\)"),
    ("y of three dimensions", lambda: fit(data=(X, Y[:, None, None])), ValueError, r"y must .*found shape \(12, 1, 1\)"),
    ("NaN in X", lambda: fit(data=(put(X, ([1, 3], 1), np.nan), Y)), ValueError,
     r"X has 2 NaN values \(column 1: 2\).*fill"),
    ("infinity in X", lambda: fit(data=(put(X, (3, 0), -np.inf), Y)), ValueError,
     r"X has 1 infinite values \(column 0: 1\)"),
    ("both in X", lambda: fit(data=(put(put(X, (3, 0), np.inf), (0, 1), np.nan), Y)), ValueError,
     "1 NaN and 1 infinite values"),
    ("JAX X", lambda: fit(data=(jnp.asarray(put(X, (3, 1), np.inf)), Y)), ValueError,
     r"X has 1 infinite values \(column 1: 1\)"),
    ("NaN in a frame", lambda: fit(data=(FRAME.assign(height=put(Y, slice(3), np.nan)), Y)), ValueError,
     r"X has 3 NaN values \(column height: 3\).*drop those rows or fill them in"),
    ("NA in a nullable column", lambda: fit(data=(FRAME.assign(n=pd.array([None, *range(11)], dtype="Int64")), Y)),
     ValueError, r"X has 1 NaN values \(column n: 1\)"),
    ("NaN in y", lambda: fit(data=(X, put(Y, 2, np.nan))), ValueError, "y has 1 NaN values.*drop those rows"),
    ("NaN in outputs", lambda: fit(data=(X, put(X, (2, 1), np.nan))), ValueError, r"y has 1 NaN values \(column 1: 1\)"),
    ("infinity in y", lambda: fit(data=(X, put(Y, 2, np.inf))), ValueError, "y has 1 infinite values"),
    ("NA in y", lambda: fit(data=(X, pd.Series([None, *range(11)], dtype="Int64"))), ValueError, "y has 1 NaN values"),
    ("NaN label", lambda: fit(LOGISTIC, (X, put(LABELS, 2, np.nan))), ValueError, "y has 1 NaN values"),
    ("NaN weight", lambda: fit(data=(X, Y, put(ONES, 0, np.nan))), ValueError, "sample_weight has 1 NaN values"),
    ("infinite weight", lambda: fit(data=(X, Y, put(ONES, 0, np.inf))), ValueError, "sample_weight has 1 infinite values"),
    ("weights all 0", lambda: fit(data=(X, Y, 0 * ONES)), ValueError,
     "sample_weight sums to zero: at least one row must count"),
    ("few weights", lambda: fit(data=(X, Y, ONES[:5])), ValueError, r"must have shape \(12,\), one per row, found \(5,\)"),
    ("weights as column", lambda: fit(data=(X, Y, ONES[:, None])), ValueError,
     r"shape \(12,\), one per row, found \(12, 1\)"),
    ("text weights", lambda: fit(data=(X, Y, TEXT)), TypeError, "sample_weight is text, not numbers"),
    ("complex X", lambda: fit(data=(X + 1j, Y)), TypeError,
     r"X is complex \(complex128\); give its real part, or .*two columns"),
    ("complex y", lambda: fit(data=(X, Y + 1j)), TypeError, r"y is complex \(complex128\)"),
    ("complex weights", lambda: fit(data=(X, Y, ONES + 0j)), TypeError, r"sample_weight is complex \(complex128\)"),
    ("object X", lambda: fit(data=(np.array([[1, "a"]] * 12, object), Y)), TypeError, "X .*object.*encode text as numbers"),
    ("dates among lists", lambda: fit(data=([[datetime.date(2020, 1, 1)]] * 12, Y)), TypeError, "X .*object"),
    ("object y", lambda: fit(data=(X, [None, *Y[1:]])), TypeError,
     "y has dtype object holding NoneType, float.*; give numbers"),
    ("missing label", lambda: fit(LOGISTIC, (X, [None, *TEXT[1:]])), TypeError, "holding NoneType, str; .*all text"),
    ("text column", lambda: fit(data=(FRAME.assign(town="x"), Y)), TypeError, "not numbers: 'town' .*get_dummies"),
    ("string column", lambda: fit(data=(FRAME.assign(town=pd.array(TEXT, "string")), Y)), TypeError, r"'town' \(string\)"),
    ("categories", lambda: fit(data=(FRAME.assign(town=pd.Categorical(TEXT)), Y)), TypeError, r"'town' \(category\)"),
    ("object column", lambda: fit(data=(FRAME.assign(n=np.array(LABELS, object)), Y)), TypeError, r"'n' \(object\)"),
    ("complex column", lambda: fit(data=(FRAME.assign(z=1j), Y)), TypeError, r"not numbers: 'z' \(complex128\)"),
    ("two bad columns", lambda: fit(data=(FRAME.assign(u="x", day=DAYS), Y)), TypeError, "not numbers: 'u' .*, 'day' "),
    ("column of dates", lambda: fit(data=(FRAME.assign(day=DAYS), Y)), TypeError, r"not numbers: 'day' \(datetime64"),
    ("column with zone", lambda: fit(data=(FRAME.assign(day=DAYS.tz_localize("UTC")), Y)), TypeError,
     r"'day' \(datetime64\[.*UTC"),
    ("text X", lambda: fit(data=([["a", "b"]] * 12, Y)), TypeError, "X is text, not numbers; encode text as numbers first"),
    ("dates as y", lambda: fit(data=(X, DAYS.to_series())), TypeError, "y is dates, not numbers"),
    ("text y for a loss", lambda: of(squares, np.zeros(2), (X, TEXT)), TypeError, "y is text, .*give numbers"),
    ("ragged X", lambda: fit(data=([[1, 2], [3]], [1, 2])), ValueError, "X is ragged: its rows differ in length"),
    ("ragged y", lambda: fit(data=(X, [[1], [1, 2]] * 6)), ValueError, "y is ragged: its rows differ in length"),
    ("one class", lambda: fit(LOGISTIC, (X, ONES.astype(int))), ValueError, r"one class only \(1\); .*at least two"),
    ("one class of text", lambda: fit(LOGISTIC, (X, ["a"] * 12)), ValueError, r"one class only \('a'\)"),
    ("no classes", lambda: fit(LOGISTIC, (X, put(LABELS, 2, 0.37))), ValueError,
     r"not classes \(such as 0.37\).*linear_regression"),
    ("many classes", lambda: fit(LOGISTIC, (X, LABELS + 2 * (Y > 0))), ValueError,
     r"4 classes \(0, 1, 2, 3\).*use classes=4"),
    ("a regression's y", lambda: fit(LOGISTIC, (X, [*range(12)])), ValueError,
     r"12 classes \(0, .*, \.\.\.\).*use classes=12"),
    ("one-hot labels", lambda: fit(LOGISTIC, (X, np.eye(2)[LABELS])), ValueError,
     r"found shape \(12, 2\); .*y\.argmax\(axis=1\)"),
    ("few text classes", lambda: fit(jgd.logistic_regression(classes=3), (X, TEXT)), ValueError,
     r"2 classes .*; use classes=2"),
    ("no y for a classifier", lambda: fit(LOGISTIC, jgd.Dataset(X)), ValueError,
     r"logistic_regression needs targets: give \(X, y\)"),
    ("no y", lambda: fit(data=(X, None)), ValueError, r"linear_regression needs targets: give \(X, y\)"),
    ("a bare array", lambda: fit(data=X), TypeError, r"data must be \(X, y\), .* or a jgd.Dataset, found ndarray"),
    ("a bare frame", lambda: fit(data=FRAME), TypeError, "data must be .*found DataFrame"),
    ("a list", lambda: fit(data=[X, Y]), TypeError, "data must be .*found list"),
    ("four things", lambda: fit(data=(X, Y, ONES, ONES)), TypeError, "data must be .*found 4 of them"),
    ("one thing", lambda: fit(data=(X,)), TypeError, "data must be .*found 1 of them"),
    ("no data", lambda: fit(data=None), TypeError, r"linear_regression needs data: give \(X, y\)"),
    ("no data to train", lambda: jgd.train(LINEAR, tx=jgd.gd(0.1), steps=2), TypeError,
     "linear_regression needs data: give"),
    ("names of columns", lambda: jgd.Dataset(X, columns=["a"]), ValueError, "columns names 1 columns, but X has 2"),
    ("numbers too large", lambda: fit(data=(put(X, (0, 0), 1e300), Y)), ValueError,
     "1 infinite .*after conversion to float32"),
    ("ragged weights", lambda: fit(data=(X, Y, [[1], [1, 2]])), ValueError, "sample_weight is ragged"),
    ("None as X", lambda: fit(data=(None, Y)), TypeError, "X .*found None"),
    ("a dictionary as X", lambda: fit(data=({"a": Y}, Y)), TypeError, "X .*found dict"),
    ("text itself as X", lambda: fit(data=("abc", Y)), TypeError, "X .*found str"),
    ("empty list", lambda: fit(data=([], [])), ValueError, "X is empty"),
    ("None in a list", lambda: fit(data=([[None]] + [[1.0]] * 11, Y)), TypeError, "holding NoneType"),
    ("dates", lambda: fit(data=(DAYS.to_numpy()[:, None], Y)), TypeError, "X is dates.*since"),
    ("bytes", lambda: fit(data=([[b"a"]] * 12, Y)), TypeError, "X is text"),
    ("text y says what", lambda: fit(data=(X, TEXT)), TypeError, r"such as 'a'\)"),
    ("columns as text", lambda: jgd.Dataset(X, columns="ab"), TypeError, "columns must be .*'ab'"),
    ("negative weight", lambda: fit(data=(X, Y, put(ONES, 0, -2))), ValueError, "sample_weight .*at least 0, found -2"),
]  # fmt: skip

RUN = [
    ("batch of 0", lambda: fit(batch_size=0), ValueError, "batch_size must be at least 1, found 0"),
    ("negative batch", lambda: fit(batch_size=-1), ValueError, "batch_size must be at least 1, found -1"),
    ("batch of None", lambda: fit(batch_size=None), TypeError, "batch_size must be .*whole number, found None"),
    ("batch of True", lambda: fit(batch_size=True), TypeError, "batch_size must be .*whole number, found True"),
    ("batch by a wrong name", lambda: fit(batch_size="ful"), ValueError, "must be 'full' or a whole number, found 'ful'"),
    ("batch by its regime", lambda: fit(batch_size="stochastic"), ValueError, "found 'stochastic'; did you mean 1?"),
    ("all as a batch", lambda: fit(batch_size="batch"), ValueError, "found 'batch'; did you mean 'full'?"),
    ("batch beyond n", lambda: fit(batch_size=13), ValueError, "batch_size=13 is more than the 12 rows; use 'full' for all"),
    ("batch without data", lambda: bowl(batch_size=2), ValueError, "batch_size=2 needs data, and this run has none"),
    ("no length", lambda: fit(steps=None), ValueError, r"how long\? Give epochs= .* or steps="),
    ("no epochs", lambda: fit(epochs=0), ValueError, "epochs must be at least 1, found 0"),
    ("negative steps", lambda: fit(steps=-1), ValueError, "steps must be at least 1, found -1"),
    ("half an epoch", lambda: fit(epochs=2.5), TypeError, "epochs must be a whole number, found 2.5"),
    ("steps as text", lambda: fit(steps="3"), TypeError, "steps must be a whole number, found '3'"),
    ("too many steps", lambda: fit(steps=2**31), ValueError, "2147483648 steps are more than the counter holds"),
    ("record by a wrong name", lambda: fit(record="epochs"), ValueError, "found 'epochs'; did you mean 'epoch'"),
    ("record every 0", lambda: fit(record=0), ValueError, "record must be at least 1, found 0"),
    ("record every 1.5", lambda: fit(record=1.5), TypeError, "record must be a whole number, found 1.5"),
    ("shuffle by a wrong name", lambda: fit(shuffle="yes"), ValueError, "True, False or 'replacement', found 'yes'"),
    ("shuffle None", lambda: fit(shuffle=None), ValueError, "True, False or 'replacement', found None"),
    ("chunk of 0", lambda: fit(chunk=0), ValueError, "chunk must be at least 1.*, found 0"),
    ("key of text", lambda: fit(key="a"), TypeError, "key must be a whole number or a JAX key, found 'a'"),
    ("key of a fraction", lambda: fit(key=1.5), TypeError, "key must be a whole number or a JAX key, found 1.5"),
    ("key None", lambda: fit(key=None), TypeError, "key must be a whole number or a JAX key, found None"),
    ("key True", lambda: fit(key=True), TypeError, "key must be a whole number or a JAX key, found True"),
    ("share 0", lambda: fit(validation=0), ValueError,
     "share between 0 and 1 that leaves rows on both sides, found 0 of 12"),
    ("share 1", lambda: fit(validation=1), ValueError, "share between 0 and 1 .*found 1 of 12"),
    ("share 1.5", lambda: fit(validation=1.5), ValueError, "share between 0 and 1 .*found 1.5 of 12"),
    ("share of no row", lambda: fit(validation=0.001), ValueError, "leaves rows on both sides, found 0.001 of 12"),
    ("share of all rows", lambda: fit(validation=0.999), ValueError, "leaves rows on both sides, found 0.999 of 12"),
    ("columns to validate", lambda: fit(validation=(X[:, :1], Y)), ValueError,
     "validation data has 1 columns, the training data 2"),
    ("labels to validate", lambda: fit(LOGISTIC, (X, LABELS), validation=(X, LABELS + 5)), ValueError,
     r"labels \[5, 6\] are not among the classes of the training data, \[0, 1\]"),
    ("kinds of labels", lambda: fit(LOGISTIC, (X, LABELS), validation=(X, TEXT)), ValueError, r"\['a', 'b'\] are not among"),
    ("NaN to validate", lambda: fit(validation=(put(X, (0, 0), np.nan), Y)), ValueError, r"1 NaN values \(column 0: 1\)"),
    ("nothing to validate on", lambda: bowl(validation=0.2), TypeError, "validation= needs data to validate on, and .*none"),
    ("unknown metric", lambda: fit(metrics=["acuracy"]), ValueError, "unknown metric 'acuracy': did you mean 'accuracy'"),
    ("a number as metric", lambda: fit(metrics=[3]), TypeError, "a metric is a name or a function .*found 3"),
    ("metrics without data", lambda: bowl(metrics=["mse"]), ValueError, "metrics need data and a problem that predicts"),
    ("metrics without predictions", lambda: fit(jgd.Problem(squares, np.zeros(2)), metrics="mse"), ValueError,
     r"metrics need data and a problem that predicts \(Problem\(\.\.\., predict=f\)\)"),
    ("stop is a number", lambda: fit(stop=3), TypeError, r"a rule such as jgd.stopping.gradient_norm\(1e-6\), found 3"),
    ("stop is text", lambda: fit(stop="patience"), TypeError, "a rule such as .*found 'patience'"),
    ("stop is an optimizer", lambda: fit(stop=jgd.gd(0.1)), TypeError, r"a rule such as .*found gd\(0.1\)"),
    ("patience alone", lambda: fit(stop=jgd.stopping.patience(3)), ValueError,
     "'validation_loss', .*not record; give validation="),
    ("patience with a metric not recorded", lambda: fit(metrics="mse", stop=jgd.stopping.patience(3, metric="mes")),
     ValueError, "looks at 'mes', which this run does not record; did you mean 'mse'"),
    ("the clock in compiled code", lambda: jgd.train(LINEAR, (X, Y), jgd.gd(0.1), steps=3, stop=jgd.stopping.seconds(1)),
     ValueError, "stopping.seconds reads the host's clock, which compiled code has not: use fit"),
    ("best not recorded", lambda: fit(best="validation_loss"), ValueError,
     r"best='validation_loss' is not recorded; add validation=\."),
    ("best misspelt", lambda: fit(best="los"), ValueError, "best='los' is not recorded; did you mean 'loss'"),
    ("no initial weights", lambda: fit(params=np.zeros(2)), ValueError,
     r"found float32\[2\], expected LinearParams\(weights=float32\[2\]"),
    ("initial weights of another shape", lambda: fit(params=jgd.LinearParams(np.zeros(3), 0.0)), ValueError,
     r"wrong .*shapes: found LinearParams\(weights=float32\[3\].*expected .*float32\[2\]"),
    ("no initial bias", lambda: fit(params=jgd.LinearParams(np.zeros(2))), ValueError,
     r"found .*bias=None.*expected .*bias=float32"),
    ("key of int64 words", lambda: fit(key=np.array([1, 2])), TypeError, KEY),
    ("key of three words", lambda: fit(key=jnp.arange(3, dtype=jnp.uint32)), TypeError, KEY),
    ("several keys", lambda: fit(key=jax.random.split(jax.random.key(0), 3)), TypeError, r"one key.*shape \(3,\)"),
    ("key beyond 64 bits", lambda: fit(key=2**70), ValueError, "key .*64 bits"),
    ("a batch as fraction", lambda: fit(batch_size=2.5), TypeError,
     "batch_size must be 'full' or a whole number, found 2.5"),
    ("shuffle over", lambda: fit(shuffle=jgd.over([True, False])), TypeError, "shuffle holds over"),
    ("record over", lambda: fit(record=jgd.over([1, 2])), TypeError, "record holds over"),
    ("validation over", lambda: fit(validation=jgd.over([0.1])), TypeError, "validation holds over"),
    ("metrics over", lambda: fit(metrics=jgd.over(["mse"])), TypeError, "metrics holds over"),
    ("best over", lambda: fit(best=jgd.over(["loss"])), TypeError, "best holds over"),
    ("over data", lambda: fit(data=jgd.over([(X, Y)])), TypeError, "data holds over"),
    ("over no list", lambda: jgd.over(3), TypeError, "over .*values.*found 3"),
    ("share NaN", lambda: fit(validation=np.nan), ValueError, "share between 0 and 1 .*found nan"),
    ("validation of text", lambda: fit(validation="0.2"), TypeError, "validation must be"),
    ("swapped columns", lambda: fit(data=(FRAME, Y), validation=(FRAME[["height", "age"]], Y)), ValueError,
     "columns differ"),
    ("outputs to validate", lambda: fit(validation=(X, np.c_[Y, Y])), ValueError, "validation .*outputs|validation .*shape"),
    ("own columns",
     lambda: jgd.fit(jgd.Problem(squares, np.zeros(2)), (X, Y), jgd.gd(0.1), steps=2, validation=(X[:, :1], Y)), ValueError,
     "validation data has 1 columns, the training data 2"),
    ("no y to validate",
     lambda: jgd.fit(jgd.Problem(squares, np.zeros(2)), (X, Y), jgd.gd(0.1), steps=2, validation=jgd.Dataset(X)),
     ValueError, "validation .*targets"),
    ("metrics None", lambda: fit(metrics=None), TypeError, "a metric is a name .*found None"),
    ("metrics 3", lambda: fit(metrics=3), TypeError, "a metric is a name .*found 3"),
    ("metric that takes a name", lambda: fit(metrics=[LOSS]), ValueError, "'loss'"),
    ("metric twice", lambda: fit(metrics=["mse", "mse"]), ValueError, "'mse'"),
    ("a rule's factory", lambda: fit(stop=jgd.stopping.patience), TypeError, "stop .*factory.*patience.*call it"),
    ("pair of numbers", lambda: fit(stop=jgd.stopping.either(3, 4)), TypeError, "two rules .*found"),
    ("best is a number", lambda: fit(best=3), TypeError, "best must be the name .*found 3"),
    ("best of a rate there is not", lambda: fit(tx=optax.sgd(0.1), best="learning_rate"), ValueError, "not recorded"),
    ("callback", lambda: fit(callbacks=print), TypeError, "callbacks must be .*functions"),
    ("callback of a number", lambda: fit(callbacks=[3]), TypeError, r"callbacks must be .*functions.*found \[3\]"),
    ("chunk of 1.5", lambda: fit(chunk=1.5), TypeError, "chunk must be a whole number, found 1.5"),
    ("state is a number", lambda: fit(state=3), TypeError, "state must be a result.state, found 3"),
    ("state of another optimizer", lambda: fit(state=state_of_adam()), ValueError, "state .*another optimizer"),
    ("state of other data", lambda: fit(data=(X[:, :1], Y), state=fitted().state), ValueError,
     r"shapes: found .*float32\[2\].*expected .*float32\[1\]"),
    ("state and params", lambda: fit(state=fitted().state, params=fitted().params), ValueError, "params= .*state="),
    ("fit in jit", lambda: jax.jit(lambda rate: bowl(tx=jgd.gd(rate)).objective)(0.1), TypeError, "use jgd.train"),
    ("fit in grad", lambda: jax.grad(lambda rate: bowl(tx=jgd.gd(rate)).objective)(0.1), TypeError, "use jgd.train"),
]  # fmt: skip

OPTIMIZERS = [
    ("negative rate", lambda: fit(tx=jgd.adam(-1.0)), ValueError,
     "adam: learning_rate must be at least 0 and finite, found -1"),
    ("NaN rate", lambda: fit(tx=jgd.gd(np.nan)), ValueError, "gd: learning_rate is NaN; give a number"),
    ("infinite rate", lambda: fit(tx=jgd.gd(np.inf)), ValueError, "learning_rate must be at least 0 and finite, found inf"),
    ("a negative rate of two", lambda: jgd.gd(np.array([0.1, -0.2])), ValueError,
     "must be at least 0 and finite, found -0.2"),
    ("complex rate", lambda: jgd.gd(1j), TypeError, r"gd: learning_rate is complex \(1j\); hyperparameters are real"),
    ("negative rate as text", lambda: fit(tx="gd(-1)"), ValueError,
     "gd: learning_rate must be at least 0 and finite, found -1"),
    ("replaced by a negative", lambda: jgd.gd(0.1).replace(learning_rate=-1), ValueError,
     "gd: learning_rate must be at least 0"),
    ("no rate", lambda: jgd.gd(), TypeError, r"gd: missing .*'learning_rate'; its arguments are \(learning_rate\)"),
    ("negative penalty", lambda: jgd.linear_regression(l2=-1), ValueError,
     "linear_regression: l2 must be at least 0 and finite, found -1"),
    ("NaN penalty", lambda: jgd.logistic_regression(l2=np.nan), ValueError, "logistic_regression: l2 is NaN; give a number"),
    ("infinite penalty", lambda: jgd.linear_regression(l2=np.inf), ValueError,
     "l2 must be at least 0 and finite, found inf"),
    ("negative weight decay", lambda: jgd.adamw(0.1, weight_decay=-0.1), ValueError,
     "adamw: weight_decay .*at least 0, found -0.1"),
    ("decay beyond 1", lambda: jgd.rmsprop(0.1, decay=1.5), ValueError, "rmsprop: decay must be between 0 and 1, found 1.5"),
    ("b1 beyond 1", lambda: jgd.adam(0.1, b1=1.1), ValueError, "adam: b1 must be between 0 and 1, found 1.1"),
    ("negative momentum", lambda: jgd.sgd(0.1, momentum=-1), ValueError, "sgd: momentum must be at least 0, found -1"),
    ("negative eps", lambda: jgd.adam(0.1, eps=-1), ValueError, "adam: eps must be at least 0, found -1"),
    ("negative length", lambda: jgd.clip_by_global_norm(-1), ValueError, "max_norm must be at least 0, found -1"),
    ("decay over 0 steps", lambda: jgd.schedules.exponential_decay(0.1, 0, 0.5), ValueError,
     "transition_steps .*at least 1, found 0"),
    ("every 2.5 steps", lambda: jgd.MultiSteps(jgd.gd(0.1), 2.5), TypeError,
     "every_k_schedule must be a whole number, found 2.5"),
    ("every 0 steps", lambda: jgd.MultiSteps(jgd.gd(0.1), 0), ValueError, "every_k_schedule must be at least 1, found 0"),
    ("no optimizer", lambda: jgd.fit(LINEAR, (X, Y), steps=3), TypeError,
     r"an optimizer is missing: give one, such as jgd.adam"),
    ("None as optimizer", lambda: fit(tx=None), TypeError, "an optimizer is missing: give one"),
    ("a function", lambda: fit(tx=plain), TypeError,
     r"tx is the function .*plain, not an optimizer: call it if it is a factory"),
    ("factory not called", lambda: fit(tx=jgd.adam), TypeError, r"tx is the factory adam, .*call it, as in adam\(\.\.\.\)"),
    ("optax's not called", lambda: fit(tx=optax.adam), TypeError, r"the function optax.*\.adam, .*as in jgd.adam\(0.01\)"),
    ("a number", lambda: fit(tx=0.1), TypeError,
     r"tx is not an optimizer: expected one such as jgd.adam\(0.01\), found 0.1"),
    ("a problem", lambda: fit(tx=LINEAR), TypeError, r"tx is not an optimizer: .*found linear_regression\(\)"),
    ("a tuple", lambda: fit(tx=(jgd.gd(0.1),)), TypeError, r"tx must be one optimizer, found 1: jgd.sweep"),
    ("text of a problem", lambda: fit(tx="linear_regression()"), TypeError,
     r"not an optimizer: .*found linear_regression\(\)"),
    ("text not closed", lambda: fit(tx="adam(0.1"), ValueError,
     r"cannot read 'adam\(0.1': '\(' was never closed at column 5"),
    ("text of no factory", lambda: fit(tx="adm(0.1)"), ValueError, "unknown name 'adm'; did you mean 'adam' or"),
    ("text not called", lambda: fit(tx="adam"), ValueError, r"adam is a factory; call it, as in 'adam\(\.\.\.\)'"),
    ("chain of nothing", lambda: jgd.chain(), ValueError, "chain needs at least one link, found none"),
    ("factory in a chain", lambda: jgd.chain(jgd.clip(1.0), jgd.adam), TypeError,
     r"link 1 of chain is the factory adam, .*call it"),
    ("optax's in a chain", lambda: jgd.chain(jgd.clip(1.0), optax.adam), TypeError,
     "link 1 of chain is the function optax.*adam"),
    ("None in a chain", lambda: jgd.chain(None), TypeError, "link 0 of chain is not an optimizer: .*found None"),
    ("list in a chain", lambda: jgd.chain([jgd.clip(1.0)]), TypeError, r"link 0 of chain is not .*found \[clip\(1.0\)\]"),
    ("named chain of nothing", lambda: jgd.named_chain(), ValueError, "named_chain needs at least one link, found none"),
    ("not a pair", lambda: jgd.named_chain(jgd.clip(1.0)), TypeError,
     r"must be a pair \(name, transformation\), found clip\(1.0\)"),
    ("no name", lambda: jgd.named_chain((1, jgd.gd(0.1))), TypeError,
     r"must be a pair \(name, transformation\), found \(1, gd"),
    ("factory in a pair", lambda: jgd.named_chain(("a", jgd.adam)), TypeError, "link 0 of named_chain is the factory adam"),
    ("one name twice", lambda: jgd.named_chain(("a", jgd.clip(1.0)), ("a", jgd.gd(0.1))), ValueError,
     r"named_chain needs distinct names, found \['a', 'a'\]"),
    ("by hand", lambda: jgd.GradientTransformation(), TypeError, r"with a factory such as jgd.adam\(0.01\), or jgd.lift"),
    ("assignment", lambda: setattr(jgd.gd(0.1), "learning_rate", 1), AttributeError,
     r"immutable: use \.replace\(learning_rate=\.\.\.\)"),
    ("a step's optimizer", lambda: jgd.training_step(LINEAR, jgd.adam), TypeError, "tx is the factory adam, .*call it"),
    ("rate of text", lambda: fit(tx=jgd.gd("0.1")), TypeError, "gd: learning_rate must be a number.*, found '0.1'"),
    ("rate of True", lambda: fit(tx=jgd.gd(True)), TypeError, "gd: learning_rate must be a number.*, found True"),
    ("rate None", lambda: fit(tx=jgd.gd(None)), TypeError, "gd: learning_rate must be a number.*, found None"),
    ("complex rates", lambda: jgd.gd(np.array([1j])), TypeError, "learning_rate .*real numbers"),
    ("an endless rate", lambda: jgd.gd(10**400), ValueError, "learning_rate must be .*finite"),
    ("penalty of text", lambda: fit(jgd.linear_regression(l2="a")), TypeError, "l2 must be a number.*, found 'a'"),
    ("penalty None", lambda: fit(jgd.linear_regression(l2=None)), TypeError, "l2 must be a number.*, found None"),
    ("two rates", lambda: fit(tx=jgd.gd([0.1, 0.2])), TypeError, r"learning_rate must be one number, found \[0.1, 0.2\]"),
    ("a stack", lambda: fit(tx=jgd.stack([jgd.gd(0.1), jgd.gd(0.2)])), TypeError, "one setting.*learning_rate.*vmap"),
    ("two penalties", lambda: fit(jgd.linear_regression(l2=np.ones(2))), TypeError, "one setting.*l2.*vmap"),
    ("text classes", lambda: jgd.logistic_regression(classes="a"), TypeError, "classes must be a whole number, found 'a'"),
    ("True classes", lambda: jgd.logistic_regression(classes=True), TypeError, "classes must be a whole number, found True"),
    ("None classes", lambda: jgd.logistic_regression(classes=None), TypeError, "classes must be a whole number, found None"),
    ("list of classes", lambda: jgd.logistic_regression(classes=["a"]), TypeError, "classes must be a whole number"),
    ("dtype", lambda: jgd.adam(0.1, mu_dtype="foo"), TypeError, "adam: mu_dtype .*'foo'"),
    ("patience of 0", lambda: jgd.stopping.patience(0), ValueError, "records must be at least 1, found 0"),
    ("negative tolerance", lambda: jgd.stopping.gradient_norm(-1), ValueError, "tolerance must be at least 0, found -1"),
    ("a schedule", lambda: fit(tx=jgd.schedules.constant(0.1)), TypeError, "not an optimizer: .*found schedules.constant"),
    ("schedule in a chain", lambda: jgd.chain(jgd.schedules.constant(0.1)), TypeError,
     "link 0 of chain is not an optimizer"),
    ("data and tx swapped", lambda: fit(LINEAR, jgd.gd(0.1), (X, Y)), TypeError, "tx is not an optimizer"),
    ("factory in a wrapper", lambda: fit(tx=jgd.apply_if_finite(jgd.adam, 3)), TypeError, "the factory adam.*call it"),
    ("step on a factory", lambda: jgd.apply_gradients(jgd.gd, 6.0, 5.0), TypeError, "the factory gd.*call it"),
    ("the class", lambda: fit(tx=jgd.GradientTransformation), TypeError, "tx is .*not an optimizer"),
]  # fmt: skip

EXPRESSIONS = [
    ("one class", lambda: jgd.logistic_regression(classes=1), ValueError,
     "logistic_regression: classes must be at least 2, found 1"),
    ("2.5 classes", lambda: jgd.logistic_regression(classes=2.5), TypeError, "classes must be a whole number, found 2.5"),
    ("unknown keyword", lambda: jgd.adam(learning_rat=0.1), TypeError,
     "'learning_rat': did you mean 'learning_rate'.*its arguments are"),
    ("unknown keyword of a problem", lambda: jgd.linear_regression(l3=1), TypeError,
     r"unexpected .*'l3': did you mean 'l2'"),
    ("unknown keyword of a rule", lambda: jgd.stopping.patience(3, metrc="r2"), TypeError, "'metrc': did you mean 'metric'"),
    ("too many arguments", lambda: jgd.gd(0.1, 0.2), TypeError,
     r"gd: too many positional arguments; its arguments are \(learning_rate\)"),
    ("replace a wrong name", lambda: jgd.adam(0.1).replace(learning_rat=1), TypeError,
     "no argument 'learning_rat': did you mean"),
    ("replace what is a link's", lambda: jgd.chain(jgd.clip(1.0), jgd.gd(0.1)).replace(learning_rate=0.2), TypeError,
     r"chain has no argument 'learning_rate': it belongs to gd\(\.\.\.\) inside it"),
    ("stack of nothing", lambda: jgd.stack([]), ValueError, "stack needs at least one expression, found none"),
    ("stack of two structures", lambda: jgd.stack([jgd.gd(0.1), jgd.adam(0.1)]), ValueError,
     r"one structure, found gd\(0.1\) and adam\(0.1\): stack each structure by itself"),
    ("over nothing", lambda: jgd.over([]), ValueError, "over needs at least one value, found none"),
    ("over rates", lambda: fit(tx=jgd.gd(jgd.over([0.1, 0.2]))), TypeError,
     r"one setting, but tx holds over\(\[0.1, 0.2\]\): give one"),
    ("over a link's rates", lambda: fit(tx=jgd.chain(jgd.clip(1.0), jgd.gd(jgd.over([0.1])))), TypeError,
     "one setting, but tx holds"),
    ("over a schedule's rates", lambda: fit(tx=jgd.gd(jgd.schedules.exponential_decay(jgd.over([0.1]), 10, 0.5))),
     TypeError, r"one setting, but tx holds over\(\[0.1\]\)"),
    ("over optimizers", lambda: fit(tx=jgd.over([jgd.gd(0.1)])), TypeError,
     r"tx holds over\(\[gd\(0.1\)\]\): give one of its values"),
    ("over penalties", lambda: fit(jgd.linear_regression(l2=jgd.over([1, 2]))), TypeError,
     r"problem holds over\(\[1, 2\]\)"),
    ("over classes", lambda: fit(jgd.logistic_regression(classes=jgd.over([2, 3]))), TypeError,
     r"problem holds over\(\[2, 3\]\)"),
    ("over starts", lambda: of(lambda w: w**2, jgd.over([1.0, 2.0])), TypeError, r"problem holds over\(\[1.0, 2.0\]\)"),
    ("over batches", lambda: fit(batch_size=jgd.over([1, 2])), TypeError, r"batch_size holds over\(\[1, 2\]\)"),
    ("over keys", lambda: fit(key=jgd.over([1, 2])), TypeError, r"key holds over\(\[1, 2\]\)"),
    ("over steps", lambda: fit(steps=jgd.over([1, 2])), TypeError, r"steps holds over\(\[1, 2\]\)"),
    ("over tolerances", lambda: fit(stop=jgd.stopping.target(jgd.over([0.1]))), TypeError, r"stop holds over\(\[0.1\]\)"),
    ("over in train", lambda: jgd.train(LINEAR, (X, Y), jgd.gd(jgd.over([1])), steps=2), TypeError,
     r"tx holds over\(\[1\]\)"),
    ("problem's factory", lambda: jgd.training_step(LINEAR, jgd.chain), TypeError, "tx is the factory chain, .*call it"),
    ("parse a wrong name", lambda: jgd.parse("chain(adm(0.1))"), ValueError,
     r"cannot read 'chain\(adm\(0.1\)\)': unknown name 'adm'; did"),
    ("parse a module's name", lambda: jgd.parse("optax.adam(0.1)"), ValueError,
     "unknown name 'optax.adam'; did you mean 'adam'"),
    ("parse an open parenthesis", lambda: jgd.parse("adam(0.1"), ValueError, r"'\(' was never closed at column 5"),
    ("parse an import", lambda: jgd.parse("__import__('os')"), ValueError, r"cannot read .*unknown name '__import__'"),
    ("parse an attribute", lambda: jgd.parse("().__class__"), ValueError, r"cannot read '\(\)\.__class__'"),
    ("parse a method", lambda: jgd.parse("adam(0.1).replace(b1=0.3)"), ValueError, "cannot read"),
    ("parse a lambda", lambda: jgd.parse("lambda: 1"), ValueError, "'lambda: 1' has no meaning here"),
    ("parse a lambda inside", lambda: jgd.parse("gd(lambda count: 1)"), ValueError, "'lambda count: 1' has no meaning here"),
    ("parse a factory", lambda: jgd.parse("adam"), ValueError, r"adam is a factory; call it, as in 'adam\(\.\.\.\)'"),
    ("parse a factory inside", lambda: jgd.parse("chain(adam)"), ValueError,
     r"adam is a factory; call it, as in 'adam\(\.\.\.\)'"),
    ("parse a number", lambda: jgd.parse("3"), ValueError, r"cannot read '3': expected a call such as 'adam\(0.01\)'"),
    ("parse a sum", lambda: jgd.parse("adam(1 + 1)"), ValueError, r"'1 \+ 1' has no meaning here"),
    ("parse a star", lambda: jgd.parse("adam(*[1])"), ValueError, r"'\*\[1\]' has no meaning here"),
    ("parse two stars", lambda: jgd.parse("adam(**{'b1': 1})"), ValueError, "has no meaning here"),
    ("parse a comprehension", lambda: jgd.parse("chain([x for x in y])"), ValueError, "has no meaning here"),
    ("parse two lines", lambda: jgd.parse("adam(0.1)\nadam(0.2)"), ValueError, "cannot read .*invalid syntax"),
    ("parse nothing", lambda: jgd.parse(""), ValueError, "cannot read ''"),
    ("parse a wrong keyword", lambda: jgd.parse("adam(0.1, c=3)"), TypeError,
     "adam: .*unexpected keyword argument 'c'.*its arguments"),
    ("parse a negative", lambda: jgd.parse("adam(-0.1)"), ValueError,
     "learning_rate must be at least 0 and finite, found -0.1"),
    ("parse many signs", lambda: jgd.parse(f"gd({'-' * 100_000}1)"), ValueError,
     "cannot read an expression nested this deeply"),
    ("parse no text", lambda: jgd.parse(3), TypeError, "parse reads a string, found int"),
    ("lift a transformation", lambda: jgd.lift(optax.adam(0.1)), TypeError,
     r"takes a factory .*found a transformation.*jgd.chain\(that\)"),
    ("lift nothing", lambda: jgd.lift(None), TypeError, "lift takes a factory, found None"),
    ("lift with a wrong static name", lambda: jgd.lift(optax.adam, name="adam_of_the_test", static=("memry",)), ValueError,
     r"adam_of_the_test: static names \['memry'\], which are not among its arguments"),
    ("lift with a name that is taken", lambda: jgd.lift(optax.sgd, name="adam"), ValueError,
     "the name 'adam' already belongs to optax.*adam; give another name="),
    ("stack of one", lambda: jgd.stack(jgd.gd(0.1)), TypeError, r"stack .*list.*found gd\(0.1\)"),
    ("stack of factories", lambda: jgd.stack([jgd.gd, jgd.gd]), TypeError, "stack .*the factory gd"),
    ("stack of shapes", lambda: jgd.stack([jgd.gd(0.1), jgd.gd(np.array([0.1, 0.2]))]), ValueError, "stack .*shape"),
    ("parse deeply", lambda: jgd.parse(f"{'chain(' * 5000}gd(0.1){')' * 5000}"), ValueError, "cannot read"),
    ("parse an attribute", lambda: jgd.parse("adam(0.1).init"), ValueError, r"'adam\(0.1\)\.init' has no meaning here"),
    ("parse a list as key", lambda: jgd.parse("adam({[]: 1})"), ValueError, "cannot read"),
    ("parse a long number", lambda: jgd.parse(f"adam({'9' * 4000})"), ValueError, "learning_rate must be .*finite"),
    ("parse half a pair", lambda: jgd.parse('adam("\ud800")'), ValueError, "cannot read"),
    ("lift a lambda", lambda: jgd.lift(lambda rate: optax.sgd(rate)), ValueError, "name="),
    ("lift with no name", lambda: jgd.lift(optax.adam, name="my adam"), ValueError, "'my adam'.*name"),
]  # fmt: skip

PROBLEMS = [
    ("text as problem", lambda: fit("linear_regression()"), TypeError,
     r"must be a jgd.Problem, found str 'linear_regression\(\)'"),
    ("an optimizer as problem", lambda: fit(jgd.gd(0.1)), TypeError, r"must be a jgd.Problem, found .*gd\(0.1\)"),
    ("start at NaN", lambda: of(lambda w: w**2, np.nan), ValueError,
     "initial parameters hold NaN or infinity: start from finite"),
    ("start at infinity", lambda: of(jnp.sum, np.array([1, np.inf])), ValueError, "initial parameters hold NaN or infinity"),
    ("start at text", lambda: of(lambda w: w**2, "a"), TypeError, "init must hold real numbers, found str 'a'"),
    ("text in a start", lambda: of(lambda w: w["a"] ** 2, {"a": 1.0, "b": "x"}), TypeError,
     "init must hold real numbers, found str 'x'"),
    ("complex start", lambda: of(lambda w: w**2, 1j), TypeError, "init must hold real numbers, found complex 1j"),
    ("no start", lambda: of(lambda w: w**2, None), ValueError,
     "init holds no parameters: give a number, an array or a pytree"),
    ("integer loss", lambda: of(lambda w: jnp.int32(3)), TypeError,
     "must return real numbers, found int32; use floating arithmetic"),
    ("boolean loss", lambda: of(lambda w: w > 0), TypeError, "must return real numbers, found bool"),
    ("complex loss", lambda: of(lambda w: w * 1j), TypeError, "must return real numbers, found complex64"),
    ("two losses", lambda: of(lambda w: jnp.stack([w, w])), ValueError, r"must return a scalar, found shape \(2,\)"),
    ("loss of another shape", lambda: of(lambda w, batch: (batch.X @ w)[:, None], np.zeros(2), (X, Y)), ValueError,
     r"must return one value per row or a scalar, found shape \(12, 1\) for 12 rows"),
    ("integer loss per row", lambda: of(lambda w, batch: (batch.X @ w).astype(int), np.zeros(2), (X, Y)), TypeError,
     "must return real numbers, found int32"),
    ("weights and a scalar loss", lambda: of(lambda w, batch: jnp.mean(squares(w, batch)), np.zeros(2), (X, Y, ONES)),
     ValueError, "sample weights need a loss that returns one value per row; this one returns a scalar"),
    ("factory", lambda: fit(jgd.linear_regression), TypeError, r"a jgd.Problem, found .*linear_regression.*; call it"),
    ("function", lambda: fit(plain), TypeError, r"a jgd.Problem, found .*plain.*; .*jgd.Problem\(loss=f, init=x0\)"),
    ("class", lambda: fit(jgd.Problem), TypeError, "must be a jgd.Problem, found"),
    ("without advice", lambda: fit(None), TypeError, r"found .*None.*jgd.linear_regression\(\)"),
    ("loss is a number", lambda: jgd.Problem(3.0, init=0.0), TypeError, "loss must be a function.*found 3.0"),
    ("predict is a number", lambda: jgd.Problem(jnp.sum, 0.0, predict=3), TypeError, "predict must be a function.*found 3"),
    ("three arguments", lambda: of(lambda a, b, c: a), TypeError, r"loss\(params\) or loss\(params, batch\)"),
    ("a loss without its data", lambda: of(squares, np.zeros(2)), TypeError, "needs data"),
    ("tuple of losses", lambda: of(lambda w: (w, w)), TypeError, "must return .*found tuple"),
    ("no loss", lambda: of(lambda w: None), TypeError, "must return .*found NoneType"),
    ("text loss", lambda: of(lambda w: "a"), TypeError, "must return .*found str"),
    ("dictionary of losses", lambda: of(lambda w: {"a": w}), TypeError, "must return .*found dict"),
    ("start at an array of text", lambda: of_init(np.array(["a"])), TypeError, "init must hold real numbers"),
    ("start at objects", lambda: of_init(np.array([None])), TypeError, "init must hold real numbers"),
    ("start at a date", lambda: of_init(np.datetime64("2020")), TypeError, "init must hold real numbers"),
    ("NaN params", lambda: fit(params=jgd.LinearParams(put(X[0], 0, np.nan), 0.0)), ValueError,
     "initial parameters hold NaN"),
    ("text params", lambda: fit(params=jgd.LinearParams("a", 0.0)), TypeError,
     "params must hold real numbers, found str 'a'"),
    ("complex params", lambda: fit(params=jgd.LinearParams(X[0] + 1j, 0.0)), TypeError, "params must hold real numbers"),
    ("params over", lambda: fit(params=jgd.over([1])), TypeError, r"params holds over\(\[1\]\)"),
]  # fmt: skip


@table(data=DATA, run=RUN, optimizer=OPTIMIZERS, expression=EXPRESSIONS, problem=PROBLEMS)
def test_refused_before_anything_is_traced(call, error, message):
    fitted(), state_of_adam()
    traced = _driver.Compilations.traces
    refused(call, error, message)
    assert _driver.Compilations.traces == traced


START = [
    ("NaN", lambda: of(lambda w: w * jnp.nan), ValueError, "the loss is nan at the initial parameters: .*log\\(0\\), 0/0"),
    ("a function that starts at NaN", lambda: of(lambda w: w**2, lambda key: jnp.nan), ValueError, "hold NaN or infinity"),
    ("logarithm of 0", lambda: of(jnp.log), ValueError, "the loss is -inf at the initial parameters: no step can help"),
    ("overflow", lambda: of(jnp.exp, 1e4), ValueError, "the loss is inf at the initial parameters"),
    ("of rows", lambda: of(lambda w, b: jnp.log(b.X @ w), np.zeros(2), (X, Y)), ValueError,
     "the loss is -inf at the initial"),
    ("metric of rows", lambda: fit(metrics=[lambda y, p: y - p]), TypeError, r"must return a scalar, found shape \(12,\)"),
    ("no transformation", lambda: fit(tx=jgd.lift(plain)(1.0)), TypeError, "plain must return .*init and update"),
    ("status in compiled code", lambda: jax.jit(lambda: jgd.train(BOWL, None, jgd.gd(0.1), steps=2).status)(), TypeError,
     "status is text, which compiled code has none of: use status_code there"),
    ("structure", lambda: fit(tx=jgd.chain(jgd.clip(1.0), GROWING)), TypeError,
     "link 1 of the chain, .*changes the structure or dtype"),
    ("dtype", lambda: fit(tx=jgd.chain(unlike(0.5), jgd.gd(0.1))), TypeError,
     "link 0 of the chain, .*changes the structure or dtype"),
    ("updates without a state", lambda: fit(tx=returning(lambda g, s: jax.tree.map(jnp.negative, g))), TypeError,
     r"an update returns \(updates, state\), .*found float32\[2\], expected LinearParams\(weights=float32\[2\], bias=float"),
    ("updates of other shapes", lambda: fit(tx=returning(lambda g, s: (jax.tree.map(jnp.sum, g), s))), TypeError,
     r"structure and shapes, found LinearParams\(weights=float32\[\], bias"),
    ("alone", lambda: fit(tx=GROWING), TypeError, "changes the structure or dtype of its state after a step"),
    ("train", lambda: jgd.train(LINEAR, (X, Y), jgd.chain(jgd.gd(1.0), GROWING), steps=2), TypeError, "link 1 of the chain"),
]  # fmt: skip


@table(start=START)
def test_refused_before_the_loop_is_traced(call, error, message):
    traced = _driver.Compilations.traces
    refused(call, error, message)
    assert _driver.Compilations.traces <= traced + 1


def diverging(rate):
    return jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(rate), steps=300, stop=jgd.stopping.target(0.1))


def with_rule(rate):
    return jgd.train(BOWL, None, jgd.gd(rate), steps=3, stop=jgd.stopping.target(0.1)).objective


RESULTS = [
    ("columns to predict", lambda: fitted().predict(X[:, :1]), ValueError, "X has 1 columns, but the fit had 2"),
    ("other names to predict", lambda: fitted(columns=True).predict(FRAME[["height", "age"]]), ValueError,
     r"the columns differ from the fit's: found \('height', 'age'\), expected \('age', 'height'\)"),
    ("more names to predict", lambda: fitted(columns=True).predict(FRAME.assign(n=1)), ValueError,
     "found .*'n'.*, expected"),
    ("NaN to predict", lambda: fitted().predict(put(X, (0, 0), np.nan)), ValueError, r"X has 1 NaN values \(column 0: 1\)"),
    ("no best", lambda: fitted().predict(X, best=True), ValueError,
     "no best parameters were kept: fit with validation=, or best="),
    ("no predict", lambda: bowl().predict(X), TypeError, r"Problem has no predict: give Problem\(\.\.\., predict=f\)"),
    ("compiled", lambda: compiled_result().predict(X), TypeError, r"problem\.predict\(result\.params, X\)"),
    ("check of a batch", lambda: batch_of_results().check(), TypeError,
     r"one result: pick one with jax.tree.map\(lambda a: a\[i\]"),
    ("history", lambda: fitted().history.los, AttributeError, "nothing called 'los' was recorded, only .*loss"),
    ("diverged", lambda: diverging(3.0).check(), jgd.FitError,
     r"diverged at step \d+: .*9 at the start. Lower the learning rate"),
    ("nonfinite", lambda: diverging(1e30).check(), jgd.FitError,
     "nonfinite at step 1: .*last finite .*Lower the learning rate"),
    ("stalled", lambda: diverging(0.0).check(), jgd.FitError, "stalled at step 200: .*Loosen the rule's tolerance"),
    ("gradient past a rule", lambda: jax.grad(with_rule)(0.1), TypeError,
     "a stopping rule may end cannot be differentiated: .*stop=None"),
    ("one row", lambda: fitted().predict(X[0]), ValueError, r"X\.reshape\(1, -1\)"),
    ("probabilities", lambda: fitted().probabilities(X), TypeError,
     "linear_regression has no probabilities.*logistic_regression"),
]  # fmt: skip


@table(result=RESULTS)
def test_results_refuse(call, error, message):
    refused(call, error, message)


def test_check_returns_a_good_result():
    assert fitted().check() is fitted()


@pytest.mark.parametrize("init", [5, np.array([1, 2]), [1, 2], True], ids=repr)
def test_whole_numbers_are_a_start(init):
    result = of(lambda w: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(w)), init)
    assert all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(result.params))
    assert result.objective < result.history.loss[0]


def test_a_share_may_be_a_numpy_number():
    assert "validation_loss" in fit(validation=np.float32(0.25)).history


JITTED = {
    "JAX data": (LINEAR, (jnp.asarray(X), jnp.asarray(Y))),
    "JAX weights": (LINEAR, (X, Y, jnp.ones(12))),
    "number to start at": (jgd.Problem(lambda w: (w - 2.0) ** 2, init=5.0), None),
    "array to start at": (jgd.Problem(squares, np.zeros(2)), (X, Y)),
}


@pytest.mark.parametrize(("problem", "data"), JITTED.values(), ids=JITTED)
def test_train_compiles_around_concrete_arrays(problem, data):
    def objective(rate):
        return jgd.train(problem, data, jgd.gd(rate), steps=3).objective

    assert jax.jit(objective)(0.1) == pytest.approx(fit(problem, data).objective, rel=1e-5)


@pytest.mark.parametrize("k", range(3), ids=["X", "y", "weights"])
def test_train_compiles_around_some_concrete_arrays(k):
    data = [jnp.asarray(X), jnp.asarray(Y), jnp.ones(12)]

    def objective(traced):
        return jgd.train(LINEAR, (*data[:k], traced, *data[k + 1 :]), jgd.gd(0.1), steps=3).objective

    assert jax.jit(objective)(data[k]) == pytest.approx(fit().objective, rel=1e-5)


def test_a_weighted_split_compiles():
    data = jgd.Dataset(X, Y, ONES)
    assert jax.jit(lambda rate: jgd.train(LINEAR, data, jgd.gd(rate), steps=3, validation=0.25).objective)(0.1) > 0


def test_lifting_again_keeps_the_first():
    jgd.lift(optax.adam)
    jgd.lift(jgd.adam)
    assert jgd.parse("adam(0.1)") == jgd.adam(0.1)


# reported


def test_reported_text_is_a_link():
    assert jgd.chain("adam(0.1)", jgd.clip(1.0)) == jgd.chain(jgd.adam(0.1), jgd.clip(1.0))


@table(
    reported=[
        ("key of a float array", lambda: fit(key=np.array(1.5)), TypeError, KEY),
        ("a flag of text", lambda: jgd.linear_regression(fit_intercept="no"), TypeError, "True or False, found 'no'"),
        ("history by a wrong name", lambda: fitted().history["los"], KeyError, "nothing called 'los' was recorded, only"),
        ("a loss without data", lambda: fit(BOWL, (X, Y)), ValueError, r"takes no data.*loss\(params, batch\)"),
        (
            "a step's problem",
            lambda: jgd.training_step(jgd.linear_regression, jgd.gd(0.1)),
            TypeError,
            "must be a jgd.Problem",
        ),
    ]
)
def test_reported(call, error, message):
    refused(call, error, message)
