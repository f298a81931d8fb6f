"""Metrics of an old model on a new run's data, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Trainer

from multitask.module import MultiTask
from multitask.training.evaluation import Evaluation
from multitask.training.first_batches import first_batches
from multitask.training.task_losses import TaskLosses
from multitask.training.trial import same_random_numbers

BEFORE = "before"
"""Prefix of the names of these metrics."""


def old_metrics(
    old: MultiTask, names: Sequence[str], trainer: Trainer, model: MultiTask
) -> dict[str, float]:
    """Measure an old model on the validation and test sets.

    Args:
        old: the old model, on its device.
        names: names of the tasks to measure.
        trainer: the Trainer, connected to the new model.
        model: the new model.

    Returns:
        ``before/<split>/<task>/<metric>`` for the tasks that have a label in the split; identical
        on all processes.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    loaders = {"val": data.val_dataloader, "test": data.test_dataloader}
    limits = {"val": trainer.limit_val_batches, "test": trainer.limit_test_batches}
    found: dict[str, float] = {}
    with same_random_numbers(model.device):
        for split, loader in loaders.items():
            if split in data.splits:
                found |= _measured(old, names, split, loader(), limits[split], trainer, model)
    return found


@torch.no_grad()
def _measured(
    old: MultiTask,
    names: Sequence[str],
    split: str,
    loader: Any,
    limit: float | int | None,
    trainer: Trainer,
    model: MultiTask,
) -> dict[str, float]:
    tasks = {name: old.named_tasks[name] for name in names}
    losses = TaskLosses(tasks)
    evaluation = Evaluation(f"{BEFORE}/{split}", tasks).to(model.device)
    number = _number(limit, len(loader))
    for batch in first_batches(loader, number, trainer, model):
        with trainer.precision_plugin.forward_context():
            outputs = old(*old.inputs_of(batch))
            evaluation.update(outputs, batch, losses(outputs, batch))
    values = evaluation.compute()
    prefixes = tuple(f"{BEFORE}/{split}/{name}/" for name in names)
    return {name: float(each) for name, each in values.items() if name.startswith(prefixes)}


def _number(limit: float | int | None, batches: int) -> int:
    if limit is None:
        return batches
    return min(limit, batches) if isinstance(limit, int) else int(limit * batches)
