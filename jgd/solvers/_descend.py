"""The loop of every solver: limited memory BFGS from a given inverse Hessian, for many lanes at once.

A step takes one evaluation of all lanes (a product with X, and one with its transpose); a lane that has ended stands still. With
an inverse that is made anew at each step it is Newton's method, with one made once a chord method that its memory corrects.
What decides is the slope along the step, as objectives near the optimum are the same in many digits.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jgd.solvers._inverse import Inverse
from jgd.solvers._rows import Point, Rows

# Pairs of steps and gradients remembered; how often a step is shortened, in wide passes and in narrow ones; how much the
# decrement must fall in two steps for the inverse to be good enough; what rounding does to a mean of products, as a share of that
# of their sizes (measured), in narrow passes and in wide ones.
MEMORY, SHORTER, TRIES, PROGRESS, ROUNDING = 6, 20, 6, 4.0, {True: 1e-8, False: 1e-16}
# Objectives of many lanes are followed by the slopes at both ends of their steps, which is right to third order. By which share
# they may have moved since they were evaluated, for a tolerance, and for the answer.
KNOWN, EXACT = 0.1, 1e-6
# A step is expected to bring the decrement down as the last one did, give or take this factor; where that is enough, it is not
# evaluated.
DOUBT = 10.0
# How often the part of a step that was too far is halved.
LONGER = 4
# How steep a step may end upwards, as a share of how steep it began downwards.
STEEP = 0.9
# An objective, where it is known, of more times that before a step is that of a step too far, by an inverse of too little.
GREW = 1.1
# Where the objective is more times that of the weights that know nothing, a Hessian may be anything.
LOST = 2.0


class Start(NamedTuple):
    """Where to begin if nothing better is known.

    Attributes:
      theta: shape (1, 1, k, D): zeros, and the intercept at its best.
      loss: about what the objective is there.
    """

    theta: np.ndarray
    loss: float


class Record(NamedTuple):
    """What a step says of each lane, at the parameters before it; arrays of shape (F, L), or of one lane's numbers.

    Where the last step was not evaluated, the last record says what is expected of it.

    Attributes:
      objective: mean loss and penalty; of many lanes, about.
      gradient_norm: of the objective's gradient.
      decrement: g' P g / 2, about what is left to be gained.
      step_size: the share of the step that was taken.
      rows: how many rows it looked at.
    """

    objective: np.ndarray
    gradient_norm: np.ndarray
    decrement: np.ndarray
    step_size: np.ndarray
    rows: int


class Descent(NamedTuple):
    """Where lanes came to.

    Attributes:
      theta: shape (F, L, k, D).
      objective, gradient_norm, decrement: shape (F, L); see `Record`.
      met: which lanes came within their tolerance; the others no longer got nearer, or ran out of steps.
      inverse: the last one.
      rows: the rows, wide if they became so.
      evaluations: of all lanes at once.
      hessians: how many were made.
      records: of each step.
    """

    theta: np.ndarray
    objective: np.ndarray
    gradient_norm: np.ndarray
    decrement: np.ndarray
    met: np.ndarray
    inverse: Inverse
    rows: Rows
    evaluations: int
    hessians: int
    records: list[Record]


class Memory:
    """The last steps and the changes of the gradient along them, shape (pairs, F, L, k D)."""

    def __init__(self):
        self.pairs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def remember(self, s: np.ndarray, y: np.ndarray) -> None:
        curved = dot(s, y)
        good = curved > 1e-12 * np.sqrt(dot(s, s) * dot(y, y))
        self.pairs = [*self.pairs[1 - MEMORY :], (s, y, np.where(good, 1 / np.where(good, curved, 1), 0))]

    def direction(self, g: np.ndarray, inverse: Inverse) -> np.ndarray:
        """The two loops of Nocedal & Wright, algorithm 7.4, with the inverse times s'y / y'Py in the place of a scale alone."""
        taken = []
        for s, y, rho in reversed(self.pairs):
            a = rho * dot(s, g)
            g = g - a[..., None] * y
            taken.append(a)
        p = inverse.times(g)
        if self.pairs:
            s, y, rho = self.pairs[-1]
            size = rho * dot(y, inverse.times(y))  # 0 also where it is too small to be told
            p = p * np.where(size > 0, 1 / np.where(size > 0, size, 1), 1)[..., None]
        for (s, y, rho), a in zip(self.pairs, reversed(taken), strict=True):
            p = p + (a - rho * dot(y, p))[..., None] * s
        return p


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Over the parameters."""
    return np.einsum("...d,...d->...", a, b)


def descend(
    rows: Rows, penalty: np.ndarray, theta: np.ndarray, inverse: Inverse | None, done: Callable[..., np.ndarray], *,
    columns: np.ndarray, steps: int = 100, renew: Callable[[Rows, Point], Inverse | None] | None = None, always: bool = False,
    start: Start | None = None, polish: Callable[..., bool] | None = None, polish_steps: int = 0, few: float = 0.0,
    point: Point | None = None, objective: np.ndarray | None = None, exact: bool = True, progress: float = PROGRESS,
    doubtful: Callable[..., np.ndarray] | None = None,
) -> Descent:  # fmt: skip
    """Minimises mean loss + sum_j penalty_j theta_j^2 / 2 from theta, for all lanes.

    Args:
      penalty: shape (F, L, k D).
      theta: shape (F, L, k, D), or (1, L, k, D) for all folds.
      inverse: of the Hessian, approximately; None to have it made at the start.
      done: of (decrement, objective, gradient), which lanes have come near enough.
      renew: makes the inverse at a point; where progress is too slow, of more lanes than `few`, or `always`, at each step. None
        if there is none better.
      columns: the mean squares of the columns, (D,), which tell where rounding decides.
      polish: of (objective, gradient), whether a single lane that has come near enough goes on, for `polish_steps` at most.
      start: of one lane, where to begin instead if theta is much worse: a sample of the rows, or a user, was wrong.
      few: the share of the lanes that is left to others, who do no work for those that have ended. If above 0, so are lanes
        that need wide passes.
      point: the rows at theta, if they are evaluated.
      objective: at theta, (F, L), if it is known.
      exact: whether the objective is evaluated at the end, where it is known but about.
      progress: how much the decrement must fall in two steps for the inverse to be good enough.
      doubtful: of (objective at the start, objective), of which lanes the inverse may tell little: these have come near enough
        where they were so a step before too, and that step has made the decrement as small as a good inverse would.
    """
    shape = (*penalty.shape[:2], *theta.shape[2:])
    flat = lambda a: a.reshape(*a.shape[:2], -1)

    def of_penalty(theta: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is rejected
            return np.sum(penalty * np.square(flat(theta)), axis=-1) / 2

    gradient_at = lambda point, theta: flat(point.gradient) + penalty * flat(theta)
    objective_at = lambda point: rows.mean_loss(point) + of_penalty(point.theta)

    point = rows.evaluate(theta) if point is None else point
    objective = objective_at(point) if objective is None else objective
    first, before = objective, np.zeros(shape[:2])
    if start is not None and not (objective <= LOST * start.loss).all() and theta is not start.theta:
        theta, inverse = start.theta, None if renew else inverse
        point = rows.evaluate(theta)
        objective = objective_at(point)
    g = gradient_at(point, theta)
    memory, moved, stuck, met, rejected = Memory(), np.zeros(shape[:2]), *np.zeros((3, *shape[:2]), bool)
    evaluations, hessians, records, falling, age, helpless, more = 1, 0, [], [], 0, always, polish_steps
    made = np.full(shape[:2], np.inf)
    if inverse is None:
        inverse, hessians = renew(rows, point), 1
    while True:
        # What a sample had nothing of, its inverse neither moves nor counts.
        if renew is not None and hessians == 0 and (g * inverse.blind(g.shape[2]) != 0).any():
            inverse, memory, age, hessians = renew(rows, point) or inverse, Memory(), 0, 1
        p = memory.direction(g, inverse)
        decrement = dot(g, p) / 2
        if (moved > KNOWN * objective).any():
            objective, moved = objective_at(point), np.zeros(shape[:2])
        near = done(decrement, objective, g)
        met |= near if doubtful is None else near & ((PROGRESS * decrement <= before) | ~doubtful(first, objective))
        waiting = ~(met | stuck)
        polishing = polish is not None and met.all() and more > 0 and polish(objective, g)
        if polishing:
            waiting, more = ~stuck, more - 1
        noise = 10 * _rounding(rows, inverse, columns)
        at_rounding = waiting & (decrement < noise * objective)
        slow = not polishing and len(falling) >= 2 and np.mean(waiting & (decrement >= falling[-2] / progress)) > few
        if few == 0 and rows.is_narrow and (at_rounding.any() or rejected.any() or slow and helpless):
            # rounding decides, or the ridge that it asks for
            rows, evaluations, falling, rejected = rows.replace(wide=True), evaluations + 1, [], np.zeros_like(stuck)
            point = rows.evaluate(theta)
            g = gradient_at(point, theta)
            if slow and renew is not None and (better := renew(rows, point)) is not None:
                inverse, memory, age, hessians = better, Memory(), 0, hessians + 1
            continue
        stuck |= at_rounding | rejected
        waiting &= ~stuck
        if renew is not None and waiting.any() and age > 0 and (always or slow):
            better = renew(rows, point)
            if better is not None:
                # Where the one before this led nowhere either: what a ridge left out of the Hessian, the memory has.
                creeps = slow and (always or (falling[0] >= made / progress).any())
                memory, made = memory if creeps else Memory(), falling[0] if slow else made
                inverse, age, falling, hessians = better, 0, falling[-2:] * always, hessians + 1
                helpless |= slow
                continue
            renew = None
        records.append(Record(objective, np.sqrt(dot(g, g)), decrement, np.zeros(shape[:2]), len(rows)))
        if waiting.mean() <= few or len(records) > steps:
            break
        u = np.where(waiting[..., None], -p, 0.0)
        sure = doubtful is None or not (waiting & doubtful(first, objective)).any()
        if sure and falling and (age > 0 or always) and (records[-2].step_size[waiting] == 1).all():
            share = np.where(waiting, np.minimum(DOUBT * decrement / falling[-1], 1), 1)
            expected = share * decrement, objective - np.where(waiting, decrement, 0), g * np.sqrt(share)[..., None]
            enough = done(np.maximum(expected[0], noise * objective), *expected[1:]) & (expected[1] > 0) | ~waiting
            if enough.all() and not (polish is not None and more > 0 and polish(*expected[1:])):
                theta, met, (decrement, objective, g) = theta + u.reshape(shape), met | waiting, expected
                records[-1] = records[-1]._replace(step_size=np.where(waiting, 1.0, 0.0))
                records.append(Record(objective, np.sqrt(dot(g, g)), decrement, np.zeros(shape[:2]), len(rows)))
                point = Point(theta, g, None, [None])
                break
        falling.append(decrement)
        before = np.where(near, decrement, 0.0)
        most = np.where(waiting, GREW * np.maximum(objective, 1e-12), np.inf)  # rounding alone may be below 0
        grew = lambda there, end, most=most: end.loss is not None and end.loss + of_penalty(there) > most
        new, there, t, count = _search(rows, theta, point, u, -2 * decrement, waiting, gradient_at, penalty, grew)
        evaluations += count
        new_g = gradient_at(there, new)
        records[-1] = records[-1]._replace(step_size=t)
        rejected, step = waiting & (t == 0), flat(new - theta)
        if there.loss is None:
            fall = -dot(g + new_g, step) / 2
            objective, moved = objective - fall, moved + np.abs(fall)
        else:
            objective = objective_at(there)
        memory.remember(step, new_g - g)
        theta, point, g, age = new, there, new_g, age + 1
    if exact and (moved > EXACT * objective).any():
        objective = objective_at(point)
    theta = np.broadcast_to(theta, shape)
    return Descent(theta, objective, np.sqrt(dot(g, g)), decrement, met, inverse, rows, evaluations, hessians, records)


def _rounding(rows: Rows, inverse: Inverse, columns: np.ndarray) -> float:
    """g' P g / 2 for a g that rounding alone makes, as a share of the objective, which bounds the mean square of the slopes."""
    per_logit = np.tile(columns, inverse.diagonal.shape[1] // len(columns))
    return ROUNDING[rows.is_narrow] ** 2 * float((inverse.diagonal * per_logit[None, :]).sum(axis=1).max()) / 2


def _search(rows, theta, point, u, slope, waiting, gradient_at, penalty, grew):
    """The whole step, or the part of it where the slope along it is at most STEEP times as steep upwards as it was downwards.

    Or less of it, where that leaves what the type holds, or the objective grew. Of one lane, where a part of the step leaves
    the slope half as steep as it was, more of it, as far as the slope is down.
    """
    flat = lambda a: a.reshape(*a.shape[:2], -1)
    along = lambda t: (t[..., None] * u).reshape(*t.shape, *theta.shape[2:])
    slope_at = lambda end, t, ray: rows.slope(point, end, t) + dot(penalty * (flat(theta) + t[..., None] * ray), ray)
    too_far = lambda end, there: waiting & ~(dot(gradient_at(end, there), u) <= -STEEP * slope)

    def evaluated(t: np.ndarray) -> tuple[np.ndarray, Point, np.ndarray, int]:
        there, count = theta + along(t), 1
        end = rows.evaluate(there)
        while count < SHORTER:
            bad = ~np.isfinite(flat(end.gradient)).all(axis=-1) | grew(there, end)
            if not bad.any():
                break
            t = np.where(bad, t / 10, t)
            there = theta + along(t)
            end, count = rows.evaluate(there), count + 1
        return there, end, t, count

    there, end, t, count = evaluated(np.where(waiting, 1.0, 0.0))
    far, ray = too_far(end, there), flat(along(t))
    down, up = t * slope, dot(gradient_at(end, there), ray)
    short = lambda up: waiting & (up < down / 2) if point.z[0] is not None else np.zeros_like(far)  # where slopes cost little
    if not (far | short(up) & (t < 1)).any():
        return there, end, t, count
    share, taken, most = np.ones_like(t), np.where(far, 0.0, 1.0), np.where(t < 1, 10.0, 1.0)
    for _ in range(TRIES if rows.is_narrow else SHORTER):  # what is rejected in a narrow pass is tried again in a wide one
        if not far.any():
            break
        # Where the line through the slopes at both ends is 0, but well inside.
        zero, most = -down / np.where(up > down, up - down, 1), np.where(far, share, most)
        share = np.where(far, share * np.clip(np.where(np.isfinite(zero), zero, 0.5), 0.1, 0.9), share)
        up = np.where(far, slope_at(end, share, ray), up)
        good = far & (up <= -STEEP * down)
        taken, far = np.where(good, share, taken), far & ~good
    more = short(up) & (taken > 0)
    for _ in range(LONGER if more.any() else 0):  # a tenth of what was too far may be too little, and the next step's again
        share = np.sqrt(taken * most)
        ahead = more & (slope_at(end, share, ray) <= 0)
        taken, most = np.where(ahead, share, taken), np.where(more & ~ahead, share, most)
    there, end, t, again = evaluated(t * taken)
    return there, end, t, count + again
