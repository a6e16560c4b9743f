"""Transformations around others: sharpness-aware minimisation, and complex parameters as pairs of real ones."""

import optax.contrib

from jgd.transformation import lift

normalize = lift(
    optax.contrib.normalize,
    name="contrib.normalize",
    doc="""The update at length one: u = g / |g|_2, the norm over all parameters together; NaN where g = 0.

    >>> import jgd
    >>> jgd.chain(jgd.contrib.normalize(), jgd.sgd(0.05))
    chain(contrib.normalize(), sgd(0.05))

    Source: `optax.contrib.normalize`.
    """,
)

sam = lift(
    optax.contrib.sam,
    name="contrib.sam",
    static=("sync_period",),
    doc="""Sharpness-aware minimisation: the gradient that moves w is taken where `adv_optimizer` has climbed to.

    p = w;  sync_period - 1 times  p <- p - adv(gradient at p), adv's step turned uphill;  w <- w + optimizer(gradient at p).

    With `opaque_mode=False` each of these is one update of the run: the parameters are p until every `sync_period`-th update,
    which returns to w and steps from there, and each sees its own batch. With `opaque_mode=True` one update does them all and
    needs `update(g, state, w, grad_fn=f)` with f(params, i) the gradient; jgd's step gives that of its batch. Only the first
    mode keeps a copy of w in its state. `reset_state` starts adv anew each time; `batch_axis_name` averages the gradients
    under `pmap`. `sync_period` is structure: it is the length of a loop in Python.

    >>> import jgd
    >>> climb = jgd.chain(jgd.contrib.normalize(), jgd.sgd(0.05))
    >>> tx = jgd.contrib.sam(jgd.sgd(0.1), climb, opaque_mode=True)
    >>> round(jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, tx, steps=1).params.item(), 4)  # 5 - 0.1 * 2 (5.05 - 2)
    4.39

    Source: `optax.contrib.sam`; Foret et al., arXiv:2010.01412.
    """,
)

split_real_and_imaginary = lift(
    optax.contrib.split_real_and_imaginary,
    name="contrib.split_real_and_imaginary",
    doc="""The inner transformation, seeing each complex array as two real ones, its real and its imaginary part.

    u = inner((Re g, Im g)), put together again; real arrays pass as they are. For optax's loops: `jgd.fit` takes real
    parameters only. JAX's gradient of a real loss is the conjugate of the direction of steepest ascent, so conjugate it first.

    >>> import jgd, jax.numpy as jnp
    >>> tx = jgd.contrib.split_real_and_imaginary(jgd.clip(1.0))
    >>> g = jnp.array(3 + 0.5j)
    >>> tx.update(g, tx.init(g))[0].item()
    (1+0.5j)

    Source: `optax.contrib.split_real_and_imaginary`.
    """,
)
