"""Fifty steps, compared with those of Keras' SGD in `model.fit(shuffle=False)`: the same rows in the same order."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
import pytest

import jgd

pytestmark = pytest.mark.peers

ROWS, STEPS = 150, 50

# Keras has the learning rate inside the momentum (v <- momentum * v - rate * g): the same where the rate is constant.
OPTIMIZERS = {
    "gd": (jgd.gd(0.05), lambda: keras.optimizers.SGD(0.05)),
    "momentum": (jgd.sgd(0.02, momentum=0.9), lambda: keras.optimizers.SGD(0.02, momentum=0.9)),
    "nesterov": (
        jgd.sgd(0.02, momentum=0.9, nesterov=True),
        lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    ),
}


@pytest.mark.parametrize("batch_size", ["full", 32])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sgd(name, batch_size):
    tx, make_optimizer = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, 4)).astype(np.float32)
    y = X @ np.float32([1.0, -2.0, 0.5, 3.0]) + np.float32(0.7)

    size = ROWS if batch_size == "full" else batch_size
    epochs = STEPS // jgd.data.steps_per_epoch(ROWS, size)
    with jax.numpy_rank_promotion("allow"):  # Keras relies on it
        layer = keras.layers.Dense(1, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((4,)), layer])
        model.compile(make_optimizer(), "mean_squared_error")
        model.fit(X, y[:, None], batch_size=size, epochs=epochs, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == STEPS
    theirs = np.append(layer.kernel.value, layer.bias.value)

    params = jgd.fit(jgd.linear_regression(), (X, y), tx, batch_size=batch_size, shuffle=False, steps=STEPS).params
    ours = np.append(params.weights, params.bias)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * abs(theirs).max())
    assert abs(theirs).max() > 0.1
