"""Numbers from outside, checked: X, targets and weights as arrays of a type that JAX has."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete
from jgd._threads import by_parts
from jgd.data._files import Reading, read_table
from jgd.data._place import worth

_canonical = jax.dtypes.canonicalize_dtype

TEXT_ADVICE = "encode text as numbers first (jgd.read makes one column per value, as pandas.get_dummies does)"


def matrix(X: Any, columns: tuple[str, ...] | None) -> np.ndarray | jax.Array:
    """X as rows of finite numbers, at least one of them."""
    if X is None or isinstance(X, (dict, str, set)):
        raise TypeError(
            f"X must be rows of numbers (an array, a frame or lists), found {'None' if X is None else type(X).__name__}."
        )
    if hasattr(X, "toarray"):
        raise TypeError(f"X is sparse ({type(X).__name__}), and jgd's rows are dense: give X.toarray(), if that fits in memory.")
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        X = _frame(X)
    elif not isinstance(X, (np.ndarray, jax.Array)):
        X = _from_lists("X", X)
    if X.size == 0:
        raise ValueError(f"X is empty: found shape {tuple(X.shape)}; it needs at least one row and one column.")
    if X.ndim < 2:
        advice = "X.reshape(-1, 1) makes one column of it, X.reshape(1, -1) one row"
        raise ValueError(f"X must have 2 dimensions (rows, columns), found shape {tuple(X.shape)}; {advice}.")
    X = _numeric("X", X)
    _finite("X", X, columns)
    return X


def _from_lists(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        pair = isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]) == 2 and np.ndim(values[1]) == 1
        why = "X and y are two arguments: jgd.Dataset(X, y)" if pair else error
        raise ValueError(f"{name} is ragged: its rows differ in length ({why}).") from None


def _frame(frame: Any) -> np.ndarray:
    """A pandas frame's numbers; text and dates are refused by name."""
    _refuse_text([f"{c!r} ({t})" for c, t in zip(frame.columns, frame.dtypes, strict=True) if t.kind not in "biuf"])
    return frame.to_numpy(dtype=np.result_type(*frame.dtypes.map(_numpy_float)) if len(frame.columns) else float)


def arrow_frame(frame: Any) -> tuple[np.ndarray, list[str]]:
    """The numbers and the names of an Arrow table or a polars frame."""
    table = read_table(frame, Reading())
    columns = {name: table.column(name) for name in table.columns}
    _refuse_text([f"{name!r} ({column.kind})" for name, column in columns.items() if column.kind == "text"])
    return np.column_stack([column.values for column in columns.values()]), list(columns)


def _refuse_text(bad: list[str]) -> None:
    if bad:
        raise TypeError(f"X has columns that are not numbers: {', '.join(bad)}; {TEXT_ADVICE}.")


def _numpy_float(dtype: Any) -> np.dtype:
    kind = np.dtype(getattr(dtype, "numpy_dtype", dtype))
    return kind if kind.kind == "f" else np.dtype(np.float64)


def _finite(name: str, values: Any, columns: tuple[str, ...] | None = None) -> None:
    """Refuse NaN and infinity, named by column and count. A first pass is fast; only a suspect is looked at closely."""
    if not is_concrete(values):
        return
    xp = jnp if isinstance(values, jax.Array) else np
    with np.errstate(over="ignore", invalid="ignore"):
        plain = type(values) is np.ndarray and values.flags.forc and values.dtype in (np.float32, np.float64)
        if plain:
            # Not by products, whose library's threads go on waiting, at full speed, for 25 ms in which others want the cores.
            entries = values.ravel(order="K")
            if math.isfinite(sum(by_parts(lambda some: np.einsum("i->", entries[some]), entries.size, worth(entries)))):
                return
        if xp.isfinite(xp.sum(values)):
            return
        bad = np.asarray(~xp.isfinite(values))
    if not bad.any():
        return
    missing = int(np.isnan(np.asarray(values, dtype=np.float64)).sum())
    infinite = int(bad.sum()) - missing
    what = " and ".join(t for t in (f"{missing} NaN" * (missing > 0), f"{infinite} infinite" * (infinite > 0)) if t)
    where = ""
    if bad.ndim == 2:
        counts = bad.sum(axis=0)
        named = [f"column {columns[j] if columns else j}: {counts[j]}" for j in np.flatnonzero(counts)[:5]]
        more = np.count_nonzero(counts) - 5
        where = f" ({', '.join(named)}{f', and {more} more columns' if more > 0 else ''})"
    raise ValueError(
        f"{name} has {what} values{where} after conversion to {values.dtype}; drop those rows or fill them in "
        "(jgd.read does, and sklearn.impute.SimpleImputer)."
    )


def targets(y: Any, n: int) -> Any:
    """y as n finite numbers (or rows of them), whole ones as they are, or labels that are text."""
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    y = _native(y if isinstance(y, (np.ndarray, jax.Array)) else _from_lists("y", y))
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have 1 dimension (or 2 for several outputs), found shape {tuple(y.shape)}.")
    if y.shape[0] != n:
        raise ValueError(f"X and y differ in length: X has {n} rows, y has {y.shape[0]}.")
    if y.dtype.kind == "O":
        if not all(isinstance(v, str) for v in y.ravel()):
            kinds = sorted({type(v).__name__ for v in y.ravel()})
            raise TypeError(f"y has dtype object holding {', '.join(kinds)}; give numbers, or labels that are all text.")
        y = y.astype(str)
    if y.dtype.kind in "US":
        return y
    if y.dtype.kind in "biu":  # labels or counts: whole numbers stay what they are, exactly, on the host if JAX would wrap them
        wide = is_concrete(y) and y.dtype.itemsize > 4 and np.any(np.asarray(y) != np.asarray(y).astype(np.int32))
        return np.asarray(y) if wide and not jax.config.jax_enable_x64 else y.astype(_canonical(y.dtype), copy=False)
    y = _numeric("y", y)
    _finite("y", y)
    return y


def row_weights(weights: Any, n: int) -> np.ndarray | jax.Array:
    """n weights of at least 0, with mean one."""
    if hasattr(weights, "to_numpy"):
        weights = weights.to_numpy()
    if not isinstance(weights, (np.ndarray, jax.Array)):
        weights = _from_lists("sample_weight", weights)
    if (
        isinstance(weights, np.ndarray)
        and weights.dtype.kind == "f"
        and weights.size
        and (weights >= 0).all()
        and 0 < weights.max() < np.inf
    ):
        weights = weights / weights.max()  # only ratios matter, so no size is too large or too small
    weights = _numeric("sample_weight", weights)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},), one per row, found {tuple(weights.shape)}.")
    _finite("sample_weight", weights)
    if is_concrete(weights):
        kind, weights = weights.dtype, np.asarray(weights, np.float64)
        if (weights < 0).any():
            raise ValueError(f"sample_weight must be at least 0, found {float(weights.min()):g}.")
        if not weights.any():
            raise ValueError("sample_weight sums to zero: at least one row must count.")
        weights = weights / weights.max()
        return (weights / weights.mean()).astype(kind)
    return weights / weights.mean()


def _numeric(name: str, values: Any) -> np.ndarray | jax.Array:
    """An array of real numbers in a floating type JAX has (floats keep theirs), NumPy on the host unless it is JAX's."""
    if not isinstance(values, jax.Array):
        values = _native(np.asarray(values))
    kind = values.dtype
    if kind == np.float32:
        return values
    if jnp.issubdtype(kind, jnp.complexfloating):
        raise TypeError(f"{name} is complex ({kind}); give its real part, or real and imaginary parts as two columns.")
    if kind.kind in "OUSMm" or not (jnp.issubdtype(kind, jnp.number) or kind.kind == "b"):
        if kind.kind in "Mm":
            raise TypeError(f"{name} is dates, not numbers; give the time since a fixed day, such as (day - first) / one day.")
        held = sorted({type(v).__name__ for v in np.ravel(values)})[:4] if kind.kind == "O" else []
        what = "text" if kind.kind in "US" else f"of dtype {kind}" + (f" holding {', '.join(held)}" if held else "")
        raise TypeError(f"{name} is {what}, not numbers; {TEXT_ADVICE}.")
    if not jnp.issubdtype(kind, jnp.floating):
        return values.astype(_canonical(float))
    if kind == np.longdouble:
        values = values.astype(np.float64)
        kind = values.dtype
    with np.errstate(over="ignore"):  # what overflows is found, and named, as infinite
        return values.astype(_canonical(kind), copy=False)


def _native(values: Any) -> Any:
    """An array in this machine's order of bytes; files of other machines have the other."""
    if isinstance(values, np.ndarray) and not values.dtype.isnative:
        return values.astype(values.dtype.newbyteorder("="))
    return values
