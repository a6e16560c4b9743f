"""The data order: which rows step t sees, as a pure function of (key, t).

An epoch's order is a keyed bijection of 0..n-1, evaluated at the positions a step needs: no array of n, no sort, no state.
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp

Shuffle = bool | Literal["replacement"]

# Below this many rows a network of few rounds is not uniform (at n = 5 and 16 a chi-squared test of positions rejects it);
# ranks of random words are exactly so, and for so few rows n^2 comparisons cost less than a sort.
SMALL = 256
ROUNDS = 6


def steps_per_epoch(n: int, batch_size: int) -> int:
    """How many batches an epoch has; the last may be shorter: ceil(n / batch_size).

    >>> import jgd
    >>> jgd.data.steps_per_epoch(100, 32)
    4
    """
    return -(-n // batch_size)


def batch_rows(key, first_step, count: int, n: int, batch_size: int, shuffle: Shuffle = True) -> jax.Array:
    """The rows that steps first_step .. first_step + count - 1 see.

    Step t is batch t mod T of epoch t div T, T = ceil(n / batch_size). Shuffled, every row is seen exactly once an epoch;
    the last batch of an epoch has n - (T - 1) batch_size rows, and what stands behind them in its row of the result is to
    be ignored. With replacement every entry is drawn by itself.

    Args:
      key: a JAX key.
      first_step: a whole number, may be traced.
      count: how many steps.
      n: how many rows the data has.
      batch_size: rows in a batch, 1..n.
      shuffle: True, False (in the order of the data), or "replacement".

    Returns:
      int32, shape (count, batch_size), values in 0..n-1.

    >>> import jgd, jax
    >>> rows = jgd.data.batch_rows(jax.random.key(0), 0, 3, n=9, batch_size=3)
    >>> sorted(rows.ravel().tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8]
    >>> jgd.data.batch_rows(jax.random.key(0), 3, 1, n=9, batch_size=3, shuffle=False).tolist()
    [[0, 1, 2]]
    """
    steps = first_step + jnp.arange(count, dtype=jnp.int32)
    if shuffle == "replacement":
        words = jax.vmap(lambda t: jax.random.bits(jax.random.fold_in(key, t), (batch_size,), jnp.uint32))(steps)
        return (words % jnp.uint32(n)).astype(jnp.int32)
    T = steps_per_epoch(n, batch_size)
    position = (steps % T)[:, None] * batch_size + jnp.arange(batch_size, dtype=jnp.int32)[None, :]
    position = jnp.minimum(position, n - 1)
    if not shuffle:
        return position
    epoch = steps // T
    epochs = epoch[0] + jnp.arange((count - 1 + T - 1) // T + 1, dtype=jnp.int32)
    return _shuffled(key, epochs, (epoch - epoch[0])[:, None], position, n)


def _shuffled(key, epochs, which, position, n: int):
    """The row at `position` of epoch `epochs[which]`."""
    small = n < SMALL
    words = jax.vmap(lambda e: jax.random.bits(jax.random.fold_in(key, e), (n if small else ROUNDS,), jnp.uint32))(epochs)
    if small:
        return _ranks(words)[which, position]
    words = jnp.moveaxis(words[which], -1, 0)
    columns = -(-n // math.isqrt(n))
    rows = -(-n // columns)
    x = _network(position.astype(jnp.uint32), words, rows, columns)
    # The grid is a little larger than n; what falls outside walks on until it is inside, which keeps it a bijection.
    outside = lambda x: jnp.any(x >= n)
    walk = lambda x: jnp.where(x >= n, _network(x, words, rows, columns), x)
    return jax.lax.while_loop(outside, walk, x).astype(jnp.int32)


def _ranks(words: jax.Array) -> jax.Array:
    """The rank of each word in its row, ties by position: a random permutation of each row."""
    i = jnp.arange(words.shape[-1])
    mine, other = words[:, :, None], words[:, None, :]
    before = (other < mine) | ((other == mine) & (i[None, None, :] < i[None, :, None]))
    return jnp.sum(before, axis=-1, dtype=jnp.int32)


def _network(x: jax.Array, words: jax.Array, rows: int, columns: int) -> jax.Array:
    """A keyed bijection of the grid rows x columns: each round shifts one coordinate by a hash of the other."""
    i, j = x // jnp.uint32(columns), x % jnp.uint32(columns)
    for r in range(ROUNDS):
        if r % 2 == 0:
            i = _shift(i, _hash(j ^ words[r]), rows)
        else:
            j = _shift(j, _hash(i ^ words[r]), columns)
    return i * jnp.uint32(columns) + j


def _shift(x: jax.Array, by: jax.Array, size: int) -> jax.Array:
    total = x + by % jnp.uint32(size)
    return jnp.where(total >= size, total - jnp.uint32(size), total)


def _hash(x: jax.Array) -> jax.Array:
    """MurmurHash3's 32-bit finaliser (Appleby): every input bit reaches every output bit."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
