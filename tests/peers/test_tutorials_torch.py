"""Three tutorials, on PyTorch's own arrays, compared with its loop: the parameters, and the loss after every epoch."""

import jax
import numpy as np
import pytest
import torch

import jgd

pytestmark = pytest.mark.peers

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])


def torch_descent(X, y, learning_rate, epochs, batch_size="full"):
    """The parameters at the start and after every epoch, shape (epochs + 1, d + 1), the losses there, and each step's."""
    model = torch.nn.Linear(X.shape[1], 1, dtype=X.dtype)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer, mse = torch.optim.SGD(model.parameters(), learning_rate), torch.nn.MSELoss()
    params, losses, step_losses = [], [], []

    def look():
        with torch.no_grad():
            params.append(torch.cat([model.weight.ravel(), model.bias]).numpy())
            losses.append(mse(model(X), y).item())

    look()
    for _ in range(epochs):
        size = len(X) if batch_size == "full" else batch_size
        for rows, targets in zip(X.split(size), y.split(size), strict=True):
            optimizer.zero_grad()
            loss = mse(model(rows), targets)
            loss.backward()
            optimizer.step()
            step_losses.append(loss.item())
        look()
    return np.stack(params), np.array(losses), np.array(step_losses)


def jgd_descent(X, y, learning_rate, epochs, batch_size="full", **options):
    """The result, and its parameters in one array; a column of targets is one output."""
    with jax.enable_x64(X.dtype == torch.float64):
        data, tx = (X.numpy(), y.numpy()), jgd.sgd(learning_rate)
        options |= dict(batch_size=batch_size, shuffle=False, epochs=epochs)
        result = jgd.fit(jgd.linear_regression(), data, tx, **options)
        return result, np.append(result.params.weights, result.params.bias)


def assert_close(ours, theirs, tolerance):
    """Relative to the largest of them."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


@DTYPES
def test_line(dtype):
    """y = 2x + 1: 200 steps on all of 100 points."""
    X = torch.linspace(0, 1, 100, dtype=dtype).view(-1, 1)
    y = 2 * X + 1
    params, losses, _ = torch_descent(X, y, 0.05, 200)
    result, ours = jgd_descent(X, y, 0.05, 200)
    assert result.status == "max_steps"
    assert_close(ours, params[-1], TOLERANCE[dtype])
    assert_close(result.history.loss, losses, TOLERANCE[dtype])


def slope(dtype):
    X = torch.arange(-5, 5, 0.1, dtype=dtype).view(-1, 1)
    return X, -5 * X + 0.4 * torch.randn(X.size(), dtype=dtype, generator=torch.Generator().manual_seed(0))


@DTYPES
@pytest.mark.parametrize(("batch_size", "learning_rate"), [("full", 0.05), ("full", 0.1), (1, 0.05)])
def test_slope(batch_size, learning_rate, dtype):
    """A line of slope -5: 20 epochs, all rows a step or one row a step."""
    X, y = slope(dtype)
    params, losses, _ = torch_descent(X, y, learning_rate, 20, batch_size)
    result, ours = jgd_descent(X, y, learning_rate, 20, batch_size)
    assert result.status == "max_steps"
    assert_close(ours, params[-1], TOLERANCE[dtype])
    assert_close(result.history.loss, losses, TOLERANCE[dtype])


@DTYPES
def test_slope_diverges(dtype):
    """One row a step and a learning rate of 0.1: PyTorch's loss explodes; jgd says so, and is equal until then."""
    X, y = slope(dtype)
    params, losses, _ = torch_descent(X, y, 0.1, 20, 1)
    result, ours = jgd_descent(X, y, 0.1, 20, 1, stop=jgd.stopping.gradient_norm(1e-6))
    assert not losses[-1] < 1e10 * losses[0]
    assert result.status in ("diverged", "nonfinite")
    epoch, rest = divmod(int(result.state.step), len(X))
    assert rest == 0
    assert_close(ours / params[epoch], np.ones(2), 10 * TOLERANCE[dtype])
    seen = np.asarray(result.history.loss)
    np.testing.assert_allclose(seen, losses[: len(seen)], rtol=10 * TOLERANCE[dtype])


@DTYPES
def test_mini_batches(dtype):
    """1000 rows of 5 columns in batches of 32: also the loss of every step, which the tutorial prints."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(1000, 5, dtype=dtype, generator=generator)
    y = X @ torch.tensor([[1.0], [-2.0], [3.0], [0.5], [-1.0]], dtype=dtype)
    y = y + 0.1 * torch.randn(1000, 1, dtype=dtype, generator=generator)
    params, losses, step_losses = torch_descent(X, y, 0.05, 3, 32)
    result, ours = jgd_descent(X, y, 0.05, 3, 32)
    assert_close(ours, params[-1], TOLERANCE[dtype])
    assert_close(result.history.loss, losses, TOLERANCE[dtype])
    result, ours = jgd_descent(X, y, 0.05, 3, 32, record="step")
    assert_close(ours, params[-1], TOLERANCE[dtype])
    assert_close(result.history.loss[:-1], step_losses, TOLERANCE[dtype])
