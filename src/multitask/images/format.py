"""The size and format that all images are converted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from multitask.errors import InputError, nearest

Fit = Literal["stretch", "crop", "pad"]
Size = tuple[int, int]
"""Height and width."""


def size_of(image_size: int | Sequence[int]) -> Size:
    """Return height and width from an argument ``image_size``.

    Args:
        image_size: one side in pixels, or height and width.

    Raises:
        InputError: if it is neither.
    """
    sides = [image_size, image_size] if isinstance(image_size, int) else list(image_size)
    if len(sides) != 2 or min(sides) < 1:
        raise InputError(f"image_size is {image_size}; give one side in pixels, or [height, width]")
    return sides[0], sides[1]


@dataclass(frozen=True)
class ImageFormat:
    """The format of all images: uint8, shape ``[channels, height, width]``.

    Args:
        height: height in pixels.
        width: width in pixels.
        channels: 1 for grey, 3 for red, green and blue.
        fit: how to handle another aspect ratio: ``stretch`` the image, ``crop`` the longer side, or
            ``pad`` the shorter side with black, equally on both ends.
        white: the value of 16-bit grey images that is mapped to white, the same for all images.
        most_pixels: a file whose header specifies more pixels is not decoded.

    Raises:
        InputError: for an invalid value.
    """

    height: int
    width: int
    channels: int = 3
    fit: Fit = "stretch"
    white: int = 65_535
    most_pixels: int = 89_478_485

    def __post_init__(self) -> None:
        for name in ("height", "width", "white", "most_pixels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.channels not in (1, 3):
            raise InputError(f"channels is {self.channels}; give 1 (grey) or 3 (colour)")
        if self.fit not in get_args(Fit):
            raise InputError(f"fit is {self.fit!r}{nearest(str(self.fit), get_args(Fit))}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)``."""
        return self.channels, self.height, self.width
