"""Resizing, cropping and padding."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from multitask.images.format import ImageFormat, Size

Pixels = np.ndarray[Any, Any]
BILINEAR = Image.Resampling.BILINEAR


def inner_size(size: Size, format: ImageFormat) -> Size:
    """Return height and width of the resized image, without padding."""
    if format.fit != "pad":
        return format.height, format.width
    scale = min(format.height / size[0], format.width / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def fitted(image: Any, inner: Size, format: ImageFormat) -> Pixels:
    """Resize a Pillow image to the size of the format.

    Args:
        image: an image of any size, with mode ``L``, ``RGB`` or ``F``.
        inner: see `inner_size`.
        format: the format to convert to.

    Returns:
        Shape ``[1 or 3, height, width]``, uint8, or float32 for mode ``F``.
    """
    if format.fit == "crop":
        # PyTorch cannot crop at a fraction of a pixel.
        box = _largest_box(image, format)
        size = format.width, format.height
        return _channels_first(image.resize(size, BILINEAR, box))
    pixels = _resized(_channels_first(image), inner)
    if inner == (format.height, format.width):
        return pixels
    canvas = np.zeros((len(pixels), format.height, format.width), pixels.dtype)
    top, left = (format.height - inner[0]) // 2, (format.width - inner[1]) // 2
    canvas[:, top : top + inner[0], left : left + inner[1]] = pixels
    return canvas


def _largest_box(image: Any, format: ImageFormat) -> tuple[float, float, float, float]:
    """Return the largest central part with the desired aspect ratio: left, top, right, bottom."""
    width, height = image.size
    scale = min(width / format.width, height / format.height)
    left = max(0.0, (width - scale * format.width) / 2)
    top = max(0.0, (height - scale * format.height) / 2)
    return left, top, width - left, height - top


def _channels_first(image: Any) -> Pixels:
    # A writable copy, as PyTorch requires.
    pixels = np.array(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _resized(pixels: Pixels, size: Size) -> Pixels:
    if pixels.shape[1:] == size:
        return pixels
    try:
        import torch
        from torch.nn.functional import interpolate
    except ImportError:
        # An exported model is used without PyTorch.
        return _resized_by_pillow(pixels, size)
    # For colours several times as fast as Pillow, with results that differ by at most 1.
    images = torch.from_numpy(pixels).unsqueeze(0)
    return interpolate(images, size, mode="bilinear", antialias=True)[0].numpy()


def _resized_by_pillow(pixels: Pixels, size: Size) -> Pixels:
    channels = [Image.fromarray(each).resize(size[::-1], BILINEAR) for each in pixels]
    return np.stack([np.asarray(each) for each in channels])
