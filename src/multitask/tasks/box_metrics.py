"""Intersection over union of boxes, averaged over samples."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.tasks.sample_means import SampleMean


def paired_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each box with the box at the same index.

    Args:
        boxes: left, top, right and bottom, shape ``[boxes, 4]``; one of the two must not be empty.
        others: the same shape.

    Returns:
        Shape ``[boxes]``, from 0 to 1.
    """
    low = torch.maximum(boxes[:, :2], others[:, :2])
    high = torch.minimum(boxes[:, 2:], others[:, 2:])
    both = (high - low).clamp_min(0).prod(1)
    areas = [(each[:, 2:] - each[:, :2]).prod(1) for each in (boxes, others)]
    return both / (areas[0] + areas[1] - both)


class BoxIoU(SampleMean):
    """The mean intersection over union of predicted and true boxes."""

    higher_is_better = True

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with corners, both ``[batch, 4]``, of known boxes only."""
        self.total += self.each(paired_iou(preds, target)).sum()
        self.count += len(target)

    def each(self, iou: Tensor) -> Tensor:
        """The contribution of each sample, ``[batch]``."""
        return iou


class BoxAccuracy(BoxIoU):
    """The share of boxes whose intersection over union is at least a threshold.

    Args:
        threshold: from 0 to 1.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def each(self, iou: Tensor) -> Tensor:
        return (iou >= self.threshold).float()
