"""Gram matrices of the data's columns, block by block of rows, and the bound on a linear model's Hessian that one is."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jgd._checks import shown
from jgd._errors import public
from jgd.data import Dataset
from jgd.data._by_feature import ByFeature
from jgd.models._problem import Problem

# Rows of a block: it and its product with the weights stay in a core's cache.
BLOCK = 4096


@public
def gram(problem: Problem, data: Any, *, ridge: float = 2e-6) -> jax.Array:
    """A matrix that the Hessian of a linear model's objective nowhere exceeds: `preconditioner` of `jgd.lbfgs`.

    G = c sum_i (w_i / n) [x_i 1]' [x_i 1] + l2 diag(1, ..., 1, 0), the weights w_i of mean one, the column of ones that of the
    intercept, if there is one. c bounds the second derivative of a row's loss in its scores: 2 for linear regression, where G is
    the Hessian; 1/4 for logistic regression, and 1/2 for softmax (1/2 (I - 11'/k) is a bound too, and the same on the
    gradients, which sum to zero over the classes). With several outputs or classes, G is the same for each: the whole bound is
    kron(G, I) over the ravelled parameters.

    One serves all runs of a sweep. It is computed in blocks of rows, whatever is traced.

    Args:
      problem: `jgd.linear_regression` or `jgd.logistic_regression`.
      data: `(X, y)`, `(X, y, sample_weight)` or a `jgd.Dataset`.
      ridge: the share of its diagonal that is added to it, so that it is definite where columns depend on each other; a column
        of zeros gets a one.

    Returns:
      Shape (D, D), D the number of columns and one more for the intercept; at least float32.

    Raises:
      TypeError: for any other problem, whose Hessian no such matrix bounds.

    >>> import jgd
    >>> jgd.gram(jgd.linear_regression(), ([[1.0], [3.0]], [0.0, 1.0]), ridge=0.0).tolist()
    [[10.0, 4.0], [4.0, 2.0]]

    Source: Bohning & Lindsay, "Monotonicity of quadratic-approximation algorithms", Ann. Inst. Stat. Math. 40 (1988).
    """
    if not isinstance(problem, Problem) or problem.functions.scores is None:
        raise TypeError(f"gram is of jgd.linear_regression or jgd.logistic_regression, found {shown(problem)}.")
    data, functions = data if isinstance(data, Dataset) and data.y is not None else problem.dataset(data), problem.functions
    params = functions.init(None, data)
    G = weighted_gram(data.X, functions.scores.curvature * shares(data), params.bias is not None)
    G = G + jnp.diag(penalty_diagonal(problem, params).reshape(len(G), -1)[:, 0].astype(G.dtype))
    diagonal = jnp.diagonal(G)
    return G + jnp.diag(jnp.where(diagonal > 0, ridge * diagonal, 1))


def penalty_diagonal(problem: Problem, params: Any) -> jax.Array:
    """The diagonal of the penalty's Hessian over the ravelled parameters, which has no other entries."""
    ones = jax.tree.map(jnp.ones_like, params)
    penalty = problem.functions.penalty or (lambda params: 0.0 * params.weights.sum())
    return ravel_pytree(jax.jvp(jax.grad(penalty), (params,), (ones,))[1])[0]


def shares(batch: Dataset) -> jax.Array:
    """What each row is of the mean."""
    dtype = jnp.promote_types(batch.X.dtype, jnp.float32)
    weight = jnp.ones(len(batch), dtype) if batch.sample_weight is None else batch.sample_weight.astype(dtype)
    return weight / len(batch)


@functools.partial(jax.jit, static_argnums=2)
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
