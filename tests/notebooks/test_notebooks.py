"""The notebooks run from top to bottom, draw what they should, and are committed without outputs."""

from pathlib import Path

import nbformat
import pytest

from docs._site.notebooks import keep, kept
from tests.notebooks.execute import NOTEBOOKS, PEERS, Drawn, check, check_panel, code_cells
from tests.notebooks.figures import FIGURES, Panel


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 12
    assert len(PEERS) == 1
    assert list(FIGURES) == [path.stem for path in NOTEBOOKS]


@each(NOTEBOOKS)
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


@each([path for path in NOTEBOOKS if path not in PEERS])
def test_runs(path, tmp_path, monkeypatch, request):
    notebook = check(path, tmp_path, monkeypatch)
    if request.config.option.executed:
        keep(notebook, kept(path, Path(request.config.option.executed)))


WANTED = Panel("Loss", "epoch", "loss", "-L", 2, 2, (0, 20, 0.01, 10))
FINE = Drawn(WANTED._replace(limits=(-1, 21, 0.008, 12)), outside=0.1, overlapping=[], empty=False)


def test_a_figure_as_it_should_be():
    check_panel(FINE, WANTED)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (FINE._replace(panel=FINE.panel._replace(y="")), 'found Panel."Loss", "epoch", "", "-L", 2, 2'),
        (FINE._replace(panel=FINE.panel._replace(lines=1)), 'found Panel."Loss", "epoch", "loss", "-L", 1, 2'),
        (FINE._replace(panel=FINE.panel._replace(scales="--")), 'found Panel."Loss", "epoch", "loss", "--", 2, 2'),
        (FINE._replace(panel=FINE.panel._replace(limits=(-1, 41, 0.008, 12))), "x ends elsewhere"),
        (FINE._replace(panel=FINE.panel._replace(limits=(-1, 21, 1e-5, 12))), "y begins elsewhere"),
        (FINE._replace(outside=1.0), "lies wholly outside"),
        (FINE._replace(overlapping=["10 and 20"]), "10 and 20"),
        (FINE._replace(empty=True), "Loss"),
    ],
)
def test_a_figure_that_is_not(wrong, said):
    with pytest.raises(AssertionError, match=said):
        check_panel(wrong, WANTED)
