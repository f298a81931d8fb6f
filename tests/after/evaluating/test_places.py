"""Boxes and points of a table, from the checkpoint alone: read, measured, named and shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torchvision.ops import box_iou

import multitask
from multitask import MultiTask
from multitask.after.evaluating.evaluation import evaluate
from multitask.after.evaluating.evaluation_files import write_evaluation
from multitask.after.evaluating.worst_samples import worst_gallery
from multitask.after.labelled_table import labelled_table
from multitask.data import Table
from multitask.encoders import MLP
from multitask.geometry import Landmarks
from multitask.tables.target_columns import TargetColumns
from multitask.tasks import Box, Keypoints, Task

ROWS = 40


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of boxes as left, top, width and height, and of two points, in 16x8 pixels."""
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for number in range(ROWS):
        pixels = generator.integers(0, 255, (8, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    names = ["x", "y", "w", "h", "px", "py", "qx", "qy"]
    cells = generator.uniform(1, 5, (ROWS, 8)).round(2)
    table = pd.DataFrame(cells, columns=names)
    table.loc[::5, names[:4]] = np.nan
    table.insert(0, "file_name", [f"{number}.png" for number in range(ROWS)])
    table.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def test_a_checkpoint_reads_measures_and_names_them(
    path: Path, trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    targets = {
        "face": TargetColumns(["x", "y", "w", "h"], box="xywh"),
        "eyes": TargetColumns(["px", "py", "qx", "qy"], follows=Landmarks([1, 0])),
    }
    data = Table(targets, path=path, image_size=4, channels=1, batch_size=8, seed=0)
    tasks: dict[str, Task] = {"face": Box(), "eyes": Keypoints(["left", "right"])}
    model = MultiTask(MLP(16, hidden=[], out_features=8), tasks)
    fitted = trainer(max_epochs=1)
    fitted.fit(model, datamodule=data)
    fitted.save_checkpoint(tmp_path / "last.ckpt")
    trained = multitask.load(tmp_path / "last.ckpt", device="cpu")
    found = evaluate(trained, labelled_table(trained, path), resamples=20)
    table = pd.read_csv(path)
    left, top, width, height = (table[each].to_numpy() for each in "xywh")
    # From 16x8 pixels to 4x4.
    scale = np.array([4, 2, 4, 2])
    corners = np.stack([left, top, left + width, top + height], 1) / scale
    target: Any = found.tasks["face"].targets
    torch.testing.assert_close(target, torch.from_numpy(corners).float(), equal_nan=True)
    known = target.isfinite().all(1)
    prediction: Any = found.tasks["face"].predictions
    iou = box_iou(prediction[known], target[known]).diagonal().mean()
    assert found.estimate("face", "iou").value == pytest.approx(float(iou), abs=1e-6)
    assert found.tasks["face"].labelled == ROWS * 4 // 5
    (tmp_path / "out").mkdir()
    write_evaluation(found, tmp_path / "out")
    names = set(pd.read_csv(tmp_path / "out/predictions.csv"))
    assert {"face.right", "face.right.target", "eyes.left.x", "eyes.right.y.target"} <= names
    gallery = worst_gallery(found, "face", 2)
    assert gallery is not None
    shown = [each.alt for each in gallery.cards[0].pictures]
    assert shown == ["image", "face, target green, predicted orange"]
    assert "target green, predicted orange" in gallery.cards[0].lines
