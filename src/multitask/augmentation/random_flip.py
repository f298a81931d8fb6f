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

    def forward(self, images: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        flips = draws[:, 0] < self.p
        sign, width = 1 - 2 * flips.float(), images.shape[3]
        one, zero = torch.ones_like(sign), torch.zeros_like(sign)
        return _flipped(images, flips, 3), stretches(sign, width * flips.float(), one, zero)


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

    def forward(self, images: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        flips = draws[:, 0] < self.p
        sign, height = 1 - 2 * flips.float(), images.shape[2]
        one, zero = torch.ones_like(sign), torch.zeros_like(sign)
        return _flipped(images, flips, 2), stretches(one, zero, sign, height * flips.float())


def _flipped(images: Tensor, flips: Tensor, axis: int) -> Tensor:
    # To choose whole images out of both is several times as fast as to choose pixels.
    both = torch.cat([images, images.flip(axis)])
    count = len(images)
    return both.index_select(0, torch.arange(count, device=images.device) + count * flips)
