"""HTML pages that need no other file, in which every text is shown and none is run."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from multitask.pages.blocks import Block, Picture, parts
from multitask.pages.figure_file import missing_sentence, read_figure
from multitask.pages.shown import shown

# The policy is the second lock: a browser loads and runs nothing that is not in the page, and no
# scripts at all.
TEMPLATE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>{{ title }}</title>
<style>
body { font-family: system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: white; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child, .samples th, .samples td { text-align: left; }
figure { margin: 1rem 0; }
figcaption { font-style: italic; }
img { max-width: 100%; }
.samples img { height: 6rem; max-width: none; image-rendering: pixelated; }
code { font-size: 85%; overflow-wrap: anywhere; }
</style></head><body>
{% macro image(png, caption) %}<img src="{{ png | source }}" alt="{{ caption }}">{% endmacro %}
{% macro write(text) %}
  {%- for part in text | parts %}
    {%- if part is string %}{{ part }}
    {%- elif part.kind == "code" %}<code>{{ part.text }}</code>
    {%- elif part.kind == "link" %}<a href="{{ part.path | address }}">{{ part.text }}</a>
    {%- elif part.kind == "picture" %}{{ image(part.png, "") }}
    {%- endif %}
  {%- endfor %}
{%- endmacro %}
{% for block in blocks %}
{%- if block.kind == "heading" %}
<h{{ block.level }}>{{ write(block.text) }}</h{{ block.level }}>
{%- elif block.kind == "paragraph" %}
<p>{{ write(block.text) }}</p>
{%- elif block.kind == "bullets" %}
<ul>{% for item in block["items"] %}<li>{{ write(item) }}</li>{% endfor %}</ul>
{%- elif block.kind == "table" %}
<table{% if block.of_samples %} class="samples"{% endif %}>
<tr>{% for head in block.heads %}<th>{{ write(head) }}</th>{% endfor %}</tr>
{%- for row in block.rows %}
<tr>{% for cell in row %}<td>{{ write(cell) }}</td>{% endfor %}</tr>
{%- endfor %}
</table>
{%- elif block.kind == "commands" %}
<pre><code>{% for line in block.lines %}{{ line }}
{% endfor %}</code></pre>
{%- elif block.kind == "figure" %}
{%- set png = block | figure %}
{%- if png %}
<figure>{{ image(png, block.caption) }}<figcaption>{{ block.caption }}.</figcaption></figure>
{%- else %}
<p>{{ block.path | missing }}</p>
{%- endif %}
{%- endif %}
{%- endfor %}
</body></html>
"""


def write_html(blocks: Iterable[Block], path: Path, title: str) -> None:
    """Write a page.

    Args:
        blocks: what it is made of; figures lie below the page's folder.
        path: of the file.
        title: of the page.
    """
    page = Environment(autoescape=True, undefined=StrictUndefined, finalize=_shown)
    page.filters |= {
        "address": lambda file: quote(str(file)),
        "figure": lambda block: read_figure(block.path, path.parent),
        "missing": missing_sentence,
        "parts": parts,
        "source": _source,
    }
    text = page.from_string(TEMPLATE).render(blocks=blocks, title=title)
    path.write_text(text, encoding="utf-8")


def picture(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Picture:
    """An image as a cell of a table.

    Args:
        pixels: shape ``[height, width]``, or ``[height, width, 3]`` or more with colours.
    """
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return Picture(file.getvalue())


def _shown(value: Any) -> Any:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _source(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
