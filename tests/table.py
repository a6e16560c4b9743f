"""The battery's table of transformations and schedules; those of `tests.zoo` and it hold every public one, or a test fails."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

import jgd


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A transformation and its twin.

    Attributes:
      make: jgd's, with its numbers; called anew in every test, within the test's precision.
      twin: optax's, with the same numbers.
      link: whether it is no optimizer by itself, and takes `sgd(0.1)` behind it.
      steps: how many steps it needs on the parabola to come within 0.06 of its minimum, and on the logistic loss within 0.01.
      start: the parameters to start from, `START` or `MATRIX`: a dict of w, of shape (3,) or (3, k), and b, of shape () or (k,).
      static: the arguments that are structure, each with the reason; exactly those that its factory was lifted with.
      fails: the tests it is known to fail, each with the reason, by the test's name ("test_converges") or by the name and the
        precision ("test_every_float_by_itself[float32]"); a test that is listed and passes fails.
      gradients: what enters both in place of the gradient, a function of (loss, params); one gradient per example, say.
      loop: how the twin is run where `plain_loop` cannot: a function of (twin, loss, params, steps) that returns all parameters
        along the run, stacked; called within a `jax.jit`.
      warns: a pattern of the DeprecationWarning that optax gives whenever it makes one.
    """

    make: Callable[[], Any]
    twin: Callable[[], Any]
    link: bool = False
    steps: int = 400
    start: Mapping[str, Any] | None = None
    static: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fails: Mapping[str, str] = dataclasses.field(default_factory=dict)
    gradients: Callable[[Callable, Any], Any] | None = None
    loop: Callable[[Any, Callable, Any, int], Any] | None = None
    warns: str = ""


START = {"w": np.array([0.3, -0.2, 0.1]), "b": np.array(0.5)}
# For what works on matrices: three columns of data, four outputs.
MATRIX = {"w": np.linspace(-0.4, 0.5, 12).reshape(3, 4) ** 2, "b": np.array([0.5, -0.1, 0.2, 0.0])}
# For what wants an axis in every parameter.
COLUMN = {"w": START["w"], "b": START["b"][None]}
MASK = {"w": True, "b": False}


OFFERS = ("value", "grad", "value_fn", "obj_fn", "grad_fn")


def plain_update(tx, state, loss, params, gradients=None, offers=OFFERS):
    """One update, with what `jgd.training_step` offers; `gradients` makes what enters in place of the gradient."""
    value, grads = jax.value_and_grad(loss)(params)
    grad_fn = lambda p, _=None: jax.grad(loss)(p)
    extra = {"value": value, "grad": grads, "value_fn": loss, "obj_fn": loss, "grad_fn": grad_fn}
    entering = grads if gradients is None else gradients(loss, params)
    return tx.update(entering, state, params, **{name: extra[name] for name in offers})


def plain_loop(tx, loss, params, steps, gradients=None, offers=OFFERS):
    """All parameters along a run, in one scan: the loop of optax's documentation."""
    if isinstance(tx, optax.GradientTransformation):
        tx = optax.with_extra_args_support(tx)

    def step(carry, _):
        params, state = carry
        updates, state = plain_update(tx, state, loss, params, gradients, offers)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, tx.init(params)), None, length=steps)[1]


# The battery of every test run; the other transformations take theirs with --zoo.
CORE = (
    "gd", "sgd", "adam", "adamw", "lion", "clip_by_global_norm", "add_decayed_weights", "scale_by_learning_rate",
    "apply_if_finite", "masked", "MultiSteps", "chain", "named_chain",
)  # fmt: skip


TRANSFORMATIONS = {
    "gd": Case(lambda: jgd.gd(0.1), lambda: optax.sgd(0.1)),
    "sgd": Case(lambda: jgd.sgd(0.1, momentum=0.9, nesterov=True), lambda: optax.sgd(0.1, momentum=0.9, nesterov=True)),
    "adagrad": Case(lambda: jgd.adagrad(0.5), lambda: optax.adagrad(0.5)),
    "rmsprop": Case(lambda: jgd.rmsprop(0.02, decay=0.95), lambda: optax.rmsprop(0.02, decay=0.95)),
    "adam": Case(lambda: jgd.adam(0.05, eps_root=1e-12), lambda: optax.adam(0.05, eps_root=1e-12)),
    "adamw": Case(lambda: jgd.adamw(0.05, weight_decay=1e-3), lambda: optax.adamw(0.05, weight_decay=1e-3)),
    "nadam": Case(lambda: jgd.nadam(0.05), lambda: optax.nadam(0.05)),
    "lion": Case(lambda: jgd.lion(0.01), lambda: optax.lion(0.01)),
    "clip": Case(lambda: jgd.clip(0.5), lambda: optax.clip(0.5), link=True),
    "clip_by_global_norm": Case(lambda: jgd.clip_by_global_norm(0.5), lambda: optax.clip_by_global_norm(0.5), link=True),
    "add_decayed_weights": Case(lambda: jgd.add_decayed_weights(1e-3), lambda: optax.add_decayed_weights(1e-3), link=True),
    "trace": Case(lambda: jgd.trace(0.8, nesterov=True), lambda: optax.trace(0.8, nesterov=True), link=True),
    "ema": Case(lambda: jgd.ema(0.5), lambda: optax.ema(0.5), link=True),
    "scale": Case(lambda: jgd.scale(0.5), lambda: optax.scale(0.5), link=True),
    "scale_by_learning_rate": Case(lambda: jgd.scale_by_learning_rate(0.1), lambda: optax.scale_by_learning_rate(0.1)),
    "scale_by_adam": Case(lambda: jgd.scale_by_adam(), lambda: optax.scale_by_adam(), link=True),
    "apply_if_finite": Case(lambda: jgd.apply_if_finite(jgd.sgd(0.1), 3), lambda: optax.apply_if_finite(optax.sgd(0.1), 3)),
    "masked": Case(lambda: jgd.masked(jgd.scale(0.5), MASK), lambda: optax.masked(optax.scale(0.5), MASK), link=True),
    "MultiSteps": Case(
        lambda: jgd.MultiSteps(jgd.sgd(0.1), 2, accumulator_dtype=jnp.result_type(float)),
        lambda: optax.MultiSteps(optax.sgd(0.1), 2, accumulator_dtype=jnp.result_type(float)),
        static={"every_k_schedule": "steps are counted modulo it, in whole numbers"},
    ),
    "chain": Case(lambda: jgd.chain(jgd.clip(2.0), jgd.sgd(0.1)), lambda: optax.chain(optax.clip(2.0), optax.sgd(0.1))),
    "named_chain": Case(
        lambda: jgd.named_chain(("a", jgd.clip(2.0)), ("b", jgd.sgd(0.1))),
        lambda: optax.named_chain(("a", optax.clip(2.0)), ("b", optax.sgd(0.1))),
    ),
}


def dense_newton(ridge):
    """Newton's method by `jax.hessian` and a linear solver, for losses on which no step is too long."""

    def update(updates, state, params=None, *, value_fn=None, **extra):
        g, unravel = ravel_pytree(updates)
        H = jax.hessian(lambda w: value_fn(unravel(w)))(ravel_pytree(params)[0])
        unit = 1 / jnp.sqrt(jnp.diagonal(H))
        scaled = jnp.outer(unit, unit) * H + ridge * jnp.eye(len(g), dtype=g.dtype)
        return unravel(-unit * jnp.linalg.solve(scaled, unit * g)), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def dense_bfgs(m):
    """BFGS on matrices, made anew of the last m pairs, for losses on which a step of t = 1 or its secant's is good."""

    def init(params):
        w = ravel_pytree(params)[0]
        return w, jnp.zeros_like(w), jnp.zeros((m, w.size), w.dtype), jnp.zeros((m, w.size), w.dtype)

    def update(updates, state, params=None, *, value_fn=None, **extra):
        w, g = ravel_pytree(params)[0], ravel_pytree(updates)[0]
        unravel = ravel_pytree(params)[1]
        old_w, old_g, S, Y = state
        s, y = w - old_w, g - old_g
        new = jnp.vdot(s, y) > 2 * jnp.finfo(w.dtype).tiny
        S, Y = jnp.where(new, jnp.roll(S, -1, 0).at[-1].set(s), S), jnp.where(new, jnp.roll(Y, -1, 0).at[-1].set(y), Y)
        eye = jnp.eye(w.size, dtype=w.dtype)
        known = jnp.vdot(S[-1], Y[-1]) > 0
        scale = jnp.where(known, jnp.vdot(S[-1], Y[-1]) / jnp.where(known, jnp.vdot(Y[-1], Y[-1]), 1), 1 / jnp.linalg.norm(g))
        H = scale * eye
        for s, y in zip(S, Y, strict=True):
            rho = jnp.where(jnp.vdot(s, y) > 0, 1 / jnp.where(jnp.vdot(s, y) > 0, jnp.vdot(s, y), 1), 0)
            H = (eye - rho * jnp.outer(s, y)) @ H @ (eye - rho * jnp.outer(y, s)) + rho * jnp.outer(s, s)
        p = H @ g
        slope = lambda t: jnp.vdot(ravel_pytree(jax.grad(value_fn)(unravel(w - t * p)))[0], -p)
        down = jnp.vdot(g, p)
        at_1 = slope(1.0)
        secant = jnp.clip(down / (down + at_1), 0.1, 0.9)
        t = jnp.where(at_1 <= 0.8 * down, 1, secant)
        return unravel(jnp.where(down > 0, -t * p, 0)), (w, g, S, Y)

    return optax.GradientTransformationExtraArgs(init, update)


def momenta_nadam(b1, b2, eps, momentum_decay):
    """NAdam from optax's running means, the product of the momenta taken anew at each step."""
    mean, square = optax.ema(b1, debias=False), optax.ema(b2)

    def init(params):
        return jnp.zeros((), jnp.int32), mean.init(params), square.init(params)

    def update(g, state, params=None):
        count, means, squares = state
        m, means = mean.update(g, means)
        v, squares = square.update(jax.tree.map(jnp.square, g), squares)
        k = jnp.arange(1, 1001)
        c = b1 * (1 - 0.5 * 0.96 ** (k * momentum_decay))
        past = jnp.prod(jnp.where(k <= count + 1, c, 1.0))
        new, old = c[count + 1] / (1 - past * c[count + 1]), (1 - c[count]) / (1 - past)
        u = jax.tree.map(lambda m, g, v: (new * m + old * g) / (jnp.sqrt(v) + eps), m, g, v)
        return u, (count + 1, means, squares)

    return optax.GradientTransformation(init, update)


# Those of jgd's own: the twin is another formulation of the same rule.
TRANSFORMATIONS |= {
    "scale_by_nadam": Case(lambda: jgd.scale_by_nadam(), lambda: momenta_nadam(0.9, 0.999, 1e-8, 4e-3), link=True),
    "newton": Case(
        lambda: jgd.newton(),
        lambda: dense_newton(2e-6),
        steps=8,
        static={"cg_steps": "which way the step is found"},
    ),
    "average_iterates": Case(lambda: jgd.average_iterates(), optax.identity, link=True),
    "lbfgs": Case(
        lambda: jgd.lbfgs(memory=5),
        lambda: dense_bfgs(5),
        steps=20,
        static={"memory": "the length of arrays"},
    ),
    "dynamic_loss_scaling": Case(lambda: jgd.dynamic_loss_scaling(jgd.sgd(0.1)), lambda: optax.sgd(0.1)),
}


class ScheduleCase(NamedTuple):
    """A schedule and an independent function of the count."""

    make: Callable[[], Any]
    twin: Callable[[int], Any]


def restarts(t, length, factor):
    """Cosine annealing with warm restarts, cycle after cycle, from 0.1 to 0.01."""
    while t >= length:
        t, length = t - length, length * factor
    return 0.01 + 0.09 * (1 + math.cos(math.pi * t / length)) / 2


SCHEDULES = {
    "constant": ScheduleCase(lambda: jgd.schedules.constant(0.1), optax.constant_schedule(0.1)),
    "exponential_decay": ScheduleCase(
        lambda: jgd.schedules.exponential_decay(0.1, 10, 0.5, transition_begin=5, end_value=0.01),
        optax.exponential_decay(0.1, 10, 0.5, transition_begin=5, end_value=0.01),
    ),
    "step_decay": ScheduleCase(lambda: jgd.schedules.step_decay(0.1, 10, 0.5), lambda t: 0.1 * 0.5 ** (t // 10)),
    "cosine": ScheduleCase(
        lambda: jgd.schedules.cosine(0.1, 50, alpha=0.1, exponent=1.5), optax.cosine_decay_schedule(0.1, 50, 0.1, 1.5)
    ),
    "linear": ScheduleCase(
        lambda: jgd.schedules.linear(0.1, 0.02, 30, transition_begin=5), optax.linear_schedule(0.1, 0.02, 30, 5)
    ),
    "polynomial": ScheduleCase(
        lambda: jgd.schedules.polynomial(0.1, 0.02, 1.7, 30, transition_begin=5), optax.polynomial_schedule(0.1, 0.02, 1.7, 30, 5)
    ),
    "piecewise_constant": ScheduleCase(
        lambda: jgd.schedules.piecewise_constant(0.1, boundaries=(10, 25), scales=(0.5, 3.0)),
        optax.piecewise_constant_schedule(0.1, {10: 0.5, 25: 3.0}),
    ),
    "inverse_time": ScheduleCase(lambda: jgd.schedules.inverse_time(0.1, 10, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 10)),
    "inverse_sqrt": ScheduleCase(lambda: jgd.schedules.inverse_sqrt(0.1, 10), lambda t: 0.1 / (1 + t / 10) ** 0.5),
    "warmup_constant": ScheduleCase(
        lambda: jgd.schedules.warmup_constant(0.1, 7, init_value=0.01), optax.warmup_constant_schedule(0.01, 0.1, 7)
    ),
    "warmup_linear": ScheduleCase(
        lambda: jgd.schedules.warmup_linear(0.1, 10, 50, init_value=0.02, end_value=0.01),
        lambda t: float(np.interp(t, [0, 10, 50], [0.02, 0.1, 0.01])),
    ),
    "warmup_exponential": ScheduleCase(
        lambda: jgd.schedules.warmup_exponential(0.1, 7, 10, 0.5, init_value=0.01, staircase=True, end_value=0.02),
        optax.warmup_exponential_decay_schedule(0.01, 0.1, 7, 10, 0.5, staircase=True, end_value=0.02),
    ),
    "one_cycle_cosine": ScheduleCase(
        lambda: jgd.schedules.one_cycle_cosine(0.1, 60, pct_start=0.25), optax.cosine_onecycle_schedule(60, 0.1, 0.25)
    ),
    "one_cycle_linear": ScheduleCase(
        lambda: jgd.schedules.one_cycle_linear(0.1, 60, pct_start=0.25, pct_final=0.75),
        optax.linear_onecycle_schedule(60, 0.1, 0.25, 0.75),
    ),
    "cyclic": ScheduleCase(
        lambda: jgd.schedules.cyclic(0.01, 0.1, 6, 10, mode="triangular2"),
        lambda t: 0.01 + 0.09 * 0.5 ** (t // 16) * float(np.interp(t % 16, [0, 6, 16], [0, 1, 0])),
    ),
    "cosine_restarts": ScheduleCase(
        lambda: jgd.schedules.cosine_restarts(0.1, 9, cycle_factor=2.0, end_value=0.01), lambda t: restarts(t, 9, 2)
    ),
    "join": ScheduleCase(
        lambda: jgd.schedules.join((jgd.schedules.constant(0.1), jgd.schedules.linear(0.1, 0.0, 20)), boundaries=(15,)),
        optax.join_schedules([optax.constant_schedule(0.1), optax.linear_schedule(0.1, 0.0, 20)], [15]),
    ),
    "warmup_cosine": ScheduleCase(
        lambda: jgd.schedules.warmup_cosine(0.1, warmup_steps=7, decay_steps=60, init_value=0.02, end_value=0.01, exponent=1.2),
        optax.warmup_cosine_decay_schedule(0.02, 0.1, 7, 60, 0.01, 1.2),
    ),
}
