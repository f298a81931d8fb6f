"""The split that a table brings along, and splits that leave a set out."""

from __future__ import annotations

import pytest
from pandas import DataFrame

from multitask.data.splits import ByColumn, GroupedSplit, RandomSplit, StratifiedSplit, given_split
from multitask.data.splits.base import Split
from multitask.errors import InputError

TABLE = DataFrame({"a": ["x", "y"] * 20, "g": [f"{row // 2}: {row % 2}" for row in range(40)]})


@pytest.mark.parametrize(
    "split",
    [RandomSplit(0.0, 0.2), StratifiedSplit("a", 0.2, 0.0), GroupedSplit("g", 0.0, 0.0)],
)
def test_a_share_of_0_leaves_a_set_out(split: Split) -> None:
    parts = split.divide(TABLE, seed=0)
    assert {name for name, rows in parts.items() if len(rows) == 0} == split.absent()
    assert sum(map(len, parts.values())) == 40


def test_a_group_may_be_what_stands_before_something() -> None:
    parts = GroupedSplit("g", before=":").divide(TABLE, seed=0)
    groups = [set(TABLE["g"].iloc[rows].str.split(":").str[0]) for rows in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 20


def test_a_column_without_a_set_takes_a_share_of_training() -> None:
    table = DataFrame({"s": ["Train"] * 16 + ["TEST "] * 4})
    parts = ByColumn("s", val=0.25).divide(table, seed=0)
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 12, "val": 4, "test": 4}
    assert parts["test"].tolist() == [16, 17, 18, 19]
    with pytest.raises(InputError, match="has rows for test, but .*test is 0.1"):
        ByColumn("s", val=0, test=0.1).divide(table, seed=0)
    with pytest.raises(InputError, match="no row belongs to 'val'; set .*val=0"):
        ByColumn("s").divide(table, seed=0)


def test_own_words() -> None:
    table = DataFrame({"fold": [0, 1, 2, 0]})
    words = {"0": "train", "1": "val", "2": "test"}
    parts = ByColumn("fold", words).divide(table, seed=0)
    assert [rows.tolist() for rows in parts.values()] == [[0, 3], [1], [2]]
    with pytest.raises(InputError, match="'0' means 'tran'"):
        ByColumn("fold", {"0": "tran"})


def test_what_is_no_split_is_none() -> None:
    for cells in (["train", "car", "bus"], ["a", "b", "c"], [1.0, 2.0, 3.0], ["test"] * 3):
        assert given_split(DataFrame({"vehicle": cells})) is None
    assert given_split(DataFrame({"a": ["train", "test", "test"]}), taken=["a"]) is None
    both = DataFrame({"a": ["train", "test"], "b": ["train", "val"]})
    with pytest.raises(InputError, match="the columns 'a' and 'b' both seem"):
        given_split(both)


@pytest.mark.parametrize("cells", [[0] * 16 + [1] * 4 + [2] * 4, ["1"] * 20 + ["2"] * 4])
def test_numbers_in_a_column_called_split_are_asked_about(cells: list[object]) -> None:
    with pytest.raises(
        InputError, match="'split' seems to contain .* its cells are numbers; set what"
    ):
        given_split(DataFrame({"split": cells}))
    assert given_split(DataFrame({"splitting": cells})) is None
    assert given_split(DataFrame({"split": cells}), ["split"]) is None


@pytest.mark.parametrize(
    "cells", [["train_clean", "train_other", "dev-clean"], ["train", "test b"]]
)
def test_parts_of_splits_are_asked_about(cells: list[str]) -> None:
    expected = rf"'part' seems to contain .* parts of .*as in {{.*{cells[-1]}: (val|test)"
    with pytest.raises(InputError, match=expected):
        given_split(DataFrame({"part": cells * 2}))
    assert given_split(DataFrame({"part": [f"{each}/1.png" for each in cells]})) is None
    assert given_split(DataFrame({"part": [*cells, "car"]})) is None


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("subset", ["trainset", "testset"]),
        ("image_set", ["train2017", "val2017"]),
        ("phase", ["1_train", "2_test"]),
        ("Part", ["Train (80%)", "Test (20%)"]),
        ("data_split", ["TR", "VA", "TE"]),
        ("conjunto", ["Entrenamiento", "Validación", "Prueba"]),
    ],
)
def test_words_for_splits_with_something_before_or_behind(name: str, cells: list[str]) -> None:
    found = given_split(DataFrame({name: cells * 2, "y": ["a", "b"] * len(cells)}))
    assert found is not None
    assert (found.column, found.words) == (name, {})


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("mode", ["train", "eval"]),
        ("dataset", ["training", "holdout"]),
        ("stage", ["fit", "val", "test"]),
        ("Partition", ["A", "B"]),
    ],
)
def test_words_that_may_be_splits_are_asked_about(name: str, cells: list[str]) -> None:
    with pytest.raises(InputError, match=f"'{name}' seems to contain the split"):
        given_split(DataFrame({name: cells * 2}))
