"""The notebooks as pages: executed once, and written as Markdown with their outputs."""

import base64
import hashlib
import html
import importlib.util
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import jupyter_client
import nbclient
import nbformat

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
EXECUTED = ROOT / ".notebooks"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class ThisInterpreter(jupyter_client.AsyncKernelManager):
    """Without folders of kernels to look in, "python3" is the interpreter that runs this, whatever else is installed."""

    def __init__(self, **kwargs):
        super().__init__(kernel_spec_manager=jupyter_client.kernelspec.KernelSpecManager(kernel_dirs=[]), **kwargs)


class Picture(NamedTuple):
    """A file that a page shows."""

    name: str
    content: bytes


def kept(path: Path, folder: Path | None = None) -> Path:
    """Where the executed copy of a notebook is kept: under another name as soon as it, or the package, has changed."""
    digest = hashlib.sha256()
    for source in [path, *sorted((ROOT / "jgd").rglob("*.py"))]:
        digest.update(source.read_bytes())
    return (folder or EXECUTED) / f"{path.stem}-{digest.hexdigest()[:16]}.ipynb"


def executed(path: Path) -> Any:
    """A notebook with its outputs: the copy that `pytest tests/notebooks --executed .notebooks` keeps, or a new one.

    One that imports what is not installed here is returned as it is.
    """
    at = kept(path)
    notebook = nbformat.read(path, as_version=4)
    if not at.exists() and missing(notebook):
        return notebook
    if not at.exists():
        with tempfile.TemporaryDirectory() as folder:
            nbclient.NotebookClient(
                notebook,
                kernel_name="python3",
                kernel_manager_class=ThisInterpreter,
                timeout=300,
                resources={"metadata": {"path": folder}},
            ).execute()
        keep(notebook, at)
    return nbformat.read(at, as_version=4)


def missing(notebook: Any) -> list[str]:
    """The libraries that a notebook imports, and that are not installed."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imported = dict.fromkeys(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
    return [name for name in imported if importlib.util.find_spec(name) is None]


def keep(notebook: Any, at: Path) -> None:
    """Writes an executed notebook, in place of older copies of it."""
    at.parent.mkdir(parents=True, exist_ok=True)
    for old in at.parent.glob(f"{at.stem.rpartition('-')[0]}-*.ipynb"):
        old.unlink()
    nbformat.write(notebook, at)


def page(path: Path) -> tuple[str, list[Picture]]:
    """A notebook as Markdown, and the pictures it shows."""
    parts, pictures = [], []
    notebook = executed(path)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.source.strip():
            parts.append(f"```python\n{cell.source}\n```")
            parts += [_output(output, path.stem, pictures) for output in _joined(cell.outputs)]
    if not kept(path).exists():
        lacks = ", ".join(missing(notebook))
        parts.insert(1, f"*Its outputs are not shown: this page was made without {lacks}.*")
    return "\n\n".join(filter(None, parts)) + "\n", pictures


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs, of which those that a stream was cut into are one again."""
    joined: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].output_type == "stream":
            joined[-1] = nbformat.from_dict({**joined[-1], "text": joined[-1].text + output.text})
        else:
            joined.append(output)
    return joined


def _output(output: Any, stem: str, pictures: list[Picture]) -> str:
    """An output as HTML: the richest form that a page without scripts can show."""
    data = output.get("data", {})
    if "image/png" in data:
        pictures.append(Picture(f"{stem}-{len(pictures) + 1}.png", base64.b64decode(data["image/png"])))
        return f'<div class="output picture" markdown="0"><img src="{pictures[-1].name}" alt="{html.escape(_alt(data))}"></div>'
    if "text/html" in data and "<script" not in data["text/html"]:
        # Blank lines would end the block in Markdown's eyes.
        return f'<div class="output html" markdown="0">{_unbroken(data["text/html"])}</div>'
    text = COLOURS.sub("", output.get("text") or data.get("text/plain", ""))
    return f'<div class="output" markdown="0"><pre>{_unbroken(html.escape(text.rstrip()))}</pre></div>' if text.strip() else ""


def _unbroken(text: str) -> str:
    return re.sub(r"\n[ \t]*\n", "\n&#8203;\n", text)


def _alt(data: Any) -> str:
    """The text form of a figure, `<Figure size ...>`, says nothing."""
    return "the figure that the code above draws"
