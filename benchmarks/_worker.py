"""A process that does one call at a time, and waits, blocked, in between."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any

# What the parent's environment must not decide for a contestant; all of them are measured on the CPU.
OURS = ("JGD_", "JAX_", "XLA_", "KERAS_BACKEND")
ALWAYS = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}


class WorkerFailed(RuntimeError):
    """What a call raised, or how its process ended."""


class WorkerSlow(WorkerFailed):
    """A call that took too long; its process was ended."""


def environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | ALWAYS | extra


class Worker:
    """A process with environment variables of its own, and an interpreter of its own if given.

    >>> import operator
    >>> with Worker() as worker:
    ...     worker.call(operator.add, 1, 2)
    3
    """

    def __init__(self, env: dict[str, str] | None = None, python: str = sys.executable):
        self.connection, theirs = Pipe()
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks._worker", str(theirs.fileno())],
            env=environment(env or {}), pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL, stderr=self.errors,
            process_group=0,
        )  # fmt: skip
        theirs.close()

    def start(self, function: Callable, *args: Any) -> None:
        self.connection.send((function, args))

    def result(self, timeout: float = 600.0) -> Any:
        """What the call returned.

        Raises:
          WorkerFailed: if it raised, or if its process ended.
          WorkerSlow: if it took longer.
        """
        try:
            if not self.connection.poll(timeout):
                self._kill()
                raise WorkerSlow(f"not done after {timeout:.0f} s")
            done, value = self.connection.recv()
        except (EOFError, ConnectionError):
            self.errors.seek(0)
            raise WorkerFailed(f"its process ended with code {self.process.wait()}: {self.errors.read()[-300:]}") from None
        if not done:
            raise WorkerFailed(value)
        return value

    def call(self, function: Callable, *args: Any, timeout: float = 600.0) -> Any:
        """`function(*args)` in the process; the function travels by its name."""
        self.start(function, *args)
        return self.result(timeout)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def _kill(self) -> None:
        """Ends the process, and those that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()  # until then it seems alive

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()

    def end(self) -> None:
        self.connection.close()
        self._kill()
        self.errors.close()


def serve(connection: Connection) -> None:
    """Calls what comes, until nothing can come any more."""
    while True:
        try:
            function, args = connection.recv()
        except EOFError:
            return
        try:
            reply = (True, function(*args))
        except Exception as error:
            reply = (False, "".join(traceback.format_exception_only(error)).strip())
        connection.send(reply)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
