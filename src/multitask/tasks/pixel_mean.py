"""Means over all known pixels of a split, which add up over batches and processes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

EXACT = torch.float32 if torch.backends.mps.is_available() else torch.float64
"""Counts of pixels exceed 2**24 within a few batches; MPS has no double precision."""


class PixelMean(Metric):
    """The mean of a value of each pixel, where lower is better: one sum and one count."""

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", default=torch.zeros((), dtype=EXACT), dist_reduce_fx="sum")
        self.add_state("count", default=torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Tensor) -> None:
        """Update with values, any shape, each of a known pixel."""
        self.total += values.sum(dtype=EXACT)
        self.count += values.numel()

    def compute(self) -> Tensor:
        """The mean, a scalar; NaN without a pixel."""
        return (self.total / self.count).float()


class PixelRoot(PixelMean):
    """The root of the mean."""

    def compute(self) -> Tensor:
        """The root, a scalar; NaN without a pixel."""
        return (self.total / self.count).sqrt().float()


class PixelShare(PixelMean):
    """The share of pixels with some property, where higher is better."""

    higher_is_better = True
