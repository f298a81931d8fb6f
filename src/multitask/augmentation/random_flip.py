"""Mirrored images."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.augmentation.base import Augmentation, check_probability
from multitask.augmentation.matrices import stretches


class RandomHorizontalFlip(Augmentation):
    """Exchanges left and right, in some of the images.

    Args:
        p: probability for each image.
    """

    draws = 1
    moves = True

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_probability("p", p)
        self.p = p

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        return _flipped(images, draws[:, 0] < self.p, 3)

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        flips = (draws[:, 0] < self.p).float()
        return stretches(1 - 2 * flips, width * flips, torch.ones_like(flips), 0 * flips)


class RandomVerticalFlip(Augmentation):
    """Exchanges top and bottom, in some of the images.

    Args:
        p: probability for each image.
    """

    draws = 1
    moves = True

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_probability("p", p)
        self.p = p

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        return _flipped(images, draws[:, 0] < self.p, 2)

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        flips = (draws[:, 0] < self.p).float()
        return stretches(torch.ones_like(flips), 0 * flips, 1 - 2 * flips, height * flips)


def _flipped(images: Tensor, flips: Tensor, axis: int) -> Tensor:
    # To choose whole images out of both is several times as fast as to choose pixels.
    both = torch.cat([images, images.flip(axis)])
    count = len(images)
    return both.index_select(0, torch.arange(count, device=images.device) + count * flips)
