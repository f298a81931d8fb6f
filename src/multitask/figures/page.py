"""HTML pages that need no other file: their figures and images are inside."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from markdown import markdown
from PIL import Image

REPORT = "report.html"
STYLE = """
body { font-family: system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: white; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child, .samples th, .samples td { text-align: left; }
img { max-width: 100%; }
.samples img { height: 6rem; max-width: none; image-rendering: pixelated; }
code { font-size: 85%; overflow-wrap: anywhere; }
"""


def write_page(body: str, path: Path, title: str) -> None:
    """Write a page.

    Args:
        body: HTML.
        path: of the file.
        title: of the page, as plain text.
    """
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style>"
    page = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>\n"
    path.write_text(page, encoding="utf-8")


def write_markdown(text: str, folder: Path, title: str) -> Path:
    """Write ``report.md``, and ``report.html`` with its figures inside.

    Args:
        text: Markdown; figures are PNG files below the folder.
        folder: of the report.
        title: of the page.

    Returns:
        The HTML file.
    """
    (folder / "report.md").write_text(text, encoding="utf-8")
    body = markdown(text, extensions=["tables", "fenced_code"])

    def embedded(match: re.Match[str]) -> str:
        return f'src="{_source((folder / match[1]).read_bytes())}"'

    page = folder / REPORT
    write_page(re.sub(r'src="([^"]+\.png)"', embedded, body), page, title)
    return page


def table(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of samples.

    Args:
        heads: of the columns, as HTML.
        rows: the cells of each row, as HTML.
    """
    lines = [_row("th", heads), *(_row("td", row) for row in rows)]
    return "\n".join(['<table class="samples">', *lines, "</table>"])


def picture(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    """An image, as HTML.

    Args:
        pixels: shape ``[height, width]``, or ``[height, width, 3]`` or more with colours.
    """
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return f'<img src="{_source(file.getvalue())}">'


def _row(kind: str, fields: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{field}</{kind}>" for field in fields) + "</tr>"


def _source(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
