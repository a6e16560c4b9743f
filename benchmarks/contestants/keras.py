"""Keras: a dense layer and `fit`, on the backend that KERAS_BACKEND names."""

import keras
import numpy as np

from benchmarks._works import B1, B2, EPS, MOMENTUM


def build(work) -> keras.Model:
    outputs = work.classes if work.model == "softmax" else 1
    model = keras.Sequential([keras.Input((work.d,)), keras.layers.Dense(outputs, kernel_initializer="zeros")])
    if work.rule == "adam":
        optimizer = keras.optimizers.Adam(work.learning_rate, beta_1=B1, beta_2=B2, epsilon=EPS)
    else:
        optimizer = keras.optimizers.SGD(work.learning_rate, momentum=MOMENTUM if work.rule == "momentum" else 0.0)
    loss = {
        "linear": lambda: keras.losses.MeanSquaredError(),
        "logistic": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        "softmax": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }[work.model]()
    # Several steps a call are about twice as fast; the torch backend knows only one.
    at_once = 1 if work.full or keras.backend.backend() == "torch" else min(16, work.steps // work.epochs)
    model.compile(optimizer=optimizer, loss=loss, steps_per_execution=at_once)
    optimizer.build(model.trainable_variables)
    return model


def fit(work, X, y):
    """The first run builds and compiles the model; the next ones set its variables back, and fit the compiled one again."""
    made = []

    def run(seed):
        if not made:
            keras.utils.set_random_seed(seed)
            model = build(work)
            variables = [*model.variables, *model.optimizer.variables]
            made.extend((model, variables, [np.array(keras.ops.convert_to_numpy(v)) for v in variables]))
        else:
            model, variables, values = made
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        model = made[0]
        model.fit(X, y, batch_size=work.n if work.full else work.batch_size, epochs=work.epochs, shuffle=not work.full, verbose=0)
        weights, bias = model.get_weights()
        return (weights, bias) if work.model == "softmax" else (weights[:, 0], bias[0])

    return run
