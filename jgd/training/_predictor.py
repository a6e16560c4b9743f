"""A fitted model without its run: what predicts, and what a file holds of it."""

import io
import json
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgd._errors import Answering, public, users_level
from jgd._parse import parse
from jgd.data import Dataset, Encoder
from jgd.data._files import is_table
from jgd.models import Problem

VERSION = 1
KIND = "jgd predictor"


class Known(NamedTuple):
    """What a model knows of the rows it was trained on.

    Attributes:
      shape: of one row; None where there were no rows.
      outputs: the shape of one row's target; None where there were no targets.
      columns: the names of X's columns, or None.
      classes: the labels that class numbers stand for, or None.
      encoder: what turns tables into X, or None.
    """

    shape: tuple[int, ...] | None = None
    outputs: tuple[int, ...] | None = None
    columns: tuple[str, ...] | None = None
    classes: tuple | None = None
    encoder: Encoder | None = None

    @classmethod
    def of(cls, data: Dataset | None) -> "Known":
        """Of the rows of a fit."""
        if data is None:
            return cls()
        outputs = None if data.y is None else tuple(data.y.shape[1:])
        return cls(tuple(data.X.shape[1:]), outputs, data.columns, data.classes, data.encoder)


class Predictor(Answering):
    """A fitted model: it predicts, for arrays or for tables and files; what `jgd.load` returns.

    Attributes:
      problem, params, model_state: the model, its parameters, and what its loss carried.
      columns: the names of X's columns, if they have any.
      classes: the labels that class numbers stand for, or None.
      encoder: what turns a table into X; None where the model was not fitted to what `jgd.read` made.
      notes: what made it: {"chain": ..., "status": ..., "steps": ..., "objective": ...}, and "read", what was done to the file.

    >>> import jgd, tempfile, os
    >>> houses = {"size": [50.0, 80.0, 120.0], "price": [1.5, 2.4, 3.6]}
    >>> result = jgd.solve(jgd.linear_regression(), jgd.read(houses, target="price"))
    >>> path = os.path.join(tempfile.mkdtemp(), "houses.npz")
    >>> result.save(path)
    >>> jgd.load(path)
    Predictor(linear_regression() of size for price)
    >>> jgd.load(path).predict({"size": [100]}).round(4).tolist()
    [3.0]
    """

    def __init__(self, problem: Problem, params: Any, model_state: Any, known: Known, notes: dict[str, Any]):
        self.problem, self.params, self.model_state = problem, params, model_state
        self.notes, self._known = notes, known
        self.columns, self.classes, self.encoder = known.columns, known.classes, known.encoder

    @public
    def predict(self, X: Any) -> Any:
        """Predictions: values, or class labels as they were given.

        Args:
          X: a table or a file like the one that `jgd.read` was given, whose predictions are in the target's own unit; or rows
            of numbers like those of the fit, whose predictions are in the unit of its y. What no training row had, such as an
            unknown text, is said by a warning.
        """
        rows, decode = self._rows(X)
        numbers = self.problem.predict(self.params, rows, state=self.model_state)
        return decode(numbers) if self.classes is None else np.asarray(self.classes)[np.asarray(numbers)]

    @public
    def probabilities(self, X: Any) -> jax.Array:
        """Class probabilities, shape (n, classes), in the order of `classes`; X as in `predict`."""
        return self.problem.probabilities(self.params, self._rows(X)[0])

    @public
    def save(self, path: Any) -> None:
        """Writes it to a file, for `jgd.load`: arrays and text, no code. What a problem holds of functions is not written."""
        leaves = jax.tree_util.tree_leaves_with_path((self.params, self.model_state))
        known = self._known._asdict() | {"encoder": None if self.encoder is None else self.encoder.to_plain()}
        about = {"kind": KIND, "version": VERSION, "problem": repr(self.problem), "is_code": self.problem.is_code}
        about |= {"leaves": [jax.tree_util.keystr(place) for place, _ in leaves], "known": known, "notes": self.notes}
        arrays = {f"leaf {i}": _wide(leaf) for i, (_, leaf) in enumerate(leaves)}
        written = io.BytesIO()
        np.savez(written, about=np.asarray(json.dumps(about, default=_plain)), **arrays)
        Path(path).write_bytes(written.getvalue())

    def __repr__(self) -> str:
        names = self.columns or ()
        of = f" of {', '.join(names[:6])}{', ...' * (len(names) > 6)}" if names else ""
        goal = f" for {self.encoder.target.name}" if self.encoder is not None and self.encoder.target is not None else ""
        return f"Predictor({self.problem!r}{of}{goal})"

    def _rows(self, X: Any) -> tuple[jax.Array, Any]:
        """X as the model takes it, and what its predictions are to be turned into."""
        known, same = self._known, lambda prediction: prediction
        if known.encoder is not None and is_table(X):
            data = known.encoder.encode(X, target=False)
            for note in data.notes:
                warnings.warn(note, stacklevel=users_level())
            return data.X, known.encoder.decode
        if isinstance(X, (str, Path)) or hasattr(X, "read"):
            raise TypeError(
                f"{X!r} is a file, and this model was fitted to arrays: fit it to what jgd.read(file, target=...) makes."
            )
        new = X if isinstance(X, Dataset) else Dataset(X)
        if known.columns and new.columns and known.columns != new.columns:
            raise ValueError(f"the columns differ from the fit's: found {new.columns}, expected {known.columns}.")
        if known.shape is not None and new.X.shape[1:] != known.shape:
            found, expected = (
                f"{shape[0]} columns" if len(shape) == 1 else f"rows of shape {shape}" for shape in (new.X.shape[1:], known.shape)
            )
            raise ValueError(f"X has {found}, but the fit had {expected}.")
        return new.X, same


@public
def load(path: Any, problem: Problem | None = None) -> Predictor:
    """What `result.save(path)` wrote.

    Args:
      path: the file.
      problem: the problem, where it holds functions, which a file does not.

    Raises:
      ValueError: if the file is not one of these, or of a newer jgd, or the problem's parameters are others.

    >>> import jgd, tempfile, os
    >>> X, y = jgd.data.make_line(100)
    >>> path = os.path.join(tempfile.mkdtemp(), "line.npz")
    >>> result = jgd.solve(jgd.linear_regression(), (X, y))
    >>> result.save(path)
    >>> (jgd.load(path).predict(X) == result.predict(X)).all().item()
    True
    """
    about, arrays = _read(Path(path))
    if problem is None and not about["is_code"]:
        raise ValueError(
            f"{path} is of {about['problem']}, whose functions a file does not hold: give them, jgd.load(path, problem=...)."
        )
    problem = parse(about["problem"]) if problem is None else problem
    plain = about["known"]
    tuples = {name: None if plain[name] is None else tuple(plain[name]) for name in ("shape", "outputs", "columns", "classes")}
    known = Known(**tuples, encoder=None if plain["encoder"] is None else Encoder.from_plain(plain["encoder"]))
    targets = None if known.outputs is None else np.zeros((1, *known.outputs))
    rows = None if known.shape is None else Dataset(np.zeros((1, *known.shape)), targets)
    key = jax.random.key(0)
    like = jax.eval_shape(lambda: (problem.init(key, rows), problem.init_state(key, rows)))
    found = [(jax.tree_util.keystr(place), leaf.shape) for place, leaf in jax.tree_util.tree_leaves_with_path(like)]
    held = [(place, array.shape) for place, array in zip(about["leaves"], arrays, strict=True)]
    if found != held:
        odd = next((pair for pair in [*held, *found] if pair not in found or pair not in held), held)
        raise ValueError(f"{path} holds the parameters of {about['problem']}; those of {problem!r} are others (at {odd}).")
    params, state = jax.tree.unflatten(
        jax.tree.structure(like), [jnp.asarray(a, x.dtype) for a, x in zip(arrays, jax.tree.leaves(like), strict=True)]
    )
    return Predictor(problem, params, state, known, about["notes"])


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    if not path.is_file():
        raise ValueError(f"no such file: {path}.")
    content = path.read_bytes()
    if content.startswith(b"\x80"):
        raise ValueError(f"{path} is a pickle, not a saved result: if sweep.save wrote it, use jgd.Sweep.load(path).")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            is_newer = about["kind"] == KIND and about["version"] > VERSION
            arrays = [] if is_newer else [file[f"leaf {i}"] for i in range(len(about["leaves"]))]
    except (KeyError, TypeError, AttributeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        raise ValueError(f"{path} is not a saved result, or a damaged one: result.save(path) writes one.") from None
    if is_newer:
        raise ValueError(f"{path} was written by a newer jgd (version {about['version']} of the format): upgrade jgd.")
    return about, arrays


def _wide(leaf: Any) -> np.ndarray:
    """A leaf in a type that NumPy's files have; what was narrower becomes that again when it is read."""
    array = np.asarray(leaf)
    return array if array.dtype.kind in "biufc" else array.astype(np.float32)


def _plain(value: Any) -> Any:
    """What JSON does not know: NumPy's numbers."""
    if isinstance(value, (np.generic, jax.Array, np.ndarray)) and np.ndim(value) == 0:
        return value.item()
    raise TypeError(f"a result that holds {value!r} cannot be saved.")
