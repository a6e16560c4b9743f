"""Rules for weights that are matrices: Muon makes their momentum orthogonal, GaLore keeps it in few dimensions.

Which axes of an array are a matrix's rows and columns is said by `optax.contrib.MuonDimensionNumbers` and
`optax.contrib.GaLoreDimensionNumbers`; they are structure, as shapes are.
"""

import functools

import jax
import optax.contrib

from jgd.transformation import lift


@functools.wraps(optax.contrib.scale_by_muon)
def _scale_by_muon(*, weight_dimension_numbers, **rest):
    """None means that every array is a matrix; optax's own reads it so for a single array only."""
    if weight_dimension_numbers is None:
        weight_dimension_numbers = lambda tree: jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(), tree)
    return optax.contrib.scale_by_muon(weight_dimension_numbers=weight_dimension_numbers, **rest)


scale_by_muon = lift(
    _scale_by_muon,
    name="contrib.scale_by_muon",
    static=("ns_steps", "weight_dimension_numbers"),
    doc="""Muon's direction without its learning rate: the momentum, made nearly orthogonal.

    m <- beta m + (1 - beta) g;  M = m^, or with `nesterov`  M = beta m^ + (1 - beta) g^;  X = M / (|M|_F + eps);
    `ns_steps` times  X <- a X + (b A + c A A) X  with A = X X^T, (a, b, c) = ns_coeffs;  u = X.

    Every singular value of M ends near 1. Every array must be a matrix (for others see `jgd.contrib.muon` or `jgd.masked`), or
    `weight_dimension_numbers` say how to read it as one. `adaptive` multiplies u by <M, u>. `preconditioning` is how M is
    shortened first: "frobenius", "spectral", "aol" or "schatten". `ns_coeffs` may be a triple for each step.
    `ns_steps` is structure, for the loop is unrolled.

    >>> import jgd, jax.numpy as jnp
    >>> tx = jgd.contrib.scale_by_muon(ns_coeffs=(2.0, -1.5, 0.5), ns_steps=9)
    >>> G = jnp.array([[3.0, 0.0], [0.0, 1.0]])
    >>> tx.update(G, tx.init(G))[0].round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]

    Source: `optax.contrib.scale_by_muon`; Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """,
)

muon = lift(
    optax.contrib.muon,
    name="contrib.muon",
    static=("ns_steps", "muon_weight_dimension_numbers"),
    doc="""Muon for matrices, AdamW for everything else.

    A matrix of shape (in, out):  W <- W - learning_rate * (k X + weight_decay * W), X as in `jgd.contrib.scale_by_muon` and
    k = sqrt(max(1, out / in)), or consistent_rms * sqrt(max(in, out)) where that is given (0.2 steps as Adam does).
    Other arrays: `jgd.adamw` (`jgd.nadamw` with `nesterov`) with the `adam_` arguments, and the same rate if
    `adam_learning_rate` is None.

    `muon_weight_dimension_numbers` (a tree, or a function of the parameters) says which arrays are matrices, None in it meaning
    AdamW; if not given, those of two dimensions. `ns_coeffs` is three numbers, a triple for each step, or "standard" or "dion".
    `ns_steps` is structure, for the loop is unrolled.

    >>> import jgd
    >>> jgd.contrib.muon(0.01)
    contrib.muon(0.01)
    >>> jgd.parse("contrib.muon(0.01, ns_coeffs='dion')").ns_coeffs
    'dion'

    Source: `optax.contrib.muon`; Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """,
)

scale_by_galore = lift(
    optax.contrib.scale_by_galore,
    name="contrib.scale_by_galore",
    static=("rank", "weight_dimension_numbers"),
    doc="""GaLore's direction: another transformation, run on the gradients' projection to few dimensions.

    For a matrix of shape (n, k) with n >= k: every `update_proj_gap` steps P = the first `rank` left singular vectors of g;
    u = scale * P base(P^T g). For n < k the right ones, from the other side. Other arrays: u = base(g).

    base is `base_optimizer`, `jgd.scale_by_adam()` if None; it sees no parameters, so it can neither decay them nor compare with
    them. Its state is as small as the projections. `rank` and `weight_dimension_numbers` set shapes and so are structure. The
    singular vectors are computed in float32.

    >>> import jgd, jax, jax.numpy as jnp
    >>> tx = jgd.contrib.scale_by_galore(rank=2)
    >>> tx.init(jnp.ones((100, 50))).base_optimizer_state.mu.shape
    (2, 50)

    Source: `optax.contrib.scale_by_galore`; Zhao et al., arXiv:2403.03507.
    """,
)

galore = lift(
    optax.contrib.galore,
    name="contrib.galore",
    static=("rank", "weight_dimension_numbers"),
    doc="""GaLore: Adam with its moments in the few directions where the gradients of a matrix live.

    w <- w - learning_rate * (u + weight_decay * w), u as in `jgd.contrib.scale_by_galore`. Where the base has a learning rate of
    its own, give 1 here.

    >>> import jgd
    >>> jgd.contrib.galore(0.01, rank=8, base_optimizer=jgd.scale_by_adam(b2=0.99))
    contrib.galore(0.01, rank=8, base_optimizer=scale_by_adam(b2=0.99))

    Source: `optax.contrib.galore`; Zhao et al., arXiv:2403.03507.
    """,
)
