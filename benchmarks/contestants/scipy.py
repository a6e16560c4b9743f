"""scipy: L-BFGS-B, with the gradient by hand in NumPy."""

import numpy as np
from scipy.optimize import minimize

from benchmarks.contestants.sklearn import formed


def logistic(work, X, y, form="float64"):
    X = formed(X, form)
    y = y.astype(X.dtype)

    def value_and_grad(theta):
        weights, bias = theta[:-1].astype(X.dtype), X.dtype.type(theta[-1])
        z = X @ weights + bias
        e = np.exp(-np.abs(z))  # shared by the loss and its derivative
        value = np.mean(np.log1p(e) + np.maximum(z, 0) - y * z, dtype=np.float64) + work.l2 / 2 * theta[:-1] @ theta[:-1]
        residual = np.where(z >= 0, 1, e) / (1 + e) - y
        slope = np.append(X.T @ residual, residual.sum(dtype=np.float64)) / work.n
        slope[:-1] += work.l2 * theta[:-1]
        return value, slope.astype(np.float64)

    def run(tolerance):
        options = dict(gtol=tolerance, ftol=0.0, maxiter=10_000, maxfun=20_000, maxcor=10)
        theta = minimize(value_and_grad, np.zeros(work.d + 1), jac=True, method="L-BFGS-B", options=options).x
        return theta[:-1], theta[-1]

    return run
