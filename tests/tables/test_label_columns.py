"""From columns of a table to several labels at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pandas import Series

from multitask.errors import InputError
from multitask.tables.label_columns import check_labels, label_numbers
from multitask.tables.target_cells import blank
from multitask.tables.target_columns import TargetColumns, target_columns

UNKNOWN = [-100, -100, -100]


def one_column(*cells: Any, **settings: Any) -> tuple[list[list[int]], list[str]]:
    """Targets and complaints of a column with the labels cat, dog and wild."""
    target = TargetColumns(
        "kinds", labels=settings.pop("labels", ["cat", "dog", "wild"]), **settings
    )
    column = blank(Series(list(cells), dtype=object), target.missing)
    found, problems = label_numbers({"kinds": column}, target)
    return found.tolist(), [f"{each.place}: {each.reason}{each.hint}" for each in problems]


@pytest.mark.parametrize(
    ("cells", "settings"),
    [
        (["cat wild", "dog", "[]", "", "?"], {"between": " "}),
        (["cat; wild;", " dog", " [] ", None, "?"], {"between": ";"}),
        (["wild|cat|cat", "dog", "No Finding", float("nan"), "?"],
         {"between": "|", "none": "No Finding"}),
        ([["wild", "cat"], ("dog",), [], None, "?"], {}),
        ([np.array(["cat", "wild"]), np.array(["dog"]), np.array([]), None, "?"], {}),
        ([[1, 0, 1], [0, 1, 0], [0, 0, 0], None, "?"], {}),
        ([[True, False, True], ["0", "1", "0"], [], None, "?"], {}),
        ([np.array([1.0, 0, 1]), np.array([0, 1, 0]), "nothing", None, "?"], {"none": "nothing"}),
    ],
)  # fmt: skip
def test_cells_of_several_labels(cells: list[Any], settings: dict[str, Any]) -> None:
    found, problems = one_column(*cells, missing=["?"], **settings)
    assert problems == []
    assert found == [[1, 0, 1], [0, 1, 0], [0, 0, 0], UNKNOWN, UNKNOWN]


def test_single_labels_of_a_list_may_be_missing() -> None:
    found, problems = one_column([1, None, 0], [float("nan"), 0, 0])
    assert (found, problems) == ([[1, -100, 0], [-100, 0, 0]], [])


def test_labels_may_be_numbers() -> None:
    cells = "1 3", 2.0, [3, 1], [2]
    found, problems = one_column(*cells, labels=[1, 2, 3], between=" ")
    assert (found, problems) == ([[1, 0, 1], [0, 1, 0], [1, 0, 1], [0, 1, 0]], [])
    found, problems = one_column([0], [1, 0], [1], labels=["0", "1"])
    assert (found, problems) == ([[1, 0], [1, 1], [0, 1]], [])


@pytest.mark.parametrize(
    ("cells", "settings", "said"),
    [
        (["cat dgo", "dgo"], {"between": " "},
         ["0: 'dgo' is not listed in labels; did you mean 'dog'?",
          "1: 'dgo' is not listed in labels"]),
        (["cat wild"], {}, ["0: 'cat wild' is not listed in labels; if the cell contains several "
                            "labels, set their separator, as in between: ';'"]),
        ([" ; "], {"between": ";"},
         ["0: the cell ' ; ' contains no label; leave it empty if none is known"]),
        ([[1, 0, 1], "cat"], {},
         ["1: the cell 'cat' is not a list with 1 or 0 for each of the 3 labels"]),
        ([[1, 0, 1], [0, 1]], {},
         ["1: the cell [0, 1] is not a list with 1 or 0 for each of the 3 labels"]),
    ],
)  # fmt: skip
def test_other_cells_are_told(cells: list[Any], settings: dict[str, Any], said: list[str]) -> None:
    found, problems = one_column(*cells, **settings)
    assert problems == said
    assert found[-1] == UNKNOWN


def test_columns_of_yes_and_no() -> None:
    target = target_columns("kinds", {"columns": ["a", "b"], "labels": ["cat", "dog"]})
    columns = {
        "b": Series(["Yes", "0", None, "FALSE", 1, 2], dtype=object),
        "a": Series(["1.0", "no", "1", None, True, "maybe"], dtype=object),
    }
    found, problems = label_numbers(columns, target)
    assert found.tolist() == [[1, 1], [0, 0], [1, -100], [-100, 0], [1, 1], [-100, -100]]
    assert [(each.place, each.column, each.kind) for each in problems] == [
        (5, "a", "unreadable_target"),
        (5, "b", "unreadable_target"),
    ]
    assert (
        "the cell 'maybe' is not yes or no; write 1 or 0" in problems[0].reason + problems[0].hint
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"labels": []}, "labels is empty"),
        ({"labels": ["a", "a"]}, "labels lists 'a' more than once"),
        ({"labels": ["a"], "classes": ["a"]}, "labels and classes are given; keep one of them"),
        ({"labels": ["NA"]}, "'NA' is listed in labels and listed in missing"),
        ({"labels": ["a"], "none": "NA"}, "'NA' is none and listed in missing"),
        ({"labels": ["a"], "none": "a"}, "'a' is none and listed in labels"),
        (
            {"labels": ["a b"], "between": " "},
            "the label 'a b' contains ' ', which separates",
        ),
        ({"labels": ["a"], "between": ""}, "between is empty"),
        ({"between": ";"}, "between is for several labels at once; list their names as labels"),
        ({"none": "x"}, "none is for several labels at once"),
        ({"columns": ["a", "b"], "labels": ["a"]}, "columns has 2 names and labels has 1"),
        (
            {"columns": ["a"], "labels": ["a"], "between": ";"},
            "between is for one column with several",
        ),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        check_labels("kinds", TargetColumns(**{"columns": "kinds"} | settings), ["NA"])
    assert said in str(error.value)
