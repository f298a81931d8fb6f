"""One tiny model, trained on a table, and images that it has not seen."""

from __future__ import annotations

import csv
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.data import Table
from multitask.encoders import ConvNet, Encoder
from multitask.tasks import Classification, Regression

SIDE = 8


def write_images(folder: Path, number: int, side: int = SIDE, first: int = 0) -> list[str]:
    """Write noisy pictures; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{place}.png" for place in range(first, first + number)]
    for place, name in enumerate(names):
        pixels = np.random.default_rng(place).integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return names


def written_table(folder: Path) -> Path:
    """Images, and a table of their classes and of a vector whose elements have names."""
    path = folder / "animals.csv"
    names = write_images(folder, 24)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file_name", "kind", "x", "y"])
        rows.writerows([[n, ["cat", "=dog"][p % 2], p, -p] for p, n in enumerate(names)])
    return path


def quiet_trainer(folder: Path, **settings: Any) -> Trainer:
    """For an epoch of a tiny model."""
    return Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **settings,
    )


def trained_checkpoint(folder: Path, encoder: Encoder | None = None) -> Path:
    """Train for an epoch; returns the checkpoint, alone in a folder without the data."""
    torch.manual_seed(0)
    targets: dict[str, Any] = {
        "kind": {"columns": ["kind"], "classes": ["cat", "=dog"]},
        "pos": {"columns": ["x", "y"]},
    }
    transforms: list[nn.Module] = [v2.Normalize([0.5] * 3, [0.25] * 3)]
    data = Table(
        targets,
        written_table(folder / "data"),
        image_size=SIDE,
        batch_size=8,
        seed=0,
        transforms=transforms,
        cache_folder=folder / "cache",
    )
    model = MultiTask(
        encoder or ConvNet(3, [4, 8]),
        {"kind": Classification(2), "pos": Regression(2, unit="mm")},
        optimizer=partial(torch.optim.SGD, lr=0.01),
    )
    trainer = quiet_trainer(folder)
    trainer.fit(model, data)
    path = folder / "alone" / "best.ckpt"
    path.parent.mkdir()
    trainer.save_checkpoint(path)
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / "cache")
    return path
