"""Steps divided by sums, means or maxima of squared gradients; letters as in `jgd.optimizers`."""

import optax

from jgd.optimizers._adapters import scalars_as_vectors
from jgd.transformation import lift

adagrad = lift(
    optax.adagrad,
    doc="""Adagrad: each coordinate scaled by the root of its summed squares.

    v <- v + g^2 (v_0 = initial_accumulator_value);  w <- w - learning_rate * g / sqrt(v + eps), and no step where v = 0.
    PyTorch starts from v_0 = 0 and divides by sqrt(v) + eps.

    >>> import jgd
    >>> jgd.adagrad(0.1)
    adagrad(0.1)

    Source: `optax.adagrad`; Duchi, Hazan & Singer, JMLR 12, 2011.
    """,
)

adadelta = lift(
    optax.adadelta,
    doc="""Adadelta: the gradient over its running root mean square, times that of the updates so far.

    v <- rho v + (1 - rho) g^2;  d = g * sqrt(x + eps) / sqrt(v + eps);  x <- rho x + (1 - rho) d^2;  w <- w - learning_rate * d

    `weight_decay` adds weight_decay * w to g first. Give a learning rate (1.0 in the paper and in PyTorch): without one optax
    leaves out the minus, too, and the step climbs.

    >>> import jgd
    >>> jgd.adadelta(1.0)
    adadelta(learning_rate=1.0)

    Source: `optax.adadelta`; Zeiler, arXiv:1212.5701.
    """,
)

rmsprop = lift(
    optax.rmsprop,
    doc="""RMSProp: each coordinate scaled by a running root mean square.

    v <- decay * v + (1 - decay) g^2 (v_0 = initial_scale);  w <- w - learning_rate * g / sqrt(v + eps), or, with
    `eps_in_sqrt=False`, g / (sqrt(v) + eps). `centered` subtracts the squared running mean from v; `momentum` traces the
    update. PyTorch has eps outside the root, decay (its `alpha`) 0.99, and applies the learning rate after the momentum.

    >>> import jgd
    >>> jgd.rmsprop(0.1, decay=0.95)
    rmsprop(0.1, decay=0.95)

    Source: `optax.rmsprop`; Tieleman & Hinton, Coursera lecture 6.5, 2012.
    """,
)

adafactor = lift(
    optax.adafactor,
    static=("min_dim_size_to_factor",),
    doc="""Adafactor: for a matrix, the mean squares of its rows and columns in place of every entry's.

    v <- r v + (1 - r) (g^2 + eps),  r = 1 - (t - decay_offset)^-decay_rate;  d = g / sqrt(v);
    d <- d / max(1, rms(d) / clipping_threshold);  d <- learning_rate * d * max(rms(w), 1e-3);  w <- w - d

    Where both of an array's two longest axes have at least `min_dim_size_to_factor` entries, v is (row means) x (column means)
    / (their mean), and only those are kept. `learning_rate=None` leaves it at 1; `clipping_threshold=None` does not clip;
    without `multiply_by_parameter_scale` rms(w) is left out; `momentum` replaces d by its running mean, stored as
    `dtype_momentum`; `weight_decay_rate * w` is added to d last, not multiplied by the learning rate.

    >>> import jgd
    >>> jgd.adafactor(1e-2)
    adafactor(learning_rate=0.01)

    Source: `optax.adafactor`; Shazeer & Stern, arXiv:1804.04235.
    """,
)

sm3 = lift(
    scalars_as_vectors(optax.sm3),
    doc="""SM3: Adagrad that keeps one sum per row, per column, ... of an array in place of one per entry.

    v = g^2 + min over the axes of s_axis;  s_axis <- max of v over the other axes;
    m <- momentum * m + (1 - momentum) * g / sqrt(v + 1e-8), and no change where v = 0;  w <- w - learning_rate * m

    The learning rate is a number, no schedule. A scalar parameter counts as an array of one entry (optax alone refuses it).

    >>> import jgd
    >>> jgd.sm3(0.1)
    sm3(0.1)

    Source: `optax.sm3`; Anil et al., arXiv:1901.11150.
    """,
)

novograd = lift(
    optax.novograd,
    doc="""NovoGrad: momentum on gradients that were divided, array by array, by a running norm.

    v <- b2 v + (1 - b2) |g|^2 (v_1 = |g_1|^2);  m <- b1 m + g / (sqrt(v + eps_root) + eps) + weight_decay * w;
    w <- w - learning_rate * m

    >>> import jgd
    >>> jgd.novograd(1e-2)
    novograd(0.01)

    Source: `optax.novograd`; Ginsburg et al., arXiv:1905.11286.
    """,
)
