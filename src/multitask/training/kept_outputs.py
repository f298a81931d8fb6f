"""Outputs of an older model for a batch, and the distance of a model's outputs from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from multitask.tasks import Task
from multitask.tasks.output import Output

MARK = "@kept/"
"""Prefix of a task's name for outputs of an older model. Names of tasks never start with it."""


@dataclass(frozen=True)
class KeptOutputs:
    """The distance of some tasks' outputs from those of an older model for the same batch.

    Args:
        tasks: names of the tasks.
        weight: factor on the distances.
        temperature: see `multitask.tasks.Task.distance`.
    """

    tasks: Sequence[str]
    weight: float
    temperature: float

    def totals(
        self, tasks: Mapping[str, Task], outputs: Mapping[str, Any], batch: Mapping[str, Tensor]
    ) -> Tensor | None:
        """Sum the distances.

        Args:
            tasks: all tasks of the model, in the order of the results.
            outputs: raw head outputs by task.
            batch: a batch with the entries from `entries`.

        Returns:
            Sums of the distances times the weight, and numbers of samples, shape ``[2, tasks]``;
            None if the batch has no outputs of an older model.
        """
        if not any(kept_of(batch, name) is not None for name in self.tasks):
            return None
        columns = [self._column(name, task, outputs[name], batch) for name, task in tasks.items()]
        return torch.stack(columns, 1)

    def _column(self, name: str, task: Task, output: Output, batch: Mapping[str, Tensor]) -> Tensor:
        like = next(iter(output.values())) if isinstance(output, dict) else output
        kept = kept_of(batch, name) if name in self.tasks else None
        if kept is None:
            return like.new_zeros(2)
        distances = task.distance(output, kept, self.temperature)
        assert distances is not None
        return torch.stack([self.weight * distances.sum(), like.new_tensor(len(distances))])


def entries(outputs: Mapping[str, Output], tasks: Sequence[str]) -> dict[str, Tensor]:
    """Entries of a batch for an older model's outputs.

    Args:
        outputs: outputs of the older model, by task.
        tasks: names of the tasks to include.

    Returns:
        Entries of the batch, each with the first axis ``[batch]``.
    """
    found: dict[str, Tensor] = {}
    for name in tasks:
        output = outputs[name]
        parts = output if isinstance(output, dict) else {"": output}
        for part, values in parts.items():
            found[f"{MARK}{name}/{part}" if part else f"{MARK}{name}"] = values.detach()
    return found


def kept_of(batch: Mapping[str, Tensor], task: str) -> Output | None:
    """The outputs of an older model for a batch; None if the batch does not contain them.

    Args:
        batch: see `entries`.
        task: name of the task.
    """
    if (whole := batch.get(f"{MARK}{task}")) is not None:
        return whole
    prefix = f"{MARK}{task}/"
    parts = {key.removeprefix(prefix): batch[key] for key in batch if key.startswith(prefix)}
    return parts or None
