"""Conversion of one label per word of a text to one label per token."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pandas import Series
from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.missing_labels import MISSING_CLASS
from multitask.tables.input_columns import InputColumns
from multitask.tables.label_columns import is_list
from multitask.tables.target_cells import Cell, cell_text
from multitask.tables.target_columns import TargetColumns
from multitask.tokenizers import Piece, Tokenizer

WORD = re.compile(r"\S+")


def check_tokens(name: str, target: TargetColumns, inputs: Mapping[str, InputColumns]) -> None:
    """Refuse settings that contradict ``tokens_of``.

    Args:
        name: name of the task.
        target: its columns.
        inputs: inputs of the table, by name.

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
            f"{where}: labels of words need one column, with a label for each word, but {setting}"
        )
    found = inputs.get(text)
    if found is None or not found.is_text:
        texts = [each for each, columns in inputs.items() if columns.is_text]
        raise InputError(
            f"{where}: tokens_of is '{text}', which is not a text input{nearest(text, texts)}"
        )
    if not isinstance(found.column, str):
        raise InputError(
            f"{where}: tokens_of is '{text}', which consists of several columns; labels of words "
            "need a text from one column"
        )


def token_numbers(
    target: TargetColumns, cells: Mapping[str, Series], texts: Sequence[str], tokenizer: Tokenizer
) -> tuple[Tensor, list[Cell]]:
    """Read a label for each word of each row's text.

    A cell is a list of labels, or labels separated by ``between`` or, if that is not given, by
    blanks.

    Args:
        target: its columns.
        cells: its column, see `multitask.tables.target_cells.blank`; shape ``[rows]``.
        texts: the original text of each row.
        tokenizer: tokenizer of the text.

    Returns:
        Shape ``[rows, tokenizer.length]``, int64, -100 if missing, see `aligned`; and the cells
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
            hint = "; give one label for each word, as separated by spaces"
            problems.append(Cell(place, column, reason, hint))
        elif unknown:
            # Comparing with all labels is slow, and only the first hint is reported.
            hint = "" if problems else nearest(unknown[0], names)
            reason = f"'{unknown[0]:.60}' is not listed in labels"
            problems.append(Cell(place, column, reason, hint, "unknown_class"))
        else:
            row = aligned(text, [numbers[each] for each in labels], tokenizer)
            found[place, : len(row)] = torch.tensor(row)
    return found, problems


def aligned(text: str, labels: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    """Assign the label of each word to one of its tokens.

    This is the first token that contains a letter or a digit, or else the first token. Other tokens
    of a word, such as its ending or an adjacent sign, and special tokens get no label. Neither does
    a word that is cut off or has no tokens.

    Args:
        text: one text.
        labels: a label index for each of its words, which are separated by blanks.
        tokenizer: tokenizer of the text.

    Returns:
        A label index for each token, -100 for none.
    """
    pieces = tokenizer.pieces(text)
    found = [MISSING_CLASS] * len(pieces)
    for place, label in zip(word_places(text, pieces), labels, strict=True):
        if place is not None:
            found[place] = label
    return found


def word_places(text: str, pieces: Sequence[Piece]) -> list[int | None]:
    """Find the token that represents each word, see `aligned`.

    Args:
        text: one text.
        pieces: its tokens.

    Returns:
        The index of the token for each word; None if it has none.
    """
    words = list(WORD.finditer(text))
    word_at = [-1] * len(text)
    for number, word in enumerate(words):
        word_at[slice(*word.span())] = [number] * len(word[0])
    first: dict[int, int] = {}
    first_of_letters: dict[int, int] = {}
    for place, piece in enumerate(pieces):
        if piece.start < 0:
            continue
        # Some tokenizers include the blank before a word in its first token.
        inside = [each for each in word_at[piece.start : piece.end] if each >= 0]
        for at in inside[:1]:
            first.setdefault(at, place)
            if any(map(str.isalnum, text[piece.start : piece.end])):
                first_of_letters.setdefault(at, place)
    chosen = first | first_of_letters
    return [chosen.get(number) for number in range(len(words))]


def labels_of_words(cells: Sequence[str], texts: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """Convert predictions for tokens to predictions for words.

    Args:
        cells: for each text, a list of labels (JSON), one per token.
        texts: the original texts.
        tokenizer: tokenizer of the texts.

    Returns:
        For each text, a list of labels (JSON), one per word; null for a word that was cut off.
    """
    found = []
    for cell, text in zip(cells, texts, strict=True):
        labels = json.loads(cell)
        places = word_places(text, tokenizer.pieces(text))
        words = [None if place is None else labels[place] for place in places]
        found.append(json.dumps(words, ensure_ascii=False))
    return found


def _labels(cell: Any, between: str | None) -> list[str]:
    if is_list(cell):
        return [cell_text(each).strip() for each in cell]
    return [each.strip() for each in cell_text(cell).split(between)]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
