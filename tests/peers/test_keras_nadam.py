"""Keras' Nadam, given the same gradients."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jgd
from jgd.transforms import scale_by_nadam

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("numbers", [{}, dict(b1=0.8, b2=0.95, eps=1e-3)], ids=str)
def test_nadam(numbers):
    grads = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32) * np.float32([1.0, 0.01, 10.0])
    names = {"b1": "beta_1", "b2": "beta_2", "eps": "epsilon"}
    with jax.numpy_rank_promotion("allow"):  # Keras relies on it
        variable = keras.Variable(np.zeros(3, np.float32))
        optimizer = keras.optimizers.Nadam(0.1, **{names[k]: v for k, v in numbers.items()})
        optimizer.build([variable])
        for g in grads:
            optimizer.apply([jnp.asarray(g)])
    theirs = np.asarray(variable.value)

    tx = jgd.chain(scale_by_nadam(**{"eps": 1e-7, "momentum_decay": 1.0} | numbers), jgd.scale_by_learning_rate(0.1))
    step = lambda state, g: tx.update(g, state)[::-1]
    ours = jax.lax.scan(step, tx.init(jnp.zeros(3)), jnp.asarray(grads))[1].sum(0)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * abs(theirs).max())
    assert abs(theirs).min() > 0.1
