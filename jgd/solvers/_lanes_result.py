"""What a solver of many problems on the same rows returns."""

from typing import Any, NamedTuple

import numpy as np

from jgd.models import LinearParams


class LaneSolutions(NamedTuple):
    """Optima of lanes: F rows of weights times L penalties.

    Attributes:
      params: with leading axes (F, L): weights (F, L, d) or (F, L, d, k), bias (F, L) or (F, L, k) or None.
      objective: of each lane, (F, L); None where it was not asked for.
      gradient_norm: of the gradient with respect to all parameters of the lane, (F, L).
      status_code: those of `jgd.stopping`, (F, L).
      iterations: how many each lane took, (F, L); 0 for closed forms.
      rank: of each row of weights, (F,): how many directions its columns (centred, if there is an intercept) have; None where
        it is not known.
    """

    params: LinearParams
    objective: Any
    gradient_norm: Any
    status_code: Any
    iterations: Any
    rank: np.ndarray | None = None
