"""Random rotation, translation and scaling of images."""

from __future__ import annotations

import math

from torch import Tensor

from multitask.augmentation.base import Augmentation, check_probability, check_range
from multitask.augmentation.matrices import matrices
from multitask.augmentation.warp import warped
from multitask.errors import InputError


class RandomAffine(Augmentation):
    """Rotates, scales and translates each image about its centre, uniformly within each range.

    Args:
        degrees: largest rotation in either direction, in degrees.
        translate: largest translation in either direction, as a fraction of width and of height.
        scale: smallest and largest factor.
        fill: brightness, from 0 to 1, of areas that come into view.
    """

    draws = 4
    moves = True

    def __init__(
        self,
        degrees: float = 0.0,
        translate: tuple[float, float] = (0.0, 0.0),
        scale: tuple[float, float] = (1.0, 1.0),
        fill: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= degrees <= 180:
            raise InputError(f"degrees is {degrees}; give a number from 0 to 180")
        if len(translate) != 2 or not all(0 <= share <= 1 for share in translate):
            raise InputError(
                f"translate is {list(translate)}; give two shares from 0 to 1, of the width and of "
                "the height"
            )
        check_range("scale", scale, 0, math.inf)
        check_probability("fill", fill)
        self.degrees, self.translate = degrees, tuple(translate)
        self.scale, self.fill = tuple(scale), fill

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        return warped(images, self.matrix(draws, *images.shape[2:]), fill=self.fill)

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        turn, right, down = (2 * draws[:, :3] - 1).unbind(1)
        radians = turn * math.radians(self.degrees)
        factor = self.scale[0] + (self.scale[1] - self.scale[0]) * draws[:, 3]
        cosine, sine = factor * radians.cos(), factor * radians.sin()
        x, y = width / 2, height / 2
        return matrices(
            cosine,
            -sine,
            x + self.translate[0] * width * right - (cosine * x - sine * y),
            sine,
            cosine,
            y + self.translate[1] * height * down - (sine * x + cosine * y),
        )
