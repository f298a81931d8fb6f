"""Fixed weights."""

from __future__ import annotations

from torch import Tensor

from multitask.balancing.base import Balancer


class FixedWeights(Balancer):
    """The sum of the losses, each times its task's ``weight`` (default: 1).

    A task without labels in the batch adds nothing. Tuned weights are a strong baseline for any
    method (Kurin et al., 2022, arXiv 2201.04122).
    """

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        return losses.sum()
