"""Each regime, single and under vmap, lowers for CPU, CUDA and TPU."""

import jax
import jax.numpy as jnp
import pytest

import jgd

X, Y = jgd.data.make_linear(70)


@pytest.mark.parametrize("batch_size", ["full", 1, 32])
@pytest.mark.parametrize("stop", [None, jgd.stopping.gradient_norm(1e-3)], ids=["scan", "while"])
def test_lowers(batch_size, stop):
    def run(tx, X, Y, key):
        return jgd.train(jgd.linear_regression(l2=0.1), (X, Y), tx, batch_size=batch_size, epochs=3, stop=stop, key=key)

    tx, key = jgd.sgd(0.1, momentum=0.9), jax.random.key(0)
    for function, optimizer in ((run, tx), (jax.vmap(run, (0, None, None, None)), jgd.stack([tx, tx]))):
        leaves = jax.jit(lambda *a, f=function: jax.tree.leaves(f(*a)))  # traced once for all platforms
        for platform in ("cpu", "cuda", "tpu"):
            out = jax.export.export(leaves, platforms=[platform])(optimizer, X, Y, key).out_avals
            assert all(aval.dtype in (jnp.float32, jnp.int32) for aval in out)
