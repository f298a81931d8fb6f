"""Self-contained HTML pages in which every text is displayed and none is executed.

The page is built from ``page.html.j2``, ``page.css`` and ``page.js``, which lie beside this file.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from multitask.pages.anchors import anchors
from multitask.pages.blocks import Block, Heading, Mark, Picture, Section, parts, plain
from multitask.pages.columns import number_of, numeric_columns
from multitask.pages.figure_file import missing_sentence, read_figure
from multitask.pages.shown import shown

MARKS = 4
"""Number of colour strengths; page.css defines one class for each."""


def write_html(blocks: Iterable[Block], path: Path, title: str) -> None:
    """Write a page, with a list of its sections if it has three or more.

    Args:
        blocks: blocks of the page; figures lie below the page's folder.
        path: path of the file.
        title: title of the page.
    """
    page = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, keep_trailing_newline=True
    )
    page.filters |= {
        "address": lambda file: quote(str(file)),
        "mark": _mark,
        "figure": lambda block: read_figure(block.path, path.parent),
        "missing": missing_sentence,
        "number": number_of,
        "numeric": numeric_columns,
        "parts": parts,
        "plain": plain,
        "source": _source,
    }
    style, script = _part("page.css"), _part("page.js")
    found = _with_anchors(blocks)
    text = page.from_string(_part("page.html.j2")).render(
        blocks=found,
        contents=[(anchor, _title(block)) for block, anchor in found if _begins_section(block)],
        title=title,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
    )
    path.write_text(text, encoding="utf-8", newline="\n")


def picture(pixels: np.ndarray[Any, np.dtype[np.uint8]], alt: str = "") -> Picture:
    """An image as a table cell or in a gallery.

    Args:
        pixels: pixels, shape ``[height, width]``, or ``[height, width, channels]`` with at least 3
            channels.
        alt: alternative text, see `Picture`.
    """
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return Picture(file.getvalue(), alt)


def _with_anchors(blocks: Iterable[Block]) -> list[tuple[Block, str]]:
    """Each block with its anchor if it is a heading."""
    found = list(blocks)
    titles = [each for each in found if isinstance(each, Heading | Section)]
    names = iter(anchors(map(_title, titles)))
    return [(each, next(names) if isinstance(each, Heading | Section) else "") for each in found]


def _begins_section(block: Block) -> bool:
    return isinstance(block, Section) or (isinstance(block, Heading) and block.level == 2)


def _title(block: Block) -> str:
    assert isinstance(block, Heading | Section)
    return plain(block.title if isinstance(block, Section) else block.text)


def _policy(style: str, script: str) -> str:
    # A second safeguard: the browser loads nothing, and runs only the page's own script.
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _part(name: str) -> str:
    text = files("multitask.pages").joinpath(name).read_text(encoding="utf-8")
    # Normalise line endings as a browser does, whatever the checkout used.
    return text.replace("\r\n", "\n")


def _shown(value: Any) -> Any:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _mark(mark: Mark) -> str:
    level = min(round(abs(mark.strength) * MARKS), MARKS)
    return f"for-{level}" if mark.strength > 0 else f"against-{level}"


def _source(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
