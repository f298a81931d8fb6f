"""Metrics that are means over samples or numbers, and add up over batches and processes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class SampleMean(Metric):
    """A mean: one sum and one count."""

    higher_is_better: bool | None = False
    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", default=torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("count", default=torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """The mean, a scalar; NaN without a sample."""
        return self.total / self.count


class NegativeLogLikelihood(SampleMean):
    """Negative log-probability of the true class, in nats (the log loss).

    A probability below the smallest normal number of single precision, 1.2e-38, counts as that.
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        self.total += self.each(preds, target).sum()
        self.count += len(target)

    @staticmethod
    def each(preds: Tensor, target: Tensor) -> Tensor:
        """The value of each sample, ``[batch]``; see `update`."""
        right = preds.gather(1, target.unsqueeze(1)).squeeze(1)
        return -right.clamp_min(torch.finfo(right.dtype).tiny).log()


class BrierScore(SampleMean):
    """Squared distance of the probabilities from 1 for the true class and 0 for the others.

    From 0 to 2, summed over all classes, also if there are two (Brier, 1950, Monthly Weather Review
    78(1), "Verification of forecasts expressed in terms of probability").
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        self.total += self.each(preds, target).sum()
        self.count += len(target)

    @staticmethod
    def each(preds: Tensor, target: Tensor) -> Tensor:
        """The value of each sample, ``[batch]``; see `update`."""
        right = preds.gather(1, target.unsqueeze(1)).squeeze(1)
        return preds.square().sum(1) - 2 * right + 1


class EntryMean(SampleMean):
    """The mean of an entry of a regression, such as the width of its interval.

    Args:
        entry: name of the entry, see `multitask.tasks.Regression.entries`.
        has_trivial: whether the trivial predictor, which sees no input, has it too.
    """

    def __init__(self, entry: str, has_trivial: bool) -> None:
        super().__init__()
        self.entry, self.has_trivial = entry, has_trivial

    def update(self, values: Tensor, known: Tensor) -> None:
        """Update with values, and a mask of the known numbers; both ``[batch, size]``."""
        self.total += torch.where(known, values, 0).sum().to(self.total.dtype)
        self.count += known.sum()


class EntryShare(EntryMean):
    """The mean of ones and zeros, such as a coverage, where neither more nor fewer are better.

    It is best at the level of the interval, not at 1.
    """

    higher_is_better = None
