"""The deviance of counts, and the share of it that predictions explain."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from multitask import missing_labels


def half_deviance(log_rate: Tensor, count: Tensor) -> Tensor:
    """Half the deviance of a Poisson distribution, ``rate - y - y log(rate / y)``.

    Args:
        log_rate: logarithm of the rate, any shape.
        count: y, same shape, 0 or more.

    Returns:
        Same shape, at least 0; the rate itself for a count of 0.
    """
    has_any = count > 0
    # Not by `xlogy(y, y / rate)`, whose gradient is NaN for a count of 0.
    apart = log_rate - torch.where(has_any, count, 1).log()
    return torch.where(has_any, count * (apart.expm1() - apart), log_rate.exp())


class PoissonD2(Metric):
    """Share of the deviance of counts that the rates explain; 1 is perfect, 0 is the mean.

    ``1 - sum(deviance(y, rate)) / sum(deviance(y, mean(y)))``, with the mean of the split, as in
    scikit-learn's ``d2_tweedie_score(power=1)``, averaged over the elements of a vector. Counts and
    rates may be scaled by a common factor: sums are exact if they are near 1.

    Args:
        size: number of elements of a target.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.0
    """The value that a predictor reaches without seeing the input."""
    count: Tensor
    residual: Tensor
    from_one: Tensor
    excess: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        for name in ("count", "residual", "from_one", "excess"):
            self.add_state(name, default=torch.zeros(size), dist_reduce_fx="sum")

    def update(self, rate: Tensor, count: Tensor) -> None:
        """Update with samples; both ``[batch, size]``, counts NaN where missing."""
        for name, values in self.each(rate, count).items():
            total = getattr(self, name)
            setattr(self, name, total + values.to(total.dtype).sum(0))

    @staticmethod
    def each(rate: Tensor, count: Tensor) -> dict[str, Tensor]:
        """The contribution of each sample to each sum, ``[batch, size]``; see `update`."""
        known = missing_labels.known(count)
        count = torch.where(known, count, 1)
        found = {
            "count": torch.ones_like(count),
            "residual": half_deviance(rate.log(), count),
            "from_one": half_deviance(torch.zeros_like(count), count),
            "excess": count - 1,
        }
        return {name: torch.where(known, values, 0) for name, values in found.items()}

    def compute(self) -> Tensor:
        """The share, a scalar; NaN if no element varies."""
        mean = 1 + self.excess / self.count
        # The deviances from 1, minus that of the mean from 1.
        shift = torch.xlogy(mean, mean) - self.excess / self.count
        variation = self.from_one - self.count * shift
        # The remainder of a constant in single precision is rounding error.
        varies = variation > 1e-5 * self.from_one
        return (1 - self.residual[varies] / variation[varies]).mean()
