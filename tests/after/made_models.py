"""Models that are ready for use, without any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import nn

from multitask import MultiTask
from multitask.after.trained_model import TrainedModel
from multitask.encoders import ConvNet, Encoder
from multitask.tasks import Classification, Regression, Task

SHAPE = (1, 12, 10)
"""Channels, height and width of the images."""


def number(mean: float = 100.0, deviation: float = 10.0, **options: Any) -> Regression:
    """A task that has seen targets; in double precision if ``dtype`` is so."""
    dtype = options.pop("dtype", torch.float32)
    task = Regression(**options)
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(100, task.size, dtype=dtype, generator=generator)
    task.learn_statistics("number", targets * deviation + mean)
    return task


def two_tasks() -> dict[str, Task]:
    """A class of three and a number around 100."""
    return {
        "kind": Classification(3, classes=["cat", "dog", "häst <b>"]),
        "size": number(unit="mm"),
    }


def described(
    tasks: Mapping[str, Task], shape: tuple[int, int, int] = SHAPE, transforms: Any = ()
) -> dict[str, Any]:
    """What a checkpoint of these tasks tells."""
    channels, height, width = shape
    return {
        "data": "made.Data",
        "inputs": {"image": {"height": height, "width": width, "channels": channels}},
        "transforms": list(transforms),
        "tasks": {name: _told(task) for name, task in tasks.items()},
    }


def _told(task: Task) -> dict[str, Any]:
    found = {"classes": task.class_names, "unit": getattr(task, "unit", None) or None}
    return {"kind": type(task).__name__} | {key: each for key, each in found.items() if each}


def trained(
    encoder: Encoder | None = None,
    tasks: dict[str, Task] | None = None,
    transforms: Sequence[nn.Module] = (),
    shape: tuple[int, int, int] = SHAPE,
    **arguments: Any,
) -> TrainedModel:
    """A model with random weights."""
    torch.manual_seed(0)
    named = tasks or two_tasks()
    model = MultiTask(encoder or ConvNet(shape[0], channels=(4, 8)), named, **arguments)
    return TrainedModel(model, described(named, shape), transforms, "cpu", "made.ckpt")


CALIBRATION = {
    "kind": {"temperature": 0.5},
    "size": {"spread": [2.0], "quantile": [3.0], "level": 0.9},
}
"""Of `two_tasks`."""


def calibrated(*parts: Any, **arguments: Any) -> TrainedModel:
    """A model of two tasks whose description tells their calibration."""
    made = trained(*parts, **arguments)
    told = {
        name: each | {"calibration": CALIBRATION[name]}
        for name, each in made.description["tasks"].items()
    }
    return TrainedModel(
        made.model, {**made.description, "tasks": told}, list(made.transforms), "cpu", "made.ckpt"
    )


def checkpoint(path: Path, model: MultiTask | None = None, **told: Any) -> Path:
    """Save a model as a checkpoint that tells what it takes.

    Args:
        path: of the file.
        model: by default one of two tasks.
        told: what its description tells otherwise.
    """
    made = model or trained().model
    made.description = described(made.named_tasks) | told
    saver = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)
    saver.strategy.connect(made)
    saver.save_checkpoint(path)
    return path


def pixels(batch: int, shape: tuple[int, int, int] = SHAPE) -> torch.Tensor:
    """Images of noise."""
    generator = torch.Generator().manual_seed(batch)
    return torch.randint(256, (batch, *shape), dtype=torch.uint8, generator=generator)
