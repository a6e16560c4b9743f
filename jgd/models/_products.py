"""Products of rows and weights, at full precision of their type, each in the form that is fastest for its shape.

The one place where forms are chosen. `python -m benchmarks products` measures what the choices rest on.
"""

import functools

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jgd.data._dataset import ByFeature

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
    return jax.vmap(functools.partial(_shared, axis=axis), dims)(*arguments), 0


def _shape(X, v, *, axis):
    return jax.core.ShapedArray((X.shape[1 - axis], *v.shape[1:]), X.dtype)


_product_p.def_impl(jax.jit(_alone, static_argnames="axis"))
_product_p.def_abstract_eval(_shape)
mlir.register_lowering(_product_p, mlir.lower_fun(_alone, multiple_results=False))
ad.defbilinear(_product_p, _transpose_X, _transpose_v)
batching.primitive_batchers[_product_p] = _batch
