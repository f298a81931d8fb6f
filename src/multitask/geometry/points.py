"""Points mapped by matrices."""

from __future__ import annotations

import torch
from torch import Tensor


def mapped(points: Tensor, matrix: Tensor) -> Tensor:
    """Move points; a missing coordinate affects only the results that depend on it.

    Args:
        points: x and y, shape ``[batch, points, 2]``, NaN where missing.
        matrix: shape ``[batch, 2, 3]``.

    Returns:
        The shape of ``points``.
    """
    return weighed(matrix[:, None, :, :2], points) + matrix[:, None, :, 2]


def weighed(linear: Tensor, points: Tensor) -> Tensor:
    """Multiply points by matrices; a missing value counts only if its factor is not 0.

    Args:
        linear: shape ``[batch, 1, 2, 2]``.
        points: x and y, shape ``[batch, points, 2]``, NaN where missing.

    Returns:
        The shape of ``points``.
    """
    return torch.where(linear == 0, 0, linear * points.unsqueeze(2)).sum(3)
