"""Who takes part in `optimum`, with which settings, on which works; from coarse to fine."""

import dataclasses
import importlib.util
from typing import Any

from benchmarks._first_call import jax_cache, jgd_cache
from benchmarks._optimum_works import OptimumWork
from benchmarks.contestants import Contestant

TOLERANCES = tuple(10.0**-k for k in range(1, 13))
EPOCHS = tuple(float(2**k) for k in range(11))
STEPS = tuple(float(k) for k in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 30, 40, 60, 100))
EXACT = (0.0,)

QUICK = (
    "jgd", "jgd, proved", "scikit-learn lbfgs", "scikit-learn newton-cholesky", "glum", "scipy L-BFGS-B", "optax lbfgs",
    "LogisticRegressionCV lbfgs", "joblib, newton-cholesky", "optax lbfgs, vmap", "GridSearchCV(Ridge)", "RidgeCV",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Solver(Contestant):
    """A contestant with a knob.

    Attributes:
      kind: of the works it does.
      ladder: what the knob is set to, one after the other: tolerances, epochs or steps.
      settings: what its function is given besides.
      sparse: whether it is for works whose X is mostly zero.
    """

    kind: str = "fit"
    ladder: tuple[float, ...] = TOLERANCES
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    sparse: bool = False

    def takes_part(self, work: OptimumWork, quick: bool) -> bool:
        return self.kind == work.kind and (work.sparse or not self.sparse) and (self.name in QUICK or not quick)

    def missing(self, pythons: dict[str, str]) -> str | None:
        """Why it cannot take part. What another interpreter holds, that will say."""
        if self.library in pythons or importlib.util.find_spec(self.library) is not None:
            return None
        return f"{self.library} is not installed"

    def cache(self, folder: str) -> dict[str, str] | None:
        """Environment variables by which compiled programs are kept; None if it compiles none."""
        if self.library == "jgd":
            return jgd_cache(folder)
        return jax_cache(folder) if self.library in ("optax", "optimistix") else None


def _sklearn(solver: str, form: str, ladder: tuple[float, ...] = TOLERANCES, **settings: Any) -> Solver:
    settings = {"solver": solver, "form": form, **settings}
    name = f"scikit-learn {solver}" + ("" if form == "float64" else f", {form}")
    return Solver(name, "sklearn", "logistic", "sklearn", ladder=ladder, settings=settings, sparse=form == "CSR")


def _in_forms(name: str, module: str, forms: tuple[str, ...], ladder: tuple[float, ...] = TOLERANCES, **settings: Any):
    """One for each form of X; the third is for works whose X is mostly zero."""
    for form in forms:
        sparse = form not in ("float32", "float64")
        called = name if form == "float64" else f"{name}, {form}"
        yield Solver(called, module, "logistic", module, ladder=ladder, settings={"form": form, **settings}, sparse=sparse)


SOLVERS = (
    Solver("jgd", "jgd", "logistic", "jgd", settings={"certify": False}),
    Solver("jgd, proved", "jgd", "logistic", "jgd", ladder=TOLERANCES[3:], settings={"certify": True}),
    *(_sklearn(solver, form) for solver in ("lbfgs", "newton-cg") for form in ("float64", "float32", "CSR")),
    *(_sklearn("newton-cholesky", form) for form in ("float64", "float32", "CSR")),
    # liblinear penalises its intercept: b / 100 of a column of 100s.
    *(_sklearn("liblinear", form, intercept_scaling=100.0) for form in ("float64", "CSR")),
    *(_sklearn(solver, form, EPOCHS) for solver in ("sag", "saga") for form in ("float64", "CSR")),
    *_in_forms("glum", "glum", ("float64", "float32", "sparse")),
    Solver("statsmodels Newton", "statsmodels", "logistic", "statsmodels", ladder=STEPS),
    *_in_forms("scipy L-BFGS-B", "scipy", ("float64", "float32", "CSR")),
    *_in_forms("skglm ProxNewton", "skglm", ("float64", "CSC"), solver="ProxNewton"),
    *_in_forms("skglm AndersonCD", "skglm", ("float64", "CSC"), solver="AndersonCD"),
    Solver("optax lbfgs", "optax", "logistic", "optax"),
    Solver("optimistix BFGS", "optimistix", "logistic", "optimistix", settings={"solver": "BFGS"}),
    Solver("optimistix LBFGS", "optimistix", "logistic", "optimistix", settings={"solver": "LBFGS"}),
    Solver("jgd", "jgd", "folds", "jgd", kind="folds", ladder=TOLERANCES[4:]),
    *(Solver(f"LogisticRegressionCV {solver}", "sklearn", "folds", "sklearn", kind="folds", settings={"solver": solver})
      for solver in ("lbfgs", "newton-cholesky", "newton-cg")),
    Solver("optax lbfgs, vmap", "optax", "folds", "optax", kind="folds"),
    Solver("jgd", "jgd", "replicates", "jgd", kind="bootstrap", ladder=TOLERANCES[4:]),
    *(Solver(f"joblib, {solver}", "sklearn", "replicates", "sklearn", kind="bootstrap", settings={"solver": solver})
      for solver in ("lbfgs", "newton-cholesky")),
    Solver("optax lbfgs, vmap", "optax", "replicates", "optax", kind="bootstrap"),
    Solver("jgd", "jgd", "ridge", "jgd", kind="ridge", ladder=EXACT),
    Solver("GridSearchCV(Ridge)", "sklearn", "ridge", "sklearn", kind="ridge", ladder=EXACT, settings={"n_jobs": -1}),
    Solver("GridSearchCV(Ridge), one process", "sklearn", "ridge", "sklearn", kind="ridge", ladder=EXACT, settings={"n_jobs": 1}),
    Solver("jgd", "jgd", "ridge_left_out", "jgd", kind="left out", ladder=EXACT),
    Solver("RidgeCV", "sklearn", "ridge_left_out", "sklearn", kind="left out", ladder=EXACT),
)  # fmt: skip
