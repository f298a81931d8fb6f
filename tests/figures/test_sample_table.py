"""Images, targets and predictions side by side."""

from __future__ import annotations

import base64
import html
import re
from io import BytesIO
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from torch import Tensor

from multitask.data.faces import Picture, Shown, show_samples
from multitask.figures.sample_table import SampleTable, sample_table, write_table
from multitask.tasks import Classification, Regression, Task

NAN = float("nan")
TASKS: dict[str, Task] = {
    "kind": Classification(3, classes=["cat", "<dog>", "cow"]),
    "size": Regression(unit=" cm"),
    "place": Regression(size=2),
}
TARGETS = {
    "index": torch.tensor([4, 9]),
    "kind": torch.tensor([-100, 1]),
    "size": torch.tensor([12.345, NAN]),
    "place": torch.tensor([[1.0, NAN], [NAN, NAN]]),
}
PREDICTIONS = {
    "kind": torch.tensor([[0.75, 0.25, 0.0], [0.25, 0.25, 0.5]]),
    "size": torch.tensor([[10.0], [-0.5]]),
    "place": torch.tensor([[0.5, 2.0], [0.25, 1e-5]]),
}


def table(images: Tensor | None = None) -> SampleTable:
    return sample_table(TASKS, shown(images), TARGETS, PREDICTIONS)


def shown(images: Tensor | None = None) -> list[Shown]:
    batch = {"image": torch.rand(2, 1, 3, 4) if images is None else images}
    return show_samples(batch, {"image": Picture()})


def test_targets_beside_predictions_in_their_units_and_missing_ones_empty() -> None:
    found = table()
    assert found.columns == {
        "kind target": [None, "<dog>"],
        "kind prediction": ["cat", "cow"],
        "kind probability": [0.75, 0.5],
        "size target (cm)": [pytest.approx(12.345), None],
        "size prediction (cm)": [10.0, -0.5],
        "place target": ["1, ?", None],
        "place prediction": ["0.5, 2", "0.25, 1e-05"],
    }
    assert found.names == ["index", "image", *found.columns]
    (index, image, *cells), _ = found.rows()
    assert index == 4
    assert image is found.shown["image"][0]
    assert cells == [column[0] for column in found.columns.values()]


def test_files_come_first_where_samples_have_any() -> None:
    found = sample_table(TASKS, shown(), TARGETS, PREDICTIONS, ["a.png", "b.png"])
    assert found.names[:3] == ["index", "image", "file"]
    assert found.columns["file"] == ["a.png", "b.png"]


def test_a_task_that_says_nothing_of_tables_has_its_captions_there() -> None:
    prediction, target = PREDICTIONS["kind"], TARGETS["kind"]
    cells = Task.side_by_side(TASKS["kind"], prediction, target)
    assert cells == {"target": [None, "<dog>"], "prediction": ["cat", "cow"]}


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_range_use_all_of_0_to_255(channels: int) -> None:
    image = torch.tensor([[-5.0, 0.0], [5.0, 15.0]]).expand(2, channels, 2, 2)
    for picture in table(image).shown["image"]:
        assert isinstance(picture, np.ndarray)
        assert picture.dtype == np.uint8
        assert picture.shape == ((2, 2) if channels == 1 else (2, 2, 3))
        assert picture.reshape(4, -1)[:, 0].tolist() == [0, 64, 128, 255]


def fields(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_holds_the_table_and_its_images(tmp_path: Path, channels: int) -> None:
    found = table(torch.rand(2, channels, 3, 4))
    write_table(found, tmp_path / "page.html", "a & b")
    page = (tmp_path / "page.html").read_text()
    assert "<title>a &amp; b</title>" in page
    head, first, second = fields(page)
    assert head == [html.escape(name) for name in found.names]
    assert [first[0], *first[2:]] == ["4", "", "cat", "0.75", "12.35", "10", "1, ?", "0.5, 2"]
    assert [second[0], *second[2:]] == [
        *("9", "&lt;dog&gt;", "cow", "0.5", "", "-0.5", "", "0.25, 1e-05")
    ]
    for field, picture in zip((first[1], second[1]), found.shown["image"], strict=True):
        assert isinstance(picture, np.ndarray)
        (content,) = re.findall(r'src="data:image/png;base64,([^"]+)"', field)
        colors = matplotlib.image.imread(BytesIO(base64.b64decode(content)), format="png")
        np.testing.assert_allclose(255 * colors, picture, atol=1e-3)
