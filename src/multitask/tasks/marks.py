"""Boxes and points drawn on the image of a sample."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

LEAST_SIDE = 192
"""Length in pixels to which the shorter side of small images is enlarged, for thin lines."""
TARGET, PREDICTION = (0, 200, 120), (255, 120, 0)
EDGE = (0, 0, 0)
LINE = 2
TARGETS = "target green"
WORDS = f"{TARGETS}, predicted orange"


class Marks:
    """A copy of an image with targets in green and predictions in orange.

    Args:
        picture: values from 0 to 1, shape ``[height, width]``, or ``[height, width, channels]``
            with three or four channels.
    """

    def __init__(self, picture: Tensor) -> None:
        pixels = (255 * picture[..., :3].clamp(0, 1)).round().byte().cpu().numpy()
        if picture.ndim == 2:
            pixels = (255 * picture.clamp(0, 1)).round().byte().cpu().numpy()
        height, width = pixels.shape[:2]
        self.scale = max(1, -(-LEAST_SIDE // min(height, width)))
        size = (width * self.scale, height * self.scale)
        self._image = Image.fromarray(pixels).convert("RGB").resize(size, Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self._image)
        # A drawing library takes very long for places far outside the image.
        self._furthest = 4.0 * max(size)

    def box(self, corners: Tensor, is_target: bool) -> None:
        """Draw a box, unless a side is missing.

        Args:
            corners: left, top, right and bottom in pixels of the image, shape ``[4]``.
            is_target: whether it is a target rather than a prediction.
        """
        if (places := self._places(corners)) is None:
            return
        left, top, right, bottom = places
        for width, colour in ((2 * LINE, EDGE), (LINE, _colour(is_target))):
            ends = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
            self._draw.line(ends, colour, width)

    def points(self, points: Tensor, is_target: bool) -> None:
        """Draw a ring for each target, or a cross for each prediction, unless it is missing.

        Args:
            points: x and y in pixels of the image, side by side, shape ``[2 * points]``.
            is_target: whether they are targets rather than predictions.
        """
        for point in points.reshape(-1, 2):
            if (places := self._places(point)) is None:
                continue
            x, y = places
            for width, colour in ((2 * LINE, EDGE), (LINE, _colour(is_target))):
                if is_target:
                    self._draw.ellipse((x - 6, y - 6, x + 6, y + 6), None, colour, width)
                else:
                    self._draw.line((x - 5, y - 5, x + 5, y + 5), colour, width)
                    self._draw.line((x - 5, y + 5, x + 5, y - 5), colour, width)

    @property
    def picture(self) -> Tensor:
        """The image with all marks, from 0 to 1, shape ``[height, width, 3]``, float32."""
        return torch.from_numpy(np.asarray(self._image).copy()).float() / 255

    def _places(self, values: Tensor) -> list[float] | None:
        numbers = values.double() * self.scale
        if not bool(numbers.isfinite().all()):
            return None
        return numbers.clamp(-self._furthest, self._furthest).tolist()


def _colour(is_target: bool) -> tuple[int, int, int]:
    return TARGET if is_target else PREDICTION
