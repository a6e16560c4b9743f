"""Gradients that vanish or explode on their way back through layers, and parameters that do not move."""

from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jgd.diagnosis import _thresholds as limits
from jgd.diagnosis._case import Case
from jgd.diagnosis._finding import Finding
from jgd.diagnosis._layers import Layers
from jgd.training._record import named_leaves
from jgd.transformation import asked

# Links that pass no update on at most steps, by design; and extra arguments that cannot be made up.
RARELY = ("MultiSteps", "apply_every", "conditionally_mask", "conditionally_transform", "apply_if_finite")
NEEDED = {"value_fn", "obj_fn", "grad_fn", "row_grads"}


def through_layers(case: Case) -> Iterator[Finding]:
    """Vanishing and exploding gradients, with the layer and the step."""
    if case.is_linear or case.lacks_data:
        return
    layers = case.layers
    if len(layers.matrices) >= 2:
        yield from _vanishing(case, layers)
    yield from _exploding(case, layers)


def _vanishing(case: Case, layers: Layers) -> Iterator[Finding]:
    largest = max(layers.grads.values())
    ratio = {name: layers.grads[name] / largest for name in layers.matrices} if largest > 0 else {}
    gone = [name for name, part in ratio.items() if 0 < part < limits.VANISHED or part == 0 and _moves(layers, name)]
    gone = [name for name in gone if layers.end_grads[name] < limits.VANISHED * max(layers.end_grads.values(), default=0.0)
            or case.rose or _stuck(case)]  # fmt: skip
    if not gone or len(gone) == len(layers.grads) or case.failed:
        return
    least, most = min(gone, key=ratio.get), max(layers.grads, key=layers.grads.get)
    yield Finding(
        "vanishing_gradients", False,
        f"at the start the gradient of {_some(gone)} vanishes (that of {least} is {ratio[least]:.1e} of the largest, that of "
        f"{most}), so those layers hardly learn.",
        "use an initializer that keeps variances (jgd.initializers), an activation that does not saturate (relu, gelu), "
        "normalisation, residual connections, or an optimizer that scales each array (jgd.adam).",
        {"layers": gone, "ratio": ratio[least], "step": 0, "gradients": dict(layers.grads)}, 0.9,
    )  # fmt: skip


def _stuck(case: Case) -> bool:
    """Whether the run ended not much better than a constant prediction."""
    losses, scale = case.curve.losses, _scale(case)
    return len(losses) > 1 and losses[-1] > 0.5 * (losses[0] if scale is None else min(losses[0], scale))


def _moves(layers: Layers, name: str) -> bool:
    return layers.end_grads[name] > 0


def _exploding(case: Case, layers: Layers) -> Iterator[Finding]:
    scale = _scale(case)
    if not case.rose:
        return
    names = layers.matrices or list(layers.grads)
    # By how much a relative change of an array by 1 would change the loss, to first order.
    push = {name: layers.grads[name] * layers.weights[name] * layers.sizes[name] ** 0.5 for name in names}
    push = {name: value * layers.sizes[name] ** 0.5 for name, value in push.items()}
    worst = max(push, key=lambda name: push[name] if np.isfinite(push[name]) else np.inf)
    if scale is not None and len(names) >= 2 and not push[worst] <= limits.EXPLODED * scale:
        yield Finding(
            "exploding_gradients", False,
            f"at the start the gradient of {worst} is {layers.grads[worst]:.2g} a weight of size {layers.weights[worst]:.2g}: a "
            f"change of the layer as large as itself would change the loss by {push[worst]:.1e}, whose scale is {scale:.2g}.",
            "use an initializer that keeps variances (jgd.initializers), or begin the chain with jgd.clip_by_global_norm(1.0).",
            {"layer": worst, "gradient": layers.grads[worst], "ratio": push[worst] / scale, "step": 0}, 1.0,
        )  # fmt: skip
        return
    sudden = _sudden(case)
    if sudden is not None:
        step, factor, name = sudden
        yield Finding(
            "exploding_gradients", False,
            f"after falling losses the gradient{f' of {name}' if name else ''} grew {factor:.1e} times at step {step}.",
            "begin the chain with jgd.clip_by_global_norm(1.0), or lower the learning rate.",
            {"layer": name, "ratio": factor, "step": step}, 0.95,
        )  # fmt: skip


def _scale(case: Case) -> float | None:
    """The loss of a constant prediction, about."""
    if case.data is None or case.data.y is None:
        return None
    y = np.asarray(case.data.y)
    return float(np.log(max(len(np.unique(y)), 2))) if y.dtype.kind in "biu" else max(float(np.var(y)), 1e-12)


def _sudden(case: Case) -> tuple[int, float, str] | None:
    """The record at which a gradient grew suddenly, after a stretch in which the loss fell."""
    history = case.result.history
    names = [name for name in history.names if name.startswith("grad_norm")]
    loss, steps = np.asarray(history.loss, np.float64), np.asarray(history.step)
    for i in range(limits.MIN_RECORDS, len(loss)):
        before = {name: float(np.median(np.asarray(history[name], np.float64)[:i])) for name in names}
        factors = {n: float(np.asarray(history[n], np.float64)[i]) / before[n] for n in names if before[n] > 0}
        if factors and not max(factors.values()) < limits.SUDDEN and loss[i - 1] < 0.9 * loss[0]:
            by_layer = {n: f for n, f in factors.items() if "/" in n} or factors
            name = max(by_layer, key=by_layer.get)
            return int(steps[i]), by_layer[name], name.partition("/")[2]
    return None


def unmoved(case: Case) -> Iterator[Finding]:
    """Parameters that do not move: no learning rate, frozen, or without a gradient."""
    rates = case.chain.rates
    if len(rates) and not rates.any():
        yield Finding(
            "unmoved_parameters", True, "the learning rate is 0 throughout, so no parameter moves.",
            "give a learning rate above 0, or check the schedule.", {"learning_rate": 0.0}, 1.0,
        )  # fmt: skip
        return
    names = [name for name, _ in named_leaves(case.params)]
    frozen = _frozen(case, names)
    if frozen:
        yield Finding(
            "unmoved_parameters", True, f"{_some(frozen)} {_is(frozen)} frozen by the problem, and does not move.",
            "if that is not meant, leave frozen= out of the problem.", {"parameters": frozen, "why": "frozen"}, 0.3,
        )  # fmt: skip
    held = [name for name in _held_by_chain(case) if name not in frozen]
    case.held = frozen + held
    if held:
        yield Finding(
            "unmoved_parameters", True, f"the chain {case.chain.text} makes no update of {_some(held)}.",
            "if that is not meant, look at its masks and labels (freeze, masked, set_to_zero, partition).",
            {"parameters": held, "why": "chain"}, 0.9 if len(held) == len(names) else 0.3,
        )  # fmt: skip
    if not (case.is_linear or case.failed or case.lacks_data):
        layers = case.layers
        still = [name for name in names if layers.grads[name] == 0 == layers.end_grads[name]]
        still = [name for name in still if name not in case.held and _is_used_up(layers, case)]
        if still:
            yield Finding(
                "unmoved_parameters", True,
                f"the gradient of {_some(still)} is exactly 0 at the start and at the end.",
                "look at whether the loss uses these parameters, and how they start: all zero, or units that are never active "
                "(dead relu), have no gradient.",
                {"parameters": still, "why": "zero gradient"}, 0.9,
            )  # fmt: skip


def _is_used_up(layers: Layers, case: Case) -> bool:
    """Whether a gradient of 0 is no sign of an optimum: there is one elsewhere, or the loss is not at its start's optimum."""
    return any(layers.grads.values()) or not case.curve.known or case.curve.flat(case.dtype)


def _frozen(case: Case, names: list[str]) -> list[str]:
    mask = case.problem.functions.frozen
    if mask is None:
        return []
    held = jax.tree.map(lambda m, part: jax.tree.map(lambda _: bool(m), part), mask(case.result.params), case.result.params)
    return [name for name, is_held in named_leaves(held) if is_held]


def _held_by_chain(case: Case) -> list[str]:
    """The arrays that this chain leaves where they are whatever the gradient: seen by giving it one and its opposite."""
    tx = case.tx
    if tx is None or asked(tx) & NEEDED or any(part.name in RARELY for part in [tx, *tx._parts()]):
        return []
    params = jax.tree.map(jnp.asarray, case.result.params)
    moved: Mapping[str, bool] = {name: False for name, _ in named_leaves(params)}
    for sign in (1.0, -1.0):
        grads = jax.tree.map(lambda w, sign=sign: jnp.full_like(w, sign), params)
        state = tx.init(params)
        for _ in range(3):  # a warm-up may begin at 0
            updates, state = tx.update(grads, state, params, value=jnp.asarray(1.0), grad=grads)
            moved = {name: moved[name] or bool(jnp.any(leaf != 0)) for name, leaf in named_leaves(updates)}
    still = [name for name, was in moved.items() if not was]
    return still if len(still) < len(moved) or case.chain.rate > 0 and _ended_where_it_began(case) else []


def _ended_where_it_began(case: Case) -> bool:
    losses = case.curve.losses
    return len(losses) > 1 and bool((losses == losses[0]).all())


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
