"""Every other transformation of optax's main namespace, for the battery; and those that are not lifted, with the reason."""

import jax
import jax.numpy as jnp
import optax

import jgd
from tests.table import COLUMN, MASK, MATRIX, Case, plain_loop, plain_update

# Functions of the cases: at the top of a module, so that what holds them can be pickled.


def half(updates, params):
    return jax.tree.map(lambda u: u / 2, updates)


def half_of_one(update, param):
    return update / 2


def every_other(step):
    return step % 2 == 0


def falling(count):
    return 1.0 / (1.0 + 0.01 * count)


def on_vectors(tx, loss, params, steps):
    """optax's loop where every parameter has an axis, for what refuses scalars."""
    return plain_loop(tx, loss, jax.tree.map(jnp.atleast_1d, params), steps)


def fast_and_slow(tx, loss, params, steps):
    """optax's loop of a lookahead: gradients at the fast parameters, updates of both; a chain's links see both, too."""

    def step(carry, _):
        params, state = carry
        updates, state = tx.update(jax.grad(loss)(params.fast), state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params.fast

    params = optax.LookaheadParams.init_synced(params)
    return jax.lax.scan(step, (params, tx.init(params)), None, length=steps)[1]


def after_one_step(tx, loss, params, steps):
    """optax's loop, the first step by hand: the state of its monitor has its final structure only then."""

    def step(carry, _):
        params, state = carry
        updates, state = plain_update(tx, state, loss, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    carry, first = step((params, tx.init(params)), None)
    later = jax.lax.scan(step, carry, None, length=steps - 1)[1]
    return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, later)


def searching(tx, loss, params, steps):
    """optax's loop with what a line search asks for and nothing else, which it refuses."""
    return plain_loop(tx, loss, params, steps, offers=("value", "grad", "value_fn"))


NO_CODE = {"test_prints_as_code": "it holds a function, which no text spells"}
LATER = {"test_equals_optax_in_float64": "optax makes each move a step later; PyTorch, with which tests/peers compares, does not"}
STAYS = {"test_converges": "it holds parameters where they are"}
LABELS = {"w": "a", "b": "b"}


def _search(kind, name, **options):
    return kind.chain(kind.sgd(1.0), getattr(kind, name)(20, **options))


OPTIMIZERS = {
    "adabelief": Case(lambda: jgd.adabelief(0.05), lambda: optax.adabelief(0.05)),
    "adadelta": Case(lambda: jgd.adadelta(2.0, eps=1e-3), lambda: optax.adadelta(2.0, eps=1e-3)),
    "adafactor": Case(
        lambda: jgd.adafactor(0.05, 3, momentum=0.5, weight_decay_rate=1e-4, dtype_momentum=jnp.result_type(float).name),
        lambda: optax.adafactor(0.05, 3, momentum=0.5, weight_decay_rate=1e-4, dtype_momentum=jnp.result_type(float).name),
        start=MATRIX,
        static={"min_dim_size_to_factor": "it decides which arrays are kept as rows and columns"},
    ),
    "adamax": Case(lambda: jgd.adamax(0.05), lambda: optax.adamax(0.05)),
    "adamaxw": Case(lambda: jgd.adamaxw(0.05, weight_decay=1e-3), lambda: optax.adamaxw(0.05, weight_decay=1e-3)),
    "adan": Case(lambda: jgd.adan(0.05, weight_decay=1e-3), lambda: optax.adan(0.05, weight_decay=1e-3)),
    "amsgrad": Case(
        lambda: jgd.amsgrad(0.05, b2=0.99, bias_correction_nu=False),
        lambda: optax.amsgrad(0.05, b2=0.99, bias_correction_nu=False),
    ),
    "fromage": Case(lambda: jgd.fromage(0.02, min_norm=0.05), lambda: optax.fromage(0.02, min_norm=0.05)),
    "lamb": Case(lambda: jgd.lamb(0.02, weight_decay=1e-3), lambda: optax.lamb(0.02, weight_decay=1e-3), start=MATRIX),
    "lars": Case(
        lambda: jgd.lars(0.5, weight_decay=1e-3, trust_coefficient=0.01, momentum=0.5),
        lambda: optax.lars(0.5, weight_decay=1e-3, trust_coefficient=0.01, momentum=0.5),
        start=MATRIX,
    ),
    "nadamw": Case(lambda: jgd.nadamw(0.05, weight_decay=1e-3), lambda: optax.nadamw(0.05, weight_decay=1e-3)),
    "noisy_sgd": Case(lambda: jgd.noisy_sgd(0.1, 1e-3, 0.7, key=1), lambda: optax.noisy_sgd(0.1, 1e-3, 0.7, key=1)),
    "novograd": Case(lambda: jgd.novograd(0.01, weight_decay=1e-3), lambda: optax.novograd(0.01, weight_decay=1e-3)),
    "optimistic_adam": Case(
        lambda: jgd.optimistic_adam(0.05, 0.02),
        lambda: optax.optimistic_adam(0.05, 0.02),
        warns=".*optimistic_adam.* is deprecated",
    ),
    "optimistic_adam_v2": Case(
        lambda: jgd.optimistic_adam_v2(0.05, alpha=0.9, beta=0.5),
        lambda: optax.optimistic_adam_v2(0.05, alpha=0.9, beta=0.5),
    ),
    "optimistic_gradient_descent": Case(
        lambda: jgd.optimistic_gradient_descent(0.1, 0.9, 0.5), lambda: optax.optimistic_gradient_descent(0.1, 0.9, 0.5)
    ),
    "polyak_sgd": Case(lambda: jgd.polyak_sgd(0.5, 0.8), lambda: optax.polyak_sgd(0.5, 0.8)),
    "radam": Case(lambda: jgd.radam(0.05, b2=0.99), lambda: optax.radam(0.05, b2=0.99)),
    "rprop": Case(lambda: jgd.rprop(0.01), lambda: optax.rprop(0.01), fails=LATER),
    "sign_sgd": Case(lambda: jgd.sign_sgd(0.01), lambda: optax.sign_sgd(0.01)),
    "signum": Case(lambda: jgd.signum(0.01, 0.8), lambda: optax.signum(0.01, 0.8)),
    "sm3": Case(lambda: jgd.sm3(0.3), lambda: optax.sm3(0.3), loop=on_vectors),
    "yogi": Case(lambda: jgd.yogi(0.05), lambda: optax.yogi(0.05)),
}

DIRECTIONS = {
    "scale_by_adadelta": Case(lambda: jgd.scale_by_adadelta(eps=1e-2), lambda: optax.scale_by_adadelta(eps=1e-2), link=True),
    "scale_by_adamax": Case(lambda: jgd.scale_by_adamax(), lambda: optax.scale_by_adamax(), link=True),
    "scale_by_adan": Case(lambda: jgd.scale_by_adan(eps_root=1e-8), lambda: optax.scale_by_adan(eps_root=1e-8), link=True),
    "scale_by_amsgrad": Case(lambda: jgd.scale_by_amsgrad(), lambda: optax.scale_by_amsgrad(), link=True),
    "scale_by_belief": Case(lambda: jgd.scale_by_belief(nesterov=True), lambda: optax.scale_by_belief(nesterov=True), link=True),
    "scale_by_factored_rms": Case(
        lambda: jgd.chain(jgd.scale_by_factored_rms(min_dim_size_to_factor=3), jgd.sgd(0.02)),
        lambda: optax.chain(optax.scale_by_factored_rms(min_dim_size_to_factor=3), optax.sgd(0.02)),
        start=MATRIX,
        static={"min_dim_size_to_factor": "it decides which arrays are kept as rows and columns"},
    ),
    "scale_by_lion": Case(
        lambda: jgd.scale_by_lion(mode="smooth", smooth_beta=2.0),
        lambda: optax.scale_by_lion(mode="smooth", smooth_beta=2.0),
        link=True,
    ),
    "scale_by_novograd": Case(
        lambda: jgd.chain(jgd.scale_by_novograd(b1=0.5), jgd.sgd(0.01)),
        lambda: optax.chain(optax.scale_by_novograd(b1=0.5), optax.sgd(0.01)),
    ),
    "scale_by_optimistic_gradient": Case(
        lambda: jgd.scale_by_optimistic_gradient(0.9, 0.5), lambda: optax.scale_by_optimistic_gradient(0.9, 0.5), link=True
    ),
    "scale_by_radam": Case(lambda: jgd.scale_by_radam(b2=0.99), lambda: optax.scale_by_radam(b2=0.99), link=True),
    "scale_by_rms": Case(
        lambda: jgd.scale_by_rms(0.8, 1e-3, bias_correction=True),
        lambda: optax.scale_by_rms(0.8, 1e-3, bias_correction=True),
        link=True,
    ),
    "scale_by_rprop": Case(lambda: jgd.scale_by_rprop(0.1), lambda: optax.scale_by_rprop(0.1), link=True, fails=LATER),
    "scale_by_rss": Case(lambda: jgd.scale_by_rss(), lambda: optax.scale_by_rss(), link=True),
    "scale_by_sign": Case(
        lambda: jgd.chain(jgd.scale_by_sign(), jgd.sgd(0.01)), lambda: optax.chain(optax.scale_by_sign(), optax.sgd(0.01))
    ),
    "scale_by_sm3": Case(
        lambda: jgd.scale_by_sm3(0.5, 0.99),
        lambda: optax.scale_by_sm3(0.5, 0.99),
        link=True,
        loop=on_vectors,
        static={"b2": "optax compares it with 1 in Python"},
    ),
    "scale_by_stddev": Case(lambda: jgd.scale_by_stddev(0.8, 1e-1), lambda: optax.scale_by_stddev(0.8, 1e-1), link=True),
    "scale_by_yogi": Case(lambda: jgd.scale_by_yogi(), lambda: optax.scale_by_yogi(), link=True),
}

SCALINGS = {
    "normalize_by_update_norm": Case(
        lambda: jgd.normalize_by_update_norm(0.03), lambda: optax.normalize_by_update_norm(0.03), link=True, steps=800
    ),
    "scale_by_backtracking_linesearch": Case(
        lambda: _search(jgd, "scale_by_backtracking_linesearch"),
        lambda: _search(optax, "scale_by_backtracking_linesearch"),
        loop=searching,
    ),
    "scale_by_distance_over_gradients": Case(
        lambda: jgd.chain(jgd.scale_by_distance_over_gradients(1e-2, param_dtype=jnp.result_type(float)), jgd.scale(-1.0)),
        lambda: optax.chain(optax.scale_by_distance_over_gradients(1e-2, param_dtype=jnp.result_type(float)), optax.scale(-1.0)),
        start=COLUMN,
        fails={
            "test_every_float_by_itself[bfloat16]": "its state starts in the parameters' precision and goes on in param_dtype"
        },
    ),
    "scale_by_lbfgs": Case(
        lambda: jgd.scale_by_lbfgs(3),
        lambda: optax.scale_by_lbfgs(3),
        link=True,
        static={"memory_size": "it is a shape"},
    ),
    "scale_by_param_block_norm": Case(
        lambda: jgd.scale_by_param_block_norm(0.1), lambda: optax.scale_by_param_block_norm(0.1), link=True
    ),
    "scale_by_param_block_rms": Case(
        lambda: jgd.scale_by_param_block_rms(0.1), lambda: optax.scale_by_param_block_rms(0.1), link=True
    ),
    "scale_by_polyak": Case(lambda: jgd.scale_by_polyak(), lambda: optax.scale_by_polyak(), link=True),
    "scale_by_schedule": Case(
        lambda: jgd.scale_by_schedule(jgd.schedules.inverse_time(1.0, 100, 1.0)),
        lambda: optax.scale_by_schedule(falling),
        link=True,
    ),
    "scale_by_trust_ratio": Case(
        lambda: jgd.scale_by_trust_ratio(0.05, 0.3), lambda: optax.scale_by_trust_ratio(0.05, 0.3), link=True
    ),
    "scale_by_zoom_linesearch": Case(
        lambda: _search(jgd, "scale_by_zoom_linesearch"), lambda: _search(optax, "scale_by_zoom_linesearch"), loop=searching
    ),
}

LINKS = {
    "adaptive_grad_clip": Case(
        lambda: jgd.adaptive_grad_clip(0.2, 0.1, (0,)),
        lambda: optax.adaptive_grad_clip(0.2, 0.1, (0,)),
        link=True,
        start=MATRIX,
        static={"axis": "it names axes"},
    ),
    "add_noise": Case(lambda: jgd.add_noise(1e-3, 0.7, key=1), lambda: optax.add_noise(1e-3, 0.7, key=1), link=True),
    "apply_every": Case(
        lambda: jgd.apply_every(3),
        lambda: optax.apply_every(3),
        link=True,
        static={"k": "steps are counted modulo it, in whole numbers"},
    ),
    "centralize": Case(
        lambda: jgd.centralize(),
        lambda: optax.centralize(),
        link=True,
        start=MATRIX,
        fails={"test_converges": "the means of the rows stay what they are"},
    ),
    "clip_by_block_rms": Case(lambda: jgd.clip_by_block_rms(0.5), lambda: optax.clip_by_block_rms(0.5), link=True),
    "identity": Case(lambda: jgd.identity(), lambda: optax.identity(), link=True),
    "keep_params_nonnegative": Case(
        lambda: jgd.chain(jgd.sgd(0.1), jgd.keep_params_nonnegative()),
        lambda: optax.chain(optax.sgd(0.1), optax.keep_params_nonnegative()),
        fails={"test_converges": "a parameter of the minimum is negative"},
    ),
    "set_to_zero": Case(lambda: jgd.set_to_zero(), lambda: optax.set_to_zero(), link=True, fails=STAYS),
    "stateless": Case(lambda: jgd.stateless(half), lambda: optax.stateless(half), link=True, fails=NO_CODE),
    "stateless_with_tree_map": Case(
        lambda: jgd.stateless_with_tree_map(half_of_one),
        lambda: optax.stateless_with_tree_map(half_of_one),
        link=True,
        fails=NO_CODE,
    ),
    "zero_nans": Case(lambda: jgd.zero_nans(), lambda: optax.zero_nans(), link=True),
}

MONITORS = {
    "measure_with_ema": Case(
        lambda: jgd.monitor({"mean norm": jgd.measure_with_ema(optax.tree.norm, 0.9)}),
        lambda: optax.monitor({"mean norm": optax.measure_with_ema(optax.tree.norm, 0.9)}),
        link=True,
        loop=after_one_step,
        fails=NO_CODE,
    ),
    "monitor": Case(
        lambda: jgd.monitor({"norm": optax.tree.norm, "trace": jgd.trace(0.9)}),
        lambda: optax.monitor({"norm": optax.tree.norm, "trace": optax.trace(0.9)}),
        link=True,
        loop=after_one_step,
        fails=NO_CODE,
    ),
    "snapshot": Case(
        lambda: jgd.snapshot("norm", optax.tree.norm), lambda: optax.snapshot("norm", optax.tree.norm), link=True, fails=NO_CODE
    ),
}

WRAPPERS = {
    "conditionally_mask": Case(
        lambda: jgd.conditionally_mask(jgd.adam(0.05), every_other),
        lambda: optax.conditionally_mask(optax.adam(0.05), every_other),
        fails=NO_CODE,
    ),
    "conditionally_transform": Case(
        lambda: jgd.conditionally_transform(jgd.clip(0.1), every_other),
        lambda: optax.conditionally_transform(optax.clip(0.1), every_other),
        link=True,
        fails=NO_CODE,
    ),
    "flatten": Case(
        lambda: jgd.flatten(jgd.chain(jgd.scale_by_param_block_norm(0.1), jgd.adam(0.02))),
        lambda: optax.flatten(optax.chain(optax.scale_by_param_block_norm(0.1), optax.adam(0.02))),
    ),
    "freeze": Case(lambda: jgd.freeze(MASK), lambda: optax.freeze(MASK), link=True, fails=STAYS),
    "lookahead": Case(
        lambda: jgd.lookahead(jgd.adam(0.05), 5, 0.6),
        lambda: optax.lookahead(optax.adam(0.05), 5, 0.6),
        loop=fast_and_slow,
        static={"sync_period": "optax compares it with 1 in Python"},
    ),
    "multi_transform": Case(
        lambda: jgd.multi_transform({"a": jgd.sgd(0.1), "b": jgd.adam(0.05)}, LABELS),
        lambda: optax.multi_transform({"a": optax.sgd(0.1), "b": optax.adam(0.05)}, LABELS),
    ),
    "partition": Case(
        lambda: jgd.partition({"a": jgd.sgd(0.1), "b": jgd.adam(0.05)}, LABELS),
        lambda: optax.partition({"a": optax.sgd(0.1), "b": optax.adam(0.05)}, LABELS),
    ),
    "selective_transform": Case(
        lambda: jgd.selective_transform(jgd.adam(0.05), freeze_mask=MASK),
        lambda: optax.selective_transform(optax.adam(0.05), freeze_mask=MASK),
        fails=STAYS,
    ),
}

ZOO = OPTIMIZERS | DIRECTIONS | SCALINGS | LINKS | MONITORS | WRAPPERS

# Of both namespaces, the second's names by "contrib.".
NOT_LIFTED = {
    "lbfgs": "the name is that of a solver of jgd's own; optax's by jgd.lift(optax.lbfgs, static=(\"memory_size\",))",
    "inject_hyperparams": "it makes numbers data, which here they are: any may be traced, a learning rate may be a schedule",
    "inject_stateful_hyperparams": "it makes numbers data, which here they are",
    "with_extra_args_support": "every transformation of jgd takes the loop's extra arguments",
    "differentially_private_aggregate": "deprecated by optax for the one in contrib, which jgd.contrib has",
    "dpsgd": "deprecated by optax for the one in contrib, which jgd.contrib has",
}
# Names of optax's under which jgd has something else.
JGDS_OWN = {"lbfgs"}
