"""Maps of depths."""

from __future__ import annotations

from multitask.geometry import Geometry, PixelMap
from multitask.images.maps.number_map import NumberMap


class DepthMap(NumberMap):
    """A depth map: a 16-bit grey image, a TIFF of floats, or an array.

    Targets have shape ``[batch, height, width]``, float32, NaN if missing. Augmentation divides
    depths by the factor by which it enlarges the image, as if the camera moved closer. For inverse
    depths or disparities, use `NumberMap` and ``follows``: a `multitask.geometry.PixelMap` with
    ``scaled`` 1.

    Args:
        scale: factor for the values in the file, such as 0.001 for millimetres.
        missing: values in the file that mark missing pixels.
    """

    def __init__(self, scale: float = 1.0, missing: list[float] | None = None) -> None:
        super().__init__(1, scale, 0.0, [0.0] if missing is None else missing)

    def geometry(self) -> Geometry:
        return PixelMap(scaled=-1)
