"""What a notebook shows while something runs, and of what came of it: outputs that are updated, not new ones."""

import base64
import struct

import nbclient
import nbformat
import pytest

from docs._site.notebooks import ThisInterpreter

CELLS = {
    "setup": "import jgd\nX, y = jgd.data.make_linear(200)\nproblem = jgd.linear_regression()",
    "chain": "jgd.chain(jgd.clip(1.0), jgd.adam(jgd.schedules.cosine(0.1, 100)))",
    "fit": "result = jgd.fit(problem, (X, y), jgd.sgd(0.05), batch_size=20, epochs=30, progress=True)",
    "result": "result",
    "interrupted": (
        "def stop(result):\n    if result.steps >= 50:\n        raise KeyboardInterrupt\n"
        "jgd.fit(problem, (X, y), jgd.sgd(0.05), batch_size=20, epochs=30, progress=True, callbacks=[stop]).steps"
    ),
    "sweep": (
        "rates = jgd.sgd(jgd.over([0.01, 0.1, 50.0]))\n"
        "jgd.sweep(problem, (X, y), rates, batch_size=20, epochs=30, progress=True).status.tolist()"
    ),
    "live": (
        "drawn = []\nfrom jgd.plotting._live import LivePlot\nreal = LivePlot._draw\n"
        "LivePlot._draw = lambda self, result: drawn.append(result.steps) or real(self, result)\n"
        "_ = jgd.fit(problem, (X, y), jgd.sgd(0.05), batch_size=20, epochs=30, chunk=1, callbacks=[jgd.live_plot(every=1e-9)])"
    ),
    "drawn": "len(drawn), drawn[-1]",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.delenv("MPLBACKEND", raising=False)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
        nbclient.NotebookClient(notebook, timeout=300, kernel_manager_class=ThisInterpreter).execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def test_progress_is_one_output_that_is_updated(outputs):
    (shown,) = outputs["fit"]
    assert shown.output_type == "display_data"
    assert shown.data["text/plain"].startswith("300/300 steps (epoch 30 of 30), max_steps after ")
    assert '<progress value="1.0000" max="1" aria-label="progress"' in shown.data["text/html"]


def test_an_interrupted_run_is_counted(outputs):
    shown, value = outputs["interrupted"]
    assert shown.data["text/plain"].startswith("50/300 steps (epoch 5 of 30), interrupted after ")
    assert value.data["text/plain"] == "50"


def test_the_progress_of_a_sweep(outputs):
    shown, value = outputs["sweep"]
    assert shown.data["text/plain"].startswith("900/900 steps of lanes, done after ")
    assert "0 running, 2 ended, 1 failed" in shown.data["text/plain"]
    assert value.data["text/plain"].count("max_steps") == 2


@pytest.mark.parametrize(("cell", "begins"), [("chain", "chain(clip(1.0)"), ("result", "Result(max_steps at step 300")])
def test_displays_have_html_and_text(outputs, cell, begins):
    (shown,) = outputs[cell]
    assert shown.data["text/html"].startswith("<style>.jgd{")
    assert shown.data["text/plain"].startswith(begins)


def test_a_live_plot_is_one_picture_that_is_updated(outputs):
    (shown,) = outputs["live"]
    png = base64.b64decode(shown.data["image/png"])
    assert struct.unpack(">II", png[16:24]) == (600, 400)
    drawn, last = eval(outputs["drawn"][0].data["text/plain"])
    assert drawn >= 2
    assert last == 300
