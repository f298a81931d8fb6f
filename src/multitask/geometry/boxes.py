"""Targets that are rectangles in the image."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry
from multitask.geometry.points import mapped


class Boxes(Geometry):
    """Left, top, right and bottom, in pixels of the image's top left corner, once or repeatedly.

    A box becomes the bounds of its four corners, so a box that turns grows. It may come to lie
    outside the image.
    """

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        if target.ndim < 2 or target.shape[1] % 4:
            size = target.shape[1] if target.ndim > 1 else 1
            raise InputError(
                "Boxes are left, top, right and bottom, but a target has "
                f"{size} number{'s' if size > 1 else ''}; give 4 for each box"
            )
        corners = target.unflatten(1, (-1, 4))[:, :, [0, 1, 2, 1, 2, 3, 0, 3]]
        moved = mapped(corners.unflatten(2, (4, 2)).flatten(1, 2), matrix)
        moved = moved.unflatten(1, (-1, 4))
        return torch.cat([moved.amin(2), moved.amax(2)], 2).flatten(1)
