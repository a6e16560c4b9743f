"""The notebooks run from top to bottom, draw something, and are committed without outputs."""

import base64
import struct
from pathlib import Path

import nbclient
import nbformat
import pytest

from docs._site.notebooks import FOLDER, ThisInterpreter, keep, kept

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def png_sizes(notebook):
    """(bytes, width, height) of every figure."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    pngs = [base64.b64decode(o.data["image/png"]) for o in outputs if "image/png" in o.get("data", {})]
    return [(len(png), *struct.unpack(">II", png[16:24])) for png in pngs]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 7


@each
def test_committed_clean(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


@each
def test_runs(path, tmp_path, monkeypatch, request):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own backend, which puts figures into the notebook
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=ThisInterpreter,
        timeout=120,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()

    # A figure that shows something is neither small nor all of one colour (which would compress to next to nothing).
    sizes = png_sizes(notebook)
    assert sizes
    for size, width, height in sizes:
        assert size > 5000
        assert min(width, height) > 200
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert "Warning:" not in output.get("text", "")

    if request.config.option.executed:
        keep(notebook, kept(path, Path(request.config.option.executed)))
