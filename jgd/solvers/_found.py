"""What a solver came to; and of a problem without the columns that are sums of others but for rounding."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from jgd.certificates import Certificate
from jgd.data import Dataset
from jgd.data._place import placed
from jgd.models import LinearParams


class Found(NamedTuple):
    """What a solver came to.

    Attributes:
      params: in the type of the data.
      status: one of `jgd.stopping`'s.
      text: why it ended.
      chain: by which chain of solvers, and why that one.
      columns: of the history.
      proof: None if there was to be none.
    """

    params: LinearParams
    status: int
    text: str
    chain: str
    columns: dict[str, np.ndarray]
    proof: Certificate | None


def sums_of(finding: Any, data: Dataset) -> list[int]:
    """The numbers of the columns that a finding says are sums of others; none where names do not tell them apart."""
    sums = list(finding.numbers["columns"]) if "of" in finding.numbers else []
    if data.columns is None:
        return sums
    return [data.columns.index(name) for name in sums] if len(set(data.columns)) == len(data.columns) else []


def without(sums: list[int], data: Dataset) -> Dataset:
    """The data without these columns."""
    names = None if data.columns is None else tuple(np.delete(data.columns, sums).tolist())
    return data._with(X=placed(np.delete(np.asarray(data.X), sums, axis=1)), columns=names)


def with_zeros(found: Found, sums: list[int], data: Dataset, message: str) -> Found:
    """What was found without these columns, with weights of 0 for them; a finding's message says that they are sums."""
    weights = np.asarray(found.params.weights)
    whole = np.zeros((data.X.shape[1], *weights.shape[1:]), weights.dtype)
    whole[np.setdiff1d(np.arange(len(whole)), sums)] = weights
    named = [str(j if data.columns is None else data.columns[j]) for j in sums]
    which = f"column{'s' * (len(sums) > 1)} {', '.join(named)}"
    proof = found.proof and dataclasses.replace(found.proof, method=f"{found.proof.method}, without {which}")
    text = f"{found.text}; {message.rpartition(': ')[0]}, and so {'is' if len(sums) == 1 else 'are'} left out"
    return found._replace(params=LinearParams(whole, found.params.bias), proof=proof, text=text)
