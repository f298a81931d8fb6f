"""The base class of all augmentations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import isinf
from typing import Literal

from torch import Tensor, nn

from multitask.errors import InputError


class Augmentation(nn.Module, ABC):
    """Changes each image or text of a batch according to random numbers.

    All randomness comes from the numbers passed in, so a sample is changed in the same way in any
    batch and on any process.

    Attributes:
        acts_on: what it changes; for texts see `multitask.augmentation.text.TextAugmentation`.
        draws: number of random numbers needed per sample.
        moves: whether it moves the content of the image, so that targets may have to follow.
    """

    acts_on: Literal["image", "text"] = "image"
    draws: int
    moves: bool

    @abstractmethod
    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """Change each image.

        Args:
            images: shape ``[batch, channels, height, width]``, uint8 or floating from 0 to 1.
            draws: uniform in [0, 1), shape ``[batch, self.draws]``, float32.

        Returns:
            The images, of the same dtype.
        """

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        """Return where the same numbers move image content; called only if ``moves``.

        Args:
            draws: see `forward`.
            height: height of the images in pixels.
            width: width of the images in pixels.

        Returns:
            Matrices that map a point's position before the change to its position after it, shape
            ``[batch, 2, 3]``, float32. Positions are in pixels, right and down of the image's top
            left corner, so that the middle of the first pixel is (0.5, 0.5).
        """
        raise NotImplementedError(f"{type(self).__name__} moves images, so it needs a matrix")


def check_probability(name: str, value: float) -> None:
    """Refuse a value that is not a probability.

    Args:
        name: the parameter's name, for the message.
        value: the value given.
    """
    if not 0 <= value <= 1:
        raise InputError(f"{name} is {value}; give a probability, from 0 to 1")


def check_range(name: str, value: tuple[float, float], low: float, high: float) -> None:
    """Refuse a range that is reversed or has an invalid end.

    Args:
        name: the parameter's name, for the message.
        value: its two ends.
        low: both ends must be above this.
        high: both ends must be at most this, and finite.
    """
    if len(value) != 2 or not low < value[0] <= value[1] <= high or isinf(value[1]):
        most = f" and at most {high:g}" if high < float("inf") else ""
        raise InputError(
            f"{name} is {list(value)}; give two finite numbers above {low:g}{most}, the smaller "
            "one first"
        )
