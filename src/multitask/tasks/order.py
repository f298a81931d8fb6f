"""Metrics of classes that have an order."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from multitask.tasks.sample_means import SampleMean


def median_class(probability: Tensor) -> Tensor:
    """The lowest class whose cumulative probability is at least one half.

    Args:
        probability: probabilities of classes in their order, shape ``[batch, classes]``.

    Returns:
        Class numbers, shape ``[batch]``, int64.
    """
    below = probability.cumsum(1)[:, :-1]
    return (below < 0.5).sum(1)


class ClassDistance(SampleMean):
    """Mean number of classes between the median of the probabilities and the true class."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        self.total += self.each(preds, target).sum()
        self.count += len(target)

    @staticmethod
    def each(preds: Tensor, target: Tensor) -> Tensor:
        """The value of each sample, ``[batch]``; see `update`."""
        return (median_class(preds) - target).abs()


class QuadraticKappa(Metric):
    """Agreement of the median of the probabilities with the true class, beyond chance.

    Cohen's kappa with quadratic weights (Cohen, 1968, Psychological Bulletin 70(4), "Weighted
    kappa"): ``1 - sum((p - y)^2) / sum((p' - y')^2)``, where the second sum is its expectation if
    predictions and true classes are drawn independently. 1 is perfect, 0 is chance; NaN if all are
    of one class. It needs only sums, for any number of classes.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.0
    """The value that a predictor reaches without seeing the input."""
    count: Tensor
    predicted: Tensor
    true: Tensor
    squares: Tensor
    errors: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Integers, which add up exactly.
        for name in ("count", "predicted", "true", "squares", "errors"):
            zero = torch.zeros((), dtype=torch.int64)
            self.add_state(name, default=zero, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        for name, values in self.each(preds, target).items():
            setattr(self, name, getattr(self, name) + values.sum())

    @staticmethod
    def each(preds: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The contribution of each sample to each sum, ``[batch]``, int64; see `update`."""
        found = median_class(preds)
        return {
            "count": torch.ones_like(target),
            "predicted": found,
            "true": target,
            "squares": found.square() + target.square(),
            "errors": (found - target).square(),
        }

    def compute(self) -> Tensor:
        """The coefficient, a scalar."""
        product = self.predicted.double() * self.true.double()
        expected = self.squares.double() - 2 * product / self.count.double()
        # The remainder for a single class in double precision is rounding error.
        varies = expected > 1e-12 * self.squares.double()
        found = 1 - self.errors.double() / expected
        return torch.where(varies, found, torch.nan).float()
