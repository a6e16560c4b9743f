"""Limited memory BFGS as a link."""

import functools
import weakref
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from jgd._checks import is_concrete
from jgd.models._rays import slopes_of
from jgd.transformation import GradientTransformation, lift
from jgd.transforms._memory import Memory, direction, dot, empty, remember, slope_search


class LbfgsState(NamedTuple):
    """What the next step needs, of flat vectors.

    Attributes:
      params, grad: those of the last step.
      memory: the pairs.
      factor: the inverse of the preconditioner's Cholesky factor; None without one.
      largest: the largest |g| so far; rounding makes of a gradient an error of about that many units in the last place.
      step_size: t of the last step; 0 where none was good enough.
      evaluations: how many slopes were evaluated so far.
      failures: how many steps in a row were not good enough.
    """

    params: jax.Array
    grad: jax.Array
    memory: Memory
    factor: Any
    largest: jax.Array
    step_size: jax.Array
    evaluations: jax.Array
    failures: jax.Array

    def report(self) -> dict[str, jax.Array]:
        """What the history of a run records of it."""
        return {"lbfgs_step_size": self.step_size, "lbfgs_evaluations": self.evaluations}


@functools.partial(lift, static=("memory",), arrays=("preconditioner",))
def lbfgs(learning_rate=1.0, memory=10, preconditioner=None, evaluations=20):
    """Limited memory BFGS: quasi-Newton steps from the last changes of the parameters and of the gradient.

    u = -t H g, H what BFGS makes of H0 by the last m pairs s = w_k+1 - w_k, y = g_k+1 - g_k:  H <- (I - rho s y') H
    (I - rho y s') + rho s s', rho = 1 / s'y;  pairs without positive curvature are left out. H0 is (s'y / y'y) I of the newest
    pair (I / |g| without one), or the inverse of `preconditioner` times what makes it fit the newest pair, s'y / y'P^-1 y.

    t is searched from `learning_rate` on by the slope along the ray alone, until it lies between -0.9 and 0.8 times what it was
    downwards; objectives, which are the same in many digits near the optimum, are not compared. A slope of a linear model takes
    no product with the data but the first, of any other problem a gradient. Where no step is good enough, none is taken, and
    the memory starts anew. The history has `lbfgs_evaluations`, how many slopes were looked at so far, and `lbfgs_step_size`, t
    of the step before.

    Nothing branches: in a sweep all lanes do the same work at once, each evaluation is one of all, and lanes that have found
    their step wait. Evaluations are those of gradients: one a step, in a batch as alone. Slopes of a linear model are none, as
    they are of products already made; of any other problem each is one more, as many as the lane takes that looks most often.

    Put it first in a chain, as what it is given must be the gradient; and it is one for full batches: pairs of different rows
    are noise.

    Args:
      learning_rate: the t that is tried first.
      memory: m, how many pairs are kept.
      preconditioner: a symmetric positive definite matrix near the Hessian, such as `jgd.gram` makes: over the ravelled
        parameters, or over those of one output or class, and used for each.
      evaluations: how many slopes a step looks at, at most.

    Raises:
      TypeError: for a schedule; and if no `value_fn` is offered, as `jgd.training_step` does.
      ValueError: for a preconditioner that is not symmetric positive definite, or of another size.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> problem = jgd.logistic_regression(l2=1e-3)
    >>> tx = jgd.lbfgs(preconditioner=jgd.gram(problem, (X, y)))
    >>> bool(jgd.fit(problem, (X, y), tx, steps=12).history.grad_norm[-1] < 1e-5)
    True

    Source: Nocedal & Wright, "Numerical optimization", 2nd edition, section 7.2; the search's bounds: Hager & Zhang,
    SIAM J. Optim. 16 (2005). `jgd.scale_by_lbfgs` is optax's.
    """
    if callable(learning_rate):
        raise TypeError(f"lbfgs: learning_rate must be a number, the t that is tried first, found {learning_rate!r}.")

    def init(params):
        w = ravel_pytree(params)[0]
        wide = jnp.promote_types(w.dtype, jnp.float32)
        zero, none = jnp.zeros((), w.dtype), jnp.zeros((), jnp.int32)
        factor = None if preconditioner is None else _inverse_factor(preconditioner, w.size, wide)
        return LbfgsState(w, jnp.zeros_like(w), empty(memory, w.size, wide), factor, zero, zero, none, none)

    def update(updates, state, params=None, *, value_fn=None, slope_fn=None, **extra):
        if params is None or (value_fn is None and slope_fn is None):
            raise TypeError("lbfgs searches along a ray: its update needs params and value_fn=, the loss of the step.")
        g, unravel = ravel_pytree(updates)
        w = ravel_pytree(params)[0]
        s, y = w - state.params, g - state.grad
        pairs = remember(state.memory, s, y)
        p = direction(pairs, g.astype(pairs.s.dtype), _initial(state.factor, pairs)).astype(g.dtype)
        slope_along = (slopes_of(params, value_fn) if slope_fn is None else slope_fn)(unravel(-p))
        stuck = (state.failures > 1) & jnp.all(s == 0) & jnp.all(y == 0)  # from here there was no step without memory either
        slope, largest = dot(g, p), jnp.maximum(state.largest, jnp.sqrt(dot(g, g)))
        rounding = slope <= jnp.finfo(g.dtype).eps * largest * jnp.sqrt(dot(p, p))  # more looks would show the same noise
        found = slope_search(
            lambda t: slope_along(t).astype(g.dtype),
            jnp.asarray(learning_rate, g.dtype),
            jnp.where(stuck, 0, -slope),
            evaluations=jnp.where(rounding, jnp.minimum(evaluations, 2), evaluations),
        )
        failed = ~(found.t > 0)
        new = LbfgsState(
            w,
            g,
            jax.tree.map(lambda leaf: jnp.where(failed, 0, leaf), pairs),
            state.factor,
            largest,
            found.t,
            state.evaluations + found.evaluations,
            jnp.where(failed, state.failures + 1, 0),
        )
        return unravel(jnp.where(failed, 0, -found.t * p)), new

    return optax.GradientTransformationExtraArgs(init, update)


def _check_preconditioner(made: GradientTransformation) -> None:
    """Refuses a matrix that has no Cholesky factor: no step would be taken. One that is traced is not looked at."""
    P = made.preconditioner
    if P is None or not is_concrete(P) or np.ndim(P) != 2 or np.shape(P)[0] != np.shape(P)[1] or _FINE.get(id(P)) is P:
        return
    # As the run has it: in the type that JAX makes of it, and the mean of it and its transpose.
    matrix = np.asarray(P)
    dtype = jnp.promote_types(jax.dtypes.canonicalize_dtype(matrix.dtype), jnp.float32)
    matrix = matrix.astype(dtype)
    if not np.isfinite(matrix).all():
        raise ValueError("lbfgs: preconditioner holds NaN or infinities.")
    off = np.abs(matrix - matrix.T).max(initial=0.0)
    if off > 1e-3 * np.abs(matrix).max(initial=0.0):
        raise ValueError(
            f"lbfgs: preconditioner must be symmetric, but differs from its transpose by up to {off:.2g}: give (P + P.T) / 2."
        )
    symmetric = (matrix + matrix.T) / 2
    try:
        np.linalg.cholesky(symmetric)
    except np.linalg.LinAlgError:
        least, largest = np.linalg.eigvalsh(symmetric.astype(np.float64))[[0, -1]]
        raise ValueError(
            f"lbfgs: preconditioner must be positive definite in {dtype.name}, but has eigenvalues from {least:.3g} to "
            f"{largest:.3g}: add a ridge to its diagonal, as jgd.gram(problem, data, ridge=1e-5) does."
        ) from None
    if isinstance(P, jax.Array):  # which does not change
        _FINE[id(P)] = P


lbfgs.factory.check = _check_preconditioner
# Matrices that were looked at, as long as they live: a sweep makes an optimizer with the same one for each lane.
_FINE: weakref.WeakValueDictionary[int, jax.Array] = weakref.WeakValueDictionary()


def _inverse_factor(matrix: jax.Array, size: int, dtype) -> jax.Array:
    """L^-1 of P = L L', so that P^-1 v = L^-T L^-1 v is symmetric and positive however it rounds."""
    shape = jnp.shape(matrix)
    if len(shape) != 2 or shape[0] != shape[1] or size % shape[0]:
        raise ValueError(
            f"lbfgs: preconditioner must be a square matrix over the {size} parameters, or over those of one of several "
            f"outputs, found shape {shape}; jgd.gram makes one."
        )
    L = jnp.linalg.cholesky(jnp.asarray(matrix, dtype))
    return jax.scipy.linalg.solve_triangular(L, jnp.eye(len(L), dtype=dtype), lower=True)


def _initial(factor: Any, pairs: Memory):
    """v -> H0 v, or None for what `direction` takes by itself."""
    if factor is None:
        return None

    def apply(v):
        columns = v.reshape(len(factor), -1)  # parameters of several outputs lie side by side
        half = _times(factor, columns)
        return _times(factor.T, half).ravel()

    y, rho = pairs.y[-1], pairs.rho[-1]
    share = rho * dot(y, apply(y))
    gamma = jnp.where(rho > 0, 1 / jnp.where(rho > 0, share, 1), 1)
    return lambda v: gamma * apply(v)


def _times(matrix, columns):
    return jnp.matmul(matrix, columns, precision=jax.lax.Precision.HIGHEST)
