"""Stopping rules: expressions that look at each record of a run and say when to end it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp

from jgd._checks import shown
from jgd._expression import Expression
from jgd._factory import factory
from jgd._names import unknown_names
from jgd._over import Over

__all__ = ["StoppingRule", "gap", "gradient_norm", "patience", "relative_change", "rule", "seconds", "target"]

# Why a run ended; 0 while it goes on. A rule answers one of the first three.
RUNNING, CONVERGED, MAX_STEPS, STALLED, DIVERGED, NONFINITE = range(6)
STATUSES = ("running", "converged", "max_steps", "stalled", "diverged", "nonfinite")


class RuleFunctions(NamedTuple):
    """What a rule is made of.

    Attributes:
      update: (state, record) -> (state, status); `record` holds this record's scalars by name.
      init: the state before the first record.
      needs: names the record must hold.

    >>> import jgd
    >>> jgd.stopping.patience(3, metric="loss").functions.needs
    ('loss',)
    """

    update: Callable[[Any, dict], tuple[Any, Any]]
    init: Any = ()
    needs: tuple[str, ...] = ()


class StoppingRule(Expression):
    """A reason to end a run early; its tolerances are leaves, so another tolerance compiles nothing.

    Rules combine: `a | b` ends when either does, `a & b` when both do at the same record. A NaN never meets a rule.

    >>> import jgd
    >>> jgd.stopping.gradient_norm(1e-6) | jgd.stopping.seconds(10)
    stopping.gradient_norm(1e-06) | stopping.seconds(10.0)
    """

    _of_numbers = True

    def __new__(cls, *args, **kwargs):
        raise TypeError("make a StoppingRule with a factory such as jgd.stopping.gradient_norm(1e-6).")

    @property
    def functions(self) -> RuleFunctions:
        return self._call()

    def __or__(self, other):
        return _either(self, other) if isinstance(other, (StoppingRule, Over)) else NotImplemented

    def __and__(self, other):
        return _both(self, other) if isinstance(other, (StoppingRule, Over)) else NotImplemented

    def __ror__(self, other):
        return _either(other, self) if isinstance(other, Over) else NotImplemented

    def __rand__(self, other):
        return _both(other, self) if isinstance(other, Over) else NotImplemented

    def __repr__(self) -> str:
        if self.name not in ("stopping.either", "stopping.both"):
            return super().__repr__()
        mine, sign = (self.name, "|" if self.name == "stopping.either" else "&")
        sides = (self.first, self.second)
        nested = [f"({s!r})" if s.name in ("stopping.either", "stopping.both") and s.name != mine else repr(s) for s in sides]
        return f" {sign} ".join(nested)


def rule(function: Callable[..., RuleFunctions]) -> Callable[..., StoppingRule]:
    """A function of tolerances that returns `RuleFunctions`, made into a factory of stopping rules.

    >>> import jgd, jax.numpy as jnp
    >>> @jgd.stopping.rule
    ... def small_rate(limit):
    ...     def update(state, record):
    ...         return state, jnp.where(record["learning_rate"] < limit, jgd.stopping.CONVERGED, 0)
    ...     return jgd.stopping.RuleFunctions(update, needs=("learning_rate",))
    >>> small_rate(1e-3)
    stopping.small_rate(0.001)
    """
    return factory(function, StoppingRule, name=f"stopping.{function.__name__}")


def _met(condition, status=CONVERGED):
    return jnp.where(condition, status, RUNNING).astype(jnp.int32)


@rule
def gradient_norm(tolerance):
    """Ends when |gradient|_2 <= tolerance, the gradient that of the recorded loss.

    >>> import jgd
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.4), steps=100, stop=jgd.stopping.gradient_norm(1e-3)).status
    'converged'
    """
    return RuleFunctions(lambda state, r: (state, _met(r["grad_norm"] <= tolerance)), needs=("grad_norm",))


@rule
def gap(tolerance, strong_convexity=None):
    """Ends when the objective is known to be at most `tolerance` above the optimum.

    For linear and logistic regression with a penalty: |gradient of w|^2 / (2 l2) at the best intercept, and what the intercept is
    off by; for the problem that a standardised refit carries the same in its standardised columns. It is recorded as `gap`, of
    all rows, which takes about as long as a full gradient for each record.

    With `strong_convexity` for anything else whose curvature is at least that everywhere, by the recorded loss's gradient (which
    should not be a batch's): |gradient|^2 / (2 strong_convexity). `jgd.strong_convexity` gives it for least squares, where it
    may say more than l2; of logistic regression with an intercept it is 0, and the rule is never met.

    What a rule sees is rounded as the run is; `result.certificate()` proves the gap.

    Raises:
      ValueError: by the run, where neither is known: for other problems, or without a penalty.

    >>> import jgd
    >>> X, y = jgd.data.make_classes(200, 2, key=0)
    >>> problem = jgd.logistic_regression(l2=0.1)
    >>> result = jgd.fit(problem, (X, y), jgd.gd(1.0), epochs=1000, stop=jgd.stopping.gap(1e-6))
    >>> result.status, bool(result.history.gap[-1] <= 1e-6), result.certificate().gap < 1e-6
    ('converged', True, True)
    """
    if strong_convexity is None:
        return RuleFunctions(lambda state, r: (state, _met(r["gap"] <= tolerance)), needs=("gap",))
    met = lambda r: (r["grad_norm"] ** 2 <= 2 * strong_convexity * tolerance) & (strong_convexity > 0)
    return RuleFunctions(lambda state, r: (state, _met(met(r))), needs=("grad_norm",))


@rule
def target(loss):
    """Ends when the recorded loss is at most `loss`.

    >>> import jgd
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(0.4), steps=100, stop=jgd.stopping.target(0.1)).steps
    2
    """
    return RuleFunctions(lambda state, r: (state, _met(r["loss"] <= loss)))


@rule
def relative_change(tolerance):
    """Ends when the loss moved by at most `tolerance` times itself between two records, and the parameters moved at all.

    |f_k - f_(k-1)| <= tolerance * |f_(k-1)|. A small change is no proof of an optimum: slow progress looks the same.

    >>> import jgd
    >>> stop = jgd.stopping.relative_change(1e-3)
    >>> jgd.minimize(lambda w: (w - 2.0) ** 2 + 1.0, 5.0, jgd.gd(0.3), steps=100, stop=stop).status
    'converged'
    """

    def update(previous, record):
        moved = (record["unchanged_steps"] == 0) & jnp.isfinite(previous)
        small = jnp.abs(record["loss"] - previous) <= tolerance * jnp.abs(previous)
        return record["loss"].astype(previous.dtype), _met(moved & small)

    return RuleFunctions(update, init=jnp.array(jnp.inf))


@rule
def patience(records, metric="validation_loss", min_delta=0.0):
    """Ends when `metric` has not improved by more than `min_delta` for `records` records in a row.

    Losses improve downwards, scores such as accuracy and r2 upwards. Fit with `best=` to keep the parameters of the best.

    >>> import jgd
    >>> jgd.stopping.patience(5)
    stopping.patience(5.0)
    """

    def update(state, record):
        best, waited = state
        value = record[metric] * record["signs"][metric]
        better = value < best - min_delta
        waited = jnp.where(better, 0, waited + 1)
        best = jnp.where(better, value, best).astype(best.dtype)
        return (best, waited), _met((waited >= records) & jnp.isfinite(value))

    return RuleFunctions(update, init=(jnp.array(jnp.inf), jnp.array(0, jnp.int32)), needs=(metric,))


@rule
def seconds(limit):
    """Ends a `fit` after `limit` seconds, counted on the host between chunks; the status is then `max_steps`.

    >>> import jgd
    >>> jgd.stopping.seconds(60)
    stopping.seconds(60.0)
    """
    return RuleFunctions(lambda state, r: (state, _met(r["seconds"] >= limit, MAX_STEPS)), needs=("seconds",))


def _pair(first, second, join):
    for side in (first, second):
        if not isinstance(side, StoppingRule):
            raise TypeError(f"two rules are joined, found {shown(side)}.")
    a, b = first.functions, second.functions

    def update(states, record):
        (state_a, met_a), (state_b, met_b) = a.update(states[0], record), b.update(states[1], record)
        return (state_a, state_b), join(met_a, met_b)

    return RuleFunctions(update, (a.init, b.init), a.needs + b.needs)


@rule
def either(first, second):
    """Ends when one of two rules does; written `first | second`.

    >>> import jgd
    >>> jgd.stopping.either(jgd.stopping.target(0.1), jgd.stopping.patience(3))
    stopping.target(0.1) | stopping.patience(3.0)
    """
    return _pair(first, second, lambda a, b: jnp.where(a != RUNNING, a, b))


@rule
def both(first, second):
    """Ends when two rules do at the same record; written `first & second`.

    >>> import jgd
    >>> jgd.stopping.both(jgd.stopping.target(0.1), jgd.stopping.gradient_norm(0.1))
    stopping.target(0.1) & stopping.gradient_norm(0.1)
    """
    return _pair(first, second, lambda a, b: jnp.where((a != RUNNING) & (b != RUNNING), jnp.maximum(a, b), RUNNING))


_either, _both = either, both

if not TYPE_CHECKING:  # to a type checker an unknown name stays an error
    __getattr__ = unknown_names("jgd.stopping")
