"""Pages as Markdown that displays every text literally, and as text on a screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from multitask.pages.blocks import (
    Block,
    Bullets,
    Card,
    Code,
    Commands,
    Figure,
    Gallery,
    Heading,
    Link,
    Mark,
    Paragraph,
    Part,
    Section,
    Table,
    Text,
    parts,
)
from multitask.pages.columns import numeric_columns
from multitask.pages.figure_file import missing_sentence, read_figure
from multitask.pages.shown import shown

# Within a word, _ is literal; GitHub turns addresses into links, and $ into formulas.
SPECIAL = re.compile(
    r"[\\`*\[\]|~$<&#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|/(?=/)|(?<=www)\.", re.IGNORECASE
)
# Characters that would start a list, a quotation or a heading.
FIRST = re.compile(r"^([+=>-]|\d+(?=[.)]))")

STRONG = 0.5
"""Smallest strength at which a mark is shown."""

Escape = Callable[[str], str]


def markdown(blocks: Iterable[Block], folder: Path) -> str:
    """Write a page as Markdown.

    Args:
        blocks: blocks of the page.
        folder: folder of the page, below which its figures lie.
    """
    return _joined(_block(each, escaped, folder) for each in blocks)


def on_screen(blocks: Iterable[Block]) -> str:
    """Write a page as plain text, without its figures and galleries.

    Args:
        blocks: blocks of the page.
    """
    written = [each for each in blocks if not isinstance(each, Figure | Gallery)]
    return _joined(_block(each, str, None) for each in written)


def escaped(text: str) -> str:
    """Escape a text so that Markdown displays it literally.

    Args:
        text: plain text on one line.
    """
    return SPECIAL.sub(r"\\\g<0>", text)


def _joined(blocks: Iterable[Iterable[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _block(block: Block, escape: Escape, folder: Path | None) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"{'#' * block.level} {_text(block.text, escape)}"
    elif isinstance(block, Section):
        yield from (f"## {_text(block.title, escape)}", "", _line(block.answer, escape))
    elif isinstance(block, Paragraph):
        yield _line(block.text, escape)
    elif isinstance(block, Bullets):
        yield from (f"- {_line(each, escape)}" for each in block.items)
    elif isinstance(block, Table):
        yield from _table(block, escape)
    elif isinstance(block, Commands):
        lines = [shown(each) for each in block.lines]
        fence = "`" * max(3, _most_ticks("\n".join(lines)) + 1)
        yield from (f"{fence}bash", *lines, fence)
    elif isinstance(block, Gallery):
        yield from (_card(each, escape) for each in block.cards)
    elif folder is not None:
        yield from _figure(block, escape, folder)


def _card(card: Card, escape: Escape) -> str:
    lines = "; ".join(_text(each, escape) for each in card.lines)
    return f"- {_line(card.title, escape)}{f': {lines}' if lines else ''}"


def _figure(figure: Figure, escape: Escape, folder: Path) -> Iterator[str]:
    if read_figure(figure.path, folder) is None:
        yield _line(missing_sentence(figure.path), escape)
        return
    caption, path = escape(shown(figure.caption)), figure.path.relative_to(folder)
    yield from (f"![{caption}]({quote(path.as_posix())})", "", f"*{caption}.*")


def _table(table: Table, escape: Escape) -> Iterator[str]:
    heads, *rows = [[_cell(each, escape) for each in row] for row in (table.heads, *table.rows)]
    columns = list(zip(heads, *rows, strict=True))
    # In plain text, columns are as wide as their contents.
    widths = [max(3, *map(len, column)) if escape is str else 3 for column in columns]
    # The first column names the rows.
    right = [False, *numeric_columns(table)[1:]]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(cells, widths, right, strict=True)
        ]
        return f"| {' | '.join(padded if escape is str else cells)} |"

    yield line(heads)
    yield line(
        [
            (width - 1) * "-" + (":" if is_right else "-")
            for width, is_right in zip(widths, right, strict=True)
        ]
    )
    yield from map(line, rows)


def _cell(text: Text, escape: Escape) -> str:
    # A vertical bar ends a cell, even inside code.
    return "".join(
        _part(each, escape).replace("|", r"\|")
        if isinstance(each, Code) and escape is not str
        else _part(each, escape)
        for each in parts(text)
    )


def _line(text: Text, escape: Escape) -> str:
    written = _text(text, escape).strip()
    return written if escape is str else FIRST.sub(_first, written)


def _first(match: re.Match[str]) -> str:
    # The point after a number would start a list.
    return match[1] + "\\" if match[1].isdigit() else "\\" + match[1]


def _text(text: Text, escape: Escape) -> str:
    return "".join(_part(each, escape) for each in parts(text))


def _part(part: Part, escape: Escape) -> str:
    if isinstance(part, str):
        return escape(part)
    if isinstance(part, Mark):
        text = escape(shown(part.text))
        if abs(part.strength) < STRONG or not text.strip():
            return text
        # Asterisks of adjacent words would be parsed as other markup.
        tag = "b" if part.strength > 0 else "i"
        return text if escape is str else f"<{tag}>{text}</{tag}>"
    if isinstance(part, Code):
        return _code(shown(part.text))
    if isinstance(part, Link):
        text = escape(shown(part.text))
        return text if escape is str else f"[{text}]({quote(str(part.path))})"
    return "(picture)"


def _code(text: str) -> str:
    ticks = "`" * (_most_ticks(text) + 1)
    pad = " " if text[:1] in ("`", " ") or text[-1:] in ("`", " ") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _most_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
