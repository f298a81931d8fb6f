"""MoCo: multi-objective gradients with a correction for their noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torchjd import Stateful
from torchjd.aggregation import Aggregator


class MoCo(Aggregator, Stateful):
    """Follows moving averages of the tasks' gradients, weighted towards their common descent.

    Fernando et al., 2023 (ICLR, "Mitigating Gradient Bias in Multi-objective Learning"), algorithm
    1: ``y_i <- y_i - beta (y_i - g_i)``, ``w <- P(w - gamma (Y Yt + rho I) w)`` with ``P`` the
    projection onto the simplex; the step is ``Yt w``, here multiplied by the number of tasks. The
    method requires the gradients of shared parameters.

    Args:
        beta: rate of the moving averages.
        gamma: learning rate of the weights.
        rho: regularisation of the weights.
    """

    remembers_gradients = True
    defines_length = True
    averages: Tensor | None
    weights: Tensor | None

    def __init__(self, beta: float = 0.5, gamma: float = 0.1, rho: float = 0.0) -> None:
        super().__init__()
        self.beta, self.gamma, self.rho = beta, gamma, rho
        self.reset()

    def reset(self) -> None:
        """Forget all earlier gradients."""
        self.averages = self.weights = None

    def forward(self, matrix: Tensor, /) -> Tensor:
        if self.averages is None or self.weights is None:
            self.averages = torch.zeros_like(matrix)
            self.weights = torch.full_like(matrix[:, 0], 1 / len(matrix))
        self.averages = self.averages + self.beta * (matrix - self.averages)
        slope = self.averages @ (self.averages.T @ self.weights) + self.rho * self.weights
        self.weights = _onto_simplex(self.weights - self.gamma * slope)
        return len(matrix) * self.weights @ self.averages


def _onto_simplex(point: Tensor) -> Tensor:
    ordered = point.sort(descending=True).values
    excess = (ordered.cumsum(0) - 1) / torch.arange(1, len(point) + 1, device=point.device)
    # The excess of the largest support whose smallest member stays positive.
    return (point - excess[(ordered > excess).sum() - 1]).clamp(min=0)
