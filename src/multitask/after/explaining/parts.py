"""What a sample consists of: the tokens of its texts, its columns, and its inputs as wholes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from multitask.after.inputs.base import Cells
from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.tokenizers import Piece, Tokenizer, Written

MOST_PARTS = 64
"""Of a text; of a longer one, tokens that follow each other are one part."""


@dataclass(frozen=True)
class Part:
    """A piece of one sample that can be taken away from it.

    Args:
        sample: its place.
        input: the input that it belongs to.
        text: it as people read it: characters of a text, or a column's name and its cell; the
            input's name if it is all of the input.
        places: of the input's second axis that it takes up; none if it is all of the input.
        before: what people read between the part before and this one.
        behind: what people read behind the last part of an input.
    """

    sample: int
    input: str
    text: str
    places: tuple[int, ...]
    before: str = ""
    behind: str = ""


def text_parts(
    written: WrittenText, cells: Cells, samples: int, each_token: bool = False
) -> Iterator[Part]:
    """The tokens of texts, without the special ones.

    Args:
        written: makes tokens of texts.
        cells: of the texts, see `WrittenText.made`.
        samples: their number.
        each_token: whether each token is a part of its own, also in a long text.
    """
    for sample, text in zip(range(samples), written.texts(cells), strict=True):
        yield from _of_text(written.name, written.tokenizer, text, sample, each_token)


def _of_text(
    name: str, tokenizer: Tokenizer, text: Written, sample: int, each_token: bool
) -> Iterator[Part]:
    texts = [text] if isinstance(text, str) else list(text or ())
    pieces = [(place, each) for place, each in enumerate(tokenizer.pieces(text)) if _is_own(each)]
    # The bytes of one character cannot be taken away one by one.
    found = [list(group) for _, group in groupby(pieces, lambda pair: _span(pair[1]))]
    size = 1 if each_token else -(-len(found) // MOST_PARTS)
    groups = [
        list(chain.from_iterable(found[at : at + size])) for at in range(0, len(found), size or 1)
    ]
    part, end = 0, 0
    for number, group in enumerate(groups):
        first, last = group[0][1], group[-1][1]
        before = ""
        if first.part != part:
            before, part, end = f"{texts[part][end:]} | ", first.part, 0
        before += texts[part][end : first.start]
        behind = ""
        if last.part == first.part:
            shown = texts[part][first.start : last.end]
        else:
            shown = f"{texts[part][first.start :]} | {texts[last.part][: last.end]}"
        part, end = last.part, last.end
        if number == len(groups) - 1:
            behind = texts[part][end:]
        yield Part(sample, name, shown, tuple(place for place, _ in group), before, behind)


def _is_own(piece: Piece) -> bool:
    return piece.end > piece.start >= 0


def _span(piece: Piece) -> tuple[int, int, int]:
    return piece.part, piece.start, piece.end


def column_parts(written: WrittenColumns, cells: Cells, samples: int) -> Iterator[Part]:
    """The columns of numbers and categories that are not missing.

    Args:
        written: makes numbers of cells.
        cells: of the columns, see `WrittenColumns.made`.
        samples: their number.
    """
    values = written.made(cells).values
    for sample in range(samples):
        between = ""
        for place, name in enumerate(written.columns):
            if not values[sample, place].isnan():
                shown = f"{name} {cells[name][sample]}"
                yield Part(sample, written.name, shown, (place,), between)
                between = ", "


def whole_parts(inputs: Sequence[str], samples: int) -> Iterator[Part]:
    """Each input of each sample, all of it.

    Args:
        inputs: their names.
        samples: their number.
    """
    for sample in range(samples):
        yield from (Part(sample, name, name, ()) for name in inputs)
