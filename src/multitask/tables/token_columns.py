"""From a label for each word of a text to a label for each of its tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pandas import Series
from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.labels import MISSING_CLASS
from multitask.tables.input_columns import InputColumns
from multitask.tables.label_columns import is_list
from multitask.tables.target_cells import Cell, cell_text
from multitask.tables.target_columns import TargetColumns
from multitask.tokenizers import Tokenizer

WORD = re.compile(r"\S+")


def check_tokens(name: str, target: TargetColumns, inputs: Mapping[str, InputColumns]) -> None:
    """Refuse settings that contradict ``tokens_of``.

    Args:
        name: of the task.
        target: its columns.
        inputs: of the table, by name.

    Raises:
        InputError: naming the task and the setting.
    """
    where, text = f"targets, '{name}'", target.tokens_of
    if text is None:
        return
    if target.labels is None:
        raise InputError(
            f"{where}: tokens_of is for a label of each word; list the labels' names as labels"
        )
    if not isinstance(target.columns, str) or target.none is not None:
        setting = "none is given" if target.none is not None else "columns is a list"
        raise InputError(
            f"{where}: labels of words are in one column, with a label for each word, but {setting}"
        )
    found = inputs.get(text)
    if found is None or not found.is_text:
        texts = [each for each, columns in inputs.items() if columns.is_text]
        raise InputError(
            f"{where}: tokens_of is '{text}', which is not a text of inputs{nearest(text, texts)}"
        )
    if not isinstance(found.column, str):
        raise InputError(
            f"{where}: tokens_of is '{text}', which is made of several columns; labels of words "
            "are of a text of one column"
        )


def token_numbers(
    target: TargetColumns, cells: Mapping[str, Series], texts: Sequence[str], tokenizer: Tokenizer
) -> tuple[Tensor, list[Cell]]:
    """Read a label for each word of each row's text.

    A cell is a list of labels, or labels with ``between`` or, if that is not given, blanks between
    them.

    Args:
        target: its columns.
        cells: its column, see `multitask.tables.target_cells.blank`; shape ``[rows]``.
        texts: what is written in each row's text.
        tokenizer: makes its tokens.

    Returns:
        Shape ``[rows, tokenizer.length]``, int64, -100 where missing, see `aligned`; and the cells
        that cannot be used.
    """
    ((column, values),) = cells.items()
    names = target.label_names
    numbers = {label: number for number, label in enumerate(names)}
    found = torch.full((len(values), tokenizer.length), MISSING_CLASS)
    problems: list[Cell] = []
    for place, (cell, text) in enumerate(zip(values, texts, strict=True)):
        if cell is None:
            continue
        labels, words = _labels(cell, target.between), len(WORD.findall(text))
        unknown = [each for each in labels if each not in numbers]
        if len(labels) != words:
            reason = (
                f"it has {_counted(len(labels), 'label')}, but the text '{target.tokens_of}' of "
                f"this row has {_counted(words, 'word')}"
            )
            hint = "; give one label for each word, which blanks part"
            problems.append(Cell(place, column, reason, hint))
        elif unknown:
            # A comparison with all labels takes long, and only the first is told.
            hint = "" if problems else nearest(unknown[0], names)
            reason = f"'{unknown[0]:.60}' is not one of labels"
            problems.append(Cell(place, column, reason, hint, "unknown_class"))
        else:
            row = aligned(text, [numbers[each] for each in labels], tokenizer)
            found[place, : len(row)] = torch.tensor(row)
    return found, problems


def aligned(text: str, labels: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    """Give the first token of each word the word's label.

    Further tokens of a word, such as its ending or a sign behind it, and special tokens have none,
    nor has a word that is cut off or of which no token is made.

    Args:
        text: one text.
        labels: a number for each of its words, which blanks part.
        tokenizer: makes tokens of it.

    Returns:
        A number for each token, -100 for none.
    """
    # The word that each character is in.
    word_at = [-1] * len(text)
    for number, word in enumerate(WORD.finditer(text)):
        word_at[slice(*word.span())] = [number] * len(word[0])
    found: list[int] = []
    last = -1
    for piece in tokenizer.pieces(text):
        # Some tokenizers count the blank before a word as part of its first token.
        inside = [each for each in word_at[max(piece.start, 0) : piece.end] if each >= 0]
        at = inside[0] if piece.start >= 0 and inside else -1
        found.append(labels[at] if at > last else MISSING_CLASS)
        last = max(last, at)
    return found


def _labels(cell: Any, between: str | None) -> list[str]:
    if is_list(cell):
        return [cell_text(each).strip() for each in cell]
    return [each.strip() for each in cell_text(cell).split(between)]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
