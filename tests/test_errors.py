"""Errors that teach: what other libraries call things is answered, and a traceback ends in the user's own line, with a note."""

import functools
import inspect
import math
import pickle
import re
import traceback

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd
from jgd import _factory, _names
from jgd._checks import shown
from jgd._errors import Answering, during, public
from jgd.training import _prepare

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X @ [1.0, -2.0]
LINEAR = jgd.linear_regression()


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """What a test lifts is forgotten after it."""
    monkeypatch.setattr(_factory, "REGISTRY", dict(_factory.REGISTRY))


def fit(problem=LINEAR, data=(X, Y), tx=jgd.gd(0.1), **options):
    return jgd.fit(problem, data, tx, **{"steps": 2} | options)


def of(loss, init=0.0, data=None, **options):
    return fit(jgd.Problem(loss, init=init, **options), data)


@functools.cache
def fitted():
    return fit()


@functools.cache
def swept():
    return jgd.sweep(LINEAR, (X, Y), jgd.gd(jgd.over([0.1, 0.2], name="lr")), steps=2)


def table(cases):
    return pytest.mark.parametrize(("call", "error", "message"), [case[1:] for case in cases], ids=[case[0] for case in cases])


def said(error):
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def frames(error):
    """Every line of a traceback below pytest's own call of the test."""
    return traceback.extract_tb(error.__traceback__)


def ends_here(error):
    """Whether a traceback passes through this file alone."""
    return {frame.filename for frame in frames(error)} == {__file__}


NAMES = [
    ("SGD", "did you mean 'sgd'?"),
    ("AdamW", "did you mean 'adamw'?"),
    ("LBFGS", "did you mean 'lbfgs'?"),
    ("LinearRegression", r"here it is jgd\.linear_regression\(\), by jgd\.solve"),
    ("adm", "did you mean 'adam' or"),
    ("GridSearchCV", "here it is jgd.cross_validate, with jgd.over"),
    ("duality_gap", r"here it is jgd\.certificate"),
    ("lipschitz", r"here it is jgd\.smoothness"),
    ("polyak_averaging", r"here it is jgd\.average_iterates"),
    ("ridge", r"here it is jgd\.linear_regression\(l2="),
    ("SGDClassifier", r"here it is jgd.logistic_regression\(\), by jgd.fit"),
    ("DataLoader", "here it is batch_size= of jgd.fit"),
    ("MSELoss", "here it is jgd.losses.squared_error"),
    ("mse", "here it is jgd.losses.squared_error"),
    ("huber", "it is jgd.losses.huber"),
    ("muon", "it is jgd.contrib.muon"),
    ("patience", "it is jgd.stopping.patience"),
    ("warmup_cosine", "it is jgd.schedules.warmup_cosine"),
    ("plot_loss", "it is jgd.plotting.plot_loss"),
    ("schedules.cosin", "did you mean 'cosine'"),
    ("schedules.StepLR", "here it is jgd.schedules.step_decay"),
    ("schedules.cosine_decay_schedule", "here it is jgd.schedules.cosine"),
    ("schedules.warmup_cosine_decay_schedule", r"warmup_cosine\(peak_value, warmup_steps, decay_steps, init_value, ...\)"),
    ("losses.hubr", "did you mean 'huber'"),
    ("losses.CrossEntropyLoss", "here it is jgd.losses.softmax"),
    ("stopping.EarlyStopping", "here it is jgd.stopping.patience"),
    ("contrib.adam", "it is jgd.adam"),
    ("folds.KFold", "here it is jgd.folds.k_fold"),
    ("data.make_blobs", "here it is jgd.data.make_classes"),
    ("initializers.xavier", "did you mean 'xavier_normal' or 'xavier_uniform'"),
    ("plotting.plot_los", "did you mean 'plot_loss'"),
    ("penalties.l1", "known: ridge"),
]


@pytest.mark.parametrize(("name", "message"), NAMES, ids=[name for name, _ in NAMES])
def test_unknown_names_of_modules_are_answered(name, message):
    module, _, last = f"jgd.{name}".rpartition(".")
    with pytest.raises(AttributeError, match=rf"module '{module}' has no attribute '{last}'[:;] .*{message}"):
        functools.reduce(getattr, name.split("."), jgd)


def test_what_probes_a_module_gets_a_plain_answer():
    with pytest.raises(AttributeError, match=r"^module 'jgd' has no attribute '_adam'$"):
        jgd._adam  # noqa: B018


KEYWORDS = [
    ("batch", lambda: fit(batch=32), "fit has no argument 'batch': did you mean 'batch_size'?"),
    ("n_epochs", lambda: fit(n_epochs=3), "fit has no argument 'n_epochs': did you mean 'epochs'?"),
    ("max_iter", lambda: fit(max_iter=3), "did you mean 'steps'?"),
    ("optimizer", lambda: jgd.fit(LINEAR, (X, Y), optimizer=jgd.gd(0.1)), "did you mean 'tx'?"),
    ("random_state", lambda: fit(random_state=3), "did you mean 'key'?"),
    ("validation_split", lambda: fit(validation_split=0.2), "did you mean 'validation'?"),
    ("early_stopping", lambda: fit(early_stopping=True), "did you mean 'stop'?"),
    ("misspelt", lambda: fit(shufle=True), "did you mean 'shuffle'?"),
    ("lr of a fit", lambda: fit(lr=0.1), "the learning rate is the optimizer's, as in jgd.adam"),
    ("weights of a fit", lambda: fit(sample_weight=X[:, 0]), r"weights go with the data, \(X, y, sample_weight\)"),
    ("loss of a fit", lambda: fit(loss="mse"), r"the loss is the problem's, as in jgd.Problem\(loss=f, init=x0\)"),
    ("alpha of a fit", lambda: fit(alpha=0.1), r"the penalty is the problem's, as in jgd.linear_regression\(l2=0.1\)"),
    ("clipping of a fit", lambda: fit(max_grad_norm=1.0), "gradients are clipped by a link, as in jgd.chain"),
    ("of neither", lambda: fit(zzz=1), "fit has no argument 'zzz': known: "),
    (
        "of train",
        lambda: jgd.train(LINEAR, (X, Y), jgd.gd(0.1), epoch=3),
        "train has no .*did you mean 'epochs'?",
    ),
    ("passed on by minimize", lambda: jgd.minimize(jnp.square, 1.0, jgd.gd(0.1), steps=2, recrd=1), "did you mean 'record'?"),
    ("missing in minimize", lambda: jgd.minimize(jnp.square, 1.0, jgd.gd(0.1), maxiter=2), "did you mean 'steps'?"),
    ("of a sweep", lambda: jgd.sweep(LINEAR, (X, Y), jgd.gd(0.1), steps=2, n_jobs=2), "lanes of one program: leave it out"),
    ("of folds", lambda: jgd.cross_validate(LINEAR, (X, Y), cv=5), "cross_validate takes no cv=; did you mean 'folds'?"),
    ("of a path", lambda: jgd.regularization_path(LINEAR, (X, Y), alphas=[1]), "no argument 'alphas': "),
    ("of an ensemble", lambda: jgd.ensemble(LINEAR, (X, Y), jgd.gd(0.1), n_estimators=3), "did you mean 'members'?"),
    ("of a data set", lambda: jgd.Dataset(X, Y, weights=Y), "Dataset has no argument 'weights': did you mean 'sample_weight'?"),
    ("of a problem", lambda: jgd.Problem(jnp.square, x0=1.0), "Problem has no argument 'x0': did you mean 'init'?"),
    ("of generated data", lambda: jgd.data.make_line(n_samples=3), "make_line has no argument 'n_samples': did you mean 'n'?"),
    ("of best", lambda: swept().best(by="loss"), "Sweep.best has no argument 'by': did you mean 'metric'?"),
    ("of configure", lambda: jgd.configure(small_loop=True), "did you mean 'small_loops'?"),
    ("lr of sgd", lambda: jgd.sgd(lr=0.1), "sgd: missing .*'lr': did you mean 'learning_rate'"),
    ("betas", lambda: jgd.adam(0.1, betas=(0.9, 0.99)), "'betas': did you mean 'b1' or 'b2'"),
    ("rmsprop's alpha", lambda: jgd.rmsprop(0.1, alpha=0.9), "'alpha': did you mean 'decay'"),
    ("weight decay of adam", lambda: jgd.adam(0.1, weight_decay=0.1), "'weight_decay': jgd.adamw decays weights"),
    ("C", lambda: jgd.logistic_regression(C=1.0), "'C': did you mean 'l2'"),
    ("parsed", lambda: jgd.parse("sgd(lr=0.1)"), "'lr': did you mean 'learning_rate'"),
    ("replaced", lambda: jgd.adam(0.1).replace(lr=0.2), "adam has no argument 'lr': did you mean 'learning_rate'?"),
    ("too many", lambda: jgd.fit(LINEAR, X, Y, jgd.gd(0.1)), r"fit: too many .*Rows and targets are one argument, data=\(X, y\)"),
    ("none", lambda: jgd.fit(), "fit: missing a required argument: 'problem'; its arguments are problem, data, tx, batch_size"),
    ("options beside a missing one", lambda: jgd.minimize(jnp.square, 1.0, jgd.gd(0.1), record=1), "missing .*'steps'"),
]


@pytest.mark.parametrize(("call", "message"), [case[1:] for case in KEYWORDS], ids=[case[0] for case in KEYWORDS])
def test_unknown_arguments_are_answered(call, message):
    with pytest.raises(TypeError, match=message) as caught:
        call()
    assert ends_here(caught.value)
    assert len(str(caught.value)) < 400


ATTRIBUTES = [
    ("coef_", lambda: fitted().coef_, "Result has no attribute 'coef_': here it is result.params.weights"),
    ("losses", lambda: fitted().losses, "here it is result.history.loss"),
    ("summary", lambda: fitted().summary(), r"here it is print\(result\)"),
    ("predict_proba", lambda: fitted().predict_proba(X), r"here it is result.probabilities\(X\)"),
    ("misspelt", lambda: fitted().parms, "Result has no attribute 'parms': did you mean 'params'"),
    ("weight", lambda: fitted().params.weight, "LinearParams has no attribute 'weight': did you mean 'weights'"),
    ("history", lambda: fitted().history.los, "nothing called 'los' was recorded, only step, loss, .*: did you mean 'loss'"),
    ("a metric", lambda: fitted().history.accuracy, r"fit with metrics=\['accuracy'\] to have it"),
    ("a metric to validate", lambda: fitted().history.val_mse, r"fit with metrics=\['mse'\] and validation= to have it"),
    ("validation", lambda: fitted().history.val_loss, "fit with validation= to have it"),
    ("best_params_", lambda: swept().best_params_, r"Sweep has no attribute 'best_params_': here it is sweep.best\(\).setting"),
    ("to_fram", lambda: swept().to_fram(), "did you mean 'to_frame'"),
    ("lr", lambda: jgd.adam(0.1).lr, "GradientTransformation 'adam' has no attribute 'lr': here it is learning_rate"),
    ("step", lambda: jgd.adam(0.1).step(), r"here it is jgd.fit\(problem, data, tx, ...\)"),
    ("b3", lambda: jgd.adam(0.1).b3, "did you mean 'b2' or 'b1'"),
    ("of a problem", lambda: LINEAR.fit_intercpt, "Problem 'linear_regression' has .*did you mean 'fit_intercept'"),
    ("of a batch", lambda: jgd.Dataset(X, Y).targets, "Dataset has no attribute 'targets': here it is y"),
    ("of a certificate", lambda: fitted().certificate().duality_gap, "Certificate has .*: here it is gap"),
    ("private", lambda: fitted()._nothing, "^Result has no attribute '_nothing'.$"),
]


@pytest.mark.parametrize(("call", "message"), [case[1:] for case in ATTRIBUTES], ids=[case[0] for case in ATTRIBUTES])
def test_unknown_attributes_are_answered(call, message):
    with pytest.raises(AttributeError, match=message) as caught:
        call()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_every_name_that_is_offered_is_there():
    offered = [*_names.THINGS.values(), *_names.ADVICE.values(), *(f"jgd.losses.{name}" for name in _names.LOSSES.values())]
    for text in offered:
        for path in re.findall(r"jgd((?:\.[a-zA-Z]\w*)+)", text):
            functools.reduce(getattr, path[1:].split("."), jgd)
    signatures = [inspect.signature(getattr(jgd, n)) for n in jgd.__all__ if inspect.isfunction(getattr(jgd, n))]
    modules = [getattr(jgd, name) for name in _names.MODULES]
    signatures += [inspect.signature(f) for m in modules for f in map(m.__dict__.get, m.__all__) if inspect.isfunction(f)]
    arguments = {name for s in signatures for name in s.parameters} | {*inspect.signature(jgd.Problem).parameters}
    arguments |= {*inspect.signature(jgd.Dataset).parameters} | {*inspect.signature(jgd.Sweep.best).parameters}
    assert not _names.ARGUMENTS.keys() - arguments
    for kind, word in ((jgd.Result, "result"), (jgd.Sweep, "sweep"), (jgd.CrossValidation, "cv")):
        for text in kind._elsewhere.values():
            for name in re.findall(rf"\b{word}\.(\w+)", text):
                assert hasattr(kind, name) or name in ("history", "state"), (kind, text)
        assert not [name for name in kind._elsewhere if hasattr(kind, name)]


def shape_mismatch(w, batch):
    return batch.X.T @ w - batch.y  # here


def misspelt_field(w, batch):
    return (batch.X @ w - batch.target) ** 2  # here


def pair(w, batch):
    return (batch[0] @ w - batch[1]) ** 2  # here


def unpacked(w, batch):
    rows, _ = batch  # here
    return rows @ w


def swapped(batch, w):
    return (batch.X @ w - batch.y) ** 2  # here


def branching(w, batch):
    return batch.y if w[0] > 0 else batch.X @ w  # here


def of_numpy(w, batch):
    return np.square(batch.X @ w - batch.y)  # here


def of_math(w, batch):
    return math.sin(w[0]) * batch.y  # here


def picking(w, batch):
    return batch.X[batch.y > 0] @ w  # here


def indexing(w, batch):
    return [1.0, 2.0][jnp.argmax(w)] * batch.y  # here


def assigning(w, batch):
    w[0] = 0.0  # here
    return batch.X @ w


def helped(w, batch):
    return helper(batch.X @ w)


def helper(values):
    return values.nothing  # here


def with_a_loss(w, batch):
    return jgd.losses.squared_error(batch.X @ w, batch.y[:1])  # here


def undefined(w, batch):
    return batch.X @ v  # noqa: F821  # here


BUGS = [
    (shape_mismatch, TypeError, "got .* and .*"),
    (misspelt_field, AttributeError, "Dataset has no attribute 'target': here it is y"),
    (pair, TypeError, "a Dataset has no item 0: its arrays are data.X, data.y"),
    (unpacked, TypeError, "a Dataset does not unpack: its arrays are data.X"),
    (swapped, AttributeError, r"has no attribute X\n.*called as swapped\(params, batch\)"),
    (branching, jax.errors.TracerBoolConversionError, r"a run is compiled, and `if`.*jnp.where\(condition, a, b\)"),
    (of_numpy, jax.errors.TracerArrayConversionError, "NumPy needs numbers .*jnp.sin for np.sin"),
    (of_math, jax.errors.ConcretizationTypeError, "the module math need a number .*jnp.sin for math.sin"),
    (picking, jax.errors.NonConcreteBooleanIndexError, r"how many rows a mask picks .*jnp.where\(mask, value, 0.0\)"),
    (indexing, jax.errors.TracerIntegerConversionError, r"an index of a list .*jnp.asarray\(values\)\[i\]"),
    (assigning, TypeError, "JAX arrays are immutable"),
    (helped, AttributeError, "has no attribute nothing"),
    (with_a_loss, ValueError, "squared_error: prediction and target must have one shape"),
    (undefined, NameError, "'v' is not defined"),
]


@pytest.mark.parametrize(("loss", "error", "message"), BUGS, ids=[case[0].__name__ for case in BUGS])
def test_a_bug_in_a_loss_ends_in_its_line_and_says_which_call_it_was(loss, error, message):
    with pytest.raises(error) as caught:
        of(loss, np.zeros(2), (X, Y))
    text = said(caught.value)
    assert re.search(message, text, re.DOTALL)
    assert re.search(r"jgd: this was the loss, called as \w+\(params, batch\), with params float32\[2\], batch.X float32\[", text)
    assert text.count("jgd: this was") == 1
    assert ends_here(caught.value)
    assert frames(caught.value)[-1].line.endswith("# here")
    assert caught.value.__cause__ is None


def problem(loss=shape_mismatch, **options):
    return jgd.Problem(loss, np.zeros(2), **options)


def stepped():
    init, step = jgd.training_step(problem(), jgd.gd(0.1))
    return step(init(np.zeros(2)), (X, Y))


RUNS = {
    "train": lambda: jgd.train(problem(), (X, Y), jgd.gd(0.1), steps=2),
    "jit": lambda: jax.jit(lambda: jgd.train(problem(), (X, Y), jgd.gd(0.1), steps=2).objective)(),
    "sweep": lambda: jgd.sweep(problem(), (X, Y), jgd.gd(jgd.over([0.1, 0.2])), steps=2),
    "cross_validate": lambda: jgd.cross_validate(problem(), (X, Y), jgd.gd(0.1), steps=2),
    "find_learning_rate": lambda: jgd.find_learning_rate(problem(), (X, Y), jgd.gd(0.1)),
    "objective": lambda: problem().objective(jnp.zeros(2), (X, Y)),
    "training_step": stepped,
    "mixed_precision": lambda: fit(jgd.mixed_precision(problem())),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_way_to_run_ends_in_the_users_line(run):
    with pytest.raises(TypeError, match="called as shape_mismatch") as caught:
        run()
    assert frames(caught.value)[-1].line.endswith("# here")
    mine = [frame for frame in frames(caught.value) if frame.filename != __file__]
    assert not [frame for frame in mine if "/jgd/" in frame.filename]


def bad_update(rate):
    def update(updates, state, params=None):
        return updates.nothing, state  # here

    return optax.GradientTransformation(lambda params: (), update)


def counting(rate, n=3):
    return optax.chain(*[optax.identity() for _ in range(n)], optax.sgd(rate))  # here


def choosing(rate, momentum=0.0):
    return optax.sgd(rate, momentum) if momentum > 0 else optax.sgd(rate)  # here


def branching_rate(count):
    return 0.1 if count < 5 else 0.01  # here


def bad_prediction(w, rows):
    return (rows @ w).nothing  # here


def bad_metric(target, prediction):
    return prediction.nothing  # here


def bad_start(key):
    return jnp.zeros(2).nothing  # here


def bad_callback(result):
    return result.nothing  # here


FUNCTIONS = [
    ("a transformation", lambda: fit(tx=jgd.lift(bad_update)(0.1)), AttributeError,
     r"this was a step of bad_update\(\.\.\.\), with updates LinearParams\(weights=float32\[2\]"),
    ("a factory that counts", lambda: fit(tx=jgd.lift(counting)(0.1)), TypeError,
     r"this was the factory of counting\(\.\.\.\)\.\n.*one that sets a structure.*jgd.lift\(counting, static=\('n',\)\)"),
    ("a factory that chooses", lambda: fit(tx=jgd.lift(choosing)(0.1)), jax.errors.TracerBoolConversionError,
     r"this was the factory of choosing\(\.\.\.\)\.\n.*one that sets a structure.*jnp.where\(condition, a, b\)"),
    ("one of optax", lambda: fit(tx=jgd.chain(jgd.clip(1.0), bad_update(0.1))), AttributeError, "this was a step of "),
    ("a schedule", lambda: fit(tx=jgd.adam(branching_rate)), jax.errors.TracerBoolConversionError,
     r"this was a step of adam\(.*\n.*jnp.where"),
    ("predict", lambda: of("huber", np.zeros(2), (X, Y), predict=bad_prediction), AttributeError,
     r"this was predict, called as bad_prediction\(params, X\), with params float32\[2\], X float32"),
    ("a metric", lambda: fit(metrics=[bad_metric]), AttributeError,
     r"this was the metric, called as bad_metric\(target, prediction\), with target float32\[12\]"),
    ("init", lambda: of(jnp.sum, bad_start), AttributeError, r"this was init, called as bad_start\(key\)"),
    ("a callback", lambda: fit(callbacks=[bad_callback]), AttributeError, "Result has no attribute 'nothing'"),
]  # fmt: skip


@table(FUNCTIONS)
def test_a_bug_in_any_function_of_the_users_ends_in_its_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert ends_here(caught.value)
    assert frames(caught.value)[-1].line.endswith("# here")


MISFITS = [
    ("init without a key", lambda: of(jnp.square, lambda: 3.0), TypeError, r"0 positional .*\n.*init, called as <lambda>\(key\)"),
    ("a metric of one", lambda: fit(metrics=[lambda y: y]), TypeError, r"called as <lambda>\(target, prediction\)"),
    ("a mask that does not fit", lambda: fit(tx=jgd.masked(jgd.gd(0.1), {"w": True})), ValueError,
     r"this was init of masked\(\.\.\.\), with params LinearParams\(weights=float32\[2\]"),
    ("a tuple predicted", lambda: of("huber", np.zeros(2), (X, Y), predict=lambda w, rows: (rows @ w, 3)), TypeError,
     "predict must return an array, found tuple"),
    ("three arguments", lambda: of(lambda w, x, y: x @ w, np.zeros(2), (X, Y)), TypeError,
     "found 3 arguments. Its data are batch.X and batch.y"),
    ("a table of values", lambda: of(lambda w, b: (b.X @ w)[:, None] - b.y[None], np.zeros(2), (X, Y)), ValueError,
     r"found shape \(12, 12\) for 12 rows; one of the two that were combined is a column, \(n, 1\): ravel it"),
    ("a vector", lambda: jgd.minimize(jnp.square, np.ones(3), jgd.gd(0.1), steps=2), ValueError,
     r"must return a scalar, found shape \(3,\) for no rows; sum it, as in jnp.sum"),
    ("two numbers", lambda: jgd.minimize(lambda x, y: x * y, (1.0, 2.0), jgd.gd(0.1), steps=2), TypeError,
     r"minimize takes f\(x\) of one argument, .* a tuple or a dict, found 2"),
    ("X and y apart", lambda: jgd.fit(LINEAR, X, Y, steps=2), TypeError, r"\(12,\): rows and targets go together, as fit"),
    ("a list of optimizers", lambda: fit(tx=[jgd.gd(0.1), optax.adam(0.1)]), TypeError,
     r"tx must be one optimizer, found 2: jgd.sweep\(problem, data, jgd.over\(\[...\]\)\) runs each, jgd.chain\(...\) makes one"),
    ("a list of chains", lambda: jgd.sweep(LINEAR, (X, Y), ["gd(0.1)"], steps=2), TypeError, "one optimizer, found 1: jgd.sweep"),
    ("a matrix as problem", lambda: jgd.fit(X, Y), TypeError, r"must be a jgd.Problem, found ndarray of shape \(12, 2\)"),
    ("a pair as X", lambda: jgd.Dataset((X, Y)), ValueError, r"X and y are two arguments: jgd.Dataset\(X, y\)"),
    ("ful", lambda: fit(batch_size="ful"), ValueError, "found 'ful'; did you mean 'full'?"),
    ("record of names", lambda: fit(record=["los"]), TypeError, r"found \['los'\]. What is recorded .* metrics="),
    ("best of a metric", lambda: fit(best="accuracy"), ValueError, r"is not recorded; add metrics=\['accuracy'\]"),
    ("sklearn's metric", lambda: fit(metrics=["mean_squared_error"]), ValueError, "unknown metric .*did you mean 'mse'"),
    ("a function to stop", lambda: fit(stop=lambda result: True), TypeError, "stop must be a rule .*found function <lambda>"),
    ("parsed in capitals", lambda: jgd.parse("SGD(0.1)"), ValueError, "unknown name 'SGD'; did you mean 'sgd'?"),
    ("gradient of a vector", lambda: jgd.compute_gradients(jnp.square, np.ones(3)), ValueError, r"must return a scalar.*\(3,\)"),
    ("gradient of a number", lambda: jgd.compute_gradients(3, 1.0), TypeError, r"f must be a function f\(x\), found 3"),
    ("gradient at text", lambda: jgd.compute_gradients(jnp.square, "text"), TypeError,
     r"not a valid JAX array type.*\n.*x, whose leaves must be real"),
    ("gradients of another shape", lambda: jgd.apply_gradients(jgd.gd(0.1), np.ones(2), np.ones(3)), ValueError,
     r"grads must be like params: found float32\[2\], expected float32\[3\]"),
    ("a step without a state", lambda: jgd.training_step(LINEAR, jgd.gd(0.1))[1](1, (X, Y)), TypeError,
     r"step takes the state that init\(params\) .*found 1"),
    ("a certificate of a result", lambda: jgd.certificate(LINEAR, (X, Y), fitted()), TypeError, "give result.params"),
    ("a lane by name", lambda: swept()["lr"], TypeError, r"a lane is a number, found 'lr'; .*sweep.where\(name=value\)"),
    ("a lane too far", lambda: swept()[5], IndexError, "there is no lane 5: the 2 lanes are numbered from 0"),
    ("no data", lambda: LINEAR.objective(fitted().params), TypeError, r"needs data: give \(X, y\) or a jgd.Dataset, found None"),
    ("text as penalties", lambda: jgd.regularization_path(LINEAR, (X, Y), l2="a"), TypeError, "l2 must be a list .*found 'a'"),
    ("rows of text", lambda: jgd.data.make_line("a"), TypeError, "n must be a whole number, found 'a'"),
    ("a negative number of rows", lambda: jgd.data.make_classes(-1), ValueError, "n must be at least 1, found -1"),
    ("a result as params", lambda: fit(params=fitted()), TypeError, "params is a Result: give result.params"),
    ("a result as state", lambda: fit(state=fitted()), TypeError, "state is a Result: give result.state"),
    ("text in a schedule", lambda: jgd.schedules.cosine("a", 10), TypeError, "init_value must be a number, found 'a'"),
    ("text among boundaries", lambda: jgd.schedules.piecewise_constant(0.1, [3], ["a"]), TypeError,
     "scales must be a number, found 'a'"),
    ("text in a rule", lambda: jgd.stopping.target("a"), TypeError, "stopping.target: loss must be a number, found 'a'"),
    ("text in an optimizer", lambda: jgd.adam(0.1, eps_root="a"), TypeError, "adam: eps_root must be a number, found 'a'"),
    ("one transformation for labels", lambda: jgd.partition(jgd.gd(0.1), "a"), TypeError,
     r"partition: transforms must be a dict of transformations, found gd\(0.1\)"),
    ("a callback without a result", lambda: fit(callbacks=[lambda: 3]), TypeError, r"callback, called as <lambda>\(result\)"),
    ("weights of no list", lambda: jgd.data.make_linear(10, 5), TypeError, "weights must be a list of numbers.*found 5"),
    ("links by name", lambda: jgd.chain(tx=jgd.gd(0.1)), TypeError, "chain has no argument 'tx': it takes none by name"),
    ("members of text", lambda: jgd.ensemble(LINEAR, (X, Y), jgd.gd(0.1), members="a"), TypeError, "members must be a whole"),
]  # fmt: skip


@table(MISFITS)
def test_what_does_not_fit_ends_in_the_users_call(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert ends_here(caught.value)
    assert len(str(caught.value)) < 500


def test_a_bug_of_jgds_own_is_shown_whole(monkeypatch):
    monkeypatch.setattr(_prepare, "check_loss", None)
    with pytest.raises(TypeError, match="'NoneType' object is not callable") as caught:
        of(lambda w: w**2)
    assert [frame.name for frame in frames(caught.value)][-2:] == ["fit", "prepare"]


def test_all_is_shown_where_jax_is_told_to():
    before = jax.config.jax_traceback_filtering
    jax.config.update("jax_traceback_filtering", "off")
    try:
        with pytest.raises(TypeError) as caught:
            of(shape_mismatch, np.zeros(2), (X, Y))
    finally:
        jax.config.update("jax_traceback_filtering", before)
    assert {"prepare", "check_loss"} <= {frame.name for frame in frames(caught.value)}


def test_a_public_function_stays_what_it_is():
    assert "batch_size" in inspect.signature(jgd.fit).parameters
    assert pickle.loads(pickle.dumps(jgd.fit)) is jgd.fit
    assert jgd.fit.__module__ == "jgd.training._fit"


def test_what_is_no_error_of_a_call_passes_as_it_is():
    @public
    def interrupted(error):
        raise error

    for error in (KeyboardInterrupt(), TypeError("mine"), StopIteration()):
        with pytest.raises(type(error)) as caught:
            interrupted(error)
        assert caught.value is error


def test_a_property_says_why_itself():
    class Thing(Answering):
        @property
        def broken(self):
            raise AttributeError("its own reason")

    with pytest.raises(AttributeError, match="its own reason"):
        Thing().broken  # noqa: B018
    assert not hasattr(Thing(), "borken")


def test_only_the_innermost_call_is_noted():
    error = None
    try:
        with during("the outer"), during("the inner", x=np.ones(3), y=None):
            raise ValueError
    except ValueError as caught:
        error = caught
    assert error.__notes__ == ["jgd: this was the inner, with x " + str(jnp.ones(3).dtype) + "[3]."]


@pytest.mark.parametrize(
    ("value", "text"),
    [(X, "ndarray of shape (12, 2)"), (jnp.zeros(3), "ArrayImpl of shape (3,)"), (np.float32(1), "np.float32(1.0)"),
     (print, "function print"), (dict, "class dict"), ("a\nb", r"'a\nb'"), ([0] * 99, "[0, 0, 0")],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_values_in_messages_stay_short(value, text):
    assert shown(value).startswith(text)
    assert len(shown(value)) <= 100
