"""Accuracy that gives every class the same weight, however rare it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class BalancedAccuracy(Metric):
    """Mean over the classes of the share of their samples that are classified correctly.

    Classes without a sample are ignored, as in scikit-learn's ``balanced_accuracy_score``; NaN
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
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        is_right = preds.argmax(1) == target
        size = self.num_classes
        self.total += torch.bincount(target, minlength=size)
        # Wrong ones go to an extra class after the others, since selecting rows would synchronise.
        found = torch.where(is_right, target, size)
        self.right += torch.bincount(found, minlength=size + 1)[:size]

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        occurs = self.total > 0
        return (self.right.double() / self.total)[occurs].mean().float()
