"""What a warm `jgd.fit` costs besides the program it runs: the same small fit with chains of more and more links."""

import time
from statistics import median

from benchmarks._works import works

LINKS = (1, 5, 20)


def overhead(rounds: int = 100) -> list[dict[str, float]]:
    """Median seconds of a warm fit of a2 for each length of chain, the chain built before the time begins, and within it.

    "program" is the program that `fit` calls, called by itself with its arguments on the device, until its last number is read.
    """
    import numpy as np

    import jgd
    from benchmarks.contestants.jgd import problem
    from jgd.training._fit import compiled

    work = next(work for work in works() if work.name == "a2")
    data, prob = work.data(), problem(work)

    def chain(links: int):
        return jgd.chain(*[jgd.scale(1.0)] * (links - 1), jgd.sgd(work.learning_rate))

    def fit(tx):
        result = jgd.fit(prob, data, tx, batch_size=work.batch_size, epochs=work.epochs, key=0)
        return result.params.weights.block_until_ready()

    chains = {links: chain(links) for links in LINKS}
    timed = {(links, "built before"): (lambda links=links: fit(chains[links])) for links in LINKS}
    timed |= {(links, "built within"): (lambda links=links: fit(chain(links))) for links in LINKS}
    options = {"batch_size": work.batch_size, "epochs": work.epochs, "key": 0}
    for links in LINKS:
        program, arguments = compiled(prob, data, chains[links], **options)
        timed[links, "program"] = lambda program=program, arguments=arguments: np.asarray(program(*arguments)[-1].counts)
    found: dict[tuple[int, str], list[float]] = {case: [] for case in timed}
    for k in range(rounds + 1):  # the first compiles
        for case, run in timed.items():
            began = time.perf_counter()
            run()
            if k:
                found[case].append(time.perf_counter() - began)
    cases = ("built before", "built within", "program")
    return [{"links": links} | {case: median(found[links, case]) for case in cases} for links in LINKS]
