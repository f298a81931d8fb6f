"""Colour images stored as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multitask.images.decoding import UnusableImage
from multitask.images.maps.base import MapCoding, Values
from multitask.images.maps.map_file import UNREADABLE, read_map
from multitask.images.maps.number_map import channels_first

COLOURS = 3


class ImageArray(MapCoding):
    """A colour image stored as an array of floats from 0 to 1, or of bytes, converted to bytes.

    It is stored like an image, shape ``[batch, 3, height, width]``, uint8.
    """

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def channels(self) -> int:
        return COLOURS

    def read(self, file: Path) -> Values:
        found = channels_first(read_map(file), COLOURS)
        if found.dtype == np.uint8:
            return found.astype(np.float32)
        if found.dtype.kind != "f":
            raise UnusableImage(
                UNREADABLE, f"its colours are {found.dtype}; give floats from 0 to 1, or bytes"
            )
        if not (np.isfinite(found).all() and found.min() >= -0.01 and found.max() <= 1.01):
            raise UnusableImage(
                UNREADABLE, f"its colours are {found.min():g} to {found.max():g}; give 0 to 1"
            )
        return found.astype(np.float32) * 255

    def finished(self, values: Values) -> Values:
        # The padding of an image is black.
        return np.nan_to_num(values).round().clip(0, 255).astype(np.uint8)
