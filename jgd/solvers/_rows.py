"""What a solver asks of the rows: predictions, gradients and Hessians of many lanes at once, each one compiled pass.

Lanes are folds x settings, (F, L): a fold is a row of weights, and the rows are stored once. Parameters theta have the shape
(F, L, k, D), k being the number of logits and D that of the columns, with the intercept's last; predictions z (F, L, k, n).
Small things are float64 on the host. Passes run in the type of X, or, where `wide`, in float64 from X as it is stored, block by
block; sums over rows that become small things are float64 from one block of rows on.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd.data._dataset import _aligned

# Rows of a block of a Hessian. Of a block of an evaluation: entries of X, which stay in the cache between its two products (half
# the time of two passes in float64), and predictions, rows x lanes.
BLOCK, ENTRIES, LANES = 4096, 3 * 2**19, 2**19

_highest = jax.lax.Precision.HIGHEST


class Point(NamedTuple):
    """Lanes at their parameters.

    Attributes:
      z: predictions, shape (F, L, k, n), on the device.
      gradient: of the mean loss, shape (F, L, k, D), float64.
      loss: the mean loss, shape (F, L), where it costs nothing beside these: of one lane; else None.
    """

    z: jax.Array
    gradient: np.ndarray
    loss: np.ndarray | None


class Rows:
    """Rows of a classifier, on the device.

    Args:
      X: shape (n, d), floating.
      y: class numbers, shape (n,).
      share: what each row counts in the mean loss, shape (F, n), of sum 1 for each fold; None for one fold of equal rows.
      classes: 2 for one logit, else as many logits as classes.
      free: whether there is an intercept.
      wide: whether passes are in float64.
    """

    def __init__(self, X: Any, y: Any, share: Any, classes: int, free: bool, wide: bool = False):
        self.X, self.y, self.share, self.classes, self.free, self.wide = X, y, share, classes, free, wide
        self.k, self.columns = 1 if classes == 2 else classes, X.shape[1] + free

    def __len__(self) -> int:
        return self.X.shape[0]

    @property
    def folds(self) -> int:
        return 1 if self.share is None else self.share.shape[0]

    @property
    def is_narrow(self) -> bool:
        """Whether wide passes would say more."""
        return not self.wide and self.X.dtype != jnp.float64

    def replace(self, **changes: Any) -> "Rows":
        new = object.__new__(Rows)
        new.__dict__.update(self.__dict__, **changes)
        return new

    def evaluate(self, theta: np.ndarray) -> Point:
        """Predictions and gradient of the mean loss at theta."""
        with jax.enable_x64(True):
            z, *small = _evaluate(self.X, self.y, self.share, theta, self.classes, self.free, self.wide)
            gradient, loss = jax.device_get(small)
            return Point(z, gradient, loss)

    def mean_loss(self, point: Point) -> np.ndarray:
        """Shape (F, L)."""
        if point.loss is not None:
            return point.loss
        with jax.enable_x64(True):
            return np.array(_mean_loss(point.z, self.y, self.share, self.classes))

    def slope(self, start: jax.Array, end: jax.Array, t: np.ndarray) -> np.ndarray:
        """The mean loss's derivative by t where the predictions are start + t (end - start), shape (F, L)."""
        with jax.enable_x64(True):
            return np.array(_slope(start, end, t, self.y, self.share, self.classes))

    def hessian(self, z: jax.Array, fold: int, lane: int) -> np.ndarray:
        """The mean loss's second derivatives for one lane, shape (k D, k D)."""
        share = None if self.share is None else self.share[min(fold, self.folds - 1)]
        with jax.enable_x64(True):
            return np.array(_hessian(self.X, share, z[fold, lane], self.free, self.wide, self.k == 1))

    def gram(self) -> np.ndarray:
        """The mean over rows, of all folds together, of [x, 1]' [x, 1], shape (D, D)."""
        with jax.enable_x64(True):
            return np.array(_gram(self.X, self.share, self.free))

    def sample(self, m: int) -> "Rows":
        """m rows, one of each m-th part of them, drawn at random, always the same; of one fold."""
        edges = np.arange(m) + np.random.default_rng(0).random(m)
        picked = np.minimum((edges * (len(self) / m)).astype(np.int64), len(self) - 1)
        share = None if self.share is None else self.share[:, picked]
        if share is not None:
            share = share / share.sum(axis=1, keepdims=True)
        return self.replace(X=_taken(self.X, picked), y=_taken(self.y, picked), share=share)


def _taken(values: jax.Array, picked: np.ndarray) -> jax.Array:
    if next(iter(values.devices())).platform != "cpu":
        return values[picked]
    memory = _aligned((len(picked), *values.shape[1:]), values.dtype)  # which JAX takes as it is
    return jax.device_put(np.take(np.asarray(values), picked, axis=0, out=memory, mode="clip"))


def _slopes(z: jax.Array, y: jax.Array, classes: int) -> jax.Array:
    """The loss's derivative by each logit; small ones keep their digits."""
    if classes == 2:
        sign = _per_row((2 * y - 1).astype(z.dtype), z)
        return -sign / (1 + jnp.exp(sign * z))
    is_y = jnp.broadcast_to((jnp.arange(classes)[:, None] == y[None, :])[None, None], z.shape)
    others = jnp.where(is_y, 0, jax.nn.softmax(z, axis=2))
    return jnp.where(is_y, -jnp.sum(others, axis=2, keepdims=True), others)


def _per_row(values: jax.Array, like: jax.Array) -> jax.Array:
    """Values of rows, (n,) or (F, n), as they multiply (F, L, k, n)."""
    shape = (1, 1, 1, -1) if values.ndim == 1 else (len(values), 1, 1, values.shape[-1])
    return jnp.broadcast_to(values.reshape(shape), like.shape)


def _weighted(values: jax.Array, share: jax.Array | None) -> jax.Array:
    """Times what each row counts, over the rows."""
    if share is None:
        return values * (1 / values.shape[-1])
    return values * _per_row(share.astype(values.dtype), values)


@functools.partial(jax.jit, static_argnums=(4, 5, 6))
def _evaluate(X, y, share, theta, classes, free, wide):
    """z, the mean loss's gradient in float64, and of one lane the mean loss."""
    dtype, (n, d), lanes = jnp.float64 if wide else X.dtype, X.shape, theta.shape[:3]
    weights = theta.reshape(-1, theta.shape[-1]).astype(dtype)
    # XLA works at a whole product of one lane on all cores, at a loop over blocks on one; and a sum of multiples of X's rows is
    # then several times as fast as the product of one row of slopes with X.
    vector = len(weights) == 1 and not wide

    def of_block(start, size):
        cut = lambda a, axis=0: a if size == n else jax.lax.dynamic_slice_in_dim(a, start, size, axis)
        rows = cut(X).astype(dtype)
        z = jax.lax.dot_general(weights[:, :d], rows, (((1,), (1,)), ((), ())), precision=_highest)
        if free:
            z = z + jnp.broadcast_to(weights[:, d:], z.shape)
        z = z.reshape(*lanes, size)
        slopes = _slopes(z, cut(y), classes)
        slopes = slopes / n if share is None else slopes * _per_row(cut(share, 1).astype(dtype), z)
        slopes = slopes.reshape(-1, size)
        if vector:
            gradient = jnp.sum(rows * jnp.broadcast_to(slopes[0, :, None], rows.shape), axis=0)[None]
        else:
            gradient = jnp.matmul(slopes, rows, precision=_highest)
        gradient = gradient.astype(jnp.float64)
        if free:
            gradient = jnp.concatenate([gradient, jnp.sum(slopes, axis=1, keepdims=True, dtype=jnp.float64)], axis=1)
        return z, gradient

    def add(start, size, found):
        z, total = found
        part, gradient = of_block(start, size)
        return jax.lax.dynamic_update_slice_in_dim(z, part, start, 3), total + gradient

    count = 1 if vector else -(-n // max(min(n, ENTRIES // d, LANES // len(weights)), 1))
    size = n // count
    if n == size:
        z, gradient = of_block(0, n)
    else:
        found = jnp.zeros((*lanes, n), dtype), jnp.zeros(weights.shape, jnp.float64)
        found = jax.lax.fori_loop(0, count, lambda i, found: add(i * size, size, found), found)
        z, gradient = add(count * size, n - count * size, found) if n % count else found
    loss = _mean_loss(z, y, share, classes) if lanes[0] * lanes[1] == 1 else None
    return z, gradient.reshape(theta.shape), loss


@functools.partial(jax.jit, static_argnums=3)
def _mean_loss(z, y, share, classes):
    if classes == 2:
        z = _per_row((2 * y - 1).astype(z.dtype), z) * z
        values = (jnp.maximum(-z, 0) + jnp.log1p(jnp.exp(-jnp.abs(z))))[:, :, 0]
    else:
        of_y = jnp.take_along_axis(z, jnp.broadcast_to(y[None, None, None, :], (*z.shape[:2], 1, len(y))), axis=2)
        values = jax.nn.logsumexp(z - of_y, axis=2)
    return _mean(values, share)


def _mean(values: jax.Array, share: jax.Array | None) -> jax.Array:
    """Over rows, weighted, of (F, L, n); for many lanes as a product, which is several times as fast as a sum."""
    if values.shape[0] * values.shape[1] == 1 or share is None:
        return jnp.sum(_weighted(values[:, :, None], share), axis=(2, 3), dtype=jnp.float64)
    return jnp.einsum("fln,fn->fl", values, share.astype(values.dtype), precision=_highest).astype(jnp.float64)


@functools.partial(jax.jit, static_argnums=5)
def _slope(start, end, t, y, share, classes):
    along = end - start
    z = start + along * jnp.broadcast_to(t.astype(start.dtype)[:, :, None, None], start.shape)
    return _mean(jnp.sum(_slopes(z, y, classes) * along, axis=2), share)


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def _hessian(X, share, z, free, wide, binary):
    n = X.shape[0]
    share = jnp.full(n, 1 / n, z.dtype) if share is None else share.astype(z.dtype)
    dtype = jnp.float64 if wide else X.dtype
    if binary:
        odds = jnp.exp(-jnp.abs(z[0]))
        curvature = share * odds / jnp.square(1 + odds)
        return _sum_of_squares(lambda X, h: (_augmented(X, free, dtype), h), X, curvature)
    p = jax.nn.softmax(z, axis=0)
    k, D = len(z), X.shape[1] + free
    # sum_i share_i (diag(p_i) - p_i p_i') kron x_i x_i'
    rows = lambda X, p: (p.T[:, :, None] * _augmented(X, free, dtype)[:, None, :]).reshape(len(X), -1)
    H = -_sum_of_squares(lambda X, packed: (rows(X, packed[1:]), packed[0]), X, jnp.concatenate([share[None], p]))
    H = H.reshape(k, D, k, D)
    for j in range(k):
        H = H.at[j, :, j].add(_sum_of_squares(lambda X, h: (_augmented(X, free, dtype), h), X, share * p[j]))
    return H.reshape(k * D, k * D)


@functools.partial(jax.jit, static_argnums=2)
def _gram(X, share, free):
    n = X.shape[0]
    weight = jnp.full(n, 1 / n, X.dtype) if share is None else jnp.mean(share, axis=0).astype(X.dtype)
    return _sum_of_squares(lambda X, h: (_augmented(X, free, X.dtype), h), X, weight)


def _augmented(X, free, dtype):
    X = X.astype(dtype)
    return jnp.concatenate([X, jnp.ones((len(X), 1), dtype)], axis=1) if free else X


def _sum_of_squares(of_block, X, packed):
    """sum_i h_i a_i a_i' for the rows a_i and weights h_i that `of_block` makes of a block, its products in its own type."""
    n = X.shape[0]

    def add(start, size):
        part = jax.lax.dynamic_slice_in_dim(X, start, size), jax.lax.dynamic_slice_in_dim(packed, start, size, packed.ndim - 1)
        a, h = of_block(*part)
        weighted = a * jnp.broadcast_to(h.astype(a.dtype)[:, None], a.shape)
        return jax.lax.dot_general(weighted, a, (((0,), (0,)), ((), ())), precision=_highest).astype(jnp.float64)

    size = min(n, BLOCK)
    total = add(0, size)
    if n // size > 1:
        total = jax.lax.fori_loop(1, n // size, lambda i, total: total + add(i * size, size), total)
    return total + add(n - n % size, n % size) if n % size else total
