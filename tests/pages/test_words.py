"""Numbers and lists in sentences."""

from __future__ import annotations

import pytest

from multitask.pages.words import counted, in_words, listed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_names_are_listed_as_in_a_sentence(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_of_one_name_that_may_be_listed_the_others_are_counted() -> None:
    assert listed("abc", 1) == "a and 2 more"


def test_numbers_and_nouns_agree() -> None:
    assert [counted(n, "run") for n in (0, 1, 1200)] == ["0 runs", "1 run", "1,200 runs"]
    assert counted(2, "class", "classes") == "2 classes"
    assert [in_words(n) for n in (0, 1, 10, 11)] == ["no", "one", "ten", "11"]
    assert in_words(0, "none") == "none"


def test_names_to_choose_from_are_listed_with_or() -> None:
    assert listed(["a", "b", "c"], word="or") == "a, b or c"
