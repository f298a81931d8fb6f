"""The share of a loss that predictions explain."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class LossD2(Metric):
    """Share of a loss that predictions explain; 1 is perfect if the minimum loss is 0.

    ``1 - sum(loss) / sum(loss of the trivial predictor)``, averaged over the elements of a vector.
    For pinball losses, scikit-learn's ``d2_pinball_score`` uses the quantiles of the split instead
    of those of training, which are not known until the whole split has been seen.

    Args:
        size: number of elements of a target.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.0
    """The value that a predictor reaches without seeing the input."""
    residual: Tensor
    reference: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        for name in ("residual", "reference"):
            self.add_state(name, default=torch.zeros(size), dist_reduce_fx="sum")

    def update(self, losses: Tensor, known: Tensor) -> None:
        """Update with samples.

        Args:
            losses: losses of the predictions and of the trivial predictor, ``[batch, size, 2]``.
            known: mask of the known targets, ``[batch, size]``, bool.
        """
        found = torch.where(known.unsqueeze(2), losses, 0).sum(0).to(self.residual.dtype)
        self.residual += found[:, 0]
        self.reference += found[:, 1]

    def compute(self) -> Tensor:
        """The share, a scalar; NaN if no element varies."""
        varies = self.reference > 0
        return (1 - self.residual[varies] / self.reference[varies]).mean()
