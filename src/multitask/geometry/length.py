"""Targets that are lengths in the image."""

from __future__ import annotations

from torch import Tensor

from multitask.geometry.base import Geometry


class Length(Geometry):
    """Pixels, times the root of how much larger the image's areas become.

    Where an image is stretched in one direction more than in another, this is the mean over all
    directions in the geometric sense.
    """

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        factor = determinant(matrix).abs().sqrt()
        return target * (factor if target.ndim == 1 else factor.unsqueeze(1))


def determinant(matrix: Tensor) -> Tensor:
    """How much larger areas become, negative where the image is mirrored.

    Args:
        matrix: shape ``[batch, 2, 3]``.

    Returns:
        Shape ``[batch]``.
    """
    return matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
