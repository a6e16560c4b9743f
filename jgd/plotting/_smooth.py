"""Noisy curves: which are, and their moving average."""

import numpy as np

# A curve of fewer records is shown as it is.
LONG = 60
# Of a curve that only goes down no two neighbouring steps turn; of noise alone two thirds do.
TURNS = 0.3
# What moves by less than this share of the height of the picture is no noise that hides anything.
VISIBLE = 0.02


def is_noisy(values: np.ndarray, log: bool) -> bool:
    """Whether noise hides the course of a long curve: it turns often, and by much of its height."""
    values = values[np.isfinite(values)]
    values = np.log(values[values > 0]) if log else values
    if len(values) < LONG:
        return False
    steps = np.diff(values)
    turns = np.mean(steps[1:] * steps[:-1] < 0)
    low, high = np.quantile(values, [0.02, 0.98])
    return bool(turns > TURNS and np.median(np.abs(steps)) > VISIBLE * (high - low))


def window_of(smooth: int | bool | None, values: np.ndarray, log: bool) -> int:
    """How many records a moving average takes: 1 for none; an odd number, so that its middle is a record."""
    if smooth is None:
        smooth = is_noisy(values, log)
    if smooth is True:
        smooth = max(5, len(values) // 20)
    return max(1, int(smooth)) | 1


def moving_average(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the finite ones among so many records around each; NaN where the record is.

    Towards the ends it takes fewer, as many on either side: a curve starts where its run did.
    """
    n, half, finite = len(values), window // 2, np.isfinite(values)
    sums = lambda a: np.convolve(a, np.ones(window), "full")[half : half + n]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums(np.where(finite, values, 0.0)) / sums(finite.astype(float))
        means = np.where(finite, means, np.nan)
    for i in range(min(half, n)):
        for at in (i, n - 1 - i):
            near = min(at, n - 1 - at, half)
            if finite[at] and near < half:
                means[at] = np.nanmean(np.where(finite, values, np.nan)[at - near : at + near + 1])
    return means
