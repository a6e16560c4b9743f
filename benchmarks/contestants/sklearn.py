"""scikit-learn: its SGD, which sees one row a step."""

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor


def sgd(work, X, y):
    rate = work.learning_rate if work.batch_size == 1 else work.one_row_rate
    options = dict(penalty=None, learning_rate="constant", max_iter=work.epochs, tol=None)

    def run(seed):
        if work.model == "linear":  # half the squared error, hence twice the rate
            model = SGDRegressor(eta0=2 * rate, random_state=seed, **options).fit(X, y)
            return model.coef_, np.asarray(model.intercept_[0])
        model = SGDClassifier(loss="log_loss", eta0=rate, random_state=seed, **options).fit(X, y)
        return model.coef_[0], np.asarray(model.intercept_[0])

    return run
