"""Labels of words become labels of tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pandas import Series

from multitask.errors import InputError
from multitask.tables.input_columns import InputColumns, input_columns
from multitask.tables.target_cells import blank
from multitask.tables.target_columns import TargetColumns
from multitask.tables.token_columns import (
    aligned,
    check_tokens,
    labels_of_words,
    token_numbers,
)
from multitask.tokenizers import Bytes, HashedWords, Piece, Tokenizer

WORDS, LABELS = HashedWords(8), ["O", "B-per", "I-per"]
TARGET = TargetColumns("tags", labels=list(LABELS), tokens_of="text")


def test_the_first_token_of_a_word_with_letters_gets_its_label() -> None:
    # The beginning, Ada, ., Lovelace, -, (, it, )
    found = aligned("Ada. Lovelace  -\n(it)", [1, 2, 0, 2], WORDS)
    assert found == [-100, 1, -100, 2, 0, -100, 2, -100]
    assert aligned("", [], WORDS) == [-100]


def test_predictions_of_tokens_become_those_of_words() -> None:
    cells = [json.dumps(list("0123456")), json.dumps(["0"])]
    found = labels_of_words(cells, ["Ada (the) a b c d", ""], HashedWords(7))
    assert [json.loads(each) for each in found] == [["1", "3", "5", "6", None, None], []]


def test_bytes_have_the_label_at_the_first() -> None:
    assert aligned("né a", [1, 2], Bytes(9)) == [-100, 1, -100, -100, -100, 2]


def test_words_that_are_cut_off_have_no_token() -> None:
    assert aligned("a b c d", [1, 2, 3, 4], HashedWords(3)) == [-100, 1, 2]


class WithBlanks(Tokenizer):
    """Counts the blank before a word as part of it, as that of GPT-2 may."""

    vocabulary = 9

    def tokens_of(self, text: str) -> list[tuple[int, int, int]]:
        return [(4, 0, 2), (5, 2, 5), (6, 5, 6)]


def test_a_blank_before_a_word_belongs_to_it() -> None:
    assert WithBlanks(9).pieces("ab cde")[2] == Piece(5, 2, 5)
    assert aligned("ab cde", [1, 2], WithBlanks(9)) == [-100, 1, 2, -100]


def read(
    cells: Sequence[object], texts: list[str], **options: str
) -> tuple[list[list[int]], list[str]]:
    target = TargetColumns("tags", labels=list(LABELS), tokens_of="text", **options)  # type: ignore[arg-type]
    column = blank(Series(cells, dtype=object), ())
    found, problems = token_numbers(target, {"tags": column}, texts, WORDS)
    assert (found.dtype, found.shape) == (torch.int64, (len(texts), 8))
    return found[:, 1:4].tolist(), [f"{each.place} {each.kind}: {each.reason}" for each in problems]


def test_cells_are_lists_or_labels_with_something_between() -> None:
    cells = ["O  B-per I-per", ["O", "B-per", "I-per"], np.array(["O", "B-per", "I-per"]), None, ""]
    found, problems = read(cells, ["by Ada L"] * 5)
    assert found == [[0, 1, 2]] * 3 + [[-100] * 3] * 2
    assert problems == []
    assert read(["O, B-per"], ["by Ada"], between=",")[0] == [[0, 1, -100]]


def test_a_cell_with_another_number_of_labels_than_words() -> None:
    found, problems = read(["O O", "O", "O", "O B"], ["by Ada L", "", "a", "a b"])
    assert found == [[-100] * 3] * 2 + [[0, -100, -100], [-100] * 3]
    assert problems == [
        "0 unreadable_target: it has 2 labels, but the text 'text' of this row has 3 words",
        "1 unreadable_target: it has 1 label, but the text 'text' of this row has 0 words",
        "3 unknown_class: 'B' is not listed in labels",
    ]


INPUTS = {
    "text": input_columns("text", {"column": "review"}, ()),
    "pair": input_columns("pair", {"column": ["a", "b"]}, ()),
    "numbers": InputColumns(columns=["age"]),
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tokens_of": "text"}, "list the labels' names as labels"),
        ({"tokens_of": "txet", "labels": LABELS}, "not a text input.*'text'"),
        ({"tokens_of": "numbers", "labels": LABELS}, "not a text input"),
        ({"tokens_of": "pair", "labels": LABELS}, "consists of several columns"),
        ({"tokens_of": "text", "labels": LABELS, "none": "-"}, "but none is given"),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, object], said: str) -> None:
    target = TargetColumns("tags", **settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"targets, 'tag': .*{said}"):
        check_tokens("tag", target, INPUTS)
    check_tokens("tag", TARGET, INPUTS)
