"""The command line's options, read and checked."""

import argparse
import tempfile
from pathlib import Path

from jgd._parse import parse
from jgd.transformation import GradientTransformation

EXAMPLE = 'example: python -m jgd houses.csv --target price --model linear --optimizer "adam(0.01)" --batch-size full 1 32'
EXAMPLE_PREDICT = "example: python -m jgd predict jgd-out/model.npz new-houses.csv --out predictions.csv"


def parser(description: str) -> argparse.ArgumentParser:
    """The options of `python -m jgd`."""
    made = argparse.ArgumentParser(
        "python -m jgd", description=description, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument(
        "file",
        nargs="?",
        help="CSV, Parquet, Arrow, svmlight, .npy or .npz; without one: scikit-learn's\ndiabetes and breast_cancer",
    )
    made.add_argument("--target", help="the column to predict")
    made.add_argument("--model", choices=("linear", "logistic"), help="the kind of regression (by the target)")
    made.add_argument(
        "--optimizer", nargs="+", metavar="CHAIN", default=[], help='chains as code, such as "chain(clip(1.0), adam(0.01))"'
    )
    made.add_argument("--batch-size", nargs="+", metavar="B", help="full, or numbers of rows (full, 32 and 1)")
    made.add_argument("--epochs", type=int, default=100, help="passes over the data (100)")
    made.add_argument("--l2", type=float, help="strength of the penalty (0 for linear, 0.001 for logistic)")
    made.add_argument("--drop", nargs="+", metavar="COLUMN", default=[], help="columns to leave out")
    made.add_argument("--sample-weight", metavar="COLUMN", help="a column of weights")
    made.add_argument("--missing", nargs="+", metavar="TEXT", default=[], help="texts that stand for a missing value")
    made.add_argument("--rare", type=int, default=1, metavar="ROWS", help="texts of fewer rows than this are one, (other)")
    made.add_argument("--decimal", choices=(".", ","), help="the decimal mark, where it is not plain")
    made.add_argument("--columns", nargs="+", metavar="NAME", help="the names, of a file without a line of them")
    made.add_argument("--seed", type=int, default=0, help="of the split and the order of the rows (0)")
    made.add_argument("--out", default="jgd-out", help="directory of the picture and the model (jgd-out)")
    return made


def chain(text: str) -> GradientTransformation:
    """The optimizer that is spelt."""
    tx = parse(text)
    if not isinstance(tx, GradientTransformation):
        raise ValueError(f"--optimizer {text!r} is not an optimizer: expected one such as 'adam(0.01)'.")
    return tx


def batch_size(text: str) -> int | str:
    """A number of rows, or "full"."""
    if text == "full":
        return text
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ValueError(f"--batch-size takes 'full' or whole numbers of at least 1, found {text!r}.")
    return int(text)


def predict_parser(description: str) -> argparse.ArgumentParser:
    """The arguments of `predict`."""
    made = argparse.ArgumentParser(
        "python -m jgd predict", description=description, epilog=EXAMPLE_PREDICT, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("model", help="what `python -m jgd FILE` or result.save(path) wrote")
    made.add_argument("file", help="a table with the columns of the one that the model was trained on")
    made.add_argument("--probabilities", action="store_true", help="the probability of each class too")
    made.add_argument("--out", metavar="CSV", help="a file for the predictions (the terminal)")
    return made


def directory(path: str) -> Path:
    """The directory, made and found writable before anything is computed."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Path(path)
    except FileExistsError:
        raise ValueError(f"--out {path} is a file: give a directory.") from None
    except OSError as error:
        raise ValueError(f"cannot write to --out {path} ({error.strerror}): give another directory.") from None
