"""Boxes in the columns of a table: what their four numbers are, and how they are resized."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from photo_table import Rows
from PIL import Image
from torch import Tensor
from torchvision.ops import box_convert

from multitask.data import Table
from multitask.errors import InputError
from multitask.geometry import Boxes
from multitask.images.format import ImageFormat
from multitask.images.resizing import resizing_matrices
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns

MakeTable = Callable[..., Table]
COLUMNS = ["a", "b", "c", "d"]
SIDES = ["left", "top", "right", "bottom"]


@pytest.fixture
def corners(rows: Rows, photos: Path) -> Tensor:
    """Boxes in the photos, which become larger, each of a size of its own."""
    for number in range(len(rows)):
        Image.new("RGB", (20 + number, 30), (number, 2 * number, 0)).save(photos / f"{number}.png")
    low = 8 * torch.rand(len(rows), 2, generator=torch.Generator().manual_seed(0))
    return torch.cat([low, low + 1 + low.flip(1)], 1)


def with_boxes(rows: Rows, boxes: Tensor) -> Rows:
    named = [dict(zip(COLUMNS, each, strict=True)) for each in boxes.tolist()]
    return [row | box for row, box in zip(rows, named, strict=True)]


def read(data: Table) -> dict[str, list[float]]:
    """The box of each file."""
    data.setup()
    found: dict[str, list[float]] = {}
    for split in ("train", "val", "test"):
        names = data.names(split)
        found |= zip(names, data.targets(split)["box"].tolist(), strict=True)
    return found


@pytest.mark.parametrize("form", ["xyxy", "xywh", "cxcywh"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_boxes_become_corners_and_follow_the_resizing(
    table: MakeTable, rows: Rows, corners: Tensor, form: Any, fit: Any
) -> None:
    written = with_boxes(rows, box_convert(corners, "xyxy", form))
    target = TargetColumns(COLUMNS, box=form)
    data = table(written, targets={"box": target}, image_size=[12, 16], fit=fit)
    sizes = torch.tensor([[30, 20 + number] for number in range(len(rows))])
    moves = resizing_matrices(sizes, ImageFormat(12, 16, 3, fit))
    low, high = (
        torch.einsum("bij,bj->bi", moves[:, :, :2], each.double()) + moves[:, :, 2]
        for each in corners.split(2, 1)
    )
    expected = torch.cat([low, high], 1).float()
    found = read(data)
    for row, box in zip(rows, expected, strict=True):
        torch.testing.assert_close(torch.tensor(found[row["file_name"]]), box, atol=1e-4, rtol=0)
    assert data.element_names() == {"box": SIDES}
    assert isinstance(data.geometry["box"], Boxes)
    assert data.tables()[0]["targets"]["box"]["box"] == form


@pytest.mark.parametrize(
    ("form", "box", "says"),
    [
        ("xyxy", [5, 5, 3, 9], r"\(5, 5, 3, 9\) is not a box.* set the target's box to xywh"),
        ("xywh", [5, 5, 0, 9], r"\(5, 5, 0, 9\) is not a box \(left, top, width and height\)"),
        (
            "xywh",
            [5, float("nan"), 2, 9],
            r"\(5, missing, 2, 9\) is part of a box, whose",
        ),
    ],
)
def test_what_is_no_box_is_told_or_left_out(
    table: MakeTable, rows: Rows, corners: Tensor, form: Any, box: list[float], says: str
) -> None:
    boxes = box_convert(corners, "xyxy", form)
    boxes[3] = torch.tensor(box)
    boxes[4] = torch.nan
    written = with_boxes(rows, boxes)
    for row in written:
        row |= {name: "" for name in COLUMNS if row[name] != row[name]}
    target = TargetColumns(COLUMNS, box=form)
    with pytest.raises(InputError, match=says):
        table(written, targets={"box": target}).setup()
    skip = Cleaning(unreadable_target="skip")
    data = table(written, targets={"box": target}, cleaning=skip)
    with pytest.warns(UserWarning, match="skipped, as configured"):
        found = read(data)
    missing = {name for name, each in found.items() if all(one != one for one in each)}
    assert missing == {"3.png", "4.png"}


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ({"columns": ["a", "b"], "box": "xyxy"}, "a box needs four columns, .* has 2 names"),
        ({"columns": "a", "box": "xyxy"}, "box is xyxy, which is left, .* there is 1 number"),
        ({"columns": COLUMNS, "box": "xxyy"}, "box is 'xxyy'; give xyxy"),
        ({"columns": COLUMNS, "box": "xyxy", "classes": list("wxyz")}, "box is for four numbers"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    table: MakeTable, rows: Rows, corners: Tensor, target: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=f"targets, 'box': .*{says}"):
        table(with_boxes(rows, corners), targets={"box": target}).setup()
