"""Docstrings as Markdown: their sections, their examples, and their mathematics, which is plain text."""

import inspect
import re
from typing import NamedTuple

SECTIONS = ("Args", "Attributes", "Returns", "Raises")

# Where a sentence ends: not at the dots of `g_1 + ... + g_k`.
END = re.compile(r"(?<=[^.\s])\.\s+(?=[A-Z`])")
# What stands left of the sign where a sentence is a formula: `u = ...`, `|f_k - f_(k-1)| <= ...`, `value(t) = ...`.
LEFT = re.compile(r"^(?P<left>[^`:;]{1,50}?) (<=|>=|=) ")
WORD = re.compile(r"(?<![\w(|])[a-z]{4,}(?![\w(|^])|^(An?|If|It|The|For|No|With) ")


class Section(NamedTuple):
    """A part of a docstring.

    Attributes:
      kind: "" for text, or one of `SECTIONS`.
      text: Markdown, of a text or of what is returned.
      items: pairs of a name and Markdown, of the other sections.
    """

    kind: str
    text: str = ""
    items: tuple[tuple[str, str], ...] = ()


def sections(doc: str) -> list[Section]:
    """A docstring, without the indentation it has in the source, in parts."""
    found, kind, lines = [], "", []
    for line in [*doc.splitlines(), ""]:
        head = line[:-1] if line.endswith(":") else ""
        if head in SECTIONS or (kind and line and not line.startswith(" ")):
            found.append((kind, lines))
            kind, lines = (head, []) if head in SECTIONS else ("", [line])
        else:
            lines.append(line)
    found.append((kind, lines))
    return [_section(kind, lines) for kind, lines in found if any(lines)]


def _section(kind: str, lines: list[str]) -> Section:
    lines = [line.removeprefix("  ") for line in lines] if kind else lines
    if kind in ("", "Returns"):
        return Section(kind, markdown("\n".join(lines)))
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        if line and not line.startswith(" "):
            name, _, rest = line.partition(": ")
            items.append((name, [rest]))
        elif line:
            items[-1][1].append(line.strip())
    return Section(kind, items=tuple((name, prose("\n".join(rest))) for name, rest in items))


def markdown(text: str) -> str:
    """Text with paragraphs, examples and mathematics; the first paragraph says what it is about, in words."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip("\n")) if block.strip()]
    return "\n\n".join(_block(block, first=i == 0) for i, block in enumerate(blocks))


def _block(block: str, first: bool = False) -> str:
    lines = block.splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    lines = [line[indent:] for line in lines]
    examples = [i for i, line in enumerate(lines) if line.startswith(">>> ")]
    if examples and examples[0] > 0:
        return _block("\n".join(lines[: examples[0]]), first) + "\n\n" + _block("\n".join(lines[examples[0] :]))
    if examples:
        return "\n".join(["```pycon", *lines, "```"])
    if indent >= 2:
        return "\n".join(["```text", *lines, "```"])
    block = "\n".join(lines)
    rule, rest = ("", block) if first or block.startswith("- ") else _rule(block)
    paragraph = re.sub(r"[;:](  |\n)", lambda cut: cut[0][0] + "<br>\n", prose(rule)) + "\n{: .rule }" if rule else ""
    return "\n\n".join(filter(None, [paragraph, prose(rest)]))


def _rule(block: str) -> tuple[str, str]:
    """A paragraph's first sentences, as far as they are a formula, and the others."""
    cut, end = 0, 0
    for stop in [*(match.end() for match in END.finditer(block)), len(block)]:
        if not is_rule(block[cut:stop]):
            break
        cut = end = stop
    return block[:end].rstrip(), block[end:]


def is_rule(sentence: str) -> bool:
    """Whether a sentence is a formula, with a word or two of explanation, rather than words with a formula in them."""
    left = LEFT.match(sentence)
    return "<-" in sentence or bool(left and not WORD.search(left["left"]))


def prose(text: str) -> str:
    """Text in which only backticks and lists mean something to Markdown."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part.startswith("`") else _plain(part) for part in parts)


def _plain(text: str) -> str:
    return re.sub(r"([*_\[\]#|~])", r"\\\1", text.replace("&", "&amp;").replace("<-", "\N{LEFTWARDS ARROW}").replace("<", "&lt;"))


def summary(value: object) -> str:
    """The first sentence of a docstring, on one line, as Markdown."""
    first = " ".join(inspect.getdoc(value).partition("\n\n")[0].split())
    return prose(re.split(r"(?<=[^.\s])[.:;]\s", first)[0].removesuffix("."))
