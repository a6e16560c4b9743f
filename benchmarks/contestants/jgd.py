"""jgd by its public names alone."""

import jax
import jax.numpy as jnp
import numpy as np

import jgd
from benchmarks._works import B1, B2, EPS, MOMENTUM
from jgd.experiments._bootstrap import Replicates


def problem(work) -> jgd.Problem:
    if work.model == "linear":
        return jgd.linear_regression()
    return jgd.logistic_regression(classes=work.classes)


def rule(work) -> jgd.GradientTransformation:
    if work.rule == "adam":
        return jgd.adam(work.learning_rate, B1, B2, EPS)
    return jgd.sgd(work.learning_rate, momentum=MOMENTUM if work.rule == "momentum" else None)


def fit(work, X, y):
    """From NumPy arrays to NumPy parameters, with the making of problem and optimizer, and the record of every epoch."""

    def run(seed):
        result = jgd.fit(problem(work), (X, y), rule(work), batch_size=work.batch_size, epochs=work.epochs, key=seed)
        assert np.isfinite(result.objective)
        return np.asarray(result.params.weights), np.asarray(result.params.bias)

    return run


def program(work, X, y):
    """The compiled program alone, as `optax.scan` is: the data on the device, the optimizer's numbers an argument."""

    @jax.jit
    def train(data, tx, seed):
        key = jax.random.key(seed)
        return jgd.train(problem(work), data, tx, batch_size=work.batch_size, epochs=work.epochs, key=key).params

    data, tx = (jnp.asarray(X), jnp.asarray(y)), rule(work)
    return lambda seed: jax.tree.map(np.asarray, tuple(train(data, tx, seed)))


def lanes(work, X, y, rates=None, keys=None, **options):
    """All learning rates by `sweep`, from NumPy arrays to NumPy parameters, each epoch recorded unless told otherwise."""

    def run(seed):
        key = seed if keys is None else jgd.over(range(keys * seed, keys * (seed + 1)))
        tx = rule(work.at(jgd.over(work.rates(rates))))
        sweep = jgd.sweep(problem(work), (X, y), tx, batch_size=work.batch_size, epochs=work.epochs, key=key, **options)
        assert np.isfinite(sweep.objective).all()
        return np.asarray(sweep.params.weights), np.asarray(sweep.params.bias)

    return run


def lanes_at_end(work, X, y):
    return lanes(work, X, y, record=work.steps)


def lanes_of_keys(work, X, y):
    """As many lanes, of which eight differ only in their order of rows."""
    return lanes(work, X, y, rates=work.lanes // 8, keys=8)


def logistic(work, X, y, certify):
    """To the optimum, from NumPy arrays."""

    def run(setting):
        result = jgd.solve(jgd.logistic_regression(l2=work.l2), (X, y), tol=setting, certify=certify)
        return np.asarray(result.params.weights), np.asarray(result.params.bias)

    return run


def folds(work, X, y):
    """All penalties on all folds: (penalties, folds, d) weights."""
    pairs = [(np.flatnonzero(rows), np.flatnonzero(~rows)) for rows in work.trained]

    def run(setting):
        problem = jgd.logistic_regression(l2=jgd.over(work.penalties))
        params = jgd.cross_validate(problem, (X, y), folds=pairs, tol=setting).params
        return np.swapaxes(params.weights, 0, 1), np.swapaxes(params.bias, 0, 1)

    return run


def replicates(work, X, y):
    """All replicates at once, and how often each has each row."""
    problem, found = jgd.logistic_regression(l2=work.l2), {}

    def run(setting):
        params = jgd.bootstrap(problem, (X, y), replicates=work.replicates, tol=setting).params
        return params.weights, params.bias, counts()

    def counts():  # the generator's own, for the score alone
        if not found:
            drawn = Replicates(work.n, work.replicates, 0, None)
            found["counts"] = drawn.weights(slice(0, work.replicates), None)
        return found["counts"]

    return run


def ridge(work, X, y):
    """The errors of each penalty on each fold."""
    pairs = [(np.flatnonzero(rows), np.flatnonzero(~rows)) for rows in work.trained]

    def run(setting):
        path = jgd.cross_validate(jgd.linear_regression(l2=jgd.over(work.penalties)), (X, y), folds=pairs)
        return path.test_loss.T

    return run


def ridge_left_out(work, X, y):
    """The errors of each penalty, each row left out; of a sum over n rows the penalty is that of a mean over n - 1."""
    l2 = work.penalties * work.n / (work.n - 1)

    def run(setting):
        path = jgd.cross_validate(jgd.linear_regression(l2=jgd.over(l2)), (X, y), folds=jgd.folds.leave_one_out())
        return path.test_loss.mean(axis=0)

    return run
