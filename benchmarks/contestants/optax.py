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
