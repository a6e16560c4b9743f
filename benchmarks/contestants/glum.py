"""glum: iteratively reweighted least squares, on its own kinds of matrices."""

import numpy as np
import scipy.sparse
import tabmat
from glum import GeneralizedLinearRegressor

from benchmarks.contestants.sklearn import quietly


def logistic(work, X, y, form="float64"):
    """Half its deviance is the log loss."""
    if form == "sparse":
        X, y = tabmat.SparseMatrix(scipy.sparse.csc_matrix(X, dtype=np.float64)), y.astype(np.float64)
    else:
        X, y = tabmat.DenseMatrix(np.asfortranarray(X, dtype=form)), y.astype(form)

    def run(tolerance):
        model = GeneralizedLinearRegressor(
            family="binomial", alpha=work.l2, l1_ratio=0, solver="irls-ls", gradient_tol=tolerance, max_iter=1000, copy_X=False
        )
        fitted = model.fit(X, y)
        return fitted.coef_, np.asarray(fitted.intercept_)

    return quietly(run)
