"""Moving averages of values that a network computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multitask.sharing.base import Mixing

RATE = 0.01
"""Weight of the newest batch: the mean covers about the last hundred batches."""


class RecentMean(nn.Module):
    """A moving average over training batches, in which the first few have equal weights.

    It is stored in buffers, so that checkpoints include it, and a trial leaves no trace in it. Each
    process averages over its own samples; DDP broadcasts the mean of the first process before a
    batch.

    Args:
        size: number of values of a sample.
    """

    mean: Tensor
    seen: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("seen", torch.zeros(()))

    @torch.no_grad()
    def update(self, values: Tensor) -> None:
        """Update with a batch, if the module is in training mode.

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
        # Older checkpoints do not have one.
        own = {f"{prefix}{name}": torch.zeros_like(each) for name, each in self.named_buffers()}
        super()._load_from_state_dict({**own, **state_dict}, prefix, *rest, **options)


def recent_mixing(
    place: str, means: Sequence[Sequence[RecentMean]], parts: Sequence[str]
) -> dict[str, Mixing]:
    """Recent mean shares of some parts for each task.

    Args:
        place: place of the parts in the model.
        means: for each task, means whose concatenated values are those of the parts.
        parts: names of the parts.

    Returns:
        By place; empty until all means have seen a training batch.
    """
    shares: list[Tensor] = []
    for row in means:
        known = [value for each in row if (value := each.value()) is not None]
        if len(known) < len(row):
            return {}
        shares.append(torch.cat(known))
    return {place: Mixing(torch.stack(shares), list(parts))}
