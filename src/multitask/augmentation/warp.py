"""Images moved by matrices, with interpolation between pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from multitask.augmentation.matrices import inverted
from multitask.augmentation.pixels import to_floats, to_type_of


def warped(images: Tensor, matrix: Tensor, padding: str = "zeros", fill: float = 0) -> Tensor:
    """Move the content of each image on a canvas of the same size, with bilinear interpolation.

    Args:
        images: shape ``[batch, channels, height, width]``, uint8 or floating from 0 to 1.
        matrix: where each point moves, shape ``[batch, 2, 3]``: see `Augmentation`.
        padding: outside the images, ``zeros`` for ``fill``, or ``border`` for the nearest pixel.
        fill: brightness from 0 to 1 outside the images if ``padding`` is ``zeros``.
    """
    floats = to_floats(images) - fill
    grid = _grid(inverted(matrix), images.shape[2], images.shape[3]).to(floats.dtype)
    moved = grid_sample(floats, grid, padding_mode=padding, align_corners=False)
    return to_type_of(images, moved + fill)


def _grid(back: Tensor, height: int, width: int) -> Tensor:
    """Return where each pixel comes from, from -1 to 1: ``[batch, height, width, 2]``.

    Like ``affine_grid``, but without a matrix product, whose last digit may depend on the number of
    samples.
    """
    across = (torch.arange(width, device=back.device) + 0.5).view(1, 1, -1)
    down = (torch.arange(height, device=back.device) + 0.5).view(1, -1, 1)
    xx, xy, x, yx, yy, y = back.flatten(1)[:, :, None, None].unbind(1)
    from_x = (xx * across + xy * down + x) * (2 / width) - 1
    from_y = (yx * across + yy * down + y) * (2 / height) - 1
    return torch.stack([from_x, from_y], 3)
