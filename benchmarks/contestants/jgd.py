"""jgd by its public names alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import jgd
from benchmarks._works import B1, B2, EPS, MOMENTUM


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


def logistic(work, X, y):
    """To the optimum, from NumPy arrays."""

    def run(setting):
        result = solved(jgd.logistic_regression(l2=work.l2), (X, y), setting)
        return np.asarray(result.params.weights), np.asarray(result.params.bias)

    return run


def solved(problem, data, setting):
    return jgd.fit(problem, data, jgd.newton(), steps=int(setting))


def folds(work, X, y):
    """All penalties on all folds: (penalties, folds, d) weights."""
    trained = [np.flatnonzero(rows) for rows in work.trained]

    def run(setting):
        problem = jgd.logistic_regression(l2=jgd.over(work.penalties))
        found = [jgd.sweep(problem, (X[rows], y[rows]), jgd.newton(), steps=int(setting)).params for rows in trained]
        return np.stack([fold.weights for fold in found], axis=1), np.stack([fold.bias for fold in found], axis=1)

    return run


def replicates(work, X, y):
    """All replicates as lanes, each with its own weights of the rows."""
    problem, counts = jgd.logistic_regression(l2=work.l2), work.counts()

    @functools.partial(jax.jit, static_argnums=3)
    def solve(X, y, weights, steps):
        one = lambda weights: jgd.train(problem, jgd.Dataset(X, y, weights), jgd.newton(), steps=steps).params
        return jax.lax.map(one, weights, batch_size=32)

    def run(setting):
        params = solve(X, y, counts.astype(np.float32), int(setting))
        return np.asarray(params.weights), np.asarray(params.bias), counts

    return run


def ridge(work, X, y):
    """The errors of each penalty on each fold."""
    parts = [(np.flatnonzero(rows), np.flatnonzero(~rows)) for rows in work.trained]

    def run(setting):
        problem, errors = jgd.linear_regression(l2=jgd.over(work.penalties)), []
        for train, test in parts:
            params = jgd.sweep(problem, (X[train], y[train]), jgd.newton(ridge=1e-7), steps=2).params
            errors.append(np.mean((X[test] @ params.weights.T + params.bias - y[test][:, None]) ** 2, axis=0))
        return np.stack(errors, axis=1)

    return run
