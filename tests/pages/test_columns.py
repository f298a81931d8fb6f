"""Which cells are numbers, and what a page's headings are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multitask.pages.anchors import MOST_LETTERS, anchors
from multitask.pages.blocks import Code, Picture, Table
from multitask.pages.columns import number_of, numeric_columns


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234", 1234),
        ("-0.5", -0.5),
        ("\u22122", -2),
        ("1e-05", 1e-5),
        (".5", 0.5),
        ("0.71 ± 0.02", 0.71),
        ("+0.107 ± 0.100* (0.83)", 0.107),
        ("30 (75 %)", 30),
        ("97.5 %", 97.5),
        ("inf", float("inf")),
        (Code("3"), 3),
    ],
)
def test_a_cell_is_sorted_by_the_number_that_it_begins_with(cell: str, number: float) -> None:
    assert number_of(cell) == number


@pytest.mark.parametrize(
    "cell", ["", "nan", "3 kg", "2024-01-03", "1st", "a", "1.2.3", "--1", "1e", Picture(b"")]
)
def test_other_cells_are_no_numbers(cell: str) -> None:
    assert number_of(cell) is None


def test_a_column_is_of_numbers_if_all_that_it_has_are() -> None:
    rows = [["a", "1", "", "1", ""], ["b", "nan", "", "x", Picture(b"")]]
    assert numeric_columns(Table(list("abcde"), rows)) == [False, True, False, False, False]
    assert numeric_columns(Table(["a"], [])) == [False]


def test_anchors_tell_headings_apart() -> None:
    titles = ["A b!", "a-b", "a b 2", "猫", "<>", "", "x" * 99]
    assert anchors(titles) == [
        *("a-b", "a-b-2", "a-b-2-2", "猫", "section", "section-2", "x" * MOST_LETTERS)
    ]


@given(titles=st.lists(st.text(max_size=5), max_size=20))
def test_any_headings_have_anchors_of_their_own(titles: list[str]) -> None:
    found = anchors(titles)
    assert len(set(found)) == len(titles)
    assert not any(each.split() != [each] for each in found)
