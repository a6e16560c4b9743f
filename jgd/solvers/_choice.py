"""Which chain of solvers a problem is given to, and why: the one table, which `python -m benchmarks solvers` measures."""

import math
from typing import NamedTuple

# Of more parameters no Hessian is made, of more columns no Gram matrix.
LARGEST = 2000
# The largest sample is a sixteenth of the rows, or so many for each parameter, or with so many of the rarest class, if that is no
# more than a quarter. A smaller one is an eighth of it, as long as it has half so many for each parameter, and so many of the
# rarest class; of weighted rows, of those that count.
PER_PARAMETER, RAREST = 64, 50
# Entries of the Hessian times rows, up to which it is made anew at each step: about what a step costs anyway.
CHEAP = 2**26


class Choice(NamedTuple):
    """A chain of solvers.

    Attributes:
      start: where its inverse Hessian comes from: "hessian", "gram" or "diagonal".
      levels: how many rows it begins on.
      always: whether the Hessian is made at each step, rather than where progress is slow.
      bound: what the loss's curvature is at most.
      chain: its name.
      why: its reason.
    """

    start: str
    levels: tuple[int, ...]
    always: bool
    bound: float
    chain: str
    why: str


def choose(n: int, columns: int, classes: int, rarest: float, used: float = 1.0) -> Choice:
    """The chain for n rows, of which a share is `used`, D columns (with the intercept's) and classes of which the rarest has this
    share of the rows.
    """
    k, bound = (1, 0.25) if classes == 2 else (classes, 0.5)
    size = k * columns
    if columns > LARGEST:
        why = f"{columns} columns are too many for a Gram matrix"
        return Choice("diagonal", (), False, bound, "lbfgs from the columns' mean squares", why)
    if size > LARGEST:
        why = f"a Hessian of {size} parameters is too large"
        return Choice("gram", (), False, bound, "lbfgs from the Gram matrix, shared by all classes", why)
    levels, m = [], math.ceil(min(max(n // 16, PER_PARAMETER * size / used, RAREST / max(rarest, 1 / n)), n))
    while m <= n // 4 and 2 * m * used >= PER_PARAMETER * size and m * rarest >= RAREST:
        levels.append(m)
        m //= 8
    if levels:
        first, *more = levels[::-1]
        chain = f"newton on {first:,} rows, " + "".join(f"lbfgs from its Hessian on {m:,}, " for m in more)
        why = f"{n:,} rows are many for {size} parameters"
        return Choice("hessian", tuple(levels[::-1]), False, bound, f"{chain}lbfgs from its Hessian on all {n:,}", why)
    if is_cheap(n, size):
        return Choice(
            "hessian", (), True, bound, "newton", f"a Hessian of {n:,} rows and {size} parameters costs no more than a step"
        )
    return Choice(
        "hessian", (), False, bound, "lbfgs from the Hessian, made anew where progress is slow",
        f"{n:,} rows are too few for {size} parameters to begin on a sample",
    )  # fmt: skip


def is_cheap(n: int, size: int) -> bool:
    """Whether a Hessian of so many rows and parameters costs about what a step does anyway."""
    return n * size**2 <= CHEAP
