"""Derivatives of an objective along a ray and of second order, by as few products with the data as there can be.

For a linear model, z = X w is known when its gradient is: along w + t u the scores are z + t X u, so that one product serves
every t, and the Hessian is [X 1]' diag(l''(z)) [X 1]. Any other problem is differentiated as it stands.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jgd.data import Dataset
from jgd.data._dataset import ByFeature
from jgd.models._problem import Problem, mean_loss, where_frozen
from jgd.models._products import spread

# Rows of a block of the Hessian: it and its product with the curvatures stay in a core's cache.
BLOCK = 4096


def slopes(problem: Problem, params: Any, batch: Dataset | None, value_fn: Callable) -> Callable[[Any], Callable]:
    """u -> (t -> the derivative of the objective along u at params + t u)."""
    functions, free = problem.functions, _free(problem, params)

    def of_scores(u):
        u, rows = free(u), len(batch)
        z, v = functions.scores.of(params, batch.X), functions.scores.of(u, batch.X)

        def along(t):
            share = spread(t.astype(z.dtype), rows)
            moved = z + share.reshape(rows, *[1] * (z.ndim - 1)) * v
            loss = lambda params, batch: functions.scores.loss(moved, batch.y)
            value, _ = mean_loss(functions._replace(loss=loss), params, batch, None, None)
            return value if functions.penalty is None else value + functions.penalty(_moved(params, t, u))

        return lambda t: jax.jvp(along, (t,), (jnp.ones_like(t),))[1]

    if functions.scores is not None:
        return of_scores
    of_any = slopes_of(params, value_fn)
    return lambda u: of_any(free(u))


def slopes_of(params: Any, value_fn: Callable) -> Callable[[Any], Callable]:
    """The same for any function; each slope takes a gradient."""
    grad_fn = jax.grad(value_fn)
    return lambda u: lambda t: inner(grad_fn(_moved(params, t, u)), u)


def products(params: Any, value_fn: Callable) -> Callable[[Any], Any]:
    """v -> H v, both of the parameters' structure."""
    grad_fn = jax.grad(value_fn)
    return lambda v: jax.jvp(grad_fn, (params,), (v,))[1]


def hessian(problem: Problem, params: Any, batch: Dataset | None, value_fn: Callable) -> jax.Array:
    """The Hessian over the ravelled parameters, at least in float32."""
    wide = jnp.promote_types(ravel_pytree(params)[0].dtype, jnp.float32)
    if problem.functions.scores is None:
        return hessian_by_products(params, value_fn)
    H = _of_loss(problem, params, batch).astype(wide) + jnp.diag(_of_penalty(problem, params).astype(wide))
    if problem.functions.frozen is None:
        return H
    free = ravel_pytree(_free(problem, params)(jax.tree.map(jnp.ones_like, params)))[0].astype(wide)
    return H * jnp.outer(free, free)


def hessian_by_products(params: Any, value_fn: Callable) -> jax.Array:
    """The same of any function, column by column."""
    flat, unravel = ravel_pytree(params)
    wide, times = jnp.promote_types(flat.dtype, jnp.float32), products(params, value_fn)
    column = lambda v: ravel_pytree(times(unravel(v.astype(flat.dtype))))[0]
    return jax.vmap(column)(jnp.eye(len(flat), dtype=wide)).astype(wide)


def _of_loss(problem: Problem, params: Any, batch: Dataset) -> jax.Array:
    """The Hessian of the mean loss, shape (D k, D k) for D columns, the intercept's among them, and k scores a row."""
    scores, intercept = problem.functions.scores, params.bias is not None
    z, share = scores.of(params, batch.X), _shares(batch)
    k = 1 if z.ndim == 1 else z.shape[1]
    if scores.quadratic:
        return jnp.kron(weighted_gram(batch.X, scores.curvature * share, intercept), jnp.eye(k, dtype=share.dtype))
    slope = jax.grad(lambda z: jnp.sum(scores.loss(z, batch.y)))
    if z.ndim == 1:
        second = jax.jvp(slope, (z,), (jnp.ones_like(z),))[1]
        return weighted_gram(batch.X, second * share.astype(z.dtype), intercept)
    blocks = []
    for a in range(k):
        second = jax.jvp(slope, (z,), (jnp.zeros_like(z).at[:, a].set(1),))[1]
        second = second * share.astype(z.dtype)[:, None]
        blocks.append([weighted_gram(batch.X, second[:, b], intercept) if b <= a else None for b in range(k)])
    H = jnp.stack([jnp.stack([blocks[max(a, b)][min(a, b)] for b in range(k)], -1) for a in range(k)], 1)
    return H.reshape(H.shape[0] * k, -1)


def _of_penalty(problem: Problem, params: Any) -> jax.Array:
    """The diagonal of the penalty's Hessian, which has no other entries."""
    penalty = problem.functions.penalty or (lambda params: 0.0 * params.weights.sum())
    return ravel_pytree(products(params, penalty)(jax.tree.map(jnp.ones_like, params)))[0]


def _shares(batch: Dataset) -> jax.Array:
    """What each row is of the mean."""
    dtype = jnp.promote_types(batch.X.dtype, jnp.float32)
    weight = jnp.ones(len(batch), dtype) if batch.sample_weight is None else batch.sample_weight.astype(dtype)
    return weight / len(batch)


def weighted_gram(X: jax.Array | ByFeature, h: jax.Array, intercept: bool) -> jax.Array:
    """[X 1]' diag(h) [X 1], or without the column of ones, block by block of rows, at least in float32."""
    n, d = X.shape
    stored = X.by_feature if isinstance(X, ByFeature) else X
    dtype = jnp.promote_types(jnp.promote_types(stored.dtype, h.dtype), jnp.float32)

    def of_rows(start, size, h):
        if isinstance(X, ByFeature):
            rows = jax.lax.dynamic_slice_in_dim(stored, start, size, 1).astype(dtype)
        else:
            rows = jax.lax.dynamic_slice_in_dim(stored, start, size, 0).astype(dtype).T
        rows = jnp.concatenate([rows, jnp.ones((1, size), dtype)]) if intercept else rows
        return jnp.matmul(rows * h[None].astype(dtype), rows.T, precision=jax.lax.Precision.HIGHEST)

    def add(i, H):
        start = i * BLOCK
        return H + of_rows(start, BLOCK, jax.lax.dynamic_slice_in_dim(h, start, BLOCK))

    full, rest = divmod(n, BLOCK)
    H = of_rows(full * BLOCK, rest, h[full * BLOCK :]) if rest else jnp.zeros((d + intercept,) * 2, dtype)
    return jax.lax.fori_loop(0, full, add, H) if full else H


def _free(problem: Problem, params: Any) -> Callable[[Any], Any]:
    """What makes the parts of a direction that belong to frozen parameters 0."""
    frozen = problem.functions.frozen
    if frozen is None:
        return lambda u: u
    return lambda u: where_frozen(frozen(params), jax.tree.map(jnp.zeros_like, u), u)


def _moved(params: Any, t: jax.Array, u: Any) -> Any:
    return jax.tree.map(lambda p, d: p + t.astype(p.dtype) * d.astype(p.dtype), params, u)


def inner(a: Any, b: Any) -> jax.Array:
    """The inner product of two trees, by a sum: on an accelerator a product would have fewer digits."""
    return sum(jnp.sum(x * y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
