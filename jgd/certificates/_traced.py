"""A bound on the gap of linear and logistic regression with a penalty, as compiled code has it.

F(w) = min_b P(w, b) less l2/2 |w|^2 is the least over b of what is convex in (w, b), and so convex: F has a curvature of at least
l2 everywhere, and the gradient that P has in w at the best intercept. If b + c is that, for any (w, b)

    P(w, b) - min P = (P(w, b) - P(w, b + c)) + (F(w) - min F) <= -c' g_b(w, b) + |g_w(w, b + c)|^2 / (2 l2),

the first as P lies above its tangent at b. Without an intercept it is |g|^2 / (2 l2). Where the penalty is that of standardised
columns, l2/2 sum_j (s_j w_j)^2, this holds of s_j w_j in the place of w_j, with the gradient g_j / s_j. No product with the data
is needed for c: the scores are known, and Newton's method has as many unknowns as a row has scores. What it comes to is
rounded as all that a run records; `jgd.certificate` proves.

Source: Boyd & Vandenberghe, "Convex optimization", section 3.2.5 (partial minimisation) and 9.1.2.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgd.data import Dataset
from jgd.models import Problem
from jgd.models._functions import Scores
from jgd.models._gram import shares
from jgd.models._products import spread
from jgd.models._standardized import inside

# Newton's steps, those that were too long among them, and how far one may go where the loss is flat.
STEPS, FAR = 60, 10.0


def gap(problem: Problem, params: Any, data: Dataset) -> jax.Array:
    """At least the objective less its minimum; inf without a penalty, and where the best intercept was not found."""
    scores = problem.functions.scores
    wide = jnp.promote_types(params.weights.dtype, jnp.float32)
    l2, scale = jnp.asarray(inside(problem).l2, wide), 1.0
    if inside(problem) is not problem:
        scale = jnp.asarray(problem.deviation, wide).reshape(-1, *[1] * (params.weights.ndim - 1))
    z, transposed = jax.vjp(lambda params: scores.of(params, data.X), params)
    losses = Losses(scores, z.astype(wide), data.y, shares(data).astype(wide))
    move, price, found = jnp.zeros(z.shape[1:], wide), 0.0, True
    if params.bias is not None:
        move, price, found = _best_move(losses)
    (back,) = transposed(losses.slopes(move).astype(z.dtype))
    slope = back.weights.astype(wide) / scale + l2 * (scale * params.weights.astype(wide))
    bound = price + jnp.sum(jnp.square(slope)) / (2 * jnp.where(l2 > 0, l2, 1))
    return jnp.where(found & (l2 > 0), bound, jnp.inf)


class Losses(NamedTuple):
    """Losses of rows, by the move c of the intercept.

    Attributes:
      scores: which losses.
      z: the scores without a move, (n,) or (n, k).
      y: the targets.
      share: what each row counts.
    """

    scores: Scores
    z: jax.Array
    y: jax.Array
    share: jax.Array

    def slopes(self, c: jax.Array) -> jax.Array:
        """Those of the rows, in shares."""
        return self._weighed(jax.grad(lambda z: jnp.sum(self.scores.loss(z, self.y)))(self.z + spread(c, len(self.z))))

    def total(self, c: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The sum of the slopes, which is 0 at the best c, and what rounding of it, and of z + c, may amount to."""
        slopes, moved = self.slopes(c), spread(c, len(self.z))
        of_z = self.scores.curvature * self._weighed(jnp.abs(self.z + moved) + jnp.abs(moved))
        sizes = 8 * len(slopes) ** 0.5 * jnp.abs(slopes) + of_z
        return jnp.sum(slopes, axis=0), jnp.finfo(sizes.dtype).eps * jnp.sum(sizes, axis=0)

    def step(self, c: jax.Array, rest: jax.Array) -> jax.Array:
        """Newton's, the sum of the slopes being `rest`."""
        curvature = jax.jacfwd(lambda c: self.total(c)[0])(c)
        if self.z.ndim == 1:
            to = -rest / curvature
        else:  # softmax is flat where all logits of a row move alike
            flat = 0 if self.scores.quadratic else jnp.trace(curvature) / len(c) ** 2
            to = -jnp.linalg.solve(curvature + flat, rest)
        if self.scores.quadratic:
            return to
        return jnp.clip(jnp.where(jnp.isfinite(to), to, -FAR * jnp.sign(rest)), -FAR, FAR)

    def _weighed(self, of_rows: jax.Array) -> jax.Array:
        return of_rows * self.share.reshape(-1, *[1] * (of_rows.ndim - 1))


def _best_move(losses: Losses) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The move of the intercept that makes the slopes' sum 0; what it gains, at most; whether it was found.

    Damped Newton steps: t doubles after each that brought the sum nearer to 0, and is halved after any other.
    """
    start = jnp.zeros(losses.z.shape[1:], losses.z.dtype)

    def body(at):
        i, c, rest, t, _ = at
        tried = c + t * losses.step(c, rest)
        now, rounding = losses.total(tried)
        nearer = jnp.sum(jnp.square(now)) < jnp.sum(jnp.square(rest))
        keep = lambda new, old: jnp.where(nearer, new, old)
        done = jnp.all(jnp.abs(now) <= rounding)
        return i + 1, keep(tried, c), keep(now, rest), keep(jnp.minimum(1.0, 2 * t), t / 2), nearer & done

    first, rounding = losses.total(start)
    begin = jnp.zeros((), jnp.int32), start, first, jnp.ones_like(first, shape=()), jnp.all(jnp.abs(first) <= rounding)
    _, c, _, _, done = jax.lax.while_loop(lambda at: (at[0] < STEPS) & ~at[4], body, begin)
    return c, jnp.maximum(-jnp.sum(c * first), 0), done
