"""Columns become targets."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pandas import Series

from multitask.tables import target_cells
from multitask.tables.target_cells import Cell, blank, class_numbers, numbers
from multitask.tables.target_columns import TargetColumns

NAN = float("nan")


def column(*cells: Any, missing: tuple[str, ...] = ()) -> Series:
    return blank(Series(list(cells), dtype=object), missing)


def same(found: torch.Tensor, expected: list[Any]) -> bool:
    values = torch.tensor(expected)
    return found.dtype == values.dtype and torch.allclose(found, values, equal_nan=True)


def test_classes_are_numbered_by_their_place() -> None:
    cells = column("dog", "cat", None, "", "NA", "-")
    found, problems = class_numbers("kind", column(*cells, missing=("-",)), ["cat", "dog", "NA"])
    assert same(found, [1, 0, -100, -100, 2, -100])
    assert problems == []


@pytest.mark.parametrize(
    ("cells", "classes", "expected"),
    [
        ([3, "5", 5.0, NAN], [3, 5], [0, 1, 1, -100]),
        ([True, False, None], [False, True], [1, 0, -100]),
        ([np.True_, np.False_], ["false", "true"], [1, 0]),
        ([np.int64(1), np.float64(2)], ["1", "2"], [0, 1]),
    ],
)
def test_whole_numbers_and_truths_match_their_texts(
    cells: list[Any], classes: list[Any], expected: list[int]
) -> None:
    names = TargetColumns("kind", classes).class_names
    found, problems = class_numbers("kind", column(*cells), names)
    assert same(found, expected)
    assert problems == []


def test_only_the_first_unknown_class_is_compared_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[str] = []
    monkeypatch.setattr(target_cells, "nearest", lambda cell, _: compared.append(cell) or "?")
    _, problems = class_numbers("kind", column("cat", "dgo", "dgo", "cow"), ["cat", "dog"])
    assert compared == ["dgo"]
    assert [each.hint for each in problems] == ["?", "", ""]


def test_unknown_classes_are_reported_with_the_nearest() -> None:
    found, problems = class_numbers("kind", column("cat", "dgo", 2.5), ["cat", "dog"])
    assert same(found, [0, -100, -100])
    assert [each.place for each in problems] == [1, 2]
    assert "'dgo'" in problems[0].reason
    assert problems[0].hint == "; did you mean 'dog'?"
    assert problems[0].kind == "unknown_class"


def test_numbers_of_any_kind() -> None:
    cells = column(
        "1e3", " -2 ", 3, np.float32(0.5), Decimal("1.5"), None, NAN, "?", missing=("?",)
    )
    found, problems = numbers({"size": cells})
    assert same(found, [1000.0, -2.0, 3.0, 0.5, 1.5, NAN, NAN, NAN])
    assert problems == []


@pytest.mark.parametrize(
    "cell", ["3,5", "nan", "NA", "1_000", "0x10", True, datetime(2020, 1, 1), {"a": 1}, "three"]
)
def test_what_is_no_number_is_reported(cell: Any) -> None:
    found, problems = numbers({"size": column("1", cell)})
    assert same(found, [1.0, NAN])
    assert [(each.place, each.column, each.kind) for each in problems] == [
        (1, "size", "unreadable_target")
    ]
    assert repr(cell) in problems[0].reason


@pytest.mark.parametrize(
    "cell", ["inf", "-Infinity", float("inf"), "1e39", 10**40, 10**400, "1e999"]
)
def test_infinite_numbers_are_reported_and_missing(cell: Any) -> None:
    found, problems = numbers({"size": column(1, cell)})
    assert same(found, [1.0, NAN])
    assert [(each.place, each.kind) for each in problems] == [(1, "infinite_target")]


def test_numbers_beyond_float64_do_not_depend_on_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    # Some releases read them as missing.
    read = pd.to_numeric
    monkeypatch.setattr(
        pd, "to_numeric", lambda cells, **keywords: read(cells.replace("1e999", "x"), **keywords)
    )
    _, problems = numbers({"size": column("1", "1e999", "x", None)})
    assert [(each.place, each.kind) for each in problems] == [
        (2, "unreadable_target"),
        (1, "infinite_target"),
    ]


def test_vectors_of_columns_keep_what_is_known() -> None:
    found, problems = numbers({"x": column("1", None, None), "y": column("2", "3", None)})
    assert same(found, [[1.0, 2.0], [NAN, 3.0], [NAN, NAN]])
    assert problems == []


def test_a_column_of_lists_is_a_vector() -> None:
    cells = column(None, [1, None], np.array([3.0, 4.0]), ["5", NAN])
    found, problems = numbers({"corner": cells})
    assert same(found, [[NAN, NAN], [1.0, NAN], [3.0, 4.0], [5.0, NAN]])
    assert problems == []


def test_lists_that_do_not_fit_are_reported() -> None:
    cells = column([1, 2], [1], 3, [[1], [2]], ["a", 1], [1, float("inf")], [])
    found, problems = numbers({"corner": cells})
    assert same(found[0], [1.0, 2.0])
    reasons = {each.place: each for each in problems}
    assert sorted(reasons) == [1, 2, 3, 4, 5, 6]
    assert "a list of 1, but the first list of this column has 2" in reasons[1].reason
    assert "element 1 of the list" in reasons[4].reason
    assert all(each.column == "corner" for each in problems)
    assert isinstance(reasons[5], Cell)
    assert reasons[5].kind == "infinite_target"
