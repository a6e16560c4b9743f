"""Curvature by products with random signs: Hutchinson's diagonal, and Sophia, which divides by it."""

import functools

import optax.contrib

from jgd._checks import as_key
from jgd.contrib._defaults import with_defaults
from jgd.transformation import lift


@functools.wraps(optax.contrib.hutchinson_estimator_diag_hessian)
def _hutchinson(random_seed):
    return optax.contrib.hutchinson_estimator_diag_hessian(None if random_seed is None else as_key(random_seed))


hutchinson_estimator_diag_hessian = lift(
    _hutchinson,
    name="contrib.hutchinson_estimator_diag_hessian",
    doc="""An unbiased estimate of the Hessian's diagonal, in the place of the update.

    u = s * (H s), H the Hessian of `obj_fn` at w, s random signs, new in every step;  E[u] = diag(H).

    It needs `update(g, state, w, obj_fn=f)` with f(params) a scalar; jgd's step gives the batch's objective. The gradient that
    comes in is not looked at. One Hessian-vector product, about the cost of two gradients. `random_seed` is a seed or a key
    (None: 0).

    >>> import jgd, jax.numpy as jnp
    >>> tx, w = jgd.contrib.hutchinson_estimator_diag_hessian(1), jnp.array([1.0, 2.0])
    >>> tx.update(w, tx.init(w), w, obj_fn=lambda w: w[0] ** 2 + w[1] ** 3)[0].tolist()
    [2.0, 12.0]

    Source: `optax.contrib.hutchinson_estimator_diag_hessian`; Hutchinson, Commun. Stat. Simul. Comput. 19, 1990.
    """,
)

sophia = lift(
    with_defaults(optax.contrib.sophia, hessian_diagonal_fn=hutchinson_estimator_diag_hessian()),
    name="contrib.sophia",
    static=("print_win_rate_every_n_steps",),
    doc="""Sophia: the mean gradient over the mean diagonal curvature, each entry clipped.

    m <- b1 m + (1 - b1) g;  u = clip(m^ / max(gamma * h, eps), -clip_threshold, clip_threshold), not clipped if that is None;
    w <- w - learning_rate * (u + weight_decay * w);  every `update_interval` steps, from the first,
    h <- b2 h + (1 - b2) * hessian_diagonal_fn(g).

    h is 0 in the first step, so that u is the gradient's sign times the threshold. `hessian_diagonal_fn` is a transformation
    whose update is an estimate of the Hessian's diagonal; Hutchinson's needs `update(g, state, w, obj_fn=f)`, and jgd's step
    gives it.
    `verbose` with `print_win_rate_every_n_steps` (structure: a device prints it) shows the share of entries not clipped.

    >>> import jgd
    >>> jgd.contrib.sophia(0.01, hessian_diagonal_fn=jgd.contrib.hutchinson_estimator_diag_hessian(7))
    contrib.sophia(0.01, hessian_diagonal_fn=contrib.hutchinson_estimator_diag_hessian(random_seed=7))

    Source: `optax.contrib.sophia`; Liu et al., arXiv:2305.14342.
    """,
)
