"""Random rectangles within an image."""

from __future__ import annotations

import math

from torch import Tensor

BOX_DRAWS = 4


def random_box(
    draws: Tensor,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Choose a rectangle of whole pixels for each sample.

    Args:
        draws: shape ``[batch, 4]``, uniform in [0, 1).
        height: height of the image in pixels.
        width: width of the image in pixels.
        scale: smallest and largest area, as a fraction of the image's area.
        ratio: smallest and largest ratio of width to height; uniform on a logarithmic scale.

    Returns:
        Left, top, width and height in pixels, each of shape ``[batch]``, float32. A rectangle that
        would be wider or higher than the image is clipped to it.
    """
    for_area, for_ratio, for_left, for_top = draws.unbind(1)
    area = height * width * (scale[0] + (scale[1] - scale[0]) * for_area)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    shape = (low + (high - low) * for_ratio).exp()
    box_width = (area * shape).sqrt().round().clamp(1, width)
    box_height = (area / shape).sqrt().round().clamp(1, height)
    left = (for_left * (width - box_width + 1)).floor()
    top = (for_top * (height - box_height + 1)).floor()
    return left, top, box_width, box_height
