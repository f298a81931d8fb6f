"""What a page is made of: blocks of plain text, whatever they are written as.

A text is plain: the writers of HTML and Markdown escape it, so that a name in the data can be
anything and is shown as what it is. What is more than text is an object of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from multitask.pages.shown import shown


@dataclass(frozen=True)
class Code:
    """A text as the computer writes it.

    Args:
        text: plain.
    """

    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Link:
    """A text that leads to another of the report's own files.

    Args:
        text: plain.
        path: of the file, from the page's folder, into which it leads.

    Raises:
        ValueError: if it leads out of the folder.
    """

    text: str
    path: PurePosixPath
    kind: str = "link"

    def __post_init__(self) -> None:
        """Refuse a path that leads elsewhere."""
        if self.path.is_absolute() or ".." in self.path.parts:
            raise ValueError(f"{self.path} leads out of the page's folder")


@dataclass(frozen=True)
class Picture:
    """An image in a table.

    Args:
        png: content of a PNG file.
    """

    png: bytes
    kind: str = "picture"


Part = str | Code | Link | Picture
Text = Part | tuple[Part, ...]


@dataclass(frozen=True)
class Heading:
    """A title.

    Args:
        text: what it says.
        level: 1 for the page's, 2 for a section's.
    """

    text: Text
    level: int = 2
    kind: str = "heading"


@dataclass(frozen=True)
class Paragraph:
    """A few sentences.

    Args:
        text: what they say.
    """

    text: Text
    kind: str = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list.

    Args:
        items: its lines.
    """

    items: Sequence[Text]
    kind: str = "bullets"


@dataclass(frozen=True)
class Table:
    """A table; the first column is text, the others are numbers.

    Args:
        heads: of the columns.
        rows: their cells.
        of_samples: whether all columns are texts and pictures.
    """

    heads: Sequence[Text]
    rows: Sequence[Sequence[Text]]
    of_samples: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class Commands:
    """Lines to be copied.

    Args:
        lines: plain.
    """

    lines: Sequence[str]
    kind: str = "commands"


@dataclass(frozen=True)
class Figure:
    """A figure that was drawn for this page.

    Args:
        path: of the PNG file, below the page's folder.
        caption: what it shows.
    """

    path: Path
    caption: str
    kind: str = "figure"


Block = Heading | Paragraph | Bullets | Table | Commands | Figure


def parts(text: Text) -> tuple[Part, ...]:
    """The parts of a text, plain ones as they are shown.

    Args:
        text: of a block.
    """
    found = text if isinstance(text, tuple) else (text,)
    return tuple(shown(each) if isinstance(each, str) else each for each in found)


def joined(texts: Iterable[Text], between: str = ", ") -> tuple[Part, ...]:
    """One text of several.

    Args:
        texts: any number.
        between: what stands between them.
    """
    found: list[Part] = []
    for each in texts:
        found += [*([between] if found else []), *parts(each)]
    return tuple(found)
