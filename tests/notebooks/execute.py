"""A notebook, run from top to bottom in a kernel of this interpreter, and what its figures show."""

import base64
import json
import math
import struct
from pathlib import Path
from typing import NamedTuple

import nbclient
import nbformat

from docs._site.notebooks import FOLDER, ThisInterpreter
from tests.notebooks.figures import FIGURES, Panel

HERE = Path(__file__).resolve().parent
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# Those that need libraries of the `peers` extra: tests/peers runs them.
PEERS = [path for path in NOTEBOOKS if path.stem == "11_coming_from_pytorch_keras_tensorflow"]


class Drawn(NamedTuple):
    """A panel as it came out.

    Attributes:
      outside: of that line of which most is beyond the limits, how much is.
      overlapping: which tick labels lie on others.
      empty: whether nothing is drawn in it.
    """

    panel: Panel
    outside: float
    overlapping: list[str]
    empty: bool


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def check(path, tmp_path, monkeypatch):
    """That a notebook runs without errors and warnings, and that its figures are those of `figures.py`; with its outputs."""
    notebook = execute(path, tmp_path, monkeypatch)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    for output in outputs:
        assert output.output_type != "error"
        assert "Warning:" not in output.get("text", "")
    shown = [output.data for output in outputs if "image/png" in output.get("data", {})]
    figures = [drawn(data["application/json"]["panels"]) for data in shown]
    expected = FIGURES[path.stem]
    assert [len(panels) for panels in figures] == [len(panels) for panels in expected], as_table(figures)
    for data in shown:
        # A figure that shows something is neither small nor all of one colour (which would compress to next to nothing).
        png = base64.b64decode(data["image/png"])
        assert len(png) > 5000
        assert min(struct.unpack(">II", png[16:24])) > 200
    for panels, wanted in zip(figures, expected, strict=True):
        for panel, want in zip(panels, wanted, strict=True):
            check_panel(panel, want)
    for data in shown:
        del data["application/json"]
    del notebook.cells[0]
    return notebook


def execute(path, tmp_path, monkeypatch):
    """The notebook with its outputs; each figure comes with what `describe.py` says of it."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own backend, which puts figures into the notebook
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell((HERE / "describe.py").read_text()))
    nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=ThisInterpreter,
        timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    return notebook


def drawn(described):
    """The panels of a figure, of what `describe.py` says."""
    return [Drawn(Panel(**panel["panel"]), panel["outside"], panel["overlapping"], panel["empty"]) for panel in described]


def check_panel(panel, want):
    found = as_line(panel.panel)
    assert panel.panel._replace(limits=want.limits) == want, f"found {found}"
    assert not panel.empty, found
    assert not panel.overlapping, f"{panel.overlapping} lie on each other in {found}"
    assert panel.outside < 1, f"a line lies wholly outside of {found}"
    for axis, scale in enumerate(want.scales):
        (low, high), (start, end) = (placed(limits[2 * axis :][:2], scale) for limits in (want.limits, panel.panel.limits))
        room = 0.15 * abs(high - low)
        assert abs(start - low) <= room, f"{'xy'[axis]} begins elsewhere: found {found}"
        assert abs(end - high) <= room, f"{'xy'[axis]} ends elsewhere: found {found}"


def placed(limits, scale):
    return [math.log10(limit) for limit in limits] if scale == "L" else limits


def as_line(panel):
    """The code that makes it, with limits as they are told."""
    limits = ", ".join(f"{float(f'{limit:.2g}'):g}" for limit in panel.limits)
    words = ", ".join(json.dumps(word, ensure_ascii=False) for word in panel[:4])
    return f"Panel({words}, {panel.lines}, {panel.legend}, ({limits}))"


def as_table(figures):
    """What would stand in `figures.py`."""
    return "\n".join(f"[{', '.join(as_line(panel.panel) for panel in panels)}]," for panels in figures)
