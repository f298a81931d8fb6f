"""A report as Markdown, and the same as one HTML file with its figures inside."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

from markdown import markdown

REPORT = "report.html"
STYLE = """
body { font-family: system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; } code { font-size: 85%; overflow-wrap: anywhere; }
"""


def write_page(text: str, folder: Path, title: str) -> Path:
    """Write ``report.md``, and ``report.html`` with its figures inside.

    Args:
        text: Markdown; figures are PNG files below the folder.
        folder: of the report.
        title: of the page.

    Returns:
        The HTML file.
    """
    (folder / "report.md").write_text(text, encoding="utf-8")
    page = folder / REPORT
    page.write_text(_self_contained(text, folder, title), encoding="utf-8")
    return page


def _self_contained(text: str, folder: Path, title: str) -> str:
    body = markdown(text, extensions=["tables", "fenced_code"])

    def embedded(match: re.Match[str]) -> str:
        content = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{content}"'

    body = re.sub(r'src="([^"]+\.png)"', embedded, body)
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>\n"
