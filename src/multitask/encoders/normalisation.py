"""Images as pretrained weights know them: less their mean, by their deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Normalisation(nn.Module):
    """Takes a mean off each channel and divides by a deviation; by default it changes nothing.

    Both travel with the weights, so that a model from a checkpoint sees images as it did before.

    Args:
        channels: of the images.
    """

    mean: Tensor
    deviation: Tensor
    is_set: bool
    """Whether it changes anything."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.is_set = False

    def set(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        """Normalise by these.

        Args:
            mean: of each channel that the weights were trained on, of images from 0 to 1.
            deviation: likewise. For images of one channel both are averaged, and for other numbers
                of channels repeated, as timm does with weights.
        """
        for buffer, values in ((self.mean, mean), (self.deviation, deviation)):
            known, size = torch.tensor(list(values), dtype=buffer.dtype), len(buffer)
            if size == 1:
                known = known.mean(0, keepdim=True)
            buffer.copy_(known.repeat(-(-size // len(known)))[:size])
        self.is_set = True

    def clear(self) -> None:
        """Change nothing."""
        self.mean.zero_()
        self.deviation.fill_(1)
        self.is_set = False

    def forward(self, image: Tensor) -> Tensor:
        if not self.is_set:
            return image
        mean, deviation = (each.view(1, -1, 1, 1) for each in (self.mean, self.deviation))
        return (image - mean.to(image.dtype)) / deviation.to(image.dtype)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *rest: Any, **options: Any
    ) -> None:
        # Checkpoints that have none were trained without.
        if f"{prefix}mean" not in state_dict:
            self.clear()
            state_dict = {
                **state_dict,
                f"{prefix}mean": self.mean,
                f"{prefix}deviation": self.deviation,
            }
        super()._load_from_state_dict(state_dict, prefix, *rest, **options)
        self.is_set = bool(self.mean.any() or (self.deviation != 1).any())
