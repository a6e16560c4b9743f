"""optax as people use it on JAX: a Python loop of jitted steps, and a whole run written by hand as a scan."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks._works import B1, B2, EPS, MOMENTUM


def rule(work) -> optax.GradientTransformation:
    if work.rule == "adam":
        return optax.adam(work.learning_rate, B1, B2, EPS)
    return optax.sgd(work.learning_rate, momentum=MOMENTUM if work.rule == "momentum" else None)


def step_of(work, tx):
    """A step on a batch: new parameters, new state, the batch's loss."""

    def loss(params, X, y):
        weights, bias = params
        z = X @ weights + bias
        if work.model == "linear":
            return jnp.mean((z - y) ** 2)
        if work.model == "logistic":
            return optax.sigmoid_binary_cross_entropy(z, y).mean()
        return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()

    def step(params, state, X, y):
        value, grads = jax.value_and_grad(loss)(params, X, y)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    return step


def arrays(work, X, y):
    """The data on the device, before the time begins."""
    return jnp.asarray(X), jnp.asarray(y, jnp.int32 if work.model == "softmax" else jnp.float32)


def loop(work, X, y):
    tx = rule(work)
    step = jax.jit(step_of(work, tx))
    X, y = arrays(work, X, y)
    on_rows = jax.jit(lambda params, state, X, y, rows: step(params, state, X[rows], y[rows]))

    def run(seed):
        rng = np.random.default_rng(seed)
        params = jax.tree.map(jnp.asarray, work.start())
        state = tx.init(params)
        for _ in range(work.epochs):
            if work.full:
                params, state, _ = step(params, state, X, y)
                continue
            order = rng.permutation(work.n)
            for start in range(0, work.n, work.batch_size):
                params, state, _ = on_rows(params, state, X, y, order[start : start + work.batch_size])
        return jax.tree.map(np.asarray, params)

    return run


def whole(work, X, y, key):
    """A run as one scan: a new permutation each epoch; the last parameters, and the losses stacked."""
    tx = rule(work)
    step = step_of(work, tx)
    batches, rest = (1, 0) if work.full else divmod(work.n, work.batch_size)

    def on_rows(carry, rows):
        params, state, loss = step(*carry, X[rows], y[rows])
        return (params, state), loss

    def epoch(carry, key):
        if work.full:
            params, state, loss = step(*carry, X, y)
            return (params, state), loss
        order = jax.random.permutation(key, work.n)
        carry, losses = jax.lax.scan(on_rows, carry, order[: work.n - rest].reshape(batches, work.batch_size))
        if rest:
            carry, last = on_rows(carry, order[work.n - rest :])
            losses = jnp.append(losses, last)
        return carry, losses

    params = work.start()
    (params, _), losses = jax.lax.scan(epoch, (params, tx.init(params)), jax.random.split(key, work.epochs))
    return params, losses


def scan(work, X, y):
    """One compiled program for the whole run."""
    train = jax.jit(lambda X, y, seed: whole(work, X, y, jax.random.key(seed)))
    X, y = arrays(work, X, y)
    return lambda seed: jax.tree.map(np.asarray, train(X, y, seed))[0]


def lanes(work, X, y, own=False):
    """The same for all learning rates at once, by `vmap`; in one order of the rows, or each in its own."""
    X, y = arrays(work, X, y)
    rates = jnp.asarray(work.rates(), jnp.float32)

    @jax.jit
    def train(X, y, rates, seed):
        key = jax.random.key(seed)
        keys = jax.random.split(key, work.lanes) if own else key
        return jax.vmap(lambda rate, key: whole(work.at(rate), X, y, key)[0], (0, 0 if own else None))(rates, keys)

    return lambda seed: jax.tree.map(np.asarray, train(X, y, rates, seed))


def lanes_own(work, X, y):
    return lanes(work, X, y, own=True)


def penalised(theta, XT, y, counts, l2):
    """The mean log loss and the penalty; X with a row for each column of the data, which XLA multiplies faster on a CPU."""
    losses = optax.sigmoid_binary_cross_entropy(theta[:-1] @ XT + theta[-1], y)
    mean = jnp.mean(losses) if counts is None else counts @ losses / counts.sum()
    return mean + l2 / 2 * theta[:-1] @ theta[:-1]


def lbfgs(XT, y, counts, l2, tolerance):
    """optax's L-BFGS, with its line search, until no entry of the gradient is above the tolerance."""
    tx, loss = optax.lbfgs(), lambda theta: penalised(theta, XT, y, counts, l2)
    value_and_grad = optax.value_and_grad_from_state(loss)

    def body(carry):
        theta, state, _, steps = carry
        value, grad = value_and_grad(theta, state=state)
        updates, state = tx.update(grad, state, theta, value=value, grad=grad, value_fn=loss)
        theta = optax.apply_updates(theta, updates)
        return theta, state, jnp.abs(optax.tree.get(state, "grad")).max(), steps + 1

    theta = jnp.zeros(XT.shape[0] + 1)
    start = (theta, tx.init(theta), jnp.inf, 0)
    return jax.lax.while_loop(lambda carry: (carry[2] > tolerance) & (carry[3] < 2_000), body, start)[0]


def logistic(work, X, y):
    solve = jax.jit(lambda XT, y, tolerance: lbfgs(XT, y, None, work.l2, tolerance))
    XT, y = jnp.asarray(np.ascontiguousarray(X.T)), jnp.asarray(y)

    def run(tolerance):
        theta = np.asarray(solve(XT, y, tolerance))
        return theta[:-1], theta[-1]

    return run


def folds(work, X, y):
    """All penalties and folds by `vmap`; a fold is a row of weights."""
    lanes = jax.vmap(lbfgs, (None, None, 0, None, None))
    solve = jax.jit(jax.vmap(lanes, (None, None, None, 0, None)))
    XT, y, trained, l2 = map(jnp.asarray, (np.ascontiguousarray(X.T), y, work.trained, work.penalties))

    def run(tolerance):
        theta = np.asarray(solve(XT, y, trained.astype(XT.dtype), l2.astype(XT.dtype), tolerance))
        return theta[..., :-1], theta[..., -1]

    return run


def replicates(work, X, y):
    """All replicates by `vmap`; a replicate is a row of weights."""
    solve = jax.jit(jax.vmap(lbfgs, (None, None, 0, None, None)))
    counts = work.counts()
    XT, y, weights = map(jnp.asarray, (np.ascontiguousarray(X.T), y, counts.astype(np.float32)))

    def run(tolerance):
        theta = np.asarray(solve(XT, y, weights, work.l2, tolerance))
        return theta[:, :-1], theta[:, -1], counts

    return run
