"""Random mirroring of images."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.augmentation.base import Augmentation, check_probability
from multitask.augmentation.matrices import stretches


class _RandomFlip(Augmentation):
    draws = 1
    moves = True
    axis: int

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_probability("p", p)
        self.p = p

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        # Choosing whole images from both versions is several times as fast as choosing pixels.
        both = torch.cat([images, images.flip(self.axis)])
        count = len(images)
        chosen = torch.arange(count, device=images.device) + count * (draws[:, 0] < self.p)
        return both.index_select(0, chosen)

    def _mirror(self, draws: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the factor and shift along the axis, and a shift of 0 along the other axis."""
        flips = (draws[:, 0] < self.p).float()
        return 1 - 2 * flips, side * flips, torch.zeros_like(flips)


class RandomHorizontalFlip(_RandomFlip):
    """Swaps left and right in some of the images.

    Args:
        p: probability for each image.
    """

    axis = 3

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        factor, shift, none = self._mirror(draws, width)
        return stretches(factor, shift, none + 1, none)


class RandomVerticalFlip(_RandomFlip):
    """Swaps top and bottom in some of the images.

    Args:
        p: probability for each image.
    """

    axis = 2

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        factor, shift, none = self._mirror(draws, height)
        return stretches(none + 1, none, factor, shift)
