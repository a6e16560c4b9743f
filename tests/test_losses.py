"""Losses against closed forms in extended precision, at margins up to 1e4, and derivatives of any order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd

MARGINS = np.array([0.0, 1e-4, 0.5, 1.0, 5.0, 20.0, 50.0, 88.0, 100.0, 1e3, 1e4])
Z = np.concatenate([-MARGINS[::-1], MARGINS])


def exact_logistic(z, y):
    """Loss, first and second derivative, in NumPy's long double."""
    m = np.asarray((2 * y - 1) * z, np.longdouble)
    e = np.exp(-np.abs(m))
    loss = np.maximum(-m, 0) + np.log1p(e)
    p = np.where(m >= 0, e, 1) / (1 + e)
    return loss, -(2 * y - 1) * p, e / (1 + e) ** 2


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("y", [0, 1])
def test_logistic_is_right_at_any_margin(dtype, y):
    with jax.enable_x64(dtype == "float64"):
        z = jnp.asarray(Z, dtype)
        label = jnp.full(z.shape, y)
        value = jgd.losses.logistic(z, label)
        slope = jax.vmap(jax.grad(jgd.losses.logistic))(z, label)
        curve = jax.vmap(jax.grad(jax.grad(jgd.losses.logistic)))(z, label)
        exact = exact_logistic(np.asarray(z, np.float64), y)
        tiny = float(jnp.finfo(dtype).tiny)
        tolerance = 8 * float(jnp.finfo(dtype).eps)
        for ours, theirs in zip((value, slope, curve), exact, strict=True):
            assert ours.dtype == dtype
            np.testing.assert_allclose(
                np.asarray(ours, np.float64), np.asarray(theirs, np.float64), rtol=tolerance, atol=4 * tiny
            )


def test_logistic_loss_and_gradient_share_one_exponential():
    function = jax.jit(lambda z, y: jax.value_and_grad(lambda z: jgd.losses.logistic(z, y).sum())(z))
    text = function.lower(jnp.zeros(1000), jnp.zeros(1000, int)).compile().as_text()
    assert text.count(" exponential(") == 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_softmax_is_right_at_any_margin(dtype):
    with jax.enable_x64(dtype == "float64"):
        rng = np.random.default_rng(0)
        logits = jnp.asarray(np.concatenate([rng.normal(size=(20, 4)), 1e4 * rng.normal(size=(20, 4)), np.zeros((1, 4))]), dtype)
        label = jnp.asarray(rng.integers(0, 4, len(logits)))
        z = np.asarray(logits, np.float64).astype(np.longdouble)
        shifted = np.exp(z - z.max(axis=1, keepdims=True))
        p = shifted / shifted.sum(axis=1, keepdims=True)
        onehot = np.eye(4)[np.asarray(label)]
        exact = z.max(axis=1) - (z * onehot).sum(axis=1) + np.log(shifted.sum(axis=1))
        tolerance = 16 * float(jnp.finfo(dtype).eps)
        value = jgd.losses.softmax(logits, label)
        slope = jax.grad(lambda z: jgd.losses.softmax(z, label).sum())(logits)
        assert value.dtype == slope.dtype == dtype
        np.testing.assert_allclose(np.asarray(value, np.float64), exact.astype(np.float64), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(np.asarray(slope, np.float64), (p - onehot).astype(np.float64), rtol=tolerance, atol=tolerance)


def test_softmax_of_two_classes_is_logistic(x64):
    z = jnp.linspace(-20.0, 20.0, 41)
    for y in (0, 1):
        label = jnp.full(z.shape, y)
        pair = jgd.losses.softmax(jnp.stack([jnp.zeros_like(z), z], axis=1), label)
        np.testing.assert_allclose(pair, jgd.losses.logistic(z, label), rtol=1e-12 if x64 else 2e-6)


def test_second_derivatives_of_softmax():
    with jax.enable_x64(True):
        z = jnp.array([0.3, -1.0, 2.0])
        p = np.exp(z) / np.exp(z).sum()
        hessian = jax.hessian(lambda z: jgd.losses.softmax(z[None], jnp.array([1])).sum())(z)
        np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-12)


def test_squared_error_has_no_half_and_sums_over_outputs():
    prediction, target = jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(jgd.losses.squared_error(prediction, target), [5.0, 20.0])
    np.testing.assert_allclose(
        jax.grad(lambda p: jgd.losses.squared_error(p, target).sum())(prediction), 2 * (prediction - target)
    )


def test_a_label_that_is_no_class_has_no_loss():
    """Traced labels cannot be checked; a wrong one ends a run as nonfinite instead of moving it somewhere."""
    assert np.isnan(jgd.losses.logistic(jnp.zeros(3), jnp.array([-1, 2, 7]))).all()
    assert np.isnan(jgd.losses.softmax(jnp.zeros((2, 3)), jnp.array([3, -1]))).all()
    run = jax.jit(lambda X, y: jgd.train(jgd.logistic_regression(), (X, y), jgd.gd(0.5), epochs=5).status_code)
    assert jgd.training.stopping.STATUSES[int(run(jnp.ones((4, 1)), jnp.array([-1, 1, -1, 1])))] == "nonfinite"
