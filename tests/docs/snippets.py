"""What the pages show in code: commands, settings and Python, read but not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.site_pages import ROOT

BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^(?P<indent> *)```(?P<kind>\w+)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
KINDS = {"bash", "bibtex", "python", "yaml", "text", "json"}


@dataclass(frozen=True)
class Snippet:
    """A fenced block of a page.

    Args:
        page: such as ``docs/data.md``.
        number: counted from 1 within the page.
        kind: the language that its fence names.
        text: what it holds.
        file: the file that the comment above it names.
    """

    page: str
    number: int
    kind: str
    text: str
    file: str | None

    def __str__(self) -> str:
        return f"{Path(self.page).stem}-{self.number}"


def pages() -> list[str]:
    """All pages, the README among them."""
    return ["README.md", "CONTRIBUTING.md", *(f"docs/{each.name}" for each in written())]


def written() -> list[Path]:
    """The pages of docs/."""
    return sorted(ROOT.glob("docs/*.md"))


@cache
def snippets(*kinds: str) -> tuple[Snippet, ...]:
    """The blocks of all pages, of some kinds or of all."""
    found: list[Snippet] = []
    for page in pages():
        text = (ROOT / page).read_text(encoding="utf-8")
        for number, match in enumerate(BLOCK.finditer(text), 1):
            each = Snippet(page, number, match["kind"], match["text"], match["file"])
            if not kinds or each.kind in kinds:
                found.append(each)
    return tuple(found)


def commands() -> list[tuple[str, str]]:
    """Page and command, in their order: a line each, without comments and variables."""
    return [(each.page, line) for each in snippets("bash") for line in _lines(each.text)]


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        line = re.sub(r"(^|  +)#.*", "", line).strip().removesuffix(" &")
        line = re.sub(r"^([A-Z_]+=\d+ )+", "", line)
        if line:
            yield line
