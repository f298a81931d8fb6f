"""What a network computed lately, on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multitask.sharing.base import Mixing

RATE = 0.01
"""How much the newest batch counts: the mean is one of about the last hundred."""


class RecentMean(nn.Module):
    """A moving average over training batches, in which all of the first few count alike.

    It is kept in buffers, so that a checkpoint has it, and a trial leaves no trace in it. Each
    process averages over its own samples; DDP hands the first one's mean to all before a batch.

    Args:
        size: how many numbers a sample has.
    """

    mean: Tensor
    seen: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("seen", torch.zeros(()))

    @torch.no_grad()
    def update(self, values: Tensor) -> None:
        """Count a batch in, if the module is in training mode.

        Args:
            values: shape ``[batch, size]``.
        """
        if self.training and len(values):
            self.mean.lerp_(values.mean(0).to(self.mean), RATE)
            self.seen.lerp_(torch.ones_like(self.seen), RATE)

    def value(self) -> Tensor | None:
        """The mean, shape ``[size]``, float32 on the CPU; None before the first batch."""
        seen = float(self.seen)
        return (self.mean / seen).float().cpu() if seen else None

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *rest: Any, **options: Any
    ) -> None:
        # Checkpoints that have none are from before it was kept.
        own = {f"{prefix}{name}": torch.zeros_like(each) for name, each in self.named_buffers()}
        super()._load_from_state_dict({**own, **state_dict}, prefix, *rest, **options)


def recent_mixing(
    place: str, means: Sequence[Sequence[RecentMean]], parts: Sequence[str]
) -> dict[str, Mixing]:
    """What tasks took of some parts lately.

    Args:
        place: of the parts in the model.
        means: of each task, means whose numbers side by side are the parts'.
        parts: what they are called.

    Returns:
        By place; empty before each of the means has seen a training batch.
    """
    shares: list[Tensor] = []
    for row in means:
        known = [value for each in row if (value := each.value()) is not None]
        if len(known) < len(row):
            return {}
        shares.append(torch.cat(known))
    return {place: Mixing(torch.stack(shares), list(parts))}
