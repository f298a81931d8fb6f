"""Metrics of a confusion matrix over all pixels, or tokens, of a split."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class _OfConfusion(Metric):
    """Counts pairs of true and predicted classes, exact on any number of processes.

    Args:
        num_classes: number of classes.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    counts: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        zeros = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Update with the known classes; class numbers of one shape, int64."""
        cells = target * self.num_classes + prediction
        size = self.num_classes
        self.counts += torch.bincount(cells.flatten(), minlength=size**2).view(size, size)


class MeanIoU(_OfConfusion):
    """Mean over the classes of intersection over union (Jaccard index).

    ``C_cc / (sum of row c + sum of column c - C_cc)``, with the confusion matrix C of the whole
    split; classes that neither occur nor are predicted are ignored. NaN if nothing is known.
    """

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        both = self.counts.diagonal().double()
        either = (self.counts.sum(0) + self.counts.sum(1)).double() - both
        return (both / either)[either > 0].mean().float()


class ShareRight(_OfConfusion):
    """Share of the known pixels, or tokens, whose class is correct."""

    def compute(self) -> Tensor:
        """The share, a scalar."""
        return (self.counts.diagonal().sum().double() / self.counts.sum()).float()


class MacroF1(_OfConfusion):
    """Mean over the classes of F1, the harmonic mean of precision and recall.

    ``2 C_cc / (sum of row c + sum of column c)``, with the confusion matrix C of the whole split;
    classes that neither occur nor are predicted are ignored. NaN if nothing is known.
    """

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        both = self.counts.diagonal().double()
        each = (self.counts.sum(0) + self.counts.sum(1)).double()
        return (2 * both / each)[each > 0].mean().float()
