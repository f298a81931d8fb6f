"""Which other kinds of tasks a table's columns may be, and that a table can feed each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from multitask.data import Table
from multitask.inspection.experiment_file import experiment_text
from multitask.inspection.table_contents import read_contents
from multitask.inspection.table_inspection import load_table, table_data
from multitask.inspection.training_plan import training_plan
from multitask.remarks.ordered_words import ordered
from multitask.tasks import Angle, Count, Hazard, Ordinal, Task

ROWS = 40


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Columns of every kind, in a folder of tiny images."""
    generator = np.random.default_rng(0)
    names = [f"{row}.png" for row in range(ROWS)]
    for row, name in enumerate(names):
        Image.fromarray(np.full((8, 8), row, dtype=np.uint8)).save(tmp_path / name)
    cells = {
        "file_name": names,
        "grade": generator.permutation(["high", "low", "Medium", "low"] * (ROWS // 4)),
        "breed": generator.permutation(["setter", "beagle", "collie", "collie"] * (ROWS // 4)),
        "stage": generator.permutation(list("IABC") * (ROWS // 4)),
        "stars": generator.permutation([2, 3, 4, 5] * (ROWS // 4)),
        "cell_count": generator.poisson(9, ROWS),
        "heading": generator.uniform(0, 360, ROWS).round(2),
        "months": generator.exponential(20, ROWS).round(1) + 0.1,
        "death": generator.integers(0, 2, ROWS),
        "weight": generator.normal(0, 3, ROWS).round(2),
    }
    pd.DataFrame(cells).to_csv(tmp_path / "metadata.csv", index=False)
    return tmp_path / "metadata.csv"


def written(table: Path) -> str:
    """What init writes, comments in one line each."""
    contents = read_contents(table)
    data = table_data(contents)
    load_table(data)
    text = experiment_text(contents, training_plan(ROWS, (8, 8), 1), data, Path("a.yaml"))
    return " ".join(text.replace("#", " ").split())


def test_each_kind_is_told_of_its_own_columns_alone(table: Path) -> None:
    text = written(table)
    about = {
        name: text.partition(f"{name}: ")[2].partition(f" {name}: ")[0]
        for name in (
            "grade",
            "breed",
            "stage",
            "stars",
            "cell_count",
            "heading",
            "months",
            "weight",
        )
    }
    kinds = {
        "grade": "Ordinal; if the order means nothing",
        "stage": "steps of a scale",
        "cell_count": "tasks.Count",
        "heading": "tasks.Angle",
        "months": "columns: [months, death]",
    }
    for name, words in about.items():
        for owner, kind in kinds.items():
            owners = ("stage", "stars") if owner == "stage" else (owner,)
            assert (kind in words) == (name in owners), (name, words)
    assert "grade: columns: grade classes: [low, Medium, high]" in text
    task = "class_path: multitask.tasks.Ordinal init_args: num_classes: 3"
    assert text.count(task) == 1
    assert f"grade: {task} classes: [low, Medium, high]" in text
    # An event happened or not; three states are something else.
    cells = pd.read_csv(table)
    cells["death"] = np.arange(ROWS) % 3
    cells.to_csv(table, index=False)
    assert "Hazard" in text
    assert "Hazard" not in written(table)


@pytest.mark.parametrize(
    ("names", "right"),
    [
        (["high", "low", "medium"], ["low", "medium", "high"]),
        (["Severe", "none", "mild", "moderate"], ["none", "mild", "moderate", "Severe"]),
        (["very_good", "good", "poor"], ["poor", "good", "very_good"]),
        (["low", "high"], None),
        (["low", "Low", "high", "medium"], None),
        (["cat", "low", "medium"], None),
    ],
)
def test_words_of_one_scale_have_an_order(names: list[str], right: list[str] | None) -> None:
    assert ordered(names) == right


def test_a_table_feeds_each_kind(table: Path) -> None:
    targets = {
        "grade": {"columns": "grade", "classes": ["low", "Medium", "high"]},
        "cells": "cell_count",
        "heading": "heading",
        "survival": ["months", "death"],
    }
    data = Table(targets, str(table), image_size=(8, 8), channels=1)
    data.setup()
    tasks: dict[str, Task] = {
        "grade": Ordinal(3),
        "cells": Count(),
        "heading": Angle(),
        "survival": Hazard(3),
    }
    found = data.targets("train")
    for name, task in tasks.items():
        task.learn_statistics(name, found[name])
        output = torch.randn(len(found[name]), task.out_features)
        loss, count = task.loss(output, found[name])
        assert loss.isfinite()
        assert count == len(output)
    rows = pd.read_csv(table)[["months", "death"]].to_numpy(dtype=np.float32)
    assert set(map(tuple, found["survival"].tolist())) <= set(map(tuple, rows.tolist()))
