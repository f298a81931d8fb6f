"""Maps of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multitask.errors import InputError
from multitask.images.decoding import UnusableImage
from multitask.images.maps.base import MapCoding, Values
from multitask.images.maps.map_file import UNREADABLE, read_map

NUMBERS = 2
"""Number of axes of an array without channels."""


class NumberMap(MapCoding):
    """A map of numbers: a grey image of 8 or 16 bits, a TIFF of floats, or an array.

    Targets have shape ``[batch, height, width]``, or ``[batch, size, height, width]`` if ``size``
    is more than 1, float32, NaN if they are missing or not finite in the file. Resizing an image
    does not change the values.

    Args:
        size: number of values per pixel; the last or the first axis of an array.
        scale: factor for the values in the file.
        offset: added after scaling.
        missing: values in the file that mark missing pixels.

    Raises:
        InputError: if the size or the scale is invalid.
    """

    def __init__(
        self,
        size: int = 1,
        scale: float = 1.0,
        offset: float = 0.0,
        missing: list[float] | None = None,
    ) -> None:
        if size < 1:
            raise InputError(f"{type(self).__name__}: size is {size}; give 1 or more")
        if not (np.isfinite(scale) and scale != 0 and np.isfinite(offset)):
            raise InputError(
                f"{type(self).__name__}: scale is {scale:g} and offset {offset:g}; give a finite "
                "scale other than 0, and a finite offset"
            )
        self.size, self.scale, self.offset, self.missing = size, scale, offset, missing

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    @property
    def channels(self) -> int | None:
        return self.size if self.size > 1 else None

    def read(self, file: Path) -> Values:
        found = channels_first(read_map(file), self.size)
        gone = ~np.isfinite(found)
        for each in self.missing or ():
            gone |= found == each
        # Values that are too large become infinite, and are missing like other infinite values.
        with np.errstate(over="ignore", invalid="ignore"):
            values = found.astype(np.float64) * self.scale + self.offset
            return np.where(gone, np.nan, values).astype(np.float32)


def channels_first(found: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Move the channels of a map to the first axis.

    Args:
        found: shape ``[height, width]``, ``[height, width, size]`` or ``[size, height, width]``.
        size: number of values per pixel.

    Returns:
        Shape ``[size, height, width]``.

    Raises:
        UnusableImage: if the number of values per pixel differs.
    """
    if found.ndim == NUMBERS:
        found = found[:, :, None]
    if found.shape[2] != size and found.shape[0] == size:
        return found
    if found.shape[2] != size:
        raise UnusableImage(
            UNREADABLE,
            f"it contains numbers of shape {list(found.shape)}, but there should be {size} for "
            "each pixel",
        )
    return found.transpose(2, 0, 1)
