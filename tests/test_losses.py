"""Losses against closed forms in extended precision, at margins up to 1e4, and derivatives of any order."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jgd

MARGINS = np.array([0.0, 1e-4, 0.5, 1.0, 5.0, 20.0, 50.0, 88.0, 100.0, 1e3, 1e4])
Z = np.concatenate([-MARGINS[::-1], MARGINS])


def test_logistic_loss_and_gradient_share_one_exponential():
    function = jax.jit(lambda z, y: jax.value_and_grad(lambda z: jgd.losses.logistic(z, y).sum())(z))
    text = function.lower(jnp.zeros(1000), jnp.zeros(1000, int)).compile().as_text()
    assert text.count(" exponential(") == 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_softmax_is_right_at_any_margin(dtype):
    with jax.enable_x64(dtype == "float64"):
        rng = np.random.default_rng(0)
        logits = jnp.asarray(np.concatenate([rng.normal(size=(20, 4)), 1e4 * rng.normal(size=(20, 4)), np.zeros((1, 4))]), dtype)
        label = jnp.asarray(rng.integers(0, 4, len(logits)))
        z = np.asarray(logits, np.float64).astype(np.longdouble)
        shifted = np.exp(z - z.max(axis=1, keepdims=True))
        p = shifted / shifted.sum(axis=1, keepdims=True)
        onehot = np.eye(4)[np.asarray(label)]
        exact = z.max(axis=1) - (z * onehot).sum(axis=1) + np.log(shifted.sum(axis=1))
        tolerance = 16 * float(jnp.finfo(dtype).eps)
        loss = lambda z: jgd.losses.softmax(z, label)
        value, slope = jax.jit(lambda z: (loss(z), jax.grad(lambda z: loss(z).sum())(z)))(logits)
        assert value.dtype == slope.dtype == dtype
        np.testing.assert_allclose(np.asarray(value, np.float64), exact.astype(np.float64), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(np.asarray(slope, np.float64), (p - onehot).astype(np.float64), rtol=tolerance, atol=tolerance)


def test_softmax_of_two_classes_is_logistic(x64):
    z = jnp.linspace(-20.0, 20.0, 41)
    for y in (0, 1):
        label = jnp.full(z.shape, y)
        pair = jax.jit(lambda z, label: jgd.losses.softmax(jnp.stack([jnp.zeros_like(z), z], axis=1), label))(z, label)
        np.testing.assert_allclose(pair, jgd.losses.logistic(z, label), rtol=1e-12 if x64 else 2e-6)


def test_squared_error_has_no_half_and_sums_over_outputs():
    prediction, target = jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(jgd.losses.squared_error(prediction, target), [5.0, 20.0])
    np.testing.assert_allclose(
        jax.grad(lambda p: jgd.losses.squared_error(p, target).sum())(prediction), 2 * (prediction - target)
    )


def test_a_label_that_is_no_class_has_no_loss():
    """Traced labels cannot be checked; a wrong one ends a run as nonfinite instead of moving it somewhere."""
    assert np.isnan(jgd.losses.logistic(jnp.zeros(3), jnp.array([-1, 2, 7]))).all()
    assert np.isnan(jgd.losses.softmax(jnp.zeros((2, 3)), jnp.array([3, -1]))).all()
    run = jax.jit(lambda X, y: jgd.train(jgd.logistic_regression(), (X, y), jgd.gd(0.5), epochs=5).status_code)
    assert jgd.training.stopping.STATUSES[int(run(jnp.ones((4, 1)), jnp.array([-1, 1, -1, 1])))] == "nonfinite"


NAMES = [name for name in jgd.losses.__all__ if name != "get"]


class Case(NamedTuple):
    """A loss of one number, and what it is in NumPy's long double.

    Attributes:
      loss: of a prediction z.
      exact: z -> (value, derivative, second derivative); NaN where the derivative jumps.
      points: the predictions.
      slack: z -> by how much more than rounding the value's terms cancel, or its exponents spread an error.
      absolute: errors of this many roundings are allowed at any size.
    """

    loss: Callable
    exact: Callable
    points: np.ndarray = Z
    slack: Callable = lambda z: 1.0
    absolute: float = 0.0


def exact_of_margin(function, y):
    """From a loss of the margin, the loss of the score."""

    def exact(z):
        value, slope, curve = function((2 * y - 1) * z)
        return value, (2 * y - 1) * slope, curve

    return exact


def sigmoids(m):
    e = np.exp(-np.abs(m))
    return np.where(m >= 0, e, 1) / (1 + e), np.maximum(-m, 0) + np.log1p(e)  # 1 / (1 + e^m), log(1 + e^-m)


def exact_soft(t):
    def exact(z):
        q, left = sigmoids(z)
        p, right = sigmoids(-z)
        return t * left + (1 - t) * right, p - t, p * q

    return exact


def exact_focal(gamma):
    def exact(m):
        w, loss = sigmoids(m)
        p, _ = sigmoids(-m)
        inner = gamma * p * loss + w
        return w**gamma * loss, -(w**gamma) * inner, w**gamma * p * (gamma * inner - w * (gamma * (loss - 1) - 1))

    return exact


def exact_log_cosh(e):
    small, size = np.abs(e) < 1, np.abs(e)
    value = np.where(
        small, np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2), size + np.log1p(np.exp(-2 * size)) - np.log(L(2))
    )
    q, _ = sigmoids(2 * e)
    p, _ = sigmoids(-2 * e)
    return value, np.tanh(e), 4 * p * q


def exact_huber(e, delta=1.0):
    size = np.abs(e)
    value = np.where(size <= delta, e**2 / 2, delta * (size - L(delta) / 2))
    return value, np.clip(e, -delta, delta), np.where(size == delta, np.nan, size < delta)


def exact_binary_cross_entropy(p):
    """Of the label 1."""
    small = p < L(1e-12)
    with np.errstate(divide="ignore"):
        value = np.minimum(-np.log(p), 100)
    return value, -1 / np.where(small, L(1e-12), p), np.where(small, 0, 1 / np.where(small, 1, p) ** 2)


def exact_binary_cross_entropy_of_0(p):
    _, slope, curve = exact_binary_cross_entropy(1 - p)
    with np.errstate(divide="ignore"):
        return np.minimum(-np.log1p(-p), 100), -slope, curve


L = np.longdouble
PROBABILITIES = np.array([0.0, 1e-30, 1e-13, 1e-8, 1e-3, 0.25, 0.5, 0.75, 1 - 2.0**-7, 1.0])
SIGNED = {
    "logistic": lambda m: (sigmoids(m)[1], -sigmoids(m)[0], sigmoids(m)[0] * sigmoids(-m)[0]),
    "sigmoid_binary_cross_entropy": lambda m: (sigmoids(m)[1], -sigmoids(m)[0], sigmoids(m)[0] * sigmoids(-m)[0]),
    "hinge": lambda m: (np.maximum(0, 1 - m), -L(1) * (m < 1), np.where(m == 1, np.nan, 0)),
    "squared_hinge": lambda m: (np.maximum(0, 1 - m) ** 2, -2 * np.maximum(0, 1 - m), np.where(m == 1, np.nan, 2 * (m < 1))),
    "perceptron": lambda m: (np.maximum(0, -m), -L(1) * (m <= 0), np.where(m == 0, np.nan, 0)),
    "sparsemax_loss": lambda m: (
        np.where(m <= -1, -m, np.maximum(0, 1 - m) ** 2 / 4),
        np.where(m <= -1, -1, -np.maximum(0, 1 - m) / 2),
        np.where(np.abs(m) == 1, np.nan, (np.abs(m) < 1) / L(2)),
    ),
}  # fmt: skip
REGRESSION = {
    "squared_error": lambda e: (e**2, 2 * e, 2 + 0 * e),
    "l2_loss": lambda e: (e**2 / 2, e, 1 + 0 * e),
    "absolute_error": lambda e: (np.abs(e), np.sign(e), np.where(e == 0, np.nan, 0)),
    "huber": exact_huber,
    "log_cosh": exact_log_cosh,
    "quantile": lambda e: (np.abs(e) / 2, np.sign(e) / 2, np.where(e == 0, np.nan, 0)),
}
CASES = {
    **{
        f"{name}-{y}": Case(lambda z, name=name, y=y: getattr(jgd.losses, name)(z, jnp.full(z.shape, y)), exact_of_margin(f, y))
        for name, f in SIGNED.items()
        for y in (0, 1)
    },
    **{
        name: Case(lambda z, name=name: getattr(jgd.losses, name)(z, jnp.zeros_like(z)), f) for name, f in REGRESSION.items()
    },
    "huber-2.5": Case(lambda z: jgd.losses.huber(z, jnp.zeros_like(z), delta=2.5), lambda e: exact_huber(e, 2.5)),
    "quantile-0.75": Case(
        lambda z: jgd.losses.quantile(z, jnp.zeros_like(z), q=0.75),
        lambda e: (np.where(e < 0, -e * 0.75, e / 4), np.sign(e) * np.where(e < 0, 0.75, 0.25), np.where(e == 0, np.nan, 0)),
    ),
    "poisson": Case(
        lambda z: jgd.losses.poisson(z, jnp.full(z.shape, 3)),
        lambda z: (np.exp(z) - 3 * z, np.exp(z) - 3, np.exp(z)),
        points=Z[Z < 80],
        slack=lambda z: 1 + 10 * (np.abs(z) < 3),
    ),
    "sigmoid_binary_cross_entropy-0.25": Case(
        lambda z: jgd.losses.sigmoid_binary_cross_entropy(z, jnp.full(z.shape, 0.25, z.dtype)), exact_soft(0.25), absolute=1
    ),
    "sigmoid_focal_loss": Case(
        lambda z: jgd.losses.sigmoid_focal_loss(z, jnp.ones_like(z)), exact_focal(2), slack=lambda z: 1 + np.abs(z), absolute=1
    ),
    "sigmoid_focal_loss-0.5": Case(
        lambda z: jgd.losses.sigmoid_focal_loss(z, jnp.zeros_like(z), alpha=0.25, gamma=0.5),
        lambda z: tuple(0.75 * part for part in exact_of_margin(exact_focal(0.5), 0)(z)),
        slack=lambda z: 1 + np.abs(z),
        absolute=1,
    ),
    "binary_cross_entropy-1": Case(
        lambda p: jgd.losses.binary_cross_entropy(p, jnp.ones_like(p)), exact_binary_cross_entropy, PROBABILITIES
    ),
    "binary_cross_entropy-0": Case(
        lambda p: jgd.losses.binary_cross_entropy(p, jnp.zeros_like(p)), exact_binary_cross_entropy_of_0, PROBABILITIES
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_value_and_derivatives_are_right_at_any_margin(case, dtype):
    with jax.enable_x64(dtype == "float64"):
        z = jnp.asarray(case.points, dtype)
        slope, curve = (jax.vmap(f) for f in (jax.grad(case.loss), jax.grad(jax.grad(case.loss))))
        ours = jax.jit(lambda z: (case.loss(z), slope(z), curve(z)))(z)
        exact = case.exact(np.asarray(z, np.float64).astype(L))
        tolerance = 8 * float(jnp.finfo(dtype).eps)
        for found, wanted in zip(ours, exact, strict=True):
            assert found.dtype == dtype
            wanted = np.where(np.abs(wanted) < 3e38, wanted, np.nan)
            error = np.abs(np.asarray(found, np.float64) - wanted)
            bound = tolerance * (np.abs(wanted) * case.slack(case.points) + case.absolute) + 8 * float(jnp.finfo(dtype).tiny)
            wrong = ~(np.isnan(wanted) | (error <= bound))
            assert not wrong.any(), (case.points[wrong], found[wrong], wanted[wrong])
            assert np.isfinite(found).all()


def log_sum_exp(z):
    top = z.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(z - top).sum(axis=1))


def probabilities(z):
    return np.exp(z - log_sum_exp(z)[:, None])


def at(z, label):
    return z[np.arange(len(z)), label]


def nearest_on_the_simplex(s):
    """max(s - c, 0) with the c at which it sums to one, by bisection."""
    low, high = s.max() - 1, s.max()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(s - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(s - high, 0)


def exact_sparsemax(s, label):
    p = np.stack([nearest_on_the_simplex(row) for row in s])
    return (p * (s - at(s, label)[:, None])).sum(axis=1) + (1 - (p**2).sum(axis=1)) / 2


def exact_kl(log_p, t):
    return (t * (np.log(np.where(t == 0, 1, t)) - np.where(t == 0, 0, log_p))).sum(axis=1)


def exact_dice(z, t, smooth=1.0, alpha=0.5, beta=0.5):
    """Of predicted probabilities z, shape (n, positions, classes)."""
    overlap, predicted, true = (z * t).sum(axis=1), z.sum(axis=1), t.sum(axis=1)
    below = overlap + alpha * (predicted - overlap) + beta * (true - overlap) + smooth
    return (1 - (overlap + smooth) / below).mean(axis=1)


def softmaxed(z):
    return np.stack([probabilities(row) for row in z])


def unit(v):
    return v / np.sqrt((v**2).sum(axis=1, keepdims=True))


def classes(rng, scale):
    return scale * rng.normal(size=(12, 4)), rng.integers(0, 4, 12)


def distributions(rng, scale):
    t = rng.dirichlet(np.ones(4), 12) * (rng.random((12, 4)) < 0.7)
    t[:, 0] += 1 - t.sum(axis=1)
    return scale * rng.normal(size=(12, 4)), np.maximum(t, 0)


def log_distributions(rng, scale):
    z, t = distributions(rng, scale)
    return z - log_sum_exp(z)[:, None], t


def vectors(rng, scale):
    return scale * rng.normal(size=(12, 4)), rng.normal(size=(12, 4))


def regions(rng, scale):
    return scale * rng.normal(size=(12, 5, 3)), np.eye(3)[rng.integers(0, 3, (12, 5))]


def region(rng, scale):
    return scale * rng.normal(size=(12, 6)), rng.integers(0, 2, (12, 6))


def numbers(rng, scale):
    return scale * rng.normal(size=(12, 3)), scale * rng.normal(size=(12, 3))


def labels(rng, scale):
    return scale * rng.normal(size=(12, 3)), rng.integers(0, 2, (12, 3))


def counts(rng, scale):
    return rng.normal(size=(12, 3)), rng.poisson(2.0, (12, 3))


def chances(rng, scale):
    return rng.random((12, 3)), rng.integers(0, 2, (12, 3))


# Of a row of numbers: how to draw them, and the value in long double.
ROWS = {
    "softmax": (classes, lambda z, y: log_sum_exp(z) - at(z, y)),
    "softmax_cross_entropy": (distributions, lambda z, t: (t * (log_sum_exp(z)[:, None] - z)).sum(axis=1)),
    "poly_loss_cross_entropy": (
        distributions,
        lambda z, t: (t * (log_sum_exp(z)[:, None] - z + 2 * (1 - probabilities(z)))).sum(axis=1),
    ),
    "multiclass_hinge_loss": (classes, lambda s, y: (s - at(s, y)[:, None] + 1 - np.eye(4)[y]).max(axis=1)),
    "multiclass_perceptron_loss": (classes, lambda s, y: (s - at(s, y)[:, None]).max(axis=1)),
    "multiclass_sparsemax_loss": (classes, exact_sparsemax),
    "kl_divergence": (log_distributions, exact_kl),
    "generalized_kl_divergence": (log_distributions, lambda z, t: exact_kl(z, t) + (np.exp(z) - t).sum(axis=1)),
    "cosine_distance": (vectors, lambda p, t: 1 - (unit(p) * unit(t)).sum(axis=1)),
    "dice_loss": (regions, lambda z, t: exact_dice(softmaxed(z), t)),
    "binary_dice_loss": (region, lambda z, t: exact_dice((1 + np.tanh(z / 2))[..., None] / 2, t[..., None])),
}
DRAWS = {
    **{name: draw for name, (draw, _) in ROWS.items()},
    **dict.fromkeys(SIGNED, labels),
    **dict.fromkeys(REGRESSION, numbers),
    "poisson": counts,
    "binary_cross_entropy": chances,
    "sigmoid_focal_loss": labels,
    "kl_divergence_with_log_targets": lambda rng, scale: (log_distributions(rng, 1.0)[0], log_distributions(rng, 1.0)[0]),
}  # fmt: skip


def drawn(draw, scale=1.0, dtype=None):
    """A prediction and a target, as jgd sees them; class numbers and labels stay whole."""
    prediction, target = draw(np.random.default_rng(0), scale)
    whole = target.dtype.kind == "i"
    return jnp.asarray(prediction, dtype), jnp.asarray(target) if whole else jnp.asarray(target, dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ROWS)
def test_losses_of_a_row_are_right_at_any_margin(name, dtype):
    """Values against long double, derivatives against differences of long double."""
    draw, exact = ROWS[name]
    loss, h = getattr(jgd.losses, name), L(1e-5)
    with jax.enable_x64(dtype == "float64"):
        both = [drawn(draw, scale, dtype) for scale in (1.0, 1e4)]
        prediction, target = (jnp.concatenate(parts) for parts in zip(*both, strict=True))
        value, slope = jax.jit(lambda p: (loss(p, target), jax.grad(lambda p: loss(p, target).sum())(p)))(prediction)
        assert value.shape == (24,)
        assert value.dtype == slope.dtype == dtype
        p = np.asarray(prediction, np.float64).astype(L)
        t = np.asarray(target, None if target.dtype.kind == "i" else np.float64)
        eps = float(jnp.finfo(dtype).eps)
        np.testing.assert_allclose(np.asarray(value, np.float64), exact(p, t).astype(float), rtol=16 * eps, atol=16 * eps)
        wanted = np.zeros(p.shape)
        for i in np.ndindex(p.shape[1:]):
            step = np.zeros_like(p)
            step[(slice(None), *i)] = h
            wanted[(slice(None), *i)] = (exact(p + step, t) - exact(p - step, t)) / (2 * h)
        tolerance = max(32 * eps, 1e-8)
        np.testing.assert_allclose(np.asarray(slope, np.float64), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [n for n in ROWS if not n.startswith("multiclass")])
def test_second_derivatives_of_losses_of_a_row(name):
    """Along a direction, against second differences of long double."""
    draw, exact = ROWS[name]
    with jax.enable_x64(True):
        prediction, target = drawn(draw)
        along = jnp.asarray(np.random.default_rng(1).normal(size=prediction.shape))
        on_line = lambda a: getattr(jgd.losses, name)(prediction + a * along, target)
        curve = jax.jit(jax.jacfwd(jax.jacrev(on_line)))(0.0)
        p, v, t, h = np.asarray(prediction, L), np.asarray(along, L), np.asarray(target), L(1e-4)
        wanted = (exact(p + h * v, t) - 2 * exact(p, t) + exact(p - h * v, t)) / h**2
        np.testing.assert_allclose(curve, wanted.astype(float), rtol=1e-6, atol=1e-6)


def test_every_loss_is_in_a_table():
    assert set(NAMES) == set(DRAWS)
    assert set(NAMES) - set(ROWS) - {"kl_divergence_with_log_targets"} == {name.partition("-")[0] for name in CASES}


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_has_one_value_per_row_that_depends_on_that_row(name):
    loss, (prediction, target) = getattr(jgd.losses, name), drawn(DRAWS[name])
    alone = jax.vmap(lambda p, t: loss(p[None], t[None])[0])
    floats = target.astype(prediction.dtype)  # as those of a file are
    values, one_by_one, of_floats = jax.jit(lambda p, t: (loss(p, t), alone(p, t), loss(p, floats)))(prediction, target)
    assert values.shape == (12,)
    np.testing.assert_allclose(values, one_by_one, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values, of_floats, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_that_would_broadcast_are_refused(name):
    prediction, target = drawn(DRAWS[name])
    with pytest.raises(ValueError, match=rf"^{name}: .* found \(12, .*\) and \(1?,?\)?"):
        getattr(jgd.losses, name)(prediction, target[..., None])


# optax's losses: jgd's name for each, and what goes into optax's, or why jgd has none.
OPTAX = {
    "binary_dice_loss": ("binary_dice_loss", lambda t: t),
    "cosine_distance": ("cosine_distance", lambda t: t),
    "dice_loss": ("dice_loss", lambda t: t),
    "convex_kl_divergence": "optax's former name of generalized_kl_divergence",
    "cosine_similarity": "no loss: it grows as the prediction gets better; cosine_distance is one minus it",
    "ctc_loss": "takes sequences and their paddings, four arrays",
    "ctc_loss_with_forward_probs": "takes sequences and their paddings, four arrays",
    "generalized_kl_divergence": ("generalized_kl_divergence", lambda t: t),
    "hinge_loss": ("hinge", lambda t: 2 * t - 1),
    "huber_loss": ("huber", lambda t: t),
    "kl_divergence": ("kl_divergence", lambda t: t),
    "kl_divergence_with_log_targets": ("kl_divergence_with_log_targets", lambda t: t),
    "l2_loss": ("l2_loss", lambda t: t),
    "log_cosh": ("log_cosh", lambda t: t),
    "make_fenchel_young_loss": "makes a loss of one's own, which goes into jgd.Problem as it is",
    "multiclass_generalized_dice_loss": "one value for a batch, whose classes it weights by their frequency in it",
    "multiclass_hinge_loss": ("multiclass_hinge_loss", lambda t: t),
    "multiclass_perceptron_loss": ("multiclass_perceptron_loss", lambda t: t),
    "multiclass_sparsemax_loss": ("multiclass_sparsemax_loss", lambda t: t),
    "ntxent": "compares the rows of a batch with each other",
    "perceptron_loss": ("perceptron", lambda t: 2 * t - 1),
    "poly_loss_cross_entropy": ("poly_loss_cross_entropy", lambda t: t),
    "ranking_softmax_loss": "one value for a batch; per row it is softmax_cross_entropy of the relevances",
    "safe_softmax_cross_entropy": ("softmax_cross_entropy", lambda t: t),
    "sigmoid_binary_cross_entropy": ("sigmoid_binary_cross_entropy", lambda t: t),
    "sigmoid_focal_loss": ("sigmoid_focal_loss", lambda t: t),
    "smooth_labels": "changes targets, and is no loss",
    "softmax_cross_entropy": ("softmax_cross_entropy", lambda t: t),
    "softmax_cross_entropy_with_integer_labels": ("softmax", lambda t: t),
    "sparsemax_loss": ("sparsemax_loss", lambda t: t),
    "squared_error": ("squared_error", lambda t: t),
    "triplet_margin_loss": "takes three arrays",
}


def test_no_loss_of_optax_is_forgotten():
    there = {name for name in dir(optax.losses) if callable(getattr(optax.losses, name)) and not name.startswith("_")}
    assert there <= set(OPTAX)
    for name, ours in OPTAX.items():
        assert " " in ours if isinstance(ours, str) else ours[0] in NAMES, name


@pytest.mark.parametrize("name", [name for name, ours in OPTAX.items() if not isinstance(ours, str)])
def test_values_equal_optax(name):
    ours, encode = OPTAX[name]
    with jax.enable_x64(True):
        prediction, target = drawn(DRAWS[ours])
        theirs = jax.jit(getattr(optax.losses, name))(prediction, encode(target))
        found = jax.jit(getattr(jgd.losses, ours))(prediction, target)
        np.testing.assert_allclose(found, theirs.reshape(12, -1).sum(axis=1), rtol=1e-11, atol=1e-13)


LABELLED = {**dict.fromkeys(SIGNED, 0), "sigmoid_focal_loss": 0, "binary_cross_entropy": 0}


@pytest.mark.parametrize("name", [*LABELLED, *(n for n, (draw, _) in ROWS.items() if draw is classes)])
def test_a_label_that_is_none_has_neither_loss_nor_derivative(name):
    loss = getattr(jgd.losses, name)
    score = jnp.full((4,), 0.5) if name in LABELLED else jnp.ones((4, 3))
    both = jax.jit(lambda s, y: (loss(s, y), jax.grad(lambda s: loss(s, y).sum())(s)))
    for wrong in ([-1, 7, 3, 4], [-0.5, 1.5, np.nan, 1e9]):
        value, slope = both(score, jnp.array(wrong))
        assert np.isnan(value).all()
        assert np.isnan(slope).all()


def test_the_subgradients_at_kinks_are_those_that_are_said():
    slope = lambda name, z, y: jax.grad(getattr(jgd.losses, name))(z, jnp.asarray(y)).item()
    assert slope("absolute_error", 2.0, 2.0) == slope("quantile", 2.0, 2.0) == 0
    assert slope("hinge", 1.0, 1) == slope("hinge", -1.0, 0) == 0
    assert (slope("perceptron", 0.0, 1), slope("perceptron", 0.0, 0)) == (-1, 1)
    ties = lambda name: jax.grad(lambda s: getattr(jgd.losses, name)(s, jnp.array([0])).sum())(jnp.zeros((1, 3)))
    np.testing.assert_allclose(ties("multiclass_hinge_loss"), [[-1, 0.5, 0.5]])
    np.testing.assert_allclose(ties("multiclass_perceptron_loss"), [[-2 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


def test_regression_losses_see_the_difference_alone():
    with jax.enable_x64(True):
        prediction, target = drawn(numbers)
        for name in REGRESSION:
            loss = getattr(jgd.losses, name)
            np.testing.assert_allclose(loss(prediction, target), loss(prediction - target, jnp.zeros_like(target)), rtol=1e-14)


def test_the_minimum_of_the_quantile_loss_is_the_quantile():
    y = np.random.default_rng(0).normal(size=1001)
    for q in (0.1, 0.5, 0.9):
        mean = jax.vmap(lambda c, q=q: jgd.losses.quantile(jnp.full(1001, c), jnp.asarray(y), q).mean())(jnp.sort(jnp.asarray(y)))
        np.testing.assert_allclose(np.sort(y)[int(mean.argmin())], np.quantile(y, q), atol=0.02)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "kl_divergence", "generalized_kl_divergence"])
def test_impossible_outcomes_count_nothing(name):
    """A probability of 0 in the target silences a logit or a log-probability of -inf, in value and derivatives both ways."""
    z, t = jnp.array([[0.0, -jnp.inf, 1.0]]), jnp.array([[0.25, 0.0, 0.75]])
    loss = lambda z, t: getattr(jgd.losses, name)(z, t).sum()
    both = jax.jit(lambda z, t: (loss(z, t), jax.grad(loss)(z, t), jax.jacfwd(loss)(z, t)))
    (value, slope, forward), (kept, kept_slope, _) = both(z, t), both(z[:, ::2], t[:, ::2])
    np.testing.assert_allclose(value, kept, rtol=1e-6)
    np.testing.assert_allclose(slope, [[kept_slope[0, 0], 0, kept_slope[0, 1]]], rtol=1e-6)
    np.testing.assert_allclose(forward, slope, rtol=1e-6)


def test_impossible_outcomes_of_a_log_target_count_nothing():
    z, t = jnp.array([[0.0, -jnp.inf, 1.0]]), jnp.array([[0.25, 0.0, 0.75]])
    loss = jax.jit(jax.value_and_grad(lambda z: jgd.losses.kl_divergence_with_log_targets(z, jnp.log(t)).sum()))
    value, slope = loss(z)
    np.testing.assert_allclose(value, jgd.losses.kl_divergence(z, t).item(), rtol=1e-6)
    np.testing.assert_allclose(slope, -t, rtol=1e-6)


def test_soft_targets_can_be_learned_too():
    with jax.enable_x64(True):
        z, t = drawn(distributions)
        slope = jax.grad(lambda t: jgd.losses.softmax_cross_entropy(z, t).sum())(t)
        np.testing.assert_allclose(slope, -jax.nn.log_softmax(z), rtol=1e-12)


def test_a_vector_of_length_zero_has_a_finite_cosine_distance():
    for loss in (jgd.losses.cosine_distance, lambda p, t: jgd.losses.cosine_distance(t, p)):
        value, slope = jax.value_and_grad(lambda p, loss=loss: loss(p, jnp.ones((1, 3))).sum())(jnp.zeros((1, 3)))
        assert value == 1
        assert np.isfinite(slope).all()


KNOBS = {
    "huber": {"delta": 0.7},
    "quantile": {"q": 0.3},
    "sigmoid_focal_loss": {"alpha": 0.4, "gamma": 1.5},
    "poly_loss_cross_entropy": {"epsilon": 0.5},
    "dice_loss": {"smooth": 0.5, "alpha": 0.3, "beta": 0.7},
    "binary_dice_loss": {"smooth": 0.5},
    "cosine_distance": {"epsilon": 20.0},
}


@pytest.mark.parametrize("name", KNOBS)
def test_every_hyperparameter_traces_and_has_its_derivative(name):
    with jax.enable_x64(True):
        loss, (prediction, target), knobs = getattr(jgd.losses, name), drawn(DRAWS[name]), KNOBS[name]
        total = lambda knobs: loss(prediction, target, **knobs).sum()
        value, slopes = jax.jit(jax.value_and_grad(total))(knobs)
        np.testing.assert_allclose(value, total(knobs), rtol=1e-12)
        for knob, number in knobs.items():
            up, down = (total({**knobs, knob: number + h}) for h in (1e-6, -1e-6))
            np.testing.assert_allclose(slopes[knob], (up - down) / 2e-6, rtol=1e-6)


def test_hyperparameters_out_of_range_are_refused():
    a, z = jnp.zeros(2), jnp.zeros((2, 3))
    with pytest.raises(ValueError, match=r"^huber: delta must be at least 0, found -1\.$"):
        jgd.losses.huber(a, a, delta=-1.0)
    with pytest.raises(ValueError, match=r"^quantile: q must be between 0 and 1, found 1\.5\.$"):
        jgd.losses.quantile(a, a, 1.5)
    with pytest.raises(ValueError, match=r"^sigmoid_focal_loss: gamma must be at least 0, found -2\.$"):
        jgd.losses.sigmoid_focal_loss(a, a, gamma=-2)
    with pytest.raises(ValueError, match=r"^sigmoid_focal_loss: alpha must be between 0 and 1, found 2\.$"):
        jgd.losses.sigmoid_focal_loss(a, a, alpha=2)
    with pytest.raises(ValueError, match=r"^dice_loss: beta must be at least 0, found -1\.$"):
        jgd.losses.dice_loss(z, z, beta=-1)
    with pytest.raises(ValueError, match=r"^binary_dice_loss: smooth must be at least 0, found nan\.$"):
        jgd.losses.binary_dice_loss(z, z, smooth=np.nan)


def test_losses_are_found_by_name():
    for name in NAMES:
        assert jgd.losses.get(name) is getattr(jgd.losses, name)
    with pytest.raises(ValueError, match=r"^unknown loss 'hubber'; did you mean 'huber'\?$"):
        jgd.losses.get("hubber")
    with pytest.raises(ValueError, match=r"^unknown loss 'get'; "):
        jgd.losses.get("get")
    with pytest.raises(TypeError, match=r"^the name of a loss is a string such as 'huber', found <function"):
        jgd.losses.get(jgd.losses.huber)


def test_names_from_elsewhere_lead_to_losses_that_are_here():
    assert set(jgd.losses.ELSEWHERE.values()) <= set(NAMES)
    assert not set(jgd.losses.ELSEWHERE) & set(NAMES)
    for name, ours in OPTAX.items():
        if not isinstance(ours, str) and name not in NAMES:
            with pytest.raises(ValueError, match=rf"^unknown loss '{name}'; it is called '{ours[0]}' here\.$"):
                jgd.losses.get(name)
