"""The table of `jgd.contrib`, for the battery: every public transformation of it, with its twin in raw optax."""

import functools

import jax
import jax.numpy as jnp
import optax
import optax.contrib as theirs

import jgd
import jgd.contrib as ours
from tests.table import MASK, MATRIX, Case, plain_loop

MATRICES = lambda params: jax.tree.map(lambda _: theirs.MuonDimensionNumbers(), params)
CLIMB = lambda kind: kind.chain(kind.contrib.normalize(), kind.sgd(0.01))
# Optax's own coefficients do not converge: with them singular values jump about, and rounding grows from step to step.
GENTLE = (2.0, -1.5, 0.5)
ROUND = "the loop is unrolled that many times"
SHAPES = "it sets the shapes of the state"
AXES = "axes are structure, as shapes are"


def rows(loss, params):
    """Five gradients of different lengths around the gradient."""
    factors = jnp.array([0.2, 0.6, 1.0, 1.4, 1.8], params["w"].dtype)
    return jax.tree.map(lambda g: jnp.multiply.outer(factors, g), jax.grad(loss)(params))


def summed(clip, *args):
    """Optax's clipping per example, which returns the sum, as a transformation to the mean."""
    mean = lambda rows: jax.tree.map(lambda total: total / 5, clip(rows, *args)[0])
    return optax.stateless(lambda rows, params: mean(rows))


CONTRIB = {
    "contrib.acprop": Case(lambda: ours.acprop(0.05, weight_decay=1e-3), lambda: theirs.acprop(0.05, weight_decay=1e-3)),
    "contrib.scale_by_acprop": Case(lambda: ours.scale_by_acprop(b1=0.8), lambda: theirs.scale_by_acprop(b1=0.8), link=True),
    "contrib.ademamix": Case(lambda: ours.ademamix(0.02, b3=0.99), lambda: theirs.ademamix(0.02, b3=0.99)),
    "contrib.scale_by_ademamix": Case(
        lambda: ours.scale_by_ademamix(b3=0.99, alpha=2.0), lambda: theirs.scale_by_ademamix(b3=0.99, alpha=2.0), link=True
    ),
    "contrib.simplified_ademamix": Case(
        lambda: ours.simplified_ademamix(0.005, b1=0.9, alpha=2.0), lambda: theirs.simplified_ademamix(0.005, b1=0.9, alpha=2.0)
    ),
    "contrib.scale_by_simplified_ademamix": Case(
        lambda: ours.scale_by_simplified_ademamix(b1=0.5, alpha=1.0, eps=0.1),
        lambda: theirs.scale_by_simplified_ademamix(b1=0.5, alpha=1.0, eps=0.1),
        link=True,
    ),
    "contrib.adopt": Case(lambda: ours.adopt(0.05, b2=0.99, nesterov=True), lambda: theirs.adopt(0.05, b2=0.99, nesterov=True)),
    "contrib.scale_by_adopt": Case(lambda: ours.scale_by_adopt(b2=0.99), lambda: theirs.scale_by_adopt(b2=0.99), link=True),
    "contrib.madgrad": Case(lambda: ours.madgrad(0.1, weight_decay=1e-3), lambda: theirs.madgrad(0.1, weight_decay=1e-3)),
    "contrib.scale_by_madgrad": Case(lambda: ours.scale_by_madgrad(0.1, 0.5), lambda: theirs.scale_by_madgrad(0.1, 0.5)),
    "contrib.cocob": Case(lambda: ours.cocob(alpha=20.0, weight_decay=1e-3), lambda: theirs.cocob(alpha=20.0, weight_decay=1e-3)),
    "contrib.scale_by_cocob": Case(lambda: ours.scale_by_cocob(20.0), lambda: theirs.scale_by_cocob(20.0)),
    "contrib.dadapt_adamw": Case(
        lambda: ours.dadapt_adamw(betas=(0.8, 0.99), estim_lr0=1e-3),
        lambda: theirs.dadapt_adamw(betas=(0.8, 0.99), estim_lr0=1e-3),
    ),
    "contrib.prodigy": Case(lambda: ours.prodigy(estim_lr0=1e-2, beta3=0.99), lambda: theirs.prodigy(estim_lr0=1e-2, beta3=0.99)),
    "contrib.dog": Case(lambda: ours.dog(init_step=("distance", 0.1)), lambda: theirs.dog(init_step=("distance", 0.1))),
    "contrib.dowg": Case(lambda: ours.dowg(init_estim_sq_dist=0.1), lambda: theirs.dowg(init_estim_sq_dist=0.1)),
    "contrib.mechanize": Case(
        lambda: ours.mechanize(jgd.sgd(0.1), weight_decay=1e-3, s_init=0.1, num_betas=4),
        lambda: theirs.mechanize(optax.sgd(0.1), weight_decay=1e-3, s_init=0.1, num_betas=4),
        static={"num_betas": SHAPES},
    ),
    "contrib.momo": Case(
        lambda: ours.momo(0.5, beta=0.5, weight_decay=1e-4), lambda: theirs.momo(0.5, beta=0.5, weight_decay=1e-4)
    ),
    "contrib.momo_adam": Case(lambda: ours.momo_adam(0.1, weight_decay=1e-4), lambda: theirs.momo_adam(0.1, weight_decay=1e-4)),
    "contrib.muon": Case(
        lambda: ours.muon(0.1, GENTLE, ns_steps=3, adaptive=True, adam_learning_rate=0.05),
        lambda: theirs.muon(0.1, GENTLE, ns_steps=3, adaptive=True, adam_learning_rate=0.05),
        start=MATRIX,
        static={"ns_steps": ROUND, "muon_weight_dimension_numbers": AXES},
    ),
    "contrib.scale_by_muon": Case(
        lambda: jgd.masked(ours.scale_by_muon(GENTLE, ns_steps=3, beta=0.5, adaptive=True), MASK),
        lambda: optax.masked(
            theirs.scale_by_muon(GENTLE, ns_steps=3, beta=0.5, adaptive=True, weight_dimension_numbers=MATRICES), MASK
        ),
        link=True,
        start=MATRIX,
        static={"ns_steps": ROUND, "weight_dimension_numbers": AXES},
    ),
    "contrib.galore": Case(
        lambda: ours.galore(0.1, rank=3, update_proj_gap=7, base_optimizer=jgd.scale_by_adam(eps=0.1), weight_decay=1e-3),
        lambda: theirs.galore(0.1, rank=3, update_proj_gap=7, base_optimizer=optax.scale_by_adam(eps=0.1), weight_decay=1e-3),
        start=MATRIX,
        static={"rank": SHAPES, "weight_dimension_numbers": AXES},
    ),
    "contrib.scale_by_galore": Case(
        lambda: ours.scale_by_galore(rank=2, update_proj_gap=5, base_optimizer=jgd.trace(0.5)),
        lambda: theirs.scale_by_galore(rank=2, update_proj_gap=5, base_optimizer=optax.trace(0.5)),
        link=True,
        start=MATRIX,
        static={"rank": SHAPES, "weight_dimension_numbers": AXES},
    ),
    "contrib.schedule_free": Case(
        lambda: ours.schedule_free(jgd.sgd(0.2), 0.2), lambda: theirs.schedule_free(optax.sgd(0.2), 0.2)
    ),
    # Optax's warm-up is computed in float32 even among doubles: rates that float32 holds exactly.
    "contrib.schedule_free_sgd": Case(
        lambda: ours.schedule_free_sgd(0.25, warmup_steps=16, b1=0.875, weight_decay=1e-3),
        lambda: theirs.schedule_free_sgd(0.25, warmup_steps=16, b1=0.875, weight_decay=1e-3),
    ),
    "contrib.schedule_free_adamw": Case(
        lambda: ours.schedule_free_adamw(0.125, warmup_steps=16), lambda: theirs.schedule_free_adamw(0.125, warmup_steps=16)
    ),
    "contrib.sophia": Case(
        lambda: ours.sophia(0.1, gamma=1.0, update_interval=5, hessian_diagonal_fn=ours.hutchinson_estimator_diag_hessian(7)),
        lambda: theirs.sophia(
            0.1, gamma=1.0, update_interval=5, hessian_diagonal_fn=theirs.hutchinson_estimator_diag_hessian(jax.random.key(7))
        ),
        static={"print_win_rate_every_n_steps": "a device prints it; nothing is computed with it"},
    ),
    "contrib.hutchinson_estimator_diag_hessian": Case(
        lambda: ours.hutchinson_estimator_diag_hessian(7),
        lambda: theirs.hutchinson_estimator_diag_hessian(jax.random.key(7)),
        link=True,
        fails={"test_converges": "it estimates curvature; it is no direction of descent"},
    ),
    "contrib.sam": Case(
        lambda: ours.sam(jgd.sgd(0.1), CLIMB(jgd)),
        lambda: theirs.sam(optax.sgd(0.1), CLIMB(optax)),
        loop=functools.partial(plain_loop, offers=("grad_fn",)),
        static={"sync_period": "the length of a loop in Python"},
    ),
    "contrib.reduce_on_plateau": Case(
        lambda: ours.reduce_on_plateau(0.5, patience=5, cooldown=2, accumulation_size=2, min_scale=0.1),
        lambda: theirs.reduce_on_plateau(0.5, patience=5, cooldown=2, accumulation_size=2, min_scale=0.1),
        link=True,
    ),
    "contrib.normalize": Case(lambda: ours.normalize(), lambda: theirs.normalize(), link=True),
    "contrib.split_real_and_imaginary": Case(
        lambda: ours.split_real_and_imaginary(jgd.sgd(0.1)), lambda: theirs.split_real_and_imaginary(optax.sgd(0.1))
    ),
    "contrib.differentially_private_aggregate": Case(
        lambda: ours.differentially_private_aggregate(2.0, 0.01, key=3),
        lambda: theirs.differentially_private_aggregate(2.0, 0.01, key=3),
        link=True,
        gradients=rows,
    ),
    "contrib.dpsgd": Case(
        lambda: ours.dpsgd(0.1, 2.0, 0.01, seed=3, momentum=0.5),
        lambda: optax.chain(theirs.differentially_private_aggregate(2.0, 0.01, key=3), optax.sgd(0.1, 0.5)),
        gradients=rows,
    ),
    "contrib.per_example_global_norm_clip": Case(
        lambda: ours.per_example_global_norm_clip(0.5),
        lambda: summed(optax.per_example_global_norm_clip, 0.5),
        link=True,
        gradients=rows,
    ),
    "contrib.per_example_layer_norm_clip": Case(
        lambda: ours.per_example_layer_norm_clip(0.5, uniform=False),
        lambda: summed(optax.per_example_layer_norm_clip, 0.5, False),
        link=True,
        gradients=rows,
    ),
}
