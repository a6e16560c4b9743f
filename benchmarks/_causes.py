"""Problems made to have a cause, and healthy ones: what `jgd.Result.diagnose` is held against.

Each maker takes a seed and returns a result, and which other causes it has by its making. Sizes, scales, rates and chains vary
with the seed.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jgd

LINEAR, LOGISTIC = jgd.linear_regression, jgd.logistic_regression


class Made(NamedTuple):
    """A run, and the causes that it has besides its own.

    Attributes:
      also: those that follow from its making, such as too few steps where columns are badly scaled.
    """

    result: Any
    also: frozenset[str] = frozenset()


SLOW = frozenset({"too_few_steps"})


def rows(seed: int, n: int = 300, d: int = 4, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X @ rng.normal(size=d) + rng.normal() + noise * rng.normal(size=n)


def classes(seed: int, n: int = 400, d: int = 4, k: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    logits = X @ rng.normal(size=(d, k)) + 0.5 * rng.normal(size=k)
    return X, np.argmax(logits + rng.gumbel(size=(n, k)), axis=1)


def uniform(seed: int, low: float, high: float) -> float:
    """A number between, evenly spread in logarithm."""
    return float(np.exp(np.random.default_rng(seed + 10_000).uniform(np.log(low), np.log(high))))


def threshold(problem: Any, data: Any) -> float:
    return 2 / jgd.smoothness(problem, data)


# Networks.


def start(seed: int, widths: tuple[int, ...], scale: float) -> dict[str, Any]:
    """Normal weights of variance scale^2 / inputs, biases 0."""
    rng = np.random.default_rng(seed)
    return {
        f"layer{i}": {"w": jnp.asarray(scale * rng.normal(size=pair) / np.sqrt(pair[0]), jnp.float32), "b": jnp.zeros(pair[1])}
        for i, pair in enumerate(itertools.pairwise(widths))
    }


def forward(activation: Callable) -> Callable:
    def predict(params, X):
        names = sorted(params, key=lambda name: int(name[5:]))
        for name in names[:-1]:
            X = activation(X @ params[name]["w"] + params[name]["b"][None])
        return (X @ params[names[-1]]["w"] + params[names[-1]]["b"][None])[:, 0]

    return predict


def network(seed: int, widths: tuple[int, ...], scale: float, activation: Callable = jnp.tanh, **more: Any) -> jgd.Problem:
    return jgd.Problem("squared_error", init=start(seed, widths, scale), predict=forward(activation), **more)


def bent(seed: int, n: int = 256, d: int = 3, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Targets that bend with the columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X.astype(np.float32), (np.sin(X[:, 0]) + 0.5 * X[:, 1] + noise * rng.normal(size=n)).astype(np.float32)


# Healthy.


def healthy_gd(seed):
    data = rows(seed, noise=0.0 if seed % 3 == 0 else 0.3)
    return Made(jgd.fit(LINEAR(), data, jgd.gd(0.4 * threshold(LINEAR(), data)), epochs=400))


def healthy_momentum(seed):
    data = rows(seed)
    nesterov = seed % 2 == 1
    return Made(jgd.fit(LINEAR(), data, jgd.sgd(0.2 * threshold(LINEAR(), data), momentum=0.9, nesterov=nesterov), epochs=300))


def healthy_heavy_ball_above_two_over_l(seed):
    data = rows(seed)  # beyond gd's threshold, below heavy ball's
    return Made(jgd.fit(LINEAR(), data, jgd.sgd(1.5 * threshold(LINEAR(), data), momentum=0.9), epochs=600))


def healthy_scheduled(seed):
    data, steps = rows(seed), 300 // 10 * 60
    tx = jgd.sgd(jgd.schedules.cosine(0.3 * jgd.safe_learning_rate(LINEAR(), data, 10), steps))
    return Made(jgd.fit(LINEAR(), data, tx, batch_size=10, epochs=60, key=seed))


def healthy_adam(seed):
    return Made(jgd.fit(LINEAR(), rows(seed), jgd.adam(0.1), epochs=500))


def healthy_newton(seed):
    X, y = classes(seed)
    scale = np.array([1.0, 1e2, 1e-2, 1.0]) if seed % 2 else np.ones(4)  # scales do not matter to it
    return Made(jgd.fit(LOGISTIC(l2=1e-4), (X * scale, y), jgd.newton(), steps=12))


def healthy_logistic(seed):
    data = classes(seed)
    return Made(jgd.fit(LOGISTIC(l2=1e-3 * (seed % 2)), data, jgd.gd(threshold(LOGISTIC(), data) / 2), epochs=600))


def healthy_softmax(seed):
    data = classes(seed, k=3)
    return Made(jgd.fit(LOGISTIC(l2=1e-3, classes=3), data, jgd.gd(1.0), epochs=800))


def healthy_weighted(seed):
    data = (*rows(seed), np.random.default_rng(seed).uniform(0.1, 2.0, 300))
    return Made(jgd.fit(LINEAR(l2=1e-3), data, jgd.gd(0.3), epochs=400, validation=0.2))


def healthy_bowl(seed):
    curvature = jnp.asarray(np.random.default_rng(seed).uniform(0.5, 4.0, 5), jnp.float32)
    return Made(jgd.minimize(lambda w: jnp.sum(curvature * (w - 1.0) ** 2), jnp.zeros(5), jgd.gd(0.1), steps=400))


def healthy_network(seed):
    tx = jgd.adam(jgd.schedules.cosine(0.02, 1500))
    return Made(jgd.fit(network(seed, (3, 16, 16, 1), 1.0), bent(seed), tx, epochs=1500))


def healthy_rule(seed):
    stop = jgd.stopping.gradient_norm(1e-4)
    return Made(jgd.fit(LINEAR(), rows(seed), jgd.gd(0.3), epochs=2000, stop=stop))


def healthy_correlated(seed):
    X, y = rows(seed)
    X = X @ (np.eye(4) + 0.5)  # correlations of about 0.8
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=600))


def healthy_flags(seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.random((500, 3)) < [0.5, 0.2, 0.05], rng.normal(size=(500, 2))]).astype(float)
    y = (X @ rng.normal(size=5) + rng.logistic(size=500) > 0).astype(int)
    return Made(jgd.fit(LOGISTIC(l2=1e-3), (X, y), jgd.gd(1.0), epochs=1500))


def healthy_heavy_tails(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_t(4, size=(500, 4))
    y = X @ rng.normal(size=4) + rng.standard_t(3, size=500)
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=400))


def healthy_skewed(seed):
    rng = np.random.default_rng(seed)
    X = rng.lognormal(0.0, 0.7, size=(800, 3))
    y = (X @ rng.normal(size=3) + rng.logistic(size=800) > 1).astype(int)
    return Made(jgd.fit(LOGISTIC(l2=1e-3), (X, y), jgd.sgd(0.1, momentum=0.9), epochs=800))


def healthy_rare(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2000, 3))
    y = (X @ [1.0, -0.5, 0.5] + rng.logistic(size=2000) > 3.5).astype(int)
    return Made(jgd.fit(LOGISTIC(), (X, y), jgd.adam(0.1), epochs=600))


def healthy_wide(seed):
    X, y = rows(seed, n=120, d=40)
    return Made(jgd.fit(LINEAR(l2=0.1), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=1500))


def healthy_outputs(seed):
    X, y = rows(seed)
    return Made(jgd.fit(LINEAR(), (X, np.column_stack([y, 2 - X[:, 0]])), jgd.gd(0.3), epochs=400))


def healthy_stopped(seed):
    """Ended where the validation loss was least: overfitting that was prevented."""
    data = bent(seed, n=300, noise=0.3)
    tx = jgd.adam(jgd.schedules.cosine(0.01, 400))
    return Made(jgd.fit(network(seed, (3, 8, 1), 1.0), data, tx, epochs=400, batch_size=50, validation=0.3, key=seed))


def healthy_line_search(seed):
    tx = jgd.chain(jgd.sgd(1.0), jgd.scale_by_backtracking_linesearch(max_backtracking_steps=20))
    return Made(jgd.fit(LINEAR(), rows(seed), tx, epochs=200))


# Learning rates.


def rate_gd(seed):
    data = rows(seed)
    return Made(jgd.fit(LINEAR(), data, jgd.gd(uniform(seed, 1.05, 30) * threshold(LINEAR(), data)), epochs=100))


def rate_momentum(seed):
    data, nesterov = rows(seed), seed % 2 == 1
    most = 1.9 * threshold(LINEAR(), data) / (2.8 if nesterov else 1)
    return Made(jgd.fit(LINEAR(), data, jgd.sgd(uniform(seed, 1.1, 10) * most, momentum=0.9, nesterov=nesterov), epochs=100))


def rate_batches(seed):
    data = rows(seed)
    return Made(jgd.fit(LINEAR(), data, jgd.sgd(uniform(seed, 1.5, 10) * threshold(LINEAR(), data)), batch_size=8, epochs=20))


def rate_logistic(seed):
    data = classes(seed)
    rate = uniform(seed, 30, 300) * threshold(LOGISTIC(), data)
    return Made(jgd.fit(LOGISTIC(l2=0.01), data, jgd.gd(rate), epochs=60))


def rate_scales(seed):
    X, y = rows(seed)
    X[:, seed % 4] *= uniform(seed, 50, 500)  # the usual story: a rate that is usual, a column that is not
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(0.1), epochs=100), frozenset({"badly_scaled_columns"}))


def rate_bowl(seed):
    a = uniform(seed, 1, 10)
    return Made(jgd.minimize(lambda w: a * jnp.sum((w - 2.0) ** 2), jnp.ones(3), jgd.gd(uniform(seed, 1.1, 5) / a), steps=80))


def rate_network(seed):
    problem = network(seed, (3, 16, 1), 1.0, jax.nn.relu)
    return Made(jgd.fit(problem, bent(seed), jgd.sgd(uniform(seed, 5, 50)), batch_size=32, epochs=10))


def rate_clipped(seed):
    data = rows(seed)
    tx = jgd.chain(jgd.clip_by_global_norm(10.0), jgd.gd(20 * threshold(LINEAR(), data)))
    return Made(jgd.fit(LINEAR(), data, tx, epochs=100))


# Columns.


def scale_large(seed):
    X, y = rows(seed)
    X[:, seed % 4] *= uniform(seed, 30, 1000)
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=300), SLOW)


def scale_small(seed):
    X, y = rows(seed)
    X[:, seed % 4] /= uniform(seed, 30, 1000)
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=300), SLOW)


def scale_far(seed):
    X, y = rows(seed)
    X[:, seed % 4] += uniform(seed, 30, 300)
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=300), SLOW)


def scale_logistic(seed):
    X, y = classes(seed)
    X[:, seed % 4] *= uniform(seed, 50, 1000)
    return Made(jgd.fit(LOGISTIC(l2=1e-6), (X, y), jgd.gd(threshold(LOGISTIC(), (X, y)) / 2), epochs=300), SLOW)


def scale_batches(seed):
    X, y = rows(seed)
    X[:, seed % 4] *= uniform(seed, 50, 500)
    rate = jgd.safe_learning_rate(LINEAR(), (X, y), 16)
    return Made(jgd.fit(LINEAR(), (X, y), jgd.sgd(rate / 4), batch_size=16, epochs=30), SLOW | {"noise_floor"})


def constant_column(seed):
    X, y = rows(seed)
    X[:, seed % 4] = (seed % 3) * 0.5
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(0.2), epochs=800))


def constant_logistic(seed):
    X, y = classes(seed)
    X[:, seed % 4] = 1.0
    return Made(jgd.fit(LOGISTIC(l2=1e-4), (X, y), jgd.gd(1.0), epochs=800))


def sum_of_columns(seed):
    X, y = rows(seed)
    X = np.column_stack([X, X[:, 0] if seed % 2 else X[:, 0] - 2 * X[:, 1] + 0.5])
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(threshold(LINEAR(), (X, y)) / 2), epochs=600))


def all_categories(seed):
    X, y = classes(seed)
    one_hot = np.eye(3)[np.random.default_rng(seed).integers(0, 3, len(X))]
    return Made(jgd.fit(LOGISTIC(l2=1e-4), (np.column_stack([X, one_hot]), y), jgd.gd(0.5), epochs=800))


def nearly_a_sum(seed):
    X, y = rows(seed)
    near = X[:, 0] + uniform(seed, 0.003, 0.02) * np.random.default_rng(seed + 1).normal(size=len(X))
    y = y + 3 * (X[:, 0] - near) / np.std(X[:, 0] - near)
    data = np.column_stack([X, near]), y
    return Made(jgd.fit(LINEAR(), data, jgd.gd(threshold(LINEAR(), data) / 2), epochs=500), SLOW)


# Classes.


def separable(seed):
    X, y = map(np.asarray, jgd.data.make_separable(200 + seed % 5, 3, margin=0.3, key=seed))
    return Made(jgd.fit(LOGISTIC(), (X, y), jgd.gd(1.0), epochs=200))


def quasi_separable(seed):
    X, y = classes(seed)
    flag = (y == 1) & (np.random.default_rng(seed).random(len(y)) < 0.1)  # a rare feature of one class alone
    return Made(jgd.fit(LOGISTIC(), (np.column_stack([X, flag]), y), jgd.adam(0.05), batch_size=40, epochs=20))


def more_columns_than_rows(seed):
    X, y = classes(seed, n=20, d=30)
    return Made(jgd.fit(LOGISTIC(), (X, y), jgd.gd(0.1), epochs=200), frozenset({"collinear_columns"}))


def separable_softmax(seed):
    rng = np.random.default_rng(seed)
    y = np.arange(240) % 3
    X = rng.uniform(-1, 1, size=(240, 2)) + 4 * np.array([[0, 0], [1, 0], [0, 1]])[y]
    return Made(jgd.fit(LOGISTIC(classes=3), (X, y), jgd.gd(0.1), epochs=200))


# Noise and steps.


def noise_sgd(seed):
    data = rows(seed, noise=1.0)
    rate = jgd.safe_learning_rate(LINEAR(), data, 4)
    return Made(jgd.fit(LINEAR(), data, jgd.sgd(rate * uniform(seed, 0.4, 0.9)), batch_size=4, epochs=80, key=seed))


def noise_momentum(seed):
    data = rows(seed, noise=1.0)
    rate = jgd.safe_learning_rate(LINEAR(), data, 8, jgd.sgd(0.0, momentum=0.9))
    return Made(jgd.fit(LINEAR(), data, jgd.sgd(rate, momentum=0.9), batch_size=8, epochs=80, key=seed))


def noise_logistic(seed):
    data = classes(seed)
    rate = jgd.safe_learning_rate(LOGISTIC(l2=1e-3), data, 1)
    return Made(jgd.fit(LOGISTIC(l2=1e-3), data, jgd.sgd(rate * uniform(seed, 0.5, 1)), batch_size=1, epochs=60, key=seed))


def noise_adam(seed):
    return Made(jgd.fit(LINEAR(), rows(seed, noise=1.0), jgd.adam(0.1), batch_size=4, epochs=80, key=seed))


def few_gd(seed):
    data = rows(seed)
    return Made(jgd.fit(LINEAR(), data, jgd.gd(uniform(seed, 0.003, 0.03)), epochs=40))


def few_logistic(seed):
    return Made(jgd.fit(LOGISTIC(l2=1e-4), classes(seed), jgd.gd(uniform(seed, 0.01, 0.1)), epochs=60))


def few_batches(seed):
    return Made(jgd.fit(LINEAR(), rows(seed), jgd.sgd(uniform(seed, 3e-4, 1e-3)), batch_size=10, epochs=20, key=seed))


def few_adam(seed):
    return Made(jgd.fit(LINEAR(), rows(seed), jgd.adam(1e-3), epochs=100))


def few_network(seed):
    return Made(jgd.fit(network(seed, (3, 16, 1), 1.0), bent(seed), jgd.sgd(0.01), epochs=40))


def few_bowl(seed):
    a = uniform(seed, 0.5, 2.0)
    return Made(jgd.minimize(lambda w: a * jnp.sum((w - 3.0) ** 2), jnp.zeros(4), jgd.gd(0.01), steps=50))


def float32_targets(seed):
    X, y = rows(seed, noise=0.01)
    return Made(jgd.fit(LINEAR(), (X, y + uniform(seed, 1e6, 1e7)), jgd.gd(0.3), epochs=600))


def float32_rule(seed):
    stop = jgd.stopping.gradient_norm(1e-12)
    return Made(jgd.fit(LINEAR(), rows(seed), jgd.gd(0.3), epochs=2000, stop=stop))


def float32_bowl(seed):
    at = uniform(seed, 10, 100)
    stop = jgd.stopping.gradient_norm(1e-12)
    return Made(jgd.minimize(lambda w: jnp.sum((w - at - 1 / 3) ** 2) + 1.0, jnp.zeros(3), jgd.gd(0.1), steps=1000, stop=stop))


# Gradients.


def vanish_sigmoid(seed):
    problem = network(seed, (3, *[8] * (8 + seed % 4), 1), 1.0, jax.nn.sigmoid)
    return Made(jgd.fit(problem, bent(seed), jgd.gd(0.1), epochs=100, norms=seed % 2 == 0))


def vanish_tanh(seed):
    problem = network(seed, (3, *[8] * 8, 1), 0.1)
    return Made(jgd.fit(problem, bent(seed), jgd.gd(0.1), epochs=100))


def explode_relu(seed):
    problem = network(seed, (3, *[16] * (7 + seed % 3), 1), 6.0, jax.nn.relu)
    return Made(jgd.fit(problem, bent(seed), jgd.gd(0.01), epochs=30, norms=seed % 2 == 0))


def explode_recurrent(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(128, 40)).astype(np.float32)
    params = {
        "recurrent": jnp.asarray(0.6 * rng.normal(size=(8, 8)), jnp.float32),
        "inputs": jnp.ones((1, 8)),
        "out": jnp.ones((8, 1)),
    }

    def predict(params, X):
        step = lambda h, x: (h @ params["recurrent"] + x[:, None] * params["inputs"], None)
        h, _ = jax.lax.scan(step, jnp.zeros((len(X), 8)), X.T)
        return (h @ params["out"])[:, 0]

    problem = jgd.Problem("squared_error", init=params, predict=predict)
    return Made(jgd.fit(problem, (X, X[:, -1]), jgd.gd(0.01), epochs=30))


def still_zero_rate(seed):
    return Made(jgd.fit(LINEAR(), rows(seed), jgd.adam(0.0), epochs=30))


def still_frozen(seed):
    frozen = {f"layer{i}": i == 0 for i in range(2)}
    return Made(jgd.fit(network(seed, (3, 16, 1), 1.0, frozen=frozen), bent(seed), jgd.adam(0.02), epochs=1000))


def still_masked(seed):
    tx = jgd.chain(jgd.adam(0.02), jgd.freeze({f"layer{i}": {"w": i == 0, "b": False} for i in range(2)}))
    return Made(jgd.fit(network(seed, (3, 16, 1), 1.0), bent(seed), tx, epochs=1000))


def still_zero_start(seed):
    params = jax.tree.map(jnp.zeros_like, start(seed, (3, 16, 1), 1.0))
    problem = jgd.Problem("squared_error", init=params, predict=forward(jnp.tanh))
    return Made(jgd.fit(problem, bent(seed), jgd.gd(0.1), epochs=300))


def still_dead(seed):
    params = start(seed, (3, 16, 1), 1.0)
    params["layer0"]["b"] = params["layer0"]["b"] - 50.0
    problem = jgd.Problem("squared_error", init=params, predict=forward(jax.nn.relu))
    return Made(jgd.fit(problem, bent(seed), jgd.gd(0.1), epochs=300))


def still_unused(seed):
    problem = jgd.Problem(lambda w: jnp.sum((w["used"] - 2.0) ** 2), {"used": jnp.zeros(2), "unused": jnp.ones(2)})
    return Made(jgd.fit(problem, None, jgd.gd(uniform(seed, 0.1, 0.4)), steps=100))


# Losses.


def probability(params, X):
    return jax.nn.sigmoid(X @ params["w"] + params["b"])


def cross_entropy(params, batch):
    p = probability(params, batch.X)
    return -(batch.y * jnp.log(p) + (1 - batch.y) * jnp.log(1 - p))


def log_saturated(seed):
    X, y = classes(seed)
    problem = jgd.Problem(cross_entropy, init={"w": jnp.zeros(4), "b": 0.0}, predict=probability)
    scale = uniform(seed, 30, 100)
    return Made(jgd.fit(problem, (X * scale, y.astype(float)), jgd.gd(0.5), epochs=100))


def log_batches(seed):
    X, y = classes(seed)
    X[:3] *= 1000.0  # a few rows
    problem = jgd.Problem(cross_entropy, init={"w": jnp.zeros(4), "b": 0.0}, predict=probability)
    return Made(jgd.fit(problem, (X, y.astype(float)), jgd.sgd(0.3), batch_size=20, epochs=30))


def log_scalar(seed):
    rng = np.random.default_rng(seed)
    a = rng.uniform(1.0, 2.0)
    return Made(
        jgd.minimize(lambda w: a * w - jnp.log(jnp.maximum(1.0 - w, 0.0)) + 10 * (w - 2.0) ** 2, 0.0, jgd.gd(0.05), steps=200)
    )


# Models.


def simple_square(seed):
    X, y = rows(seed, n=600)
    return Made(jgd.fit(LINEAR(), (X, y + uniform(seed, 0.3, 1.5) * X[:, seed % 4] ** 2), jgd.gd(0.2), epochs=400))


def simple_product(seed):
    X, y = rows(seed, n=600)
    return Made(jgd.fit(LINEAR(), (X, y + uniform(seed, 0.3, 1.5) * X[:, 0] * X[:, 1]), jgd.gd(0.2), epochs=400))


def simple_exclusive(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 3))
    y = (X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=600) > 0).astype(int)
    return Made(jgd.fit(LOGISTIC(), (X, y), jgd.gd(1.0), epochs=400))


def simple_wave(seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(500, 2))
    y = np.cos(1.5 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=500)
    problem = jgd.Problem("squared_error", init={"w": jnp.zeros(2), "b": 0.0}, predict=lambda p, X: X @ p["w"] + p["b"])
    return Made(jgd.fit(problem, (X, y), jgd.gd(0.1), epochs=400))


def overfit_linear(seed):
    X, y = rows(seed, n=75, d=50, noise=3.0)
    return Made(jgd.fit(LINEAR(), (X, y), jgd.gd(0.1), epochs=1500, validation=0.2, key=seed), SLOW)


def overfit_network(seed):
    data = bent(seed, n=60, noise=1.0)
    return Made(jgd.fit(network(seed, (3, 64, 64, 1), 1.0), data, jgd.adam(3e-3), epochs=800, validation=0.33, key=seed))


def curvature_newton(seed):
    return Made(jgd.fit(LOGISTIC(), classes(seed), jgd.newton(), batch_size=8 + 8 * (seed % 3), epochs=20, key=seed))


def curvature_lbfgs(seed):
    return Made(jgd.fit(LOGISTIC(), classes(seed), jgd.lbfgs(), batch_size=8 + 8 * (seed % 3), epochs=20, key=seed))


MAKERS: dict[str, tuple[Callable[[int], Made], ...]] = {
    "healthy": (
        healthy_gd, healthy_momentum, healthy_heavy_ball_above_two_over_l, healthy_scheduled, healthy_adam, healthy_newton,
        healthy_logistic, healthy_softmax, healthy_weighted, healthy_bowl, healthy_network, healthy_rule,
        healthy_correlated, healthy_flags, healthy_heavy_tails, healthy_skewed, healthy_rare, healthy_wide, healthy_outputs,
        healthy_stopped, healthy_line_search,
    ),
    "learning_rate_too_large": (
        rate_gd, rate_momentum, rate_batches, rate_logistic, rate_scales, rate_bowl, rate_network, rate_clipped,
    ),
    "badly_scaled_columns": (scale_large, scale_small, scale_far, scale_logistic, scale_batches),
    "constant_columns": (constant_column, constant_logistic),
    "collinear_columns": (sum_of_columns, all_categories, nearly_a_sum),
    "separable_classes": (separable, quasi_separable, more_columns_than_rows, separable_softmax),
    "noise_floor": (noise_sgd, noise_momentum, noise_logistic, noise_adam),
    "too_few_steps": (few_gd, few_logistic, few_batches, few_adam, few_network, few_bowl),
    "float32_floor": (float32_targets, float32_rule, float32_bowl),
    "vanishing_gradients": (vanish_sigmoid, vanish_tanh),
    "exploding_gradients": (explode_relu, explode_recurrent),
    "unmoved_parameters": (still_zero_rate, still_frozen, still_masked, still_zero_start, still_dead, still_unused),
    "log_of_zero": (log_saturated, log_batches, log_scalar),
    "model_too_simple": (simple_square, simple_product, simple_exclusive, simple_wave),
    "overfitting": (overfit_linear, overfit_network),
    "curvature_of_batches": (curvature_newton, curvature_lbfgs),
}  # fmt: skip
