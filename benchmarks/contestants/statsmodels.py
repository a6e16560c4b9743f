"""statsmodels: Newton on its penalised likelihood; the penalty is that of its generalised additive models."""

import numpy as np
import statsmodels.api as sm
from statsmodels.base._penalized import PenalizedMixin
from statsmodels.base._penalties import L2

from benchmarks.contestants.sklearn import quietly


class PenalizedLogit(PenalizedMixin, sm.Logit):
    pass


def logistic(work, X, y):
    """The sum of log likelihoods less n l2 / 2 |w|^2, the intercept with weight 0; so many Newton steps."""
    X, y = np.column_stack([X, np.ones(len(X))]).astype(np.float64), y.astype(np.float64)
    penalty = L2(weights=np.append(np.ones(work.d), 0.0))

    def run(steps):
        model = PenalizedLogit(y, X, penal=penalty, pen_weight=work.n * work.l2 / 2)
        fitted = model.fit(method="newton", maxiter=int(steps), disp=0, trim=False, warn_convergence=False, skip_hessian=True)
        return fitted.params[:-1], np.asarray(fitted.params[-1])

    return quietly(run)
