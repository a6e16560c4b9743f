"""Limited memory BFGS on flat vectors, and a line search on the slope: the mathematics of `lbfgs`, for one run or many.

Nothing here branches on numbers. What a run does not need is masked, so that under `vmap` all runs do the same work at once.

Source: Nocedal & Wright, "Numerical optimization", 2nd edition, algorithm 7.4 and section 3.5; the bounds on the
slope: Hager & Zhang, "A new conjugate gradient method with guaranteed descent", SIAM J. Optim. 16 (2005).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Memory(NamedTuple):
    """The last pairs of a change of the parameters and the change of the gradient that came of it; the newest stands last.

    Pairs move up when one is added: a ring's counter differs between runs, and writing at it scatters under `vmap`.

    Attributes:
      s: changes of the parameters, shape (m, d).
      y: changes of the gradient, shape (m, d).
      rho: 1 / s'y, shape (m,); 0 where there is no pair.
    """

    s: jax.Array
    y: jax.Array
    rho: jax.Array


def empty(m: int, size: int, dtype) -> Memory:
    """Room for m pairs of vectors of this size."""
    return Memory(jnp.zeros((m, size), dtype), jnp.zeros((m, size), dtype), jnp.zeros(m, dtype))


def remember(memory: Memory, s: jax.Array, y: jax.Array) -> Memory:
    """The memory with one more pair in the place of the oldest, if s'y > eps |s| |y|; else as it was.

    Only pairs of positive curvature keep the matrix positive definite; what is no larger than its rounding says nothing.
    """
    s, y = s.astype(memory.s.dtype), y.astype(memory.y.dtype)
    curvature = dot(s, y)
    good = curvature > jnp.finfo(s.dtype).eps * jnp.sqrt(dot(s, s)) * jnp.sqrt(dot(y, y))
    rho = jnp.where(good, 1 / jnp.where(good, curvature, 1), 0)
    shifted = lambda old, new: jnp.where(good, jnp.concatenate([old[1:], new[None]]), old)
    return Memory(shifted(memory.s, s), shifted(memory.y, y), shifted(memory.rho, rho))


def direction(memory: Memory, g: jax.Array, apply: Callable[[jax.Array], jax.Array] | None = None) -> jax.Array:
    """H g, by the two loops; a step goes along its negative.

    H is what BFGS makes of H0 by the pairs, one after the other: H <- (I - rho s y') H (I - rho y s') + rho s s'.

    Args:
      apply: v -> H0 v, symmetric and positive definite; s'y / y'y of the newest pair times v if not given, v / |g| without one.
    """
    q, shares = g, []
    m = len(memory.rho)
    for i in reversed(range(m)):
        share = memory.rho[i] * dot(memory.s[i], q)
        q = q - share * memory.y[i]
        shares.append(share)
    p = apply(q) if apply is not None else initial_scale(memory, g) * q
    for i in range(m):
        p = p + (shares[m - 1 - i] - memory.rho[i] * dot(memory.y[i], p)) * memory.s[i]
    return p


def initial_scale(memory: Memory, g: jax.Array) -> jax.Array:
    """gamma of H0 = gamma I: s'y / y'y of the newest pair, 1 / |g| where there is none."""
    y, known = memory.y[-1], memory.rho[-1] > 0
    length = jnp.sqrt(dot(g, g))
    first = 1 / jnp.where(length > 0, length, 1)
    return jnp.where(known, 1 / jnp.where(known, memory.rho[-1] * dot(y, y), 1), first)


class Search(NamedTuple):
    """Where a search along a ray stands, or what it came to; numbers, or arrays of one for each run.

    Attributes:
      t: the step to look at next, and in the end the one to take; 0 where none is.
      evaluations: how many slopes were evaluated.
      done: whether the search is over.
      low, low_slope: the longest step known that still goes down, and the slope there.
      high, high_slope: the shortest step known that goes too far; infinite where none is.
    """

    t: jax.Array
    evaluations: jax.Array
    done: jax.Array
    low: jax.Array
    low_slope: jax.Array
    high: jax.Array
    high_slope: jax.Array


def slope_search(slope: Callable, first, slope_at_0, *, up=0.8, down=0.9, evaluations=20) -> Search:
    """A step t along a ray with -down |phi'(0)| <= phi'(t) <= up |phi'(0)|, from phi' alone.

    Objectives are not compared: near the optimum they are the same in all digits. The minimum along the ray is bracketed by
    steps two to ten times as long, and the bracket narrowed by secants and halvings in turn, so that two evaluations halve it.
    A slope that is no number is one too far. Where `evaluations` are not enough, the longest step is taken that still goes
    down; where phi'(0) >= 0, or nothing goes down, none.

    Each evaluation is of all runs at once, whether they are entries of arrays or lanes of `vmap`; those that are done stay.

    Args:
      slope: t -> phi'(t), for an array of steps an array of slopes.
      first: the step to begin with, above 0.
      slope_at_0: phi'(0), below 0.
      up, down: the shares of |phi'(0)|, below 1, that may be left on either side.
      evaluations: how many slopes to look at, at most.

    Returns:
      A `Search`; its `t` is what is wanted.
    """
    slope_at_0 = jnp.asarray(slope_at_0)
    first = jnp.broadcast_to(jnp.asarray(first, slope_at_0.dtype), slope_at_0.shape)
    zero, far = jnp.zeros_like(first), jnp.full_like(first, jnp.inf)
    steep = jnp.abs(slope_at_0)
    start = Search(first, jnp.zeros(first.shape, jnp.int32), ~(slope_at_0 < 0), zero, slope_at_0, far, far)

    def look(search: Search) -> Search:
        found = slope(search.t)
        good = (found >= -down * steep) & (found <= up * steep)
        below = found < -down * steep
        after = _narrowed(search, found, below)
        count = search.evaluations + 1
        last = count >= evaluations
        t = jnp.where(good, search.t, jnp.where(last, after.low, after.t))
        after = after._replace(t=t, evaluations=count, done=good | last)
        return Search(*(jnp.where(search.done, old, new) for old, new in zip(search, after, strict=True)))

    end = jax.lax.while_loop(lambda search: ~jnp.all(search.done), look, start)
    return end._replace(t=jnp.where(slope_at_0 < 0, end.t, 0))


def _narrowed(search: Search, found: jax.Array, below: jax.Array) -> Search:
    """The bracket with what was found at `search.t` as one of its ends, and the step to look at next."""
    t, _, _, low, low_slope, high, high_slope = search
    rise = found - low_slope
    beyond = t - found * (t - low) / jnp.where(rise > 0, rise, 1)  # where the slope would be 0, were it to go on so
    longer = jnp.where(rise > 0, jnp.clip(beyond, 2 * t, 10 * t), 10 * t)
    low, low_slope = jnp.where(below, t, low), jnp.where(below, found, low_slope)
    high, high_slope = jnp.where(below, high, t), jnp.where(below, high_slope, found)
    width = high - low
    share = low_slope / jnp.where(high_slope > low_slope, low_slope - high_slope, -jnp.inf)  # in [0, 1]; 0 for no number
    known = jnp.isfinite(high_slope) & (search.evaluations % 2 == 0)
    inside = low + jnp.where(known, jnp.clip(share, 0.1, 0.9), 0.5) * width
    return search._replace(
        t=jnp.where(jnp.isfinite(high), inside, longer), low=low, low_slope=low_slope, high=high, high_slope=high_slope
    )


def dot(a: jax.Array, b: jax.Array) -> jax.Array:
    """a'b as a sum, which merges with what is around it; as a product it would be one more kernel for each run of a batch."""
    return jnp.sum(a * b, axis=-1)
