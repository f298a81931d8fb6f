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
    """An image in a table or a gallery.

    Args:
        png: content of a PNG file.
        alt: what it shows, for those who cannot see it; empty if the text beside it says so.
    """

    png: bytes
    alt: str = ""
    kind: str = "picture"


@dataclass(frozen=True)
class Mark:
    """Words of a text that speak for or against something.

    HTML shows them on a colour; Markdown shows strong ones, those for it in bold and those against
    it in italics.

    Args:
        text: plain.
        strength: from -1, against it, to 1, for it.
    """

    text: str
    strength: float
    kind: str = "mark"


Part = str | Code | Link | Picture | Mark
Text = Part | tuple[Part, ...]


@dataclass(frozen=True)
class Heading:
    """A title without an answer.

    Args:
        text: what it says.
        level: 1 for the page's title, 2 for a section's, 3 for one inside a section.
    """

    text: Text
    level: int = 2
    kind: str = "heading"


@dataclass(frozen=True)
class Section:
    """The beginning of a section: its title, and the answer to the question that the title asks.

    Args:
        title: a few words.
        answer: one sentence that says what was found, as in "equal weights: no task better than
            alone, two worse".
    """

    title: Text
    answer: Text
    kind: str = "section"


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
    """A table, whose first column names the rows; people sort it by a click on a head.

    Columns in which every cell is a number are aligned and sorted as numbers, see
    `multitask.pages.columns`.

    Args:
        heads: of the columns; give each a name, by which it is sorted.
        rows: their cells, as many in each row as there are heads.
        of_samples: whether each row is a sample, with pictures.
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


@dataclass(frozen=True)
class Card:
    """One picture of a gallery, or several of one sample, and what there is to say of it.

    Args:
        pictures: such as an image, its target map and its predicted map.
        title: such as the name of the file.
        lines: further lines, such as ``target: cat``.
    """

    pictures: Sequence[Picture]
    title: Text
    lines: Sequence[Text] = ()


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, in as many columns as the screen has room for.

    Args:
        cards: in their order.
    """

    cards: Sequence[Card]
    kind: str = "gallery"


Block = Heading | Section | Paragraph | Bullets | Table | Commands | Figure | Gallery


def parts(text: Text) -> tuple[Part, ...]:
    """The parts of a text, plain ones as they are shown.

    Args:
        text: of a block.
    """
    found = text if isinstance(text, tuple) else (text,)
    return tuple(shown(each) if isinstance(each, str) else each for each in found)


def plain(text: Text) -> str:
    """A text without its links and pictures, as a line of a contents list.

    Args:
        text: of a block.
    """
    return "".join(
        each if isinstance(each, str) else shown(getattr(each, "text", "")) for each in parts(text)
    )


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
