"""Hooks of MkDocs: pages that are made of other files, links between them as they stand in the repository, and checks."""

import logging
import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs._site import check, docstrings, notebooks, reference
from docs._site.markdown_extension import Links

ROOT = Path(__file__).parents[2]
LOG = logging.getLogger("mkdocs.hooks")

# Pages that are files of the repository outside of docs/, by their place in it.
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
} | {f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in sorted(notebooks.FOLDER.glob("*.ipynb"))}

LINK = re.compile(r"(?<!!)(\[[^\[\]]*\])\(([^()\s]+)\)")
FENCE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The navigation's parts that are lists of files, and the extension of Markdown."""
    config.markdown_extensions.append(Links())
    made = {
        "notebooks": [target for source, target in ELSEWHERE.items() if source.startswith("notebooks/")],
        "reference": ["reference/index.md", *(f"reference/{page.name}.md" for page in reference.PAGES)],
    }
    config.nav = [{title: made.get(str(part), part) for title, part in entry.items()} for entry in config.nav]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of the reference, of the notebooks, and of the files elsewhere in the repository."""
    for source, target in ELSEWHERE.items():
        if source.endswith(".ipynb"):
            text, pictures = notebooks.page(ROOT / source)
            for picture in pictures:
                files.append(File.generated(config, f"notebooks/{picture.name}", content=picture.content))
        else:
            text = _one_title((ROOT / source).read_text())
        files.append(File.generated(config, target, content=text))
    for page in reference.PAGES:
        files.append(File.generated(config, f"reference/{page.name}.md", content=_page(page)))
    files.append(File.generated(config, "reference/index.md", content=_index()))
    return files


def _one_title(text: str) -> str:
    """A file of several titles, as a page of one: from the second on, headings are a level lower."""
    titles = [match.start() for match in re.finditer(r"^# ", FENCE.sub(lambda code: " " * len(code[0]), text), re.MULTILINE)]
    if len(titles) < 2:
        return text
    lower = lambda part: part if part.startswith("`") else re.sub(r"^#", "##", part, flags=re.MULTILINE)
    return text[: titles[1]] + "".join(map(lower, FENCE.split(text[titles[1] :])))


def _page(page: reference.Page) -> str:
    """A page of the reference, as directives of mkdocstrings under headings."""
    parts = [f"# {page.title}{_anchor(page.package)}"]
    if page.package:
        parts.append(docstrings.markdown(reference.introduction(page.package)))
    for heading, modules in page.sections:
        parts.append(f"## {heading}" + "".join(_anchor(module) for module in modules if module != page.package))
        for module in modules:
            parts += [docstrings.markdown(reference.introduction(module))] if module != page.package else []
            parts += [f"::: {name}" for name in reference.names()[module]]
    return "\n\n".join(parts) + "\n"


def _anchor(module: str) -> str:
    """What makes a heading the place that links to a module lead to."""
    return f" {{#{reference.anchors()[module]}}}" if module in reference.anchors() else ""


def _index() -> str:
    """All public names, each with the first sentence of its docstring."""
    parts = ["# Reference", "Every public name, in the order in which a run meets them; each links to its rule and an example."]
    for page in reference.PAGES:
        parts.append(f"## [{page.title}]({page.name}.md)")
        rows = [f"| [`{name}`][{name}] | {docstrings.summary(reference.public()[name])} |" for name in reference.of_page(page)]
        parts.append("\n".join(["| name | what it is |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between files of the repository, made links between pages."""
    sources = {target: source for source, target in ELSEWHERE.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    if page.file.src_uri.startswith("reference/"):
        return markdown
    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("`") else LINK.sub(lambda m: _relinked(m, source, page), part) for part in parts)


def _relinked(match: re.Match, source: str, page: Page) -> str:
    target, sign, anchor = match[2].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return match[0]
    place = os.path.normpath(PurePosixPath(source).parent / target).replace(os.sep, "/")
    uri = ELSEWHERE.get(place, place.removeprefix("docs/") if place.startswith("docs/") else None)
    if uri is None:
        LOG.warning("%s links to %s, which is no page: name it in backticks, or give it a page.", source, place)
        return match[0]
    relative = os.path.relpath(uri, PurePosixPath(page.file.src_uri).parent).replace(os.sep, "/")
    return f"{match[1]}({relative}{sign}{anchor})"


def on_post_build(config: MkDocsConfig) -> None:
    """What is wrong with the site as it was written ends the build."""
    wrong = check.problems(Path(config.site_dir), list(reference.public()))
    for problem in wrong:
        LOG.error(problem)
    if wrong:
        raise Abort(f"{len(wrong)} things are wrong with the site.")
