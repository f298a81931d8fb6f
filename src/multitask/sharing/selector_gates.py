"""Gates of DSelect-k, with selectors of one expert each that gradients can move."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from multitask.sharing.recent_mean import RecentMean


def smooth_step(values: Tensor, gamma: float) -> Tensor:
    """Rise from exactly 0 at ``-gamma / 2`` to exactly 1 at ``gamma / 2``, with a cubic between.

    Args:
        values: any shape.
        gamma: width of the step.
    """
    # Clamped before the cubic, so that no number overflows.
    places = (values / gamma).clamp(-0.5, 0.5)
    return 0.5 + places * (1.5 - 2 * places.square())


def selected(codes: Tensor, experts: int, gamma: float) -> Tensor:
    """Shares of the experts for each selector.

    Args:
        codes: a number for each bit of an expert's index, shape ``[..., k, bits]``.
        experts: number of experts, at most ``2 ** bits``.
        gamma: see `smooth_step`.

    Returns:
        Shape ``[..., k, experts]``, from 0 to 1; the sum over experts is 1 if there are ``2 **
        bits``.
    """
    steps = smooth_step(codes, gamma)
    found = torch.ones_like(steps[..., :1])
    for bit in range(codes.shape[-1]):
        # Not Tensor.prod, whose backward pass synchronises with the GPU.
        step = steps[..., bit : bit + 1]
        found = torch.cat([found * (1 - step), found * step], -1)
    return found[..., :experts]


class StaticGate(nn.Module):
    """A task's selectors and their shares, the same for all samples.

    Args:
        experts: number of experts.
        k: number of selectors.
        gamma: see `smooth_step`.
    """

    def __init__(self, experts: int, k: int, gamma: float) -> None:
        super().__init__()
        self.experts, self.gamma = experts, gamma
        bits = (experts - 1).bit_length()
        self.weights = nn.Parameter(torch.zeros(k))
        # With one expert there is nothing to learn.
        self.codes = nn.Parameter(_middle(torch.empty(k, bits), gamma)) if bits else None

    def selectors(self) -> Tensor:
        """Shares of the experts for each selector, shape ``[k, experts]``."""
        if self.codes is None:
            return torch.ones_like(_whole(self.weights)).unsqueeze(1)
        return selected(_whole(self.codes), self.experts, self.gamma)

    def forward(self) -> Tensor:
        """Shares of the experts for the task, shape ``[1, experts]``."""
        shares = _whole(self.weights).softmax(0).unsqueeze(1)
        return (shares * self.selectors()).sum(0, keepdim=True)


class ExampleGate(nn.Module):
    """A task's selectors and their shares, computed for each sample.

    Args:
        size: size of the representation.
        experts: number of experts, at least 2.
        k: number of selectors.
        gamma: see `smooth_step`.
    """

    def __init__(self, size: int, experts: int, k: int, gamma: float) -> None:
        super().__init__()
        self.experts, self.k, self.gamma = experts, k, gamma
        self.weights = nn.Linear(size, k)
        self.codes = nn.Linear(size, k * (experts - 1).bit_length())
        for each in self.codes.parameters():
            _middle(each, gamma)
        self.recent_shares = RecentMean(experts)

    def forward(self, representation: Tensor) -> Tensor:
        """Map ``[batch, size]`` to shares of the experts, ``[batch, experts]``."""
        codes = self.codes(representation).unflatten(1, (self.k, -1))
        of_selectors = self.weights(representation).softmax(1).unsqueeze(2)
        shares = (of_selectors * selected(codes, self.experts, self.gamma)).sum(1)
        self.recent_shares.update(shares)
        return shares


def _middle(codes: Tensor, gamma: float) -> Tensor:
    """Start near the middle of the step, where its slope is largest, each code differently."""
    return nn.init.uniform_(codes, -gamma / 100, gamma / 100)


def _whole(values: Tensor) -> Tensor:
    # Outside a step, a sharding strategy has distributed them over the processes.
    return values.full_tensor() if isinstance(values, DTensor) else values
