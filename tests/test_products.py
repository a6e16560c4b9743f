"""Products by shape: each form equals a matrix product, with every transformation of JAX, whatever form is chosen."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgd
from jgd.data._by_feature import ByFeature
from jgd.data._place import LARGE
from jgd.models._products import FEW, product

rng = np.random.default_rng(0)


def close(found, expected):
    chex.assert_trees_all_close(found, expected, rtol=2e-4, atol=1e-4)


# Few entries, whose product is a sum, and more than that.
@pytest.mark.parametrize(("b", "d", "k"), [(3, 4, None), (3, 4, 2), (100, 50, None), (100, 50, 3)])
@pytest.mark.parametrize("by_feature", [False, True])
def test_a_product_is_that_of_matrices_under_every_transformation(b, d, k, by_feature):
    assert (b * d <= FEW) == (b == 3)
    X, w = rng.normal(size=(b, d)).astype(np.float32), rng.normal(size=(d,) if k is None else (d, k)).astype(np.float32)
    stored = (lambda X: ByFeature(X.T)) if by_feature else (lambda X: X)
    f = lambda X, w: jnp.sum(jnp.tanh(product(stored(X), w)))
    plain = lambda X, w: jnp.sum(jnp.tanh(jnp.matmul(X, w)))
    many_w, many_X = jnp.stack([w, 2 * w]), jnp.stack([X, X + 1])
    close(product(stored(X), w), X @ w)

    def transformed(f, X, w, many_X, many_w):
        of_w = jax.grad(f, 1)
        for argument in (0, 1):
            yield jax.grad(f, argument)(X, w)
            yield jax.jacfwd(f, argument)(X, w)
        yield jax.hessian(f, 1)(X, w)
        for axes, arguments in (((None, 0), (X, many_w)), ((0, 0), (many_X, many_w)), ((0, None), (many_X, w))):
            yield jax.vmap(of_w, axes)(*arguments)
        yield jax.vmap(jax.vmap(of_w, (0, None)), (None, 0))(many_X, many_w)

    every = jax.jit(lambda f, *arguments: list(transformed(f, *arguments)), static_argnums=0)
    close(every(f, X, w, many_X, many_w), every(plain, X, w, many_X, many_w))


def test_many_models_on_the_same_few_rows_are_one_matrix_product():
    X, w = jnp.ones((32, 5)), jnp.ones((7, 5))
    one = jax.jit(lambda X, w: product(X, w)).lower(X, w[0]).as_text()
    many = jax.jit(jax.vmap(product, (None, 0))).lower(X, w).as_text()
    assert "dot_general" not in one
    assert "dot_general" in many


def test_a_fit_of_large_arrays_is_that_of_a_dataset_and_of_arrays_by_columns():
    X = rng.normal(size=(3000, 40)).astype(np.float32)
    y = rng.integers(2, size=3000)
    assert X.nbytes > LARGE
    fit = lambda data: jgd.fit(jgd.logistic_regression(l2=0.1), data, jgd.gd(0.5), epochs=20)
    expected = fit(jgd.Dataset(X, y))
    for data in ((X, y), (np.asfortranarray(X), y), (jnp.asarray(X), y)):
        found = fit(data)
        chex.assert_trees_all_equal(found.params, expected.params)
        assert found.predict(X).shape == (3000,)


@pytest.mark.parametrize("rows", [10, 100_000])
def test_a_dataset_keeps_no_memory_that_its_user_may_change(rows):
    X, y = np.ones((rows, 3), np.float32), np.ones(rows, np.float32)
    data = jgd.Dataset(X, y, sample_weight=np.ones(rows, np.float32))
    X[:], y[:] = 7, 7
    assert float(data.X.max()) == float(data.y.max()) == 1.0
