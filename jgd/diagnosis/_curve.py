"""What a loss curve does in its tail: falls, stays, or rises; and how long it would take to fall further."""

import math
from typing import NamedTuple

import numpy as np

from jgd.diagnosis import _thresholds as limits

# The law of a run that has few records.
WHOLE = "of the whole run"


class Curve:
    """Recorded losses, finite ones, with their steps."""

    def __init__(self, steps: np.ndarray, losses: np.ndarray):
        fine = np.isfinite(losses) & (steps >= 0)
        self.steps, self.losses = steps[fine].astype(np.float64), losses[fine].astype(np.float64)

    @property
    def known(self) -> bool:
        return len(self.losses) >= limits.MIN_RECORDS

    @property
    def tail(self) -> np.ndarray:
        return self.losses[-max(limits.MIN_RECORDS, len(self.losses) // limits.TAIL) :]

    @property
    def fall(self) -> float:
        """How much lower the tail's second half is than its first, on average."""
        first, second = np.array_split(self.tail, 2)
        return float(first.mean() - second.mean())

    @property
    def noise(self) -> float:
        """The standard error of `fall`, from how neighbours differ, whatever the trend."""
        tail = self.tail
        if len(tail) < 4:
            return 0.0
        turns = np.diff(tail, 2)
        return float(math.sqrt(np.mean(turns**2) / 6) * math.sqrt(4 / len(tail)))

    @property
    def steady(self) -> bool:
        """Whether the tail falls record by record."""
        return bool(np.mean(np.diff(self.tail) < 0) >= limits.STEADY)

    def falling(self) -> bool:
        """Whether the loss goes down in the tail, beyond its noise."""
        return self.fall > 0 and (self.steady or self.fall > limits.NOISE * self.noise)

    def moves(self) -> bool:
        """Whether the tail goes to and fro, and does not fall."""
        return self.known and not self.falling()

    def flat(self, dtype: np.dtype) -> bool:
        """Whether the tail moves by no more than rounding."""
        size = np.finfo(dtype).eps * limits.ULPS * np.abs(self.tail).max()
        return bool(np.ptp(self.tail) <= size)

    def rises(self, dtype: np.dtype) -> bool:
        """Whether any record is higher than the one before, beyond rounding."""
        return bool((np.diff(self.losses) > np.finfo(dtype).eps * limits.ULPS * np.abs(self.losses[:-1])).any())

    def remaining(self) -> float:
        """By how much the loss is still on course to fall: a geometric series through the ends of the last two stretches."""
        n = len(self.losses) - 1
        a, b, c = (np.mean(self.losses[max(0, i - n // 12) : i + 1]) for i in (n - 2 * (n // 3), n - n // 3, n))
        first, second = a - b, b - c
        if second <= 0:
            return 0.0
        return float(second * first / (first - second) - second) if second < 0.95 * first else float(20 * second)


class Forecast(NamedTuple):
    """How a gap falls: `steps` more until it is wanted, and the fit."""

    steps: float
    law: str


def forecast(steps: np.ndarray, gaps: np.ndarray, gap: float, wanted: float) -> Forecast | None:
    """How many steps more bring `gap` down to `wanted`, by the better of exponential and power-law fits to the last half.

    Of few records it has no law: the share of the gap that all steps took is taken again and again then.
    """
    if not (len(steps) > 1 and gap > wanted > 0):
        return None
    way = math.log(gap / wanted)
    if len(steps) < limits.FEW:
        slope = math.log(max(gaps[0] / gap, 1.0)) / (steps[-1] - steps[0])
        return Forecast(way / slope, WHOLE) if way < limits.NEVER * slope else None
    keep = (gaps > 0) & (steps > 0)
    steps, logs = steps[keep][len(steps) // 2 :], np.log(gaps[keep])[len(steps) // 2 :]
    if len(logs) < 3:
        return None
    fits = {}
    for law, x in (("exponential", steps), ("power", np.log(steps))):
        slope, start = np.polyfit(x - x.mean(), logs, 1)
        fits[law] = (float(np.sum((logs - start - slope * (x - x.mean())) ** 2)), float(-slope))
    law = min(fits, key=lambda law: fits[law][0])
    slope = fits[law][1]
    if not slope > 0:
        return None
    more = way / slope if law == "exponential" else float(steps[-1]) * math.expm1(min(way / slope, 700.0))
    return Forecast(more, law) if more < limits.NEVER else None
