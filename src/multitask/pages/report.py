"""A report: the same page as HTML and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multitask.pages.blocks import Block
from multitask.pages.html import write_html
from multitask.pages.markdown import markdown

REPORT = "report.html"


def write_pages(blocks: Sequence[Block], folder: Path, title: str) -> Path:
    """Write ``report.md``, and ``report.html`` with embedded figures.

    Args:
        blocks: blocks of the report; figures are PNG files below the folder.
        folder: folder of the report.
        title: title of the page.

    Returns:
        The HTML file.
    """
    (folder / "report.md").write_text(markdown(blocks, folder), encoding="utf-8")
    write_html(blocks, folder / REPORT, title)
    return folder / REPORT
