"""Optima of logistic regression by a plain Newton method in float64, lane by lane."""

import numpy as np

import jgd
from jgd.solvers import LaneSolutions


def solve_lanes(problem, data, weights=None, l2=None, penalty_scale=None, tol=1e-8, params=None):
    """`jgd.solvers.solve_lanes`, for binary and softmax regression."""
    X, y = np.asarray(data.X, np.float64), np.asarray(data.y)
    weights = np.asarray(data.sample_weight if weights is None else weights, np.float64)
    weights = np.atleast_2d(np.ones(len(X)) if weights.ndim == 0 else weights)
    l2 = np.atleast_1d(np.asarray(problem.l2 if l2 is None else l2, np.float64))
    l2 = np.broadcast_to(l2, (len(weights), l2.shape[-1]))
    scale = np.ones((len(weights), X.shape[1])) if penalty_scale is None else np.asarray(penalty_scale)
    k = 1 if problem.classes == 2 else problem.classes
    lanes = [
        [_newton(X, y, w / w.sum(), s, p, k, problem.fit_intercept) for s in row]
        for w, row, p in zip(weights, l2, scale, strict=True)
    ]
    theta, objective, slope, steps = (np.array([[lane[i] for lane in row] for row in lanes]) for i in range(4))
    d, shape = X.shape[1], () if k == 1 else (k,)
    parts = [
        part.reshape(*part.shape[:2], *lead, *shape).astype(data.X.dtype)
        for part, lead in ((theta[:, :, :d], (d,)), (theta[:, :, d:], ()))
        if part.shape[2]
    ]
    params = jgd.LinearParams(*parts)
    return LaneSolutions(params, objective, slope, np.full(objective.shape, jgd.stopping.CONVERGED, np.int32), steps)


def _newton(X, y, w, l2, scale, k, intercept):
    Z = np.column_stack([X, np.ones(len(X))]) if intercept else X
    ridge = np.append(l2 * scale**2, [0.0] * intercept)
    target = (y[:, None] == np.arange(k)).astype(float) if k > 1 else y[:, None].astype(float)
    theta = np.zeros((Z.shape[1], k))

    def value(theta):
        z = Z @ theta
        z = z if k > 1 else np.column_stack([np.zeros(len(z)), z])
        top = z.max(axis=1, keepdims=True)
        lse = np.log(np.exp(z - top).sum(axis=1)) + top[:, 0]
        picked = z[np.arange(len(y)), y]
        return w @ (lse - picked) + 0.5 * np.sum(ridge[:, None] * theta**2), np.exp(z - lse[:, None])[:, -k:]

    for step in range(100):
        now, p = value(theta)
        slope = Z.T @ (w[:, None] * (p - target)) + ridge[:, None] * theta
        if np.abs(slope).max() < 1e-13:
            break
        H = np.zeros((theta.size, theta.size))
        for a in range(k):
            for b in range(k):
                block = (Z * (w * p[:, a] * ((a == b) - p[:, b]))[:, None]).T @ Z + (a == b) * np.diag(ridge)
                H[a::k, b::k] = block
        move = np.linalg.lstsq(H, slope.ravel(), rcond=1e-13)[0].reshape(theta.shape)
        t = 1.0
        while value(theta - t * move)[0] > now + 1e-15 and t > 1e-6:
            t /= 2
        theta = theta - t * move
    return theta, now, np.linalg.norm(slope), step
