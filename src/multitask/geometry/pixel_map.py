"""Targets that are maps of the image: a class or numbers for each pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry
from multitask.geometry.length import determinant
from multitask.missing_labels import missing_mark


class PixelMap(Geometry):
    """A class or numbers for each pixel, which move with the pixels of the image.

    Each pixel of the new map is a copy of the nearest pixel to its source, and is missing if the
    source lies outside the image. Targets have shape ``[batch, height, width]`` or ``[batch,
    channels, height, width]`` and any dtype that can mark missing values (see
    `multitask.missing_labels`). A map may be coarser than its image; it keeps its size.

    Args:
        scaled: how a pixel's value changes when the image is enlarged: 0 if it does not change, -1
            if it shrinks, as a depth does, 1 if it grows, as a disparity or a distance in pixels
            does. The factor is the square root of the growth of areas.
        vector: whether the first two channels are x (to the right) and y (down) of a direction
            along the image, such as a movement, which rotates and is mirrored with the image and
            keeps its length. For surface normals see `multitask.geometry.Normals`.

    Raises:
        InputError: if ``scaled`` is not -1, 0 or 1.
    """

    takes_maps = True

    def __init__(self, scaled: int = 0, vector: bool = False) -> None:
        if scaled not in (-1, 0, 1):
            raise InputError(f"scaled is {scaled}; give -1 (depth), 0 or 1 (disparity)")
        self.scaled, self.vector = scaled, vector

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        self._refuse_others(target)
        moved = _moved(target, *_sources(target.shape[-2:], matrix, before, after))
        if self.scaled:
            factor = determinant(matrix).abs().sqrt() ** self.scaled
            moved = moved * factor.to(moved.dtype).view(-1, *[1] * (moved.ndim - 1))
        return _turned(moved, matrix) if self.vector else moved

    def _refuse_others(self, target: Tensor) -> None:
        if target.ndim not in (3, 4):
            raise InputError(
                f"a PixelMap has shape [samples, height, width] or [samples, channels, height, "
                f"width], but the targets have {target.ndim} "
                f"{'axis' if target.ndim == 1 else 'axes'}; give maps, or another geometry"
            )
        if missing_mark(target.dtype) is None:
            raise InputError(
                f"pixels that come from outside the image are missing, but targets of "
                f"{target.dtype} cannot be marked as missing; give class numbers as int64 or "
                "uint8, or floats"
            )
        if (self.scaled or self.vector) and not target.is_floating_point():
            raise InputError(
                "scaled and vector are for floating-point maps, but the targets are "
                f"{target.dtype}; remove them"
            )
        if self.vector and (target.ndim == 3 or target.shape[1] < 2):
            raise InputError(
                "vector is for maps with two channels or more, x and y first, shape [samples, "
                f"channels, height, width], but the targets have shape {list(target.shape)}"
            )


def _sources(
    size: torch.Size, matrix: Tensor, before: Tensor, after: Tensor
) -> tuple[Tensor, Tensor]:
    """Find the map's pixel that each pixel comes from, and whether it lies inside.

    Args:
        size: height and width of the map.
        matrix: where points of the image move, shape ``[batch, 2, 3]``.
        before: heights and widths of the images before the change, shape ``[batch, 2]``.
        after: heights and widths after the change, likewise.

    Returns:
        Flat indices ``[batch, height * width]``, int64, and a mask ``[batch, height * width]``.
    """
    height, width = size
    across = (torch.arange(width, device=matrix.device) + 0.5).view(1, 1, -1)
    down = (torch.arange(height, device=matrix.device) + 0.5).view(1, -1, 1)
    (top, left), (bottom, right) = (each[:, :, None, None].unbind(1) for each in (before, after))
    xx, xy, x, yx, yy, y = matrix.flatten(1)[:, :, None, None].unbind(1)
    # Sums of products instead of a matrix product, whose last digit may depend on the batch.
    across, down = across * (right / width) - x, down * (bottom / height) - y
    area = xx * yy - xy * yx
    column = ((yy * across - xy * down) / area * (width / left)).floor()
    row = ((xx * down - yx * across) / area * (height / top)).floor()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    places = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    return places.long().flatten(1), inside.flatten(1)


def _moved(target: Tensor, places: Tensor, inside: Tensor) -> Tensor:
    """Copy each pixel from its source, in the target's shape and dtype."""
    pixels = target.flatten(-2)
    if target.ndim == 4:
        places, inside = (each.unsqueeze(1).expand_as(pixels) for each in (places, inside))
    found = pixels.gather(-1, places)
    return found.masked_fill(~inside, missing_mark(target.dtype) or 0).view_as(target)


def _turned(moved: Tensor, matrix: Tensor) -> Tensor:
    x, y = moved[:, 0], moved[:, 1]
    xx, xy, yx, yy = (each.to(moved.dtype) for each in matrix[:, :, :2].flatten(1).unbind(1))
    new_x = xx.view(-1, 1, 1) * x + xy.view(-1, 1, 1) * y
    new_y = yx.view(-1, 1, 1) * x + yy.view(-1, 1, 1) * y
    # A vector of length 0 has no direction and does not change.
    length, new = (x * x + y * y).sqrt(), (new_x * new_x + new_y * new_y).sqrt()
    factor = torch.where(new == 0, 1.0, length / new)
    return torch.cat([torch.stack([new_x * factor, new_y * factor], 1), moved[:, 2:]], 1)
