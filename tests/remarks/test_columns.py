"""What a person would notice in a column."""

from __future__ import annotations

from typing import Any

import pytest
from pandas import Series

from multitask.remarks.columns import column_remarks, several_labels, stand_in, written_numbers
from multitask.remarks.one_hot import class_names, one_hot
from multitask.remarks.written_numbers import written_how


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("12 %", "a unit"),
        ("37.5°C", "a unit"),
        ("5 m/s", "a unit"),
        ("3,5", "commas"),
        ("1.234,5", "commas"),
        ("10 000", "commas"),
        ("€3.50", "a currency"),
        ("3.50 $", "a currency"),
        ("< 0.1", "a sign"),
        ("\u22125", "a sign"),
        ("3.2 ± 0.1", "an uncertainty"),
        ("$12k", "a currency"),
        ("1,20,000", "commas"),
        ("80+", "a mark behind"),
        ("(12)", "brackets"),
        ("1.2*10^3", "a power of ten"),
        ("approx. 5", "a word"),
        ("5'11\"", "feet and inches"),
        ("15 m2", "a unit"),
        ("20 years old", "a unit"),
        ("١٢", "digits of another script"),
        ("1st", None),
        ("a1", None),
        ("2019-01-02", None),
        ("12:30", None),
    ],
)
def test_numbers_as_people_write_them(text: str, how: str | None) -> None:
    assert written_how(text) == how
    assert (written_numbers(Series([text] * 5)) is None) == (how is None)


@pytest.mark.parametrize("between", [";", "|", ", ", " ", " + ", "\n", "\t"])
def test_cells_of_several_labels(between: str) -> None:
    sets = [["cat"], ["dog"], ["cat", "wild"], ["dog", "wild"], ["cat", "young"], ["dog", "young"],
            ["cat", "young", "wild"]]  # fmt: skip
    said = several_labels(Series([between.join(each) for each in sets * 3]))
    assert said is not None
    assert "7 combinations of 4 labels" in said


@pytest.mark.parametrize("between", [";", " "])
def test_cells_of_several_class_numbers(between: str) -> None:
    cells = [between.join(each) for each in ("12", "1", "23", "3", "123")]
    assert "5 combinations of 3 labels" in str(several_labels(Series(cells * 3)))


@pytest.mark.parametrize(
    "classes",
    [
        ["golden retriever", "labrador retriever", "pug"],
        ["light red", "dark red", "light blue", "dark blue"],
        ["Paris, France", "Rome, Italy"],
        ["cat", "dog"],
        ["1;2", "2;3"],
    ],
)
def test_names_of_several_words_are_one_label(classes: list[str]) -> None:
    assert several_labels(Series(classes * 4)) is None


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["3.5", "4", "-999", "-999", "6"], -999),
        ([0.5, 1.0, 2.0, -1.0, -1.0], -1),
        ([50, 60, 70, 999, 999], 999),
        ([100.5, 101.5, 102.5, 0, 0], 0),
        ([0, 1, 2, 3, -1, -1], None),
        ([1, 2, 9, 9, 3], None),
        ([1.5, 2.5, -999], None),
        ([-10.0, 0.0, 10.0, 0.0], None),
    ],
)
def test_numbers_that_stand_for_missing(cells: list[Any], found: float | None) -> None:
    result = stand_in(Series(cells))
    assert (None if result is None else result[0]) == found


def test_sound_columns_get_no_remark() -> None:
    assert list(column_remarks(Series(["cat", "dog"] * 5), True)) == []
    assert list(column_remarks(Series([1.5, 2.5, 3.5] * 5), False)) == []


def test_columns_of_which_one_is_1() -> None:
    hot = {"is_cat": Series(["1", "0", "0"]), "is_dog": Series(["0", "1", "0"])}
    hot |= {"is_owl": Series(["0", "0", "1"]), "is_wild": Series(["1", "1", "0"])}
    assert one_hot(hot) == [["is_cat", "is_dog", "is_owl"]]
    assert class_names(["is_cat", "is_dog", "is_owl"]) == ["cat", "dog", "owl"]
    assert class_names(["cat", "car"]) == ["cat", "car"]
