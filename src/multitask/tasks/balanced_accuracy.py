"""Accuracy in which every class counts the same, however rare it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class BalancedAccuracy(Metric):
    """Mean over the classes of the share of their samples that are recognised.

    Classes without a sample are left out, as in scikit-learn's ``balanced_accuracy_score``; NaN
    without any sample.

    Args:
        num_classes: number of classes.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    right: Tensor
    total: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        for name in ("right", "total"):
            zeros = torch.zeros(num_classes, dtype=torch.int64)
            self.add_state(name, default=zeros, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count in probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        is_right = preds.argmax(1) == target
        size = self.num_classes
        self.total += torch.bincount(target, minlength=size)
        # As a class of its own beyond the others where wrong, since selecting rows would wait.
        found = torch.where(is_right, target, size)
        self.right += torch.bincount(found, minlength=size + 1)[:size]

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        occurs = self.total > 0
        return (self.right.double() / self.total)[occurs].mean().float()
