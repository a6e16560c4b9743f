"""Where numbers are put: as arrays of JAX, copied once, or lent for as long as a call lasts."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._threads import by_parts

# Bytes: what JAX takes uncopied begins at a multiple of the first; of more than the second copies are worth a thought, of more
# than the third a thread.
ALIGNMENT, LARGE, HUGE = 64, 2**18, 2**24
_canonical = jax.dtypes.canonicalize_dtype


def placed(values: Any) -> Any:
    """NumPy's numbers as a JAX array that shares no memory with what a user may change; what JAX has no type for as it is.

    JAX's CPU backend takes memory that begins at a multiple of 64 bytes as it is, and copies other memory ten times slower than
    NumPy does: so NumPy copies what is large, to such a place, and nothing else holds that.
    """
    if not isinstance(values, np.ndarray) or values.dtype.kind in "US" or values.dtype != _canonical(values.dtype):
        return values
    if values.nbytes < LARGE:
        return jnp.asarray(values.copy())  # JAX's own copy is made later, of memory that may have changed by then
    return jax.device_put(_copied(values))


def lent(values: Any) -> Any:
    """The same for as long as a call lasts: a user's own memory, uncopied, where JAX takes it as it is."""
    plain = type(values) is np.ndarray and values.flags.c_contiguous and values.dtype == _canonical(values.dtype)
    return jax.device_put(values) if plain and values.ctypes.data % ALIGNMENT == 0 else placed(values)


def _copied(values: np.ndarray) -> np.ndarray:
    """A copy where JAX takes it as it is."""
    copy = aligned(values.shape, values.dtype)
    by_parts(lambda rows: np.copyto(copy[rows], values[rows]), len(values), worth(values))
    return copy


def worth(values: np.ndarray) -> int:
    """So many of its rows are worth a thread."""
    return -(-len(values) * HUGE // max(values.nbytes, 1))


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Memory that JAX takes as it is."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
