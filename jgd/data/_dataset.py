"""Rows with targets and weights: a `Dataset`, whose numbers are checked once, when it is made."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jgd._checks import is_concrete, shown
from jgd._display import Shown, View
from jgd._errors import Answering, public
from jgd.data._files import is_table
from jgd.data._numbers import arrow_frame, matrix, row_weights, targets
from jgd.data._place import placed


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
                setattr(self, name, placed(getattr(self, name)))

    def _check(self, X: Any, y: Any, sample_weight: Any, columns: Sequence[str] | None = None) -> None:
        """Takes the arrays as they are where they need no change, NumPy's as NumPy's."""
        if isinstance(columns, str):
            raise TypeError(f"columns must be a list of names, found {shown(columns)}.")
        if hasattr(X, "__arrow_c_stream__") and not hasattr(X, "iloc"):
            X, names = arrow_frame(X)
            columns = names if columns is None else columns
        names = columns if columns is not None else getattr(X, "columns", None)
        self.columns = None if names is None else tuple(map(str, names))
        self.classes: tuple | None = None
        with _at_once(X):
            self.X = matrix(X, self.columns)
        n, d = self.X.shape[:2]
        if self.columns is not None and len(self.columns) != d:
            raise ValueError(f"columns names {len(self.columns)} columns, but X has {d}.")
        with _at_once(y):
            self.y = None if y is None else targets(y, n)
        with _at_once(sample_weight):
            self.sample_weight = None if sample_weight is None else row_weights(sample_weight, n)

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
