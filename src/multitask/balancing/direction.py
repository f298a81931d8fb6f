"""Methods whose gradient is not a weighted sum of the tasks' gradients."""

from __future__ import annotations

import torch
from torch import Tensor
from torchjd.aggregation import Aggregator

from multitask.balancing.grad_drop import GradDrop
from multitask.balancing.level import Level
from multitask.balancing.memory import Memory
from multitask.balancing.task_gradients import TaskGradients


class Direction:
    """Passes a method's direction to the encoder.

    At the representation, the backward pass continues with it through the encoder; at the shared
    parameters it is already their gradient.

    Args:
        level: the level of the method.
        method: maps the tasks' gradients, one in each row, to one gradient.
    """

    def __init__(self, level: Level, method: Aggregator) -> None:
        self.level = level
        self.method = method

    def combine(self, gradients: TaskGradients, labelled: Tensor) -> list[Tensor | None]:
        """See `Balancer.combine`."""
        if not self.level.is_shared:
            pairs = zip(gradients.rows, gradients.representation, strict=True)
            return [
                None if rows is None else self._of(rows, part, labelled) for rows, part in pairs
            ]
        found = self._of(self.level.jacobian(gradients), None, labelled)
        # A method may keep its output, and an optimizer may change its gradients in place.
        return self.level.take(found.clone(), gradients)

    def _of(self, rows: Tensor, activations: Tensor | None, labelled: Tensor) -> Tensor:
        present = labelled.cpu()
        if not bool(present.any()):
            return torch.zeros_like(rows[0])
        some = rows[labelled.to(rows.device)]
        with Memory(self.method, of_gradients=True).only(present):
            if activations is not None and isinstance(self.method, GradDrop):
                return self.method.at(some, activations)
            return self.method(some.flatten(1)).view(rows.shape[1:])
