"""An extension of Markdown: names of jgd in backticks are links to the reference, and $...$ is mathematics, as MathML."""

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor

from docs._site import reference

NAME = re.compile(r"^(?P<name>jgd(\.\w+)+|[A-Z]\w+)(\(.*\))?$")

MATHEMATICS = r"(?<![\\$\w])\$([^$\s](?:[^$`]*[^$\s])?)\$(?![\d$])"


class Links(Extension):
    """Both of them."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_Names(md), "jgd-names", 15)
        md.inlinePatterns.register(_Mathematics(MATHEMATICS, md), "jgd-mathematics", 189)


def identifier(code: str) -> str | None:
    """The public name that a piece of code is, or calls, or is a member of."""
    match = NAME.match(code)
    if not match:
        return None
    name = match["name"] if match["name"].startswith("jgd.") else f"jgd.{match['name']}"
    known = name in reference.public() or name in reference.anchors().values() or name.rpartition(".")[0] in reference.public()
    return name if known else None


class _Names(Treeprocessor):
    def run(self, root: ElementTree.Element) -> None:
        for parent in root.iter():
            if parent.tag in ("pre", "a", "autoref", "h1"):
                continue
            for i, child in enumerate(parent):
                name = identifier(child.text or "") if child.tag == "code" and len(child) == 0 else None
                if name:
                    link = ElementTree.Element("autoref", identifier=name)
                    if name not in reference.public():  # a module, or a member, which may have no entry of its own
                        link.set("optional", "")
                    link.tail, child.tail = child.tail, None
                    parent[i] = link
                    link.append(child)


class _Mathematics(InlineProcessor):
    def handleMatch(self, match, data):
        return convert_to_element(match[1]), match.start(0), match.end(0)
