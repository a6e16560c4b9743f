"""The package: what importing it does, which way imports point, and that every public name is documented by what runs."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

import jgd

ROOT = Path(jgd.__file__).parent

# From the bottom up; a module imports only from layers below its own, or its own.
LAYERS = [
    (
        "_names",
        "_checks",
        "_errors",
        "_configure",
        "_display",
        "_leaves",
        "_meter",
        "_over",
        "_kept",
        "_factory",
        "_print",
        "_expression",
        "_boxes",
        "_pair",
        "_parse",
        "_threads",
    ),
    ("transformation", "schedules", "losses", "penalties", "initializers", "data"),
    ("transforms", "models"),
    ("optimizers", "contrib"),
    ("certificates",),
    ("training",),
    ("solvers",),
    ("diagnosis",),
    ("experiments", "plotting"),
    ("_arguments", "_predict"),
    ("__main__",),
]
LAYER = {module: i for i, layer in enumerate(LAYERS) for module in layer}


def modules():
    return sorted(ROOT.rglob("*.py"))


def test_import_brings_nothing_optional_no_backend_and_no_setting():
    code = """
import sys, jax
before = {k: v for k, v in jax.config.values.items()}
import jgd
optional = {"matplotlib", "pandas", "sklearn", "tqdm", "chex", "torch", "keras", "hypothesis", "IPython", "flax", "equinox"}
optional |= {"pyarrow", "polars"}
optional |= {"scipy"}  # it comes with JAX, and is slow to import
assert not optional & set(sys.modules), optional & set(sys.modules)
assert before == {k: v for k, v in jax.config.values.items()}
from jax.extend import backend
import jax._src.xla_bridge as bridge
assert not bridge._backends, bridge._backends
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_imports_point_down_the_layers():
    wrong = []
    for path in modules():
        name = path.relative_to(ROOT).with_suffix("").parts[0]
        if name == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            targets = []
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jgd":
                parts = node.module.split(".")[1:]
                targets = parts[:1] or [alias.name for alias in node.names]
            for target in targets:
                if target in LAYER and LAYER[target] > LAYER[name]:
                    wrong.append(f"{path.relative_to(ROOT)} imports {target}")
    # A result offers its diagnosis and its picture; the modules that make them are imported when they are asked for.
    offered = [("diagnosis/_finding.py", "plotting")]
    offered += [("training/_result.py", name) for name in ("diagnosis", "diagnosis", "plotting")]
    assert wrong == [f"{path} imports {name}" for path, name in offered]


def test_every_module_has_a_layer_and_a_sentence():
    for path in modules():
        top = path.relative_to(ROOT).with_suffix("").parts[0]
        assert top in LAYER or top == "__init__", path
        assert ast.get_docstring(ast.parse(path.read_text())), path


def public():
    """Every public object by its dotted name, modules' own `__all__` followed."""
    found = {}

    def add(module, prefix):
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, types.ModuleType):
                add(value, f"{prefix}.{name}")
            else:
                found[f"{prefix}.{name}"] = value

    add(jgd, "jgd")
    return found


@pytest.mark.parametrize("name", sorted(public()))
def test_every_public_name_has_a_docstring_with_an_example_that_runs(name):
    value = public()[name]
    doc = inspect.getdoc(value)
    assert doc, f"{name} has no docstring"
    examples = doctest.DocTestParser().get_doctest(doc, {}, name, None, 0)
    assert examples.examples, f"{name} has no example"
    output = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=output.append)
    assert not output, "".join(output)


@pytest.mark.parametrize(
    "value",
    [
        jgd.training._history.History,
        jgd.Problem.objective,
        jgd.Result.certificate,
        jgd.Result.diagnose,
        jgd.Result.trajectory,
        jgd.Result.save,
        jgd._expression.pack,
    ],
    ids=lambda v: v.__qualname__,
)
def test_examples_of_what_public_things_are_made_of(value):
    output = []
    doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(value.__doc__, {}, "x", None, 0), out=output.append)
    assert not output, "".join(output)


def test_all_is_sorted_and_complete():
    for module in (jgd, jgd.contrib, jgd.data, jgd.folds, jgd.initializers, jgd.losses, jgd.schedules, jgd.stopping):
        assert list(module.__all__) == sorted(module.__all__), module.__name__
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


def test_it_is_typed_and_its_version_is_that_of_the_package():
    from importlib.metadata import version

    assert (ROOT / "py.typed").is_file()
    assert jgd.__version__ == version("jgd")


def test_submodules_import_on_their_own():
    for info in pkgutil.walk_packages([str(ROOT)], "jgd."):
        if info.name != "jgd.__main__":
            importlib.import_module(info.name)


def readmes_code(place):
    readme = (ROOT.parent / "README.md").read_text()
    return compile(readme.split("```python\n")[place].partition("```")[0], "README.md", "exec")


def test_the_readmes_code_runs(capsys):
    exec(readmes_code(1), {})
    assert "diverged" in capsys.readouterr().out


def test_the_readmes_code_for_a_file_runs(tmp_path, monkeypatch, capsys):
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    size = np.random.default_rng(0).normal(100, 20, 300)
    town = np.where(np.arange(300) % 3 == 0, "Bonn", "York")
    table = pd.DataFrame({"size": size, "town": town, "price": 3 * size + 30 * (town == "York")})
    table.to_csv("houses.csv", index=False)
    table[["town", "size"]].head(5).to_csv("new-houses.csv", index=False)
    names = {}
    exec(readmes_code(2), names)
    np.testing.assert_allclose(names["prices"], table["price"].head(5), rtol=0.05)
    assert (tmp_path / "loss-curves.png").is_file()
    assert "Certificate" in capsys.readouterr().out
