"""Targets that are lists of boxes in the image, each with a class."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry
from multitask.geometry.boxes import Boxes


class BoxLists(Geometry):
    """Class, left, top, right and bottom of each box, in pixels from the image's top left corner.

    Targets have shape ``[batch, boxes, 5]``, floating. Rows without a box have class -1 and zeros.
    A sample of only NaN is unlabelled and stays so. Boxes move as in `Boxes` and are then clipped
    to the image. A box of which too little remains inside becomes a row without a box, because its
    object is no longer visible.

    Args:
        visible: least fraction of a moved box's area that must lie inside the image, from 0 to 1;
            if 0, every box stays that is not wholly outside.

    Raises:
        InputError: if ``visible`` is not from 0 to 1.
    """

    takes_maps = True

    def __init__(self, visible: float = 0.25) -> None:
        if not 0 <= visible <= 1:
            raise InputError(f"visible is {visible}; give a share of a box's area from 0 to 1")
        self.visible = visible

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        if target.ndim != 3 or target.shape[2] != 5 or not target.is_floating_point():
            raise InputError(
                "BoxLists have shape [samples, boxes, 5] (class, left, top, right and bottom) and "
                f"floating-point numbers, but the targets are {target.dtype} of shape "
                f"{list(target.shape)}"
            )
        exact = target.to(torch.promote_types(target.dtype, matrix.dtype))
        kind, sides = exact[:, :, :1], exact[:, :, 1:]
        moved = Boxes().follow(sides.flatten(1), matrix, before, after).view_as(sides)
        # Height and width become the largest x and y, repeated for both corners.
        most = after.flip(1).repeat(1, 2).unsqueeze(1).to(moved.dtype)
        inside = torch.minimum(moved.clamp(min=0), most)
        left = _area(inside)
        # Rounding must not drop a box that lies wholly inside.
        seen = (left > 0) & (left >= (self.visible - 1e-6) * _area(moved))
        nothing = target.new_tensor([-1.0, 0.0, 0.0, 0.0, 0.0])
        found = torch.cat([kind, inside], 2).to(target.dtype)
        found = torch.where((seen & (kind[:, :, 0] >= 0)).unsqueeze(2), found, nothing)
        return torch.where(target.isnan(), target, found)


def _area(boxes: Tensor) -> Tensor:
    """Compute the areas of boxes ``[batch, boxes, 4]``, shape ``[batch, boxes]``."""
    return (boxes[:, :, 2:] - boxes[:, :, :2]).prod(2)
