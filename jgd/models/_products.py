"""Products of rows and weights, at full precision of their type, each in the form that is fastest for its shape.

The one place where forms are chosen. `python -m benchmarks products` measures what the choices rest on.
"""

import functools

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jgd.data._by_feature import ByFeature

# Up to so many entries of X a sum of products is faster on a CPU than a matrix product, as it merges with what is around it: a
# step's two products of 32 x 5 entries take 90 ns instead of 250, of 32 x 50 as long (620), of 128 x 50 twice as long.
FEW = 1536


def product(X: jax.Array | ByFeature, weights: jax.Array) -> jax.Array:
    """X @ weights, for weights of shape (d,) or (d, k), in the wider of the two types."""
    if X.ndim == 2 and X.shape[1] != weights.shape[0]:
        raise ValueError(f"X has {X.shape[1]} columns, but there are weights for {weights.shape[0]}.")
    stored, axis = (X.by_feature, 0) if isinstance(X, ByFeature) else (X, 1)
    if X.ndim != 2:
        return jnp.matmul(X, weights, precision=jax.lax.Precision.HIGHEST)
    dtype = jnp.promote_types(stored.dtype, weights.dtype)
    return _product_p.bind(stored.astype(dtype), weights.astype(dtype), axis=axis)


# X @ v for axis 1, X.T @ v for axis 0, each the other's derivative. A primitive, because the form depends on what only its rules
# can tell: whether it is the product of one model, or under `vmap` of many, where sums of products are 17 times slower.
_product_p = Primitive("product")


def _alone(X: jax.Array, v: jax.Array, *, axis: int) -> jax.Array:
    if v.ndim == 1 and X.size <= FEW and X.dtype in (jnp.float32, jnp.float64):
        return jnp.sum(X * jnp.expand_dims(v, 1 - axis), axis)
    if v.ndim == 2 and axis == 0:
        # The compiler would turn this into a product with X transposed, which takes twice as long, were it to see both.
        return jax.lax.optimization_barrier(_shared(v.T, X, axis=1)).T
    return _shared(X, v, axis=axis)


def _shared(X: jax.Array, v: jax.Array, *, axis: int) -> jax.Array:
    left, right = (X, v) if axis == 1 else (X.T, v) if v.ndim == 2 else (v, X)
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)


def _transpose_X(ct, X, v, *, axis):
    if v.ndim == 1:
        return jnp.expand_dims(ct, axis) * jnp.expand_dims(v, 1 - axis)
    return jnp.matmul(*((ct, v.T) if axis == 1 else (v, ct.T)), precision=jax.lax.Precision.HIGHEST)


def _transpose_v(ct, X, v, *, axis):
    return _product_p.bind(X, ct, axis=1 - axis)


def _batch(arguments, dims, *, axis):
    (X, v), (X_dim, v_dim) = arguments, dims
    if X_dim is not None:
        return jax.vmap(functools.partial(_shared, axis=axis), dims)(*arguments), 0
    left = X if axis == 1 else jax.lax.optimization_barrier(X.T)
    return _kept(jnp.tensordot(left, _last(v, v_dim), 1, precision=jax.lax.Precision.HIGHEST)), v.ndim - 1


def _last(v: jax.Array, dim: int) -> jax.Array:
    """With the axis of models last, and stored so."""
    return _kept(jnp.moveaxis(v, dim, -1))


_kept = jax.lax.optimization_barrier


def _shape(X, v, *, axis):
    return jax.core.ShapedArray((X.shape[1 - axis], *v.shape[1:]), X.dtype)


_product_p.def_impl(jax.jit(_alone, static_argnames="axis"))
_product_p.def_abstract_eval(_shape)
mlir.register_lowering(_product_p, mlir.lower_fun(_alone, multiple_results=False))
ad.defbilinear(_product_p, _transpose_X, _transpose_v)
batching.primitive_batchers[_product_p] = _batch


def total(values: jax.Array) -> jax.Array:
    """The sum over rows."""
    return _total_p.bind(values)


def spread(value: jax.Array, rows: int) -> jax.Array:
    """The same value for each row."""
    return _spread_p.bind(value, rows=rows)


# Sums over rows, and their derivatives. Primitives too: under `vmap` a sum is a product with ones, which a CPU does several times
# faster than it adds up rows of a transposed array, and both keep the axis of models last, as the products do.
_total_p, _spread_p = Primitive("total"), Primitive("spread")


def _total(values):
    return jnp.sum(values, axis=0)


def _spread(value, *, rows):
    return jnp.broadcast_to(value[None], (rows, *value.shape))


def _batch_total(arguments, dims):
    values = _last(*arguments, *dims)
    ones = jnp.ones(len(values), values.dtype)
    return jnp.tensordot(ones, values, 1, precision=jax.lax.Precision.HIGHEST), values.ndim - 2


def _batch_spread(arguments, dims, *, rows):
    value = jnp.moveaxis(*arguments, *dims, -1)
    return _spread(value, rows=rows), value.ndim


_total_p.def_impl(jax.jit(_total))
_total_p.def_abstract_eval(lambda values: jax.core.ShapedArray(values.shape[1:], values.dtype))
mlir.register_lowering(_total_p, mlir.lower_fun(_total, multiple_results=False))
ad.deflinear2(_total_p, lambda ct, values: [spread(ct, values.aval.shape[0])])
batching.primitive_batchers[_total_p] = _batch_total
_spread_p.def_impl(jax.jit(_spread, static_argnames="rows"))
_spread_p.def_abstract_eval(lambda value, *, rows: jax.core.ShapedArray((rows, *value.shape), value.dtype))
mlir.register_lowering(_spread_p, mlir.lower_fun(_spread, multiple_results=False))
ad.deflinear2(_spread_p, lambda ct, value, *, rows: [total(ct)])
batching.primitive_batchers[_spread_p] = _batch_spread
