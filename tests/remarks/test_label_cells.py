"""Cells that hold several labels each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pandas import Series

from multitask.remarks.label_cells import label_cells
from multitask.remarks.yes_or_no import yes_or_no, yes_or_no_remark

SETS = [["cat"], ["dog"], ["cat", "wild"], ["dog", "wild"], ["cat", "young"], ["dog", "young"],
        ["cat", "young", "wild"], ["dog", "young", "wild"]]  # fmt: skip


def column(cells: list[Any]) -> Series:
    return Series(cells, dtype=object)


@pytest.mark.parametrize("between", ["|", "; ", ", ", " "])
def test_names_in_a_text(between: str) -> None:
    cells = [between.join(each) for each in SETS] * 3 + ["none", "[]"]
    found = label_cells(column(cells))
    assert found is not None
    assert (found.between, found.none, found.is_sure) == (between.strip() or " ", "none", True)
    assert found.counts == {"cat": 12, "dog": 12, "wild": 12, "young": 12}


@pytest.mark.parametrize("make", [list, tuple, np.array])
def test_lists_of_names(make: Any) -> None:
    found = label_cells(column([make(each) for each in [*SETS, []] * 3]))
    assert found is not None
    assert (found.between, found.is_hot, found.is_sure) == (None, False, True)
    assert found.counts == {"cat": 12, "dog": 12, "wild": 12, "young": 12}


def test_lists_of_0_and_1() -> None:
    found = label_cells(column([[1, 0, 1], [0, 0, 1], [True, None, 0], np.array([0.0, 1, 1])]))
    assert found is not None
    assert (found.is_hot, found.counts) == (True, {"0": 2, "1": 1, "2": 3})


@pytest.mark.parametrize(
    "cells",
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0], [0, 0]],
        [[0.5, 1.0], [1.0, 0.0]],
        [[1, 2, 3], [4, 5, 6]],
        [["a", "a"], ["b", "a"]] * 5,
        [["a"], ["b"]] * 5,
        [[1], [0]],
        ["cat", "dog"],
        ["light red", "dark red", "light blue", "dark blue"],
        [["cat"], "dog"],
        [],
    ],
)
def test_other_cells_hold_one_thing(cells: list[Any]) -> None:
    assert label_cells(column(cells)) is None


@pytest.mark.parametrize(
    "cells",
    [
        # Words come twice in a sentence.
        ["a cat and a dog", "a cat", "a dog and a cat", "a dog", "a cat and a cow", "a cow"] * 5,
        # Nearly as many words as combinations.
        ["light red", "red", "dark red", "light blue", "blue", "dark blue", "green"] * 3,
    ],
)
def test_words_may_be_no_labels(cells: list[str]) -> None:
    found = label_cells(column(cells))
    assert found is None or not found.is_sure


def test_columns_of_yes_and_no_side_by_side() -> None:
    columns = {
        "a": ["0", "1"],
        "weight": ["1", "2"],
        "cat": ["yes", "no"],
        "dog": ["True", "False"],
        "owl": ["1", "0"],
        "other": ["x"],
        "b": ["0", "1"],
        "c": ["1", "0"],
    }
    (found,) = yes_or_no(columns)
    assert found == ["cat", "dog", "owl"]
    assert "columns: [cat, dog, owl] and labels: [cat, dog, owl]" in yes_or_no_remark(found)
