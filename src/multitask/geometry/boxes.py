"""Targets that are rectangles in the image."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry
from multitask.geometry.points import weighed


class Boxes(Geometry):
    """Left, top, right, bottom in pixels from the image's top left corner, for one or more boxes.

    A box becomes the bounding box of its four moved corners, so a rotated box grows. It may lie
    outside the image. A missing side affects only the sides that depend on it.
    """

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        if target.ndim < 2 or target.shape[1] % 4:
            size = target.shape[1] if target.ndim > 1 else 1
            raise InputError(
                "Boxes are left, top, right and bottom, but a target has "
                f"{size} number{'s' if size > 1 else ''}; give 4 for each box"
            )
        low, high = target.unflatten(1, (-1, 2, 2)).unbind(2)
        # The left side of a box becomes its right side in a mirror image.
        linear, shift = matrix[:, None, :, :2], matrix[:, None, :, 2]
        forward, backward = linear.clamp(min=0), linear.clamp(max=0)
        first = weighed(forward, low) + weighed(backward, high) + shift
        last = weighed(forward, high) + weighed(backward, low) + shift
        return torch.cat([first, last], 2).flatten(1)
