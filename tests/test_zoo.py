"""That nothing of optax is forgotten: every public factory is called, and is here under its own name, or not for a reason."""

import contextlib
import functools
import inspect
import types
import warnings

import jax
import jax.numpy as jnp
import optax
import pytest

import jgd
from jgd._leaves import Static
from tests.table import TRANSFORMATIONS, plain_loop
from tests.test_battery import finished, logistic, start
from tests.zoo import JGDS_OWN, NOT_LIFTED, ZOO
from tests.zoo_contrib import CONTRIB

CASES = TRANSFORMATIONS | ZOO | CONTRIB


# Something for every argument that a factory of transformations needs, by its name.
INNER = optax.sgd(0.1)
ARGUMENTS = {
    "adv_optimizer": INNER, "base_optimizer": INNER, "fast_optimizer": INNER, "inner": INNER, "opt": INNER, "optimizer": INNER,
    "tx": INNER, "transforms": {"a": INNER}, "param_labels": "a", "inner_factory": optax.sgd,
    "measures": {"norm": optax.tree.norm}, "measure": optax.tree.norm, "measure_name": "norm", "f": lambda *args: args[0],
    "should_transform_fn": lambda step: step > 1, "step_size_fn": lambda count: 0.1, "mask": True, "freeze_mask": True,
    "clipping": 0.1, "decay": 0.9, "eta": 0.1, "gamma": 0.5, "every_k_schedule": 2, "k": 2, "key": 0, "l2_norm_clip": 1.0,
    "learning_rate": 0.1, "max_backtracking_steps": 5, "max_consecutive_errors": 3, "max_delta": 1.0, "max_linesearch_steps": 5,
    "max_norm": 1.0, "noise_multiplier": 0.1, "seed": 0, "slow_step_size": 0.5, "step_size": 0.1, "sync_period": 2,
    "threshold": 1.0,
}  # fmt: skip

# What cannot be called with those, or is no factory by its kind: losses, schedules, tools, types.
NOT_TRANSFORMATIONS = [
    "GradientTransformation", "GradientTransformationExtraArgs", "MaskOrFn", "OptState", "Params", "ScalarOrSchedule",
    "Schedule", "Updates", "WrappedSchedule", "apply_updates", "bias_correction", "constant_schedule", "convex_kl_divergence",
    "cosine_decay_schedule", "cosine_distance", "cosine_onecycle_schedule", "cosine_similarity", "ctc_loss",
    "ctc_loss_with_forward_probs", "exponential_decay", "generalized_kl_divergence", "global_norm", "hinge_loss", "huber_loss",
    "incremental_update", "init_empty_state", "join_schedules", "kl_divergence", "l2_loss", "linear_onecycle_schedule",
    "linear_schedule", "log_cosh", "matrix_inverse_pth_root", "microbatch", "multi_normal", "nnls", "ntxent",
    "per_example_global_norm_clip", "per_example_layer_norm_clip", "periodic_update", "piecewise_constant_schedule",
    "piecewise_interpolate_schedule", "polynomial_schedule", "power_iteration", "safe_increment", "safe_int32_increment",
    "safe_norm", "safe_root_mean_squares", "safe_softmax_cross_entropy", "scale_gradient", "sgdr_schedule",
    "sigmoid_binary_cross_entropy", "sigmoid_focal_loss", "skip_large_updates", "skip_not_finite", "smooth_labels",
    "softmax_cross_entropy", "softmax_cross_entropy_with_integer_labels", "squared_error", "tree_map_params",
    "update_infinity_moment", "update_moment", "update_moment_per_elem_norm", "value_and_grad_from_state",
    "warmup_constant_schedule", "warmup_cosine_decay_schedule", "warmup_exponential_decay_schedule",
    "contrib.schedule_free_eval_params",
]  # fmt: skip


def is_state_or_protocol(value):
    """A type of states, or of callables: no call of it makes a transformation."""
    if not inspect.isclass(value) or issubclass(value, optax.GradientTransformation):
        return False
    return issubclass(value, tuple) or getattr(value, "_is_protocol", False)


def public(module, prefix=""):
    """Every public callable of a module by name; deprecated ones, which only `__all__` names, included."""
    found = {}
    for name in sorted({*dir(module), *getattr(module, "__all__", ())}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            value = getattr(module, name)
        if not name.startswith("_") and callable(value) and not is_state_or_protocol(value):
            found[prefix + name] = value
    return found


OPTAX = public(optax) | public(optax.contrib, "contrib.")


def called(name):
    """What a factory makes of the arguments it needs; of a factory of factories, what that makes."""
    factory = OPTAX[name]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = [p for p in inspect.signature(factory).parameters.values() if p.kind not in kinds]
    needs = {p.name: ARGUMENTS[p.name] for p in parameters if p.default is p.empty}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in ("chain", "named_chain"):
            return factory(INNER if name == "chain" else ("a", INNER))
        made = factory(**needs)
        return made(0.1) if callable(made) and not is_transformation(made) else made


def is_transformation(value):
    return isinstance(value, optax.GradientTransformation) or callable(getattr(value, "init", None)) and hasattr(value, "update")


def ours(name):
    """jgd's factory of that name, None if there is none."""
    module, _, name = name.rpartition(".")
    return getattr(getattr(jgd, module) if module else jgd, name, None)


@pytest.mark.parametrize("name", sorted(set(OPTAX) - set(NOT_TRANSFORMATIONS)))
def test_every_transformation_of_optax_is_here_or_not_for_a_reason(name):
    assert is_transformation(called(name)), f"{name} makes no transformation of these arguments"
    factory = getattr(ours(name), "factory", None)
    assert (factory is not None and name not in JGDS_OWN) != (name in NOT_LIFTED)
    assert factory is None or factory.kind is jgd.GradientTransformation


@pytest.mark.parametrize("name", NOT_TRANSFORMATIONS)
def test_what_is_called_no_transformation_makes_none(name):
    try:
        made = called(name)
    except (KeyError, TypeError, ValueError):
        return
    assert not is_transformation(made)


def test_the_tables_of_exceptions_name_what_optax_has():
    assert set(NOT_TRANSFORMATIONS) <= set(OPTAX)
    assert set(NOT_LIFTED) <= set(OPTAX)
    assert all(NOT_LIFTED.values())


# Arguments that are not optax's to the letter, and why.
OTHER_ARGUMENTS = {
    "contrib.adopt": "a default that is a lambda has a name here, so that it can be pickled",
    "contrib.scale_by_adopt": "a default that is a lambda has a name here, so that it can be pickled",
    "contrib.sophia": "a default that is a transformation is one of jgd's here",
    "contrib.differentially_private_aggregate": "optax deprecates `seed`, and means to require `key`",
}
# Numbers that are structure although they could be traced, and why.
STRUCTURE_BY_CHOICE = {"contrib.sophia-print_win_rate_every_n_steps": "it says when to print; nothing is computed with it"}

LIFTED = [name for name in OPTAX if name not in NOT_LIFTED and name not in NOT_TRANSFORMATIONS]


@pytest.mark.parametrize("name", LIFTED)
def test_arguments_and_defaults_are_optaxs(name):
    shown = lambda f: [
        (None if p.kind is p.VAR_POSITIONAL else p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()
    ]
    assert (shown(ours(name)) == shown(OPTAX[name])) != (name in OTHER_ARGUMENTS)
    assert inspect.signature(ours(name)).return_annotation is jgd.GradientTransformation


def test_optaxs_lbfgs_by_the_remedy_given():
    lbfgs = jgd.lift(optax.lbfgs, name="optax_lbfgs", static=("memory_size",))
    best = jgd.minimize(lambda w: jnp.sum((w - 2.0) ** 4), jnp.zeros(3), lbfgs(memory_size=5), steps=60)
    assert best.objective < 1e-8


@pytest.mark.parametrize("name", CASES)
def test_static_arguments_are_those_the_table_gives_reasons_for(name):
    assert ours(name).factory.static == set(CASES[name].static)
    assert all(CASES[name].static.values())


def statics():
    """Every number that is structure, by its case and its argument."""
    for name, case in CASES.items():
        parts = [finished(case, jgd)]
        parts += parts[0]._parts()
        value = next(part for part in parts if part.name == ours(name).factory.name).arguments
        for argument in case.static:
            if isinstance(value[argument], (int, float)):
                yield pytest.param(name, argument, id=f"{name}-{argument}")


@pytest.mark.parametrize(("name", "argument"), list(statics()))
def test_a_static_number_could_not_be_traced(name, argument):
    """The same factory with that argument as a leaf cannot run in one program, so that the table's reason holds."""
    case, factory = CASES[name], ours(name).factory
    others = tuple(factory.static - {argument})
    traced = jgd.lift(factory.function, name=f"traced_{factory.name.replace('.', '_')}_{argument}", static=others)

    def remake(part):
        given = lambda v: remake(v) if isinstance(v, jgd.GradientTransformation) else v.value if isinstance(v, Static) else v
        is_leaf = lambda v: isinstance(v, (jgd.GradientTransformation, Static))
        values = {k: jax.tree.map(given, v, is_leaf=is_leaf) for k, v in part._values.items()}
        if part.name == "chain":
            return jgd.chain(*values["links"])
        return (traced if part.name == factory.name else ours(part.name))(**values)

    tx = remake(finished(case, jgd))
    loop = functools.partial(plain_loop, gradients=case.gradients)
    by_choice = f"{name}-{argument}" in STRUCTURE_BY_CHOICE
    errors = (jax.errors.JAXTypeError, TypeError, ValueError, IndexError)
    with contextlib.nullcontext() if by_choice else pytest.raises(errors):
        jax.eval_shape(lambda tx: loop(tx, logistic, start(case), 3), tx)


@pytest.mark.parametrize("module", [jgd, jgd.contrib], ids=["jgd", "jgd.contrib"])
def test_every_factory_says_what_it_does_in_mathematics_and_where_it_is_from(module):
    for name in module.__all__:
        value = getattr(module, name)
        if (
            isinstance(value, types.FunctionType)
            and hasattr(value, "factory")
            and value.factory.kind is jgd.GradientTransformation
        ):
            assert name == "gd" or "Source: " in value.__doc__, name
