"""Differential privacy: rows clipped, averaged and covered with noise."""

import functools

import optax
import optax.contrib

from jgd._checks import as_key
from jgd.contrib._rows import of_rows
from jgd.transformation import lift


def _aggregate(l2_norm_clip, noise_multiplier, key):
    return optax.contrib.differentially_private_aggregate(l2_norm_clip, noise_multiplier, as_key(key))


@functools.partial(lift, name="contrib.differentially_private_aggregate")
@of_rows
def differentially_private_aggregate(l2_norm_clip, noise_multiplier, key):
    """The mean of the rows' gradients, each clipped, with normal noise as wide as the clipping hides.

    u = (1/n) (sum_i g_i min(1, l2_norm_clip / |g_i|_2) + noise_multiplier * l2_norm_clip * xi), xi standard normal, new in
    every step, g_i the gradient of row i, its norm over all parameters together.

    Rows as in `jgd.contrib.per_example_global_norm_clip`: it is the first link of a chain, and n gradients are held at once.
    `key` is a seed or a key; optax's deprecated `seed` and its default key are left out. What it guarantees depends on how
    rows are drawn and how often: account for it with a library for that.

    Raises ValueError where there is no gradient of each row.

    >>> import jgd
    >>> jgd.chain(jgd.contrib.differentially_private_aggregate(1.0, 0.5, key=0), jgd.adam(0.01))
    chain(contrib.differentially_private_aggregate(1.0, 0.5, 0), adam(0.01))

    Source: `optax.contrib.differentially_private_aggregate`; Abadi et al., arXiv:1607.00133.
    """
    return _aggregate(l2_norm_clip, noise_multiplier, key)


@functools.partial(lift, name="contrib.dpsgd")
@of_rows
def dpsgd(learning_rate, l2_norm_clip, noise_multiplier, seed, momentum=None, nesterov=False):
    """Differentially private gradient descent.

    `jgd.contrib.differentially_private_aggregate`, then `jgd.sgd` with its learning rate and momentum (None: without).

    >>> import jgd
    >>> X, y = jgd.data.make_line(100)
    >>> tx = jgd.contrib.dpsgd(0.1, l2_norm_clip=1.0, noise_multiplier=0.5, seed=0)
    >>> jgd.fit(jgd.linear_regression(), (X, y), tx, batch_size=20, epochs=10).status
    'max_steps'

    Source: `optax.contrib.dpsgd`; Abadi et al., arXiv:1607.00133.
    """
    # Optax's own passes the seed on by an argument that it warns about.
    return optax.chain(_aggregate(l2_norm_clip, noise_multiplier, seed), optax.sgd(learning_rate, momentum, nesterov))
