"""Rows are divided as promised, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from pandas import DataFrame

from multitask.data.splits import ByColumn, GroupedSplit, RandomSplit, Split, StratifiedSplit
from multitask.errors import InputError

SIZE = 200
TABLE = DataFrame(
    {
        "kind": [("rare", "often", "often", "often", None)[place % 5] for place in range(SIZE)],
        "patient": [f"p{place // 4}" for place in range(SIZE)],
        "alone": [f"a{place}" for place in range(SIZE)],
    },
    index=range(2, SIZE + 2),
)
ALL = [
    RandomSplit(val=0.2, test=0.1),
    StratifiedSplit("kind", val=0.2, test=0.1),
    GroupedSplit("patient", val=0.2, test=0.1),
]


@pytest.mark.parametrize("split", ALL, ids=lambda each: type(each).__name__)
def test_each_row_is_in_one_split_and_the_shares_are_right(split: Split) -> None:
    parts = split.divide(TABLE, seed=1)
    assert [len(parts[each]) for each in ("train", "val", "test")] == [140, 40, 20]
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(SIZE))
    assert all((np.diff(rows) > 0).all() for rows in parts.values())


@pytest.mark.parametrize("split", ALL, ids=lambda each: type(each).__name__)
def test_the_seed_decides(split: Split) -> None:
    def rows(seed: int) -> list[list[int]]:
        return [part.tolist() for part in split.divide(TABLE, seed).values()]

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)
    assert rows(2**40)


def test_stratified_splits_have_the_same_shares_of_each_class() -> None:
    parts = StratifiedSplit("kind", val=0.2, test=0.1).divide(TABLE, seed=3)
    kinds = TABLE["kind"].fillna("none").to_numpy()
    for rows in parts.values():
        shares = {kind: float((kinds[rows] == kind).mean()) for kind in ("rare", "often", "none")}
        assert shares == pytest.approx({"rare": 0.2, "often": 0.6, "none": 0.2})


@pytest.mark.parametrize("seed", range(5))
def test_stratified_splits_have_a_row_of_every_class_however_rare(seed: int) -> None:
    kinds = np.array(["often"] * 100 + ["seldom"] * 7 + ["rare"] * 3, dtype=object)
    parts = StratifiedSplit("kind").divide(DataFrame({"kind": kinds}), seed)
    assert all(set(kinds[rows]) == {"often", "seldom", "rare"} for rows in parts.values())
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(110))
    assert all((np.diff(rows) > 0).all() for rows in parts.values())
    assert 15 <= len(parts["test"]) <= 18


def test_no_group_is_in_two_splits() -> None:
    parts = GroupedSplit("patient").divide(TABLE, seed=3)
    groups = [set(TABLE["patient"].iloc[rows]) for rows in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 50


def test_a_column_decides() -> None:
    words = ["train", "val", "validation", "valid", "dev", "test", "train"]
    parts = ByColumn().divide(DataFrame({"split": words}), seed=0)
    assert {split: rows.tolist() for split, rows in parts.items()} == {
        "train": [0, 6],
        "val": [1, 2, 3, 4],
        "test": [5],
    }


@pytest.mark.parametrize(
    ("split", "cells", "expected"),
    [
        (ByColumn("a"), ["train", "tset", "val"], "row 3, column 'a': 'tset' is not a split"),
        (ByColumn("a"), ["train", "tset", "val"], "did you mean 'test'?"),
        (ByColumn("a"), ["train", None, "val"], "row 3, column 'a': the cell is empty"),
        (ByColumn("a"), ["train", "test"], "column 'a': no row belongs to 'val'"),
        (ByColumn("as"), ["train"], "split.column is 'as', but there is no such column"),
        (StratifiedSplit("a"), ["x"] * 5 + ["y"], "1 row has the value 'y'"),
        (StratifiedSplit("a"), ["x"] * 5 + [None] * 2, "2 rows have no value"),
        (StratifiedSplit("a"), ["x", "y", "z"] * 3, "column 'a' cannot be stratified"),
        (StratifiedSplit("b"), ["x"], "split.by is 'b', but there is no such column"),
        (GroupedSplit("a"), ["x", None, "y"], "row 3, column 'a': the cell is empty"),
        (GroupedSplit("a"), ["x", "y", "y"], "column 'a' has 2 groups"),
        (GroupedSplit("b"), ["x"], "split.by is 'b', but there is no such column"),
        (RandomSplit(), ["x"] * 2, "cannot be taken from 2"),
    ],
)
def test_what_cannot_be_divided_is_told(
    split: Split, cells: list[str | None], expected: str
) -> None:
    table = DataFrame({"a": cells}, index=range(2, len(cells) + 2))
    with pytest.raises(InputError) as refused:
        split.divide(table, seed=0)
    assert expected in str(refused.value)


@pytest.mark.parametrize("shares", [(0.1, 1.0), (0.5, 0.5), (-0.1, 0.2)])
def test_shares_that_cannot_be_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="between 0 and 1|leaves nothing for training"):
        RandomSplit(*shares)
