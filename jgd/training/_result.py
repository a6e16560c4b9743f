"""What a run returns: a pytree of arrays, which on the host also knows how to predict, plot and explain itself."""

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jgd._checks import is_concrete, shown
from jgd._display import Shown, View, is_readable
from jgd._errors import Answering, public
from jgd.certificates import Certificate, certificate
from jgd.data._dataset import as_dataset
from jgd.models._problem import encode
from jgd.training._decide import Best
from jgd.training._history import History
from jgd.training._notes import HostNotes
from jgd.training._outcome import told
from jgd.training._predictor import Known, Predictor
from jgd.training._step import State
from jgd.training.stopping import STATUSES
from jgd.transformation import as_transformation

if TYPE_CHECKING:
    from jgd.diagnosis import Diagnosis
    from jgd.training._replay import Trajectory


class FitError(RuntimeError):
    """A run that ended badly; its message says what happened and what to do.

    >>> import jgd
    >>> result = jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.gd(1e30), steps=9)
    >>> try:
    ...     result.check()
    ... except jgd.FitError as error:
    ...     print(str(error).partition(":")[0])
    nonfinite at step 1
    """


@jax.tree_util.register_pytree_with_keys_class
class Result(Answering, Shown):
    """The outcome of a run. A pytree: under `vmap` it only gains leading axes.

    Attributes:
      params: the final parameters; where a run became nonfinite, the last finite ones.
      state: the final training state (parameters, optimizer's state, step), for `fit(state=...)`.
      history: what was recorded; see `History`.
      steps: how many steps this run took.
      best: the best parameters by a recorded quantity, exactly as scored, with score and step; None if not asked for.
      status_code: the status as a number, for compiled code.

    >>> import jgd
    >>> X, y = jgd.data.make_line(100)
    >>> result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.1), epochs=200)
    >>> result.status, result.steps
    ('max_steps', 200)
    """

    _elsewhere: ClassVar[dict[str, str]] = {
        "coef_": "result.params.weights",
        "weights": "result.params.weights",
        "intercept_": "result.params.bias",
        "bias": "result.params.bias",
        "loss": "result.history.loss, or result.objective for the last",
        "losses": "result.history.loss",
        "grad_norm": "result.history.grad_norm",
        "loss_": "result.objective",
        "fun": "result.objective",
        "x": "result.params",
        "success": "result.status == 'converged'",
        "converged": "result.status == 'converged'",
        "nit": "result.steps",
        "n_iter_": "result.steps",
        "predict_proba": "result.probabilities(X)",
        "classes_": "result.classes",
        "summary": "print(result), or result.message",
        "score": "metrics= of jgd.fit, recorded in result.history",
        "evaluate": "validation= and metrics= of jgd.fit, recorded in result.history",
        "fit": "jgd.fit(..., state=result.state), which goes on",
        "model": "result.params",
        "lr": "result.history.learning_rate",
    }

    def __init__(self, state: State, history: History, status_code: Any, steps: Any, best: Best | None):
        self.state, self.history, self.status_code, self.best = state, history, status_code, best
        self._steps, self.notes = steps, HostNotes()

    def tree_flatten_with_keys(self):
        names = ("state", "history", "status_code", "steps", "best")
        values = (self.state, self.history, self.status_code, self._steps, self.best)
        return [(jax.tree_util.GetAttrKey(k), v) for k, v in zip(names, values, strict=True)], None

    @classmethod
    def tree_unflatten(cls, aux, children):
        return cls(*children)

    @property
    def params(self) -> Any:
        return self.state.params

    @property
    def model_state(self) -> Any:
        """What the loss carried at the end, such as BatchNorm's statistics; () if nothing."""
        return self.state.model_state

    @property
    def steps(self) -> Any:
        return int(self._steps) if self._single else self._steps

    @property
    def _single(self) -> bool:
        """Whether this is one concrete result, rather than a batch, or one being traced."""
        return is_concrete(self.status_code) and np.ndim(self.status_code) == 0

    @property
    def status(self) -> Any:
        """`converged`, `max_steps`, `stalled`, `diverged` or `nonfinite`; an array of them for a batch of results."""
        if not is_concrete(self.status_code):
            raise TypeError("status is text, which compiled code has none of: use status_code there.")
        return STATUSES[int(self.status_code)] if self._single else np.asarray(STATUSES)[np.asarray(self.status_code)]

    @property
    def steps_per_epoch(self) -> int | None:
        """How many steps an epoch had; None for a result that came out of compiled code, or of a solver, which has no epochs."""
        return None if self.notes.explained else self.notes.steps_per_epoch

    @property
    def setting(self) -> dict[str, Any]:
        """The values that a lane of a sweep had, by name; {} for a run of its own."""
        return self.notes.setting or {}

    @property
    def objective(self) -> Any:
        """The last recorded loss: the objective of the final parameters, unless batch losses were recorded."""
        step, loss = self.history.step, self.history.loss
        if self._single and is_concrete(loss):
            return float(np.asarray(loss)[np.count_nonzero(np.asarray(step) >= 0) - 1])
        last = jnp.sum(jnp.asarray(step) >= 0, axis=-1, keepdims=True) - 1
        return jnp.take_along_axis(jnp.asarray(loss), last, axis=-1)[..., 0]

    @property
    def message(self) -> str:
        """The status in a sentence, with what to do about it."""
        self._need_single("message")
        return told(self)

    @public
    def check(self) -> "Result":
        """This result, if its run ended well (`converged` or `max_steps`).

        Raises:
          FitError: otherwise; the message says what to do.
        """
        self._need_single("check()")
        if self.status in ("stalled", "diverged", "nonfinite"):
            raise FitError(self.message)
        return self

    @property
    def compile_seconds(self) -> float | None:
        """Seconds spent tracing and compiling; 0 when the program was there already."""
        return self.notes.compile_seconds

    @property
    def run_seconds(self) -> float | None:
        """Seconds spent running, without compilation."""
        return self.notes.run_seconds

    @public
    def predict(self, X: Any, *, best: bool = False) -> Any:
        """Predictions for new rows: values, or class labels as they were given.

        Args:
          X: rows like those of the fit (a frame's columns must have the same names), whose predictions are in the unit of its
            y; or, where the fit's data came from `jgd.read`, a table or a file like that, and the target's own unit.
          best: use the best parameters instead of the final ones.
        """
        return self._predictor("predict", best).predict(X)

    @public
    def probabilities(self, X: Any, *, best: bool = False) -> jax.Array:
        """Class probabilities for new rows, shape (n, classes), in the order of `classes`; X as in `predict`."""
        return self._predictor("probabilities", best).probabilities(X)

    @public
    def save(self, path: Any, *, best: bool = False) -> None:
        """Writes what predicts to a file, for `jgd.load`: parameters, classes, and what turns tables into X; no rows, no code.

        Args:
          path: the file, an .npz by any name.
          best: write the best parameters instead of the final ones.

        >>> import jgd, tempfile, os
        >>> X, y = jgd.data.make_separable(50)
        >>> result = jgd.fit(jgd.logistic_regression(l2=0.1), (X, y), jgd.gd(0.5), epochs=50)
        >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
        >>> result.save(path)
        >>> bool((jgd.load(path).predict(X) == result.predict(X)).all())
        True
        """
        self._need_single("save()")
        self._predictor("save", best).save(path)

    @public
    def certificate(self, data: Any = None, *, best: bool = False, enough: float = 0.0) -> Certificate:
        """How far from the optimum the parameters are at most; see `jgd.certificate`.

        Args:
          data: the rows whose objective is judged; those of the fit, as its arrays are now, if not given.
          best: judge the best parameters instead of the final ones.
          enough: a gap that is small enough: the first bound that proves it is taken.

        >>> import jgd
        >>> X, y = jgd.data.make_line(100)
        >>> result = jgd.fit(jgd.linear_regression(), (X, y), jgd.gd(0.3), epochs=100)
        >>> result.certificate().gap < 1e-9
        True
        """
        self._need_single("certificate()")
        problem, chosen, known = self._problem("certificate"), self._chosen(best), self.notes.data
        if data is None and not best and self.notes.proof is not None:
            return self.notes.proof
        of_fit = data is None and not best
        if data is None:
            data = known
        elif known is not None:
            data = encode(problem, as_dataset(data), known, problem.functions.encode)
        state = chosen.model_state if "state" in problem.functions.asks else None
        found = certificate(problem, data, chosen.params, enough=enough, state=state)
        if of_fit:
            self.notes.certified = found
        return found

    @public
    def diagnose(
        self, *, problem: Any = None, data: Any = None, tx: Any = None, batch_size: Any = None, tolerance: float | None = None
    ) -> "Diagnosis":
        """Why the run went as it did: the causes at hand, each with numbers and the remedy.

        Looked for are learning rates beyond the threshold of chain and regime, second-order steps from batches, badly scaled,
        collinear and constant columns, separable classes, the noise floor of a constant learning rate, float32's floor, gradients
        that vanish or explode, parameters that do not move, log(0) in a loss, too few steps, overfitting, and a model that cannot
        represent the target.
        A cause is `certain` where the numbers prove it, and else likely. Where nothing is found it says how near the optimum the
        run came. What counts as near: for p parameters and n rows p / n of the objective (squares) or p / 2n (logistic loss), as
        far as the randomness of the rows moves it, or a millionth of the way from the start.

        Args:
          problem, data, tx, batch_size: what the run was of, where the result does not know it: out of compiled code.
          tolerance: how far above the optimum a run is near it, instead.

        Returns:
          A `jgd.Diagnosis`: a sequence of `jgd.Finding`, the cause first.

        Raises:
          TypeError: for a batch of results, or one that does not know its problem, if none is given.

        >>> import jgd
        >>> X, y = jgd.data.make_linear(200, key=0)
        >>> result = jgd.fit(jgd.linear_regression(), (X * 100, y), jgd.gd(0.1), epochs=50)
        >>> result.diagnose()[0].cause
        'learning_rate_too_large'
        """
        from jgd import diagnosis

        self._need_single("diagnose()")
        if self.notes.run is not None and all(given is None for given in (problem, data, tx, batch_size)):
            return self.notes.run.diagnose(tolerance=tolerance)
        problem = problem if problem is not None else self._problem("diagnose")
        data = self.notes.data if data is None else problem.dataset(data)
        tx = self.notes.tx if tx is None else as_transformation(tx)
        batch_size = self.notes.batch_size if batch_size is None else batch_size
        if tolerance is not None and not tolerance > 0:
            raise ValueError(f"tolerance must be above 0, found {shown(tolerance)}.")
        return diagnosis.diagnose(self, problem, tx, data, batch_size, tolerance)

    def trajectory(self, points: int = 200) -> "Trajectory":
        """The parameters on the way: the run is run again, step by step the same, and looked at as it goes.

        Args:
          points: at how many steps at most, equally spaced; the last is among them.

        Returns:
          Steps (points,), and the parameters before each, with a leading axis.

        Raises:
          TypeError: for a result that does not know how it was run: out of compiled code, or of `jgd.solve`.

        >>> import jgd
        >>> way = jgd.minimize(lambda w: w**2, 1.0, jgd.gd(0.25), steps=3).trajectory()
        >>> way.step.tolist(), way.params.tolist()
        ([0, 1, 2, 3], [1.0, 0.5, 0.25, 0.125])
        """
        from jgd.training._replay import trajectory

        self._need_single("trajectory()")
        return trajectory(self, points)

    @property
    def classes(self) -> tuple | None:
        """The labels that the class numbers stand for."""
        return self.notes.data.classes if self.notes.data is not None else None

    @public
    def to_frame(self):
        """The history as a pandas frame, one row per record."""
        import pandas as pd

        self._need_single("to_frame()")
        frame = pd.DataFrame({name: np.asarray(self.history[name]) for name in self.history.names})
        if self.steps_per_epoch is not None:
            frame.insert(1, "epoch", frame["step"] / self.steps_per_epoch)
        return frame

    @public
    def plot(self, ax=None, *, kind: str | None = None, **options):
        """A picture of the run.

        Args:
          ax: the matplotlib axes to draw on; new ones if not given.
          kind: "loss" (`jgd.plotting.plot_loss`), "decrement", "run", "fit", "weights" or "diagnosis". By default the loss curve;
            of a solver's steps the decrement; of a closed form, which has none, the fit to the data, where one or two columns
            can be drawn.
          **options: those of the function that draws.
        """
        from jgd import plotting

        self._need_single("plot()")
        return plotting.plot_result(self, ax, kind, **options)

    def __repr__(self) -> str:
        if not is_concrete(self.status_code):
            return "Result(traced)"
        if isinstance(self.status_code, jax.ShapeDtypeStruct):
            return f"Result(of shape {self.status_code.shape})"
        if not is_readable((self.status_code, self.state, self.history)):
            return "Result(its arrays were deleted)"
        if not self._single:
            return f"Result(batch of shape {np.shape(self.status_code)})"
        return f"Result({self.message})"

    def _view(self) -> View:
        from jgd.training._view import result_view

        return result_view(self)

    def _need_single(self, what: str) -> None:
        if not self._single:
            raise TypeError(f"{what} is of one result: pick one with jax.tree.map(lambda a: a[i], results).")

    def _problem(self, what: str) -> Any:
        if self.notes.problem is None:
            instead = {
                "certificate": "jgd.certificate(problem, data, result.params)",
                "diagnose": "result.diagnose(problem=..., data=..., tx=...)",
                "save": "save the result of jgd.fit, or result.params",
            }.get(what, f"problem.{what}(result.params, X)")
            raise TypeError(f"a result made inside compiled code does not know its problem: {instead}.")
        return self.notes.problem

    def _chosen(self, best: bool) -> Best | State:
        if best and self.best is None:
            raise ValueError("no best parameters were kept: fit with validation=, or best='loss'.")
        return self.best if best else self.state

    def _predictor(self, what: str, best: bool) -> Predictor:
        problem, chosen, data = self._problem(what), self._chosen(best), self.notes.data
        notes = {}
        if self._single:
            chain = None if self.notes.tx is None else repr(self.notes.tx)
            notes = {"chain": chain, "status": self.status, "steps": self.steps, "objective": self.objective}
        notes["read"] = [] if data is None else list(data.notes)
        return Predictor(problem, chosen.params, chosen.model_state, Known.of(data), notes)
