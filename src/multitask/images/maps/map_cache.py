"""A cache of maps that were read and resized, which are then read from one file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.checkpoints.recipe import recipe
from multitask.images.cache import ImageCache
from multitask.images.cache_state import Order
from multitask.images.decoding import UnusableImage
from multitask.images.digest import FileDigests
from multitask.images.format import ImageFormat, Size
from multitask.images.maps.base import MapCoding
from multitask.images.maps.map_file import UNREADABLE
from multitask.images.maps.map_fitting import check_size, fitted_map

MAP_VERSION = 2
"""Version of reading and storing maps; a new version creates new caches."""


class MapCache(ImageCache):
    """Map files as numbers of one size, stored on disk; see `ImageCache`.

    Args:
        files: the map files.
        sizes: height and width of each map's image before resizing, ``[files, 2]``, int64.
        coding: how maps are encoded in the files.
        format: the format that the images are converted to.
        folder: folder of all caches.
        limit_gigabytes: largest size; larger caches are refused.
    """

    def __init__(
        self,
        files: Sequence[Path | str],
        sizes: Tensor,
        coding: MapCoding,
        format: ImageFormat,
        folder: Path | str | None = None,
        limit_gigabytes: float = 100.0,
    ) -> None:
        super().__init__(files, format, folder, limit_gigabytes)
        self.image_sizes, self.coding = sizes.numpy(), coding

    def build(self) -> None:
        super().build()
        # The digests report unreadable files as images, not as maps.
        self.problems = {
            place: UnusableImage(UNREADABLE, each.reason)
            if each.kind == "unreadable_image"
            else each
            for place, each in self.problems.items()
        }

    def read(self, rows: Tensor) -> Tensor:
        """Read maps after the cache has been built.

        Args:
            rows: indices in ``files``, ``[batch]``, int64.

        Returns:
            Shape ``[batch, height, width]``, or with channels after the batch axis, see
            `MapCoding`.
        """
        values = super().read(rows).numpy().view(self.coding.stored)
        found = self.coding.as_target(torch.from_numpy(values))
        return found.squeeze(1) if self.coding.channels is None else found

    def missing(self, count: int) -> Tensor:
        """Return maps in which all pixels are missing.

        Args:
            count: number of them.

        Returns:
            As for `read`.
        """
        channels = () if self.coding.channels is None else (self.coding.channels,)
        shape = (count, *channels, self.format.height, self.format.width)
        return self.coding.as_target(
            torch.from_numpy(np.full(shape, self.coding.mark, self.coding.stored))
        )

    def _order(self, digests: FileDigests) -> Order:
        given = (self.folder, self.files, digests, self.format, self.limit_gigabytes)
        return _MapOrder(*given, coding=self.coding, sizes=self.image_sizes)


@dataclass(frozen=True)
class _MapOrder(Order):
    coding: MapCoding
    sizes: np.ndarray[Any, Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        bytes_each = self.coding.stored.itemsize
        return self.coding.channels or 1, self.format.height, self.format.width * bytes_each

    @property
    def items(self) -> str:
        return "maps"

    @property
    def settings(self) -> dict[str, Any]:
        # The position of a pixel also depends on the size of its image.
        sizes = hashlib.sha256(np.ascontiguousarray(self.sizes).tobytes()).hexdigest()
        own = {"map": recipe(self.coding), "map_version": MAP_VERSION, "image_sizes": sizes}
        return {**super().settings, **own}

    def decode(self, place: int) -> tuple[np.ndarray, Size]:
        values = self.coding.read(Path(self.files[place]))
        height, width = values.shape[1:]
        image = int(self.sizes[place, 0]), int(self.sizes[place, 1])
        check_size((height, width), image)
        fitted = self.coding.finished(fitted_map(values, image, self.format, self.coding.mark))
        return np.ascontiguousarray(fitted, self.coding.stored).view(np.uint8), (height, width)
