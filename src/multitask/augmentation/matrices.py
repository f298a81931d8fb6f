"""Matrices that map positions in an image before a change to positions after it."""

from __future__ import annotations

import torch
from torch import Tensor


def matrices(xx: Tensor, xy: Tensor, right: Tensor, yx: Tensor, yy: Tensor, down: Tensor) -> Tensor:
    """Write ``x' = xx * x + xy * y + right`` and ``y' = yx * x + yy * y + down`` as matrices.

    Args:
        xx: factor of x in x', shape ``[batch]``, float32, like all others.
        xy: factor of y in x'.
        right: shift in pixels.
        yx: factor of x in y'.
        yy: factor of y in y'.
        down: shift in pixels.

    Returns:
        Shape ``[batch, 2, 3]``.
    """
    return torch.stack([xx, xy, right, yx, yy, down], 1).view(-1, 2, 3)


def stretches(xx: Tensor, right: Tensor, yy: Tensor, down: Tensor) -> Tensor:
    """Write ``x' = xx * x + right`` and ``y' = yy * y + down`` as matrices: see `matrices`."""
    zero = torch.zeros_like(right)
    return matrices(xx, zero, right, zero, yy, down)


def composed(first: Tensor, second: Tensor) -> Tensor:
    """Compose two maps: apply ``first``, then ``second``.

    Args:
        first: shape ``[batch, 2, 3]``.
        second: the same shape.

    Returns:
        The same shape.
    """
    linear, shift = second[:, :, :2], second[:, :, 2:]
    # Sums of products instead of a library's matrix product, whose last digit may depend on the
    # number of samples.
    both = linear[:, :, :1] * first[:, :1] + linear[:, :, 1:] * first[:, 1:]
    return torch.cat([both[:, :, :2], both[:, :, 2:] + shift], 2)


def inverted(matrix: Tensor) -> Tensor:
    """Invert a map.

    Args:
        matrix: shape ``[batch, 2, 3]``, invertible.

    Returns:
        The same shape.
    """
    (xx, xy, x), (yx, yy, y) = (row.unbind(1) for row in matrix.unbind(1))
    area = xx * yy - xy * yx
    xx, xy, yx, yy = yy / area, -xy / area, -yx / area, xx / area
    return matrices(xx, xy, -(xx * x + xy * y), yx, yy, -(yx * x + yy * y))
