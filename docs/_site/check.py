"""The checks of the written site: links and anchors lead somewhere, nothing comes from elsewhere, every name has its entry."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself; links that a reader follows may lead anywhere.
FETCHED = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}
LINKS_OUT = {"canonical", "alternate", "next", "prev"}


class _Page(HTMLParser):
    """The anchors of a page, the places that it refers to, and those of them that a browser fetches."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        for name in ("href", "src"):
            if name not in given or given.get("rel") in LINKS_OUT:
                continue
            (self.fetched if (tag, name) in FETCHED else self.links).append(given[name])


def problems(site: Path, names: list[str]) -> list[str]:
    """What is wrong, a sentence each."""
    pages = {path: _Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    found = [problem for path, page in pages.items() for problem in _of_page(site, path, page, pages)]
    entries = set().union(*(page.anchors for path, page in pages.items() if path.parent.name == "reference"))
    return found + [f"{name} has no entry in the reference." for name in names if name not in entries]


def _of_page(site: Path, path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    where = path.relative_to(site)
    for link in dict.fromkeys(page.links + page.fetched):
        parts = urlsplit(link)
        if parts.scheme in ("http", "https") or parts.netloc:
            if link in page.fetched:
                yield f"{where} fetches {link}: nothing may come from elsewhere."
            continue
        if parts.scheme or path.name == "404.html":  # mailto:, data:; the page of errors has absolute links
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.exists():
            yield f"{where} links to {link}, which is not there."
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{where} links to {link}: that page has no such anchor."
