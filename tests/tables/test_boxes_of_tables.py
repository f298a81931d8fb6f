"""Several boxes for each image: in cells, in a table of their own, in COCO's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pandas import Series
from PIL import Image
from torch import Tensor
from torch.testing import assert_close

from multitask.data import Table
from multitask.data.splits import RandomSplit
from multitask.errors import InputError
from multitask.tables.box_list_columns import box_lists
from multitask.tables.boxes import BoxCells, BoxSource, BoxTable, CocoBoxes
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns

CLASSES = ["cat", "dog"]
CELLS = ['[["cat", 10, 0, 30, 20], ["dog", 0, 0, 40, 10]]', "[]", "", '[["dog", 5, 5, 15, 25]]']
IN_PIXELS = [
    [[0, 10, 0, 30, 20], [1, 0, 0, 40, 10]],
    [[-1, 0, 0, 0, 0]] * 2,
    [[float("nan")] * 5] * 2,
    [[1, 5, 5, 15, 25], [-1, 0, 0, 0, 0]],
]


def table(folder: Path, boxes: BoxSource, cells: list[str] | None = None, **options: Any) -> Table:
    """Four images of 40 x 60 pixels, resized to 20 x 20, all in the training set."""
    rows = cells or [f"{place}.png" for place in range(4)]
    lines = ["file_name\tboxes"]
    for place, cell in enumerate(rows):
        noise = np.random.default_rng(place).integers(0, 256, (60, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{place}.png")
        lines.append(f'{place}.png\t"{cell}"'.replace('"[', "[").replace(']"', "]"))
    (folder / "table.tsv").write_text("\n".join(lines).replace('\t""', "\t"))
    return Table(
        {"animals": {"columns": "boxes", "boxes": boxes}},  # type: ignore[dict-item]
        path=folder / "table.tsv",
        image_size=20,
        split=RandomSplit(0, 0),
        without=["val", "test"],
        cache_folder=folder / "cache",
        **options,
    )


def targets(data: Table) -> Tensor:
    data.setup()
    order = torch.tensor([int(name[0]) for name in data.names("train")]).argsort()
    found: Any = data.splits["train"].targets["animals"]
    return found[order]


def of_cells(folder: Path) -> tuple[BoxSource, list[str] | None]:
    return BoxCells(CLASSES), CELLS


def of_table(folder: Path) -> tuple[BoxSource, list[str] | None]:
    lines = ["file_name,class,x,y,w,h", "0.png,cat,20,10,20,20", "1.png,,,,,"]
    lines += ["0.png,dog,20,5,40,10", "3.png,dog,10,15,10,20"]
    (folder / "boxes.csv").write_text("\n".join(lines))
    columns = ["class", "x", "y", "w", "h"]
    path = folder / "boxes.csv"
    return BoxTable(path, CLASSES, "unlabelled", columns=columns, box="cxcywh"), None


def of_coco(folder: Path) -> tuple[BoxSource, list[str] | None]:
    boxes = [(7, 3, [10, 0, 20, 20], 0), (7, 5, [0, 0, 40, 10], 0), (9, 5, [5, 5, 10, 20], 0)]
    boxes += [(9, 3, [0, 0, 40, 60], 1)]
    content = {
        "images": [{"id": 7, "file_name": "0.png"}, {"id": 9, "file_name": "3.png"}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
        "annotations": [
            dict(zip(("image_id", "category_id", "bbox", "iscrowd"), each, strict=True))
            for each in boxes
        ],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    return CocoBoxes(folder / "coco.json", CLASSES, "empty"), None


@pytest.mark.parametrize("written", [of_cells, of_table, of_coco])
def test_boxes_follow_the_resizing_and_empty_is_not_unlabelled(
    tmp_path: Path, written: Callable[[Path], tuple[BoxSource, list[str] | None]]
) -> None:
    expected = torch.tensor(IN_PIXELS) * torch.tensor([1, 1 / 2, 1 / 3, 1 / 2, 1 / 3])
    expected = expected.where(torch.tensor(IN_PIXELS) != -1, -1)
    if written is of_coco:
        expected[2] = expected[1]
    data = table(tmp_path, *written(tmp_path))
    assert_close(targets(data), expected, equal_nan=True)
    assert data.class_names() == {"animals": CLASSES}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('[["cow", 0, 0, 1, 1]]', "row 3 .*'boxes'.*the class 'cow' is not listed in classes"),
        ("[[2, 0, 0, 1, 1]]", "the class '2' is not listed in classes"),
        ('[["cat", 0, 0, 1]]', "its entry 1 is not a class and four numbers"),
        ("cat", "'cat' is not a list of boxes"),
        (
            '[["cat", 9, 0, 1, 1]]',
            r"is not a box \(left, top, right and bottom\);.* set boxes.init_args.box",
        ),
        ('[["cat", "a", 0, 1, 1]]', "is not four numbers"),
        ('[["cat", [[]], Infinity, 1, 1]]', "is not four numbers"),
        ('[[["cat", "dog"], 0, 0, 1, 1]]', "the class .* is not listed in classes"),
        (
            "[" + "[0,0,0,0,0]," * 10_000 + "[0,0,0,0,0]]",
            "10,001 boxes, but an image may have at most 10,000",
        ),
    ],
)
def test_cells_that_are_no_boxes(tmp_path: Path, cell: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        table(tmp_path, BoxCells(CLASSES), [CELLS[0], cell]).setup()


def test_a_row_that_cannot_be_read_is_unlabelled_if_told(tmp_path: Path) -> None:
    cells = [CELLS[0], '[["cat", 0, 0, 9, 9], ["cow", 0, 0, 9, 9]]']
    data = table(tmp_path, BoxCells(CLASSES), cells, cleaning=Cleaning(unknown_class="skip"))
    assert targets(data).isnan().flatten(1).all(1).tolist() == [False, True]


def test_files_of_boxes_that_do_not_fit(tmp_path: Path) -> None:
    of_table(tmp_path), of_coco(tmp_path)
    path, coco = tmp_path / "boxes.csv", tmp_path / "coco.json"
    columns = ["class", "x", "y", "w", "h"]
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: BoxTable(path, CLASSES, "none"), "without_boxes is 'none'; set what images"),  # type: ignore[arg-type]
        (lambda: BoxCells([]), "classes is empty"),
        (lambda: table(tmp_path, BoxTable(path, CLASSES, "empty")).setup(), "no column 'left'"),
        (
            lambda: table(tmp_path, BoxTable(path, CLASSES, "empty", "class", columns)).setup(),
            "its column 'class' contains none of the table's images",
        ),
        (
            lambda: table(
                tmp_path, BoxTable(path, ["cat"], "empty", "file_name", columns, "cxcywh")
            ).setup(),
            "boxes.csv, row 4: the class 'dog' is not listed in classes",
        ),
        (
            lambda: table(tmp_path, CocoBoxes(coco, ["cat", "dogs"], "empty")).setup(),
            "has no category 'dogs'; did you mean 'dog'",
        ),
        (
            lambda: table(tmp_path, CocoBoxes(tmp_path / "0.png", CLASSES, "empty")).setup(),
            "0.png is not JSON",
        ),
    ]
    for make, words in refused:
        with pytest.raises(InputError, match=words):
            make()


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("images", {"id": [1]}, r"'id' of images\[0\] is \[1\]; give a whole number"),
        ("categories", {"id": {}}, r"'id' of categories\[0\] is {}"),
        ("annotations", {"image_id": [1]}, r"'image_id' of annotations\[0\]"),
        ("images", {"id": 8}, "images has the id 8 for '0.png' and for 'other.png'"),
        ("categories", {"id": 8}, "categories has the id 8 for 'cat' and for 'other'"),
    ],
)
def test_ids_of_coco_are_each_of_one_thing(
    tmp_path: Path, part: str, changes: dict[str, Any], words: str
) -> None:
    content: dict[str, list[dict[str, Any]]] = {
        "images": [{"id": 1, "file_name": "0.png"}, {"id": 8, "file_name": "other.png"}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 8, "name": "other"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}],
    }
    content[part][0] |= changes
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=words):
        CocoBoxes(path, ["cat"], "empty").read(["0.png"])


def test_arrays_in_a_cell_are_no_class() -> None:
    boxes = BoxCells(CLASSES)
    column = Series([np.array([[np.zeros(2), 1, 2, 3, 4]], object)], dtype=object)
    target = TargetColumns("animals", boxes=boxes)
    values, (told,) = box_lists(target, {"animals": column})
    assert values.isnan().all()
    assert told.kind == "unknown_class"
