"""Methods that make a new gradient of the tasks' gradients, not a weighted sum of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torchjd.aggregation import Aggregator

from multitask.balancing.grad_drop import GradDrop
from multitask.balancing.level import Level
from multitask.balancing.memory import Memory
from multitask.balancing.task_gradients import TaskGradients
from multitask.distributed import world_size


class Direction:
    """Hands a method's direction to the encoder.

    At the representation it goes on from there. At the shared parameters it is already their
    gradient, so nothing goes back through the encoder, and it is added when the pass is over.

    Args:
        level: where the method works.
        method: takes the tasks' gradients, one a row, and returns one.
    """

    def __init__(self, level: Level, method: Aggregator) -> None:
        self.level = level
        self.method = method
        self._found: Tensor | None = None

    def combine(self, gradients: TaskGradients, labelled: Tensor) -> list[Tensor | None]:
        """See `Balancer.combine`."""
        if not self.level.is_shared:
            pairs = zip(gradients.rows, gradients.representation, strict=True)
            return [
                None if rows is None else self._of(rows, part, labelled) for rows, part in pairs
            ]
        self._found = self._of(self.level.jacobian(gradients), None, labelled)
        if world_size() == 1:
            return [None for _ in gradients.rows]
        # DistributedDataParallel waits until every parameter has had a gradient.
        return gradients.weighted(torch.zeros(gradients.tasks))

    def add_to_gradients(self) -> None:
        """Add what was found to the parameters' gradients; called after each backward pass."""
        if self._found is None:
            return
        sizes = [parameter.numel() for parameter in self.level.shared]
        for parameter, part in zip(self.level.shared, self._found.split(sizes), strict=True):
            part = part.view_as(parameter).to(parameter)
            parameter.grad = part.clone() if parameter.grad is None else parameter.grad.add_(part)
        self._found = None

    def _of(self, rows: Tensor, activations: Tensor | None, labelled: Tensor) -> Tensor:
        present = labelled.cpu()
        if not bool(present.any()):
            return torch.zeros_like(rows[0])
        some = rows[labelled.to(rows.device)]
        with Memory(self.method).only(present):
            if activations is not None and isinstance(self.method, GradDrop):
                return self.method.at(some, activations)
            return self.method(some.flatten(1)).view(rows.shape[1:])
