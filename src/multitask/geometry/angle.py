"""Targets that are directions in the image."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry


class Angle(Geometry):
    """An angle in degrees, clockwise, that rotates and is mirrored with the image.

    The result is from -180 to 180, even if an image was not rotated.

    Args:
        zero: direction of an angle of 0, ``up`` or ``right``.
    """

    def __init__(self, zero: Literal["up", "right"] = "up") -> None:
        if zero not in ("up", "right"):
            raise InputError(f"zero is {zero!r}; give 'up' or 'right'")
        self.zero = zero

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        # Clockwise from the right, because y points down.
        quarter = math.pi / 2 if self.zero == "up" else 0.0
        radians = target * (math.pi / 180) - quarter
        linear = matrix[:, :, :2] if target.ndim == 1 else matrix[:, :, :2, None]
        cosine, sine = radians.cos(), radians.sin()
        x = linear[:, 0, 0] * cosine + linear[:, 0, 1] * sine
        y = linear[:, 1, 0] * cosine + linear[:, 1, 1] * sine
        degrees = (_clockwise_from_right(x, y) + quarter) * (180 / math.pi)
        return torch.where(degrees > 180, degrees - 360, degrees)


def _clockwise_from_right(x: Tensor, y: Tensor) -> Tensor:
    # Not atan2, whose last digit depends on the number of samples.
    half = (y / ((x * x + y * y).sqrt() + x.abs())).atan()
    return torch.where(x >= 0, 2 * half, math.pi * torch.where(y < 0, -1, 1) - 2 * half)
