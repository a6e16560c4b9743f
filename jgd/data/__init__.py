"""Data: checked once, ordered by a function of (key, epoch, position)."""

from typing import TYPE_CHECKING

from jgd._names import unknown_names
from jgd.data._dataset import Dataset
from jgd.data._encoder import Encoder
from jgd.data._generators import make_classes, make_ill_conditioned, make_line, make_linear, make_separable
from jgd.data._labels import encode_classes, encode_numbers
from jgd.data._order import batch_rows, steps_per_epoch
from jgd.data._read import read

__all__ = [
    "Dataset",
    "Encoder",
    "batch_rows",
    "encode_classes",
    "encode_numbers",
    "make_classes",
    "make_ill_conditioned",
    "make_line",
    "make_linear",
    "make_separable",
    "read",
    "steps_per_epoch",
]

if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.data")
