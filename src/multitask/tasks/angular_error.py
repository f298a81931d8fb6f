"""Differences between predicted and true angles, the shorter way round."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from multitask.tasks.sample_means import SampleMean


def wrapped(degrees: Tensor, period: float) -> Tensor:
    """Angles from ``-period / 2`` to ``period / 2``; any shape."""
    return (degrees + period / 2).remainder(period) - period / 2


class OfAngles(SampleMean):
    """A mean over angles.

    Args:
        period: number of degrees after which an angle repeats.
    """

    def __init__(self, period: float) -> None:
        super().__init__()
        self.period = period

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with angles in degrees; predictions ``[batch]``, targets with as many elements."""
        self.total += self.each(preds, target).sum().to(self.total.dtype)
        self.count += len(target)

    def each(self, preds: Tensor, target: Tensor) -> Tensor:
        """The value of each sample, ``[batch]``; see `update`."""
        return wrapped(preds - target.flatten(), self.period).abs()


class AngularError(OfAngles):
    """The mean error in degrees, at most half a period."""


class MeanCosine(OfAngles):
    """The mean cosine of the error, as a share of the period: 1 is perfect, -1 is opposite."""

    higher_is_better = True

    def each(self, preds: Tensor, target: Tensor) -> Tensor:
        """The value of each sample, ``[batch]``; see `update`."""
        return (super().each(preds, target) * (2 * math.pi / self.period)).cos()


class WithinDegrees(OfAngles):
    """The share of errors of at most a given number of degrees.

    Args:
        period: see `OfAngles`.
        degrees: the largest error that counts.
    """

    higher_is_better = True

    def __init__(self, period: float, degrees: float) -> None:
        super().__init__(period)
        self.degrees = degrees

    def each(self, preds: Tensor, target: Tensor) -> Tensor:
        """The value of each sample, ``[batch]``; see `update`."""
        return (super().each(preds, target) <= self.degrees).to(torch.get_default_dtype())
