"""What columns are taken for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multitask.inspection.column_kinds import as_numbers, column_kind, is_number

DRAWS = random.Random(0)
ROWS = 60


def column(name: str, cells: Sequence[Any]) -> pd.Series:
    return pd.Series(list(cells), name=name, dtype=object)


def texts(choices: Sequence[Any]) -> list[str]:
    return [str(choices[row % len(choices)]) for row in range(ROWS)]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("file_name", [f"a/{row}.PNG" for row in range(ROWS)], "image"),
        ("photo", [*(f"{row}.jpeg" for row in range(ROWS - 5)), *["gone"] * 5], "image"),
        ("species", texts(["cat", "dog"]), "classes"),
        ("digit", texts(range(10)), "classes"),
        ("present", texts([0, 255]), "classes"),
        ("grade", texts(["007", "008", "009"]), "classes"),
        ("label", texts(range(30)), "classes"),
        ("category_id", texts(range(10)), "classes"),
        ("n_cells", texts(range(4)), "numbers"),
        ("cellCount", texts(range(4)), "numbers"),
        ("age", texts(range(20, 35)), "numbers"),
        ("cells", texts([0, 3, 12, 40, 77, 150]), "numbers"),
        ("few", texts(range(20)) * 3, "classes"),
        ("many", texts(range(30)) * 3, "numbers"),
        ("weight", [f"{DRAWS.random():.3f}" for _ in range(ROWS)], "numbers"),
        ("half", texts(["0.5", "1.0"]), "numbers"),
        ("mixed", texts(["1", "1.0", "2"]), "numbers"),
        ("split", texts(["train", "val", "test"]), "split"),
        ("patient", texts([f"p{person}" for person in range(20)]), "group"),
        ("PatientID", texts(range(20)), "group"),
        ("scan_id", texts(range(15)), "group"),
        ("fold", texts(range(5)), "group"),
        ("cv_fold", texts(["a", "b"]), "group"),
        ("fold change", texts([1, 2, 4, 8, 30]), "numbers"),
        ("patient_id", [f"p{row}" for row in range(ROWS)], "identifier"),
        ("id", [str(row * 7) for row in range(ROWS)], "identifier"),
        ("nr", [str(row + 1) for row in range(ROWS)], "identifier"),
        ("code", [f"k{row:04}" for row in range(ROWS)], "identifier"),
        ("note", [f"seen by the river, day {row}" for row in range(ROWS)], "text"),
        ("comment", texts(["x" * 80, "y" * 90]), "text"),
        ("camera", ["one"] * ROWS, "constant"),
        ("later", [None] * ROWS, "empty"),
    ],
)
def test_kinds(name: str, cells: list[Any], kind: str) -> None:
    assert column_kind(column(name, cells)).kind == kind


def test_missing_cells_are_counted_and_do_not_change_the_kind() -> None:
    cells = [None if row % 3 == 0 else str(row % 4) for row in range(ROWS)]
    found = column_kind(column("digit", cells))
    assert (found.kind, found.known, found.missing) == ("classes", 40, 20)
    assert found.counts == {"0": 10, "1": 10, "2": 10, "3": 10}


def test_texts_that_mean_missing_do_so() -> None:
    cells = ["NA" if row % 3 == 0 else f"{row}.5" for row in range(ROWS)]
    found = column_kind(column("weight", cells), ["NA"])
    assert (found.kind, found.missing, found.limits) == ("numbers", 20, (1.5, 59.5))


def test_a_few_cells_that_are_no_numbers_are_told() -> None:
    cells = [*(f"{row}.5" for row in range(ROWS)), "heavy"]
    found = column_kind(column("weight", cells))
    assert found.kind == "text"
    assert found.remark == "1 of its cells is not a number, such as 'heavy'"


def test_classes_are_in_natural_order() -> None:
    found = column_kind(column("digit", texts([10, 9, 1, 2, 0, 3, 4, 5, 6, 7, 8])))
    assert list(found.counts) == [str(each) for each in range(11)]
    found = column_kind(column("stage", texts(["b10", "b9", "A1"])))
    assert list(found.counts) == ["A1", "b9", "b10"]


def test_a_class_that_may_mean_missing_is_told() -> None:
    assert "'Unknown'" in column_kind(column("kind", texts(["cat", "Unknown"]))).remark


def test_classes_that_differ_in_capitals_or_spaces_are_told() -> None:
    found = column_kind(column("a", ["Cat", "dog", "cat "] * 5))
    assert found.kind == "classes"
    assert "'Cat' and 'cat ' differ only in capitals or spaces" in found.remark


@pytest.mark.parametrize("cells", [["3,5", "12,25"], ["1,000", "2"], ["1.000,5", "-2.000,25"]])
def test_numbers_with_commas_are_no_classes(cells: list[str]) -> None:
    found = column_kind(column("a", cells * 5))
    assert found.kind == "text"
    assert f"such as '{cells[0]}'; write only the number" in found.remark


def test_whole_numbers_that_floats_do_not_tell_apart_are_no_numbers() -> None:
    assert column_kind(column("a", [str(2**62 + each) for each in range(9)])).kind == "identifier"
    assert column_kind(column("a", [1e20 * each for each in range(9)])).kind == "numbers"


def test_columns_with_types() -> None:
    whole = pd.Series(np.arange(ROWS) % 3, name="digit").where(lambda each: each < 2)
    assert column_kind(whole).counts == {"0": 20, "1": 20}
    flags = pd.Series(np.arange(ROWS) % 2 == 0, name="ripe")
    assert column_kind(flags).counts == {"False": 30, "True": 30}
    lists = column("landmarks", [[row, 2.0, None] for row in range(ROWS)])
    assert (column_kind(lists).kind, column_kind(lists).size) == ("numbers", 3)
    uneven = column("tags", [["a"] * (row % 3) for row in range(ROWS)])
    assert column_kind(uneven).kind == "text"


def test_classes_that_are_numbers_can_be_numbers() -> None:
    digit = column_kind(column("x1", texts(range(5))))
    assert is_number(digit)
    assert as_numbers(digit).limits == (0, 4)
    assert not is_number(column_kind(column("species", texts(["cat", "dog"]))))
