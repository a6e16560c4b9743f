"""Where a descent on all rows begins: on samples of them, of which a step costs little."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jgd.solvers._choice import is_cheap
from jgd.solvers._descend import Descent, descend, dot
from jgd.solvers._inverse import Inverse
from jgd.solvers._rows import Point, Rows

# A level is left when what its rows leave to be gained is this share of the objective times D / 2 m, which a sample leaves.
LEFT = 0.1
# A sample of rows like the others leaves about D / 2 m, whatever the objective is: half of a chi-square of D, over m. Where so
# many times that is left, they were not alike.
UNLIKE = 4
# On a sample, where a step costs little beside a Hessian, one is made anew where the decrement does not fall by so much in two
# steps; and at its end, unless a step that brings down by so much what is left undecided is enough.
LAZY, SURE = 1.5, 10.0


class Sampled(NamedTuple):
    """What samples of the rows came to.

    Attributes:
      descents: one after the other.
      inverse: to go on with.
      point: all rows where the last one ended, if they were evaluated.
      alike: whether each row had the same chance to be drawn; else, from some sample on, the larger ones had a larger one.
    """

    descents: list[Descent]
    inverse: Inverse
    point: Point | None
    alike: bool


def on_samples(
    rows: Rows, penalty: np.ndarray, theta: np.ndarray, sizes: tuple[int, ...], renew: Callable[[Rows, Point], Inverse],
    done: Callable[..., np.ndarray], common: dict[str, Any],
) -> Sampled:  # fmt: skip
    """Descends on samples of these sizes, each from where the one before ended.

    Where rows turn out not to be like those of the sample before, the next samples are drawn by the rows' size.
    """
    k, D = theta.shape[2:]
    undecided = lambda m: k * D / (2 * m)  # what a sample of m rows leaves to be gained
    found: list[Descent] = []

    def is_unlike(point: Point) -> bool:
        g = (point.gradient + penalty.reshape(theta.shape) * point.theta).reshape(1, 1, -1)
        decrement = dot(g, found[-1].inverse.times(g)) / 2
        return bool((decrement > UNLIKE * undecided(len(found[-1].rows))).any())

    def level(sample: Rows, P: Inverse | None, point: Point | None) -> None:
        m, at = len(sample), found[-1].theta if found else theta
        near = lambda decrement, objective, g: decrement <= LEFT * undecided(m) * objective
        how = {**common, "steps": 20, "renew": renew, "always": P is None and is_cheap(m, k * D), "progress": LAZY}
        found.append(descend(sample, penalty, at, P, near, point=point, **how))

    alike = True
    for m in sizes:
        sample, P, point = rows.sample(m, alike), found[-1].inverse if found else None, None
        if found and alike:
            point = sample.evaluate(found[-1].theta)
            if is_unlike(point):
                sample, P, point, alike = rows.sample(m, False), None, None, False
        level(sample, P, point)
    point = rows.evaluate(found[-1].theta)
    if alike and is_unlike(point):
        level(rows.sample(sizes[-1], False), None, None)
        point, alike = None, False
    last = found[-1]
    nearly = done(undecided(len(last.rows)) * last.objective / SURE, last.objective, 0.0).all()
    P = last.inverse if nearly else renew(last.rows, Point(last.theta, None, None, [None]))
    return Sampled(found, P, point, alike)
