"""Parts of a sample: the tokens of its texts, its columns, and its inputs as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from multitask.after.inputs.base import Cells
from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.tokenizers import Piece, Tokenizer, Written

MOST_PARTS = 64
"""Most parts of a text; in a longer text, consecutive tokens form one part."""


@dataclass(frozen=True)
class Part:
    """A piece of one sample that can be removed from it.

    Args:
        sample: index of the sample.
        input: the input that it belongs to.
        text: display text: characters of a text, or a column's name and its cell; the name of the
            input if the part is the whole input.
        places: indices on the input's second axis; empty if the part is the whole input.
        before: display text between the previous part and this one.
        behind: display text after the last part of an input.
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
    """Make the tokens of texts, without the special ones, into parts.

    Args:
        written: converts texts to tokens.
        cells: cells of the texts, see `WrittenText.made`.
        samples: number of samples.
        each_token: whether each token is a separate part, even in a long text.
    """
    for sample, text in zip(range(samples), written.texts(cells), strict=True):
        yield from _of_text(written.name, written.tokenizer, text, sample, each_token)


def _of_text(
    name: str, tokenizer: Tokenizer, text: Written, sample: int, each_token: bool
) -> Iterator[Part]:
    texts = [text] if isinstance(text, str) else list(text or ())
    pieces = [(place, each) for place, each in enumerate(tokenizer.pieces(text)) if _is_own(each)]
    # The bytes of one character cannot be removed individually.
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
    """Make the values of numbers and categories that are not missing into parts.

    Args:
        written: converts cells to numbers.
        cells: cells of the columns, see `WrittenColumns.made`.
        samples: number of samples.
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
    """Make each whole input of each sample into a part.

    Args:
        inputs: names of the inputs.
        samples: number of samples.
    """
    for sample in range(samples):
        yield from (Part(sample, name, name, ()) for name in inputs)
