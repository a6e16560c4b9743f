"""Who takes part: each in a process of its own, with its own environment; one module a library."""

import dataclasses
import importlib.util

from benchmarks._works import Work

SMALL_LOOPS = {"JGD_SMALL_LOOPS": "1"}
SMALL_LOOPS_XLA = {"XLA_FLAGS": "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=65536"}
ONE_THREAD = {"OMP_NUM_THREADS": "1"}

TOO_LONG, TOO_LONG_FOR_QUICK = 60.0, 5.0  # seconds
NOT_QUICK = ("Keras on torch", "Keras on TensorFlow", "optax, vmap, own orders", "torch.func, one order",
             "torch.func, own orders", "torch.func, own orders, one thread")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A library and a way to use it.

    Attributes:
      name: as it is printed.
      module, function: `benchmarks.contestants.<module>.<function>(work, X, y)` makes the function that does the work: a
        seed in, weights and bias out, as NumPy arrays.
      library: what must be installed.
      env: environment variables of its process.
      step: seconds that a step takes at least, where that may be too long.
    """

    name: str
    module: str
    function: str
    library: str
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    step: float = 0.0

    def absence(self, quick: bool) -> str | None:
        """Why it is left out of everything; None if it takes part."""
        if importlib.util.find_spec(self.library) is None:
            return f"{self.library} is not installed"
        return "not in a quick look" if quick and self.name in NOT_QUICK else None

    def refusal(self, work: Work, quick: bool) -> str | None:
        """Why it is left out of this work; None if it takes part."""
        if absent := self.absence(quick):
            return absent
        if work.field is not None and self.name not in work.field:
            return "not among those compared here"
        if self.step * work.steps > (TOO_LONG_FOR_QUICK if quick else TOO_LONG):
            return f"{work.steps:,} steps of {1e3 * self.step:g} ms or more are {self.step * work.steps:.0f} s"
        if self.env in (SMALL_LOOPS, SMALL_LOOPS_XLA) and (work.full or work.batch_size > 32) and work.name != "a1":
            return "the option is about small loops"
        if self.function == "program" and work.name not in ("a1", "a2"):
            return "for small works"
        if self.name == "torch, DataLoader" and work.full:
            return "no batches to load"
        if self.name == "scikit-learn" and (work.full or work.model == "softmax"):
            return "its SGD sees one row a step" if work.full else "its SGDClassifier is one-versus-rest, not softmax"
        if self.library == "sklearn" and work.batch_size == 1 and work.rule != "sgd":
            return f"its SGD has no {work.rule}"
        if self.name == "numba" and work.model == "softmax":
            return "its products would be BLAS's: see NumPy"
        return None


CONTESTANTS = (
    Contestant("jgd", "jgd", "fit", "jgd"),
    Contestant("jgd, CPU option", "jgd", "fit", "jgd", SMALL_LOOPS),
    Contestant("jgd, program", "jgd", "program", "jgd"),
    Contestant("optax, scan", "optax", "scan", "optax"),
    Contestant("optax, scan, CPU option", "optax", "scan", "optax", SMALL_LOOPS_XLA),
    Contestant("optax, Python loop", "optax", "loop", "optax"),
    Contestant("torch, tensors", "torch", "tensors", "torch", step=8e-5),
    Contestant("torch, DataLoader", "torch", "loader", "torch", step=1.2e-4),
    Contestant("Keras on JAX", "keras", "fit", "keras", {"KERAS_BACKEND": "jax"}, step=3e-5),
    Contestant("Keras on torch", "keras", "fit", "keras", {"KERAS_BACKEND": "torch"}, step=1e-3),
    Contestant("Keras on TensorFlow", "keras", "fit", "tensorflow", {"KERAS_BACKEND": "tensorflow"}, step=1e-3),
    Contestant("scikit-learn", "sklearn", "sgd", "sklearn"),
    Contestant("numba", "numba", "loop", "numba"),
    Contestant("NumPy", "numpy", "loop", "numpy"),
)

# Who takes part in sweeps; in which, the works say.
SWEEPERS = (
    Contestant("jgd", "jgd", "lanes", "jgd"),
    Contestant("jgd, record at the end", "jgd", "lanes_at_end", "jgd"),
    Contestant("jgd, 125 rates x 8 keys", "jgd", "lanes_of_keys", "jgd"),
    Contestant("optax, vmap, own orders", "optax", "lanes_own", "optax"),
    Contestant("optax, vmap, one order", "optax", "lanes", "optax"),
    Contestant("torch.func, own orders", "torch", "lanes_own", "torch", step=1e-3),
    Contestant("torch.func, own orders, one thread", "torch", "lanes_own", "torch", ONE_THREAD, step=1e-3),
    Contestant("torch.func, one order", "torch", "lanes", "torch", step=3e-4),
    Contestant("torch.func, one order, one thread", "torch", "lanes", "torch", ONE_THREAD, step=3e-4),
    Contestant("scikit-learn, loop", "sklearn", "lanes", "sklearn"),
    Contestant("scikit-learn, joblib", "sklearn", "lanes_joblib", "sklearn"),
    Contestant("scikit-learn, joblib, threads", "sklearn", "lanes_threads", "sklearn"),
)
