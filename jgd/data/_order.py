"""The data order: which rows step t sees, as a pure function of (key, t).

An epoch's order is a keyed bijection of 0..n-1, evaluated at the positions a step needs: no array of n, no sort, no state.
"""

import math
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp

Shuffle = bool | Literal["replacement"]

# Below this many rows the network's grid is too small (at n = 5 and 16 a chi-squared test of positions rejects it); ranks of
# random words are exactly uniform, and for so few rows n^2 comparisons cost less than a sort.
SMALL = 100
# With 4 rounds, or a hash of one multiplication, images of neighbouring rows are correlated (`benchmarks/order.py`).
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
    if count <= T:
        return _shuffled(key, steps // T, position, n)
    stretches = jnp.pad(position, ((0, -count % T), (0, 0))).reshape(-1, T, batch_size)
    epochs = (steps[0] + jnp.arange(len(stretches) * T, dtype=jnp.int32)).reshape(-1, T) // T
    return jax.vmap(lambda e, p: _shuffled(key, e, p, n))(epochs, stretches).reshape(-1, batch_size)[:count]


def _shuffled(key, epoch, position, n: int):
    """The rows at these positions (steps x batch) of each step's epoch; of an epoch and the one after it, at most."""
    few = n < SMALL
    count, epochs = n if few else ROUNDS, min(2, len(epoch))
    keyed = list(_words(key, epoch[0] + jnp.arange(epochs, dtype=jnp.int32), count))
    later = (epoch != epoch[0])[:, None]
    of_epoch = lambda each: each[0] if len(each) == 1 else jnp.where(later, each[1], each[0])
    if few:
        return of_epoch([_ranks(w)[position] for w in keyed])
    rows, columns = _grid(n)
    x = _network(position.astype(jnp.uint32), [of_epoch(list(w)) for w in zip(*keyed, strict=True)], rows, columns)
    inside = [_walk(w, n, rows, columns) for w in keyed] if rows * columns > n else []
    for k in range(rows * columns - n):  # a comparison is faster than to look it up
        x = jnp.where(x == n + k, of_epoch([w[k] for w in inside]), x)
    return x.astype(jnp.int32)


def _words(key, epochs: jax.Array, count: int) -> jax.Array:
    """So many words for each epoch: a hash of the key over a counter, a bijection, so that no word comes twice in 2^32.

    A loop, or the compiler would make them again for every row that asks.
    """
    parts = jax.random.key_data(key).ravel()
    counter = epochs.astype(jnp.uint32)[:, None] * jnp.uint32(count) + jnp.arange(count, dtype=jnp.uint32)[None, :]
    return jax.lax.fori_loop(0, len(parts), lambda i, words: _hash(words ^ parts[i]), _hash(counter))


def _ranks(words: jax.Array) -> jax.Array:
    """The rank of each word, ties by position: a random permutation."""
    i = jnp.arange(len(words))
    before = (words[:, None] < words[None, :]) | ((words[:, None] == words[None, :]) & (i[:, None] < i[None, :]))
    return jnp.sum(before, axis=0, dtype=jnp.int32)


def _network(x: jax.Array, words: Sequence[jax.Array], rows: int, columns: int) -> jax.Array:
    """A keyed bijection of the grid rows x columns: each round shifts one coordinate by a hash of the other."""
    i, j = x // jnp.uint32(columns), x % jnp.uint32(columns)
    for r in range(ROUNDS):
        if r % 2 == 0:
            i = _shift(i, _hash(j ^ words[r]), rows)
        else:
            j = _shift(j, _hash(i ^ words[r]), columns)
    return i * jnp.uint32(columns) + j


def _walk(words: jax.Array, n: int, rows: int, columns: int) -> jax.Array:
    """Where each point of the grid beyond n - 1 gets inside: what falls there walks on, which keeps the map a bijection.

    Points beyond may go around among themselves. No row inside leads to them, and so they may be left where they are.
    """
    beyond = rows * columns - n
    x = _network(jnp.arange(n, n + beyond, dtype=jnp.uint32), words, rows, columns)
    # Each round doubles the steps walked; a way inside has at most `beyond`. The length of the loop must not be known, or the
    # compiler would walk again for every row that asks.
    going = lambda i, x: (i < beyond.bit_length()) & jnp.any(x >= n)
    walk = lambda i, x: (i + 1, jnp.where(x < n, x, x[jnp.maximum(x, n) - n]))
    return jax.lax.while_loop(lambda loop: going(*loop), lambda loop: walk(*loop), (0, x))[1]


def _grid(n: int) -> tuple[int, int]:
    """The sides of a grid just above n: of those not far from square, the one with the fewest points too many."""
    root = math.isqrt(n)
    rows = min(range(root, max(root // 2, -(-n // 2**16), 1) - 1, -1), key=lambda rows: rows * -(-n // rows))
    return rows, -(-n // rows)


def _shift(x: jax.Array, word: jax.Array, size: int) -> jax.Array:
    """(x + floor(size * word / 2^32)) mod size, for sizes up to 2^16; two products of 16 bits are faster than a remainder."""
    size = jnp.uint32(size)
    by = ((word >> 16) * size + (((word & jnp.uint32(0xFFFF)) * size) >> 16)) >> 16
    return jnp.where(x + by >= size, x + by - size, x + by)


def _hash(x: jax.Array) -> jax.Array:
    """MurmurHash3's 32-bit finaliser (Appleby): every input bit reaches every output bit."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
