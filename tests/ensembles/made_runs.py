"""Runs' folders of models with random weights, as if they had been trained on tiny data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import Trainer
from tiny_training import TinyData

from multitask import MultiTask
from multitask.encoders import MLP
from multitask.tasks import Classification, Regression, Task
from multitask.training.description import describe


class SeededData(TinyData):
    """Tiny data as a configuration makes them."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed=seed)


CONFIG = {
    "seed_everything": 0,
    "data": {"class_path": "ensembles.made_runs.SeededData", "init_args": {"seed": 0}},
}


def tasks_of(data: TinyData) -> dict[str, Task]:
    """A class and a number, with the statistics of the data."""
    tasks: dict[str, Task] = {"kind": Classification(3), "size": Regression(unit="mm")}
    for name, task in tasks.items():
        task.learn_statistics(name, data.targets("train")[name])
    return tasks


def made_run(
    folder: Path,
    seed: int,
    tasks: dict[str, Task] | None = None,
    told: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run that is finished.

    Args:
        folder: of the run.
        seed: of the weights.
        tasks: by default those of `tasks_of`.
        told: what its description tells otherwise.
        config: what its configuration has otherwise.
    """
    model, model.description = made_model(seed, tasks, told)
    saver = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)
    saver.strategy.connect(model)
    (folder / "checkpoints").mkdir(parents=True)
    saver.save_checkpoint(folder / "checkpoints" / "best.ckpt")
    (folder / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **(config or {})}))
    cost = {"seconds": 2.0, "peak_memory": 10 + seed}
    (folder / "summary.json").write_text(json.dumps({"metrics": {}, "cost": cost}))
    return folder


def made_model(
    seed: int, tasks: dict[str, Task] | None = None, told: Mapping[str, Any] | None = None
) -> tuple[MultiTask, dict[str, Any]]:
    """A model and its description; see `made_run`."""
    data = TinyData()
    data.setup()
    torch.manual_seed(seed)
    chosen = tasks or tasks_of(data)
    model = MultiTask(MLP(16, hidden=[8], out_features=8), chosen)
    return model, {**describe(chosen, data), **(told or {})}
