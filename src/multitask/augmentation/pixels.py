"""Conversion of pixels to floating point and back."""

from __future__ import annotations

import torch
from torch import Tensor


def to_floats(images: Tensor) -> Tensor:
    """Convert images to the range from 0 to 1, in float32 or better.

    Args:
        images: uint8 or floating from 0 to 1, any shape.
    """
    if images.dtype == torch.uint8:
        return images.float() / 255
    return images.to(torch.promote_types(images.dtype, torch.float32))


def to_type_of(images: Tensor, floats: Tensor) -> Tensor:
    """Convert changed images back to their original dtype.

    Args:
        images: the original images.
        floats: the changed images, from 0 to 1.
    """
    if images.dtype == torch.uint8:
        return (floats * 255).round().to(torch.uint8)
    return floats.to(images.dtype)


def fill_value(images: Tensor, brightness: float) -> float:
    """Return the pixel value of a brightness, in the dtype of the images.

    Args:
        images: uint8 or floating.
        brightness: from 0 to 1.
    """
    return round(255 * brightness) if images.dtype == torch.uint8 else brightness
