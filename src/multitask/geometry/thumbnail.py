"""Targets that are upright pictures of the image's object."""

from __future__ import annotations

from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry
from multitask.geometry.length import determinant


class Thumbnail(Geometry):
    """Pixels, row by row, of an upright picture of an object that the image shows transformed.

    Rotation, translation and scaling of the image do not change it. If the image is mirrored, so is
    its object: left and right of the thumbnail are swapped. Mirroring top and bottom equals
    mirroring left and right followed by a rotation by 180°, so this holds for both. Together with
    `Angle` (zero up), both targets stay consistent.

    Args:
        width: number of pixels in a row.
    """

    def __init__(self, width: int) -> None:
        if width < 1:
            raise InputError(f"width is {width}; give at least 1")
        self.width = width

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        if target.ndim < 2 or target.shape[1] % self.width:
            size = target.shape[1] if target.ndim > 1 else 1
            raise InputError(
                f"a Thumbnail has rows of {self.width} numbers, but a target has {size}; set "
                "width to a divisor of it"
            )
        mirrored = target.unflatten(1, (-1, self.width)).flip(2).flatten(1)
        return mirrored.where(determinant(matrix).unsqueeze(1) < 0, target)
