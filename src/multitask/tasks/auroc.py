"""The area under the ROC curve, counted by histograms."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric

FARTHEST = 100.0
"""Beyond every logit of a probability that single precision can hold."""
FINE = 0.1
"""Distance from the uninformed logit up to which bins are about equally wide."""


class HistogramAUROC(Metric):
    """One-against-rest area under the ROC curve, the mean over the classes that occur.

    Scores are counted in bins; those within a bin are ties, which count half. The bins lie in the
    logit of the probability, around the logit of ``1 / num_classes``: narrow there and wider with
    the distance (the inverse hyperbolic sine), so that many classes with small probabilities are
    told apart as well as a few with large ones. Memory is constant, and counts add up exactly over
    batches and processes.

    A class without a positive or without a negative sample has no curve and is left out.

    Args:
        num_classes: number of classes, at least 2.
        bins: number of bins on either side of the middle one.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    trivial = 0.5
    """What a predictor that sees no input reaches."""
    counts: Tensor

    def __init__(self, num_classes: int, bins: int = 400) -> None:
        super().__init__()
        self.num_classes, self.bins = num_classes, bins
        # Negative and positive samples by class and bin.
        zeros = torch.zeros(2, num_classes, 2 * bins + 1, dtype=torch.int64)
        self.add_state("counts", default=zeros, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count in probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        classes = torch.arange(self.num_classes, device=preds.device)
        truth = (target[:, None] == classes).long()
        cells = (truth * self.num_classes + classes) * self.counts.shape[2] + self._places(preds)
        counts = torch.bincount(cells.flatten(), minlength=self.counts.numel())
        self.counts += counts.view_as(self.counts)

    def compute(self) -> Tensor:
        """The area from 0 to 1, a scalar; NaN where no class has positives and negatives."""
        return area(*self.counts)

    def _places(self, preds: Tensor) -> Tensor:
        """Number of each probability's bin, same shape, int64."""
        return logit_bins(preds, -math.log(self.num_classes - 1), self.bins)


def area(negative: Tensor, positive: Tensor) -> Tensor:
    """The mean area under the ROC curves of several histograms.

    Args:
        negative: number of negative samples by bin of their scores, shape ``[classes, bins]``.
        positive: that of positive ones.

    Returns:
        From 0 to 1, a scalar, the mean over classes with both; NaN if there is none.
    """
    below = negative.cumsum(1) - negative
    # Twice the pairs in the right order, so that ties are whole numbers.
    right = (positive * (2 * below + negative)).sum(1)
    pairs = 2 * positive.sum(1) * negative.sum(1)
    return (right[pairs > 0] / pairs[pairs > 0]).mean()


def logit_bins(preds: Tensor, middle: float, bins: int, fine: float = FINE) -> Tensor:
    """Number each probability's bin, narrow around a logit and wider with the distance.

    Args:
        preds: probabilities, any shape.
        middle: the logit of the uninformed probability.
        bins: number of bins on either side of the middle one.
        fine: distance from that logit up to which bins are about equally wide.

    Returns:
        From 0 to ``2 * bins``, same shape, int64.
    """
    distance = (preds.logit() - middle).nan_to_num(-FARTHEST).clamp(-FARTHEST, FARTHEST)
    # Rounded, so that the uninformed probability is in the middle of a bin, not at an edge.
    scaled = (distance / fine).asinh() * (bins / math.asinh(FARTHEST / fine))
    return scaled.round().long() + bins
