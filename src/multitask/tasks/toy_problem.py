"""The toy problem of the balancing methods: two losses of a point in the plane.

Liu et al., 2021 (CAGrad, arXiv 2110.14048); the version with one smaller loss, and the starting
points, are from Navon et al., 2022 (Nash-MTL, arXiv 2202.01017).
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

ON_FRONT = 0.1
"""Distance from the Pareto front within which a point counts as on it."""


def toy_loss(points: Tensor, mirrored: bool = False) -> Tensor:
    """One of the two losses, each a valley that leads to a common floor.

    It is above -20; the other loss is its mirror image, with the first coordinate negated.

    Args:
        points: shape ``[..., 2]``, floating.
        mirrored: whether to return the second loss instead of the first.

    Returns:
        The loss at each point, shape ``[...]``, of the same dtype.
    """
    x1, x2 = points[..., 0], points[..., 1]
    x1 = -x1 if mirrored else x1
    slope = ((x1 + 7) / 2 + torch.tanh(-x2)).abs().clamp(min=5e-6).log() + 6
    floor = ((x1 - 7) ** 2 + 0.1 * (x2 + 8) ** 2) / 10 - 20
    return _positive_tanh(x2 / 2) * slope + _positive_tanh(-x2 / 2) * floor


def _positive_tanh(values: Tensor) -> Tensor:
    # Its derivative at 0 must be 1, or the start (0, 0) never moves; that of clamp depends on
    # torch.
    return torch.where(values >= 0, values.tanh(), 0)


@cache
def toy_front() -> Tensor:
    """Points along the Pareto front, which does not depend on the scales of the losses.

    It is where the gradient of ``w f1 + (1 - w) f2`` is zero, for ``w`` from 0 to 1.

    Returns:
        Shape ``[1001, 2]``, float64, from the minimum of the second loss to that of the first.
    """
    weights = torch.linspace(0, 1, 1001, dtype=torch.float64)
    x1 = 7 * (2 * weights - 1)
    floor = 19.6 * weights * (1 - weights) - 20
    x2 = torch.full_like(x1, -8)
    for _ in range(100):
        share = torch.tanh(-x2 / 2)
        x2 = -8 + 25 * (1 - share**2) / share * (floor + 0.01 * (x2 + 8) ** 2)
    return torch.stack([x1, x2], dim=-1)


def distance(points: Tensor, front: Tensor) -> Tensor:
    """Distance of points from the nearest point of a front.

    Args:
        points: shape ``[points, 2]``, floating.
        front: shape ``[front, 2]``.

    Returns:
        Shape ``[points]``, of the points' dtype.
    """
    # Matrix products, its default, would lose digits in single precision.
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(points, front.to(points), compute_mode=mode).amin(-1)
