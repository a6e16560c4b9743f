# pyright: reportUnnecessaryTypeIgnoreComment=error
"""What an editor shows of jgd's factories: read by pyright, never run.

    pyright --pythonpath .venv/bin/python tests/typing/check_signatures.py

A call that must be refused carries the rule that refuses it; were it accepted, that comment would be the error.
"""

from typing import assert_type

import jax.numpy as jnp
import optax

import jgd
from jgd import GradientTransformation


def factories_take_optaxs_arguments() -> None:
    """Each kind of thing that is lifted: a function, a partial, a class, an adapter, a wrapper, one of jgd's own."""
    assert_type(jgd.adabelief(0.1, b1=0.9, b2=0.999, eps=1e-16, eps_root=1e-16, nesterov=True), GradientTransformation)
    assert_type(jgd.nadam(0.1, 0.9, 0.999, mu_dtype="bfloat16"), GradientTransformation)
    assert_type(jgd.MultiSteps(jgd.adam(0.1), 4, use_grad_mean=False), GradientTransformation)
    assert_type(jgd.sm3(0.1, momentum=0.5), GradientTransformation)
    assert_type(jgd.lookahead(jgd.sgd(0.1), sync_period=5, slow_step_size=0.5), GradientTransformation)
    assert_type(jgd.partition({"a": jgd.sgd(0.1), "b": optax.adam(0.1)}, {"w": "a", "b": "b"}), GradientTransformation)
    assert_type(jgd.scale_by_zoom_linesearch(20, max_learning_rate=None), GradientTransformation)
    assert_type(jgd.monitor({"norm": optax.tree.norm, "mean": jgd.ema(0.9)}), GradientTransformation)
    assert_type(jgd.contrib.muon(0.1, ns_steps=3), GradientTransformation)
    assert_type(jgd.chain(jgd.clip(1.0), optax.sgd(0.1)), GradientTransformation)


def numbers_are_numbers_arrays_or_schedules() -> None:
    assert_type(jgd.adam(1), GradientTransformation)
    assert_type(jgd.adam(jnp.array(0.1)), GradientTransformation)
    assert_type(jgd.adam(jgd.schedules.cosine(0.1, 100)), GradientTransformation)
    jgd.adam("fast")  # pyright: ignore[reportArgumentType]
    jgd.polyak_sgd(max_learning_rate="large")  # pyright: ignore[reportArgumentType]


def arguments_that_are_not_there_are_refused() -> None:
    jgd.adabelief(0.1, beta=0.9)  # pyright: ignore[reportCallIssue]
    jgd.adabelief()  # pyright: ignore[reportCallIssue]
    jgd.adabelief(0.1, 0.9, 0.999, 1e-16, 1e-16, True)  # pyright: ignore[reportCallIssue]
    jgd.nadam(0.1, beta=0.9)  # pyright: ignore[reportCallIssue]
    jgd.nadamw(0.1, beta=0.9)  # pyright: ignore[reportCallIssue]
    jgd.MultiSteps(jgd.adam(0.1))  # pyright: ignore[reportCallIssue]
    jgd.sm3(0.1, b1=0.9)  # pyright: ignore[reportCallIssue]
    jgd.rprop(0.1, eta=0.9)  # pyright: ignore[reportCallIssue]
    jgd.lookahead(jgd.sgd(0.1), 5)  # pyright: ignore[reportCallIssue]
    jgd.scale_by_zoom_linesearch()  # pyright: ignore[reportCallIssue]
    jgd.contrib.muon(0.1, steps=3)  # pyright: ignore[reportCallIssue]


def transformations_are_transformations() -> None:
    jgd.masked(0.1, True)  # pyright: ignore[reportArgumentType]
    jgd.apply_if_finite(jgd.sgd, 5)  # pyright: ignore[reportArgumentType]
    jgd.flatten("adam(0.1)")  # pyright: ignore[reportArgumentType]
    jgd.adamm(0.1)  # pyright: ignore[reportAttributeAccessIssue]
