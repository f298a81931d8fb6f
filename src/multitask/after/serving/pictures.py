"""Maps as pictures for a page."""

from __future__ import annotations

import colorsys
from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

Values = np.ndarray[Any, Any]
GOLDEN = 0.618033988749895
DARK_TO_BRIGHT = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64
)
"""Colours of increasing brightness, distinguishable by people with red-green blindness."""
UNKNOWN = 128


def class_colours(classes: int) -> Values:
    """A colour for each class, with different neighbours.

    Args:
        classes: number of classes.

    Returns:
        Shape ``[classes, 3]``, uint8.
    """
    found = [
        colorsys.hsv_to_rgb(place * GOLDEN % 1, 0.55 + 0.2 * (place % 2), 0.95 - 0.1 * (place % 4))
        for place in range(classes)
    ]
    return np.round(np.array(found) * 255).astype(np.uint8)


def in_colours(values: Values) -> Values:
    """Convert numbers to colours, from dark for the smallest to bright for the largest.

    Args:
        values: shape ``[height, width]``, floating; values that are not finite are grey.

    Returns:
        Shape ``[height, width, 3]``, uint8.
    """
    is_known = np.isfinite(values)
    known = values[is_known]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    # Halve the values first, since the difference of two numbers may overflow.
    share = (values / 2 - low / 2) / ((high / 2 - low / 2) or 1)
    places = np.where(is_known, share, 0) * (len(DARK_TO_BRIGHT) - 1)
    stops = np.arange(len(DARK_TO_BRIGHT))
    channels = [np.interp(places, stops, DARK_TO_BRIGHT[:, each]) for each in range(3)]
    pixels = np.where(is_known[..., None], np.stack(channels, -1), UNKNOWN)
    return np.round(pixels).astype(np.uint8)


def picture(pixels: Values) -> str:
    """Encode a picture as a data URL.

    Args:
        pixels: uint8, shape ``[height, width]`` or ``[height, width, 3]``.
    """
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def npy(values: Values) -> str:
    """An array as the content of a ``.npy`` file, in Base64."""
    file = BytesIO()
    np.save(file, values, allow_pickle=False)
    return b64encode(file.getvalue()).decode()
