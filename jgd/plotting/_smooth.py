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


def moving_average(values: np.ndarray, window: int, log: bool = False) -> np.ndarray:
    """The mean of the finite ones among so many records around each, as many on either side; NaN where the record is.

    Towards the first and the last finite record the window narrows, so that the average begins and ends where the values do.
    With `log` it is the geometric mean, of those above 0: what an average by eye is on a logarithmic axis.
    """
    values = np.asarray(values, float)
    if log:
        values = np.log(np.where(values > 0, values, np.nan))
    finite = np.isfinite(values)
    if not finite.any():
        return np.full(len(values), np.nan)
    at, (first, last) = np.arange(len(values)), np.flatnonzero(finite)[[0, -1]]
    half = np.clip(np.minimum(at - first, last - at), 0, window // 2)
    ends = np.stack([at - half, at + half + 1], axis=1).ravel()
    sums = lambda a: np.add.reduceat(np.append(a, 0.0), ends)[::2]
    with np.errstate(over="ignore"):
        means = np.where(finite, sums(np.where(finite, values, 0.0)) / np.maximum(sums(finite.astype(float)), 1.0), np.nan)
        return np.exp(means) if log else means
