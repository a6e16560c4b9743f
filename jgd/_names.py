"""What people coming from other libraries type, and what it is here: for messages that say where to look, not more names."""

import importlib
from collections.abc import Callable
from typing import Any

# An argument of jgd's, and what PyTorch, Keras, optax, scikit-learn and SciPy call it.
ARGUMENTS = {
    "accumulator_dtype": "momentum_dtype",
    "b1": "beta_1 beta1 betas",
    "b2": "beta_2 beta2 betas",
    "batch_size": "batch bs minibatch minibatch_size mini_batch_size batchsize train_batch_size",
    "callbacks": "callback hooks",
    "classes": "n_classes num_classes nclass",
    "columns": "names feature_names features",
    "d": "n_features features columns dim",
    "data": "dataset train_data training_data X x",
    "decay": "rho alpha",
    "decay_steps": "steps T_max total_steps num_steps",
    "eps": "epsilon",
    "epochs": "epoch num_epochs n_epochs nb_epoch max_epochs nepochs",
    "fit_intercept": "intercept bias use_bias add_intercept",
    "folds": "cv n_splits n_folds k",
    "held_out": "test_size holdout validation test",
    "impute": "fillna imputer strategy",
    "init": "params init_params initial_params x0 w0 theta0 start",
    "init_value": "lr learning_rate base_lr initial_learning_rate start",
    "key": "seed random_state rng rng_key random_seed prng_key generator",
    "l2": "alpha lam lambda_ reg reg_lambda regularization ridge penalty C l2_reg weight_decay kernel_regularizer",
    "learning_rate": "lr eta eta0 step_size stepsize learning_rate_init",
    "loss": "loss_fn loss_function criterion objective fun f",
    "max_norm": "norm clip max_grad_norm clipnorm global_clipnorm",
    "members": "n_estimators n_members num_members size",
    "memory": "memory_size history_size m maxcor history",
    "metric": "monitor by key",
    "metrics": "metric scoring score",
    "missing": "na_values null_values nan_values",
    "momentum": "mom beta",
    "n": "n_samples num_samples samples size rows",
    "params": "init init_params initial_params x0 w0 theta0 weights start",
    "predict": "predict_fn apply apply_fn forward model",
    "problem": "model estimator",
    "progress": "verbose verbosity progress_bar disp bar",
    "records": "patience n",
    "record": "log_every log_interval record_every eval_every every",
    "replicates": "n n_resamples n_bootstrap num_replicates B n_boot",
    "sample_weight": "weights weight sample_weights w",
    "sync_period": "k period",
    "separator": "sep delimiter",
    "shuffle": "replacement reshuffle",
    "standardize": "standardise scale normalize standard_scaler",
    "steps": "max_iter maxiter max_steps num_steps n_steps iterations n_iter niter num_iterations iters n_iterations",
    "stop": "early_stopping stopping stopping_rule patience tol early_stop",
    "target": "label target_column y_column outcome",
    "tol": "tolerance eps rtol ftol gtol",
    "tolerance": "tol eps rtol",
    "tx": "optimizer optim opt solver optimiser method algorithm",
    "validation": "validation_data validation_split val_data val valid eval_set validation_set test_size",
    "x0": "init params init_params w0 theta0 start",
}

# Where an argument is that the function at hand does not have, under any name.
ADVICE = {
    "amsgrad": "that is jgd.amsgrad",
    "classes": "the number of classes is the problem's, as in jgd.logistic_regression(classes=3)",
    "device": "JAX has it, as in `with jax.default_device(jax.devices('cpu')[0])`",
    "fit_intercept": "the intercept is the problem's, as in jgd.linear_regression(fit_intercept=False)",
    "jit": "whole runs are compiled as they are",
    "l1": "jgd penalises squares only, by l2=",
    "l2": "the penalty is the problem's, as in jgd.linear_regression(l2=0.1)",
    "learning_rate": "the learning rate is the optimizer's, as in jgd.adam(0.01)",
    "loss": "the loss is the problem's, as in jgd.Problem(loss=f, init=x0)",
    "lr_scheduler": "a schedule stands where the number would, as in jgd.adam(jgd.schedules.cosine(0.1, 1000))",
    "max_norm": "gradients are clipped by a link, as in jgd.chain(jgd.clip_by_global_norm(1.0), jgd.adam(0.01))",
    "momentum": "momentum is the optimizer's, as in jgd.sgd(0.1, momentum=0.9)",
    "n_jobs": "all runs are lanes of one program: leave it out",
    "progress": "`jgd.fit` shows a bar; this does not",
    "sample_weight": "weights go with the data, (X, y, sample_weight)",
    "schedule": "a schedule stands where the number would, as in jgd.adam(jgd.schedules.cosine(0.1, 1000))",
    "weight_decay": "jgd.adamw decays weights, and so does jgd.add_decayed_weights in any chain",
    "y": "rows and targets are one argument, data=(X, y)",
}
ADVICE |= dict.fromkeys(("njobs", "num_workers"), ADVICE["n_jobs"])
ADVICE |= dict.fromkeys(("scheduler", "lr_schedule"), ADVICE["schedule"])
ADVICE |= dict.fromkeys(("clipvalue", "gradient_clip_val"), ADVICE["max_norm"])

_MEANT: dict[str, list[str]] = {}
for _here, _words in ARGUMENTS.items():
    for _word in _words.split():
        _MEANT.setdefault(_word, []).append(_here)


def meant(word: str) -> list[str]:
    """What an argument that other libraries call so may be called here."""
    return _MEANT.get(word, [])


_DESCENT = "jgd.fit(problem, data, jgd.sgd(0.1), batch_size=1)"
# Things of other libraries, and what does the same here.
THINGS = {
    "ASGD": "jgd.average_iterates",
    "AveragedModel": "jgd.average_iterates",
    "CosineAnnealingLR": "jgd.schedules.cosine",
    "CosineDecay": "jgd.schedules.cosine",
    "DataLoader": "batch_size= of jgd.fit, whose data is (X, y)",
    "EarlyStopping": "jgd.stopping.patience",
    "ExponentialLR": "jgd.schedules.exponential_decay",
    "ExponentialDecay": "jgd.schedules.exponential_decay",
    "GradientTape": "jgd.compute_gradients(f, x)",
    "GridSearchCV": "jgd.cross_validate, with jgd.over([...]) where the values go",
    "ColumnTransformer": "jgd.read(table, target=...)",
    "GroupKFold": "jgd.folds.grouped(groups)",
    "KFold": "jgd.folds.k_fold",
    "LambdaLR": "a function of the step count in the place of the learning rate",
    "LeaveOneOut": "jgd.folds.leave_one_out",
    "LinearLR": "jgd.schedules.linear",
    "LinearRegression": "jgd.linear_regression(), by jgd.solve",
    "LogisticRegression": "jgd.logistic_regression(l2=...), by jgd.solve",
    "LogisticRegressionCV": "jgd.regularization_path(jgd.logistic_regression(), data, l2)",
    "Module": "jgd.Problem, with a network of flax or equinox",
    "OneHotEncoder": "jgd.read(table, target=...)",
    "OneCycleLR": "jgd.schedules.one_cycle_cosine",
    "RandomizedSearchCV": "jgd.cross_validate, with jgd.sample or jgd.halton",
    "ReduceLROnPlateau": "jgd.contrib.reduce_on_plateau",
    "RepeatedKFold": "jgd.folds.repeated",
    "Ridge": "jgd.linear_regression(l2=...)",
    "RidgeCV": "jgd.regularization_path(jgd.linear_regression(), data, l2)",
    "RidgeClassifier": "jgd.logistic_regression(l2=...)",
    "SGDClassifier": f"jgd.logistic_regression(), by {_DESCENT}",
    "SGDRegressor": f"jgd.linear_regression(), by {_DESCENT}",
    "SimpleImputer": "jgd.read(table, target=..., impute=...)",
    "StandardScaler": "jgd.read(table, target=..., standardize=True)",
    "StepLR": "jgd.schedules.step_decay",
    "StratifiedKFold": "jgd.folds.stratified",
    "TimeSeriesSplit": "jgd.folds.time_ordered",
    "apply_updates": "optax.apply_updates(params, updates)",
    "callbacks": "callbacks= of jgd.fit, functions of a jgd.Result",
    "clip_grad_norm_": "jgd.clip_by_global_norm, first in a jgd.chain",
    "compile": "nothing to do: jgd.fit compiles",
    "conjugate_gradient": "jgd.newton(cg_steps=...)",
    "constant_schedule": "jgd.schedules.constant",
    "cosine_decay_schedule": "jgd.schedules.cosine",
    "cosine_onecycle_schedule": "jgd.schedules.one_cycle_cosine(peak_value, transition_steps, ...)",
    "cross_val_predict": "jgd.cross_validate(...).predictions()",
    "cross_val_score": "jgd.cross_validate",
    "cv_glmnet": "jgd.regularization_path(problem, data, l2, folds=10)",
    "duality_gap": "jgd.certificate(problem, data, params).gap",
    "glm": "jgd.linear_regression or jgd.logistic_regression, by jgd.solve",
    "glmnet": "jgd.regularization_path(problem, data, l2)",
    "grad": "jgd.compute_gradients(f, x), or jax.grad(f)(x)",
    "grid_search": "jgd.sweep, with jgd.over([...]) where the values go",
    "gridsearch": "jgd.sweep, with jgd.over([...]) where the values go",
    "inject_hyperparams": "nothing to do: the numbers of a transformation are leaves of a pytree",
    "irls": "jgd.solve, or jgd.newton as a link",
    "join_schedules": "jgd.schedules.join",
    "linear_onecycle_schedule": "jgd.schedules.one_cycle_linear(peak_value, transition_steps, ...)",
    "linear_schedule": "jgd.schedules.linear",
    "lipschitz": "jgd.smoothness",
    "lipschitz_constant": "jgd.smoothness",
    "lr_find": "jgd.find_learning_rate",
    "lr_finder": "jgd.find_learning_rate",
    "make_blobs": "jgd.data.make_classes",
    "make_classification": "jgd.data.make_classes",
    "make_regression": "jgd.data.make_linear",
    "max_learning_rate": "jgd.safe_learning_rate",
    "nn": "jgd.Problem, with a network of flax or equinox",
    "optim": "in jgd itself: jgd.sgd, jgd.adam, jgd.lbfgs, ...",
    "plot_decision_boundary": "jgd.plotting.plot_fit",
    "plot_decision_regions": "jgd.plotting.plot_fit",
    "polyak_averaging": "jgd.average_iterates",
    "polynomial_schedule": "jgd.schedules.polynomial",
    "from_pandas": "jgd.read",
    "load_model": "jgd.load",
    "read_csv": "jgd.read",
    "read_parquet": "jgd.read",
    "ridge": "jgd.linear_regression(l2=...)",
    "save": "save of a result, result.save(path)",
    "schedule": "jgd.schedules",
    "swa": "jgd.average_iterates",
    "tensor": "an array of NumPy or JAX",
    "train_test_split": "validation=0.2 of jgd.fit",
    "value_and_grad": "jgd.compute_gradients(f, x), or jax.value_and_grad(f)(x)",
    "vanilla_gd": "jgd.gd",
    "warmup_constant_schedule": "jgd.schedules.warmup_constant(peak_value, warmup_steps, init_value)",
    "warmup_cosine_decay_schedule": "jgd.schedules.warmup_cosine(peak_value, warmup_steps, decay_steps, init_value, ...)",
    "warmup_exponential_decay_schedule": (
        "jgd.schedules.warmup_exponential(peak_value, warmup_steps, transition_steps, decay_rate, init_value, ...)"
    ),
}
LOSSES = {
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "logistic",
    "BinaryCrossentropy": "binary_cross_entropy",
    "CategoricalCrossentropy": "softmax_cross_entropy",
    "CrossEntropyLoss": "softmax",
    "HuberLoss": "huber",
    "KLDivLoss": "kl_divergence",
    "L1Loss": "absolute_error",
    "MSELoss": "squared_error",
    "MeanAbsoluteError": "absolute_error",
    "MeanSquaredError": "squared_error",
    "PoissonNLLLoss": "poisson",
    "SmoothL1Loss": "huber",
    "SparseCategoricalCrossentropy": "softmax",
    "sigmoid_binary_cross_entropy": "logistic",
}
MODULES = ("contrib", "data", "folds", "initializers", "losses", "penalties", "plotting", "schedules", "stopping")


def unknown_names(module: str) -> Callable[[str], Any]:
    """A module's `__getattr__`: says what is nearest to a name that it does not have, or in which other module it is."""

    def refuse(name: str) -> Any:
        message = f"module {module!r} has no attribute {name!r}"
        raise AttributeError(message if name.startswith("_") else f"{message}{_where(module, name)}", name=name)

    return refuse


def _where(module: str, name: str) -> str:
    from jgd._checks import alike, nearest

    jgd = importlib.import_module("jgd")
    inside = {word: getattr(jgd, word) for word in MODULES}
    here = jgd if module == "jgd" else inside[module.removeprefix("jgd.")]
    if name in THINGS:
        return f": here it is {THINGS[name]}."
    loss = LOSSES.get(name) or inside["losses"].ELSEWHERE.get(name)
    if loss is not None and module in ("jgd", "jgd.losses"):
        return f": here it is jgd.losses.{loss}."
    if alike(name, here.__all__) is None:
        for home, there in {"jgd": jgd, **{f"jgd.{word}": found for word, found in inside.items()}}.items():
            found = alike(name, there.__all__)
            if found is not None:
                return f": it is {home}.{found}."
    return f"; {nearest(name, here.__all__)}"
