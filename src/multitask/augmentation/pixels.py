"""Pixels as numbers to compute with, and back."""

from __future__ import annotations

import torch
from torch import Tensor


def to_floats(images: Tensor) -> Tensor:
    """Take images from 0 to 1, in float32 or better.

    Args:
        images: uint8 or floating from 0 to 1, any shape.
    """
    if images.dtype == torch.uint8:
        return images.float() / 255
    return images.to(torch.promote_types(images.dtype, torch.float32))


def to_type_of(images: Tensor, floats: Tensor) -> Tensor:
    """Give changed images the dtype that they had.

    Args:
        images: the images before.
        floats: from 0 to 1.
    """
    if images.dtype == torch.uint8:
        return (floats * 255).round().to(torch.uint8)
    return floats.to(images.dtype)


def fill_value(images: Tensor, brightness: float) -> float:
    """What stands for a brightness in images.

    Args:
        images: uint8 or floating.
        brightness: from 0 to 1.
    """
    return round(255 * brightness) if images.dtype == torch.uint8 else brightness
