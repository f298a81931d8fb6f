"""Gradients of 0 for parameters that no loss reaches."""

from __future__ import annotations

from torch import Tensor, nn


def zero_of(part: nn.Module) -> Tensor | int:
    """0, which leaves each parameter a gradient of 0, since DDP waits for every gradient.

    Args:
        part: whose parameters may be of no use to any loss.
    """
    return sum(each.flatten()[0] * 0 for each in part.parameters())
