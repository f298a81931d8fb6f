"""The worst patterns of translated English stay out of pages, docstrings, comments and messages."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docs.site_pages import ROOT

LIST = Path(__file__).with_name("worst_patterns.txt")
LINES = [each for each in LIST.read_text().splitlines() if not each.startswith("#")]
PATTERNS = {
    re.compile(before, re.IGNORECASE): after
    for before, after in (each.split(" -> ") for each in LINES)
}


def written() -> dict[str, str]:
    """Everything that people read, by its path."""
    files = [
        *(ROOT / f"{each}.md" for each in ("README", "CONTRIBUTING", "SECURITY")),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("src/**/*.py"),
        *ROOT.glob("configs/**/*.yaml"),
        *ROOT.glob("notebooks/*.ipynb"),
    ]
    return {str(each.relative_to(ROOT)): text(each) for each in files}


def text(file: Path) -> str:
    """The text of a file, without the line breaks and signs that divide sentences of comments."""
    content = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":
        content = "\n".join("".join(cell["source"]) for cell in json.loads(content)["cells"])
    return re.sub(r"\s*\n\s*(#\s+|> )?", " ", content)


def refused(content: str) -> list[str]:
    """The places of a text that a pattern refuses, with what to write."""
    return [
        f"...{content[max(0, match.start() - 40) : match.end() + 20]}... (write: {cure})"
        for pattern, cure in PATTERNS.items()
        for match in pattern.finditer(content)
    ]


def test_the_patterns_find_what_they_are_for() -> None:
    for bad in (
        "The run goes on with the next one",
        "0.1 where not given",
        "no trial has come to its end yet",
        "a row that has been left out",
        "a person is told of it",
        "a vector that is no normal",
    ):
        assert refused(bad), bad
    for good in ("there is no file", "it is no longer there", "where it is", "which is no better"):
        assert not refused(good), good


def test_nothing_reads_like_a_translation() -> None:
    found = {path: places for path, content in written().items() if (places := refused(content))}
    assert not found, "\n".join(f"{path}: {each}" for path in found for each in found[path])
