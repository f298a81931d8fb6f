"""Positions of points of an image after resizing."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.geometry import Geometry
from multitask.geometry.moved_targets import followed
from multitask.images.format import ImageFormat


def resizing_matrices(sizes: Tensor, format: ImageFormat) -> Tensor:
    """Return matrices of how `multitask.images.decoding.decode` moves image content.

    Args:
        sizes: heights and widths of the images before, shape ``[images, 2]``, at least 1.
        format: the format that they are converted to.

    Returns:
        Where a point at (x, y) moves, in pixels right and down of the image's top left corner,
        shape ``[images, 2, 3]``, float64.
    """
    # Width before height, as x comes before y.
    before = sizes.double().flip(1)
    after = torch.tensor([format.width, format.height], dtype=torch.float64)
    if format.fit == "crop":
        scale = (after / before).amax(1, keepdim=True).expand_as(before)
        shift = (after - scale * before) / 2
    elif format.fit == "pad":
        inner = (before * (after / before).amin(1, keepdim=True)).round().clamp(min=1)
        inner = inner.minimum(after)
        scale, shift = inner / before, ((after - inner) / 2).floor()
    else:
        scale, shift = after / before, torch.zeros_like(before)
    return torch.cat([torch.diag_embed(scale), shift.unsqueeze(2)], 2)


def resized(target: Tensor, sizes: Tensor, format: ImageFormat, geometry: Geometry) -> Tensor:
    """Let targets in pixels of the original images follow the resizing.

    Args:
        target: shape ``[images]`` or ``[images, size]``, floating, NaN where missing.
        sizes: see `resizing_matrices`.
        format: the format that the images are converted to.
        geometry: how the targets follow.

    Returns:
        The moved targets, with the target's shape and dtype.

    Raises:
        InputError: if targets of that size cannot follow this geometry.
    """
    after = torch.tensor([format.height, format.width], dtype=torch.float64).expand(len(sizes), 2)
    matrices = resizing_matrices(sizes, format)
    return followed(geometry, target, matrices, sizes, after)
