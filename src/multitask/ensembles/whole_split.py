"""A model's outputs for a whole split, and their metrics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from multitask.after.device import usable_device
from multitask.after.ensemble.ensemble_model import computed
from multitask.data import DataModule
from multitask.module import MultiTask
from multitask.tasks import Task
from multitask.tasks.output import Output, each_tensor, joined
from multitask.training.evaluation import Evaluation
from multitask.training.task_losses import TaskLosses

BATCH = 256
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Said:
    """Raw outputs and targets, by task; first axis ``[samples]``, on the CPU."""

    outputs: dict[str, Output]
    targets: dict[str, Tensor]


def batches_of(data: DataModule, split: str) -> Iterator[Batch]:
    """The model inputs and targets of a split, a few samples at a time."""
    for places in torch.arange(len(data.splits[split])).split(BATCH):
        yield data.on_after_batch_transfer(data.splits[split][places], 0)


@torch.no_grad()
def said_of(
    model: MultiTask,
    data: DataModule,
    split: str,
    changed: Callable[[Batch], Batch] = lambda batch: batch,
) -> Said:
    """Compute a model's raw outputs for a whole split.

    Args:
        model: the model, in evaluation mode.
        data: the data.
        split: ``val`` or ``test``.
        changed: function applied to each batch first.
    """
    device = usable_device(None)
    outputs: dict[str, list[Output]] = {name: [] for name in model.named_tasks}
    targets: dict[str, list[Tensor]] = {name: [] for name in model.named_tasks}
    for batch in batches_of(data, split):
        inputs = [each.to(device) for each in model.inputs_of(changed(batch))]
        for name, output in computed(model, inputs).items():
            outputs[name].append(each_tensor(output, Tensor.cpu))
            targets[name].append(batch[name])
    return Said(
        {name: joined(each) for name, each in outputs.items()},
        {name: torch.cat(each) for name, each in targets.items()},
    )


def metrics_of(tasks: Mapping[str, Task], said: Said) -> dict[str, float]:
    """Compute every metric of raw outputs.

    Args:
        tasks: tasks of the outputs, on the CPU.
        said: the outputs.

    Returns:
        Metrics as in a test, without the trivial predictor: ``<task>/<metric>``.
    """
    evaluation = Evaluation("test", tasks)
    losses = TaskLosses(tasks)(said.outputs, said.targets)
    evaluation.update(said.outputs, said.targets, losses)
    found = evaluation.compute()
    return {
        name.removeprefix("test/"): float(value)
        for name, value in found.items()
        if name.startswith("test/") and name.count("/") > 1
    }


def directions_of(tasks: Mapping[str, Task]) -> dict[str, bool | None]:
    """Whether higher is better, by the names of `metrics_of`; None if neither direction is."""
    evaluation = Evaluation("test", tasks)
    pairs = [pair for name in tasks for pair in evaluation.directions(name)]
    return {name.removeprefix("test/"): higher for name, higher in pairs}


def on_cpu(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Copies of tasks, without a calibration."""
    found = {name: copy.deepcopy(task).cpu() for name, task in tasks.items()}
    for task in found.values():
        task.take_calibration(None)
    return found
