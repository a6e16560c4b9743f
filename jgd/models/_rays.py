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
from jgd.models._functions import where_frozen
from jgd.models._gram import penalty_diagonal, shares, weighted_gram
from jgd.models._problem import Problem


def slopes(problem: Problem, params: Any, batch: Dataset | None, value_fn: Callable) -> Callable[[Any], Callable]:
    """u -> (t -> the derivative of the objective along u at params + t u)."""
    functions, free = problem.functions, _free(problem, params)

    def of_scores(u):
        u, share = free(u), shares(batch)
        z, v = functions.scores.of(params, batch.X), functions.scores.of(u, batch.X)
        loss = lambda t: functions.scores.loss(z + t.astype(z.dtype) * v, batch.y)
        penalty = lambda t: functions.penalty(_moved(params, t, u))

        def slope(t):
            # A search is a loop, whose lanes `vmap` puts first: there this product with the shares is the fast sum over rows.
            of_rows = _slope(loss, t)
            of_loss = jnp.matmul(share.astype(of_rows.dtype), of_rows, precision=jax.lax.Precision.HIGHEST)
            return of_loss if functions.penalty is None else of_loss + _slope(penalty, t).astype(of_loss.dtype)

        return slope

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
    H = _of_loss(problem, params, batch).astype(wide) + jnp.diag(penalty_diagonal(problem, params).astype(wide))
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
    z, share = scores.of(params, batch.X), shares(batch)
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


def _free(problem: Problem, params: Any) -> Callable[[Any], Any]:
    """What makes the parts of a direction that belong to frozen parameters 0."""
    frozen = problem.functions.frozen
    if frozen is None:
        return lambda u: u
    return lambda u: where_frozen(frozen(params), jax.tree.map(jnp.zeros_like, u), u)


def _slope(function: Callable, t: jax.Array) -> jax.Array:
    return jax.jvp(function, (t,), (jnp.ones_like(t),))[1]


def _moved(params: Any, t: jax.Array, u: Any) -> Any:
    return jax.tree.map(lambda p, d: p + t.astype(p.dtype) * d.astype(p.dtype), params, u)


def inner(a: Any, b: Any) -> jax.Array:
    """The inner product of two trees, by a sum: on an accelerator a product would have fewer digits."""
    return sum(jnp.sum(x * y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
