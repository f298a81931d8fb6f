"""Independent batches, for methods that multiply the gradients of one by those of another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from multitask.balancing.task_gradients import TaskGradients
from multitask.distributed import world_size


class IndependentBatches:
    """Splits a batch into smaller ones by sample, equally on any number of processes.

    Args:
        gradients: the tasks' gradients on the whole batch.
        count: number of smaller batches.
    """

    def __init__(self, gradients: TaskGradients, count: int) -> None:
        self.gradients = gradients
        self.count = count
        first = gradients.representation[0]
        before, self._samples = _samples_before_and_in_all(first)
        self._dealt = (torch.arange(len(first), device=first.device) + before) % count

    def rows(self, which: int) -> list[Tensor | None]:
        """Gradients of one batch's mean losses at the representation; see `TaskGradients`."""
        # The losses are means over all samples.
        size = len(range(which, self._samples, self.count))
        mine = (self._dealt == which) * (self._samples / max(size, 1))
        return [
            None if rows is None else rows * mine.view(1, -1, *[1] * (rows.ndim - 2)).to(rows)
            for rows in self.gradients.rows
        ]

    def products(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        """Inner products of the first batch's gradients with the second's, ``[tasks, tasks]``."""
        first, second = (
            self.gradients.jacobian_of(self.rows(which), parameters) for which in (0, 1)
        )
        return first @ second.T


def _samples_before_and_in_all(share: Tensor) -> tuple[int, int]:
    if world_size() == 1:
        return 0, len(share)
    sizes = torch.zeros(world_size(), dtype=torch.long, device=share.device)
    sizes[dist.get_rank()] = len(share)
    dist.all_reduce(sizes)
    return int(sizes[: dist.get_rank()].sum()), int(sizes.sum())
