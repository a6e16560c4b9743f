"""What a run recorded: one array per quantity."""

import difflib
from typing import Any

import jax
import numpy as np

from jgd._errors import Later
from jgd.training._metrics import NAMED

# Quantities that come first, in this order.
FIRST = ("step", "loss", "grad_norm", "learning_rate", "validation_loss")


@jax.tree_util.register_pytree_node_class
class History:
    """What was recorded: one array per quantity, by attribute or by name, and `step`, the step each belongs to.

    `loss[k]` is that of the parameters before step `step[k]`; the last record is that of the final parameters.

    >>> import jgd
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.5), steps=2)
    >>> result.history.names
    ('step', 'loss', 'grad_norm', 'learning_rate')
    >>> result.history.loss.tolist()
    [9.0, 0.0, 0.0]
    """

    def __init__(self, arrays: dict[str, Any]):
        first = {name: arrays[name] for name in FIRST if name in arrays}
        rest = sorted(arrays.keys() - first.keys()) if len(first) < len(arrays) else ()
        self.__dict__["arrays"] = first | {name: arrays[name] for name in rest}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.arrays)

    def __getitem__(self, name: str) -> Any:
        if name not in self.arrays:
            raise KeyError(_not_recorded(name, self.arrays))
        return self.arrays[name]

    def __getattr__(self, name: str) -> Any:
        arrays = self.__dict__.get("arrays", {})  # none yet while a copy or a pickle is being read
        if name not in arrays:
            raise AttributeError(Later(lambda: _not_recorded(name, arrays)), name=name)
        return arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __len__(self) -> int:
        return int(np.shape(self.arrays["step"])[-1])

    def __repr__(self) -> str:
        return f"History({len(self)} records of {', '.join(self.names)})"

    def tree_flatten(self):
        return tuple(self.arrays.values()), tuple(self.arrays)

    @classmethod
    def tree_unflatten(cls, names, children):
        return cls(dict(zip(names, children, strict=True)))


def _not_recorded(name: Any, arrays: Any) -> str:
    """What a message about a quantity that is not in a history says: what is, and what is near or has to be asked for."""
    said = f"nothing called {name!r} was recorded, only {', '.join(arrays)}"
    same = str(name).replace("val_", "validation_", 1) if str(name).startswith("val_") else str(name)
    metric = same.removeprefix("validation_")
    close = difflib.get_close_matches(same, arrays, n=1, cutoff=0.7)
    if close:
        return f"{said}: did you mean {close[0]!r}?"
    if metric in NAMED:
        same = f"metrics=[{metric!r}]" + (" and validation=" if same != metric else "")
        return f"{said}: fit with {same} to have it."
    return f"{said}: fit with validation= to have it." if same == "validation_loss" else f"{said}."
