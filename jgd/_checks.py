"""Messages for bad input: what was wrong, what was found, what to do."""

import difflib
import inspect
import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jgd._names import meant

# Numbers of these names mean the same thing in every factory; (lowest, highest) allowed.
RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (0.0, float(np.finfo(np.float64).max)),
    "momentum": (0.0, math.inf),
    "decay": (0.0, 1.0),
    "b1": (0.0, 1.0),
    "b2": (0.0, 1.0),
    "eps": (0.0, math.inf),
    "weight_decay": (0.0, math.inf),
    "max_norm": (0.0, math.inf),
    "max_delta": (0.0, math.inf),
    "ridge": (0.0, math.inf),
    "l2": (0.0, float(np.finfo(np.float64).max)),
    "transition_steps": (1.0, math.inf),
    "decay_steps": (1.0, math.inf),
    "warmup_steps": (0.0, math.inf),
    "classes": (2.0, math.inf),
    "tolerance": (0.0, math.inf),
    "strong_convexity": (0.0, math.inf),
    "recency": (0.0, math.inf),
    "records": (1.0, math.inf),
}


def alike(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs in capitals and underscores only."""
    plain = lambda word: word.lower().replace("_", "")
    return next((word for word in known if plain(word) == plain(name)), None)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that ends a message about an unknown name."""
    known = sorted(known)
    same = alike(name, known)
    close = [same] if same is not None else [word for word in meant(name) if word in known]
    close = close or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    if not known:
        return "there is nothing of that kind"
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"known: {', '.join(known[:12])}{more}"


def shown(value: Any) -> str:
    """A value in a message: on one line, arrays and frames by their shapes."""
    if getattr(value, "ndim", 0) and hasattr(value, "shape"):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    if inspect.isroutine(value) or isinstance(value, type):
        return f"{'class' if isinstance(value, type) else 'function'} {getattr(value, '__name__', type(value).__name__)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def is_concrete(value: Any) -> bool:
    return not isinstance(value, jax.core.Tracer)


def check_number(where: str, name: str, value: Any) -> None:
    """Refuse NaN, and what lies outside the range that `name` has everywhere."""
    if not is_concrete(value):
        return
    try:
        values = np.asarray(value, np.float64)
    except OverflowError:
        raise ValueError(f"{where}: {name} must be a finite number, found one of {len(str(value))} digits.") from None
    if np.isnan(values).any():
        raise ValueError(f"{where}: {name} is NaN; give a number.")
    low, high = RANGES.get(name, (-math.inf, math.inf))
    outside = values[(values < low) | (values > high)]
    if outside.size:
        bound = f"at least {low:g}" if high > 1 else f"between {low:g} and {high:g}"
        finite = " and finite" if math.isfinite(high) and high > 1 else ""
        raise ValueError(f"{where}: {name} must be {bound}{finite}, found {outside.flat[0]:g}.")


def check_count(name: str, value: Any, *, low: int | None = 1) -> int:
    """A whole number of at least `low`, of any size if that is None."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, found {shown(value)}.")
    if low is not None and value < low:
        raise ValueError(f"{name} must be at least {low}, found {value}.")
    return int(value)


def key_words(key: Any) -> Any:
    """The two words of a key of JAX's usual kind, which for a seed are made without JAX; any other key as it is."""
    threefry = jax.config.jax_default_prng_impl == "threefry2x32"
    if type(key) is not int or not -(2**63) <= key < 2**63 or not threefry:
        key = as_key(key)
        usual = threefry and is_concrete(key) and str(jax.random.key_impl(key)) == "threefry2x32"
        return np.asarray(jax.random.key_data(key)) if usual else key
    return np.array([key >> 32 if jax.config.jax_enable_x64 else 0, key], np.int64).astype(np.uint32)


def as_key(key: Any) -> jax.Array:
    """A JAX key from a seed, a key, or an old-style array of two words.

    Raises:
      TypeError, ValueError: for anything else.
    """
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.shape:
            raise TypeError(
                f"key must be one key, found an array of them of shape {key.shape}: run one by one, or vmap jgd.train."
            )
        return key
    if getattr(key, "dtype", None) == jnp.uint32 and np.shape(key) == (2,):
        return jax.random.wrap_key_data(key)
    whole = jnp.issubdtype(key.dtype, jnp.integer) if hasattr(key, "dtype") else hasattr(key, "__index__")
    if isinstance(key, bool) or np.ndim(key) or not whole:
        raise TypeError(f"key must be a whole number or a JAX key, found {shown(key)}.")
    if is_concrete(key) and not -(2**63) <= int(key) < 2**63:
        raise ValueError(f"key must fit into 64 bits, found {key}.")
    return jax.random.key(key)
