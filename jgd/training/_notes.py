"""What a result knows on the host, besides its arrays."""

from typing import Any

from jgd.data import Dataset
from jgd.training._step import State


class HostNotes:
    """Its problem, chain and data, how it was run, and what was found out since; no part of the pytree."""

    problem: Any = None
    tx: Any = None
    data: Dataset | None = None
    stop: Any = None
    steps_per_epoch: int | None = None
    batch_size: Any = None
    start: tuple[Any, bool | str, Any, State | None] | None = None  # key, shuffle, and the params and state that were given
    setting: dict[str, Any] | None = None
    ended_by: str = ""
    explained: str = ""
    proof: Any = None
    certified: Any = None  # what `certificate()` last said, for displays
    run: Any = None  # the `Result` on other columns that these parameters were made of
    compile_seconds: float | None = None
    run_seconds: float | None = None

    def __init__(self, **notes):
        self.__dict__.update(notes)
