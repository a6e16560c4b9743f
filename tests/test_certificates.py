"""Certificates: never optimistic, against optima in long double; tight near them; inf, with a reason, where there is none."""

import itertools
import math

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import jgd
from jgd.certificates import _bounds, _constants, _hessian, _rounding, _rows, _traced
from jgd.certificates._certificate import point_of
from jgd.certificates._dependence import dependent
from jgd.models._standardized import standardized

LONG = np.longdouble
KINDS = {"linear": 1, "outputs": 2, "binary": 1, "softmax": 3}


# The reference: each objective, and its optimum by Newton's method, in long double (64 bits of precision on x86-64), by formulas
# of its own.


def triangle_of(A):
    """R of A = QR, by Householder reflections in long double."""
    A = A.copy()
    for j in range(A.shape[1]):
        v = A[j:, j].copy()
        length = np.sqrt((v * v).sum())
        if length == 0:
            continue
        v[0] += length if v[0] >= 0 else -length
        v /= np.sqrt((v * v).sum())
        A[j:] -= 2 * np.outer(v, v @ A[j:])
    return A[: A.shape[1]]


class Reference:
    """One of the objectives in long double, of parameters as one vector, class by class."""

    def __init__(self, kind, X, y, weight, l2, free, scale=1.0):
        self.kind, self.l2, self.free = kind, LONG(l2), free
        self.A = np.column_stack([X, np.ones(len(X))]).astype(LONG) if free else X.astype(LONG)
        self.share = np.ones(len(X), LONG) / len(X) if weight is None else weight.astype(LONG) / len(X)
        self.k = KINDS[kind]
        self.y = y.reshape(len(X), -1).astype(LONG) if kind in ("linear", "outputs") else np.asarray(y)
        self.penalised = np.ones((self.A.shape[1], self.k), LONG)
        self.penalised[: X.shape[1]] = np.asarray(scale, LONG).reshape(-1, 1) ** 2
        if free:
            self.penalised[-1] = 0

    def _logits(self, theta):
        z = self.A @ theta
        return np.column_stack([np.zeros(len(z), LONG), z]) if self.kind == "binary" else z

    def _parts(self, theta):
        z = self._logits(theta)
        if self.kind in ("linear", "outputs"):
            return ((z - self.y) ** 2).sum(1), 2 * (z - self.y), None
        rows, top = np.arange(len(z)), z.argmax(1)
        z = z - z.max(1, keepdims=True)
        e = np.exp(z)
        total = e.sum(1, keepdims=True)
        others = np.where(np.arange(e.shape[1]) == top[:, None], LONG(0), e).sum(1)
        p = e / total
        slopes = p.copy()
        slopes[rows, self.y] = 0
        slopes[rows, self.y] = -slopes.sum(1)
        return np.log1p(others) - z[rows, self.y], slopes[:, 1:] if self.kind == "binary" else slopes, p

    def value(self, theta):
        return self.share @ self._parts(theta)[0] + self.l2 / 2 * (self.penalised * theta**2).sum()

    def gradient(self, theta):
        return self.A.T @ (self.share[:, None] * self._parts(theta)[1]) + self.l2 * self.penalised * theta

    def step(self, theta):
        """Newton's, from a triangle of the Hessian's roots."""
        p = self._parts(theta)[2]
        q, k = self.A.shape[1], self.k
        blocks = []
        for c in range(k):
            for o in range(k if self.kind == "softmax" else 1):
                block = np.zeros((len(self.A), k, q), LONG)
                if self.kind in ("linear", "outputs"):
                    block[:, c] = np.sqrt(2 * self.share)[:, None] * self.A
                elif self.kind == "binary":
                    block[:, c] = np.sqrt(self.share * p[:, 0] * p[:, 1])[:, None] * self.A
                elif c == o:
                    for other in range(k):
                        factor = np.delete(p, c, 1).sum(1) if other == c else -p[:, other]
                        block[:, other] = (np.sqrt(self.share * p[:, c]) * factor)[:, None] * self.A
                else:
                    continue
                blocks.append(block.reshape(len(self.A), -1))
        size = max(np.abs(b).max() for b in blocks)
        ridge = np.sqrt(self.l2 * self.penalised.T.ravel())
        ridge = np.maximum(ridge, LONG(1e-16) * size)
        A = np.concatenate([*blocks, np.diag(ridge)])
        if self.kind == "softmax":  # what moves all classes alike moves nothing
            A = np.concatenate([A, size * np.tile(np.eye(q, dtype=LONG), k)])
        R = triangle_of(A)
        g = -self.gradient(theta).T.ravel()
        half = np.zeros_like(g)
        for j in range(len(g)):
            half[j] = (g[j] - R[:j, j] @ half[:j]) / R[j, j]
        d = np.zeros_like(g)
        for j in reversed(range(len(g))):
            d[j] = (half[j] - R[j, j + 1 :] @ d[j + 1 :]) / R[j, j]
        d = d.reshape(k, q).T
        return d - d.mean(axis=1, keepdims=True) if self.kind == "softmax" else d, half @ half

    def excess(self, theta, best):
        """At most value(theta) - value(best): divergences, which do not cancel, less what rounding did to the slope at `best`."""
        gradient, size = self.gradient(best), np.abs(self.A).T @ (self.share[:, None] * np.abs(self._parts(best)[1]))
        rounding = LONG(1e-18) * ((size + self.l2 * self.penalised * np.abs(best)) * np.abs(theta - best)).sum()
        ridge = self.l2 / 2 * (self.penalised * (theta - best) ** 2).sum()
        if self.kind in ("linear", "outputs"):
            divergence = ((self.A @ (theta - best)) ** 2).sum(1)
        else:
            z, step = self._logits(best), self._logits(theta - best)
            top = z.max(1, keepdims=True)
            p = np.exp(z - top) / np.exp(z - top).sum(1, keepdims=True)
            step = step - (p * step).sum(1, keepdims=True)
            s = np.minimum(step, 1)
            series = sum(s**i / math.factorial(i) for i in range(2, 10))
            near = np.log1p((p * np.where(np.abs(s) < 1e-3, series, np.expm1(s) - s)).sum(1))
            far = np.log(np.maximum((p * np.exp(step - step.max(1, keepdims=True))).sum(1), LONG("1e-4900"))) + step.max(1)
            divergence = np.where(step.max(1) < 1, near, far)
        # No loss is negative, which says more where there is no optimum to be near.
        return min(self.share @ divergence + ridge + (gradient * (theta - best)).sum() - rounding, self.value(theta))

    def path(self, theta):
        """Newton's iterates, the last being the optimum as far as long double goes."""
        value, found = self.value(theta), [theta]
        for _ in range(40):
            d, decrement = self.step(theta)
            if decrement < 1e-37:
                break
            t = LONG(1)
            while not self.value(theta + t * d) <= value and t > 1e-6:
                t /= 2
            if t <= 1e-6:
                break
            theta = theta + t * d
            value = self.value(theta)
            found.append(theta)
        return found


def drawn(kind, seed):
    """A random problem: its shape, conditioning, weights, penalty and noise."""
    r = np.random.default_rng([seed, list(KINDS).index(kind)])
    n, d = [(4, 6), (9, 2), (24, 1), (40, 5)][seed % 4]
    X = r.normal(size=(n, d))
    if r.uniform() < 0.7:
        u, s, v = np.linalg.svd(X, full_matrices=False)
        X = (u * s * np.logspace(0, -r.uniform(0, 10), len(s))) @ v * 10 ** r.uniform(-2, 3)
    if r.uniform() < 0.3:
        X = X + 10 ** r.uniform(-1, 3) * r.normal(size=d)
    score = (X / np.abs(X).max(0)) @ r.normal(size=(d, 3)) + 0.3 * r.normal(size=3)
    noise = r.choice([0, 0.1, 1, 5]) * r.normal(size=(n, 3))
    y = {
        "linear": (score[:, 0] + noise[:, 0]) * 10 ** r.uniform(-2, 2),
        "outputs": (score + noise)[:, :2],
        "binary": (score + noise)[:, 0] > 0,
        "softmax": np.argmax(score + noise, axis=1),
    }[kind]
    if kind in ("binary", "softmax"):
        y = y.astype(int)
        y[:3] = np.arange(3) % (2 if kind == "binary" else 3)
    weight = None
    if r.uniform() < 0.4:
        weight = r.uniform(size=n) * (r.uniform(size=n) < 0.9)
        weight[:3] = np.where(r.uniform() < 0.8, 0.5, weight[:3]) + 1e-3 * (weight.sum() == 0)
    l2 = 0.0 if r.uniform() < 1 / 3 else 10 ** r.uniform(-8, 2)
    return X, y, weight, l2, bool(r.uniform() < 0.6), r


def problem_of(kind, l2, free):
    if kind in ("linear", "outputs"):
        return jgd.linear_regression(l2=l2, fit_intercept=free)
    return jgd.logistic_regression(l2=l2, fit_intercept=free, classes=2 if kind == "binary" else 3)


def params_of(kind, theta, free):
    weights, bias = (theta[:-1], theta[-1]) if free else (theta, None)
    if kind in ("linear", "binary"):
        weights, bias = weights[:, 0], None if bias is None else bias[0]
    return jgd.LinearParams(weights, bias)


def made(kind, X, y, weight, l2, free, scale=None):
    """The problem, its data, and the reference; with scales the penalty is l2/2 sum_j (scale_j w_j)^2."""
    problem = problem_of(kind, l2, free)
    problem = problem if scale is None else standardized(problem, scale)
    data = problem.dataset((X, y, weight) if weight is not None else (X, y))
    kept = None if weight is None else np.asarray(data.sample_weight, np.float64)
    return (
        problem,
        data,
        Reference(kind, np.asarray(data.X, np.float64), np.asarray(data.y), kept, l2, free, 1.0 if scale is None else scale),
    )


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("kind", KINDS)
def test_no_bound_is_ever_optimistic(kind, part):
    """1,000 random problems: at 0, at random points, along a run, near the optimum and at it."""
    with jax.enable_x64(True), np.errstate(all="ignore"):
        for seed in range(50 * part, 50 * part + 50):
            X, y, weight, l2, free, r = drawn(kind, seed)
            problem, data, reference = made(kind, X, y, weight, l2, free)
            start = np.zeros((reference.A.shape[1], reference.k), LONG)
            path = reference.path(start)
            best, rate = path[-1], 1 / jgd.smoothness(problem, data)
            run = [start]
            for _ in range(3):
                run.append(run[-1] - rate * reference.gradient(run[-1]))
            assert all(reference.value(b) <= reference.value(a) * (1 + 1e-15) for a, b in itertools.pairwise(run))
            points = [start, 10 ** r.uniform(-2, 2) * r.normal(size=start.shape), run[-1], path[len(path) // 2], best]
            points += [best * (1 + 10.0**-e * r.normal(size=start.shape)) for e in (3, 7)]
            for i, theta in enumerate(points):
                theta = theta.astype(np.float64)
                params, excess = params_of(kind, theta, free), reference.excess(theta.astype(LONG), best) * (1 - LONG(1e-15))
                point, family = point_of(problem, data, params)
                at = _bounds.evaluated(point, family)
                assert abs(at.objective - reference.value(theta.astype(LONG))) <= at.objective_error
                bounds, _ = _bounds.all_of(point, family, at)
                assert all(bound >= excess for bound in bounds.values()), (kind, seed, bounds, excess)
                if i % 4:
                    continue
                proof = jgd.certificate(problem, data, params)
                assert proof.gap == min(bounds.values()), (kind, seed, proof, bounds)
                assert proof.lower_bound <= reference.value(best), (kind, seed, proof)
                assert math.isfinite(proof.gap) or l2 == 0 and proof.reason and kind in ("binary", "softmax")


@pytest.mark.parametrize("kind", KINDS)
def test_no_bound_is_optimistic_with_a_penalty_by_column(kind):
    """That of standardised columns, told in columns as given; scales to 1e-3 and 1e3."""
    with jax.enable_x64(True), np.errstate(all="ignore"):
        for seed in range(250, 290):
            X, y, weight, l2, free, r = drawn(kind, seed)
            scale = 10 ** r.uniform(-3, 3, size=X.shape[1])
            problem, data, reference = made(kind, X, y, weight, l2, free, scale)
            path = reference.path(np.zeros((reference.A.shape[1], reference.k), LONG))
            best = path[-1]
            points = [path[0], path[len(path) // 2], best, best * (1 + 1e-5 * r.normal(size=best.shape))]
            for theta in points:
                theta = theta.astype(np.float64)
                params, excess = params_of(kind, theta, free), reference.excess(theta.astype(LONG), best) * (1 - LONG(1e-15))
                point, family = point_of(problem, data, params)
                at = _bounds.evaluated(point, family)
                assert abs(at.objective - reference.value(theta.astype(LONG))) <= at.objective_error
                assert (np.abs(at.gradient - reference.gradient(theta.astype(LONG))) <= at.gradient_error).all()
                bounds, _ = _bounds.all_of(point, family, at)
                assert all(bound >= excess for bound in bounds.values()), (kind, seed, bounds, excess)
                proof = jgd.certificate(problem, data, params)
                assert proof.lower_bound <= reference.value(best), (kind, seed, proof)
                assert math.isfinite(proof.gap) or l2 == 0 and proof.reason and kind in ("binary", "softmax")


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_penalty_by_column_is_the_plain_one_on_scaled_columns(kind, free):
    """The same point in other units has the same bounds."""
    r = np.random.default_rng(5)
    with jax.enable_x64(True):
        X, scale = r.normal(size=(50, 4)) * np.logspace(-2, 2, 4), np.logspace(-2, 2, 4) * r.uniform(0.5, 2, size=4)
        y = X / scale @ r.normal(size=(4, 2)) + r.normal(size=(50, 2))
        y = {"linear": y[:, 0], "outputs": y, "binary": y[:, 0] > 0, "softmax": np.arange(50) % 3}[kind]
        problem, data, _ = made(kind, X, y, None, 0.1, free, scale)
        plain, scaled, _ = made(kind, X / scale, y, None, 0.1, free)
        for size in (1e-3, 1.0):
            theta = size * r.normal(size=(4 + free, KINDS[kind]))
            given = theta / np.append(scale, [1.0] * free)[:, None]
            mine = _bounds.all_of(*judged(problem, data, params_of(kind, given, free)))[0]
            want = _bounds.all_of(*judged(plain, scaled, params_of(kind, theta, free)))[0]
            assert mine.keys() == want.keys()
            np.testing.assert_allclose([*mine.values()], [*want.values()], rtol=1e-9)


def judged(problem, data, params):
    point, family = point_of(problem, data, params)
    return point, family, _bounds.evaluated(point, family)


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("kind", ["binary", "softmax"])
def test_near_the_optimum_of_logistic_regression_with_a_penalty_it_is_within_twice_the_truth(kind, free):
    with jax.enable_x64(True):
        for seed in range(12):
            r = np.random.default_rng(seed)
            X = r.normal(size=(60, 4)) * np.logspace(0, -r.uniform(0, 4), 4) @ np.linalg.qr(r.normal(size=(4, 4)))[0] + r.normal(
                size=4
            )
            y = np.argmax(X @ r.normal(size=(4, 3)) + r.normal(size=(60, 3)), axis=1)
            y[:6] = np.arange(6) % 3
            y = y > 0 if kind == "binary" else y
            weight = r.uniform(size=60) if seed % 2 else None
            problem, data, reference = made(kind, X, y, weight, 10.0 ** -(seed % 7), free)
            best = reference.path(np.zeros((reference.A.shape[1], reference.k), LONG))[-1]
            scale = np.sqrt(reference.excess(best * 0, best) / (best**2).sum())
            for size in (1e-3, 1e-5, 1e-7):
                theta = (best + size * scale * r.normal(size=best.shape)).astype(np.float64)
                excess = reference.excess(theta.astype(LONG), best)
                gap = jgd.certificate(problem, data, params_of(kind, theta, free)).gap
                assert excess <= gap <= 2 * excess, (seed, size, gap, excess)


def test_units_of_columns_do_not_loosen_the_bound_of_softmax():
    """All logits of a row moving together are seen by the penalty alone, of which columns of 1e7 leave hardly anything."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)) * [1e7, 1.0, 1e-4], np.arange(40) % 4
    assert jgd.solve(jgd.logistic_regression(l2=1e-4, classes=4), (X, y)).status == "converged"
    together = jgd.LinearParams(np.ones((3, 4), np.float32), np.zeros(4, np.float32))
    gap = jgd.certificate(jgd.logistic_regression(l2=2.0, classes=4), (0 * X, y), together).gap
    np.testing.assert_allclose(gap, 2.0 / 2 * 3 * 4, rtol=1e-6)  # |W|^2 l2 / 2


@pytest.mark.parametrize("correlated", [1.0, 1e-5], ids=["gram", "qr"])
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["linear", "outputs"])
def test_the_gap_of_least_squares_is_exact(kind, l2, correlated):
    """Float32 rows and parameters, in more than one block of rows."""
    r = np.random.default_rng(0)
    X = r.normal(size=(_rows.BLOCK + 50, 3)) + 2
    X[:, 1] = X[:, 0] + correlated * X[:, 1]
    y = X @ r.normal(size=(3, 2)) + r.normal(size=(len(X), 2))
    problem, data, reference = made(kind, X, y if kind == "outputs" else y[:, 0], r.uniform(size=len(X)), l2, True)
    assert data.X.dtype == np.float32
    best = reference.path(np.zeros((4, KINDS[kind]), LONG))[-1]
    theta = (best + 0.1 * r.normal(size=best.shape)).astype(np.float32)
    proof = jgd.certificate(problem, data, params_of(kind, jnp.asarray(theta), True))
    assert proof.method == "exact"
    excess = reference.excess(theta.astype(LONG), best)
    assert excess <= proof.gap <= excess * (1 + 1e-7 + (correlated < 1) * 1e-4)
    least = reference.value(best)
    assert least - 1.1e-4 * excess - 1e-9 <= proof.lower_bound <= least
    np.testing.assert_allclose(
        proof.gradient_norm, float(np.sqrt((reference.gradient(theta.astype(LONG)) ** 2).sum())), rtol=1e-9
    )


@pytest.mark.parametrize("few", [0, 2**22], ids=["compiled", "numpy"])
def test_blocks_of_rows_change_nothing(monkeypatch, few):
    X, y = jgd.data.make_classes(500, 3, key=1)
    y = np.asarray(y) + (np.asarray(X)[:, 0] > 0.5)
    result = jgd.fit(jgd.logistic_regression(l2=0.01, classes=3), (X, y), jgd.gd(1.0), epochs=300)
    want = result.certificate()
    for module in (_hessian, _rows):
        monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(_rows, "ENTRIES", 21)
    monkeypatch.setattr(_hessian, "FEW", few)
    proof = result.certificate()
    assert proof.method == want.method == "Newton's decrement"
    np.testing.assert_allclose([proof.gap, proof.objective], [want.gap, want.objective], rtol=1e-6)


@pytest.mark.parametrize("l2", [0.0, 1e-3])
@pytest.mark.parametrize("kind", ["binary", "softmax"])
def test_of_what_is_enough_no_more_is_computed(kind, l2, monkeypatch):
    """Each bound is valid; the cheapest that suffices is the last that is computed."""
    r = np.random.default_rng(0)
    X = r.normal(size=(4000, 2)).astype(np.float32)
    y = np.argmax(X @ r.normal(size=(2, 3)) + r.normal(size=(4000, 3)), axis=1)
    problem, data, reference = made(kind, X, y > 0 if kind == "binary" else y, None, l2, True)
    best = reference.path(np.zeros((3, KINDS[kind]), LONG))[-1]
    theta = (best + 1e-3 * r.normal(size=best.shape)).astype(np.float32)
    params, excess = params_of(kind, theta, True), reference.excess(theta.astype(LONG), best)
    parts, factored = [], _bounds.factored

    def counted(*arguments, **options):
        parts.append(arguments[4])
        return factored(*arguments, **options)

    monkeypatch.setattr(_bounds, "factored", counted)
    monkeypatch.setattr(_bounds, "BLOCK", 800)
    least = jgd.certificate(problem, data, params)
    assert (parts, least.method) == ([1], "Newton's decrement")
    by_duality = 300 * excess
    for enough, wanted, method in [
        (10.0, [] if l2 else [16], "nonnegative" if l2 else "Newton's decrement"),
        (by_duality, [] if l2 else [16], "duality" if l2 else "Newton's decrement"),
        (25 * excess, [16], "Newton's decrement"),
        (6 * excess, [16, 4], "Newton's decrement"),
        (1.5 * excess, [16, 4, 1], "Newton's decrement"),
        (0.01 * excess, [16, 1], "Newton's decrement"),
    ]:
        parts.clear()
        proof = jgd.certificate(problem, data, params, enough=float(enough))
        assert (parts, proof.method) == (wanted, method), enough / excess
        assert excess <= proof.gap, enough / excess
        assert proof.lower_bound <= reference.value(best)
        assert proof.gap <= enough or proof == least


def test_the_longest_row_is_looked_for_only_where_it_decides(monkeypatch):
    X, y = jgd.data.make_classes(300, 3, key=0)
    problem, looked, longest = jgd.logistic_regression(l2=1e-2), [], _bounds.longest
    monkeypatch.setattr(_bounds, "longest", lambda *a, **k: looked.append(longest(*a, **k)) or looked[-1])
    result = jgd.fit(problem, (X, y), jgd.gd(1.0), epochs=300)
    near = result.certificate()
    assert looked == []
    assert near.method == "Newton's decrement"
    monkeypatch.setattr(_bounds, "LITTLE", 0.0)
    assert near.gap * (1 - 0.04) < result.certificate().gap <= near.gap
    assert len(looked) == 1


def test_a_solver_that_was_loosened_is_caught():
    """It says that it converged; the certificate says by how much it is off."""
    X, y = jgd.data.make_classes(300, 5, key=3)
    problem = jgd.logistic_regression(l2=1e-2)
    tight, loose = (
        jgd.fit(problem, (X, y), jgd.gd(1.0), epochs=5000, stop=jgd.stopping.gradient_norm(norm)) for norm in (1e-6, 1e-2)
    )
    assert tight.status == loose.status == "converged"
    assert tight.certificate().gap < 1e-9
    true = loose.certificate().objective - tight.certificate().objective
    assert true > 1e-5
    assert true < loose.certificate().gap < 2 * true
    assert loose.certificate(enough=math.inf).gap > true
    assert loose.certificate().lower_bound <= tight.certificate().objective


SEPARABLE = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("problem", "data", "params", "reason"),
    [
        (jgd.logistic_regression(), SEPARABLE, jgd.LinearParams([5.0], 0.0), "these parameters separate the classes"),
        (jgd.logistic_regression(), SEPARABLE, jgd.LinearParams([400.0], 0.0), "these parameters separate the classes"),
        (
            jgd.logistic_regression(), SEPARABLE, jgd.LinearParams([-5.0], 0.0),
            r"lambda R = \d+.* is not below 1 .*Take more steps, or give the problem a penalty; without a penalty \(l2\) there",
        ),
        (
            jgd.logistic_regression(classes=3), (np.eye(3), np.arange(3)), jgd.LinearParams(np.eye(3), np.zeros(3)),
            "these parameters separate the classes",
        ),
        (jgd.logistic_regression(), SEPARABLE, jgd.LinearParams([math.nan], 0.0), "the parameters are not all finite"),
        (jgd.linear_regression(), SEPARABLE, jgd.LinearParams([1e200], 0.0), "the objective is not finite in float64"),
        (jgd.Problem(loss=lambda w: (w - 2.0) ** 2, init=0.0), None, 5.0, "Problem is not known to be convex"),
        (
            jgd.mixed_precision(jgd.logistic_regression(l2=1.0)), SEPARABLE, jgd.LinearParams(jnp.ones(1), jnp.zeros(())),
            "take the certificate of the problem inside",
        ),
    ],
)  # fmt: skip
def test_where_there_is_no_bound_it_is_infinite_and_says_why(problem, data, params, reason):
    proof = jgd.certificate(problem, data, params)
    assert proof.gap == math.inf
    assert proof.lower_bound == -math.inf
    assert proof.method == "none"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(proof.reason)
    assert f"no bound: {proof.reason}" in repr(proof)


def test_parameters_too_many_for_a_hessian_have_the_bound_by_duality(monkeypatch):
    X, y = jgd.data.make_classes(100, 3, key=0)
    result = jgd.fit(jgd.logistic_regression(l2=0.1), (X, y), jgd.gd(1.0), epochs=20)
    want = result.certificate()
    monkeypatch.setattr(_bounds, "LARGEST", 2)
    proof = result.certificate()
    assert proof.method == "duality"
    assert want.gap < proof.gap < 20 * want.gap
    proof = jgd.certificate(jgd.logistic_regression(), (X, y), result.params)
    assert proof.reason.startswith("the Hessian of 4 parameters is too large to be factored (at most 2)")


def test_any_other_problem_has_objective_and_gradient():
    frozen = jgd.Problem(lambda p: p["a"] ** 2 + 3 * p["b"], {"a": 1.0, "b": 0.0}, frozen={"a": False, "b": True})
    proof = jgd.certificate(frozen, None, {"a": 2.0, "b": 1.0})
    assert (proof.objective, proof.gradient_norm) == (7.0, 4.0)

    def loss(params, batch, *, state=None):
        return (params - state) ** 2 * batch.X[:, 0], state

    proof = jgd.certificate(jgd.Problem(loss, 0.0, state=0.0), jgd.Dataset([[1.0], [3.0]]), 2.0, state=jnp.asarray(1.0))
    assert (proof.objective, proof.gradient_norm) == (2.0, 4.0)


@pytest.mark.parametrize("kind", ["linear", "binary", "softmax"])
def test_columns_that_are_sums_of_others_are_left_out(kind):
    """Duplicates, constants beside an intercept, all values of a category: without a penalty the Hessian is singular."""
    r = np.random.default_rng(1)
    X = r.normal(size=(80, 2))
    category = np.eye(3)[r.integers(0, 3, size=80)]
    wide = np.column_stack([X, category, X[:, 0], 4 * X[:, 1], np.full(80, 0.5), np.zeros(80)])
    y = X[:, 0] + category[:, 1] + r.normal(size=80)
    y = y if kind == "linear" else (y > 0).astype(int) if kind == "binary" else np.digitize(y, [0, 1])
    with jax.enable_x64(True):
        slim, _, reference = made(kind, np.column_stack([X, category[:, 1:]]), y, None, 0.0, True)
        best = reference.path(np.zeros((5, KINDS[kind]), LONG))[-1]
        theta = best + 1e-4 * r.normal(size=best.shape)
        excess = float(reference.excess(theta, best))
        theta = theta.astype(np.float64)
        full = np.zeros((10, KINDS[kind]))
        full[[0, 1, 3, 4, 9]] = theta
        for free in (True, False):
            if not free:  # the category gives the intercept
                full[2:5], full[9] = full[2:5] + full[9], 0.0
            rows = full if free else full[:-1]
            proof = jgd.certificate(problem_of(kind, 0.0, free), (wide, y), params_of(kind, rows, free))
            assert excess <= proof.gap * (1 + 1e-9), free
            assert proof.gap <= 1.05 * excess, free
    assert slim.fit_intercept


def test_only_exact_sums_are_left_out():
    r = np.random.default_rng(0)
    X = r.normal(size=(30, 2))
    of = lambda *columns: dependent(_rows.Rows(jgd.Dataset(np.column_stack(columns)), True)).tolist()
    with jax.enable_x64(True):
        a, b = X.T
        assert sum(of(a, b, a)) == 1
        assert sum(of(a, b, a * (1 + 2.0**-52))) == 0  # as near as can be
        assert sum(of(a, b, a - b)) == 0  # rounded
        assert sum(of(np.round(8 * a), np.round(8 * b), np.round(8 * a) - np.round(8 * b))) == 1
        assert sum(of(a, b, 3 * a)) == 0  # exact or not, 3 is not tried
        assert of(a, np.zeros(30), b) == [False, True, False, False]
        with np.errstate(all="ignore"):
            assert sum(of(1e200 * a, b, 1e200 * a)) == 0  # whose squares are more than float64 holds
        # Of many rows some are asked first, and what they suggest holds for all of them or does not.
        a, b, one = *r.normal(size=(2, 3000)), np.zeros(3000)
        one[1] = 1.0
        assert [sum(of(a, b, c)) for c in (a, a + 1, a + one, 2 * a, one)] == [1, 0, 0, 1, 0]
        assert sum(of(a, b, a, one, one)) == 2


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_nearly_dependent_columns_have_a_safe_bound(kind):
    r = np.random.default_rng(0)
    X = r.normal(size=(30, 2))
    X = np.column_stack([X, X[:, 0] * (1 + 2.0**-50 * r.integers(-1, 2, size=30))])
    y = X[:, 0] + r.normal(size=30)
    y = y if kind == "linear" else y > 0
    params = jgd.LinearParams(np.zeros(3), 0.0)
    with jax.enable_x64(True):
        proof = jgd.certificate(problem_of(kind, 0.0, True), (X, y), params)
        assert (proof.method, proof.reason) == ("nonnegative", "") if kind == "linear" else "singular" in proof.reason
        assert math.isfinite(jgd.certificate(problem_of(kind, 1e-3, True), (X, y), params).gap)


def test_rows_without_weight_do_not_matter():
    X, y = jgd.data.make_classes(50, 2, key=0)
    weight = np.r_[np.ones(40), np.zeros(10)]
    problem, params = jgd.logistic_regression(l2=0.1), jgd.LinearParams(np.array([0.5, -0.5]), 0.1)
    one, other = jgd.certificate(problem, (X, y, weight), params), jgd.certificate(problem, (X[:40], y[:40]), params)
    np.testing.assert_allclose([one.gap, one.objective], [other.gap, other.objective], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16])
def test_numbers_of_half_precision_are_taken_exactly(dtype):
    X, y = jgd.data.make_linear(50, key=0)
    X, y = np.asarray(X).astype(dtype), np.asarray(y).astype(dtype)
    problem, params = jgd.linear_regression(l2=0.1), jgd.LinearParams(jnp.ones(5, dtype), jnp.ones((), dtype))
    wide = lambda tree: jax.tree.map(lambda a: np.asarray(a).astype(np.float32), tree)
    assert jgd.certificate(problem, (X, y), params) == jgd.certificate(problem, (wide(X), wide(y)), wide(params))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jgd.certificate(jgd.linear_regression, SEPARABLE, None), TypeError, "certificate takes a problem such as"),
        (lambda: jgd.certificate(jgd.linear_regression(), None, None), TypeError, "needs the data: give"),
        (
            lambda: jgd.certificate(jgd.linear_regression(), SEPARABLE, [1.0]),
            TypeError, r"params must be jgd.LinearParams\(weights, bias\), found list",
        ),
        (
            lambda: jgd.certificate(jgd.linear_regression(), SEPARABLE, jgd.LinearParams(np.zeros(2), 0.0)),
            ValueError, r"params.weights must have shape \(1,\) for this problem and data, found \(2,\)",
        ),
        (
            lambda: jgd.certificate(jgd.linear_regression(), SEPARABLE, jgd.LinearParams(np.zeros(1), np.zeros(1))),
            ValueError, r"params.bias must have shape \(\) for this problem and data, found \(1,\)",
        ),
        (
            lambda: jgd.certificate(jgd.linear_regression(), SEPARABLE, jgd.LinearParams(np.zeros(1))),
            ValueError, "the problem has fit_intercept=True, but params has none",
        ),
        (
            lambda: jgd.certificate(jgd.linear_regression(l2=jgd.over([1, 2])), SEPARABLE, None),
            TypeError, "certificate runs one setting",
        ),
        (
            lambda: jgd.certificate(jgd.stack([jgd.linear_regression(l2=v) for v in (1, 2)]), SEPARABLE, None),
            ValueError, "certificate takes one problem, found 2 values of l2",
        ),
        (
            lambda: jgd.certificate(jgd.linear_regression(), SEPARABLE, jgd.LinearParams([1.0], 0.0), enough=-1.0),
            ValueError, "enough is a gap, and so must be at least 0, found -1.0",
        ),
        (
            lambda: jgd.certificate(jgd.linear_regression(), SEPARABLE, jgd.LinearParams([1.0], 0.0), enough=math.nan),
            ValueError, "enough is a gap, and so must be at least 0, found nan",
        ),
        (
            lambda: jax.jit(lambda w: jgd.certificate(jgd.linear_regression(), SEPARABLE, jgd.LinearParams(w, 0.0)))(np.ones(1)),
            TypeError, "certificate looks at numbers",
        ),
        (
            lambda: jgd.certificate(
                jgd.Problem(lambda p, batch, *, state=None: (p, state), 0.0, state=0.0), jgd.Dataset([[1.0]]), 1.0
            ),
            TypeError, "the loss takes a state: give state=",
        ),
        (lambda: jgd.smoothness(jgd.Problem(lambda w: w, 0.0), SEPARABLE), TypeError, "no constant is known for Problem"),
        (lambda: jgd.strong_convexity(jgd.Problem(lambda w: w, 0.0), SEPARABLE), TypeError, "no constant is known for Problem"),
        (lambda: jgd.smoothness(jgd.linear_regression(), SEPARABLE, batch_size=5), ValueError, "batch_size=5 is more than the 4"),
        (lambda: jgd.smoothness(jgd.linear_regression(), SEPARABLE, batch_size="all"), ValueError, "must be 'full' or a whole"),
        (
            lambda: jgd.safe_learning_rate(jgd.linear_regression(), SEPARABLE, tx=jgd.chain(jgd.clip(1.0), jgd.adam(0.1))),
            TypeError, r"no threshold is known for chain\(clip\(1.0\), adam\(0.1\)\), only for gd, and sgd",
        ),
        (
            lambda: jgd.safe_learning_rate(jgd.linear_regression(), SEPARABLE, tx=jgd.sgd(0.1, momentum=1.0)),
            ValueError, "momentum must be below 1, found 1",
        ),
        (
            lambda: jgd.safe_learning_rate(jgd.linear_regression(), SEPARABLE, tx=jgd.stack([jgd.sgd(0.1, momentum=0.5)] * 2)),
            TypeError, "momentum must be one number",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_result_is_judged_on_its_own_rows_or_on_others():
    X, y = jgd.data.make_classes(100, 2, key=0)
    labels = np.where(np.asarray(y) == 1, "yes", "no")
    problem = jgd.logistic_regression(l2=0.1)
    result = jgd.fit(problem, (X, labels), jgd.gd(1.0), epochs=30, validation=0.2, best="validation_loss")
    assert result.certificate() == jgd.certificate(problem, result.notes.data, result.params)
    np.testing.assert_allclose(result.certificate().objective, result.objective, rtol=1e-6)
    assert result.certificate((X, labels)) == jgd.certificate(problem, (X, y), result.params)
    assert result.certificate(best=True) == jgd.certificate(problem, result.notes.data, result.best.params)
    assert result.certificate(enough=1.0).method == "nonnegative" != result.certificate().method
    sweep = jgd.sweep(jgd.logistic_regression(l2=jgd.over([0.1, 1.0])), (X, y), jgd.gd(1.0), epochs=200)
    assert sweep[1].certificate() == jgd.certificate(jgd.logistic_regression(l2=1.0), (X, y), sweep[1].params)
    assert sweep[1].certificate().gap < 1e-9
    compiled = jax.jit(lambda: jgd.train(problem, (X, y), jgd.gd(1.0), steps=1))()
    with pytest.raises(TypeError, match=r"does not know its problem: jgd\.certificate"):
        compiled.certificate()


def test_the_rounding_function_keeps_its_digits():
    r = np.array([-1.0, -0.999, -0.021, -0.019, -1e-3, -1e-9, 0.0, 1e-12, 0.0199, 0.0201, 3.0])
    wide = r.astype(LONG)
    with np.errstate(divide="ignore", invalid="ignore"):
        want = np.where(
            r == -1, 1, np.where(np.abs(r) < 1e-4, wide**2 / 2 - wide**3 / 6 + wide**4 / 12, (1 + wide) * np.log1p(wide) - wide)
        )
    np.testing.assert_allclose(_rounding.bregman(r), want.astype(np.float64), rtol=1e-13)


# Constants.


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("kind", ["linear", "outputs", "binary", "softmax"])
def test_constants_bound_the_hessian_everywhere(kind, free, monkeypatch):
    with jax.enable_x64(True):
        r = np.random.default_rng(0)
        X, y, l2 = r.normal(size=(30, 3)) + 1, r.normal(size=30), 0.05
        y = {"linear": y, "outputs": np.column_stack([y, -y]), "binary": y > 0, "softmax": np.digitize(y, [-0.5, 0.5])}[kind]
        problem, data, _ = made(kind, X, y, r.uniform(size=30), l2, free)
        init = problem.init(jax.random.key(0), data)
        flat, unravel = jax.flatten_util.ravel_pytree(init)
        hessian = jax.jit(jax.hessian(lambda flat: problem.objective(unravel(flat), data)))
        largest, least = jgd.smoothness(problem, data), jgd.strong_convexity(problem, data)
        values = [np.linalg.eigvalsh(hessian(s * r.normal(size=flat.shape))) for s in (0.0, 0.1, 1.0, 10.0)]
        assert max(v[-1] for v in values) <= largest
        assert min(v[0] for v in values) >= least - 1e-12
        # At 0 the curvature of squares is that everywhere, and that of the logistic loss its largest.
        if kind != "softmax":
            np.testing.assert_allclose(values[0][-1], largest, rtol=1e-10)
        if kind in ("linear", "outputs"):
            np.testing.assert_allclose(values[0][0], least, rtol=1e-9)
        else:
            assert least == (0.0 if free else l2)
        monkeypatch.setattr(_constants, "FEW", 0)
        assert largest * (1 - 1e-9) <= jgd.smoothness(problem, data) <= 1.02 * largest
        assert 0 < jgd.strong_convexity(problem, data) <= least if least else True


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("kind", ["linear", "outputs", "binary", "softmax"])
def test_constants_with_a_penalty_by_column(kind, free, monkeypatch):
    """Against NumPy's eigenvalues of c G + P, which is the Hessian of squares everywhere, and of the logistic loss at 0."""
    r = np.random.default_rng(1)
    X, y, l2, scale = r.normal(size=(30, 3)) + 1, r.normal(size=30), 2.0, np.array([0.3, 2.0, 1.0])
    y = {"linear": y, "outputs": np.column_stack([y, -y]), "binary": y > 0, "softmax": np.digitize(y, [-0.5, 0.5])}[kind]
    with jax.enable_x64(True):
        problem, data, reference = made(kind, X, y, r.uniform(size=30), l2, free, scale)
        A, share = reference.A.astype(float), reference.share.astype(float)
        curvature = {"linear": 2.0, "outputs": 2.0, "binary": 0.25, "softmax": 0.5}[kind]
        penalty = np.append(l2 * scale**2, [0.0] * free)
        values = np.linalg.eigvalsh(curvature * (A.T * share) @ A + np.diag(penalty))
        largest, least = jgd.smoothness(problem, data), jgd.strong_convexity(problem, data)
        np.testing.assert_allclose(largest, values[-1], rtol=1e-10)
        if kind in ("linear", "outputs"):
            np.testing.assert_allclose(least, values[0], rtol=1e-9)
        else:
            np.testing.assert_allclose(least, 0.0 if free else penalty.min())
        rows = [
            np.linalg.eigvalsh(curvature * 30 * s * np.outer(a, a) + np.diag(penalty))[-1] for a, s in zip(A, share, strict=True)
        ]
        assert max(rows) <= jgd.smoothness(problem, data, batch_size=1) <= max(rows) + penalty.max()
        monkeypatch.setattr(_constants, "FEW", 0)
        assert largest * (1 - 1e-9) <= jgd.smoothness(problem, data) <= 1.02 * largest
        assert 0 < jgd.strong_convexity(problem, data) <= least if least else True


def test_a_standardised_refit_has_constants_a_safe_rate_and_a_rule_that_finds_its_gap():
    """2 / L is where full batches on the penalty of its own begin to diverge."""
    X, y = (np.asarray(a, float) for a in jgd.data.make_linear(60, key=0))
    X = X * [1.0, 0.5, 1.0, 2.0, 1.0]
    refit = jgd.cross_validate(jgd.linear_regression(l2=jgd.over([0.5])), (X, y), folds=3, standardize=True).refit()
    problem, A = refit.notes.problem, np.column_stack([X, np.ones(60)])
    wanted = np.linalg.eigvalsh(2 * A.T @ A / 60 + np.diag(np.append(0.5 * X.var(axis=0), 0.0)))
    np.testing.assert_allclose(jgd.smoothness(problem, (X, y)), wanted[-1], rtol=1e-5)
    np.testing.assert_allclose(jgd.strong_convexity(problem, (X, y)), wanted[0], rtol=1e-4)
    rate = jgd.safe_learning_rate(problem, (X, y), tx=jgd.sgd(0.0))
    np.testing.assert_allclose(rate, 1 / wanted[-1], rtol=1e-5)
    fit = lambda rate: jgd.fit(problem, (X, y), jgd.sgd(rate), epochs=1500, record=1500)
    safe, start = fit(rate), fit(1e-9).objective
    assert safe.certificate().gap < 1e-5
    np.testing.assert_allclose(safe.params.weights, refit.params.weights, atol=1e-4)
    assert fit(1.98 * rate).objective < start < fit(2.04 * rate).objective
    ended = jgd.fit(problem, (X, y), jgd.sgd(rate), epochs=1500, stop=jgd.stopping.gap(1e-3))
    gaps, excess = np.asarray(ended.history.gap), np.asarray(ended.history.loss) - refit.certificate().objective
    assert ended.status == "converged"
    assert gaps[-1] <= 1e-3 < gaps[-2]
    assert (gaps >= excess - 1e-6).all()
    logistic = standardized(jgd.logistic_regression(l2=0.1), X.std(axis=0))
    momentum = jgd.safe_learning_rate(logistic, (X, y > 0), tx=jgd.sgd(0.0, momentum=0.75))
    np.testing.assert_allclose(momentum, 0.25 / jgd.smoothness(logistic, (X, y > 0)))


def test_the_smoothness_of_batches():
    """E[H_B^2] <= L_b H over all batches of b rows, with equality somewhere."""
    with jax.enable_x64(True):
        r = np.random.default_rng(0)
        X, weight = r.normal(size=(6, 2)), np.array([1.0, 2.0, 0.5, 1.0, 1.0, 0.0])
        problem, data, reference = made("linear", X, r.normal(size=6), weight, 0.1, False)
        share = reference.share.astype(np.float64) * 6
        of_row = [2 * w * np.outer(x, x) + 0.1 * np.eye(2) for w, x in zip(share, X, strict=True)]
        mean = sum(of_row) / 6
        for b in range(1, 7):
            batches = [sum(of_row[i] for i in rows) / b for rows in itertools.combinations(range(6), b)]
            square = sum(h @ h for h in batches) / len(batches)
            constant = jgd.smoothness(problem, data, batch_size=b)
            assert np.linalg.eigvalsh(constant * mean - square)[0] >= -1e-12
        assert jgd.smoothness(problem, data, batch_size=6) == jgd.smoothness(problem, data)
        largest = max(np.linalg.eigvalsh(h)[-1] for h in of_row)
        np.testing.assert_allclose(jgd.smoothness(problem, data, batch_size=1), largest, rtol=1e-12)


# Learning rates.


def test_rates_are_the_documented_parts_of_their_thresholds():
    X, y = jgd.data.make_linear(101, key=0)
    squares, logistic = jgd.linear_regression(), jgd.logistic_regression(l2=0.1)
    labels = np.asarray(y) > 0
    full, by_ten, last = (jgd.smoothness(squares, (X, y), batch_size=b) for b in ("full", 10, 1))
    rate = lambda problem, size, tx: jgd.safe_learning_rate(problem, (X, y if problem is squares else labels), size, tx)
    momentum = lambda **options: jgd.sgd(0.1, momentum=0.75, **options)
    assert full < by_ten < last  # and the last batch of ten has one row
    assert rate(squares, "full", None) == rate(squares, 101, jgd.gd(9.0)) == rate(squares, "full", jgd.sgd(9.0)) == 1 / full
    assert rate(squares, 10, jgd.chain(jgd.gd(9.0))) == 1 / last
    np.testing.assert_allclose(rate(squares, "full", momentum()), 1.75 / full)
    np.testing.assert_allclose(rate(squares, "full", momentum(nesterov=True)), 1 / full)
    np.testing.assert_allclose(rate(squares, 1, momentum()), 0.25 / last)
    np.testing.assert_allclose(rate(logistic, "full", "sgd(0.1, momentum=0.75)"), 0.25 / jgd.smoothness(logistic, (X, labels)))


@pytest.mark.parametrize(
    ("options", "threshold"),
    [({}, 2.0), ({"momentum": 0.9}, 3.8), ({"momentum": 0.9, "nesterov": True}, 3.8 / 2.8)],
)
def test_thresholds_are_where_full_batches_begin_to_diverge(options, threshold):
    X, y = jgd.data.make_linear(100, key=0)
    problem = jgd.linear_regression()
    smooth = jgd.smoothness(problem, (X, y))
    fit = lambda part: jgd.fit(problem, (X, y), jgd.sgd(part * threshold / smooth, **options), epochs=1500, record=1500)
    start = fit(1e-9).objective
    assert fit(0.99).objective < start
    assert not fit(1.02).objective < start
    rate = jgd.safe_learning_rate(problem, (X, y), tx=jgd.sgd(0.0, **options))
    assert rate < threshold / smooth
    result = jgd.fit(problem, (X, y), jgd.sgd(rate, **options), epochs=1500, record=1500)
    assert result.certificate().gap < 1e-8


@pytest.mark.parametrize("batch_size", [1, 7, 50])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_batches_are_stable_where_a_rate_of_full_batches_is_not(options, batch_size):
    """Few rows that are long, where 1 / L overflows in batches of one row."""
    r = np.random.default_rng(0)
    X = r.normal(size=(200, 20)) * np.where(r.uniform(size=(200, 1)) < 0.05, 20, 1)
    y = X @ r.normal(size=20) + r.normal(size=200)
    problem = jgd.linear_regression()
    rate = jgd.safe_learning_rate(problem, (X, y), batch_size, jgd.sgd(0.0, **options))
    fit = lambda rate: jgd.fit(problem, (X, y), jgd.sgd(rate, **options), batch_size=batch_size, epochs=20)
    result = fit(rate)
    assert result.status == "max_steps"
    assert result.objective < result.history.loss[0]
    if batch_size == 1:
        assert fit(1 / jgd.smoothness(problem, (X, y))).status in ("nonfinite", "diverged")


# The rule.


def test_the_rule_ends_at_the_first_record_whose_gradient_proves_the_gap():
    X, y = jgd.data.make_linear(100, key=0)
    problem = jgd.linear_regression(l2=0.1)
    mu = jgd.strong_convexity(problem, (X, y))
    stop = jgd.stopping.gap(1e-4, mu)
    result = jgd.fit(problem, (X, y), jgd.gd(0.05), epochs=500, stop=stop)
    norms = np.asarray(result.history.grad_norm)
    assert result.status == "converged"
    assert np.flatnonzero(norms**2 / (2 * mu) <= 1e-4)[0] == len(norms) - 1
    assert 0 < result.certificate().gap <= 1e-4
    assert jgd.fit(problem, (X, y), jgd.gd(0.05), epochs=5, stop=jgd.stopping.gap(1.0, 0.0)).status == "max_steps"
    assert repr(stop).startswith("stopping.gap(0.0001, ")
    with pytest.raises(ValueError, match="strong_convexity must be at least 0"):
        jgd.stopping.gap(1e-4, -1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gap_a_run_records_is_never_optimistic(kind):
    """At 0, at random points, on Newton's way and near the optimum; but for a gradient's rounding, in both precisions."""
    for x64, first in ((True, 301), (False, 401)):
        with jax.enable_x64(x64), np.errstate(all="ignore"):
            eps, known = float(np.finfo(float if x64 else np.float32).eps), 0
            for seed in range(first, first + 60, 2):  # two shapes, which are a program each
                X, y, weight, l2, free, r = drawn(kind, seed)
                weight = np.ones(len(X)) if weight is None else weight
                problem, data, reference = made(kind, X, y, weight, l2 or 1e-3, free)
                path = reference.path(np.zeros((reference.A.shape[1], reference.k), LONG))
                best = path[-1]
                points = [path[0], 10 ** r.uniform(-2, 1) * r.normal(size=best.shape), path[len(path) // 2], best]
                points += [best * (1 + 10.0**-e * r.normal(size=best.shape)) for e in (2, 4)]
                for i, theta in enumerate(points):
                    theta = np.asarray(theta, float if x64 else np.float32)
                    params = jax.tree.map(jnp.asarray, params_of(kind, theta, free))
                    found, objective = float(traced_gap(problem, params, data)), float(reference.value(theta.astype(LONG)))
                    excess = float(reference.excess(theta.astype(LONG), best))
                    assert found >= excess * (1 - 100 * eps) - 100 * eps * objective, (seed, i, found, excess)
                    assert math.isfinite(found) or excess > reference.value(best), (seed, i)
                    known += math.isfinite(found)
            assert known >= 0.9 * 30 * len(points)


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gap_a_run_records_is_that_by_duality(kind, free):
    """Without an intercept the very same; else what it is off by counts up to twice, or half where duality is looser."""
    r = np.random.default_rng(0)
    X, y = r.normal(size=(80, 3)) + [1, 0, 5], r.normal(size=(80, 2))
    y = {"linear": y[:, 0], "outputs": y, "binary": y[:, 0] > 0.5, "softmax": np.digitize(y[:, 0], [-0.5, 1.0])}[kind]
    with jax.enable_x64(True):
        problem, data, _ = made(kind, X, y, r.uniform(size=80), 0.01, free)
        for size in (0.1, 1.0):
            params = params_of(kind, jnp.asarray(size * r.normal(size=(3 + free, KINDS[kind]))), free)
            want = _bounds.all_of(*judged(problem, data, params))[0]["duality"]
            found = float(traced_gap(problem, params, data))
            assert want * (0.5 if free and kind == "binary" else 1 - 1e-9) <= found <= want * ((2 if free else 1) + 1e-9)


traced_gap = jax.jit(_traced.gap)


@pytest.mark.parametrize("record", ["epoch", "step"])
@pytest.mark.parametrize("batch_size", ["full", 20])
def test_the_rule_finds_the_gap_by_itself(batch_size, record):
    X, y = jgd.data.make_classes(100, 3, key=0)
    problem = jgd.logistic_regression(l2=0.1)
    run = lambda **stop: jgd.fit(problem, (X, y), jgd.gd(0.5), batch_size=batch_size, epochs=400, record=record, **stop)
    result = run(stop=jgd.stopping.gap(1e-3))
    assert result.status == "converged"
    gaps = np.asarray(result.history.gap)
    assert np.flatnonzero(gaps <= 1e-3)[0] == len(gaps) - 1
    assert 0 < result.certificate().gap <= gaps[-1] <= 1e-3
    np.testing.assert_allclose(gaps[-1], float(traced_gap(problem, result.params, problem.dataset((X, y)))), rtol=1e-4)
    assert repr(result.notes.stop) == "stopping.gap(0.001)"
    assert "gap" not in run(stop=jgd.stopping.gradient_norm(1e-1)).history


@pytest.mark.parametrize(("kind", "free"), [("outputs", False), ("binary", True)])
def test_the_gap_a_run_records_of_a_penalty_by_column_is_the_plain_one_on_scaled_columns(kind, free):
    r = np.random.default_rng(6)
    X, scale = r.normal(size=(80, 3)) + [1, 0, 5], np.array([1e-2, 1.0, 30.0])
    y = X @ r.normal(size=(3, 2)) + r.normal(size=(80, 2))
    y, weight = y if kind == "outputs" else y[:, 0] > 0, r.uniform(size=80)
    with jax.enable_x64(True):
        problem, data, _ = made(kind, X * scale, y, weight, 0.1, free, scale)
        plain, unscaled, _ = made(kind, X, y, weight, 0.1, free)
        theta = 0.3 * r.normal(size=(3 + free, KINDS[kind]))
        given = params_of(kind, jnp.asarray(theta / np.append(scale, [1.0] * free)[:, None]), free)
        want = traced_gap(plain, params_of(kind, jnp.asarray(theta), free), unscaled)
        np.testing.assert_allclose(traced_gap(problem, given, data), want, rtol=1e-9)


def test_lanes_find_their_gaps_by_themselves():
    """In a sweep, and in compiled code, where a penalty of 0 is one that never meets the rule."""
    X, y = jgd.data.make_linear(60, key=0)
    one = lambda l2, rate: jgd.fit(jgd.linear_regression(l2=l2), (X, y), jgd.gd(rate), epochs=300, stop=jgd.stopping.gap(1e-3))
    problem = jgd.linear_regression(l2=jgd.over([0.1, 1.0]))
    sweep = jgd.sweep(problem, (X, y), jgd.gd(jgd.over([0.1, 0.05])), epochs=300, stop=jgd.stopping.gap(1e-3))
    for lane, setting in enumerate((l2, rate) for l2 in (0.1, 1.0) for rate in (0.1, 0.05)):
        alone = one(*setting)
        assert sweep[lane].steps == alone.steps < 300
        np.testing.assert_allclose(sweep[lane].history.gap, alone.history.gap, rtol=1e-3, atol=1e-6)
    stacked = jgd.stack([jgd.linear_regression(l2=v) for v in (0.0, 1.0)])
    train = jax.jit(jax.vmap(lambda p: jgd.train(p, (X, y), jgd.gd(0.1), epochs=300, stop=jgd.stopping.gap(1e-3))))
    assert train(stacked).steps.tolist() == [300, one(1.0, 0.1).steps]


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            jgd.linear_regression(),
            r"stopping.gap\(0.1\) .* finds the gap of .* strong_convexity=jgd.strong_convexity\(problem, data\)",
        ),
        (jgd.logistic_regression(), "without one no such bound is known, so give the problem an l2 above 0"),
        (jgd.Problem(lambda w: w**2, 1.0), "of Problem give it strong_convexity=, which no curvature of the objective is below"),
        (jgd.mixed_precision(jgd.linear_regression(l2=1.0)), "of mixed_precision give it strong_convexity="),
        (standardized(jgd.linear_regression(), np.ones(1)), r"strong_convexity=jgd.strong_convexity\(problem, data\)"),
    ],
)
def test_where_no_gap_is_known_the_rule_asks(problem, message):
    data = None if problem.name == "Problem" else ([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=message):
        jgd.fit(problem, data, jgd.gd(0.1), epochs=9, stop=jgd.stopping.gap(0.1) | jgd.stopping.target(0.0))
