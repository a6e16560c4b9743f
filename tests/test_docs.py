"""The pages of docs/: their code runs, page by page, and every public name has its place in the reference."""

import base64
import re
from pathlib import Path

import nbformat
import pytest

from docs._site import check, docstrings, notebooks, reference

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.name != "hosts.md"]  # which tests/test_hosts.py runs


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_the_code_of_a_page_runs(path):
    text, names = path.read_text(), {"__name__": "page"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert blocks, f"{path} shows no code"
    for block in blocks:
        lines = "\n" * text.count("\n", 0, block.start(1))
        exec(compile(lines + block[1], str(path), "exec"), names)


def test_every_public_name_has_one_place_in_the_reference():
    entries = [name for page in reference.PAGES for name in reference.of_page(page)]
    assert sorted(entries) == sorted(reference.public())
    assert set(reference.placed()) == set(reference.names()), "give each module a place in reference.PAGES"
    assert len({page.name for page in reference.PAGES}) == len(reference.PAGES)


def test_names_stand_in_the_order_of_their_module():
    names = reference.names()
    assert names["optimizers._adam"][:3] == ["jgd.adam", "jgd.adamw", "jgd.nadam"]
    assert names["training.stopping"][-1] == "jgd.stopping.seconds"
    assert "jgd.initializers.glorot_normal" in names["initializers"]
    assert "jgd.Dataset" in names["data._dataset"]
    assert "jgd.data.Dataset" not in reference.public()


def test_a_name_that_jgd_only_imports_has_no_place():
    with pytest.raises(LookupError, match="neither makes cache nor imports it from jgd"):
        reference.origin("training._fit", "cache")


def test_a_docstring_in_sections():
    doc = """Minimises it.

w <- w - rate * g;  t <- t + 1, as in `jgd.gd`. The rest is *prose* about t = 0.

Args:
  X, y: the data, of
    two lines.
  rate: a number.

Returns:
  A `Result`: what it says.

Raises:
  TypeError, ValueError: for bad ones.

>>> 1 + 1
2

Source: nobody."""
    text, arguments, returns, raises, rest = docstrings.sections(doc)
    assert text.text == (
        "Minimises it.\n\nw ← w - rate \\* g;<br>\nt ← t + 1, as in `jgd.gd`.\n{: .rule }\n\nThe rest is \\*prose\\* about t = 0."
    )
    assert arguments.items == (("X, y", "the data, of\ntwo lines."), ("rate", "a number."))
    assert returns.text == "A `Result`: what it says."
    assert raises.items == (("TypeError, ValueError", "for bad ones."),)
    assert rest.text == "```pycon\n>>> 1 + 1\n2\n```\n\nSource: nobody."


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("value(t) = init_value / sqrt(t)", True),
        ("|f_k - f_(k-1)| <= tolerance * |f_(k-1)|.", True),
        ("With d = g_t - g_(t-1):  m <- b1 m + d", True),
        ("A small change is no proof: with r = 0 nothing is known.", False),
        ("With r = 0 it is the mean of all.", False),
    ],
)
def test_what_is_a_rule(sentence, rule):
    assert docstrings.is_rule(sentence) is rule


SITE = {
    "index.html": '<h1 id="top">jgd</h1><a href="reference/fit.html#jgd.fit">fit</a><a href="https://example.org">out</a>',
    "reference/fit.html": '<h2 id="jgd.fit">fit</h2><a href="../index.html#top">up</a><img src="a.png">',
    "reference/a.png": "",
}


@pytest.mark.parametrize(
    ("file", "more", "problem"),
    [
        ("index.html", "", None),
        ("index.html", '<a href="gone.html">x</a>', "index.html links to gone.html, which is not there."),
        ("index.html", '<a href="#gone">x</a>', "index.html links to #gone: that page has no such anchor."),
        (
            "index.html",
            '<a href="reference/fit.html#jgd.fti">x</a>',
            "index.html links to reference/fit.html#jgd.fti: that page has no such anchor.",
        ),
        ("reference/fit.html", '<img src="b.png">', "reference/fit.html links to b.png, which is not there."),
        (
            "index.html",
            '<script src="https://example.org/x.js"></script>',
            "index.html fetches https://example.org/x.js: nothing may come from elsewhere.",
        ),
        (
            "index.html",
            '<link rel="stylesheet" href="//example.org/x.css">',
            "index.html fetches //example.org/x.css: nothing may come from elsewhere.",
        ),
    ],
)
def test_the_check_of_a_site(tmp_path, file, more, problem):
    (tmp_path / "reference").mkdir()
    for name, text in SITE.items():
        (tmp_path / name).write_text(text + more * (name == file))
    assert check.problems(tmp_path, ["jgd.fit"]) == ([problem] if problem else [])
    assert check.problems(tmp_path, ["jgd.sgd"])[-1] == "jgd.sgd has no entry in the reference."


def notebook_with(*outputs):
    cell = nbformat.v4.new_code_cell("import jgd\nfrom not_installed import x\nimport os.path", outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A title"), cell])


def kept_as(notebook, tmp_path, monkeypatch):
    """The page of a notebook of which an executed copy is kept."""
    path = tmp_path / "01_a.ipynb"
    nbformat.write(notebook_with(), path)
    monkeypatch.setattr(notebooks, "EXECUTED", tmp_path / "executed")
    notebooks.keep(notebook_with(), tmp_path / "executed" / "01_a-0123.ipynb")  # of an older version
    notebooks.keep(notebook, notebooks.kept(path))
    assert len(list((tmp_path / "executed").iterdir())) == 1
    return notebooks.page(path)


def test_a_notebook_as_a_page(tmp_path, monkeypatch):
    stream = lambda text: nbformat.v4.new_output("stream", name="stdout", text=text)
    shown = lambda **data: nbformat.v4.new_output("display_data", data={f"{k.replace('_', '/')}": v for k, v in data.items()})
    png = base64.b64encode(b"pixels").decode()
    outputs = [stream("a < b\n"), stream("\n\x1b[31mred\x1b[0m\n"), shown(image_png=png, text_plain="<Figure>")]
    outputs.append(shown(text_html="<b>bold</b>", text_plain="plain"))
    text, pictures = kept_as(notebook_with(*outputs), tmp_path, monkeypatch)
    assert pictures == [("01_a-1.png", b"pixels")]
    title, code, printed, picture, table = text.rstrip("\n").split("\n\n")
    assert title == "# A title"
    assert code.startswith("```python\nimport jgd\n")
    assert "<pre>a &lt; b\n&#8203;\nred</pre>" in printed  # one output, without a blank line or colours
    assert '<img src="01_a-1.png"' in picture
    assert "<b>bold</b>" in table
    assert "plain" not in text


def test_a_notebook_that_cannot_be_run_here_is_shown_without_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "EXECUTED", tmp_path / "executed")
    nbformat.write(notebook_with(), tmp_path / "01_a.ipynb")
    text, pictures = notebooks.page(tmp_path / "01_a.ipynb")
    assert "without not_installed." in text
    assert pictures == []
