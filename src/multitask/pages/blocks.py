"""Parts of a page: blocks of plain text, independent of the output format.

Text is plain: the writers of HTML and Markdown escape it, so that any name in the data is shown as
it is. Anything beyond text is represented by its own class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from multitask.pages.shown import shown


@dataclass(frozen=True)
class Code:
    """Text in a monospaced font, as code.

    Args:
        text: plain text.
    """

    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Link:
    """A link to another file of the report.

    Args:
        text: plain text.
        path: path of the file inside the page's folder, relative to that folder.

    Raises:
        ValueError: if the path leads out of the folder.
    """

    text: str
    path: PurePosixPath
    kind: str = "link"

    def __post_init__(self) -> None:
        """Reject a path outside the folder."""
        if self.path.is_absolute() or ".." in self.path.parts:
            raise ValueError(f"{self.path} leads out of the page's folder")


@dataclass(frozen=True)
class Picture:
    """An image in a table or a gallery.

    Args:
        png: content of a PNG file.
        alt: alternative text for readers who cannot see it; empty if the text beside it suffices.
    """

    png: bytes
    alt: str = ""
    kind: str = "picture"


@dataclass(frozen=True)
class Mark:
    """Words of a text that count for or against something.

    HTML shows them on a coloured background. Markdown shows only strong ones: those for it in bold,
    those against it in italics.

    Args:
        text: plain text.
        strength: from -1, against it, to 1, for it.
    """

    text: str
    strength: float
    kind: str = "mark"


Part = str | Code | Link | Picture | Mark
Text = Part | tuple[Part, ...]


@dataclass(frozen=True)
class Heading:
    """A heading without a summary sentence.

    Args:
        text: text of the heading.
        level: 1 for the page's title, 2 for a section's, 3 for one inside a section.
    """

    text: Text
    level: int = 2
    kind: str = "heading"


@dataclass(frozen=True)
class Section:
    """The beginning of a section: its title, and the answer to the question that it poses.

    Args:
        title: a few words.
        answer: one sentence with the result, such as "equal weights: no task better than alone, two
            worse".
    """

    title: Text
    answer: Text
    kind: str = "section"


@dataclass(frozen=True)
class Paragraph:
    """A few sentences.

    Args:
        text: text of the paragraph.
    """

    text: Text
    kind: str = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list.

    Args:
        items: items of the list.
    """

    items: Sequence[Text]
    kind: str = "bullets"


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows; readers sort it by clicking a column heading.

    Columns in which every cell is a number are aligned and sorted as numbers, see
    `multitask.pages.columns`.

    Args:
        heads: headings of the columns; each needs a name to be sorted by.
        rows: cells of each row, one per heading.
        of_samples: whether each row is a sample with pictures.
    """

    heads: Sequence[Text]
    rows: Sequence[Sequence[Text]]
    of_samples: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class Commands:
    """Lines to copy.

    Args:
        lines: plain text.
    """

    lines: Sequence[str]
    kind: str = "commands"


@dataclass(frozen=True)
class Figure:
    """A figure drawn for this page.

    Args:
        path: path of the PNG file, below the page's folder.
        caption: description of the figure.
    """

    path: Path
    caption: str
    kind: str = "figure"


@dataclass(frozen=True)
class Card:
    """One or several pictures of a sample in a gallery, with their description.

    Args:
        pictures: pictures, such as an image, its target map and its predicted map.
        title: title, such as the name of the file.
        lines: further lines, such as ``target: cat``.
    """

    pictures: Sequence[Picture]
    title: Text
    lines: Sequence[Text] = ()


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, in as many columns as fit on the screen.

    Args:
        cards: cards, in order.
    """

    cards: Sequence[Card]
    kind: str = "gallery"


Block = Heading | Section | Paragraph | Bullets | Table | Commands | Figure | Gallery


def parts(text: Text) -> tuple[Part, ...]:
    """The parts of a text, plain ones as they are shown.

    Args:
        text: text of a block.
    """
    found = text if isinstance(text, tuple) else (text,)
    return tuple(shown(each) if isinstance(each, str) else each for each in found)


def plain(text: Text) -> str:
    """A text without links and pictures, for example for a table of contents.

    Args:
        text: text of a block.
    """
    return "".join(
        each if isinstance(each, str) else shown(getattr(each, "text", "")) for each in parts(text)
    )


def joined(texts: Iterable[Text], between: str = ", ") -> tuple[Part, ...]:
    """Join several texts.

    Args:
        texts: any number of texts.
        between: separator.
    """
    found: list[Part] = []
    for each in texts:
        found += [*([between] if found else []), *parts(each)]
    return tuple(found)
