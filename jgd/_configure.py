"""Two settings of JAX that jgd's programs gain from, each only where it is asked for."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import jax

from jgd._checks import shown
from jgd._errors import public

SMALL_LOOPS, COMPILATION_CACHE = "JGD_SMALL_LOOPS", "JGD_COMPILATION_CACHE"

THRESHOLD = "xla_cpu_small_while_loop_byte_threshold"
EXTRA_OPTIONS = re.compile(r"""(--xla_backend_extra_options=)("[^"]*"|'[^']*'|\S*)""")


@public
def configure(*, small_loops: bool = False, compilation_cache: str | os.PathLike | bool | None = None) -> None:
    """Settings for the whole process, JAX's and XLA's; nothing is set that is not asked for.

    Args:
      small_loops: True lets XLA fold a training loop of small steps into one kernel on the CPU: runs of one row or a few rows
        a step become several times as fast. It raises XLA's own limit, 1 KB of memory touched by an iteration, to 64 KB, by
        `--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=65536` in the environment variable XLA_FLAGS (where
        other options stay, and a threshold of your own too). That is an internal option of XLA, which may change or go with
        any version. It must come before the first JAX computation; importing jax or jgd is none. The environment variable
        JGD_SMALL_LOOPS=1 does the same when jgd is imported.
      compilation_cache: a directory in which JAX keeps compiled programs from one process to the next, however small they
        are; True is the directory JAX has already, or else `jgd` in the user's cache directory. Who may write to it can run
        code in your name. The environment variable JGD_COMPILATION_CACHE, a directory or 1, does the same when jgd is imported.

    Raises:
      RuntimeError: if it is too late for `small_loops`.
      TypeError, ValueError: for other values, and for a directory that cannot be made or written to.

    >>> import jgd
    >>> jgd.configure(small_loops=True, compilation_cache="~/.cache/jgd")  # doctest: +SKIP
    >>> jgd.configure(compilation_cache=0)
    Traceback (most recent call last):
    TypeError: compilation_cache must be True or a directory, found 0.
    """
    if not isinstance(small_loops, bool):
        raise TypeError(f"small_loops must be True or False, found {shown(small_loops)}.")
    directory = None if compilation_cache is None else _directory(compilation_cache)
    if small_loops:
        _set_small_loops()
    if directory is not None:
        _set_cache(directory)


def read_environment() -> None:
    """What the environment asks for, when jgd is imported."""
    small_loops, cache = os.environ.get(SMALL_LOOPS, ""), os.environ.get(COMPILATION_CACHE, "")
    if small_loops not in ("", "0", "1"):
        raise ValueError(f"the environment variable {SMALL_LOOPS} must be 1 or 0, found {shown(small_loops)}.")
    if cache.lower() in ("true", "yes", "on", "false", "no", "off"):
        raise ValueError(f"the environment variable {COMPILATION_CACHE} must be a directory, 1 or 0, found {shown(cache)}.")
    configure(small_loops=small_loops == "1", compilation_cache={"": None, "0": None, "1": True}.get(cache, cache))


def _set_small_loops() -> None:
    flags = os.environ.get("XLA_FLAGS", "")
    if _started():
        if not _in_force():
            raise RuntimeError(
                "it is too late for small_loops: XLA reads its options when JAX starts, at the first computation. Call "
                "jgd.configure(small_loops=True) before that (in a notebook, restart the kernel), or export "
                f"{SMALL_LOOPS}=1 and import jgd before it."
            )
    elif THRESHOLD not in flags:
        os.environ["XLA_FLAGS"] = with_option(flags, f"{THRESHOLD}=65536")


def with_option(flags: str, option: str) -> str:
    """XLA_FLAGS with one more backend option, beside those that are there."""
    if flags.strip() and not flags.strip().startswith("-"):  # XLA then takes it for the name of a file
        raise ValueError(f"XLA_FLAGS names a file of flags, {flags.strip()!r}: add --xla_backend_extra_options={option} to it.")
    if not EXTRA_OPTIONS.search(flags):
        return f"{flags} --xla_backend_extra_options={option}".strip()

    def joined(match: re.Match) -> str:
        quote = match[2][:1] if match[2][:1] in ("'", '"') else ""
        held = match[2].strip(quote) if quote else match[2]
        return f"{match[1]}{quote}{','.join(part for part in (held.rstrip(','), option) if part)}{quote}"

    return EXTRA_OPTIONS.sub(joined, flags, count=1)


def _started() -> bool:
    """Whether JAX has a backend, and XLA hence has read its flags; no public name of JAX's tells."""
    from jax._src import xla_bridge

    return xla_bridge.backends_are_initialized()


def _in_force() -> bool:
    """Whether the flags that XLA has read hold a threshold; asking makes it read them."""
    from jax.extend import backend

    return THRESHOLD.encode() in backend.get_compile_options(num_replicas=1, num_partitions=1).SerializeAsString()


def _set_cache(directory: str) -> None:
    from jax.experimental.compilation_cache import compilation_cache

    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", directory)
    # JAX's own limits leave out what compiles within a second, and with it nearly every program of jgd's.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()  # once JAX has compiled anything it no longer looks at these


def _directory(given: Any) -> str:
    """The cache's directory, found or made, and writable."""
    if given is True:
        given = jax.config.jax_compilation_cache_dir or _cache_home() / "jgd"
    path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise TypeError(f"compilation_cache must be True or a directory, found {shown(given)}.")
    if not path.strip():
        raise ValueError(f"compilation_cache must be True or a directory, found {shown(path)}.")
    if "://" in path:  # such as gs://bucket: JAX's own business
        return path
    try:
        made = Path(path).expanduser().absolute()
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=made):
            return str(made)
    except FileExistsError:
        raise ValueError(f"compilation_cache {path} is a file: give a directory.") from None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: whose home? ValueError: a null byte
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"compilation_cache {path} cannot be written to ({reason}): give another directory.") from None


def _cache_home() -> Path:
    home = os.environ.get("XDG_CACHE_HOME", "")
    return Path(home) if os.path.isabs(home) else Path.home() / ".cache"
