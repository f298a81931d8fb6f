"""An old run's checkpoint, made without training, and a training that keeps its tasks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from tiny_training import TinyData, tiny_model
from torch import Tensor

from multitask import MultiTask
from multitask.callbacks import KeepTasks
from multitask.tasks import Classification, Regression, Task

NONE = torch.full((24,), -100), torch.full((24,), torch.nan)
"""Of a class and of a number: 24 targets that are missing."""


def old_tasks() -> dict[str, Task]:
    """A class and a number, whose statistics are not those of the tiny data."""
    size = Regression()
    size.learn_statistics("size", torch.tensor([10.0, 20.0, 30.0]))
    kind = Classification(3)
    kind.learn_statistics("kind", torch.tensor([0, 0, 1]))
    return {"kind": kind, "size": size}


def saved(path: Path, model: MultiTask | None = None, seed: int = 1) -> Path:
    """Save a model, as an old run would, with weights that the seed decides."""
    made = model or tiny_model(tasks=old_tasks())
    torch.manual_seed(seed)
    for each in made.heads.parameters():
        torch.nn.init.normal_(each)
    saver = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)
    saver.strategy.connect(made)
    saver.save_checkpoint(path)
    return path


def new_model(**arguments: Any) -> MultiTask:
    """The old tasks, with other weights, and one more number."""
    tasks = {"kind": Classification(3), "size": Regression(), "mass": Regression()}
    torch.manual_seed(2)
    return tiny_model(**{"tasks": tasks, **arguments})


def new_data(labels: bool = False, **options: Any) -> TinyData:
    """The tiny data with one more number; none of the old tasks has a label unless asked for."""
    mass = torch.randn(24, generator=torch.Generator().manual_seed(3))
    old: Mapping[str, Tensor | None] = {} if labels else {"kind": NONE[0], "size": NONE[1]}
    changed = {split: {"mass": mass, **old} for split in ("train", "val", "test")}
    return TinyData(changed, **options)


def fit(
    model: MultiTask,
    data: TinyData,
    *callbacks: Callback,
    ckpt_path: Path | None = None,
    **options: Any,
) -> Trainer:
    """Train for four batches, in double precision."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "precision": "64-true",
        "max_steps": 4,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "limit_val_batches": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(callbacks=list(callbacks), **(defaults | options))
        trainer.fit(model, data, ckpt_path=ckpt_path, weights_only=True)
    return trainer


class Watch(Callback):
    """Keeps what each step came to."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Tensor]] = []
        self.losses: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: Any, model: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.batches.append(batch)
        self.losses.append(model.step.losses.clone())


keep = partial(KeepTasks, weight=0.5, temperature=2.0)
