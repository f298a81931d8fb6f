"""Texts become the same numbers everywhere, and none is without a token."""

from __future__ import annotations

from copy import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multitask.checkpoints.recipe import recipe
from multitask.errors import InputError
from multitask.tokenizers import Bytes, HashedWords, Tokenizer, cut_to_longest, is_text, text_mask

KINDS = [HashedWords(16), HashedWords(5, 40, lower=False), Bytes(12)]
TEXTS = st.one_of(st.none(), st.text(max_size=30), st.tuples(st.text(), st.text()))


@pytest.mark.parametrize("tokenizer", KINDS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_text_is_a_row_of_numbers_of_the_vocabulary(
    tokenizer: Tokenizer, texts: list[str | tuple[str, str] | None]
) -> None:
    tokens, is_cut, is_empty = tokenizer(texts)
    assert is_text(tokens)
    assert tokens.shape == (len(texts), tokenizer.length)
    assert int(tokens.max()) < tokenizer.vocabulary
    assert (tokens[:, 0] == tokenizer.beginning).all()
    mask = text_mask(tokens)
    # Places without a token come last.
    assert (mask.int().diff(dim=1) <= 0).all()
    for row, cut, empty, text in zip(mask, is_cut, is_empty, texts, strict=True):
        pieces = tokenizer.pieces(text)
        assert len(pieces) == row.sum()
        whole = copy(tokenizer)
        whole.length = 1000
        assert cut == (len(whole.pieces(text)) > tokenizer.length)
        assert not empty or all(each.start < 0 for each in pieces)
        parts = [text] if isinstance(text, str) else text or ()
        for each in pieces:
            if each.start >= 0:
                assert parts[each.part][each.start : each.end]


def test_hashed_words_are_the_same_in_every_process_and_release() -> None:
    # Numbers that were written down: Python's own hash differs from one process to the next.
    tokens = HashedWords(9)(["Not good!"])[0]
    assert tokens.tolist() == [[0, 11676, 22972, 13939, -1, -1, -1, -1, -1]]


def test_a_text_that_just_fits_is_not_cut() -> None:
    assert HashedWords(3)(["one two", "one two three"]).is_cut.tolist() == [False, True]


def test_words_and_signs_are_tokens_and_capitals_may_count() -> None:
    small, large = HashedWords(8)(["good, good Good"])[0], HashedWords(8, lower=False)
    assert small[0, 1] == small[0, 3] == small[0, 4] != small[0, 2]
    kept = large(["good, good Good"])[0]
    assert kept[0, 1] == kept[0, 3] != kept[0, 4]


def test_a_pair_has_a_separator_and_its_halves_are_told() -> None:
    pieces = HashedWords(8).pieces(["is it", "yes"])
    assert [(each.start, each.end, each.part) for each in pieces[1:]] == [
        (0, 2, 0), (3, 5, 0), (-1, -1, 1), (0, 3, 1),
    ]  # fmt: skip
    assert pieces[3].number == HashedWords.separator


def test_a_batch_is_cut_to_its_longest_text() -> None:
    tokens = HashedWords(9)(["one two", "one", None])[0]
    assert cut_to_longest(tokens).shape == (3, 3)
    assert torch.equal(cut_to_longest(tokens), tokens[:, :3])
    assert cut_to_longest(tokens[2:]).shape == (1, 1)
    assert cut_to_longest(tokens[:0]).shape == (0, 1)


def test_settings_are_checked_and_recorded() -> None:
    with pytest.raises(InputError, match="length is 1; give at least 2"):
        HashedWords(1)
    with pytest.raises(InputError, match="vocabulary is 3; give more than 3"):
        HashedWords(8, 3)
    with pytest.raises(InputError, match="length is 1000000000; give .* at most 1,048,576"):
        HashedWords(10**9)
    with pytest.raises(InputError, match="vocabulary is 4294967296; give .* at most 2,147,483,648"):
        HashedWords(8, 2**32)
    assert recipe(HashedWords(8, lower=False)) == {
        "class_path": "multitask.tokenizers.hashed_words.HashedWords",
        "init_args": {"length": 8, "lower": False},
    }
