"""Settings that are drawn, rather than listed: at random, or spread evenly."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._checks import as_key, check_count, shown
from jgd._errors import public
from jgd._over import Over


class Distribution(NamedTuple):
    """Where a number is drawn from; made by `jgd.uniform` or `jgd.log_uniform`.

    Attributes:
      low, high: the ends.
      log: whether its logarithm is uniform, rather than the number.

    >>> import jgd
    >>> jgd.log_uniform(0.01, 1.0).quantile(0.5).round(6).item()
    0.1
    """

    low: float
    high: float
    log: bool

    def quantile(self, share: Any) -> np.ndarray:
        """The number below which this share lies."""
        share = np.asarray(share, np.float64)
        if self.log:
            return np.exp(np.log(self.low) + share * (np.log(self.high) - np.log(self.low)))
        return self.low + share * (self.high - self.low)

    def __repr__(self) -> str:
        return f"{'log_' if self.log else ''}uniform({self.low!r}, {self.high!r})"


@public
def uniform(low: float, high: float) -> Distribution:
    """Numbers between two ends, each as likely.

    Raises:
      ValueError: if they are no two finite numbers in order.

    >>> import jgd
    >>> jgd.uniform(0.8, 0.99)
    uniform(0.8, 0.99)
    """
    return _distribution("uniform", low, high, False)


@public
def log_uniform(low: float, high: float) -> Distribution:
    """Numbers between two positive ends, each order of magnitude as likely; for learning rates and penalties.

    Raises:
      ValueError: if they are no two finite positive numbers in order.

    >>> import jgd
    >>> jgd.log_uniform(1e-4, 1.0)
    log_uniform(0.0001, 1.0)
    """
    return _distribution("log_uniform", low, high, True)


def _distribution(name: str, low: Any, high: Any, log: bool) -> Distribution:
    if not all(isinstance(end, (int, float, np.integer, np.floating)) for end in (low, high)):
        raise TypeError(f"{name} takes two numbers, found {shown(low)} and {high!r}.")
    if not (np.isfinite([low, high]).all() and low < high and (low > 0 or not log)):
        raise ValueError(f"{name} needs finite{' positive' * log} ends, the lower first, found {shown(low)} and {high!r}.")
    return Distribution(float(low), float(high), log)


class Draws(Mapping):
    """Settings drawn together: for each name an `over`, all of them zipped; made by `jgd.sample` or `jgd.halton`.

    A mapping, of which `draws.lr` is short for `draws["lr"]`; names that a mapping has itself (get, items, keys, values) need the
    brackets.

    >>> import jgd
    >>> draws = jgd.sample(100, lr=jgd.log_uniform(1e-4, 1.0), l2=jgd.log_uniform(1e-6, 1.0))
    >>> X, y = jgd.data.make_line(50)
    >>> sweep = jgd.sweep(jgd.linear_regression(l2=draws.l2), (X, y), jgd.gd(draws.lr), epochs=10)
    >>> len(sweep), sweep.names
    (100, ('l2', 'lr'))
    """

    def __init__(self, values: dict[str, tuple]):
        together = _Together()
        self._overs = {name: Over(column, name, together) for name, column in values.items()}

    def __getitem__(self, name: str) -> Any:
        return self._overs[name]

    def __getattr__(self, name: str) -> Any:
        overs = self.__dict__.get("_overs", {})
        if name not in overs:
            raise AttributeError(f"nothing called {name!r} was drawn, only {', '.join(overs)}.")
        return overs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._overs)

    def __len__(self) -> int:
        return len(self._overs)

    def __repr__(self) -> str:
        return f"Draws({', '.join(map(repr, self._overs.values()))})"


class _Together:
    """What the `over`s of one draw have in common."""


@public
def sample(n: int, *, key: Any = 0, **ranges: Distribution | Sequence[Any]) -> Draws:
    """Random settings for a sweep, each drawn from all ranges at once.

    More settings with the same key begin with the same ones.

    Args:
      n: how many.
      key: a seed or a JAX key.
      **ranges: by name a `jgd.uniform`, a `jgd.log_uniform`, or a list of values to choose from.

    Returns:
      A `Draws`, a mapping from names to `over`s that are zipped; also by attribute: `draws.lr`.

    Raises:
      TypeError, ValueError: for anything else.

    >>> import jgd
    >>> draws = jgd.sample(3, lr=jgd.log_uniform(1e-4, 1.0), batch_size=[16, 32])
    >>> len(draws.lr.values), set(draws.batch_size.values) <= {16, 32}
    (3, True)

    Source: Bergstra & Bengio, "Random search for hyper-parameter optimization", JMLR 13 (2012).
    """
    check_count("n", n)
    words = np.asarray(jax.random.key_data(as_key(key))).ravel().tolist()
    return _drawn("sample", np.random.default_rng(words).random((n, len(ranges))), ranges)


@public
def halton(n: int, *, key: Any = 0, **ranges: Distribution | Sequence[Any]) -> Draws:
    """Settings spread evenly over all ranges, as `sample` with fewer gaps: points of a scrambled Halton sequence.

    Args:
      n, key, **ranges: as in `sample`.

    >>> import jgd
    >>> draws = jgd.halton(8, x=jgd.uniform(0.0, 8.0))
    >>> sorted(int(x) for x in draws.x.values)
    [0, 1, 2, 3, 4, 5, 6, 7]

    Source: Halton, Numerische Mathematik 2 (1960); Owen, arXiv:1706.02808; `scipy.stats.qmc.Halton`.
    """
    from scipy.stats import qmc  # scipy comes with JAX

    check_count("n", n)
    words = np.asarray(jax.random.key_data(as_key(key))).ravel().tolist()
    points = qmc.Halton(max(1, len(ranges)), rng=np.random.default_rng(words)).random(n)
    return _drawn("halton", points, ranges)


def _drawn(where: str, points: np.ndarray, ranges: dict[str, Any]) -> Draws:
    if not ranges:
        raise ValueError(f"{where} needs at least one range, as in lr=jgd.log_uniform(1e-4, 1).")
    values = {}
    for (name, given), share in zip(ranges.items(), points.T, strict=False):
        if isinstance(given, Distribution):
            values[name] = tuple(given.quantile(share).tolist())
        elif isinstance(given, (list, tuple, range)) and len(given) and not hasattr(given, "init"):
            values[name] = tuple(given[int(u * len(given))] for u in share)
        else:
            raise TypeError(f"{where}: {name} must be a range such as jgd.log_uniform(1e-4, 1) or a list, found {shown(given)}.")
    return Draws(values)
