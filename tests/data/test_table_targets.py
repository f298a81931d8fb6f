"""Targets of a table as people give them and write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from photo_table import Rows
from torch import Tensor

from multitask.data import Table
from multitask.errors import InputError
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns
from multitask.tasks import Regression

MakeTable = Callable[..., Table]


def read(data: Table, task: str) -> Tensor:
    data.setup()
    return torch.cat([data.targets(split)[task] for split in ("train", "val", "test")])


def test_plain_dictionaries_are_targets(table: MakeTable, rows: Rows) -> None:
    plain: dict[str, Any] = {
        "species": {"columns": "species", "classes": ["cat", "dog"]},
        "weight": "weight",
    }
    data, same = table(rows, targets=plain), table(rows)
    for task in plain:
        torch.testing.assert_close(read(data, task), read(same, task), equal_nan=True)
    with pytest.raises(InputError, match="no setting 'clases'; did you mean 'classes'?"):
        table(rows, targets={"species": {"columns": "species", "clases": ["cat"]}})
    with pytest.raises(InputError, match="'species': 3 does not name a column"):
        table(rows, targets={"species": 3})


def test_missing_is_compared_as_a_number_and_by_column(table: MakeTable, rows: Rows) -> None:
    for row in rows:
        row |= {"weight": "-999.0" if row["weight"] in (3, 4) else "5.5", "height": "-999"}
    targets = {"weight": {"columns": "weight", "missing": [-999]}, "height": "height"}
    data = table(rows, targets=targets, missing=["?"])
    assert read(data, "weight").isnan().sum() == 2
    assert (read(data, "height") == -999).all()
    assert any("missing lists '?', but no cell" in each for each in data.remarks)


def test_class_numbers_may_be_floats_and_begin_at_1(table: MakeTable, rows: Rows) -> None:
    for place, row in enumerate(rows):
        row["grade"] = f"{1 + place % 2}.0"
    data = table(rows, targets={"grade": {"columns": "grade", "classes": [1, 2]}})
    assert sorted(read(data, "grade").tolist()) == [0] * 5 + [1] * 5


def test_columns_of_one_class_each(table: MakeTable, rows: Rows) -> None:
    for place, row in enumerate(rows):
        row |= {"cat": int(place % 2 == 0), "dog": int(place % 2 == 1)}
    target = TargetColumns(["cat", "dog"], ["cat", "dog"])
    data = table(rows, targets={"species": target})
    assert sorted(read(data, "species").tolist()) == [0] * 5 + [1] * 5
    rows[2]["dog"] = 1
    with pytest.raises(InputError, match=r"row 4 .*\(1, 1\) is not one-hot"):
        table(rows, targets={"species": target}).setup()
    with pytest.raises(InputError, match="one column each .* has 2 names and classes has 3"):
        table(rows, targets={"species": TargetColumns(["cat", "dog"], ["a", "b", "c"])})


def test_numbers_that_float32_cannot_tell_apart(table: MakeTable, rows: Rows) -> None:
    for place, row in enumerate(rows):
        row["seconds"] = str(1_700_000_000 + place)
    seconds = read(table(rows, targets={"seconds": "seconds"}), "seconds")
    assert sorted((seconds - 1_700_000_000).tolist()) == list(range(10))
    task = Regression()
    task.learn_statistics("seconds", seconds)
    right = ((seconds - task.mean) / task.deviation).unsqueeze(1)
    losses, count = task.loss(right.float(), seconds)
    assert float(losses / count) < 1e-10
    torch.testing.assert_close(task.predict(right.float())[:, 0], seconds, atol=1e-3, rtol=0)
    again = Regression()
    again.load_state_dict(task.state_dict())
    assert torch.equal(again.mean, task.mean)
    metrics = task.metrics()
    task.update_metrics(metrics, right.float(), seconds)
    assert float(metrics.compute()["mae"]) < 1e-3


def test_equal_pixels_are_left_out_as_told(table: MakeTable, rows: Rows, photos: Any) -> None:
    (photos / "3.png").write_bytes((photos / "1.png").read_bytes())
    data = table(rows)
    data.setup()
    assert len(data.records()["splits.csv"]) == 10
    data = table(rows, cleaning=Cleaning(equal_pixels="skip"))
    data.setup()
    assert data.records()["skipped.csv"]["row"].tolist() == [5]
    with pytest.raises(InputError, match="row 5 .3.png.*same pixels as that of row 3, 1.png"):
        table(rows, cleaning=Cleaning(equal_pixels="error")).setup()
