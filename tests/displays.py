"""`python -m tests.displays FILE`: one page with every display, as HTML beside plain text, to be looked at in a browser."""

import sys
from html import escape
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jgd


def results() -> dict[str, Any]:
    X, y = jgd.data.make_linear(300)
    problem = jgd.linear_regression()
    tx = jgd.chain(jgd.clip_by_global_norm(1.0), jgd.adam(0.05))
    labels = np.where(np.asarray(jgd.data.make_classes(300, 3, key=0)[1]), "yes", "no")
    classes = jgd.data.make_classes(300, 3, key=0)[0], labels
    batch = jax.vmap(lambda tx: jgd.train(problem, (X, y), tx, epochs=20))(jgd.stack([jgd.sgd(0.1), jgd.sgd(0.2), jgd.sgd(5.0)]))
    return {
        "a fit with validation": jgd.fit(problem, (X, y), tx, batch_size=32, epochs=20, validation=0.2),
        "a classifier with metrics": jgd.fit(
            jgd.logistic_regression(l2=1e-3), classes, jgd.sgd(0.5), batch_size=50, epochs=15, metrics=["accuracy"]
        ),
        "certified": jgd.solve(jgd.logistic_regression(l2=1e-3), classes),
        "diverged": jgd.fit(problem, (X, y), jgd.gd(1.5), epochs=50),
        "nonfinite": jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(1e30), steps=9),
        "a batch": batch,
    }


def chains() -> dict[str, Any]:
    rate = jgd.schedules.warmup_cosine(0.1, warmup_steps=100, decay_steps=1000)
    parts = {"weights": jgd.adam(0.1), "bias": jgd.sgd(jgd.over([0.1, 0.2], name="lr"))}
    return {
        "a chain": jgd.chain(jgd.clip_by_global_norm(1.0), jgd.add_decayed_weights(1e-4), jgd.adam(rate)),
        "a batch of optimizers": jgd.stack([jgd.chain(jgd.clip(1.0), jgd.sgd(10.0**-k, momentum=0.9)) for k in range(5)]),
        "wrappers": jgd.lookahead(jgd.chain(jgd.clip(1.0), jgd.adam(0.1)), sync_period=5, slow_step_size=0.5),
        "parts": jgd.partition(parts, lambda params: params),
        "optax inside": jgd.named_chain(("clip", jgd.clip(1.0)), ("theirs", optax.adam(0.1))),
        "fifty links": jgd.chain(*[jgd.clip(float(k)) for k in range(1, 51)]),
        "a schedule": rate,
        "a rule": jgd.stopping.gradient_norm(1e-6) | jgd.stopping.seconds(10),
    }


def data() -> dict[str, Any]:
    X, y = jgd.data.make_linear(300)
    names = [f"column <{i}> & more" for i in range(5)]
    labels = np.array(["ä", "b<c", "d"])[np.arange(300) % 3]
    return {
        "linear regression": jgd.linear_regression(l2=0.1),
        "softmax": jgd.logistic_regression(classes=3),
        "a problem of one's own": jgd.Problem(lambda params: jnp.sum(params["w"] ** 2), {"w": jnp.ones(3)}),
        "a regression's data": jgd.Dataset(X, y, np.arange(300), columns=names),
        "a classifier's data": jgd.logistic_regression(classes=3).dataset((X, labels)),
        "images": jgd.Dataset(np.zeros((10, 8, 8, 3)), np.arange(10)),
    }


def experiments() -> dict[str, Any]:
    X, y = jgd.data.make_linear(300)
    rates = jgd.sgd(jgd.over([0.01, 0.03, 0.1, 3.0], name="lr"), momentum=jgd.over([0.0, 0.9]))
    sweep = jgd.sweep(jgd.linear_regression(), (X, y), rates, batch_size=32, epochs=10, key=jgd.over(range(3)))
    ridge = jgd.linear_regression(l2=jgd.over([1e-4, 1e-2, 1.0, 10.0], name="l2"))
    diverged = jgd.fit(jgd.linear_regression(), (np.asarray(X) * [1, 1, 1, 1, 30], y), jgd.gd(0.1), epochs=50)
    return {
        "a sweep": sweep,
        "of which all failed": sweep.where(lr=3.0),
        "cross-validation": jgd.cross_validate(ridge, (X, y)),
        "a path": jgd.regularization_path(jgd.linear_regression(), (X, y), np.logspace(-4, 2, 30), folds=5),
        "paths": jgd.regularization_path(
            jgd.linear_regression(), (X, y), np.logspace(-4, 2, 30), folds=5, standardize=jgd.over([False, True])
        ),
        "bootstrap": jgd.bootstrap(jgd.linear_regression(), (X, y), replicates=500),
        "jackknife": jgd.jackknife(jgd.linear_regression(), (X, y)),
        "a certificate": sweep.best().certificate(),
        "no certificate": jgd.certificate(jgd.Problem(lambda w: jnp.cos(w), 1.0), None, 1.0),
        "a diagnosis": diverged.diagnose(),
        "nothing to diagnose": sweep.best().diagnose(),
    }


def everything() -> dict[str, Any]:
    return results() | chains() | data() | experiments()


def page(shown: dict[str, Any]) -> str:
    """The displays below each other; the page itself is light or dark as its reader prefers."""
    parts = [f"<h2>{escape(name)}</h2>{value._repr_html_()}<pre>{escape(str(value))}</pre>" for name, value in shown.items()]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Displays</title><style>:root{color-scheme:light dark}'
        "body{font-family:sans-serif}h2{font-size:1em;margin:1.4em 0 .3em}pre{font-size:11px;opacity:.8}</style></head><body>"
    )
    return f"{head}{''.join(parts)}</body></html>"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(everything()), encoding="utf-8")
