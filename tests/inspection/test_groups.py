"""Rows that belong together are found, and a person is told what that costs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from PIL import Image

from multitask.inspection.column_kinds import column_kinds
from multitask.inspection.experiment_file import experiment_text
from multitask.inspection.groups import find_group
from multitask.inspection.table_contents import read_contents
from multitask.inspection.table_inspection import load_table, table_data
from multitask.inspection.training_plan import training_plan


def test_a_class_that_is_taken_for_a_group_is_told_with_how_to_learn_it(tmp_path: Path) -> None:
    rows = []
    for place in range(360):
        Image.new("L", (4, 4), place % 256).save(tmp_path / f"{place}.png")
        breed = place % 60
        rows.append((f"{place}.png", f"breed {breed}", ("cat", "dog")[breed % 2]))
    table = tmp_path / "animals.csv"
    pd.DataFrame(rows, columns=["file_name", "breed", "kind"]).to_csv(table, index=False)
    contents = read_contents(table)
    assert contents.group is not None
    assert contents.group.column.name == "breed"
    assert [each.task for each in contents.targets] == ["kind"]
    data = table_data(contents)
    data.cache_folder = tmp_path / "cache"
    load_table(data)
    plan = training_plan(250, (4, 4), 1)
    text = experiment_text(contents, plan, data, tmp_path / "made.yaml")
    said = " ".join(text.replace("#", " ").split())
    assert "No breed is in two splits. There are 60." in said
    assert "So breed is not a task: to learn its 60 classes, list them under targets" in said
    assert "multitask.data.splits.StratifiedSplit and by: breed" in said


def test_things_that_are_told_apart_by_a_number_are_a_group_if_they_tell_a_label() -> None:
    kinds = ["cat", "dog", "owl"]
    plants = [f"plant {row // 4}" for row in range(88)]
    table = pd.DataFrame({"plant": plants, "kind": [kinds[row // 4 % 3] for row in range(88)]})
    found = find_group(table, column_kinds(table), {"kind": list(table["kind"])})
    assert found is not None
    assert (found.column.name, found.groups) == ("plant", 22)
    others = {"kind": [kinds[row % 3] for row in range(88)]}
    assert find_group(table, column_kinds(table), others) is None
    table["plant"] = [f"name {chr(97 + row // 4)}" for row in range(88)]
    assert find_group(table, column_kinds(table), {"kind": list(table["kind"])}) is None


def test_numbers_as_people_write_them_are_not_groups() -> None:
    """The whole numbers before a comma repeat, and tell a label, as groups would."""
    kinds = [("cat", "dog", "owl")[row % 3] for row in range(240)]
    cells = [f"{20 * (row % 3) + row % 17},{row % 10}" for row in range(240)]
    table = pd.DataFrame({"size": cells, "kind": kinds})
    assert find_group(table, column_kinds(table), {"kind": kinds}) is None
    table["size"] = [each.replace(",", ":") for each in table["size"]]
    found = find_group(table, column_kinds(table), {"kind": kinds})
    assert found is not None
    assert found.before == ":"
