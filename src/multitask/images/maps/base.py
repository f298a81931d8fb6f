"""What all codings of maps share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.geometry import Geometry, PixelMap

Values = np.ndarray[Any, Any]


class MapCoding(ABC):
    """How a file holds a map, and what becomes of it.

    A subclass is found by its class path, as in ``map: multitask.images.maps.DepthMap``. Its
    attributes are named like the parameters of its constructor, so that a checkpoint can tell it.
    """

    @property
    @abstractmethod
    def stored(self) -> np.dtype[Any]:
        """How a number is stored on the disk; floating numbers are NaN where missing."""

    @property
    def channels(self) -> int | None:
        """Channels of the target; None if it has no such axis, ``[batch, height, width]``."""
        return None

    @abstractmethod
    def read(self, file: Path) -> Values:
        """Read a file in its own size.

        Args:
            file: PNG, TIFF or ``.npy``.

        Returns:
            Shape ``[channels or 1, height, width]``, of the type `stored`.

        Raises:
            UnusableImage: of the kind ``unreadable_map``, or ``unknown_class`` if a pixel has none
                of the classes.
            OSError: if the system does not hand over the file.
        """

    def finished(self, values: Values) -> Values:
        """What becomes of a map once it has its size; by default nothing.

        Args:
            values: see `read`.
        """
        return values

    def as_target(self, values: Tensor) -> Tensor:
        """What the data hand out of what is stored: int64 for whole numbers other than bytes.

        Args:
            values: shape ``[batch, height, width]`` or ``[batch, channels, height, width]``.
        """
        is_wide = values.dtype not in (torch.uint8, torch.float32)
        return values.long() if is_wide else values

    @property
    def mark(self) -> float | int:
        """What marks a missing pixel in what is stored."""
        return np.nan

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes; None if the map does not hold classes, or they have none."""
        return None

    def geometry(self) -> Geometry:
        """How such a map follows where an augmentation moves what its image shows."""
        return PixelMap()
