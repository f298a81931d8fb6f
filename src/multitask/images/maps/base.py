"""The base class of all codings of maps."""

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
    """Defines how a file encodes a map, and how it becomes a target.

    A subclass is given by its class path, as in ``map: multitask.images.maps.DepthMap``. Its
    attributes must have the names of its constructor's parameters, so that a checkpoint can
    describe it.
    """

    @property
    @abstractmethod
    def stored(self) -> np.dtype[Any]:
        """The dtype on disk; floating values are NaN if missing."""

    @property
    def channels(self) -> int | None:
        """Number of channels of the target; None for targets ``[batch, height, width]``."""
        return None

    @abstractmethod
    def read(self, file: Path) -> Values:
        """Read a file in its original size.

        Args:
            file: PNG, TIFF or ``.npy``.

        Returns:
            Shape ``[channels or 1, height, width]``, with dtype `stored`.

        Raises:
            UnusableImage: of kind ``unreadable_map``, or ``unknown_class`` if a pixel has an
                unknown class.
            OSError: if the system cannot read the file.
        """

    def finished(self, values: Values) -> Values:
        """Post-process a map after resizing; by default, return it unchanged.

        Args:
            values: see `read`.
        """
        return values

    def as_target(self, values: Tensor) -> Tensor:
        """Convert stored values to targets: int64 for integers other than bytes.

        Args:
            values: shape ``[batch, height, width]`` or ``[batch, channels, height, width]``.
        """
        is_wide = values.dtype not in (torch.uint8, torch.float32)
        return values.long() if is_wide else values

    @property
    def mark(self) -> float | int:
        """The value that marks a missing pixel in stored maps."""
        return np.nan

    @property
    def class_names(self) -> list[str] | None:
        """The class names; None if the map does not contain classes, or they have no names."""
        return None

    def geometry(self) -> Geometry:
        """How such a map follows if an augmentation moves image content."""
        return PixelMap()
