"""Mean losses over many batches and all processes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from multitask.tasks.pixel_mean import EXACT


class MeanLosses(Metric):
    """Each task's mean loss over its known targets, for any distribution over batches.

    Args:
        tasks: number of tasks.
    """

    full_state_update = False
    sums: Tensor
    counts: Tensor

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(tasks, dtype=EXACT), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(tasks, dtype=EXACT), dist_reduce_fx="sum")

    def update(self, totals: Tensor) -> None:
        """Update with sums of losses and of weights, shape ``[2, tasks]``."""
        self.sums += totals[0].to(self.sums.dtype)
        self.counts += totals[1].to(self.counts.dtype)

    def compute(self) -> Tensor:
        """The means (NaN for a task without a label) and the counts, shape ``[2, tasks]``."""
        return torch.stack([self.sums / self.counts, self.counts])


def mean_where_labelled(totals: Tensor) -> Tensor:
    """Divide sums by counts; 0, with a gradient of 0, for a task without a label.

    Args:
        totals: sums of losses and of weights, shape ``[2, tasks]``; or several such pairs of rows,
            whose means are added, see `multitask.training.TaskLosses`.

    Returns:
        Means, shape ``[tasks]``.
    """
    sums, counts = totals[::2], totals[1::2]
    return (sums / torch.where(counts > 0, counts, 1.0)).sum(0)


def has_loss(totals: Tensor) -> Tensor:
    """Mask of the tasks with a label, or with another loss, in the batch.

    Args:
        totals: see `mean_where_labelled`.

    Returns:
        Mask, shape ``[tasks]``, bool.
    """
    return (totals[1::2] > 0).any(0)
