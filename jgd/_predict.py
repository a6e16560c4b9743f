"""`python -m jgd predict MODEL FILE`: what a saved model predicts for the rows of a file, as CSV."""

import argparse
import csv
import io
import sys
from pathlib import Path

import numpy as np

from jgd._checks import nearest
from jgd.data import Dataset
from jgd.training import Predictor, load
from jgd.training._metrics import accuracy, r2


def predict(arguments: argparse.Namespace) -> None:
    """Predicts every row of the file; where the file has the target too, says how good that was.

    Raises:
      ValueError: for a model that takes no tables, or a file that does not go with it.
    """
    model = _model(Path(arguments.model))
    if arguments.probabilities and model.classes is None:
        raise ValueError("--probabilities are those of classes, and this model predicts a number.")
    data = model.encoder.encode(arguments.file, target=False)
    for note in data.notes:
        print(f"jgd: {note}", file=sys.stderr)
    found = np.asarray(model.predict(data)).tolist() if model.classes else model.encoder.decode(model.predict(data)).tolist()
    names, columns = [model.encoder.target.name], [[_text(value) for value in found]]
    if arguments.probabilities:
        names += [f"P({label})" for label in model.classes]
        columns += [[_text(value) for value in column] for column in np.asarray(model.probabilities(data)).T.tolist()]
    text = io.StringIO(newline="")
    write = csv.writer(text, lineterminator="\n")
    write.writerows([names, *zip(*columns, strict=True)])
    if arguments.out is None:
        sys.stdout.write(text.getvalue())
    else:
        try:
            Path(arguments.out).write_text(text.getvalue(), encoding="utf-8")
        except OSError as error:
            raise ValueError(f"cannot write to --out {arguments.out} ({error.strerror}): give another file.") from None
    score = _score(model, arguments.file)
    where = f": {Path(arguments.out).resolve()}" if arguments.out is not None else ""
    print(f"jgd: {len(data)} predictions{where}{score}", file=sys.stderr)


def _model(path: Path) -> Predictor:
    if not path.is_file():
        near = nearest(path.name, (p.name for p in path.parent.glob("*.npz")))
        raise ValueError(f"no such file: {path}; {near}")
    model = load(path)
    if model.encoder is None:
        raise ValueError(f"{path} was fitted to arrays, and reads no files: fit it to what jgd.read(file, target=...) makes.")
    return model


def _text(value: float | int | bool | str) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _score(model: Predictor, file: str) -> str:
    """How near the predictions are to the targets, if the file has them."""
    try:
        known = model.encoder.encode(file)
    except ValueError as error:
        return f"; not compared with the file's targets: {error}"
    return "" if known.y is None else f"; {_goodness(model, known)} over the {len(known)} rows with a target"


def _goodness(model: Predictor, known: Dataset) -> str:
    target, prediction = np.asarray(known.y), np.asarray(model.predict(known))
    if model.classes is not None:
        return f"accuracy {float(accuracy(target, prediction)):.4f}"
    return f"R2 {float(r2(target.astype(np.float64), prediction.astype(np.float64))):.4f}"
