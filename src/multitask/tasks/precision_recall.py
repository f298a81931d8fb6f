"""Metrics of the precision-recall curve, over all known pixels of a split."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

BINS = 1000


class _OfThresholds(Metric):
    """Counts positive and negative pixels by their predicted probability.

    Probabilities are compared with 1000 thresholds, so memory is constant, and counts add up
    exactly over batches and processes. The thresholds are 0, 0.001, ..., 0.999; a probability equal
    to a threshold counts as above it.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        zeros = torch.zeros(2, BINS, dtype=torch.int64)
        self.add_state("counts", default=zeros, dist_reduce_fx="sum")

    def update(self, probability: Tensor, target: Tensor) -> None:
        """Update with known pixels: probabilities, and 0 or 1 (int64), of one shape."""
        places = (probability.flatten() * BINS).long().clamp(0, BINS - 1)
        counts = torch.bincount(target.flatten() * BINS + places, minlength=2 * BINS)
        self.counts += counts.view(2, BINS)

    def curve(self) -> tuple[Tensor, Tensor]:
        """Precision and recall at the thresholds from the highest to the lowest, double."""
        # Number of pixels at or above each threshold.
        false, true = self.counts.flip(1).cumsum(1).double()
        return true / (true + false).clamp_min(1), true / true[-1]


class PixelAveragePrecision(_OfThresholds):
    """The mean precision over the recall: the sum of ``(R_n - R_(n-1)) P_n``.

    A predictor that does not see the input reaches the share of positive pixels. NaN if there are
    no positive pixels.
    """

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        precision, recall = self.curve()
        steps = torch.diff(recall, prepend=recall.new_zeros(1))
        return (steps * precision).sum().float()


class BestF(_OfThresholds):
    """The largest harmonic mean of precision and recall, at the best threshold for the split.

    NaN if there is no positive pixel.
    """

    def compute(self) -> Tensor:
        """The largest mean, a scalar."""
        precision, recall = self.curve()
        both = 2 * precision * recall / (precision + recall).clamp_min(1e-12)
        return both.max().float()
