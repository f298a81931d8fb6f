"""Points mapped by matrices."""

from __future__ import annotations

import torch
from torch import Tensor


def mapped(points: Tensor, matrix: Tensor) -> Tensor:
    """Move points; a coordinate that is missing does not hide one that does not need it.

    Args:
        points: x and y, shape ``[batch, points, 2]``, NaN where missing.
        matrix: shape ``[batch, 2, 3]``.

    Returns:
        The shape of ``points``.
    """
    linear = matrix[:, None, :, :2]
    parts = torch.where(linear == 0, 0, linear * points.unsqueeze(2))
    return parts.sum(3) + matrix[:, None, :, 2]
