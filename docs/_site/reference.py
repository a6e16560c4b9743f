"""Which page of the reference shows what: the modules that define public names, in the order a person looks for them.

A new name of a listed module appears by itself, where the module defines it; a new module has to be given a place here.
"""

import ast
import functools
import inspect
import types
from pathlib import Path
from typing import NamedTuple

import jgd

ROOT = Path(jgd.__file__).parent

# Which names stand before the others of their module.
FIRST = {"jgd.fit", "jgd.Result", "jgd.linear_regression", "jgd.logistic_regression"}


class Page(NamedTuple):
    """A page of the reference.

    Attributes:
      name: of its file, without ending.
      title: its first heading.
      sections: pairs of a heading and the modules whose names stand under it.
      package: whose docstring stands at the top, as the modules' do under their headings.
    """

    name: str
    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    package: str = ""


PAGES = (
    Page(
        "fit",
        "Fit, train, solve",
        (
            ("Whole runs", ("training._fit",)),
            ("Results", ("training._result",)),
            ("Saved models", ("training._predictor",)),
            ("To the optimum", ("solvers._solve",)),
            ("One step", ("training._step",)),
            ("Functions instead of problems", ("training._functions",)),
            ("Settings", ("_configure",)),
        ),
        "training",
    ),
    Page("stopping", "Stopping rules", (("Rules", ("training.stopping",)),)),
    Page(
        "problems",
        "Problems",
        (
            ("Linear and logistic regression", ("models._linear",)),
            ("Any problem", ("models._problem",)),
            ("Mixed precision", ("models._precision",)),
            ("Gram matrices", ("models._gram",)),
        ),
        "models",
    ),
    Page(
        "losses",
        "Losses and penalties",
        (
            ("Numbers", ("losses._regression",)),
            ("Two classes", ("losses._binary",)),
            ("Several classes", ("losses._classes",)),
            ("Distributions and regions", ("losses._distributions",)),
            ("By name", ("losses",)),
            ("Penalties", ("penalties",)),
        ),
        "losses",
    ),
    Page(
        "initializers",
        "Initial parameters",
        (
            ("By the fans of each array", ("initializers._fans", "initializers")),
            ("Of a given scale", ("initializers._plain",)),
            ("Their class", ("initializers._initializer",)),
        ),
        "initializers",
    ),
    Page(
        "data",
        "Data",
        (
            ("Datasets", ("data._dataset",)),
            ("Files and tables", ("data._read", "data._encoder")),
            ("Synthetic data", ("data._generators",)),
            ("Labels", ("data._labels",)),
            ("Order", ("data._order",)),
        ),
        "data",
    ),
    Page(
        "transformations",
        "Optimizers as data",
        (
            ("Transformations", ("transformation",)),
            ("Many at once", ("_expression",)),
            ("From text", ("_parse",)),
        ),
    ),
    Page(
        "optimizers",
        "Optimizers",
        (
            ("Descent and momentum", ("optimizers._descent",)),
            ("Adam and its family", ("optimizers._adam",)),
            ("Other adaptive ones", ("optimizers._adaptive",)),
            ("Newton and L-BFGS", ("transforms._newton", "transforms._lbfgs")),
        ),
        "optimizers",
    ),
    Page(
        "links",
        "Links of chains",
        (
            ("Clipping, decay, noise", ("optimizers._links",)),
            ("Directions", ("optimizers._directions", "transforms._nadam")),
            ("Step lengths", ("optimizers._scalings",)),
            ("Around other transformations", ("optimizers._wrappers",)),
            ("Averages", ("transforms._averaging",)),
            ("Low precision", ("transforms._precision",)),
            ("Monitoring", ("optimizers._monitoring",)),
        ),
    ),
    Page(
        "contrib",
        "Contributed optimizers",
        (
            ("Adaptive", ("contrib._adaptive",)),
            ("Matrices", ("contrib._matrix",)),
            ("Without a learning rate", ("contrib._rate_free",)),
            ("Without a schedule", ("contrib._schedule_free",)),
            ("Second order", ("contrib._second_order",)),
            ("Per row, and private", ("contrib._rows", "contrib._private")),
            ("On plateaus", ("transforms._plateau",)),
            ("Around others", ("contrib._wrappers",)),
        ),
        "contrib",
    ),
    Page(
        "schedules",
        "Schedules",
        (
            ("One way", ("schedules._decay",)),
            ("With a warm-up", ("schedules._warmup",)),
            ("Cycles, and one after another", ("schedules._cycles",)),
            ("Your own", ("schedules._schedule",)),
        ),
        "schedules",
    ),
    Page(
        "experiments",
        "Sweeps",
        (
            ("Marks", ("_over",)),
            ("Sweeps", ("experiments._sweep", "experiments._sweep_result")),
            ("Drawn settings", ("experiments._draws",)),
            ("Finding a learning rate", ("experiments._finder",)),
            ("Ensembles", ("experiments._ensemble",)),
        ),
        "experiments",
    ),
    Page(
        "statistics",
        "Folds, bootstrap, paths",
        (
            ("Cross-validation", ("experiments._cross_validate", "experiments._cross_validation")),
            ("Folds", ("experiments.folds",)),
            ("Bootstrap and jackknife", ("experiments._bootstrap", "experiments._resampled")),
            ("Regularization paths", ("experiments._path", "experiments._paths")),
            ("Learning curves", ("experiments._learning_curve",)),
        ),
    ),
    Page(
        "certificates",
        "Certificates and diagnoses",
        (
            ("Certificates", ("certificates._certificate",)),
            ("Smoothness and convexity", ("certificates._constants",)),
            ("Safe learning rates", ("certificates._learning_rate",)),
            ("Diagnoses", ("diagnosis._finding",)),
        ),
        "certificates",
    ),
    Page(
        "plotting",
        "Pictures",
        (
            ("Runs", ("plotting._loss", "plotting._run", "plotting._decrement", "plotting._diagnosis", "plotting._live")),
            ("Paths of descent", ("plotting._contours", "plotting._function")),
            ("Models", ("plotting._fit", "plotting._weights", "plotting._coefficients")),
            ("Sweeps and learning rates", ("plotting._sweep", "plotting._rates")),
            ("Rows left out", ("plotting._scores",)),
        ),
        "plotting",
    ),
)


@functools.cache
def public() -> dict[str, object]:
    """Every public object by its dotted name, the modules' own `__all__` followed; of two names the shorter one."""
    found = {}

    def add(module, prefix):
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, types.ModuleType):
                add(value, f"{prefix}.{name}")
            else:
                found[f"{prefix}.{name}"] = value

    add(jgd, "jgd")
    return {name: value for name, value in found.items() if not _has_shorter(name, value)}


def _has_shorter(name: str, value: object) -> bool:
    last = name.rpartition(".")[2]
    return name != f"jgd.{last}" and getattr(jgd, last, None) is value


@functools.cache
def anchors() -> dict[str, str]:
    """What modules are called in docstrings, by their own names: the public ones, and the packages that pages are about."""
    public_ones = {_real(name): f"jgd.{name}" for name in jgd.__all__ if isinstance(getattr(jgd, name), types.ModuleType)}
    return {page.package: f"jgd.{page.package}" for page in PAGES if page.package} | public_ones


@functools.cache
def parsed(module: str) -> ast.Module:
    """The syntax tree of a module of jgd, which is named from below `jgd`."""
    path = ROOT.joinpath(*module.split(".")) if module else ROOT
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


def introduction(module: str) -> str:
    """A module's docstring."""
    return inspect.cleandoc(ast.get_docstring(parsed(module)))


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return []


def origin(module: str, name: str) -> tuple[str, int]:
    """Where a name of a module is made: the module's name and the line. Other names of one thing follow it."""
    for node in parsed(module).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jgd":
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return origin(node.module.partition(".")[2], alias.name)
    lines = [node.lineno for node in parsed(module).body if name in _targets(node)]
    if not lines:
        raise LookupError(f"jgd.{module} neither makes {name} nor imports it from jgd.")
    return module, lines[-1]


@functools.cache
def names() -> dict[str, list[str]]:
    """The public names of each module that makes some, in the order in which it makes them, the first of all first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in public():
        module, _, last = name.removeprefix("jgd.").rpartition(".")
        at, line = origin(_real(module), last)
        found.setdefault(at, []).append((line, name))
    order = lambda place: (place[1] not in FIRST, *place)
    return {module: [name for _, name in sorted(of_module, key=order)] for module, of_module in found.items()}


def _real(module: str) -> str:
    """A public module under the name of its file: `stopping` is `training.stopping`."""
    return getattr(jgd, module).__name__.partition(".")[2] if module else ""


def placed() -> list[str]:
    """Every module that has a place on a page."""
    return [module for page in PAGES for _, modules in page.sections for module in modules]


def of_page(page: Page) -> list[str]:
    """The public names on a page."""
    return [name for _, modules in page.sections for module in modules for name in names()[module]]
