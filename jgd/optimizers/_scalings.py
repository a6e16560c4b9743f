"""Factors: constant, scheduled, from norms, or found by looking at the objective; letters as in `jgd.optimizers`."""

import optax

from jgd.optimizers._adapters import of_the_objective, scalars_as_vectors
from jgd.transformation import lift

scale = lift(
    optax.scale,
    doc="""A constant factor: u = step_size * g (negative to descend).

    >>> import jgd
    >>> jgd.scale(-0.1)
    scale(-0.1)

    Source: `optax.scale`.
    """,
)

scale_by_learning_rate = lift(
    optax.scale_by_learning_rate,
    doc="""The end of a chain that descends: u = -learning_rate * g (no minus if not `flip_sign`).

    >>> import jgd
    >>> jgd.chain(jgd.scale_by_adam(), jgd.scale_by_learning_rate(0.1))
    chain(scale_by_adam(), scale_by_learning_rate(learning_rate=0.1))

    Source: `optax.scale_by_learning_rate`.
    """,
)

scale_by_schedule = lift(
    optax.scale_by_schedule,
    doc="""A scheduled factor: u = step_size_fn(t - 1) * g (negative to descend).

    >>> import jgd
    >>> jgd.scale_by_schedule(jgd.schedules.linear(-0.1, 0.0, 100))
    scale_by_schedule(schedules.linear(-0.1, 0.0, 100.0))

    Source: `optax.scale_by_schedule`.
    """,
)

normalize_by_update_norm = lift(
    optax.normalize_by_update_norm,
    doc="""The whole update brought to one length: u = scale_factor * g / (|g|_2 + eps), the norm over all parameters together.

    >>> import jgd
    >>> jgd.chain(jgd.normalize_by_update_norm(), jgd.sgd(0.1))
    chain(normalize_by_update_norm(), sgd(0.1))

    Source: `optax.normalize_by_update_norm`.
    """,
)

scale_by_trust_ratio = lift(
    optax.scale_by_trust_ratio,
    doc="""Each array's update scaled to the length of its parameters: u = g * trust_coefficient * |w| / (|g| + eps).

    Norms count as at least `min_norm`; where one is 0 all the same, u = g.

    >>> import jgd
    >>> jgd.scale_by_trust_ratio(trust_coefficient=0.001)
    scale_by_trust_ratio(trust_coefficient=0.001)

    Source: `optax.scale_by_trust_ratio`; You, Gitman & Ginsburg, arXiv:1708.03888.
    """,
)

scale_by_param_block_norm = lift(
    optax.scale_by_param_block_norm,
    doc="""Each array's update times the length of its parameters: u = g * max(|w|_2, min_scale).

    >>> import jgd
    >>> jgd.scale_by_param_block_norm(min_scale=0.01)
    scale_by_param_block_norm(min_scale=0.01)

    Source: `optax.scale_by_param_block_norm`.
    """,
)

scale_by_param_block_rms = lift(
    optax.scale_by_param_block_rms,
    doc="""Each array's update times the root mean square of its parameters: u = g * max(rms(w), min_scale).

    >>> import jgd
    >>> jgd.scale_by_param_block_rms(min_scale=0.01)
    scale_by_param_block_rms(min_scale=0.01)

    Source: `optax.scale_by_param_block_rms`; Shazeer & Stern, arXiv:1804.04235.
    """,
)

scale_by_distance_over_gradients = lift(
    scalars_as_vectors(optax.scale_by_distance_over_gradients),
    doc="""Layer-wise DoG: each array's step is how far it has come over the root of its summed squared gradients.

    d <- max(d, |w - w_0|) (d_0 = reps_rel * (1 + |w_0|));  s <- s + |g|^2;  u = global_scale * d / sqrt(s + eps) * g

    It needs no learning rate: `scale(-1.0)` behind it descends. w_0 is kept as `param_dtype`.

    >>> import jgd
    >>> jgd.chain(jgd.scale_by_distance_over_gradients(), jgd.scale(-1.0))
    chain(scale_by_distance_over_gradients(), scale(-1.0))

    Source: `optax.scale_by_distance_over_gradients`; Ivgi, Hinder & Carmon, arXiv:2302.12022.
    """,
)

scale_by_polyak = lift(
    optax.scale_by_polyak,
    doc="""Polyak's step: the distance to the lowest value over the squared length of the update.

    u = g * min((f(w) - f_min) / (|g|^2 + eps), max_learning_rate), 0 where |g|^2 + eps is at most 2.2e-16. With
    `variant="sps+"` a negative difference counts as 0. It asks for `value`, the objective, which `jgd.fit` gives.

    >>> import jgd
    >>> jgd.chain(jgd.scale_by_polyak(), jgd.scale(-1.0))
    chain(scale_by_polyak(), scale(-1.0))

    Source: `optax.scale_by_polyak`; Loizou et al., arXiv:2002.10542.
    """,
)

scale_by_lbfgs = lift(
    optax.scale_by_lbfgs,
    static=("memory_size",),
    doc="""L-BFGS's direction: u = H g, with H the inverse Hessian that the last `memory_size` changes of w and g suggest.

    With `scale_init_precond` H starts from y's / y'y of the last change (s of w, y of g), at the first step from
    min(1, 1 / |g|); else from 1. Full-batch gradients only; a line search behind it makes it a method.

    >>> import jgd
    >>> search = jgd.scale_by_zoom_linesearch(20, initial_guess_strategy="one")
    >>> tx = jgd.chain(jgd.scale_by_lbfgs(), jgd.scale(-1.0), search)
    >>> jgd.minimize(lambda w: (w - 2.0) ** 4, 5.0, tx, steps=30).params.item()
    2.0...

    Source: `optax.scale_by_lbfgs`; Nocedal & Wright, Numerical Optimization, algorithm 7.4.
    """,
)

scale_by_backtracking_linesearch = lift(
    of_the_objective(optax.scale_by_backtracking_linesearch),
    doc="""A step that decreases enough: tried once larger than the last, then ever smaller.

    The first a of a_0, decrease_factor * a_0, ... with f(w + a u) <= (1 + rtol) f(w) + slope_rtol * a * <u, grad f(w)> + atol,
    a_0 = min(increase_factor * last a, max_learning_rate); the last tried after `max_backtracking_steps`.

    u, what comes in, must descend: put it behind an optimizer. It asks for `value`, `grad` and `value_fn`, which `jgd.fit`
    gives; every try evaluates the objective of the batch.

    >>> import jgd
    >>> tx = jgd.chain(jgd.sgd(1.0), jgd.scale_by_backtracking_linesearch(20))
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=20).params.item()
    2.0...

    Source: `optax.scale_by_backtracking_linesearch`; Nocedal & Wright, Numerical Optimization, algorithm 3.1.
    """,
)

scale_by_zoom_linesearch = lift(
    of_the_objective(optax.scale_by_zoom_linesearch),
    doc="""A step that decreases enough and where the slope has flattened enough: the strong Wolfe conditions.

    a with f(w + a u) <= f(w) + slope_rtol * a * s and |<u, grad f(w + a u)>| <= curv_rtol * |s|,  s = <u, grad f(w)>, both up to
    `tol`; found by growing a by `increase_factor` (up to `max_learning_rate`), then by cubic and quadratic interpolation down to
    an interval of `stepsize_precision`. Near a minimum `approx_dec_rtol` allows for rounding of f. The first try is the last a
    ("keep") or 1 ("one"), by `initial_guess_strategy`.

    u, what comes in, must descend: put it behind an optimizer. It asks for `value`, `grad` and `value_fn`, which `jgd.fit`
    gives; every try evaluates the objective of the batch and its gradient.

    >>> import jgd
    >>> tx = jgd.chain(jgd.sgd(1.0), jgd.scale_by_zoom_linesearch(20))
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=20).params.item()
    2.0...

    Source: `optax.scale_by_zoom_linesearch`; Nocedal & Wright, Numerical Optimization, algorithms 3.5 and 3.6.
    """,
)
