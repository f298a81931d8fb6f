"""Difference between confidence and accuracy."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class CalibrationError(Metric):
    """Expected calibration error of the most probable class (Naeini et al., 2015).

    Samples are binned by confidence; the error is the mean of ``|accuracy - confidence|`` over the
    bins, weighted by their number of samples. Equal to torchmetrics' l1 norm. The state is three
    numbers a bin instead of every sample, so it stays small and adds up over processes, even if
    some have no sample.

    Args:
        bins: number of bins of equal width.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    count: Tensor
    confidence: Tensor
    correct: Tensor

    def __init__(self, bins: int = 15) -> None:
        super().__init__()
        self.bins = bins
        for name in ("count", "confidence", "correct"):
            self.add_state(name, default=torch.zeros(bins), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        confidence, label = preds.max(1)
        place = (confidence * self.bins).long().clamp_max(self.bins - 1)
        self.count += torch.bincount(place, minlength=self.bins)
        self.confidence.index_add_(0, place, confidence.to(self.confidence.dtype))
        self.correct.index_add_(0, place, (label == target).to(self.correct.dtype))

    def compute(self) -> Tensor:
        """The error from 0 to 1, a scalar; NaN without a sample."""
        return (self.correct - self.confidence).abs().sum() / self.count.sum()
