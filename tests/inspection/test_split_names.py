"""Columns that may contain the split of each row, though their cells do not say so."""

from __future__ import annotations

import pytest
from pandas import DataFrame, Series

from multitask.inspection.column_kinds import column_kinds
from multitask.inspection.split_names import split_name


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Set", ["A", "B"]),
        ("set", ["1", "2"]),
        ("train_clean", ["yes", "no"]),
        ("usedForTest", ["x", "y"]),
        ("phase", ["I", "II", "III"]),
    ],
)
def test_names_that_suggest_a_split(name: str, cells: list[str]) -> None:
    said = split_name(name, Series(cells * 5))
    assert said is not None
    assert f"column={name}" in said
    assert ", ".join(cells) in said


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("sunset", ["A", "B"]),
        ("settings", ["A", "B"]),
        ("contest", ["A", "B"]),
        ("te", ["A", "B"]),
        ("value", ["A", "B"]),
        ("set", list("ABCDEFG")),
        ("set", ["A"]),
    ],
)
def test_other_names_and_many_cells_are_tasks(name: str, cells: list[str]) -> None:
    assert split_name(name, Series(cells * 5)) is None


def test_the_remark_is_the_columns() -> None:
    (column,) = column_kinds(DataFrame({"Set": ["A", "A", "B"] * 10}))
    assert column.kind == "classes"
    assert "suggests that it contains the split" in column.remark
