"""Compiled passes over the rows, or over a part of them: what `Rows` asks for, in blocks that stay in the cache.

A part is `length` rows from `start` on, of which those before `fresh` belong to the part before; the last block of a part
reaches back into the one before likewise. So there is one program for all parts, and one size of block.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

# Of a block: entries of X where it is only multiplied by few vectors; predictions, rows x lanes; and, of a Hessian, rows, and
# entries of what is made of them.
ENTRIES, LANES, BLOCK, MADE = 2**19, 2**18, 4096, 2**20

_highest = jax.lax.Precision.HIGHEST


class Form(NamedTuple):
    """What a program is made for.

    Attributes:
      classes: 2 for one logit, else as many logits as classes.
      free: whether there is an intercept.
      wide: whether products are in float64.
      length: the rows of a part.
    """

    classes: int
    free: bool
    wide: bool
    length: int


class _Block(NamedTuple):
    """Some rows: X, in the type of the products, y, and how much each counts in each fold, (F, rows) or (1, rows)."""

    X: jax.Array
    y: jax.Array
    counts: jax.Array


def _over(of_block: Callable[[_Block], tuple[Any, Any]], X, y, counts, start, fresh, form: Form, size: int) -> tuple[Any, Any]:
    """The sums over blocks of the first thing that `of_block` makes, and its second, along the last axis, of all rows."""
    n, dtype = len(X), jnp.float64 if form.wide else X.dtype
    count = -(-form.length // max(size, 1))
    size = -(-form.length // count)

    def cut(at, counted):
        of = lambda a, axis: a if size == n else jax.lax.dynamic_slice_in_dim(a, at, size, axis)
        one = jnp.ones((1, size), dtype) if counts is None else of(counts, 1).astype(dtype)
        return _Block(of(X, 0).astype(dtype), of(y, 0), one if counted is None else one * counted.astype(dtype)[None])

    if size == form.length:
        return of_block(cut(start, None if size == n else start + jnp.arange(size) >= fresh))

    def add(i, found):
        first = start + i * size
        at = jnp.minimum(first, start + form.length - size)
        sums, rows = of_block(cut(at, at + jnp.arange(size) >= jnp.maximum(first, fresh)))
        put = lambda whole, part: jax.lax.dynamic_update_slice_in_dim(whole, part, at - start, part.ndim - 1)
        return jax.tree.map(jnp.add, found[0], sums), jax.tree.map(put, found[1], rows)

    sums, rows = jax.eval_shape(lambda: of_block(cut(0, None)))
    long = lambda a: jnp.zeros((*a.shape[:-1], form.length), a.dtype)
    nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), sums), jax.tree.map(long, rows)
    return jax.lax.fori_loop(0, count, add, nothing)


@functools.partial(jax.jit, static_argnames="form")
def evaluate(X, y, counts, theta, start, fresh, form):
    """The loss's gradient, (F, L, k, D), in float64, and the loss, (F, L), if theta is the same for all folds, else None; and of
    one lane the predictions.
    """
    weights, (L, k) = theta.reshape(-1, theta.shape[-1]), theta.shape[1:3]
    folds = max(len(theta), 1 if counts is None else len(counts))
    one = folds * L == 1
    vector = one and k == 1 and not form.wide

    def of_block(rows):
        z = product(weights, rows.X, form.free).reshape(*theta.shape[:3], -1)
        slopes = (_slopes(z, rows.y, form.classes) * rows.counts[:, None, None]).reshape(folds * L * k, -1)
        if vector:  # faster than the product of one row with X
            gradient = jnp.sum(rows.X * jnp.broadcast_to(slopes[0, :, None], rows.X.shape), axis=0)[None]
        else:
            gradient = jnp.matmul(slopes, rows.X, precision=_highest)
        gradient = gradient.astype(jnp.float64)
        if form.free:
            gradient = jnp.concatenate([gradient, jnp.sum(slopes, axis=1, keepdims=True, dtype=jnp.float64)], axis=1)
        loss = _sum(_losses(z, rows.y, form.classes), rows.counts) if len(theta) == 1 else None
        return (gradient, loss), z if one else None

    size = min(ENTRIES // X.shape[1], LANES // (folds * L * k))
    if vector and form.length == len(X):  # then XLA puts all of it on all cores
        size = len(X)
    (gradient, loss), z = _over(of_block, X, y, counts, start, fresh, form, size)
    return (gradient.reshape(folds, L, k, -1), loss), z


@functools.partial(jax.jit, static_argnames="form")
def loss(X, y, counts, theta, start, fresh, form):
    """Shape (F, L)."""
    weights = theta.reshape(-1, theta.shape[-1])

    def of_block(rows):
        z = product(weights, rows.X, form.free).reshape(*theta.shape[:3], -1)
        return _sum(_losses(z, rows.y, form.classes), rows.counts), None

    size = min(ENTRIES // X.shape[1], LANES // len(weights))
    return _over(of_block, X, y, counts, start, fresh, form, size)


@functools.partial(jax.jit, static_argnames="form")
def slope(X, y, counts, z, along, t, start, fresh, form):
    """Of one lane, the loss's derivative by t where the predictions of the part are z + t along, shape (1, 1)."""
    of = lambda a, axis: a if form.length == len(y) else jax.lax.dynamic_slice_in_dim(a, start, form.length, axis)
    slopes = _slopes(z + along * jnp.broadcast_to(t.astype(z.dtype)[:, :, None, None], z.shape), of(y, 0), form.classes)
    one = jnp.ones((1, form.length), z.dtype) if counts is None else of(counts, 1).astype(z.dtype)
    one = one * (start + jnp.arange(form.length) >= fresh).astype(z.dtype)[None]
    return _sum(jnp.sum(slopes * along, axis=2), one), None


@functools.partial(jax.jit, static_argnames="form")
def hessians(X, y, counts, theta, start, fresh, form):
    """The loss's second derivatives by the parameters of each lane of one fold, (L, k D, k D), in float64."""
    (L, k, D), weights = theta.shape[1:], theta[0].reshape(-1, theta.shape[-1])

    def of_block(rows):
        z, a = product(weights, rows.X, form.free).reshape(L, k, -1), _augmented(rows.X, form.free)
        if k == 1:
            odds = jnp.exp(-jnp.abs(z[:, 0]))
            return _squares(a, jnp.broadcast_to(rows.counts, odds.shape) * odds / jnp.square(1 + odds)), None
        # sum_i counts_i (diag(p_i) - p_i p_i') kron x_i x_i', of one lane
        p = jax.nn.softmax(z[0], axis=0)
        by_class = (a[:, None] * p.T[:, :, None]).reshape(len(a), k * D)
        weighted = by_class * jnp.broadcast_to(rows.counts[0, :, None], by_class.shape)
        H = -jax.lax.dot_general(weighted, by_class, (((0,), (0,)), ((), ())), precision=_highest).reshape(k, D, k, D)
        of_classes = jax.lax.dot_general(weighted, a, (((0,), (0,)), ((), ())), precision=_highest).reshape(k, D, D)
        H = H + jnp.einsum("kij,kl->kilj", of_classes, jnp.eye(k, dtype=H.dtype))
        return H.reshape(1, k * D, k * D).astype(jnp.float64), None

    size = min(BLOCK, max(MADE // (L * k * D), 256))
    return _over(of_block, X, y, counts, start, fresh, form, size)


@functools.partial(jax.jit, static_argnames="form")
def gram(X, y, counts, start, fresh, form):
    """The sum over the rows of one fold of [x, 1]' [x, 1], shape (D, D), in float64."""
    of_block = lambda rows: (_squares(_augmented(rows.X, form.free), rows.counts)[0], None)
    return _over(of_block, X, y, counts, start, fresh, form, BLOCK)


@functools.partial(jax.jit, static_argnames="form")
def squares(X, y, counts, start, fresh, form):
    """The sums over the rows of one fold of the squares of each column, shape (d,), in float64."""
    of_block = lambda rows: (jnp.sum(jnp.square(rows.X) * rows.counts[0, :, None], axis=0).astype(jnp.float64), None)
    return _over(of_block, X, y, counts, start, fresh, form, ENTRIES // X.shape[1])


@functools.partial(jax.jit, static_argnames="form")
def sizes(X, y, counts, scales, start, fresh, form):
    """Of each row, the sum of its squares, each times that of `scales`, (d,), or 1 where the type does not hold it; (rows,)."""

    def of_block(rows):
        size = jnp.matmul(jnp.square(rows.X), scales.astype(rows.X.dtype), precision=_highest)
        return (), jnp.where(jnp.isfinite(size), size, 1)

    return _over(of_block, X, y, counts, start, fresh, form, ENTRIES // X.shape[1])


def product(weights: jax.Array, X: jax.Array, free: bool) -> jax.Array:
    """Predictions of the rows of X by each row of weights, shape (lanes, rows)."""
    d, weights = X.shape[1], weights.astype(X.dtype)
    z = jax.lax.dot_general(weights[:, :d], X, (((1,), (1,)), ((), ())), precision=_highest)
    return z + jnp.broadcast_to(weights[:, d:], z.shape) if free else z


def _augmented(X: jax.Array, free: bool) -> jax.Array:
    return jnp.concatenate([X, jnp.ones((len(X), 1), X.dtype)], axis=1) if free else X


def _squares(a: jax.Array, h: jax.Array) -> jax.Array:
    """sum_i h_li a_i a_i' for each l, in float64 from a product in its own type."""
    weighted = (a[:, None] * h.T[:, :, None]).reshape(len(a), -1)  # on the right: faster by a quarter
    sums = jax.lax.dot_general(a, weighted, (((0,), (0,)), ((), ())), precision=_highest)
    return jnp.moveaxis(sums.reshape(-1, len(h), a.shape[1]), 1, 0).astype(jnp.float64)


def _slopes(z: jax.Array, y: jax.Array, classes: int) -> jax.Array:
    """The loss's derivative by each logit; small ones keep their digits."""
    if classes == 2:
        sign = _per_row((2 * y - 1).astype(z.dtype), z)
        return -sign / (1 + jnp.exp(sign * z))
    is_y = jnp.broadcast_to((jnp.arange(classes)[:, None] == y[None, :])[None, None], z.shape)
    others = jnp.where(is_y, 0, jax.nn.softmax(z, axis=2))
    return jnp.where(is_y, -jnp.sum(others, axis=2, keepdims=True), others)


def _losses(z: jax.Array, y: jax.Array, classes: int) -> jax.Array:
    """Of each row, (F, L, rows)."""
    if classes == 2:
        z = (_per_row((2 * y - 1).astype(z.dtype), z) * z)[:, :, 0]
        return jnp.maximum(-z, 0) + jnp.log1p(jnp.exp(-jnp.abs(z)))
    of_y = jnp.take_along_axis(z, jnp.broadcast_to(y[None, None, None, :], (*z.shape[:2], 1, len(y))), axis=2)
    return jax.nn.logsumexp(z - of_y, axis=2)


def _per_row(values: jax.Array, like: jax.Array) -> jax.Array:
    """Values of rows, (rows,), as they multiply (F, L, k, rows)."""
    return jnp.broadcast_to(values.reshape(1, 1, 1, -1), like.shape)


def _sum(values: jax.Array, counts: jax.Array) -> jax.Array:
    """Over rows, weighted, of (F, L, rows), or of one for all folds; for many lanes as a product: several times as fast."""
    if len(values) == len(counts) and values.shape[:2] == (1, 1):
        return jnp.sum(values * counts[:, None], axis=2, dtype=jnp.float64)
    if len(values) == len(counts):
        return jnp.einsum("fln,fn->fl", values, counts, precision=_highest).astype(jnp.float64)
    return jnp.einsum("ln,fn->fl", values[0], counts, precision=_highest).astype(jnp.float64)
