"""Targets that are lengths in the image."""

from __future__ import annotations

from torch import Tensor

from multitask.geometry.base import Geometry


class Length(Geometry):
    """A length in pixels, multiplied by the square root of the factor by which areas grow.

    If an image is stretched more in one direction than in another, this is the geometric mean over
    all directions.
    """

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        factor = determinant(matrix).abs().sqrt()
        return target * (factor if target.ndim == 1 else factor.unsqueeze(1))


def determinant(matrix: Tensor) -> Tensor:
    """Return the factor by which areas grow, negative if the image is mirrored.

    Args:
        matrix: shape ``[batch, 2, 3]``.

    Returns:
        Shape ``[batch]``.
    """
    return matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
