"""The tutorials' examples, each compared with a NumPy recursion written out here: to 1e-12 in float64, 1e-5 in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


def recursion(X, y, learning_rate, batches):
    """Gradient descent on the mean squared error, a batch of rows a step, in float64 from zero.

    Returns the parameters before every step and at the end, shape (steps + 1, d + 1), and the loss of all rows at each.
    """
    w, b = np.zeros(X.shape[1]), 0.0
    params, losses = [], []
    for rows in [*batches, None]:
        error = X @ w + b - y
        params.append(np.append(w, b))
        losses.append(np.mean(error**2))
        if rows is not None:
            w = w - learning_rate * 2 * X[rows].T @ error[rows] / len(rows)
            b = b - learning_rate * 2 * np.mean(error[rows])
    return np.array(params), np.array(losses)


def in_order(n, size, epochs):
    """The batches of each epoch, in the order of the data; the last may be short."""
    return [np.arange(n)[start : start + size] for start in range(0, n, size)] * epochs


def fit(X, y, tx, dtype, **options):
    """The result, and its parameters in one array."""
    with jax.enable_x64(dtype == "float64"):
        result = jgd.fit(jgd.linear_regression(), (X.astype(dtype), y.astype(dtype)), tx, **options)
        assert result.params.weights.dtype == dtype
        return result, np.append(result.params.weights, result.params.bias)


def assert_close(ours, theirs, dtype):
    """Relative to the largest of them."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype] * np.abs(theirs).max())


@DTYPES
def test_line(dtype):
    """y = 2x + 1: 200 steps on all of 100 points at a learning rate of 0.05."""
    X = np.linspace(-1, 1, 100)[:, None]
    y = 2 * X[:, 0] + 1
    params, losses = recursion(X, y, 0.05, in_order(100, 100, 200))
    result, ours = fit(X, y, jgd.gd(0.05), dtype, epochs=200)
    assert (result.status, result.steps) == ("max_steps", 200)
    assert_close(ours, params[-1], dtype)
    assert_close(result.history.loss, losses, dtype)
    assert result.history.step.tolist() == list(range(201))


def slope():
    X = np.arange(-5, 5, 0.1)[:, None]
    return X, -5 * X[:, 0] + 0.4 * np.random.default_rng(0).standard_normal(len(X))


@DTYPES
@pytest.mark.parametrize(("batch_size", "learning_rate"), [("full", 0.05), ("full", 0.1), (1, 0.05)])
def test_slope(batch_size, learning_rate, dtype):
    """A line of slope -5: 20 epochs, all rows a step or one row a step."""
    X, y = slope()
    batches = in_order(100, 100 if batch_size == "full" else 1, 20)
    params, losses = recursion(X, y, learning_rate, batches)
    result, ours = fit(X, y, jgd.gd(learning_rate), dtype, batch_size=batch_size, shuffle=False, epochs=20)
    assert (result.status, result.steps) == ("max_steps", len(batches))
    assert_close(ours, params[-1], dtype)
    assert_close(result.history.loss, losses[:: len(batches) // 20], dtype)


@DTYPES
@pytest.mark.parametrize("record", ["epoch", 1])
def test_slope_diverges(record, dtype):
    """One row a step at a learning rate of 0.1: the loss explodes, and the run says so at the first record that shows it."""
    X, y = slope()
    params, losses = recursion(X, y, 0.1, in_order(100, 1, 20))
    every = 100 if record == "epoch" else 1
    first = every * np.flatnonzero(losses[::every] > 1e4 * losses[0])[0]
    options = dict(batch_size=1, shuffle=False, epochs=20, record=record, stop=jgd.stopping.gradient_norm(1e-6))
    result, ours = fit(X, y, jgd.gd(0.1), dtype, **options)
    assert (result.status, result.steps) == ("diverged", first)
    np.testing.assert_allclose(ours, params[first], rtol=10 * TOLERANCE[dtype])
    np.testing.assert_allclose(result.history.loss, losses[: first + 1 : every], rtol=10 * TOLERANCE[dtype])
    with pytest.raises(jgd.FitError, match=f"diverged at step {first}"):
        result.check()


@DTYPES
def test_slope_overflows(dtype):
    """One row a step at a learning rate of 100: within the first epoch the parameters are no longer numbers."""
    X, y = slope()
    with np.errstate(over="ignore", invalid="ignore"):
        params, _ = recursion(X, y, 100.0, in_order(100, 1, 1))
        first = np.flatnonzero(~(np.abs(params).max(axis=1) <= np.finfo(dtype).max))[0] - 1
    result, ours = fit(X, y, jgd.gd(100.0), dtype, batch_size=1, shuffle=False, epochs=3)
    assert (result.status, result.steps) == ("nonfinite", first)
    np.testing.assert_allclose(ours, params[first], rtol=(first + 1) * TOLERANCE[dtype])
    with pytest.raises(jgd.FitError, match=f"nonfinite at step {first}"):
        result.check()


def regression():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 5))
    return X, X @ [1.0, -2.0, 3.0, 0.5, -1.0] + 0.1 * rng.standard_normal(1000)


@DTYPES
def test_mini_batches(dtype):
    """1000 rows of 5 columns in batches of 32, in order: 31 batches and one of 8 rows an epoch."""
    X, y = regression()
    batches = in_order(1000, 32, 3)
    assert [len(rows) for rows in batches[30:33]] == [32, 8, 32]
    params, losses = recursion(X, y, 0.05, batches)
    result, ours = fit(X, y, jgd.gd(0.05), dtype, batch_size=32, shuffle=False, epochs=3)
    assert_close(ours, params[-1], dtype)
    assert_close(result.history.loss, losses[::32], dtype)


@DTYPES
def test_shuffled_mini_batches(dtype):
    """The same in a new order every epoch; `batch_rows` tells which."""
    X, y = regression()
    rows = np.asarray(jgd.data.batch_rows(jax.random.key(7), 0, 96, n=1000, batch_size=32))
    batches = [batch[:8] if t % 32 == 31 else batch for t, batch in enumerate(rows)]
    orders = [np.concatenate(batches[32 * epoch :][:32]) for epoch in range(3)]
    assert all(sorted(order) == list(range(1000)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    params, losses = recursion(X, y, 0.05, batches)
    result, ours = fit(X, y, jgd.gd(0.05), dtype, batch_size=32, key=7, epochs=3)
    assert_close(ours, params[-1], dtype)
    assert_close(result.history.loss, losses[::32], dtype)


def test_parabola():
    """(w - 2)^2 has the gradients 6 at 5 and -2 at 1, and its minimum at 2."""
    f = lambda w: (w - 2.0) ** 2
    assert jgd.compute_gradients(f, 5.0) == 6.0
    assert jgd.compute_gradients(f, 1.0) == -2.0
    w, _ = jgd.apply_gradients(jgd.gd(0.1), 6.0, 5.0)
    assert w == np.float32(4.4)
    for start in (5.0, 1.0):
        result = jgd.minimize(f, start, jgd.gd(0.1), steps=50, stop=jgd.stopping.gradient_norm(1e-2))
        # Each step goes a fifth of the way; the gradient is twice the distance.
        distance = (start - 2) * 0.8 ** np.arange(51)
        steps = np.flatnonzero(2 * abs(distance) <= 1e-2)[0]
        assert (result.status, result.steps) == ("converged", steps)
        np.testing.assert_allclose(np.sqrt(result.history.loss), abs(distance[: steps + 1]), atol=2e-6, rtol=0)
        np.testing.assert_allclose(result.params, 2 + distance[steps], rtol=1e-6)


@DTYPES
def test_neuron(dtype):
    """One sigmoid neuron, x = 1.1, w = 2.2, b = 0, y = 1, with squared error: by hand, automatically, and as a step."""
    x, w, b, y = 1.1, 2.2, 0.0, 1.0
    a = 1 / (1 + np.exp(-(w * x + b)))
    db = 2 * (a - y) * a * (1 - a)
    dw = db * x
    close = lambda ours, by_hand: np.testing.assert_allclose(ours, by_hand, rtol=10 * TOLERANCE[dtype])

    with jax.enable_x64(dtype == "float64"):
        start = {"w": w, "b": b}
        loss = lambda params: (jax.nn.sigmoid(params["w"] * x + params["b"]) - y) ** 2
        grads = jgd.compute_gradients(loss, start)
        close([grads["w"], grads["b"]], [dw, db])

        params = jgd.fit(jgd.Problem(loss, init=start), tx=jgd.gd(0.5), steps=1).params
        close([params["w"], params["b"]], [w - 0.5 * dw, b - 0.5 * db])

        loss = lambda params, batch: (jax.nn.sigmoid(params["w"] * batch.X[:, 0] + params["b"]) - batch.y) ** 2
        data = np.array([[x]], dtype), np.array([y], dtype)
        params = jgd.fit(jgd.Problem(loss, init=start), data, jgd.gd(0.5), batch_size=1, steps=1).params
        assert params["w"].dtype == dtype
        close([params["w"], params["b"]], [w - 0.5 * dw, b - 0.5 * db])


@DTYPES
def test_accumulation(dtype):
    """The mean gradient of k batches of b rows is that of one batch of k b rows: here three batches of 32."""
    X, y = regression()
    X, y = X[:960], y[:960]
    params, _ = recursion(X, y, 0.05, in_order(960, 96, 2))
    small = jgd.MultiSteps(jgd.gd(0.05), 3, accumulator_dtype=jnp.dtype(dtype))
    for steps in (1, 2, 10, 15):
        for extra in (0, 2):  # nothing moves until the next third step
            _, ours = fit(X, y, small, dtype, batch_size=32, shuffle=False, steps=3 * steps + extra)
            assert_close(ours, params[steps], dtype)
        _, ours = fit(X, y, jgd.gd(0.05), dtype, batch_size=96, shuffle=False, steps=steps)
        assert_close(ours, params[steps], dtype)


@DTYPES
@pytest.mark.parametrize("inner", [jgd.sgd(0.02, momentum=0.9, nesterov=True), jgd.adam(0.05)], ids=["nesterov", "adam"])
def test_accumulation_with_moments(inner, dtype):
    """The same where the optimizer remembers: its moments, too, see one mean gradient in k steps."""
    X, y = regression()
    X, y = X[:960], y[:960]
    small = jgd.MultiSteps(inner, 3, accumulator_dtype=jnp.dtype(dtype))
    _, accumulated = fit(X, y, small, dtype, batch_size=32, shuffle=False, steps=45)
    _, large = fit(X, y, inner, dtype, batch_size=96, shuffle=False, steps=15)
    assert_close(accumulated, large, dtype)
