"""Targets as the losses take them: floats for a regression, class numbers for a classifier."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete


def encode_numbers(y: Any, known: tuple | None) -> tuple[Any, None]:
    """Targets of a regression: floats.

    Raises:
      TypeError: if they are text.

    >>> import jgd, numpy as np
    >>> jgd.data.encode_numbers(np.array([1, 2]), None)[0].tolist()
    [1.0, 2.0]
    """
    if y.dtype.kind in "US":
        raise TypeError(f"y is text (such as {str(y.ravel()[0])!r}); a regression needs numbers. Is it a logistic_regression?")
    return y if y.dtype.kind == "f" or jnp.issubdtype(y.dtype, jnp.floating) else y.astype(jnp.result_type(float)), None


def encode_classes(y: Any, classes: int, known: tuple | None) -> tuple[Any, tuple | None]:
    """Labels as class numbers 0..classes-1, and the sorted labels they stand for; traced labels are taken as numbers.

    Args:
      y: labels: whole numbers, booleans, or text.
      classes: how many there may be.
      known: labels found before (in the training data), which these must be among.

    Raises:
      ValueError: for one class only, more classes than said, labels that are no classes, or unknown ones.

    >>> import jgd, numpy as np
    >>> codes, classes = jgd.data.encode_classes(np.array(["no", "yes", "no"]), 2, None)
    >>> codes.tolist(), classes
    ([0, 1, 0], ('no', 'yes'))
    """
    if not is_concrete(y):
        return y.astype(jnp.int32), known
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"labels must have 1 dimension, found shape {labels.shape}; for one-hot rows: y.argmax(axis=1).")
    if labels.dtype.kind == "f" or labels.dtype.kind == "V":
        labels = _whole(labels)
    found = _distinct(labels)
    if known is None:
        known = _classes_of(found, classes)
    elif not set(found) <= set(known):
        extra = sorted(set(found) - set(known))
        raise ValueError(f"labels {extra[:5]} are not among the classes of the training data, {list(known)[:10]}.")
    if known == tuple(range(classes)) and labels.dtype.kind in "iu":
        return labels.astype(np.int32, copy=False), known
    return np.searchsorted(np.asarray(known), labels).astype(np.int32), known


def _whole(labels: np.ndarray) -> np.ndarray:
    """Floating numbers as integers."""
    with np.errstate(invalid="ignore"):  # what is too large is found to differ
        small = labels.astype(np.int32)
    if (small == labels).all():
        return small
    labels = labels.astype(np.float64)
    if (labels != np.floor(labels)).any():
        example = labels[labels != np.floor(labels)][0]
        raise ValueError(
            f"y holds numbers that are not classes (such as {example:g}); labels are whole numbers, booleans or text. "
            "Is it a linear_regression?"
        )
    return labels.astype(np.int64)


def _distinct(labels: np.ndarray) -> list:
    if labels.dtype.kind in "iu":  # few whole numbers close together: no sort
        low, high = int(labels.min()), int(labels.max())
        if high - low < 2:
            return [*range(low, high + 1)]
        if high - low < 4096 and high < 2**63:
            return [int(v) + low for v in np.flatnonzero(np.bincount(labels.astype(np.int64) - low))]
    return np.unique(labels).tolist()


def _classes_of(found: list, classes: int) -> tuple:
    if len(found) < 2:
        raise ValueError(f"y has one class only ({found[0]!r}); a classifier needs rows of at least two.")
    if len(found) > classes:
        shown = ", ".join(map(repr, found[:6])) + (", ..." if len(found) > 6 else "")
        advice = f"use classes={len(found)}" if len(found) <= 1000 else "is it a regression?"
        raise ValueError(f"y has {len(found)} classes ({shown}), but the problem has classes={classes}; {advice}.")
    if len(found) == classes:
        return tuple(found)
    if all(type(v) is int and 0 <= v < classes for v in found):
        return tuple(range(classes))
    raise ValueError(f"y has {len(found)} classes ({found}), fewer than classes={classes}; use classes={len(found)}.")
