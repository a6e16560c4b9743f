"""Rows with targets and weights: the one place where numbers from outside are checked."""

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete, shown
from jgd._display import Shown, View
from jgd._errors import Answering, public
from jgd._threads import by_parts
from jgd.data._files import Reading, is_table, read_table

ALIGNMENT, LARGE, HUGE, BLOCK = 64, 2**18, 2**24, 1024
_canonical = jax.dtypes.canonicalize_dtype

TEXT_ADVICE = "encode text as numbers first (jgd.read makes one column per value, as pandas.get_dummies does)"


class Dataset(Answering, Shown):
    """Rows X with targets y and weights, checked once, when it is made.

    A pytree of arrays; names of columns and classes ride along on the host and are no part of its structure.

    Args:
      X: n rows of d numbers: NumPy, JAX, a pandas or polars frame, an Arrow table, or nested lists; for a network a row may
        have more dimensions, as an image has. Whole numbers become floats.
      y: n targets (or an (n, outputs) array of them); numbers, booleans, or text labels for a classifier.
      sample_weight: n weights, at least 0, not all 0. Only their ratios matter: they are stored with mean one.

    Raises:
      TypeError: for types that are not real numbers (complex, object, text in X).
      ValueError: for wrong shapes, empty data, NaN or infinity (named by column and count), bad weights.

    >>> import jgd
    >>> data = jgd.Dataset([[1, 2], [3, 4]], [0.5, 1.5], sample_weight=[1, 3])
    >>> data
    Dataset(2 rows x 2 columns, float32, weighted)
    >>> data.sample_weight.tolist()
    [0.5, 1.5]

    What `jgd.read` makes carries, on the host too, `notes` (what was done to the table, a line each), `encoder` (which turns
    another such table into X) and `held_out` (the rows kept from training, if any).
    """

    notes: tuple[str, ...] = ()
    encoder: Any = None
    held_out: "Dataset | None" = None

    _elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("x", "data", "features", "inputs", "values"), "X"),
        **dict.fromkeys(("Y", "target", "targets", "label", "labels"), "y"),
        **dict.fromkeys(("weight", "weights", "sample_weights", "w"), "sample_weight"),
        "shape": "X.shape",
    }

    @public
    def __init__(self, X: Any, y: Any = None, sample_weight: Any = None, *, columns: Sequence[str] | None = None):
        self._check(X, y, sample_weight, columns)
        with jax.ensure_compile_time_eval():  # what is concrete stays so inside a trace
            for name in ("X", "y", "sample_weight"):
                setattr(self, name, _placed(getattr(self, name)))

    def _check(self, X: Any, y: Any, sample_weight: Any, columns: Sequence[str] | None = None) -> None:
        """Takes the arrays as they are where they need no change, NumPy's as NumPy's."""
        if isinstance(columns, str):
            raise TypeError(f"columns must be a list of names, found {shown(columns)}.")
        if hasattr(X, "__arrow_c_stream__") and not hasattr(X, "iloc"):
            X, names = _arrow_frame(X)
            columns = names if columns is None else columns
        names = columns if columns is not None else getattr(X, "columns", None)
        self.columns = None if names is None else tuple(map(str, names))
        self.classes: tuple | None = None
        with _at_once(X):
            self.X = _matrix(X, self.columns)
        n, d = self.X.shape[:2]
        if self.columns is not None and len(self.columns) != d:
            raise ValueError(f"columns names {len(self.columns)} columns, but X has {d}.")
        with _at_once(y):
            self.y = None if y is None else _targets(y, n)
        with _at_once(sample_weight):
            self.sample_weight = None if sample_weight is None else _weights(sample_weight, n)

    @classmethod
    def _for_now(cls, *arrays: Any) -> "Dataset":
        """A checked set that is only looked at while `fit` runs; its arrays may be the user's own."""
        self = cls.__new__(cls)
        self._check(*arrays, *[None] * (3 - len(arrays)))
        return self

    def __len__(self) -> int:
        return self.X.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """Nothing: a batch is not a pair."""
        arrays = "its arrays are data.X, data.y, data.sample_weight; its rows, data.take(rows)"
        raise TypeError(f"a Dataset has no item {index!r}: {arrays}.")

    def __iter__(self) -> Any:
        raise TypeError("a Dataset does not unpack: its arrays are data.X, data.y, data.sample_weight.")

    def __repr__(self) -> str:
        weighted = ", weighted" if self.sample_weight is not None else ""
        classes = f", classes {', '.join(map(str, self.classes))}" if self.classes else ""
        n, *shape = self.X.shape
        what = f"x {shape[0]} columns" if len(shape) == 1 else f"of {' x '.join(map(str, shape))}"
        return f"Dataset({n} rows {what}, {self.X.dtype}{weighted}{classes})"

    def _view(self) -> View:
        from jgd.data._view import dataset_view

        return dataset_view(self)

    def take(self, rows: jax.Array, scale: jax.Array | None = None) -> "Dataset":
        """The rows at these positions, their weights times `scale` where given; weights keep the whole set's mean."""
        pick = lambda a: jnp.take(a, rows, axis=0, mode="clip")
        weight = None if self.sample_weight is None else pick(self.sample_weight)
        if scale is not None:
            weight = scale.astype(self.X.dtype) if weight is None else weight * scale.astype(weight.dtype)
        return self._with(X=pick(self.X), y=None if self.y is None else pick(self.y), sample_weight=weight)

    def _with(self, **changes) -> "Dataset":
        """A copy with other arrays, unchecked."""
        new = object.__new__(Dataset)
        new.__dict__.update(self.__dict__, **changes)
        return new


@jax.tree_util.register_pytree_node_class
class ByFeature:
    """X stored with a column's numbers side by side, shape (d, n): the whole of it is multiplied twice as fast.

    What looks at all rows at once takes it in the place of X; single rows are not to be had.
    """

    ndim = 2

    def __init__(self, by_feature: jax.Array):
        self.by_feature = by_feature

    @property
    def shape(self) -> tuple[int, int]:
        return self.by_feature.shape[::-1]

    @property
    def dtype(self) -> Any:
        return self.by_feature.dtype

    def tree_flatten(self):
        return (self.by_feature,), None

    @classmethod
    def tree_unflatten(cls, aux, children):
        return cls(*children)


def by_feature(data: Dataset) -> Dataset:
    """The same rows, X stored by features."""
    if isinstance(data.X, ByFeature):
        return data
    return data._with(X=ByFeature(data.X.T))


def block(data: Dataset, number: jax.Array | int, size: int) -> Dataset:
    """The block of so many rows with this number. The last one ends with the data; what was in the one before weighs nothing."""
    n = len(data)
    start = jnp.minimum(number * size, n - size)
    cut = lambda a, axis=0: jax.lax.dynamic_slice_in_dim(a, start, size, axis)
    X = ByFeature(cut(data.X.by_feature, 1)) if isinstance(data.X, ByFeature) else cut(data.X)
    weight = None if data.sample_weight is None else cut(data.sample_weight)
    if n % size:
        new = (start + jnp.arange(size) >= number * size).astype(X.dtype)
        weight = new if weight is None else weight * new.astype(weight.dtype)
    return data._with(X=X, y=None if data.y is None else cut(data.y), sample_weight=weight)


def ready(data: Dataset, by_features: bool) -> Dataset:
    """The set as a program takes it fastest: NumPy's small arrays as they are, large ones placed, X by features if wanted.

    NumPy transposes a large X in blocks that stay in the cache, from where it is to where the program reads it: without a copy
    by rows besides, and in half the time.
    """
    X = data.X
    if by_features and X.nbytes >= LARGE and jax.default_backend() == "cpu":
        rows, moved = np.asarray(X), _aligned(X.shape[::-1], X.dtype)
        for start in range(0, len(rows), BLOCK):
            moved[:, start : start + BLOCK] = rows[start : start + BLOCK].T
        X = ByFeature(jax.device_put(moved))
    large = lambda array: _placed(array) if isinstance(array, np.ndarray) and array.nbytes >= LARGE else array
    return data._with(X=large(X), y=large(data.y), sample_weight=large(data.sample_weight))


def as_dataset(data: Any, make: Callable[..., Dataset] = Dataset) -> Dataset:
    """A checked `Dataset` from itself, `(X, y)` or `(X, y, sample_weight)`."""
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        found = f"{len(data)} of them" if isinstance(data, tuple) else type(data).__name__
        advice = " A file or a table becomes one by jgd.read(table, target=...)." if is_table(data) else ""
        raise TypeError(f"data must be (X, y), (X, y, sample_weight) or a jgd.Dataset, found {found}.{advice}")
    return make(*data)


_NOTHING = contextlib.nullcontext()


def _at_once(values: Any):
    """Inside a trace even what is done to a concrete array is traced; checks need the values, at once."""
    return jax.ensure_compile_time_eval() if isinstance(values, jax.Array) and is_concrete(values) else _NOTHING


def _flatten(data: Dataset):
    return (data.X, data.y, data.sample_weight), None


def _flatten_with_keys(data: Dataset):
    key = jax.tree_util.GetAttrKey
    return [(key("X"), data.X), (key("y"), data.y), (key("sample_weight"), data.sample_weight)], None


def _unflatten(aux, children) -> Dataset:
    new = object.__new__(Dataset)
    new.__dict__.update(zip(("X", "y", "sample_weight"), children, strict=True), columns=None, classes=None)
    return new


jax.tree_util.register_pytree_with_keys(Dataset, _flatten_with_keys, _unflatten, _flatten)


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


def _placed(values: Any) -> Any:
    """NumPy's numbers as a JAX array that shares no memory with what a user may change; what JAX has no type for as it is.

    JAX's CPU backend takes memory that begins at a multiple of 64 bytes as it is, and copies other memory ten times slower than
    NumPy does: so NumPy copies what is large, to such a place, and nothing else holds that.
    """
    if not isinstance(values, np.ndarray) or values.dtype.kind in "US" or values.dtype != _canonical(values.dtype):
        return values
    if values.nbytes < LARGE:
        return jnp.asarray(values.copy())  # JAX's own copy is made later, of memory that may have changed by then
    return jax.device_put(_copied(values))


def _lent(values: Any) -> Any:
    """The same for as long as a call lasts: a user's own memory, uncopied, where JAX takes it as it is."""
    plain = type(values) is np.ndarray and values.flags.c_contiguous and values.dtype == _canonical(values.dtype)
    return jax.device_put(values) if plain and values.ctypes.data % ALIGNMENT == 0 else _placed(values)


def _copied(values: np.ndarray) -> np.ndarray:
    """A copy where JAX takes it as it is."""
    copy = _aligned(values.shape, values.dtype)
    by_parts(lambda rows: np.copyto(copy[rows], values[rows]), len(values), _worth(values))
    return copy


def _worth(values: np.ndarray) -> int:
    """So many of its rows are worth a thread."""
    return -(-len(values) * HUGE // max(values.nbytes, 1))


def _aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _matrix(X: Any, columns: tuple[str, ...] | None) -> jax.Array:
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


def _arrow_frame(frame: Any) -> tuple[np.ndarray, list[str]]:
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
            if math.isfinite(sum(by_parts(lambda some: np.einsum("i->", entries[some]), entries.size, _worth(entries)))):
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


def _targets(y: Any, n: int) -> Any:
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


def _weights(weights: Any, n: int) -> jax.Array:
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
