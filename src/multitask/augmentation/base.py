"""What all augmentations share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import isinf
from typing import Literal

from torch import Tensor, nn

from multitask.errors import InputError


class Augmentation(nn.Module, ABC):
    """Changes each image, or each text, of a batch by random numbers of its own.

    All randomness comes from the numbers that it is given, so that a sample is changed in the same
    way in any batch and on any process.

    Attributes:
        acts_on: what it changes; for texts see `multitask.augmentation.text.TextAugmentation`.
        draws: how many random numbers one sample needs.
        moves: whether it moves what the image shows, so that targets may have to follow.
    """

    acts_on: Literal["image", "text"] = "image"
    draws: int
    moves: bool

    @abstractmethod
    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """Change each image.

        Args:
            images: shape ``[batch, channels, height, width]``, uint8 or floating from 0 to 1.
            draws: uniform from 0 to below 1, shape ``[batch, self.draws]``, float32.

        Returns:
            The images, of the same dtype.
        """

    def matrix(self, draws: Tensor, height: int, width: int) -> Tensor:
        """Tell where the same numbers move what the images show; asked only where ``moves``.

        Args:
            draws: see `forward`.
            height: of the images, in pixels.
            width: of the images, in pixels.

        Returns:
            Matrices that map a point's place before to its place after, shape ``[batch, 2, 3]``,
            float32. Places are in pixels, right and down of the image's top left corner, so that
            the middle of the first pixel is (0.5, 0.5).
        """
        raise NotImplementedError(f"{type(self).__name__} moves images: it needs a matrix")


def check_probability(name: str, value: float) -> None:
    """Refuse what is not a probability.

    Args:
        name: what people call it.
        value: what they gave.
    """
    if not 0 <= value <= 1:
        raise InputError(f"{name} is {value}; give a probability, from 0 to 1")


def check_range(name: str, value: tuple[float, float], low: float, high: float) -> None:
    """Refuse a range that is upside down or has an end that cannot be.

    Args:
        name: what people call it.
        value: its two ends.
        low: its ends are above this.
        high: its ends are at most this, and finite.
    """
    if len(value) != 2 or not low < value[0] <= value[1] <= high or isinf(value[1]):
        most = f" and at most {high:g}" if high < float("inf") else ""
        raise InputError(
            f"{name} is {list(value)}; give two finite numbers above {low:g}{most}, the smaller "
            "one first"
        )
