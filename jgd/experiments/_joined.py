"""Cross-validations of the same folds put together as one, whose settings say which of them they are of."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jgd._over import Over
from jgd.experiments._cross_validation import CrossValidation
from jgd.experiments._settings import Settings
from jgd.training import Result


def joined(settings: Settings, standardize: Over, parts: Sequence[CrossValidation]) -> CrossValidation:
    """What `parts` found for these settings of folds, of whatever else was crossed, and of `standardize`: a part a value."""
    folds = parts[0].folds
    own = ("fold", "standardize")
    rest = [i for i, axis in enumerate(settings.axes) if any(place.argument not in own for place in axis.places)]
    first = slice(0, len(settings) // len(folds))  # those of the first fold, which varies slowest
    models = JoinedModels(parts, settings.index[first, settings.axis_of(standardize)], settings.alike(rest)[first])
    names = [name for name in parts[0]._scores if all(name in part._scores for part in parts)]
    scores = {name: models.gathered([part._scores[name] for part in parts]) for name in names}
    status, steps = (models.gathered([getattr(part, name) for part in parts]) for name in ("_status", "_steps"))
    return CrossValidation(settings, folds, models, scores, status, steps, parts[0]._metrics)


class JoinedModels:
    """The models of several cross-validations: setting i is the setting `at[i]` of part `which[i]`."""

    def __init__(self, parts: Sequence[CrossValidation], which: np.ndarray, at: np.ndarray):
        self._parts, self._where = parts, list(zip(which.tolist(), at.tolist(), strict=True))

    def gathered(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """One array (folds, settings, ...) of each part's."""
        return np.stack([arrays[part][:, at] for part, at in self._where], axis=1)

    @property
    def params(self) -> Any:
        return jax.tree.map(lambda *leaves: self.gathered(leaves), *(part.params for part in self._parts))

    @property
    def objective(self) -> np.ndarray:
        return self.gathered([part.objective for part in self._parts])

    @property
    def how(self) -> str:
        return "; then ".join(dict.fromkeys(part._models.how for part in self._parts))

    def predictions(self, setting: int, kind: str) -> np.ndarray:
        return self._of(setting, lambda models, at: models.predictions(at, kind))

    def refit(self, setting: int) -> Result:
        return self._of(setting, lambda models, at: models.refit(at))

    def _of(self, setting: int, of: Callable[[Any, int], Any]) -> Any:
        part, at = self._where[setting]
        return of(self._parts[part]._models, at)
