"""What has a display: one view, from which a notebook's HTML and what `print` writes are both drawn."""

from typing import Any

import jax
import numpy as np

from jgd._checks import is_concrete
from jgd._display._pieces import View


def is_readable(tree: Any) -> bool:
    """Whether the numbers of all leaves can be looked at: none is traced, only a shape, or has been deleted."""

    def one(leaf: Any) -> bool:
        if isinstance(leaf, jax.ShapeDtypeStruct) or not is_concrete(leaf):
            return False
        return not (isinstance(leaf, jax.Array) and leaf.is_deleted())

    return all(map(one, jax.tree.leaves(tree)))


def on_host(value: Any) -> np.ndarray:
    """The numbers as they are kept, in float64."""
    return np.asarray(value).astype(np.float64)


class Shown:
    """Base of what a person looks at; `_view` says what there is to see.

    A display never raises: a notebook would show the error of the display in the place of what was asked for. Where a view
    cannot be made, as of numbers that are traced or deleted, the plain `repr` stands in for it.
    """

    def _view(self) -> View:
        raise NotImplementedError(f"{type(self).__name__} has no view.")

    def _repr_html_(self) -> str | None:
        try:
            return self._view().html()
        except Exception:  # whatever it was, a notebook then shows the repr
            return None

    def __str__(self) -> str:
        try:
            return self._view().text()
        except Exception:  # as above
            return repr(self)
