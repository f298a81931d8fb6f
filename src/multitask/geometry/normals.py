"""Targets that are maps of surface normals."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from multitask.errors import InputError
from multitask.geometry.length import determinant
from multitask.geometry.pixel_map import PixelMap


class Normals(PixelMap):
    """A surface normal for each pixel, which moves with it and turns as the surface does.

    Channels are x (to the right), y (down) and z (to the viewer) of vectors of length 1, shape
    ``[batch, 3, height, width]``, NaN where missing. If an image is turned or mirrored, normals are
    too. If it is enlarged as a whole they stay, as if one stood nearer. If it is stretched in one
    direction, slopes in this direction fall: x and y are multiplied by the inverse transpose of the
    image's matrix (without what it enlarges as a whole), and the vector gets length 1 again.
    """

    def __init__(self) -> None:
        super().__init__()

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        if target.ndim != 4 or target.shape[1] != 3 or not target.is_floating_point():
            raise InputError(
                "Normals are maps of x, y and z, floats of shape [samples, 3, height, width], but "
                f"the targets are {target.dtype} of shape {list(target.shape)}"
            )
        x, y, z = super().follow(target, matrix, before, after).unbind(1)
        area = determinant(matrix)
        weights = matrix[:, :, :2].flatten(1) * (area.sign() / area.abs().sqrt()).unsqueeze(1)
        xx, xy, yx, yy = weights.to(target.dtype)[:, :, None, None].unbind(1)
        return normalize(torch.stack([yy * x - yx * y, xx * y - xy * x, z], 1), dim=1)
