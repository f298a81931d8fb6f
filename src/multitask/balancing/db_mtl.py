"""DB-MTL's balancing of gradients."""

from __future__ import annotations

import torch
from torch import Tensor
from torchjd import Stateful
from torchjd.aggregation import Aggregator


class DBMTL(Aggregator, Stateful):
    """Sums moving averages of the tasks' gradients, each scaled to the largest norm.

    Lin et al., 2023 (arXiv 2308.12029): ``y_i <- beta y_i + (1 - beta) g_i``, where ``beta`` at
    step ``k`` is ``beta / sqrt(k)``; the step is the sum of ``max_j ||y_j|| / ||y_i|| y_i``. The
    gradients are those of the losses' logarithms: set the balancer's ``losses`` to `Scalarized`
    with `ScaleInvariant`. The method requires the gradients of shared parameters.

    Args:
        beta: factor on the average at the first step, below 1.
    """

    remembers_gradients = True
    defines_length = True
    averages: Tensor | None

    def __init__(self, beta: float = 0.9) -> None:
        super().__init__()
        self.beta = beta
        self.reset()

    def reset(self) -> None:
        """Forget all earlier gradients."""
        self.averages, self.steps = None, 0

    def forward(self, matrix: Tensor, /) -> Tensor:
        self.steps += 1
        kept = self.beta / self.steps**0.5
        before = torch.zeros_like(matrix) if self.averages is None else self.averages
        self.averages = kept * before + (1 - kept) * matrix
        norms = self.averages.norm(dim=1)
        scales = torch.where(norms > 0, norms.max() / norms, 0)
        return scales @ self.averages
