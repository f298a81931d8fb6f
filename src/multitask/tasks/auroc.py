"""The area under the ROC curve, computed from histograms."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric

FARTHEST = 100.0
"""Larger than the logit of any probability in single precision."""
FINE = 0.1
"""Distance from the uninformed logit within which bins are about equally wide."""


class HistogramAUROC(Metric):
    """One-vs-rest area under the ROC curve, averaged over the classes that occur.

    Scores are counted in bins; scores within a bin are ties, which count half. The bins divide the
    logit of the probability around the logit of ``1 / num_classes``. They are narrow there and
    widen with the distance (the inverse hyperbolic sine), so they resolve many classes with small
    probabilities as well as a few with large ones. Memory is constant, and counts add up exactly
    over batches and processes.

    A class without a positive or without a negative sample has no curve and is skipped.

    Args:
        num_classes: number of classes, at least 2.
        bins: number of bins on either side of the middle one.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    trivial = 0.5
    """The value that a predictor reaches without seeing the input."""
    counts: Tensor

    def __init__(self, num_classes: int, bins: int = 400) -> None:
        super().__init__()
        self.num_classes, self.bins = num_classes, bins
        # Negative and positive samples by class and bin.
        zeros = torch.zeros(2, num_classes, 2 * bins + 1, dtype=torch.int64)
        self.add_state("counts", default=zeros, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        classes = torch.arange(self.num_classes, device=preds.device)
        truth = (target[:, None] == classes).long()
        cells = (truth * self.num_classes + classes) * self.counts.shape[2] + self._places(preds)
        counts = torch.bincount(cells.flatten(), minlength=self.counts.numel())
        self.counts += counts.view_as(self.counts)

    def compute(self) -> Tensor:
        """The area from 0 to 1, a scalar; NaN if no class has both positives and negatives."""
        return area(*self.counts)

    def _places(self, preds: Tensor) -> Tensor:
        """The bin of each probability, same shape, int64."""
        return logit_bins(preds, -math.log(self.num_classes - 1), self.bins)


def area(negative: Tensor, positive: Tensor) -> Tensor:
    """The mean area under the ROC curves of several histograms.

    Args:
        negative: number of negative samples by bin of their scores, shape ``[classes, bins]``.
        positive: number of positive samples, likewise.

    Returns:
        From 0 to 1, a scalar, the mean over the classes with both; NaN if there are none.
    """
    below = negative.cumsum(1) - negative
    # Twice the number of correctly ordered pairs, so that ties are whole numbers.
    right = (positive * (2 * below + negative)).sum(1)
    pairs = 2 * positive.sum(1) * negative.sum(1)
    return (right[pairs > 0] / pairs[pairs > 0]).mean()


def logit_bins(preds: Tensor, middle: float, bins: int, fine: float = FINE) -> Tensor:
    """Assign each probability to a bin; bins are narrow around a logit and widen with distance.

    Args:
        preds: probabilities, any shape.
        middle: the logit of the uninformed probability.
        bins: number of bins on either side of the middle one.
        fine: distance from that logit within which bins are about equally wide.

    Returns:
        From 0 to ``2 * bins``, same shape, int64.
    """
    distance = (preds.logit() - middle).nan_to_num(-FARTHEST).clamp(-FARTHEST, FARTHEST)
    # Rounded, so that the uninformed probability is in the middle of a bin, not at an edge.
    scaled = (distance / fine).asinh() * (bins / math.asinh(FARTHEST / fine))
    return scaled.round().long() + bins
