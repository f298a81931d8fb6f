"""Resizing, cropping and padding."""

from __future__ import annotations

from typing import Any

from PIL import Image

from multitask.images.format import ImageFormat, Size


def inner_size(size: Size, format: ImageFormat) -> Size:
    """Height and width of the resized image, without padding."""
    if format.fit != "pad":
        return format.height, format.width
    scale = min(format.height / size[0], format.width / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def fitted(image: Any, inner: Size, format: ImageFormat) -> Any:
    """A Pillow image in the size of the format.

    Args:
        image: of any size.
        inner: see `inner_size`.
        format: what it becomes.
    """
    height, width = inner
    whole = (0, 0, *image.size)
    box = _largest_box(image, format) if format.fit == "crop" else whole
    if (width, height) != image.size or box != whole:
        image = image.resize((width, height), Image.Resampling.BILINEAR, box)
    if inner == (format.height, format.width):
        return image
    canvas = Image.new(image.mode, (format.width, format.height))
    canvas.paste(image, ((format.width - width) // 2, (format.height - height) // 2))
    return canvas


def _largest_box(image: Any, format: ImageFormat) -> tuple[float, float, float, float]:
    """The largest part in the middle with the wanted ratio of sides: left, top, right, bottom."""
    width, height = image.size
    scale = min(width / format.width, height / format.height)
    left = max(0.0, (width - scale * format.width) / 2)
    top = max(0.0, (height - scale * format.height) / 2)
    return left, top, width - left, height - top
