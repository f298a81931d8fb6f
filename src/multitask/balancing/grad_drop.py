"""GradDrop at the shared features, as in its paper."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torchjd.aggregation import Aggregator

from multitask.distributed import world_size


class GradDrop(Aggregator):
    """Keeps, for each feature, gradients of one sign, drawn by the purity of the signs.

    Chen et al., 2020 (arXiv 2010.06808), section 3.2: at the representation, the gradients are
    multiplied by the signs of the activations and summed over the batch before the signs are
    compared, so all samples share a mask. The version of torchjd compares signs elementwise.

    Args:
        leak: share of each gradient that is always kept, from 0 to 1.
    """

    def __init__(self, leak: float = 0.0) -> None:
        super().__init__()
        self.leak = leak

    def forward(self, matrix: Tensor, /) -> Tensor:
        one_sample = matrix.unsqueeze(1)
        return self.at(one_sample, torch.ones_like(one_sample[0]))[0]

    def at(self, gradients: Tensor, activations: Tensor) -> Tensor:
        """Combine gradients at activations.

        Args:
            gradients: shape ``[tasks, batch, ...]``.
            activations: shape ``[batch, ...]``.

        Returns:
            Shape ``[batch, ...]``.
        """
        signed = (gradients * activations.sign()).sum(1)
        if world_size() > 1:
            dist.all_reduce(signed)
        size = signed.abs().sum(0)
        purity = torch.where(size > 0, (1 + signed.sum(0) / size) / 2, 0.5)
        # Drawn on the CPU, where the balancer has seeded the random numbers of this step.
        keeps_positive = purity > torch.rand(purity.shape, dtype=purity.dtype).to(purity.device)
        kept = torch.where(keeps_positive, signed > 0, signed < 0)
        return ((self.leak + (1 - self.leak) * kept.unsqueeze(1)) * gradients).sum(0)
