"""The losses of all tasks over a batch, computed together for similar tasks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.tasks import Task
from multitask.training.kept_outputs import KeptOutputs

ENOUGH = 8
"""Minimum number of similar tasks for computing their losses together.

A joint sum may differ from a task's own in the last bit. With few tasks the gain is not worth it,
so their trainings stay bitwise equal.
"""


class TaskLosses:
    """Sums each task's loss over the known targets of a batch.

    With 50 regressions, 50 times a dozen small operations would take longer than a pass through a
    small network. Tasks with equal `Task.loss_group` are therefore computed together by
    `Task.joint_loss`, if there are at least `ENOUGH` of them.

    Args:
        tasks: the tasks by name, in the order of the results.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = dict(tasks)
        alike: dict[Hashable, list[str]] = {}
        for name, task in self._tasks.items():
            key = task.loss_group()
            # A name must not equal another task's key.
            alike.setdefault((name,) if key is None else (type(task), key), []).append(name)
        self._groups = [names for names in alike.values() if len(names) >= ENOUGH]
        grouped = {name for names in self._groups for name in names}
        self.kept: list[KeptOutputs] = []
        """Distances from the outputs of older models, which are added to some tasks' losses."""
        self._alone = [name for name in self._tasks if name not in grouped]

    def __call__(self, outputs: Mapping[str, Any], targets: Mapping[str, Tensor]) -> Tensor:
        """Sum the losses.

        Args:
            outputs: raw head outputs by task, see `Task.loss`.
            targets: by task, missing ones included; may contain other entries, such as the inputs.

        Returns:
            Sums of the losses and of their weights, shape ``[2, tasks]``. If the batch contains
            outputs of older models, two further rows: sums of the distances from them, see
            `multitask.training.kept_outputs`, and numbers of samples.
        """
        columns = {
            name: torch.stack(self._tasks[name].loss(outputs[name], targets[name]))
            for name in self._alone
        }
        for names in self._groups:
            tasks = [self._tasks[name] for name in names]
            alike = [outputs[name] for name in names], [targets[name] for name in names]
            columns |= zip(names, tasks[0].joint_loss(tasks, *alike).unbind(1), strict=True)
        found = torch.stack([columns[name] for name in self._tasks], 1)
        kept = [each.totals(self._tasks, outputs, targets) for each in self.kept]
        distances = [each for each in kept if each is not None]
        return torch.cat([found, torch.stack(distances).sum(0)]) if distances else found
