"""Normalisation of images for pretrained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Normalisation(nn.Module):
    """Subtracts a mean from each channel and divides by a deviation; initially the identity.

    Both are stored with the weights, so a model from a checkpoint normalises images as before.

    Args:
        channels: channels of the images.
    """

    mean: Tensor
    deviation: Tensor
    is_set: bool
    """Whether it normalises."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.is_set = False

    def set(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        """Set the mean and the standard deviation.

        Args:
            mean: mean of each channel that the weights were trained on, for images from 0 to 1.
            deviation: standard deviation, likewise. For images with one channel both are averaged;
                for other numbers of channels they are repeated, as timm does with weights.
        """
        for buffer, values in ((self.mean, mean), (self.deviation, deviation)):
            known, size = torch.tensor(list(values), dtype=buffer.dtype), len(buffer)
            if size == 1:
                known = known.mean(0, keepdim=True)
            buffer.copy_(known.repeat(-(-size // len(known)))[:size])
        self.is_set = True

    def clear(self) -> None:
        """Turn normalisation off."""
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
        # Checkpoints without it were trained without normalisation.
        if f"{prefix}mean" not in state_dict:
            self.clear()
            state_dict = {
                **state_dict,
                f"{prefix}mean": self.mean,
                f"{prefix}deviation": self.deviation,
            }
        super()._load_from_state_dict(state_dict, prefix, *rest, **options)
        self.is_set = bool(self.mean.any() or (self.deviation != 1).any())
