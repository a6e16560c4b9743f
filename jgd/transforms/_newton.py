"""Newton's method as a link."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from jgd.models._rays import hessian_by_products, products, slopes_of
from jgd.transformation import lift

# The ridge grows tenfold until the Hessian has a Cholesky factor, at most so often.
TRIES = 12


class NewtonState(NamedTuple):
    """What the last step came to; nothing of it is needed for the next.

    Attributes:
      decrement: g' H^-1 g / 2, about what was still to be gained before it.
      step_size: the share of the Newton step that was taken; 0 if none was good enough.
      ridge: what was added to the diagonal of the scaled Hessian.
      singular: in how many directions the Hessian was no larger than ten times that.
    """

    decrement: jax.Array
    step_size: jax.Array
    ridge: jax.Array
    singular: jax.Array

    def report(self) -> dict[str, jax.Array]:
        """What the history of a run records of it."""
        return {f"newton_{name}": value for name, value in self._asdict().items()}


@functools.partial(lift, static=("cg_steps",))
def newton(learning_rate=1.0, ridge=2e-6, halvings=20, cg_steps=0):
    """Newton's method, damped: each step goes to the minimum of the second-order model, or part of the way.

    u = -t p,  (D H D + r I) D^-1 p = D g,  H the Hessian of the step's loss at w and D = diag(H)^-1/2, so that the units of
    columns do not matter. r is `ridge`, and grows tenfold as long as D H D + r I has no Cholesky factor: what is singular or not
    convex is made positive definite, and the history says so (`newton_ridge`, and `newton_singular`, how many directions are
    flat). t is the first of learning_rate, learning_rate / 2, ... where the slope along the ray, g(w + u)' u, is at most half as
    steep upwards as it was downwards; objectives, which are the same in many digits near the optimum, are not compared. The
    history also has `newton_step_size` (t; 0 if none was good enough) and `newton_decrement`, g' p / 2, of the step before.

    With `cg_steps` the Hessian is never formed: p is found by so many conjugate-gradient steps at most, each of which takes a
    product of H and a vector, for losses that are convex; for many columns. The matrix is H + r (g' H g / g' g) I then.

    Args:
      learning_rate: the share of the step that is tried first.
      ridge: r, above 0; larger ones damp more.
      halvings: how often t is halved at most.
      cg_steps: conjugate-gradient steps at most; 0 for a Cholesky factor.

    Raises:
      TypeError: for a schedule; and if no `value_fn` is offered, as `jgd.training_step` does.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> result = jgd.fit(jgd.logistic_regression(l2=1e-3), (X, y), jgd.newton(), steps=8)
    >>> bool(result.history.grad_norm[-1] < 1e-6), result.history.newton_step_size[-1].item()
    (True, 1.0)

    Source: Nocedal & Wright, "Numerical optimization", 2nd edition, sections 3.4 and 7.1.
    """

    if callable(learning_rate):
        raise TypeError(f"newton: learning_rate must be a number, the share of the step tried first, found {learning_rate!r}.")

    def init(params):
        zero = jnp.zeros((), jnp.result_type(*jax.tree.leaves(params)))
        return NewtonState(zero, zero, zero, jnp.zeros((), jnp.int32))

    def update(updates, state, params=None, *, value_fn=None, slope_fn=None, hvp_fn=None, hessian_fn=None, **extra):
        if value_fn is None or params is None:
            raise TypeError("newton looks at second derivatives: its update needs params and value_fn=, the loss of the step.")
        g, unravel = ravel_pytree(updates)
        dtype, wide = state.decrement.dtype, jnp.promote_types(g.dtype, jnp.float32)  # no factor is found in half precision
        r = jnp.asarray(ridge, wide)
        if cg_steps:
            times = products(params, value_fn) if hvp_fn is None else hvp_fn
            hvp = lambda v: ravel_pytree(times(unravel(v.astype(g.dtype))))[0].astype(wide)
            p, added, singular = _by_conjugate_gradients(hvp, g.astype(wide), r, cg_steps)
        else:
            H = hessian_by_products(params, value_fn) if hessian_fn is None else hessian_fn()
            p, added, singular = _by_cholesky(H.astype(wide), g.astype(wide), r)
        p = p.astype(g.dtype)
        slope = jnp.vdot(g, p)
        slope_along = (slopes_of(params, value_fn) if slope_fn is None else slope_fn)(unravel(-p))

        def too_far(found):
            _, tries, steep = found
            return (tries <= halvings) & ~(steep <= 0.5 * slope)

        def shorter(found):
            t, tries, _ = found
            t = jnp.where(tries == 0, t, t / 2)
            return t, tries + 1, slope_along(t).astype(g.dtype)

        start = (jnp.asarray(learning_rate, g.dtype), jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, g.dtype))
        t, _, steep = jax.lax.while_loop(too_far, shorter, start)
        t = jnp.where(steep <= 0.5 * slope, t, 0)
        new = NewtonState(*(value.astype(dtype) for value in (slope / 2, t, added)), singular)
        return unravel(jnp.where(t > 0, -t * p, 0)), new

    return optax.GradientTransformationExtraArgs(init, update)


def _by_cholesky(H: jax.Array, g: jax.Array, ridge: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The Newton step, the ridge that was needed, and how many directions are flat."""
    diagonal = jnp.abs(jnp.diagonal(H))
    unit = jnp.where(diagonal > 0, jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1)), 1)
    scaled = H * jnp.outer(unit, unit)
    factor = lambda r: jnp.linalg.cholesky(scaled + r * jnp.eye(len(g), dtype=g.dtype))

    def more(found):
        r, tries, _ = found
        return 10 * r, tries + 1, factor(10 * r)

    start = (ridge, jnp.zeros((), jnp.int32), factor(ridge))
    failed = lambda found: (found[1] < TRIES) & ~jnp.all(jnp.isfinite(found[2]))
    r, _, L = jax.lax.while_loop(failed, more, start)
    p = unit * jax.scipy.linalg.cho_solve((L, True), unit * g)
    return p, r, jnp.sum(jnp.square(jnp.diagonal(L)) <= 10 * r, dtype=jnp.int32)


def _by_conjugate_gradients(hvp, g: jax.Array, ridge: jax.Array, steps: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The same, without the Hessian; what is flat stays unknown."""
    square = jnp.vdot(g, g)
    curvature = jnp.vdot(g, hvp(g)) / jnp.where(square > 0, square, 1)
    r = ridge * jnp.abs(curvature)
    p, _ = jax.scipy.sparse.linalg.cg(lambda v: hvp(v) + r * v, g, tol=1e-10, maxiter=steps)
    return p, ridge, jnp.zeros((), jnp.int32)
