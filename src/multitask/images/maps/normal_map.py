"""Maps of surface normals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multitask.errors import InputError
from multitask.geometry import Geometry, Normals
from multitask.images.decoding import UnusableImage
from multitask.images.maps.base import MapCoding, Values
from multitask.images.maps.map_file import UNREADABLE, read_map
from multitask.images.maps.number_map import channels_first

AXES = 3
HALF = 0.5
"""Length below which a vector is not a normal; encoded normals differ from 1 by at most 0.01."""


class NormalMap(MapCoding):
    """A map of surface normals: an image whose colours are (x, y, z), or an array of vectors.

    The values c of an image of 8 or 16 bits mean 2 c / 255 - 1 or 2 c / 65535 - 1; those of an
    array of floats are used directly. Targets have shape ``[batch, 3, height, width]``, float32:
    unit vectors with x to the right, y down and z towards the camera, NaN if missing. A vector
    whose length is below 0.5, such as (0, 0, 0), is missing.

    Args:
        signs: factors of 1 or -1 that convert x, y and z of the file to these directions, such as
            ``[1, -1, 1]`` if y points up in the file.
        black: whether the colour black marks missing pixels; as a vector it is (-1, -1, -1), which
            is never the normal of a visible surface.

    Raises:
        InputError: if ``signs`` are not three values of 1 or -1.
    """

    def __init__(self, signs: list[int] | None = None, black: bool = True) -> None:
        if signs is not None and (len(signs) != AXES or any(abs(each) != 1 for each in signs)):
            raise InputError(f"NormalMap: signs is {signs}; give three of 1 and -1, for x, y and z")
        self.signs, self.black = signs, black

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    @property
    def channels(self) -> int:
        return AXES

    def read(self, file: Path) -> Values:
        found = read_map(file)
        if found.ndim == AXES and found.shape[2] == AXES + 1 and found.dtype == np.uint8:
            found = found[..., :AXES]
        vectors = channels_first(found, AXES)
        if vectors.dtype.kind == "f":
            values = vectors.astype(np.float32)
        elif vectors.dtype in (np.uint8, np.uint16):
            values = vectors.astype(np.float32) * np.float32(2 / np.iinfo(vectors.dtype).max) - 1
        else:
            raise UnusableImage(
                UNREADABLE, f"its numbers are {vectors.dtype}; give floats, or 8 or 16 bits"
            )
        if self.black:
            values[:, (values == -1).all(0)] = np.nan
        signs = np.array(self.signs or [1, 1, 1], np.float32)
        return self.finished(values * signs[:, None, None])

    def finished(self, values: Values) -> Values:
        length = np.sqrt((values * values).sum(0))
        with np.errstate(invalid="ignore"):
            is_normal = length >= HALF
        return np.where(is_normal, values / np.where(is_normal, length, 1), np.nan).astype(
            np.float32
        )

    def geometry(self) -> Geometry:
        return Normals()
