"""Targets that are maps of surface normals."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from multitask.errors import InputError
from multitask.geometry.length import determinant
from multitask.geometry.pixel_map import PixelMap


class Normals(PixelMap):
    """A surface normal per pixel, which moves with the pixel and rotates with the surface.

    The channels are x (to the right), y (down) and z (to the viewer) of unit vectors, shape
    ``[batch, 3, height, width]``, NaN where missing. If an image is rotated or mirrored, so are the
    normals. If it is enlarged uniformly they do not change, as if the viewer stood nearer. If it is
    stretched in one direction, slopes in this direction decrease: x and y are multiplied by the
    inverse transpose of the image's matrix (without its uniform scale), and the vector is
    normalised again.
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
