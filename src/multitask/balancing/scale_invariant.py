"""The sum of the losses' logarithms."""

from __future__ import annotations

from torch import Tensor
from torchjd.scalarization import Scalarizer


class ScaleInvariant(Scalarizer):
    """Sums the logarithms of the losses, so that their scales do not matter.

    Losses must not be negative.

    Args:
        epsilon: lower bound of the losses.
    """

    def __init__(self, epsilon: float = 1e-8) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, values: Tensor, /) -> Tensor:
        return values.clamp(min=self.epsilon).log().sum()
