"""Random erasing of rectangles in images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from multitask.augmentation.base import Augmentation, check_probability, check_range
from multitask.augmentation.pixels import fill_value
from multitask.augmentation.random_box import BOX_DRAWS, random_box


class RandomErasing(Augmentation):
    """Erases a rectangle in some of the images (Zhong et al., 2020).

    Args:
        p: probability for each image.
        scale: smallest and largest area of the rectangle, as a fraction of the image's area.
        ratio: smallest and largest ratio of width to height; a rectangle that would be wider or
            higher than the image is clipped to it.
        fill: brightness of the rectangle, from 0 to 1.
    """

    draws = 1 + BOX_DRAWS
    moves = False

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        fill: float = 0.0,
    ) -> None:
        super().__init__()
        check_probability("p", p)
        check_range("scale", scale, 0, 1)
        check_range("ratio", ratio, 0, math.inf)
        check_probability("fill", fill)
        self.p, self.scale, self.ratio, self.fill = p, scale, ratio, fill

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        height, width = images.shape[2:]
        box = random_box(draws[:, 1:], height, width, self.scale, self.ratio)
        left, top, box_width, box_height = (each[:, None, None, None] for each in box)
        x = torch.arange(width, device=images.device)
        y = torch.arange(height, device=images.device).view(-1, 1)
        inside = (x >= left) & (x < left + box_width) & (y >= top) & (y < top + box_height)
        erased = inside & (draws[:, 0] < self.p).view(-1, 1, 1, 1)
        return images.masked_fill(erased, fill_value(images, self.fill))
