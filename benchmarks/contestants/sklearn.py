"""scikit-learn: its SGD, which sees one row a step; its solvers, and what runs them many times."""

import warnings

import numpy as np
import scipy.sparse
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge, RidgeCV, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, KFold
from threadpoolctl import threadpool_limits


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


def logistic(work, X, y, solver, form="float64", **options):
    """A fit with this solver to a tolerance; sag and saga, whose tolerance is another thing, for so many epochs."""
    X, model = formed(X, form), dict(C=1 / (work.n * work.l2), solver=solver, **options)

    def run(setting):
        stop = dict(tol=0.0, max_iter=int(setting)) if solver.startswith("sag") else dict(tol=setting, max_iter=10_000)
        fitted = LogisticRegression(**model, **stop).fit(X, y)
        return fitted.coef_[0], np.asarray(fitted.intercept_[0])

    return quietly(run)


def folds(work, X, y, solver, form="float64"):
    """`LogisticRegressionCV` on all cores; it scores each fold too, and is spared the fit on all rows.

    It goes from the strongest penalty to the weakest, each fit from the one before.
    """
    X, C = formed(X, form), 1 / (work.trained.sum(axis=1)[0] * work.penalties[::-1])

    def run(tolerance):
        model = LogisticRegressionCV(
            Cs=C, cv=KFold(work.folds), solver=solver, tol=tolerance, max_iter=10_000, n_jobs=-1, refit=False,
            scoring="neg_log_loss", l1_ratios=(0.0,), use_legacy_attributes=False,
        )  # fmt: skip
        found = np.swapaxes(model.fit(X, y).coefs_paths_.reshape(work.folds, len(C), -1)[:, ::-1], 0, 1)
        return found[..., :-1], found[..., -1]

    return quietly(run)


def replicates(work, X, y, solver):
    """A fit to the rows of each replicate, weighted by how often it has them, in processes on all cores that stay."""
    counts = work.counts()
    cores = effective_n_jobs(-1)
    parts = [slice(k * work.replicates // cores, (k + 1) * work.replicates // cores) for k in range(cores)]
    X = X.astype(np.float64)

    def run(tolerance):
        jobs = (delayed(_replicates)(X, y, counts[part], 1 / (work.n * work.l2), solver, tolerance) for part in parts)
        weights, bias = map(np.concatenate, zip(*Parallel(n_jobs=-1)(jobs), strict=True))
        return weights, bias, counts

    return run


@threadpool_limits.wrap(limits=1)
def _replicates(X, y, counts, C, solver, tolerance):
    model, fits = LogisticRegression(C=C, solver=solver, tol=tolerance, max_iter=10_000), []
    for count in counts:
        rows = np.flatnonzero(count)
        fits.append(model.fit(X[rows], y[rows], sample_weight=count[rows]) and (model.coef_[0], model.intercept_[0]))
    return _stacked(fits)


def ridge(work, X, y, n_jobs):
    """`GridSearchCV(Ridge)`: the errors of each penalty on each fold. It is exact, whatever the setting."""
    X, y = X.astype(np.float64), y.astype(np.float64)
    alphas = work.trained.sum(axis=1)[0] * work.penalties / 2
    search = GridSearchCV(
        Ridge(), {"alpha": alphas}, cv=KFold(work.folds), scoring="neg_mean_squared_error", n_jobs=n_jobs, refit=False
    )

    def run(setting):
        found = search.fit(X, y).cv_results_
        return -np.stack([found[f"split{k}_test_score"] for k in range(work.folds)], axis=1)

    return run


def ridge_left_out(work, X, y):
    """`RidgeCV`, which leaves each row out by a formula; asked for the errors of all penalties. It is exact."""
    X, y = X.astype(np.float64), y.astype(np.float64)
    model = RidgeCV(alphas=work.n * work.penalties / 2, store_cv_results=True)
    return lambda setting: model.fit(X, y).cv_results_.mean(axis=0)


def formed(X, form):
    """X in one of the forms that are fast somewhere."""
    if form == "CSR":
        return scipy.sparse.csr_array(X, dtype=np.float64)
    return X.astype(form)


def quietly(run):
    """Without the warnings of a fit that is told to end early."""

    def quiet(setting):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(setting)

    return quiet
