"""Random crops, resized to the image's size."""

from __future__ import annotations

import math

from torch import Tensor

from multitask.augmentation.base import Augmentation, check_range
from multitask.augmentation.matrices import stretches
from multitask.augmentation.random_box import BOX_DRAWS, random_box
from multitask.augmentation.warp import warped


class RandomResizedCrop(Augmentation):
    """Crops a random rectangle of each image and resizes it to the image's size.

    Args:
        scale: smallest and largest area of the rectangle, as a fraction of the image's area.
        ratio: smallest and largest ratio of width to height; a rectangle that would be wider or
            higher than the image is clipped to it.
    """

    draws = BOX_DRAWS
    moves = True

    def __init__(
        self,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        super().__init__()
        check_range("scale", scale, 0, 1)
        check_range("ratio", ratio, 0, math.inf)
        self.scale, self.ratio = scale, ratio

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        return warped(images, self.matrix(draws, *images.shape[2:]), padding="border")

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        left, top, box_width, box_height = random_box(draws, height, width, self.scale, self.ratio)
        across, down = width / box_width, height / box_height
        return stretches(across, -left * across, down, -top * down)
