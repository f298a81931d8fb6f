"""The coefficient of determination for vectors with missing elements."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from multitask import missing_labels
from multitask.tasks.pixel_mean import EXACT


class R2(Metric):
    """Share of the targets' variance that predictions explain; 1 is perfect, 0 is the mean.

    ``1 - sum((y - p)^2) / sum((y - mean(y))^2)``, computed for each element over its known targets.

    Args:
        size: number of elements of a target.
        weighted: whether to weight elements by their variance instead of equally
            (``variance_weighted`` and ``uniform_average`` in scikit-learn).
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.0
    """The value that a predictor reaches without seeing the input."""
    count: Tensor
    residual: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self, size: int, weighted: bool) -> None:
        super().__init__()
        self.weighted = weighted
        for name in ("count", "residual", "total", "squares"):
            zeros = torch.zeros(size, dtype=EXACT)
            self.add_state(name, default=zeros, dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Update with samples; both of shape ``[batch, size]``, NaN where a target is missing."""
        known = missing_labels.known(target)
        target = torch.where(known, target, 0).to(self.squares.dtype)
        error = torch.where(known, prediction.to(self.squares.dtype) - target, 0)
        self.count += known.sum(0)
        self.residual += error.square().sum(0)
        self.total += target.sum(0)
        self.squares += target.square().sum(0)

    def compute(self) -> Tensor:
        """The coefficient, a scalar; NaN if no element varies."""
        variation = self.squares - self.total.square() / self.count.clamp_min(1)
        # The remainder of a constant in single precision is rounding error.
        varies = variation > 1e-5 * self.squares
        if self.weighted:
            return (1 - self.residual[varies].sum() / variation[varies].sum()).float()
        return (1 - self.residual[varies] / variation[varies]).mean().float()
