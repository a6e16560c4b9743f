"""The gradient of least squares from second moments."""

import jax
import jax.numpy as jnp

from jgd.data import Dataset
from jgd.models._products import product, spread


def pays(rows: int, columns: int, models: int) -> bool:
    """Whether moments pay for so many models on the same rows: each then takes m^2 products in place of 2 m for each row."""
    m = columns + 2
    return 2 * m <= rows and m <= models


def gradient_by_moments(weights: jax.Array, bias: jax.Array | None, batch: Dataset) -> tuple[jax.Array, jax.Array | None]:
    """The gradient of mean_i w_i |x_i W + b - y_i|^2 in W and b, as 2 ([X 1]' w [X 1] [W; b] - [X 1]' w y) / n.

    What is multiplied by a model's parameters is the same for all models on these rows, so that under `vmap` of parameters each
    model's work does not grow with the rows. Rounding is that of the sum over rows: of the order of eps |X|^2 |W|.
    """
    X, y, n = batch.X, batch.y.reshape(len(batch), -1), len(batch)
    columns = X if bias is None else jnp.concatenate([X, jnp.ones((n, 1), X.dtype)], axis=1)
    scaled = columns if batch.sample_weight is None else columns * batch.sample_weight[:, None]
    both = jnp.concatenate([columns, y.astype(columns.dtype)], axis=1)
    moments = jnp.matmul(scaled.T * (2 / n), both, precision=jax.lax.Precision.HIGHEST)
    d, m = X.shape[1], columns.shape[1]
    found = product(moments[:, :d], weights) - moments[:, m:].reshape(m, *batch.y.shape[1:])
    if bias is None:
        return found, None
    of_ones = moments[:, d].reshape(m, *[1] * bias.ndim)
    found = found + of_ones * spread(bias, m)
    return found[:d], found[d]
