"""Random changes of brightness, contrast and saturation."""

from __future__ import annotations

from torch import Tensor

from multitask.augmentation.base import Augmentation
from multitask.augmentation.pixels import to_floats, to_type_of
from multitask.errors import InputError

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in perceived brightness (ITU-R BT.601)."""


class ColorJitter(Augmentation):
    """Multiplies brightness, contrast and saturation, in this order, each by a random factor.

    A factor is uniform between 1 minus and 1 plus the given value, and at least 0. Brightness is
    the distance of each pixel from black, contrast its distance from the image's mean grey, and
    saturation its distance from the pixel's grey.

    Args:
        brightness: largest difference of its factor from 1.
        contrast: largest difference of its factor from 1.
        saturation: largest difference of its factor from 1; only for images with 3 channels.
    """

    draws = 3
    moves = False

    def __init__(
        self, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0
    ) -> None:
        super().__init__()
        given = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        for name, value in given.items():
            if not 0 <= value < float("inf"):
                raise InputError(f"{name} is {value}; give 0 or more")
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        channels = images.shape[1]
        if self.saturation and channels != 3:
            raise InputError(
                f"ColorJitter: saturation is {self.saturation}, which needs 3 channels, but the "
                f"images have {channels}; remove it"
            )
        bright, contrasting, saturated = draws[:, :, None, None, None].unbind(1)
        floats = to_floats(images)
        if self.brightness:
            floats = (floats * _factor(bright, self.brightness)).clamp(0, 1)
        if self.contrast:
            # One axis at a time, because the order of summation over both may depend on the batch.
            mean = _grey(floats).mean(3, keepdim=True).mean(2, keepdim=True)
            floats = _blended(floats, mean, _factor(contrasting, self.contrast))
        if self.saturation:
            floats = _blended(floats, _grey(floats), _factor(saturated, self.saturation))
        return to_type_of(images, floats)


def _factor(draws: Tensor, spread: float) -> Tensor:
    low = max(0.0, 1 - spread)
    return low + (1 + spread - low) * draws


def _grey(floats: Tensor) -> Tensor:
    if floats.shape[1] != 3:
        return floats.mean(1, keepdim=True)
    red, green, blue = floats.split(1, 1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def _blended(floats: Tensor, base: Tensor, factor: Tensor) -> Tensor:
    return (base + factor * (floats - base)).clamp(0, 1)
