"""skglm: proximal Newton, and coordinate descent with Anderson's acceleration."""

import numpy as np
import scipy.sparse
from skglm.datafits import Logistic
from skglm.penalties import L1_plus_L2
from skglm.solvers import AndersonCD, ProxNewton

from benchmarks.contestants.sklearn import quietly

SOLVERS = {"ProxNewton": ProxNewton, "AndersonCD": AndersonCD}


def logistic(work, X, y, solver, form="float64"):
    """Its labels are -1 and 1; a penalty of l1 and l2 without the former."""
    X = scipy.sparse.csc_matrix(X, dtype=np.float64) if form == "CSC" else np.asfortranarray(X, dtype=form)
    y = (2 * y - 1).astype(X.dtype)

    def run(tolerance):
        made = SOLVERS[solver](tol=tolerance, max_iter=200, fit_intercept=True)
        theta = made.solve(X, y, Logistic(), L1_plus_L2(work.l2, 0.0))[0]
        return theta[:-1], np.asarray(theta[-1])

    return quietly(run)
