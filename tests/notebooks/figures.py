"""What each notebook draws, figure by figure and panel by panel, as seen by those who wrote them."""

from typing import NamedTuple


class Panel(NamedTuple):
    """A panel as a reader has it.

    Attributes:
      title, x, y: what stands above it and at its axes; "" where a neighbour says it.
      scales: of x and y, "L" where logarithmic.
      lines: how many, marks and the caps of errors among them.
      legend: how many entries it has.
      limits: of x and y, about.
    """

    title: str
    x: str
    y: str
    scales: str
    lines: int
    legend: int
    limits: tuple[float, float, float, float]


FIGURES = {
    "01_tour_in_ten_minutes": [
        [Panel("Mean squared error on all rows", "epoch", "loss", "-L", 3, 3, (-1, 21, 0.0074, 47))],
        [
            Panel(
                "Final loss as a function of the optimizer",
                "learning rate",
                "loss after one epoch",
                "LL",
                3,
                2,
                (0.00075, 0.4, 0.0076, 44),
            )
        ],
        [
            Panel("Logistic loss", "epoch", "loss", "-L", 3, 3, (-4.3, 90, 0.026, 0.81)),
            Panel("Share of rows predicted right", "epoch", "accuracy", "--", 3, 3, (-4.3, 90, 0.9, 1)),
        ],
    ],
    "02_batch_stochastic_minibatch": [
        [Panel("Full-batch descent, learning rate 0.05", "x", "y", "--", 5, 5, (-5.5, 5.4, -27, 28))],
        [
            Panel("full-batch", "epoch", "loss", "-L", 3, 3, (-1, 21, 0.095, 310)),
            Panel("mini-batch, 10 rows", "epoch", "", "-L", 3, 3, (-1, 21, 0.095, 310)),
            Panel("stochastic, one row", "epoch", "", "-L", 3, 3, (-1, 21, 0.095, 310)),
        ],
        [
            Panel("full-batch, 20 steps", "slope w", "intercept b", "--", 3, 2, (-6.1, -3.1, -1, 3.3)),
            Panel("mini-batch, 10 rows, 200 steps", "slope w", "intercept b", "--", 3, 2, (-6.1, -3.1, -1, 3.3)),
            Panel("stochastic, one row, 2000 steps", "slope w", "intercept b", "--", 3, 2, (-6.1, -3.1, -1, 3.3)),
        ],
        [
            Panel("One row a step, mean of 50 runs", "epoch", "loss above the optimum", "-L", 3, 3, (-5, 100, 6.8e-05, 420)),
            Panel("The learning rate at step t = 100 x epoch", "epoch", "learning rate", "-L", 3, 0, (-5, 100, 7.6e-05, 0.026)),
        ],
    ],
    "03_by_hand_by_autodiff_by_jgd": [
        [Panel("The gradient points uphill; the steps go down", "w", "f(w)", "--", 4, 4, (-0.91, 5.9, -0.72, 13))],
        [Panel("y = 2x + 1, learning rate 0.05, three times", "step", "mean squared error", "-L", 3, 3, (-10, 210, 6.9e-20, 59))],
    ],
    "04_chains": [
        [
            Panel("gd: f(w) = 1.1 after 40 steps", "", "$w_2$, across", "--", 3, 0, (-3.3, 5.5, -1.1, 1.2)),
            Panel("momentum: f(w) = 0.34 after 40 steps", "", "$w_2$, across", "--", 3, 0, (-3.3, 5.5, -1.1, 1.2)),
            Panel(
                "Nesterov's momentum: f(w) = 0.053 after 40 steps",
                "$w_1$, along the valley",
                "$w_2$, across",
                "--",
                3,
                0,
                (-3.3, 5.5, -1.1, 1.2),
            ),
        ],
        [
            Panel("Gradients that are all 1", "step", "what the link passes on", "--", 4, 4, (-0.95, 42, 0.055, 1)),
            Panel("Gradients 1 + noise", "step", "", "--", 4, 0, (-0.95, 42, -1.2, 3.4)),
        ],
        [
            Panel("adam(0.3), on the loss and on 1000 times the loss", "", "$w_2$", "--", 4, 1, (-3.3, 5.5, -1.1, 1.2)),
            Panel("gd(0.03), on the loss and on 1000 times the loss", "$w_1$", "$w_2$", "--", 4, 1, (-3.3, 5.5, -1.1, 1.2)),
        ],
        [
            Panel(
                "300 weights that started at 1",
                "size of the noise in a weight's gradient",
                "weight after 1000 steps",
                "L-",
                4,
                3,
                (0.0005, 2000, 0.21, 1.1),
            )
        ],
        [
            Panel("Six epochs of clip, then sgd", "step", "length", "-L", 2, 2, (-30, 630, 0.044, 340)),
            Panel("With 20 wrong rows of 1000", "epoch", "mean squared error on good rows", "-L", 3, 3, (-1.5, 32, 0.0071, 50)),
        ],
        [
            Panel("braked_trace(0.9), 40 steps", "$w_1$", "$w_2$", "--", 3, 0, (-3.3, 5.5, -1.1, 1.2)),
            Panel("100 decays of each, in one program", "decay", "f(w) after 40 steps", "-L", 2, 2, (-0.05, 1, 2.1e-08, 13)),
        ],
    ],
    "05_schedules": [
        [
            Panel("One way, down", "step", "learning rate", "--", 5, 5, (-50, 1000, -0.03, 1.4)),
            Panel("First up", "step", "", "--", 4, 4, (-50, 1000, -0.03, 1.4)),
            Panel("Again and again", "step", "", "--", 3, 3, (-50, 1000, -0.03, 1.4)),
        ],
        [
            Panel(
                "A mini-batch run with warm-up and cosine", "", "mean squared error, all rows", "-L", 1, 0, (-50, 1000, 0.97, 3.7)
            ),
            Panel("", "step", "learning rate", "--", 1, 0, (-50, 1000, -0.005, 0.11)),
        ],
        [
            Panel(
                "The noise floor, and how to leave it",
                "epoch",
                "loss above the optimum, mean of 20 runs",
                "-L",
                5,
                5,
                (-5, 100, 7e-07, 5),
            ),
            Panel("Their learning rates", "epoch", "learning rate", "-L", 5, 0, (-5, 100, 1e-05, 0.4)),
        ],
        [
            Panel("Final loss", "peak of the learning rate", "steps of warm-up, of 200", "--", 0, 0, (-0.5, 9.5, -0.5, 6.5)),
            Panel("Three rows of the map", "peak of the learning rate", "final loss", "LL", 3, 3, (0.025, 1.2, 0.25, 2.5)),
            Panel("", "", "loss, geometric mean of 8 runs", "-L", 0, 0, (0, 1, 0.2, 2.2)),
        ],
        [
            Panel(
                "Steps that shrink when the loss stands still",
                "epoch",
                "loss above the optimum, mean of 20 runs",
                "-L",
                5,
                5,
                (-5, 100, 7e-07, 5),
            ),
            Panel("The rates of one run each", "epoch", "learning rate x plateau scale", "-L", 5, 0, (-5, 100, 1e-06, 0.3)),
        ],
    ],
    "06_beyond_linear_models": [
        [
            Panel("500 rows, and what the network makes of the plane", "$x_1$", "$x_2$", "--", 2, 0, (-1.8, 2.8, -1.4, 1.9)),
            Panel("The loss", "epoch", "loss", "-L", 2, 2, (-3, 63, 0.061, 0.95)),
        ],
        [
            Panel(
                "The first gradient, layer by layer",
                "layer",
                "length of its weights' gradient",
                "-L",
                4,
                0,
                (0.7, 7.3, 3e-10, 17000),
            ),
            Panel("The loss", "epoch", "loss", "-L", 5, 5, (-1, 21, 3e-07, 30000)),
        ],
        [
            Panel(
                "27 starts of a network with six hidden layers",
                "gain, times He's rule",
                "loss after 10 epochs",
                "LL",
                6,
                3,
                (0.079, 13, 0.0028, 440000),
            )
        ],
        [
            Panel("The loss of the long run", "epoch", "loss", "-L", 4, 4, (-10, 210, 0.008, 5)),
            Panel("The best: epoch 20", "$x_1$", "$x_2$", "--", 2, 0, (-1.8, 2.8, -1.4, 1.9)),
            Panel("The last: epoch 200", "$x_1$", "", "--", 2, 0, (-1.8, 2.8, -1.4, 1.9)),
        ],
        [Panel("Twenty networks, and where they disagree", "x", "y", "--", 23, 3, (-5.5, 5.5, -2, 3))],
    ],
    "07_a_thousand_experiments": [
        [
            Panel("where each lane ended", "lr", "validation_loss", "LL", 2, 1, (4e-05, 25000, 0.049, 15)),
            Panel("how they got there", "epoch", "validation_loss", "-L", 3, 5, (-0.5, 10, 0.044, 10)),
        ],
        [Panel("", "lr", "validation_loss: mean ± std over key", "LL", 2, 2, (0.00063, 16, 0.017, 2.3))],
        [
            Panel("", "lr", "momentum", "L-", 1, 1, (0.0008, 38, -0.5, 5.5)),
            Panel("", "", "loss", "-L", 0, 0, (0, 1, 0.062, 6.9)),
        ],
        [Panel("", "epoch", "loss", "-L", 24, 3, (-0.5, 10, 0.041, 1))],
        [
            Panel("every lane to its end", "lr", "momentum", "L-", 1, 1, (0.00063, 15, -0.045, 1)),
            Panel("halving: who goes on", "epoch", "validation loss", "-L", 243, 0, (-1.4, 28, 0.045, 5.7)),
            Panel("", "", "validation_loss", "-L", 0, 0, (0, 1, 0.069, 5.1)),
        ],
        [Panel("", "learning rate", "loss of the batch", "LL", 11, 4, (0.00056, 180, 0.0057, 2.1))],
    ],
    "08_when_it_goes_wrong": [
        [Panel("On either side of the threshold", "step", "loss", "-L", 3, 3, (-3, 63, 3000, 3e06))],
        [Panel("The same data, half the threshold each", "step", "mean squared error", "LL", 3, 3, (0.71, 1400, 100, 10000))],
        [Panel("ended at most 48 above the optimum", "epoch", "loss", "-L", 2, 1, (-5, 100, 210, 220000))],
        [Panel("The same formula, on paper", "logit z", "loss of a row of class 0", "--", 3, 3, (-44, 44, -2, 42))],
        [Panel("Four rows a step", "epoch", "loss above optimum", "-L", 3, 3, (-3, 63, 0.00098, 390000))],
        [Panel("Classes that can be told apart", "step", "length of the weights", "L-", 2, 2, (79, 13000, 0, 17))],
    ],
    "09_logistic_regression_on_real_data": [
        [Panel("", "l2", "test_loss: mean ± error of 10 folds", "L-", 14, 2, (5e-06, 20, 0.36, 0.69))],
        [
            Panel("Calibration", "probability that was said", "share that was severe", "--", 4, 2, (-0.05, 1.1, -0.091, 1.1)),
            Panel("How sure it is", "probability that was said", "rows", "--", 0, 2, (-0.05, 1.1, 0, 27)),
        ],
        [Panel("A miss costs five false alarms", "threshold", "cost a row", "--", 3, 2, (-0.039, 1, 0, 2.4))],
        [Panel("ROC", "mild ones alarmed", "severe ones found", "--", 4, 4, (-0.05, 1.1, -0.05, 1.1))],
        [Panel("", "parameter, with its 95 % interval", "", "--", 3, 0, (-0.76, 1.2, 11, -0.6))],
    ],
    "10_cross_validation_bootstrap_and_paths": [
        [Panel("The same model, 100 splits", "$R^2$ on the rows held out", "splits", "--", 1, 1, (0.28, 0.67, 0, 16))],
        [Panel("", "l2", "test_loss: mean ± error of 13 folds", "L-", 17, 2, (5.6e-05, 18, 2200, 5600))],
        [Panel("", "l2", "weight", "L-", 13, 10, (5e-05, 200, -41, 39))],
        [
            Panel(
                "20 epochs in three regimes, 13 folds",
                "learning rate",
                "mean squared error on rows left out",
                "LL",
                10,
                4,
                (6.9e-05, 0.25, 2500, 40000),
            )
        ],
        [
            Panel("2000 replicates", "weight of cholesterol", "weight of LDL", "--", 2, 1, (-100, 48, -57, 79)),
            Panel("Its interval, by three methods", "weight of sex", "replicates", "--", 6, 3, (-22, -1.9, 0, 200)),
        ],
    ],
    "11_coming_from_pytorch_keras_tensorflow": [
        [Panel("Adam, 32 rows a step", "epoch", "mean squared error on all rows", "-L", 2, 2, (-1, 21, 0.0074, 47))],
        [Panel("16 tanh units, Adam, 1000 steps, the same start", "x", "prediction", "--", 3, 3, (-3.3, 3.3, -1.1, 1.1))],
    ],
    "12_coming_from_optax_and_scikit_learn": [
        [
            Panel(
                "30 learning rates of Adam, by vmap over the optimizer",
                "learning rate",
                "loss after 50 steps",
                "LL",
                1,
                0,
                (0.00071, 1.4, 0.02, 43),
            )
        ],
        [Panel("13 penalties, 5 folds: 65 fits", "C", "log loss on rows left out", "L-", 4, 2, (0.0005, 2000, 0.32, 0.63))],
    ],
}
