"""scikit-learn: its SGD, which sees one row a step."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.linear_model import SGDClassifier, SGDRegressor


def one(work, rate, X, y, seed):
    """A fit with this rate for one row."""
    options = dict(penalty=None, learning_rate="constant", max_iter=work.epochs, tol=None)
    if work.model == "linear":  # half the squared error, hence twice the rate
        model = SGDRegressor(eta0=2 * rate, random_state=seed, **options).fit(X, y)
        return model.coef_, np.asarray(model.intercept_[0])
    model = SGDClassifier(loss="log_loss", eta0=rate, random_state=seed, **options).fit(X, y)
    return model.coef_[0], np.asarray(model.intercept_[0])


def sgd(work, X, y):
    rate = work.learning_rate if work.batch_size == 1 else work.one_row_rate
    return lambda seed: one(work, rate, X, y, seed)


def lanes(work, X, y):
    """A fit for each learning rate, one after the other."""
    rates = work.one_row(work.rates())
    return lambda seed: _stacked([one(work, rate, X, y, seed) for rate in rates])


def lanes_joblib(work, X, y, prefer=None):
    """A fit for each learning rate, on all cores: in processes that stay from run to run, or in threads."""
    rates = work.one_row(work.rates())
    fit = delayed(one)
    return lambda seed: _stacked(Parallel(n_jobs=-1, prefer=prefer)(fit(work, rate, X, y, seed) for rate in rates))


def lanes_threads(work, X, y):
    return lanes_joblib(work, X, y, prefer="threads")


def _stacked(fits):
    return tuple(map(np.stack, zip(*fits, strict=True)))
