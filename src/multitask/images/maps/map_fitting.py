"""Resizing of maps to the size of their images."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from multitask.images.decoding import UnusableImage
from multitask.images.format import ImageFormat, Size
from multitask.images.resizing import resizing_matrices

Values = np.ndarray[Any, Any]
OTHER_SIZE = "other_size_map"
CLOSE = 0.01
"""Relative tolerance of the aspect ratios of a map and its image, in addition to rounding."""
ENOUGH = 0.5
"""Fraction of the weights of known pixels from which a number counts as known."""


def check_size(size: Size, image: Size) -> None:
    """Refuse a map that does not match its image.

    Args:
        size: height and width of the map.
        image: height and width of the image before resizing.

    Raises:
        UnusableImage: if their aspect ratios differ.
    """
    # Half a pixel of rounding for the coarser of the two.
    allowed = CLOSE + 0.5 / min(*size, *image)
    if size != image and abs(np.log(size[0] * image[1] / (size[1] * image[0]))) > allowed:
        raise UnusableImage(
            OTHER_SIZE,
            f"it has {size[0]} x {size[1]} pixels, but its image has {image[0]} x {image[1]}; a "
            "map must have the size of its image, or the same aspect ratio",
        )


def fitted_map(values: Values, image: Size, format: ImageFormat, missing: float | int) -> Values:
    """Resize, crop or pad a map like its image.

    A class is taken from the nearest pixel. A number is the mean of the known pixels, with the
    weights used for resizing images; it is missing if less than half of the weights belong to known
    pixels. Pixels outside the image are missing.

    Args:
        values: shape ``[channels, height, width]``; floating values are NaN if missing.
        image: height and width of the image before resizing.
        format: the format that the image is converted to.
        missing: value that marks a missing pixel.

    Returns:
        Shape ``[channels, format.height, format.width]``, with the same dtype.
    """
    before = torch.tensor([image])
    matrix = resizing_matrices(before, format)[0].tolist()
    (across, _, left), (_, down, top) = matrix
    rows = (values.shape[1], format.height, down * image[0] / values.shape[1], top)
    columns = (values.shape[2], format.width, across * image[1] / values.shape[2], left)
    if values.dtype.kind != "f":
        at_rows, at_columns = _nearest(*rows), _nearest(*columns)
        found = values[:, at_rows.clip(0)][:, :, at_columns.clip(0)]
        found[:, at_rows < 0] = missing
        found[:, :, at_columns < 0] = missing
        return found
    row_weights, column_weights = _weights(*rows), _weights(*columns)
    # A pixel is known if all of its channels are.
    known = np.isfinite(values).all(0)
    weight = row_weights @ known.astype(np.float32) @ column_weights.T
    sums = row_weights @ np.where(known, values, 0).astype(np.float32) @ column_weights.T
    enough = weight >= ENOUGH
    return np.where(enough, sums / np.where(enough, weight, 1), missing).astype(values.dtype)


def _nearest(size: int, wanted: int, scale: float, shift: float) -> np.ndarray[Any, Any]:
    """Return the source pixel of each new pixel's centre along a side; -1 if it is outside."""
    places = np.floor((np.arange(wanted) + 0.5 - shift) / scale).astype(np.int64)
    return np.where((places >= 0) & (places < size), places, -1)


@lru_cache(maxsize=16)
def _weights(size: int, wanted: int, scale: float, shift: float) -> np.ndarray[Any, Any]:
    """Return the weight of each old pixel of a side in each new one, ``[wanted, size]``, float32.

    The triangle filter used for resizing images: bilinear if they are enlarged, and as wide as the
    new pixels if they are reduced.
    """
    middles = (np.arange(wanted)[:, None] + 0.5 - shift) / scale
    distance = np.abs(np.arange(size)[None] + 0.5 - middles) / max(1.0, 1 / scale)
    weights = np.clip(1 - distance, 0, None)
    total = weights.sum(1, keepdims=True)
    weights /= np.where(total > 0, total, 1)
    weights[((middles < 0) | (middles > size))[:, 0]] = 0
    return weights.astype(np.float32)
