"""A checkpoint tells how a table's maps are read, and nothing more."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from multitask.after.metadata import check_description
from multitask.after.told_columns import made_columns
from multitask.checkpoints.recipe import recipe
from multitask.errors import InputError
from multitask.geometry import PixelMap
from multitask.images.maps import DepthMap

STRANGER: Any = SimpleNamespace(source="a stranger's checkpoint", trust=False)


def told(**changes: Any) -> dict[str, Any]:
    """What a checkpoint tells of a task's column, as it arrives."""
    own = {"columns": "depth", "map": DepthMap(0.001), "follows": PixelMap(), "map_ending": ".png"}
    found: dict[str, Any] = json.loads(json.dumps(recipe(own | changes)))
    return found


def test_the_coding_and_the_folder_in_that_of_the_table_are_told(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    given = told(map_folder="maps")
    description = {
        "inputs": {},
        "tasks": {},
        "tables": [{"targets": {"depth": given}, "missing": []}],
    }
    check_description(description, "a file")
    found = made_columns(given, STRANGER, tmp_path)
    assert isinstance(found.map, DepthMap)
    assert (found.map.scale, found.map.missing, found.map_ending) == (0.001, [0.0], ".png")
    assert (found.map_folder, type(found.follows)) == (tmp_path / "maps", PixelMap)


@pytest.mark.parametrize("folder", ["..", "/", "gone", "maps/../..", "a\0", "\ud800", "a" * 5000])
def test_no_other_folder_is_looked_into(tmp_path: Path, folder: str) -> None:
    assert made_columns(told(map_folder=folder), STRANGER, tmp_path).map_folder is None


@pytest.mark.parametrize(
    "kind", ["multitask.geometry.PixelMap", "os.system", "multitask.images.maps.NoMap"]
)
def test_only_a_coding_is_made(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError):
        made_columns(told(map={"class_path": kind}), STRANGER, tmp_path)


@pytest.mark.parametrize("kind", ["CocoBoxes", "BoxTable"])
def test_no_file_of_boxes_is_read(tmp_path: Path, kind: str) -> None:
    arguments = {"path": "/etc/passwd", "classes": ["a"], "without_boxes": "empty"}
    boxes = {"class_path": f"multitask.tables.boxes.{kind}", "init_args": arguments}
    with pytest.raises(InputError, match="only boxes in the table"):
        made_columns({"columns": "a", "boxes": boxes}, STRANGER, tmp_path)
